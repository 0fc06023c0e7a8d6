// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Testing

extension DetectEndToEnd {
    /// What cannot be used goes to `gatewatch.audit.rejected`, byte for byte; what can goes on.
    @Suite struct Rejected {
        private static let rule = """
            title: Opened
            name: opened
            logsource: { product: gatewatch, service: gateway }
            detection: { selection: { api.operation: open }, condition: selection }
            level: low
            """

        private static let start = 1_795_003_200_000

        private func good(_ identity: String, second: Int, filler: Int = 0) -> [UInt8] {
            let text = filler == 0 ? "" : "\"filler\":\"\(String(repeating: "x", count: filler))\","
            let time = Self.start + second * 1000
            return Array(
                "{\"time\":\(time),\(text)\"identity\":\"\(identity)\",\"api\":{\"operation\":\"open\"}}".utf8)
        }

        /// Bad events and why they are refused.
        private static let bad: [(reason: String, payload: [UInt8]?)] = [
            ("empty", []),
            ("empty", nil),
            ("not_json", Array("{\"time\":1795003200000,\"identity\":\"trunc".utf8)),
            ("not_an_object", Array("not JSON at all".utf8)),
            ("not_json", Array("{\"time\":1795003200000,\"identity\":\"a\u{FC}\"}".utf8).filter { $0 != 0xBC }),
            ("not_an_object", [UInt8](repeating: 0, count: 64)),
            ("not_an_object", Array("[{\"time\":1795003200000}]".utf8)),
            (
                "too_large",
                Array("{\"time\":1795003200000,\"filler\":\"".utf8) + [UInt8](repeating: 0x78, count: 2 << 20)
                    + Array("\"}".utf8)
            ),
            (
                "too_deep",
                Array("{\"time\":1795003200000,\"a\":".utf8) + [UInt8](repeating: 0x5B, count: 5000)
                    + [UInt8](repeating: 0x5D, count: 5000) + Array("}".utf8)
            ),
            ("duplicate_key", Array("{\"time\":1795003200000,\"identity\":\"ana\",\"identity\":\"ben\"}".utf8)),
            ("bad_time", Array("{\"time\":\"yesterday\",\"identity\":\"ana\"}".utf8)),
            ("time_ahead", Array("{\"time\":4102444800000,\"identity\":\"ana\"}".utf8)),
            ("time_ahead", Array("{\"time\":\"9999-12-31T23:59:59Z\",\"identity\":\"ana\"}".utf8)),
            ("late", Array("{\"time\":1795003139999,\"identity\":\"ana\"}".utf8)),
            ("late", Array("{\"time\":1000,\"identity\":\"ana\"}".utf8)),
        ]

