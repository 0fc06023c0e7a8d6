// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Kafka
import Pipeline
import Testing

extension DetectServiceTests {
    /// 2023-11-14T22:13:20Z, the moment that lines are sent from.
    private static let start: Int64 = 1_700_000_000_000

    @Test("lines of text are events, and one that syslog repeats is as many")
    func textLines() async throws {
        let stage = try Stage(partitions: 1)
        let reader = try TopicReader(stage, "gatewatch.alerts")
        let service = try stage.service(
            """
            title: refused
            name: refused
            logsource: { product: linux, service: sshd }
            detection: { selection: { class_uid: 3002, status_id: 2 }, condition: selection }
            level: informational
            ---
            title: five
            name: five
            correlation: { type: event_count, rules: [refused], group-by: [identity], timespan: 10m, condition: { gte: 5 } }
            level: high
            """, mapping: .named("sshd"))
        let tail = "from 192.0.2.9 port 4242 ssh2"
        let lines = [
            "Nov 14 22:13:20 a sshd[1]: Failed password for ana \(tail)",
            "Nov 14 22:13:21 a sshd[1]: message repeated 4 times: [ Failed password for ana \(tail)]",
            "Nov 14 22:13:22 a sshd[1]: message repeated 4 times: [ Failed password for ben \(tail)]",
            "no line of sshd",
        ]
        for (second, line) in lines.enumerated() {
            try stage.send(key: "auth", line, Self.start + Int64(second) * 1000)
        }
        try await running(service) {
            try await wait("all lines are committed") { service.committedRecords == 4 }
            try await wait("the alert arrives") {
                try reader.poll()
                return !reader.records.isEmpty
            }
        }
        #expect(service.alertCount == 1)
        #expect(reader.records.map(\.key) == ["ana"])
        // The year is that of the record.
        #expect(reader.records.first?.value.contains(#""time":1700000001000"#) == true)
    }
}
