// SPDX-License-Identifier: Apache-2.0

import Detection
import Foundation
import Testing

/// Rules with baselines, peers, shares and first uses over the same events, by chance: a few people of two teams over some days,
/// mostly at their usual rate, now and then far above it.
private struct Habits {
    let yaml: String
    private(set) var events: [TestEvent] = []

    init(seed: Int, hasBaselines: Bool = true) {
        var generator = SeededGenerator(seed: UInt64(seed))
        func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: values.indices, using: &generator)] }
        var rules = """
            title: Query
            name: query
            logsource: { category: test }
            detection: { selection: { op: query }, condition: selection }
            ---
            title: Write
            name: write
            logsource: { category: test }
            detection: { selection: { op: write }, condition: selection }
            ---
            title: Other thing
            name: other
            logsource: { category: test }
            detection: { selection: { op: [query, write] }, condition: selection }
            gatewatch:
              first_seen: { field: thing, group-by: [identity], learning: 6h, history: 3d,
                peers: { group-by: team, minimum: 2, common: 0.5, then: \(pick(["silent", "lower"])) } }
            """
        for name in 0..<Int.random(in: 2...4, using: &generator) {
            let isSum = pick([true, false])
            let limit = pick(isSum ? [20, 40] : [2, 4])
            let word = pick(["silent", "peers", "floor"])
            let peers =
                word == "peers" || pick([true, false])
                ? ", peers: { group-by: team, minimum: 2, quantile: \(pick(["0.5", "0.9"])), ratio: \(pick(["1", "2"])), combine: \(pick(["and", "or"])) }"
                : ""
            let baseline =
                "baseline: { history: 7d, minimum: { history: 3h, buckets: 3 }, season: \(pick(["none", "hour_of_day"])), threshold: 2, ratio: \(pick(["1.5", "3"])), cold_start: \(word)\(peers) }"
            rules += """

                ---
                title: Much \(name)
                name: c\(name)
                correlation:
                  type: \(isSum ? "value_sum" : "event_count")
                  rules: [\(pick(["query", "write", "query, write"]))]
                  group-by: [identity]
                  timespan: \(pick(["1m", "10m", "1h"]))
                  condition: { \(isSum ? "field: items, " : "")gte: \(limit) }
                gatewatch:
                  suppress: { episode: 30m }
                  \(hasBaselines ? baseline : "risk: { points: 1 }")
                """
        }
        yaml = rules
        for (number, identity) in ["ana", "ben", "cleo", "dan", "eve"].enumerated() {
            let usual = Int.random(in: 1...15, using: &generator)
            let gap: Int64 = pick([120, 900, 3600])
            var time = Int64.random(in: 0...7200, using: &generator)
            for event in 0..<120 {
                let isMuch = pick([true] + [Bool](repeating: false, count: 24))
                time += isMuch ? 1 : Int64.random(in: 0...(2 * gap), using: &generator)
                for part in 0..<(isMuch ? 8 : 1) {
                    events.append(
                        TestEvent(
                            time: time, fraction: Int64(part), uid: "\(identity)-\(event)-\(part)",
                            fields: [
                                "op": pick(["query", "query", "write"]), "identity": identity,
                                "team": number < 3 ? "red" : "blue", "thing": "t\(pick([1, 1, 1, 2, 3]))",
                            ],
                            numbers: ["items": Double(isMuch ? 40 : Int.random(in: 1...usual, using: &generator))]))
                }
            }
        }
        events.sort { ($0.offset, $0.uid) < ($1.offset, $1.uid) }
    }
}

@Suite("Baselines, peers and first uses, by chance") struct RandomBaselinesTests {
    /// `GATEWATCH_SEEDS=0-500 swift test --filter RandomBaselinesTests` tries more.
    private static let seeds: Range<Int> = {
        let ends = (ProcessInfo.processInfo.environment["GATEWATCH_SEEDS"] ?? "").split(separator: "-").compactMap {
            Int($0)
        }
        return ends.count == 2 && ends[0] < ends[1] ? ends[0]..<ends[1] : 0..<4
    }()

    @Test("give the same alerts shuffled within the lateness, and with restarts at any event", arguments: seeds)
    func same(seed: Int) throws {
        let habits = Habits(seed: seed)
        var generator = SeededGenerator(seed: UInt64(seed) + 1_000_000)
        for suppresses in [true, false] {
            let expected = try Bench.run(habits.yaml, habits.events, suppresses: suppresses).map(\.id).sorted()
            #expect(expected.count == Set(expected).count, "seed \(seed)")
            for restarts in [0, 25, 3] {
                let mixed = shuffled(habits.events, within: 60, &generator)
                let bench = try Bench(habits.yaml, suppresses: suppresses)
                var stored = Bench.Stored()
                for event in mixed {
                    try bench.take(event)
                    guard restarts > 0, Int.random(in: 0..<restarts, using: &generator) == 0 else { continue }
                    #expect(bench.restart(through: &stored) == 0, "seed \(seed)")
                }
                bench.finish()
                #expect(bench.late == [])
                let found = bench.alerts.map(\.id).sorted()
                #expect(
                    found == expected, "seed \(seed), restarts \(restarts), suppresses \(suppresses)\n\(habits.yaml)")
            }
        }
    }

    @Test("the rules of these tests fire, and less than without baselines")
    func fire() throws {
        var (with, without) = (0, 0)
        for seed in 0..<8 {
            let (usual, plain) = (Habits(seed: seed), Habits(seed: seed, hasBaselines: false))
            func count(_ habits: Habits) throws -> Int {
                try Bench.run(habits.yaml, habits.events).count { $0.ruleName.hasPrefix("c") }
            }
            with += try count(usual)
            without += try count(plain)
        }
        #expect(with > 20)
        #expect(without > with)
    }
}
