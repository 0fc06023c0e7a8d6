// SPDX-License-Identifier: Apache-2.0

import Fixtures
import Foundation
import Testing

extension DetectEndToEnd {
    /// The same events give the same alerts: recorded or live, in order or not.
    @Suite struct SameAlerts {
        @Test func backtestAndLiveGiveTheSameAlertIDsInOrderAndShuffled() async throws {
            try await Stage.with { stage in
                let day = try Day(stage)
                let expected = try await day.backtest(stage, day.events)
                #expect(Set(expected.map(\.uid)).count == expected.count)
                for insider in try FixtureDay().insiders {
                    let found = Set(expected.filter { $0.identity == insider.identity }.map(\.rule))
                    #expect(found.isSuperset(of: insider.expected))
                }
                for seed in 1...3 as ClosedRange<UInt64> {
                    let shuffled = try await day.backtest(stage, day.shuffled(seed: seed))
                    #expect(shuffled.count == expected.count, "seed \(seed)")
                    #expect(Set(shuffled.map(\.id)) == Set(expected.map(\.id)), "seed \(seed)")
                }
                #expect(try await live(day, day.events) == expected.sorted())
                let shuffled = try await live(day, day.shuffled(seed: 4))
                #expect(shuffled.count == expected.count)
                #expect(Set(shuffled.map(\.id)) == Set(expected.map(\.id)))
            }
        }

        /// The alerts of a `detect` with a broker of its own.
        private func live(_ day: Day, _ events: [FixtureEvent]) async throws -> [Finding] {
            var found: [Finding] = []
            try await Stage.with { stage in
                _ = try await stage.startBroker()
                let reader = stage.read([Stage.alertsTopic, Stage.rejectedTopic])
                let detect = try stage.startDetect(day.arguments)
                try await stage.waitUntilReading(detect)
                let producer = try stage.makeProducer()
                try producer.send(events)
                try await eventually("all events are read") {
                    try await detect.metric("gatewatch_events_total") == Double(events.count)
                }
                try await detect.terminate()
                try await reader.waitForEnd(of: [Stage.alertsTopic, Stage.rejectedTopic], producer)
                let records = try reader.records()
                #expect(records.filter { $0.topic == Stage.rejectedTopic } == [])
                // Of an undisturbed run every alert comes once, keyed by identity.
                found = try records.findings().sorted()
                #expect(
                    records.allSatisfy { record in
                        guard let payload = record.payload, let finding = try? Finding(payload) else { return false }
                        return record.key == Array(finding.identity.utf8)
                    })
            }
            return found
        }
    }
}
