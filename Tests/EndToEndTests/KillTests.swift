// SPDX-License-Identifier: Apache-2.0

import Fixtures
import Foundation
import GRDB
import Kafka
import Synchronization
import Testing

extension DetectEndToEnd {
    @Suite struct Kills {
        private static let killsOfEach = 20

        /// Each of `detect` and `hub` is killed 20 times, without the other, during one replay of the fixture day: at random
        /// moments, and at the worst ones (an alert has just come to Kafka; a webhook has come and has no answer yet).
        @Test func killedTwentyTimesEachTheReceiverHasTheAlertsOfAnUndisturbedRun() async throws {
            let detectVictim = Victim()
            let hubVictim = Victim()
            try await Receiver.with { _, before in
                // Every third new message is never answered: the hub dies first, and cannot know that it came.
                if before == 0, hubVictim.hit(every: 3) { return 500 }
                return 204
            } _: { receiver in
                try await Stage.with { stage in
                    let day = try Day(stage)
                    let expected = Set(try await day.backtest(stage, day.events))
                    try #require(expected.count > 10)
                    _ = try await stage.startBroker()
                    let reader = stage.read([Stage.alertsTopic, Stage.rejectedTopic]) { record in
                        guard record.topic == Stage.alertsTopic else { return }
                        _ = detectVictim.hit(every: 3)
                    }
                    let producer = try stage.makeProducer()

                    // The replay keeps step with the kills, so that it lasts through all of them.
                    async let replay: Void = play(day, expected.map(\.time), producer) {
                        Double(detectVictim.kills + hubVictim.kills) / Double(2 * Self.killsOfEach)
                    }
                    async let detect = killAgainAndAgain(detectVictim, seed: 1) {
                        try stage.startDetect(day.arguments, sessionMilliseconds: 3000)
                    } isAtWork: { child in
                        child.errors.contains("goes on at offset") || child.errors.contains("has no state here yet")
                    }
                    async let hub = killAgainAndAgain(hubVictim, seed: 2) {
                        try stage.startHub(receiver.url, sessionMilliseconds: 3000)
                    } isAtWork: { child in
                        guard child.errors.contains("health and metrics on") else { return false }
                        // It may be killed while it answers.
                        return (try? await child.get("healthz"))?.body.contains("4 partitions") == true
                    }
                    let last = try await (detect, hub)
                    try await replay

                    try await eventually(
                        "every alert is delivered; missing: \(expected.subtracting(receiver.findings))"
                    ) {
                        receiver.findings.isSuperset(of: expected)
                    }
                    let total = day.events.count
                    try await eventually("all \(total) events are committed") {
                        try committedOffsets(stage).reduce(0, +) == total
                    }
                    try await stage.waitUntilReading(last.0)
                    try await last.0.terminate()
                    let hubPath = stage.path("hub/hub.sqlite")
                    try await eventually("the hub has no delivery left") {
                        try number("SELECT count(*) FROM deliveries WHERE state <> 'delivered'", hubPath) == 0
                    }
                    try await last.1.waitForLog("partitions assigned")
                    try await last.1.terminate()
                    try await reader.waitForEnd(of: [Stage.alertsTopic, Stage.rejectedTopic], producer)

                    #expect(detectVictim.kills == Self.killsOfEach && hubVictim.kills == Self.killsOfEach)
                    #expect(receiver.findings == expected)
                    #expect(receiver.refusals == [])
                    let records = try reader.records()
                    #expect(Set(try records.findings()) == expected)
                    #expect(records.filter { $0.topic == Stage.rejectedTopic } == [])
                    #expect(try number("SELECT count(*) FROM alerts", hubPath) == expected.count)
                    // An alert that came again was the same, byte for byte, on both of its ways.
                    #expect(Set(records.compactMap(\.payload)).count == expected.count)
                    #expect(detectVictim.hits > 0 && hubVictim.hits > 0)
                    #expect(receiver.arrivals.count > expected.count, "no delivery came twice: nothing was tested")
                    #expect(Set(receiver.arrivals.map(\.id)).count == expected.count)
                    #expect(Set(receiver.arrivals.map(\.body)).count == expected.count)
                    #expect(receiver.arrivals.allSatisfy { $0.id == "msg_\($0.finding.uid)" })
                }
            }
        }

