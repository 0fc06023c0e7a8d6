// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detectors
import Foundation

/// Where inputs to begin with come from: the checkout and, where it is there, `../shared/data`.
package struct FuzzFiles: Sendable {
    /// The longest seed, in bytes.
    static let maximumSeed = 32 << 10

    let root: String

    /// - Parameter root: the folder of the checkout.
    package init(root: String) {
        self.root = root
    }

    func path(_ name: String) -> String { "\(root)/\(name)" }

    /// The shipped detectors with their calendar.
    func detectors() throws -> DetectorFiles { try DetectorFiles(paths: [path("detectors")]) }

    /// Files below a folder, as they are. None where there is no folder.
    func files(below folder: String, _ extensions: Set<String>) -> [[UInt8]] {
        let walk = FileManager.default.enumerator(
            atPath: URL(fileURLWithPath: path(folder)).resolvingSymlinksInPath().path)
        var names: [String] = []
        while let name = walk?.nextObject() as? String {
            if extensions.contains((name as NSString).pathExtension) { names.append(name) }
        }
        return names.sorted().compactMap { name in
            FileManager.default.contents(atPath: path("\(folder)/\(name)")).map { Array($0) }
        }
    }

    /// Up to so many lines of a log, evenly from all of it; none where there is no file.
    func lines(_ name: String, _ count: Int) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        guard let reader = try? LineReader(path: path(name)) else { return [] }
        while lines.count < 20_000, (try? reader.next({ lines.append(Array($0)) })) == true {}
        lines.removeAll { $0.isEmpty || $0.count > Self.maximumSeed }
        let step = max(1, lines.count / count)
        return stride(from: 0, to: lines.count, by: step).prefix(count).map { lines[$0] }
    }

    /// Events of every format at hand.
    func events() -> [[UInt8]] {
        lines("fixtures/day.ndjson.gz", 60) + lines("../shared/data/cloudtrail-stratus/detonation_events.jsonl.gz", 25)
            + lines("../shared/data/teleport-samples/audit_events.jsonl", 21)
            + lines("../shared/data/panther-rules/okta.jsonl", 10) + Self.events.map { Array($0.utf8) }
    }

    /// Events that no fixture has.
    private static let events = [
        #"{"event":"user.login","code":"T1000W","success":false,"uid":"e1","user":"ana","time":"2026-11-18T10:00:00Z","addr.remote":"192.0.2.3:44"}"#,
        #"{"eventName":"ConsoleLogin","eventTime":"2026-11-18T10:00:00Z","errorMessage":"Failed authentication","responseElements":{"ConsoleLogin":"Failure"},"userIdentity":{"type":"IAMUser","userName":"ana"}}"#,
        #"{"kind":"statement","principal":"ana","timestamp":"2026-11-18T10:00:00.5+01:00","tables":["a","b"],"status":null}"#,
        #"{"time":1795003200000,"class_uid":3002,"activity_id":1,"status_id":2,"identity":"ana","nested":{"a":[{"b":[1,2.5e3,-0]},{"b":"\ud83d\ude00\n"}]},"a.b":true}"#,
        #"{"__REALTIME_TIMESTAMP":"1795003200000000","_HOSTNAME":"a","SYSLOG_IDENTIFIER":"sshd","_PID":"9","MESSAGE":"Failed password for root from 192.0.2.3 port 44 ssh2"}"#,
    ]

    /// Lines of text logs.
    static let textLines = [
        "Dec 10 06:55:46 LabSZ sshd[24200]: Failed password for invalid user webmaster from 192.0.2.3 port 38926 ssh2",
        "Dec 10 06:55:48 LabSZ sshd[24200]: message repeated 2 times: [ Failed password for root from 192.0.2.3 port 38926 ssh2]",
        "2026-11-18T10:00:00+0100 LabSZ sshd-session[24200]: Accepted publickey for ana from 2001:db8::1 port 22 ssh2: RSA SHA256:x",
        "<38>1 2026-11-18T10:00:00.123Z LabSZ sshd 24200 - [a@1 b=\"c \\\"]\"] error: PAM: Authentication failure for ana from host",
        "Feb 29 06:55:46 LabSZ CRON[24200]: pam_unix(cron:session): session opened for user root by (uid=0)",
        "1795003200.25 a sshd: User ana from 192.0.2.3 not allowed because account is locked",
        "Jan  1 00:00:00 a sshd[1]: Disconnected from user ana 192.0.2.3 port 22",
        #"{"__REALTIME_TIMESTAMP":"1795003200000000","_HOSTNAME":"a","SYSLOG_IDENTIFIER":"sshd","_PID":"9","MESSAGE":"Failed password for root from 192.0.2.3 port 44 ssh2"}"#,
        #"{"message":"Dec 10 06:55:46 LabSZ sshd[24200]: Failed none for invalid user  0101 from 192.0.2.3 port 4 ssh2","host":"x"}"#,
    ].map { Array($0.utf8) }
}
