// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Foundation
import Testing

/// `GATEWATCH_PROPERTY_CASES=5000` tries so many seeds of each property.
private let more = ProcessInfo.processInfo.environment["GATEWATCH_PROPERTY_CASES"].flatMap { Int($0) }

private func seeds(_ count: Int) -> Range<Int> { 0..<(more ?? count) }

/// What the engine promises: rules and events are made up from a seed, and the alerts must be those of an evaluator that is
/// obviously right, in whatever order the events come, however they are parted by key, and wherever the engine starts anew.
@Suite("Random rules over random streams")
struct PropertyTests {
    private typealias Firing = ReferenceEvaluator.Firing

    /// The firings of the correlations. A window that opened with an event is told by that event.
    private func found(_ alerts: [Alert], _ rules: [ReferenceRule]) -> [Firing] {
        let opened = Set(rules.filter(\.hasAbsence).map(\.name))
        return alerts.filter { $0.ruleName.hasPrefix("c") }.map { alert in
            let uid = opened.contains(alert.ruleName) ? alert.relatedEvents.first : alert.relatedEvents.last
            return Firing(
                rule: alert.ruleName, group: alert.group.map(\.value), uid: uid ?? "",
                time: alert.time - TestEvent.start)
        }
    }

    /// What two runs do not have in common.
    private func difference(_ found: [Alert], _ expected: [Alert]) -> String {
        func lines(_ alerts: [Alert]) -> [String] {
            alerts.map { "\($0.id) \($0.ruleName) \($0.group.map(\.value)) \($0.time - TestEvent.start)" }
        }
        // Times are told, not compared: an episode may be announced with another of its firings.
        let (a, b) = (found.map(\.id), expected.map(\.id))
        if a.sorted() == b.sorted() { return "" }
        let extra = zip(a, lines(found)).filter { !b.contains($0.0) }.map { "extra \($0.1)" }
        let missing = zip(b, lines(expected)).filter { !a.contains($0.0) }.map { "missing \($0.1)" }
        return "\(a.count) alerts instead of \(b.count)\n" + (extra + missing).joined(separator: "\n")
    }

    private func difference(_ found: [Firing], _ expected: Set<Firing>) -> String {
        let missing = expected.subtracting(found).map { "missing \($0)" }
        let extra = Set(found).subtracting(expected).map { "extra \($0)" }
        let doubled = Dictionary(grouping: found) { $0 }.filter { $0.value.count > 1 }.map { "doubled \($0.key)" }
        return (missing + extra + doubled).sorted().joined(separator: "\n")
    }

    @Test(
        "fire exactly where the obvious evaluator does, in order and shuffled within the lateness",
        arguments: seeds(120)
    )
    func agreesWithReference(seed: Int) throws {
        let example = RandomExample(seed: UInt64(seed))
        let expected = ReferenceEvaluator.firings(example.rules, example.events)
        let inOrder = found(try Bench.run(example.yaml, example.events, suppresses: false), example.rules)
        #expect(difference(inOrder, expected) == "", "seed \(seed)\n\(example.yaml)")

        var generator = SeededGenerator(seed: UInt64(seed) + 1_000_000)
        let mixed = shuffled(example.events, within: 60, &generator)
        let outOfOrder = found(try Bench.run(example.yaml, mixed, suppresses: false), example.rules)
        #expect(difference(outOfOrder, expected) == "", "seed \(seed), shuffled\n\(example.yaml)")
    }

