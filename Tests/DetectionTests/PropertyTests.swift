// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Foundation
import Testing

@Suite("Random rules over random streams")
struct PropertyTests {
    /// Rules and a stream that belong to a seed.
    static func example(_ seed: UInt64) -> (rules: [ReferenceRule], yaml: String, events: [TestEvent]) {
        var generator = SeededGenerator(seed: seed)
        var rules: [ReferenceRule] = []
        for index in 0..<5 {
            let kind = ReferenceRule.Kind.allCases.randomElement(using: &generator) ?? .eventCount
            let isSequence = kind == .temporal || kind == .temporalOrdered
            var offered = ["r_x", "r_y", "r_z"]
            // Values come from events, so only counts and sequences go over other correlations.
            if index > 1, kind == .eventCount || isSequence { offered += rules.map(\.name) }
            let count = isSequence ? Int.random(in: 2...3, using: &generator) : Int.random(in: 1...2, using: &generator)
            let deferred = Double.random(in: 0...1, using: &generator) < 0.25
            rules.append(
                ReferenceRule(
                    name: "c\(index)", kind: kind, rules: Array(offered.shuffled(using: &generator).prefix(count)),
                    timespan: Int64([5, 20, 60, 300].randomElement(using: &generator) ?? 60),
                    comparison: (deferred ? ["lte", "eq", "neq", "lt"] : ["gte", "gt"]).randomElement(using: &generator) ?? "gte",
                    limit: Int.random(in: kind == .valueSum ? 3...30 : 1...5, using: &generator)))
        }
        var time: Int64 = 0
        var events: [TestEvent] = []
        for index in 0..<150 {
            time += Int64([0, 0, 1, 2, 5, 30, 90].randomElement(using: &generator) ?? 1)
            events.append(
                TestEvent(
                    time: time, uid: "e\(index)",
                    fields: [
                        "k": ["a", "b"].randomElement(using: &generator) ?? "a",
                        "op": ["x", "y", "z"].randomElement(using: &generator) ?? "x",
                    ], numbers: ["v": Int.random(in: 0...6, using: &generator)]))
        }
        let yaml = ([ReferenceEvaluator.base] + rules.map(\.yaml)).joined(separator: "\n---\n")
        return (rules, yaml, events)
    }

    private func names(_ alerts: [Alert]) -> [String] {
        alerts.map { "\($0.ruleName)|\($0.group.first?.value ?? "")|\($0.relatedEvents.last ?? "")" }
    }

    @Test("fire exactly where the obvious evaluator does, in order and shuffled within the lateness", arguments: 0..<60)
    func agreesWithReference(seed: Int) throws {
        let (rules, yaml, events) = Self.example(UInt64(seed))
        let expected = ReferenceEvaluator.firings(rules, events)
        let inOrder = names(try Bench.run(yaml, events, suppresses: false))
        #expect(Set(inOrder) == expected, "seed \(seed)\n\(yaml)")
        #expect(inOrder.count == expected.count, "seed \(seed): a firing came twice")

        var generator = SeededGenerator(seed: UInt64(seed) + 1000)
        let mixed = shuffled(events, within: 60, &generator)
        let outOfOrder = names(try Bench.run(yaml, mixed, suppresses: false))
        #expect(Set(outOfOrder) == expected, "seed \(seed), shuffled\n\(yaml)")
        #expect(outOfOrder.count == expected.count, "seed \(seed), shuffled: a firing came twice")
    }

    @Test("give the same alert ids in any order, and across a restart after every event", arguments: 100..<140)
    func sameIDs(seed: Int) throws {
        let (_, yaml, events) = Self.example(UInt64(seed))
        let expected = Set(try Bench.run(yaml, events).map(\.id))
        var generator = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<3 {
            let mixed = shuffled(events, within: 60, &generator)
            #expect(Set(try Bench.run(yaml, mixed).map(\.id)) == expected, "seed \(seed)\n\(yaml)")
        }
        let restarting = try Bench(yaml)
        for event in shuffled(events, within: 60, &generator) {
            try restarting.take(event)
            #expect(restarting.restart() == 0)
        }
        restarting.finish()
        #expect(Set(restarting.alerts.map(\.id)) == expected, "seed \(seed), restarts\n\(yaml)")
        #expect(restarting.alerts.count == expected.count, "seed \(seed): an alert came twice")
    }

    @Test("give the same alerts when the stream is delivered twice", arguments: 200..<220)
    func duplicates(seed: Int) throws {
        let (_, yaml, events) = Self.example(UInt64(seed))
        let expected = try Bench.run(yaml, events, suppresses: false).map(\.id).sorted()
        let doubled = events.flatMap { [$0, $0] }
        #expect(try Bench.run(yaml, doubled, suppresses: false).map(\.id).sorted() == expected, "seed \(seed)\n\(yaml)")
    }

    @Test("keep a snapshot that equals itself after restoring", arguments: 300..<320)
    func snapshotIsAValue(seed: Int) throws {
        let (_, yaml, events) = Self.example(UInt64(seed))
        let bench = try Bench(yaml)
        try bench.take(events)
        let before = bench.engine.snapshot()
        #expect(bench.restart() == 0)
        #expect(bench.engine.snapshot() == before)
    }

    @Test("add up changes to the snapshot", arguments: 320..<330)
    func changesAddUp(seed: Int) throws {
        let (_, yaml, events) = Self.example(UInt64(seed))
        let bench = try Bench(yaml)
        var rows: [String: [UInt8]] = [:]
        for event in events {
            try bench.take(event)
            for change in bench.engine.takeChanges() { rows["\(change.state) \(change.key)"] = change.value }
        }
        var expected: [String: [UInt8]] = [:]
        for row in bench.engine.snapshot().rows { expected["\(row.state) \(row.key)"] = row.value }
        #expect(rows == expected)
    }
}
