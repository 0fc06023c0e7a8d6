// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Fixtures
import Foundation

/// What one live identity costs in memory: each has had a working hour of ten requests and two logons.
enum StateBench {
    static func run(identities: Int) throws {
        let workload = try Workload()
        let plan = try workload.plan()
        let engine = Engine(plan: plan)
        let before = residentBytes()
        let start: Int64 = 1_795_000_000_000
        let operations = ["embeddings.create", "vectors.query", "vectors.query", "embeddings.create", "sql.query"]
        for step in 0..<12 {
            for identity in 0..<identities {
                let time = start + Int64(step) * 60_000 + Int64(identity % 50_000)
                let uid = String(format: "%08x-%04x-4000-8000-%012x", identity, step, identity)
                let body =
                    step % 6 == 0
                    ? "\"class_uid\":3002,\"activity_id\":1,\"status_id\":\(step == 0 ? 2 : 1),\"user\":{\"uid\":\"p-\(identity)\"}"
                    : "\"class_uid\":6003,\"status_id\":1,\"actor\":{\"user\":{\"uid\":\"p-\(identity)\"}},\"api\":{\"operation\":\"\(operations[step % 5])\"},\"unmapped\":{\"items\":3}"
                let json = Array("{\"metadata\":{\"uid\":\"\(uid)\"},\"time\":\(time),\(body)}".utf8)
                try json.withUnsafeBytes { bytes in
                    try engine.process(plan.decoder.decode(bytes, fallbackUID: .missing))
                }
            }
        }
        let size = engine.size()
        let resident = residentBytes() - before
        say("state, \(identities) live identities with an hour of 12 events each")
        row("  counted by the engine", "\(size.bytes / identities) bytes per identity, \(size.cells) windows")
        row("  growth of resident memory", "\(resident / identities) bytes per identity  (budget 1 kB)")
        say("")
    }

    /// Resident memory of the process (proc(5), statm: the second number, in pages).
    private static func residentBytes() -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }
}