    @Test("alert once per episode of the obvious evaluator", arguments: seeds(50))
    func agreesOnEpisodes(seed: Int) throws {
        let example = RandomExample(seed: UInt64(seed) + 10_000_000)
        let gaps = Dictionary(uniqueKeysWithValues: example.rules.map { ($0.name, ($0.episode ?? $0.timespan) * 1000) })
        let expected = ReferenceEvaluator.episodes(ReferenceEvaluator.firings(example.rules, example.events)) {
            max(gaps[$0] ?? 0, 60_000)
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

    @Test("give the same alert ids in any order", arguments: seeds(25))
    func sameIDs(seed: Int) throws {
        let example = RandomExample(seed: UInt64(seed) + 20_000_000)
        var generator = SeededGenerator(seed: UInt64(seed))
        for suppresses in [true, false] {
            let expected = try Bench.run(example.yaml, example.events, suppresses: suppresses)
            for _ in 0..<2 {
                let mixed = shuffled(example.events, within: 60, &generator)
                let found = try Bench.run(example.yaml, mixed, suppresses: suppresses)
                #expect(difference(found, expected) == "", "seed \(seed)\n\(example.yaml)")
            }
        }
    }

    @Test("give the same alert ids across a restart after every event, from a snapshot", arguments: seeds(12))
    func snapshots(seed: Int) throws {
        let example = RandomExample(seed: UInt64(seed) + 60_000_000, eventCount: 100)
        var generator = SeededGenerator(seed: UInt64(seed))
        for suppresses in [true, false] {
            let bench = try Bench(example.yaml, suppresses: suppresses)
            for event in shuffled(example.events, within: 60, &generator) {
                try bench.take(event)
                #expect(bench.restart() == 0)
            }
            bench.finish()
            let expected = try Bench.run(example.yaml, example.events, suppresses: suppresses)
            #expect(difference(bench.alerts, expected) == "", "seed \(seed)\n\(example.yaml)")
        }
    }

    @Test(
        "give the same alert ids across restarts at any event, from the changes that are stored", arguments: seeds(25))
    func storedChanges(seed: Int) throws {
        let example = RandomExample(seed: UInt64(seed) + 70_000_000, eventCount: 100)
        var generator = SeededGenerator(seed: UInt64(seed))
        for restarts in [1, 7, 30] {
            let bench = try Bench(example.yaml, suppresses: restarts != 7)
            var stored = Bench.Stored()
            for event in shuffled(example.events, within: 60, &generator) {
                try bench.take(event)
                if Int.random(in: 0..<restarts, using: &generator) == 0 {
                    #expect(bench.restart(through: &stored) == 0, "seed \(seed), after \(event.uid)")
                } else if Bool.random(using: &generator) {
                    stored.commit(bench.engine.takeChanges())
                }
            }
            bench.finish()
            let expected = try Bench.run(example.yaml, example.events, suppresses: restarts != 7)
            #expect(
                difference(bench.alerts, expected) == "", "seed \(seed), a restart in \(restarts)\n\(example.yaml)")
        }
    }

    @Test("give the same alert ids when events are parted by the key that every rule groups by", arguments: seeds(25))
    func partitions(seed: Int) throws {
        let example = RandomExample(seed: UInt64(seed) + 80_000_000, isKeyed: true)
        var generator = SeededGenerator(seed: UInt64(seed))
        for suppresses in [true, false] {
            let expected = try Bench.run(example.yaml, example.events, suppresses: suppresses)
            for count in [2, 3, 5] {
                let parts = Dictionary(grouping: shuffled(example.events, within: 60, &generator)) { event in
                    (event.fields["k"] ?? "").utf8.reduce(0) { Int($0) + Int($1) } % count
                }
                let found = try parts.values.flatMap { try Bench.run(example.yaml, $0, suppresses: suppresses) }
                #expect(difference(found, expected) == "", "seed \(seed), \(count) partitions\n\(example.yaml)")
            }
        }
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
        var stored = Bench.Stored()
        for event in shuffled(example.events, within: 60, &generator) {
            try bench.take(event)
            // Not after every event: a window may come, go and come again between two commits.
            if Int.random(in: 0..<4, using: &generator) > 0 { continue }
            stored.commit(bench.engine.takeChanges())
        }
        stored.commit(bench.engine.takeChanges())
        #expect(EngineState(newest: bench.engine.newest, rows: Array(stored.rows.values)) == bench.engine.snapshot())
    }
}
