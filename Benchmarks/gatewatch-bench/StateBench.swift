// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Fixtures
import Foundation

/// What one live identity costs in memory, and how long its state takes to disk and back: each has had a working hour of ten
/// requests and two logons.
enum StateBench {
    private static let start: Int64 = 1_795_000_000_000
    private static let operations = [
        "embeddings.create", "vectors.query", "vectors.query", "embeddings.create", "sql.query",
    ]

    static func run(identities: Int, store makeStore: ((String) throws -> any StateStore)? = nil) throws {
        let workload = try Workload()
        let plan = try workload.plan()
        let engine = Engine(plan: plan)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-bench-\(getpid())-state")
        defer { try? FileManager.default.removeItem(at: folder) }
        var store = try makeStore?("\(folder.path)/state.sqlite")
        let before = residentBytes()
        for step in 0..<12 {
            for identity in 0..<identities { try take(identity, step, plan, engine) }
        }
        let resident = residentBytes() - before
        let size = engine.size()
        say("state, \(identities) live identities with an hour of 12 events each")
        row("  counted by the engine", "\(size.bytes / identities) bytes per identity, \(size.cells) windows")
        row("  growth of resident memory", "\(resident / identities) bytes per identity  (budget 1 kB)")
        var parts: [String: (cells: Int, bytes: Int)] = [:]
        for (name, size) in engine.parts() {
            parts[name, default: (0, 0)].cells += size.cells + size.keys
            parts[name, default: (0, 0)].bytes += size.bytes
        }
        for (name, part) in parts.sorted(by: { $0.value.bytes > $1.value.bytes }) where part.bytes >= identities {
            let each = Double(part.bytes) / Double(identities)
            row("    \(name)", "\(format(each)) (\(format(Double(part.cells) / Double(identities), 2)) cells)")
        }
        guard store != nil else { return }
        // The pipeline writes what changed in a second; this is all of it at once.
        var began = DispatchTime.now().uptimeNanoseconds
        let changes = engine.takeChanges()
        try store?.commit(changes, newest: engine.newest)
        row("  all of it to SQLite, \(changes.count) rows", "\(format(seconds(since: began))) s")
        try store?.close()
        store = nil
        began = DispatchTime.now().uptimeNanoseconds
        let again = Engine(plan: plan)
        let opened = try makeStore?("\(folder.path)/state.sqlite")
        let left = try opened?.restore(again) ?? 0
        row("  back into a new engine after a restart", "\(format(seconds(since: began))) s  (budget 10 s)")
        let found = again.size()
        if found.cells != size.cells || left != 0 { say("  \(found.cells) of \(size.cells) windows came back") }
        say("")
    }

    private static func seconds(since began: UInt64) -> Double {
        Double(DispatchTime.now().uptimeNanoseconds - began) / 1e9
    }

    private static func take(_ identity: Int, _ step: Int, _ plan: DetectorPlan, _ engine: Engine) throws {
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

    /// Resident memory of the process (proc(5), statm: the second number, in pages).
    private static func residentBytes() -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }
}

/// Where the state goes; `PartitionStore` in `make bench`.
protocol StateStore {
    func commit(_ changes: [EngineChange], newest: Int64) throws
    /// Returns how many rows the engine could not use.
    func restore(_ engine: Engine) throws -> Int
    func close() throws
}
