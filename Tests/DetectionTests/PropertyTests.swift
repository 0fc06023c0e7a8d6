// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Foundation
import Testing

/// `GATEWATCH_TEST_SEEDS=5000` tries more.
private let more = ProcessInfo.processInfo.environment["GATEWATCH_TEST_SEEDS"].flatMap { Int($0) }

private func seeds(_ count: Int) -> Range<Int> { 0..<(more ?? count) }

@Suite("Random rules over random streams")
struct PropertyTests {
    private typealias Firing = ReferenceEvaluator.Firing

    /// The firings of the correlations, and the ids of all alerts.
    private func found(_ alerts: [Alert]) -> [Firing] {
        alerts.filter { $0.ruleName.hasPrefix("c") }.map {
            Firing(
                rule: $0.ruleName, group: $0.group.map(\.value), uid: $0.relatedEvents.last ?? "",
                time: $0.time - TestEvent.start)
        }
    }

    private func difference(_ found: [Firing], _ expected: Set<Firing>) -> String {
        let missing = expected.subtracting(found).map { "missing \($0)" }
        let extra = Set(found).subtracting(expected).map { "extra \($0)" }
        let doubled = Dictionary(grouping: found) { $0 }.filter { $0.value.count > 1 }.map { "doubled \($0.key)" }
        return (missing + extra + doubled).sorted().joined(separator: "\n")
    }

    @Test(
        "fire exactly where the obvious evaluator does, in order and shuffled within the lateness", arguments: seeds(60)
    )
    func agreesWithReference(seed: Int) throws {
        let example = RandomExample(seed: UInt64(seed))
        let expected = ReferenceEvaluator.firings(example.rules, example.events)
        let inOrder = found(try Bench.run(example.yaml, example.events, suppresses: false))
        #expect(difference(inOrder, expected) == "", "seed \(seed)\n\(example.yaml)")

        var generator = SeededGenerator(seed: UInt64(seed) + 1_000_000)
        let mixed = shuffled(example.events, within: 60, &generator)
        let outOfOrder = found(try Bench.run(example.yaml, mixed, suppresses: false))
        #expect(difference(outOfOrder, expected) == "", "seed \(seed), shuffled\n\(example.yaml)")
    }

    @Test("alert once per episode of the obvious evaluator", arguments: seeds(40))
    func agreesOnEpisodes(seed: Int) throws {
        let example = RandomExample(seed: UInt64(seed) + 10_000_000)
        let timespans = Dictionary(uniqueKeysWithValues: example.rules.map { ($0.name, $0.timespan * 1000) })
        let expected = ReferenceEvaluator.episodes(ReferenceEvaluator.firings(example.rules, example.events)) {
            max(timespans[$0] ?? 0, 60_000)
        }
        var generator = SeededGenerator(seed: UInt64(seed))
        for events in [example.events, shuffled(example.events, within: 60, &generator)] {
            let alerts = try Bench.run(example.yaml, events).filter { $0.ruleName.hasPrefix("c") }
            var counts: [String: Int] = [:]
            for alert in alerts { counts["\(alert.ruleName)|\(alert.group.map(\.value))", default: 0] += 1 }
            #expect(counts == expected, "seed \(seed)\n\(example.yaml)")
            #expect(Set(alerts.map(\.id)).count == alerts.count, "seed \(seed): two alerts have one id")
        }
    }

    @Test("give the same alert ids in any order, and across a restart after every event", arguments: seeds(30))
    func sameIDs(seed: Int) throws {
        let example = RandomExample(seed: UInt64(seed) + 20_000_000)
        let expected = try Bench.run(example.yaml, example.events).map(\.id).sorted()
        var generator = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<3 {
            let mixed = shuffled(example.events, within: 60, &generator)
            #expect(try Bench.run(example.yaml, mixed).map(\.id).sorted() == expected, "seed \(seed)\n\(example.yaml)")
        }
        let restarting = try Bench(example.yaml)
        for event in shuffled(example.events, within: 60, &generator) {
            try restarting.take(event)
            #expect(restarting.restart() == 0)
        }
        restarting.finish()
        #expect(restarting.alerts.map(\.id).sorted() == expected, "seed \(seed), restarts\n\(example.yaml)")
    }

    @Test("give the same alerts when events are delivered twice, also much later", arguments: seeds(20))
    func duplicates(seed: Int) throws {
        let example = RandomExample(seed: UInt64(seed) + 30_000_000)
        var generator = SeededGenerator(seed: UInt64(seed))
        for suppresses in [true, false] {
            let expected = Set(try Bench.run(example.yaml, example.events, suppresses: suppresses).map(\.id))
            for doubled in [
                example.events.flatMap { [$0, $0] }, shuffled(example.events + example.events, within: 60, &generator),
            ] {
                let alerts = try Bench.run(example.yaml, doubled, suppresses: suppresses)
                #expect(Set(alerts.map(\.id)) == expected, "seed \(seed)\n\(example.yaml)")
                // A rule over single events keeps no state, so it says the same again.
                let correlated = alerts.filter { suppresses || $0.ruleName != "d_sup" }
                #expect(Set(correlated.map(\.id)).count == correlated.count, "seed \(seed): an alert came twice")
            }
        }
    }

    @Test("keep a snapshot that equals itself after restoring", arguments: seeds(20))
    func snapshotIsAValue(seed: Int) throws {
        let example = RandomExample(seed: UInt64(seed) + 40_000_000)
        let bench = try Bench(example.yaml)
        var generator = SeededGenerator(seed: UInt64(seed))
        try bench.take(shuffled(example.events, within: 60, &generator))
        let before = bench.engine.snapshot()
        #expect(bench.restart() == 0)
        #expect(bench.engine.snapshot() == before)
    }

    @Test("add up changes to the snapshot", arguments: seeds(20))
    func changesAddUp(seed: Int) throws {
        let example = RandomExample(seed: UInt64(seed) + 50_000_000)
        let bench = try Bench(example.yaml)
        var generator = SeededGenerator(seed: UInt64(seed))
        var rows: [String: [UInt8]] = [:]
        for event in shuffled(example.events, within: 60, &generator) {
            try bench.take(event)
            // Not after every event: a window may come, go and come again between two commits.
            if Int.random(in: 0..<4, using: &generator) > 0 { continue }
            for change in bench.engine.takeChanges() { rows["\(change.state) \(change.key)"] = change.value }
        }
        for change in bench.engine.takeChanges() { rows["\(change.state) \(change.key)"] = change.value }
        var expected: [String: [UInt8]] = [:]
        for row in bench.engine.snapshot().rows { expected["\(row.state) \(row.key)"] = row.value }
        #expect(rows == expected)
    }
}
