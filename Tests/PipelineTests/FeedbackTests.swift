// SPDX-License-Identifier: Apache-2.0

import Detection
import Foundation
import Kafka
import Pipeline
import Testing

@Suite("Dispositions of alerts", .serialized)
struct FeedbackTests {
    /// Each `op: x` of a session is an alert of 40 points.
    private static let rule = """
        title: Use
        name: use
        logsource: { category: test }
        detection:
          selection: { op: x }
          condition: selection
        level: high
        status: stable
        gatewatch:
          risk: { points: 40, half-life: 7d, daily: 100 }
          suppress: { episode: 1m }
        """

    private func risk(_ record: TopicReader.Record) -> Int? {
        let object = try? JSONSerialization.jsonObject(with: Data(record.value.utf8)) as? [String: Any]
        return object?["risk_score"] as? Int
    }

    private func say(_ disposition: String, _ alert: String, _ stage: Stage) async throws {
        let value = #"{"alert_uid":"\#(alert)","disposition":"\#(disposition)","identity":"ana","rule":"use"}"#
        _ = try await stage.producer.send(
            topic: "gatewatch.feedback", key: Array(alert.utf8), payload: Array(value.utf8))
    }

    /// Hours apart, so that each is an alert of its own.
    @Test("An alert called false or benign adds nothing to the risk until it is called true, also after a restart")
    func dismissed() async throws {
        let stage = try Stage(partitions: 1)
        let reader = try TopicReader(stage, "gatewatch.alerts")
        func alerts(_ count: Int) async throws -> [TopicReader.Record] {
            try await wait("\(count) alerts") {
                try reader.poll()
                return reader.records.count >= count
            }
            return reader.records
        }
        let first = try stage.service(Self.rule)
        try await DetectServiceTests().running(first) {
            try stage.send("ana", 0)
            let alert = try #require(try await alerts(1).last?.finding?.uid)
            try await say("false", alert, stage)
            // Not understood, and passed over.
            try await say("perhaps", "another", stage)
            try await wait("the disposition is read") { first.dismissedAlerts == 1 }
            try stage.send("ana", 7_200)
            let records = try await alerts(2)
            #expect(records.map(risk) == [40, 40])
            try await say("benign", try #require(records.last?.finding?.uid), stage)
            try await wait("the disposition is read") { first.dismissedAlerts == 2 }
        }
        let second = try stage.service(Self.rule)
        try await DetectServiceTests().running(second) {
            try await wait("the dispositions are read again") { second.dismissedAlerts == 2 }
            try stage.send("ana", 14_400)
            #expect(try await alerts(3).map(risk) == [40, 40, 40])
            let changed = try #require(try await alerts(3).first?.finding?.uid)
            try await say("true", changed, stage)
            try await wait("the last word counts") { second.dismissedAlerts == 1 }
            try stage.send("ana", 21_600)
            // The first and third alert, 6 and 2 hours old: the larger whole, the second by 1/2^1.5, the third by 1/3^1.5, at most 100 a day.
            let risks = try await alerts(4).map(risk)
            #expect(try #require(risks.last ?? nil) > 55 && risks.last != 100)
        }
    }
}
