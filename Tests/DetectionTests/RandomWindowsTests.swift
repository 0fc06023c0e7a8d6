// SPDX-License-Identifier: Apache-2.0

import Detection
import Foundation
import Testing

/// Rules, events and how they come, by chance.
private struct Example {
    private static let hour: Int64 = 3_600_000
    private static let spans: [[Int64]] = [
        [1000, 5000, 20_000], [10_000, 60_000, 600_000], [600_000, hour, 6 * hour],
        [hour, 48 * hour, 720 * hour, 954 * hour],
    ]

    var generator: SeededGenerator
    let spans: [Int64]
    let lateness: Int64
    let events: [RandomWindows.Event]
    var arrivals: [(at: Int64, place: UInt64, event: RandomWindows.Event)] = []
    var rules: [RandomWindows.Rule]
    /// A restart at one in so many events; 0: none. Where rules change, so do they.
    let restarts: Int
    let changes: Int
    /// Whether there are more windows than one log has room for.
    let isFull: Bool
    private var added = 0

    init(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: values.indices, using: &generator)] }
        let spans = pick(Self.spans)
        let longest = spans[spans.count - 1]
        let isInOrder = pick([true, false, false, false])
        let lateness =
            isInOrder
            ? pick([1, 1000]) : pick([spans[0] / 2, spans[0] * 2, 60_000, min(longest / 2, 144 * Self.hour)])
        var make = RandomEvents(
            keys: ["a", "b", "c"], steps: [0...1, 0...(spans[0] / 10), 0...(spans[0] / 2), 0...(longest / 10)])
        if pick([true, false]) { make.steps.append((longest / 2)...(longest * 2)) }
        if pick([true, false, false, false, false]) { make.steps.append((longest * 3)...(longest * 70)) }
        if pick([true, false]) { make.keys = ["a"] }
        make.hasOddNumbers = pick([true, false])
        // A late event below zero cannot take back what has fired.
        make.hasNegatives = isInOrder && pick([true, false])
        make.hasOddIDs = !make.hasNegatives && pick([true, false])
        make.names = pick([4, 12, 90])
        changes = pick([60, 0, 0])
        isFull = changes > 0 && pick([true, false])
        // More events of one key than a log keeps.
        let isCrowded = Int.random(in: 0..<60, using: &generator) == 30
        if isCrowded { (make.keys, make.names, make.steps) = (["a"], 90, [0...1, 0...10, 0...(spans[0] / 500)]) }
        restarts = pick([0, 100, 10, isCrowded ? 200 : 1])
        (self.spans, self.lateness) = (spans, lateness)
        let count = isCrowded ? 5000 : Int.random(in: 200...600, using: &generator)
        let events = make.make(count, &generator)
        self.events = events
        if isInOrder {
            let sorted = events.sorted { $0.time != $1.time ? $0.time < $1.time : $0.order < $1.order }
            arrivals = sorted.enumerated().map { (Int64($0), 0, $1) }
        } else {
            for event in events {
                arrivals.append((event.time + pick([0, lateness, lateness / 3]), generator.next(), event))
                if pick([true] + [Bool](repeating: false, count: 9)) {
                    arrivals.append((event.time + pick([0, lateness, lateness / 2]), generator.next(), event))
                }
            }
            arrivals.sort { ($0.at, $0.place) < ($1.at, $1.place) }
        }
        rules = []
        self.generator = generator
        for _ in 0..<(isFull ? 30 : Int.random(in: 2...10, using: &self.generator)) { addRule() }
    }

    mutating func comes(in steps: Int) -> Bool { steps > 0 && Int.random(in: 0..<steps, using: &generator) == 0 }

    private mutating func addRule() {
        var rule = RandomWindows.Rule("r\(added)", spans: spans, &generator)
        if isFull { rule.group = ["x": "a", "y": "a"] }
        added += 1
        rules.append(rule)
    }

    /// Takes a rule away, adds some, and puts all in another order.
    mutating func changeRules() {
        if rules.count > 1 { rules.removeLast(min(rules.count - 1, rules.count > 50 ? 15 : comes(in: 2) ? 1 : 0)) }
        for _ in 0..<Int.random(in: 0...(isFull ? 12 : 1), using: &generator) { addRule() }
        rules.shuffle(using: &generator)
    }
}

@Suite("Windows that share their events, by chance") struct RandomWindowsTests {
    /// `GATEWATCH_SEEDS=0-2000 swift test --filter RandomWindowsTests` tries more.
    private static let seeds: Range<Int> = {
        let ends = (ProcessInfo.processInfo.environment["GATEWATCH_SEEDS"] ?? "").split(separator: "-").compactMap {
            Int($0)
        }
        return ends.count == 2 && ends[0] < ends[1] ? ends[0]..<ends[1] : 0..<12
    }()

    @Test("fire at the events at which each by itself would", arguments: seeds)
    func equal(seed: Int) throws {
        var example = Example(seed: seed)
        var bench = try Bench(RandomWindows.yaml(example.rules), suppresses: false, lateness: example.lateness)
        var rows: [String: EngineState.Row] = [:]
        var alerts: [Alert] = []
        var stayed = Set(example.rules.map(\.name))
        func stored() -> EngineState {
            for change in bench.engine.takeChanges() {
                rows["\(change.state) \(change.key)"] = change.value.map {
                    EngineState.Row(state: change.state, key: change.key, value: $0)
                }
            }
            return EngineState(newest: bench.engine.newest, rows: Array(rows.values))
        }
        for (_, _, event) in example.arrivals {
            try bench.take(json: event.json)
            if example.comes(in: example.changes) {
                let state = stored()
                alerts += bench.alerts
                example.changeRules()
                stayed.formIntersection(example.rules.map(\.name))
                bench = try Bench(RandomWindows.yaml(example.rules), suppresses: false, lateness: example.lateness)
                _ = bench.engine.restore(state)
            } else if example.comes(in: example.restarts) {
                let state = stored()
                // The rows of rules that went are there still.
                if example.changes == 0 {
                    // Not their values: the text of a long id is forgotten once nothing can reach the event.
                    let rows = bench.engine.snapshot().rows
                    #expect(state.rows.map(\.key) == rows.map(\.key), "seed \(seed)")
                }
                bench.engine = Engine(plan: bench.plan, options: bench.options)
                let left = bench.engine.restore(state)
                if example.changes == 0 { #expect(left == 0, "seed \(seed)") }
            }
        }
        bench.finish()
        #expect(bench.late == [])
        let fired = RandomWindows.fired((alerts + bench.alerts).filter { stayed.contains($0.ruleName) })
        #expect(fired.count == Set(fired).count, "seed \(seed): an alert came twice")
        for rule in example.rules where stayed.contains(rule.name) {
            let difference = RandomWindows.expected(rule, example.events).symmetricDifference(
                fired.filter { $0.hasPrefix(rule.name + " ") })
            #expect(difference.isEmpty, "seed \(seed), \(difference.sorted().prefix(4)), \(rule)")
        }
    }
}
