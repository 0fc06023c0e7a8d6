// SPDX-License-Identifier: Apache-2.0

import Fixtures
import Foundation
import Kafka
import Testing

extension DetectEndToEnd {
    /// SIGTERM, SIGHUP and the admin port of `detect`.
    @Suite struct Signals {
        private static let counting = """
            title: Five failures
            name: five_failures
            logsource: { product: gatewatch, service: gateway }
            detection: { selection: { api.operation: knock }, condition: selection }
            level: informational
            ---
            title: Five knocks
            name: five_knocks
            correlation:
              type: event_count
              rules: [five_failures]
              group-by: [identity]
              timespan: 1h
              condition: { gte: 5 }
            level: high
            """

        private func event(_ identity: String, _ operation: String, second: Int) -> [UInt8] {
            let time = 1_795_003_200_000 + second * 1000
            return Array(
                """
                {"time":\(time),"identity":"\(identity)","api":{"operation":"\(operation)"},\
                "metadata":{"uid":"\(identity)-\(operation)-\(second)"}}
                """.utf8)
        }

        private func send(_ producer: KafkaProducer, _ identity: String, _ operation: String, second: Int) async throws
        {
            _ = try await producer.send(
                topic: Stage.auditTopic, key: Array(identity.utf8),
                payload: event(identity, operation, second: second))
        }

        @Test func sigtermDrainsAndCommitsAndTheNextRunGoesOn() async throws {
            try await Stage.with { stage in
                let day = try Day(stage)
                _ = try await stage.startBroker()
                let reader = stage.read([Stage.alertsTopic])
                let producer = try stage.makeProducer()
                var detect = try stage.startDetect(day.arguments)
                try await stage.waitUntilReading(detect)
                var read = 0
                let parts = 4
                for part in 1...parts {
                    let end = day.events.count * part / parts
                    try producer.send(day.events[read..<end])
                    read = end
                    // In the middle of its work; the last run is let come to the end.
                    if part == parts { break }
                    try await eventually("it reads") { try await detect.metric("gatewatch_events_total") > 0 }
                    try await stage.waitUntilReading(detect)
                    try await detect.terminate()
                    detect = try stage.startDetect(day.arguments)
                }
                let expected = try await day.backtest(stage, day.events).sorted()
                try await eventually("every alert comes") {
                    Set(try reader.records().findings()).isSuperset(of: expected)
                }
                try await detect.terminate()
                try await reader.waitForEnd(of: [Stage.alertsTopic], producer)
                // Committed with their delivery: none comes twice.
                #expect(try reader.records().findings().sorted() == expected)
            }
        }

        @Test func sigtermEndsABrokerAndAHub() async throws {
            try await Stage.with { stage in
                let broker = try await stage.startBroker()
                let hub = try stage.startHub("http://127.0.0.1:1/hook")
                try await hub.waitForLog("partitions assigned")
                try await eventually("the hub is well") { try await hub.get("healthz").status == 200 }
                try await hub.terminate()
                try await broker.terminate()
            }
        }