        @Test func badEventsGoToTheRejectedTopicByteForByteAndGoodOnesAroundThemAreUsed() async throws {
            try await Stage.with { stage in
                try stage.write("rules/rule.yml", Self.rule)
                _ = try await stage.startBroker()
                let reader = stage.read([Stage.alertsTopic, Stage.rejectedTopic])
                let producer = try stage.makeProducer()
                let detect = try stage.startDetect(["--detectors", stage.path("rules")])
                try await stage.waitUntilReading(detect)

                var sources: [String: (reason: String, payload: [UInt8]?)] = [:]
                for (index, bad) in Self.bad.enumerated() {
                    // All in one partition, each between two good ones, the first of which sets the time.
                    _ = try await producer.send(
                        topic: Stage.auditTopic, key: Array("good-\(index)".utf8),
                        payload: good("good-\(index)", second: index),
                        partition: 2)
                    let place = try await producer.send(
                        topic: Stage.auditTopic, key: Array("bad-\(index)".utf8), payload: bad.payload,
                        headers: [("trace", Array("trace-\(index)".utf8))], partition: 2)
                    sources["\(Stage.auditTopic)/\(place.partition)/\(place.offset)"] = bad
                }
                _ = try await producer.send(
                    topic: Stage.auditTopic, key: nil, payload: good("last", second: 100), partition: 2)
                // No identity is no fault.
                _ = try await producer.send(
                    topic: Stage.auditTopic, key: nil, payload: Array("{\"time\":\(Self.start + 100_000)}".utf8),
                    partition: 2)

                try await eventually("all have come") {
                    let records = try reader.records()
                    return records.count { $0.topic == Stage.rejectedTopic } >= Self.bad.count
                        && records.count { $0.topic == Stage.alertsTopic } >= Self.bad.count + 1
                }
                try await detect.terminate()
                try await reader.waitForEnd(of: [Stage.alertsTopic, Stage.rejectedTopic], producer)
                let records = try reader.records()
                let rejected = records.filter { $0.topic == Stage.rejectedTopic }
                #expect(rejected.count == Self.bad.count)
                for record in rejected {
                    let source = try #require(record.headers["gatewatch.source"])
                    let bad = try #require(sources[source])
                    sources[source] = nil
                    #expect(record.headers["gatewatch.reason"] == bad.reason, "\(source): \(record.headers)")
                    #expect(record.payload == bad.payload, "\(bad.reason): \(record.payload?.count ?? -1) bytes")
                    let key = try #require(record.key.map { String(decoding: $0, as: UTF8.self) })
                    #expect(key.hasPrefix("bad-"))
                    #expect(record.headers["trace"] == "trace-\(key.dropFirst(4))")
                    #expect(record.headers["gatewatch.detail"]?.isEmpty == false)
                    #expect(Int64(record.headers["gatewatch.timestamp"] ?? "") != nil)
                }
                let identities = Set(try records.findings().map(\.identity))
                #expect(identities == Set((0..<Self.bad.count).map { "good-\($0)" } + ["last"]))
            }
        }

        @Test func tenMegabytesAreRejectedWholeByDefaultAndReadWhereTheLimitAllowsThem() async throws {
            try await Stage.with { stage in
                try stage.write("rules/rule.yml", Self.rule)
                _ = try await stage.startBroker()
                let reader = stage.read([Stage.alertsTopic, Stage.rejectedTopic])
                let producer = try stage.makeProducer()
                let large = good("ten megabytes", second: 0, filler: 10 << 20)
                let strict = try stage.startDetect(["--detectors", stage.path("rules")])
                try await stage.waitUntilReading(strict)
                // In partitions of their own: the embedded broker keeps 5 MB of each, and behind a larger record it loses
                // the next one.
                _ = try await producer.send(
                    topic: Stage.auditTopic, key: Array("large".utf8), payload: large, partition: 0)
                try await eventually("the large one is rejected: \(strict.tail)") {
                    try reader.records().contains { $0.topic == Stage.rejectedTopic }
                }
                _ = try await producer.send(
                    topic: Stage.auditTopic, key: Array("large".utf8), payload: good("after", second: 1), partition: 1)
                try await eventually("the next one is used: \(strict.tail)") {
                    try reader.records().contains { $0.topic == Stage.alertsTopic }
                }
                try await strict.terminate()
                let rejected = try reader.records().filter { $0.topic == Stage.rejectedTopic }
                #expect(rejected.map { $0.headers["gatewatch.reason"] } == ["too_large"])
                #expect(rejected.first?.payload == large)

                let configuration = try stage.write(
                    "gatewatch.yml",
                    """
                    kafka:
                      bootstrap.servers: \(stage.bootstrapServers)
                      session.timeout.ms: 6000
                    detect:
                      group: another-group
                      detectors: [\(stage.path("rules"))]
                      state: \(stage.path("roomy"))
                      maximum_event_bytes: 16777216
                      admin: 127.0.0.1:0
                    """)
                let roomy = try stage.start("detect", ["detect", "--config", configuration])
                try await stage.waitUntilReading(roomy)
                _ = try await producer.send(
                    topic: Stage.auditTopic, key: Array("large".utf8), payload: large, partition: 2)
                try await eventually("the large one is used: \(roomy.tail)") {
                    try reader.records().findings().contains { $0.identity == "ten megabytes" }
                }
                #expect(try reader.records().count { $0.topic == Stage.rejectedTopic } == 1)
            }
        }
    }
}
