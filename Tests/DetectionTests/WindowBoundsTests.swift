// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Testing

@Suite("Windows past their bounds")
struct WindowBoundsTests {
    private typealias Make = ChecklistCorrelationTests

    private func alerts(_ yaml: String, _ events: [TestEvent], restarts: Bool = false) throws -> [Alert] {
        let bench = try Bench(yaml, suppresses: false)
        for (index, event) in events.enumerated() {
            try bench.take(event)
            if restarts, index % 997 == 0 { #expect(bench.restart() == 0) }
        }
        bench.finish()
        return bench.alerts
    }

    private func ids(_ yaml: String, _ events: [TestEvent], restarts: Bool = false) throws -> [String] {
        try alerts(yaml, events, restarts: restarts).map(\.id).sorted()
    }

    /// One event every half second; each value is a quarter, so that sums are exact.
    private func stream(_ count: Int, _ generator: inout SeededGenerator) -> [TestEvent] {
        (0..<count).map { index in
            Make.event(Int64(index) * 500, "a", v: Double(Int.random(in: 0...40, using: &generator)) / 4)
        }
    }

    @Test(
        "more than 4,096 events in a window fire the same in any order and across restarts",
        arguments: ["value_sum", "value_avg", "value_median", "value_percentile"])
    func anyOrder(type: String) throws {
        var generator = SeededGenerator(seed: 11)
        let events = stream(5500, &generator)
        let full = 5100
        // As the documents say: of a sum the window begins with the cell of its edge, of the others it is the newest 4,096.
        let values = (full..<events.count).map { i -> Double in
            let oldest = events[i].offset + TestEvent.start - 2_500_000
            let window = events[...i].suffix(5010).filter {
                $0.offset + TestEvent.start >= (type == "value_sum" ? oldest / 2441 * 2441 : oldest)
            }
            let numbers = window.compactMap { $0.numbers["v"] }
            if type == "value_sum" { return numbers.reduce(0, +) }
            let newest = numbers.suffix(4096)
            if type == "value_avg" { return newest.reduce(0, +) / Double(newest.count) }
            return ReferenceEvaluator.percentile(type == "value_median" ? 50 : 90, Array(newest))
        }
        let limit = values.sorted()[200]
        let percentile = type == "value_percentile" ? "percentile: 90, " : ""
        let yaml = Make.yaml(
            "type: \(type)\nrules: a\ngroup-by: k\ntimespan: 2500s\ncondition: { field: v, \(percentile)gte: \(limit) }"
        )
        let inOrder = try alerts(yaml, events)
        let last = inOrder.count { $0.time >= TestEvent.start + events[full].offset }
        #expect(last == values.count { $0 >= limit })
        let expected = inOrder.map(\.id).sorted()
        let mixed = shuffled(events, within: 60, &generator)
        #expect(try ids(yaml, mixed) == expected)
        #expect(try ids(yaml, mixed, restarts: true) == expected)
    }

    @Test("a sum of more than 4,096 events begins at most 1/1024 of the timespan early")
    func sumEdge() throws {
        let yaml = Make.yaml(
            "type: value_sum\nrules: a\ngroup-by: k\ntimespan: 1024s\ncondition: { field: v, gte: 1000000 }")
        // A million at second 0.5, then a flood of nothing.
        var events = [Make.event(500, "a", v: 1_000_000)]
        for index in 0..<12_000 { events.append(Make.event(1000 + Int64(index) * 100, "a", v: 0)) }
        let last = try Bench.run(yaml, events, suppresses: false).map { $0.time - TestEvent.start }.max() ?? 0
        #expect((1_024_500...1_025_500).contains(last))
        // The same with few events is exact.
        let few = [events[0], Make.event(1_024_500, "a", v: 0), Make.event(1_024_501, "a", v: 0)]
        #expect(try Bench.run(yaml, few, suppresses: false).count == 2)
    }

    @Test("a mean and a percentile of more than 4,096 events are of the newest of them", arguments: ["avg", "median"])
    func newest(type: String) throws {
        let yaml = Make.yaml(
            "type: value_\(type)\nrules: a\ngroup-by: k\ntimespan: 1d\ncondition: { field: v, gte: 0 }")
        let events = (0..<5000).map { Make.event(Int64($0) * 1000, "a", v: $0 < 904 ? 1_000_000 : 1) }
        let values = try Bench.run(yaml, events, suppresses: false).compactMap(\.value)
        #expect(values.count == 5000)
        #expect(values.last == 1)
        if type == "avg" { #expect(values[4998] > 200) }
    }

    @Test(
        "one key that never stops stays within bounds",
        arguments: [
            "type: value_avg\nrules: a\ncondition: { field: v, gt: 1000 }",
            "type: value_percentile\nrules: a\ncondition: { field: v, percentile: 99, gt: 1000 }",
            "type: temporal\ncondition: a and b and not c",
            "type: temporal_ordered\ncondition: a and b and not c",
            "type: temporal_ordered\ncondition: (a and b) or (b and c)",
        ])
    func bounded(rule: String) throws {
        let bench = try Bench(Make.yaml(rule + "\ngroup-by: k\ntimespan: 30d"), lateness: 1000)
        for index in 0..<20_000 {
            try bench.take(
                Make.event(Int64(index) * 10_000, ["a", "a", "b", "d"][index % 4], v: Double(index % 50)))
            if index % 1000 == 0 { bench.engine.discardChanges() }
        }
        #expect(bench.engine.size().bytes < 1 << 20)
        #expect(bench.restart() == 0)
    }

    @Test("a crowd of matches keeps which rules matched exact, and says the same in any order and across restarts")
    func crowd() throws {
        var generator = SeededGenerator(seed: 5)
        let events = (0..<3000).map { index in
            Make.event(
                Int64(index) * 100, index % 500 == 499 ? "c" : ["a", "b"][Int.random(in: 0...1, using: &generator)])
        }
        for type in ["temporal", "temporal_ordered"] {
            // Each 50 seconds a `c` comes; a window of 40 seconds fits between two of them.
            let yaml = Make.yaml("type: \(type)\ngroup-by: k\ntimespan: 40s\ncondition: a and b and not c")
            let expected = try ids(yaml, events)
            #expect(!expected.isEmpty)
            let mixed = shuffled(events, within: 60, &generator)
            #expect(try ids(yaml, mixed) == expected)
            #expect(try ids(yaml, mixed, restarts: true) == expected)
            let silent = Make.yaml("type: \(type)\ngroup-by: k\ntimespan: 50s\ncondition: a and b and not c")
            let last = try Bench.run(silent, events, suppresses: false).map { $0.firstTime - TestEvent.start }.min()
            #expect(last.map { $0 > 549_900 } ?? true)
        }
    }
}