        @Test func sighupPutsGoodDetectorsInForceAndKeepsTheOldOnesForBadOnes() async throws {
            try await Stage.with { stage in
                try stage.write("rules/counting.yml", Self.counting)
                _ = try await stage.startBroker()
                let reader = stage.read([Stage.alertsTopic])
                let producer = try stage.makeProducer()
                let detect = try stage.startDetect(["--detectors", stage.path("rules")])
                func fired(_ rule: String, _ identity: String) throws -> Int {
                    try reader.records().findings().count { $0.rule == rule && $0.identity == identity }
                }
                for second in 0..<3 { try await send(producer, "ana", "knock", second: second) }
                try await eventually("three are read") { try await detect.metric("gatewatch_events_total") == 3 }

                // A rule is added.
                try stage.write(
                    "rules/more.yml",
                    "title: Opened\nname: opened\nlogsource: { product: gatewatch, service: gateway }\n"
                        + "detection: { selection: { api.operation: open }, condition: selection }\nlevel: low\n")
                detect.signal(SIGHUP)
                try await detect.waitForLog("detectors reloaded")
                var second = 10
                try await eventually("the new rule fires for events after the reload") {
                    second += 1
                    try await send(producer, "ben-\(second)", "open", second: 10)
                    return try reader.records().findings().contains { $0.rule == "opened" }
                }
                #expect(try fired("five_knocks", "ana") == 0)
                // The window of the old rule still holds its three.
                for second in 20..<22 { try await send(producer, "ana", "knock", second: second) }
                try await eventually("three and two are five") { try fired("five_knocks", "ana") == 1 }

                // A file breaks.
                try stage.write(
                    "rules/broken.yml", "title: Broken\nname: broken\ndetection:\n  a|nonsense: b\n  condition: a\n")
                detect.signal(SIGHUP)
                try await detect.waitForLog("the old set stays")
                #expect(detect.errors.contains(/broken\.yml:[0-9]+/), "\(detect.tail)")
                for second in 30..<35 { try await send(producer, "cleo", "knock", second: second) }
                try await send(producer, "cleo", "open", second: 36)
                try await eventually("the old set is at work") {
                    try fired("five_knocks", "cleo") == 1 && fired("opened", "cleo") == 1
                }
                #expect(try await detect.get("healthz").status == 200)

                // Mended, with one rule gone.
                try FileManager.default.removeItem(atPath: stage.path("rules/broken.yml"))
                try FileManager.default.removeItem(atPath: stage.path("rules/more.yml"))
                detect.signal(SIGHUP)
                try await detect.waitForLog("detectors reloaded", times: 2)
                for second in 40..<45 { try await send(producer, "dora", "knock", second: second) }
                try await eventually("the rest is at work") { try fired("five_knocks", "dora") == 1 }
                try await detect.terminate()
                #expect(try fired("five_knocks", "ana") == 1)
            }
        }

        @Test func theAdminPortHasHealthAndEveryMetric() async throws {
            try await Stage.with { stage in
                let day = try Day(stage)
                _ = try await stage.startBroker()
                let producer = try stage.makeProducer()
                let detect = try stage.startDetect(day.arguments)
                try await stage.waitUntilReading(detect)
                try producer.send(day.events)
                _ = try await producer.send(topic: Stage.auditTopic, key: nil, payload: Array("no".utf8))
                let time = (day.events.last?.timeMilliseconds ?? 0) - 3_600_000
                for partition in 0..<4 {
                    _ = try await producer.send(
                        topic: Stage.auditTopic, key: nil, payload: Array("{\"time\":\(time)}".utf8),
                        partition: Int32(partition))
                }
                let total = Double(day.events.count + 5)
                try await eventually("all is read and reported") {
                    let isRead = try await detect.metric("gatewatch_events_total") == total
                    // Reported every few seconds, and first while there is nothing: an empty engine has bytes, but no keys.
                    let keys = try await detect.metric("gatewatch_state_keys")
                    return isRead && keys > 0
                }
                #expect(try await detect.metric("gatewatch_events_late_total") == 4)
                #expect(try await detect.metric("gatewatch_events_rejected_total", labels: "reason=\"late\"") == 4)
                #expect(
                    try await detect.metric("gatewatch_events_rejected_total", labels: "reason=\"not_an_object\"") == 1)
                #expect(try await detect.metric("gatewatch_events_rejected_total") == 5)
                #expect(try await detect.metric("gatewatch_alerts_total", labels: "rule=\"gw_chain\"") == 1)
                #expect(try await detect.metric("gatewatch_commit_seconds_count") > 0)
                #expect(try await detect.metric("gatewatch_state_bytes") > 0)
                #expect(try await detect.metric("gatewatch_state_cells") > 0)
                let text = try await detect.metrics()
                #expect(text.contains("# HELP gatewatch_events_total "))
                // Known once per partition, and nothing is left to read.
                try await eventually("the lag of every partition is 0") {
                    let lags = try await detect.metrics().split(separator: "\n").filter {
                        $0.hasPrefix("gatewatch_lag_records{")
                    }
                    return lags.count == 4 && lags.allSatisfy { $0.hasSuffix(" 0") }
                }
                let health = try await detect.get("healthz")
                #expect(health.status == 200)
                #expect(health.body.contains("\"status\":\"ok\""))
                #expect(try await detect.get("nothing").status == 404)
            }
        }
    }
}