        /// Sends the day up to the part that `progress` allows, until all is sent. An alert takes as much of the replay as
        /// many events: most alerts are of the evening, and processes are to be killed around each of them.
        private func play(
            _ day: Day, _ alerts: [Int64], _ producer: KafkaProducer, progress: @Sendable () -> Double
        ) async throws {
            let weight = 4 * Double(day.events.count) / Double(alerts.count)
            var alerts = alerts.sorted()[...]
            var parts: [Double] = []
            for event in day.events {
                var part = 1.0
                while let alert = alerts.first, alert <= event.timeMilliseconds {
                    part += weight
                    alerts.removeFirst()
                }
                parts.append((parts.last ?? 0) + part)
            }
            let whole = parts.last ?? 1
            var sent = 0
            while sent < day.events.count {
                let share = (progress() + 0.05) * whole
                let allowed = parts.firstIndex { $0 > share } ?? parts.count
                guard sent < allowed else {
                    try await Task.sleep(for: .milliseconds(20))
                    continue
                }
                // In small steps, so that a kill finds some of them on their way.
                let next = min(allowed, sent + 100)
                try producer.send(day.events[sent..<next])
                sent = next
            }
        }

        /// Starts a process and kills it, 20 times; returns the one that is started after that.
        private func killAgainAndAgain(
            _ victim: Victim, seed: UInt64, start: () throws -> Child, isAtWork: (Child) async throws -> Bool
        ) async throws -> Child {
            var random = SeededNumbers(seed: seed)
            for _ in 0..<Self.killsOfEach {
                let child = try start()
                victim.name(child)
                if Int.random(in: 0..<3, using: &random) == 0 {
                    // Dies while it starts or waits for its partitions.
                    try await live(child, milliseconds: Int.random(in: 0...2500, using: &random))
                } else {
                    try await eventually("\(child.name) is at work or dead: \(child.tail)") {
                        if child.exit != nil { return true }
                        return try await isAtWork(child)
                    }
                    try await live(child, milliseconds: Int.random(in: 0...1500, using: &random))
                }
                child.signal(SIGKILL)
                let exit = try await child.waitForExit()
                #expect(exit == .signal(SIGKILL), "\(child.name) ended by itself: \(child.tail)")
                victim.died()
            }
            return try start()
        }

        /// Waits for a while, or until the process is dead. The time is the test's matter here, not a wait for something.
        private func live(_ child: Child, milliseconds: Int) async throws {
            let end = ContinuousClock.now.advanced(by: .milliseconds(milliseconds))
            while child.exit == nil, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(5)) }
        }

        private func committedOffsets(_ stage: Stage) throws -> [Int] {
            try (0..<4).map { partition in
                let path = stage.path("detect/\(Stage.auditTopic)-\(partition).sqlite")
                guard FileManager.default.fileExists(atPath: path) else { return 0 }
                return try number("SELECT coalesce(max(value), 0) FROM meta WHERE name = 'next_offset'", path)
            }
        }

        private func number(_ sql: String, _ path: String) throws -> Int {
            var configuration = GRDB.Configuration()
            configuration.busyMode = .timeout(10)
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            defer { try? queue.close() }
            return try queue.read { try Int.fetchOne($0, sql: sql) } ?? -1
        }
    }
}

/// A process that is to be killed, by its killer or at a moment that another thread sees.
private final class Victim: Sendable {
    private struct State {
        var child: Child?
        var kills = 0
        var chances = 0
        var hits = 0
    }

    private let state = Mutex(State())

    var kills: Int { state.withLock { $0.kills } }
    /// How often it was killed by `hit`.
    var hits: Int { state.withLock { $0.hits } }

    func name(_ child: Child) { state.withLock { $0.child = child } }

    func died() {
        state.withLock {
            $0.child = nil
            $0.kills += 1
        }
    }

    /// Kills it now at each so many calls; whether it did.
    func hit(every: Int) -> Bool {
        state.withLock { state in
            state.chances += 1
            guard state.chances % every == 0, let child = state.child else { return false }
            child.signal(SIGKILL)
            state.hits += 1
            return true
        }
    }
}
