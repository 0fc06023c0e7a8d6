// SPDX-License-Identifier: Apache-2.0

import Fixtures
import Foundation
import Kafka
import Synchronization

/// The fixture day on a stage: its files, what detectors must find in it, and its way into Kafka.
struct Day: Sendable {
    let events: [FixtureEvent]
    let identities: String
    let calendar: String

    /// Writes the small files of the day into the stage's folder.
    init(_ stage: Stage) throws {
        let day = try FixtureDay()
        events = day.events
        identities = try stage.write("identities.csv", day.identitiesCSV)
        calendar = try stage.write("deployment.ics", day.calendarICS)
    }

    /// What `detect` and `backtest` both take.
    var arguments: [String] {
        ["--detectors", Project.detectors, "--identities", identities, "--calendar", calendar]
    }

    /// The same events, none of which comes more than 60 s after a later one.
    func shuffled(seed: UInt64) -> [FixtureEvent] {
        var random = SeededNumbers(seed: seed)
        let order = events.map { ($0, $0.timeMilliseconds + Int64.random(in: 0...60_000, using: &random)) }
        return order.sorted { $0.1 < $1.1 }.map(\.0)
    }

    /// The alerts of `gatewatch backtest`, in the order in which it prints them.
    func backtest(_ stage: Stage, _ events: [FixtureEvent]) async throws -> [Finding] {
        let lines = events.reduce(into: [UInt8]()) { $0 += $1.json + [0x0A] }
        let file = try stage.write("day-\(UUID().uuidString).ndjson", lines)
        let result = try await stage.run(["backtest", "--input", file, "--format", "ocsf"] + arguments)
        guard result.status == 0, result.errors.hasPrefix("\(events.count) events, ") else {
            throw Missing("backtest ended with \(result.status): \(result.errors)")
        }
        return try result.output.split(separator: "\n").map { try Finding(Array($0.utf8)) }
    }
}

extension KafkaProducer {
    /// Sends events keyed by identity, with their own times, and waits until Kafka has them.
    func send(_ events: some Collection<FixtureEvent>) throws {
        let failures = Failures()
        for event in events {
            try send(
                topic: Stage.auditTopic, key: Array(event.identity.utf8), payload: event.json,
                timestampMilliseconds: event.timeMilliseconds
            ) { failures.note($0) }
        }
        try flush(timeoutMilliseconds: 120_000)
        if let error = failures.first { throw error }
    }
}

/// The first failure of many deliveries.
private final class Failures: Sendable {
    private let error = Mutex<KafkaError?>(nil)

    var first: KafkaError? { error.withLock { $0 } }

    func note(_ result: Result<(partition: Int32, offset: Int64), KafkaError>) {
        if case .failure(let failure) = result { error.withLock { if $0 == nil { $0 = failure } } }
    }
}
