// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Sigma
import Testing
import YAMLDocument

/// Sigma specification 2.1, "Correlation rules": what each part of a rule does to events. How rules are read, and what is
/// refused, is in SigmaTests.
@Suite("Sigma checklist 1.8: correlations over events")
struct ChecklistCorrelationTests {
    static let start = TestEvent.start

    /// The detections `a` to `d`, each of which matches its own operation, and a correlation over them.
    static func yaml(_ lines: String, name: String = "corr", extra: String = "") -> String {
        let bases = ["a", "b", "c", "d"].map { name in
            """
            title: Base \(name)
            id: id-\(name)
            name: \(name)
            logsource: { category: test }
            detection: { s: { op: \(name) }, condition: s }
            level: informational
            """
        }
        return (bases + [correlation(lines, name: name, extra: extra)]).joined(separator: "\n---\n")
    }

    static func correlation(_ lines: String, name: String, extra: String = "") -> String {
        let body = lines.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
        return "title: Correlation \(name)\nname: \(name)\ncorrelation:\n\(body)\n\(extra)"
    }

    /// An event of operation `op` at a millisecond.
    static func event(
        _ time: Int64, _ op: String, k: String? = "ana", v: Double? = nil, fields: [String: String] = [:]
    ) -> TestEvent {
        var event = TestEvent(time: time / 1000, fraction: time % 1000, uid: "\(op)\(time)", fields: fields)
        event.fields["op"] = op
        event.fields["k"] = k
        event.numbers["v"] = v
        return event
    }

    /// When the rule fired, ms since the first event's time.
    private func times(_ lines: String, _ events: [TestEvent], extra: String = "") throws -> [Int64] {
        try Bench.run(Self.yaml(lines, extra: extra), events, suppresses: false).map { $0.time - Self.start }
    }

    private func values(_ lines: String, _ numbers: [Double]) throws -> [Double] {
        let events = numbers.enumerated().map { Self.event(Int64($0) * 1000, "a", v: $1) }
        return try Bench.run(Self.yaml(lines), events, suppresses: false).compactMap(\.value)
    }

    // MARK: Types

    @Test("value_avg: the mean of the window, judged when the watermark has passed")
    func average() throws {
        let rule = "type: value_avg\nrules: a\ngroup-by: k\ntimespan: 60s\ncondition: { field: v, gte: 4 }"
        #expect(try values(rule, [3, 5, 4, 3, 6]) == [4, 4, 4.2])
        #expect(try values(rule, [3, 4.99]) == [])
        let bench = try Bench(Self.yaml(rule), suppresses: false)
        try bench.take([Self.event(0, "a", v: 9), Self.event(60_000, "d")])
        #expect(bench.alerts.isEmpty)
        try bench.take(Self.event(60_001, "d"))
        #expect(bench.alerts.map(\.value) == [9])
        #expect(
            bench.alerts.first?.message == "ana: Correlation corr: v of 9 on average within 60s (limit: at least 4).")
    }

    @Test("value_avg: a late event that lowers the mean keeps it from firing, in any order")
    func averageInAnyOrder() throws {
        let rule = "type: value_avg\nrules: a\ngroup-by: k\ntimespan: 60s\ncondition: { field: v, gte: 4 }"
        let events = [Self.event(0, "a", v: 1), Self.event(1000, "a", v: 6), Self.event(2000, "a", v: 5)]
        for order in permutations(events) { #expect(try times(rule, order) == [2000]) }
    }

    @Test("value_avg and value_percentile: an event without a number is not counted")
    func noNumber() throws {
        for type in ["value_avg", "value_median"] {
            let rule = "type: \(type)\nrules: a\ngroup-by: k\ntimespan: 60s\ncondition: { field: v, lte: 2 }"
            let events = [Self.event(0, "a"), Self.event(1000, "a", v: 2), Self.event(2000, "a", fields: ["v": "x"])]
            #expect(try times(rule, events) == [1000])
        }
    }

    @Test(
        "value_percentile: interpolated linearly between the values around it",
        arguments: [
            (0.0, [5, 1, 3], 1), (100, [5, 1, 3], 5), (50, [5, 1, 3], 3), (50, [1, 2, 3, 4], 2.5), (95, [10], 10),
            (95, Array(1...101).map(Double.init), 96), (90, [0, 10], 9), (25, [4, 4, 4, 8], 4), (75, [4, 4, 4, 8], 5),
        ] as [(Double, [Double], Double)])
    func percentile(percentile: Double, numbers: [Double], expected: Double) throws {
        let rule =
            "type: value_percentile\nrules: a\ngroup-by: k\ntimespan: 1h\n"
            + "condition: { field: v, percentile: \(percentile), gte: -1 }"
        #expect(try values(rule, numbers).last == expected)
        #expect(try values(rule, numbers.reversed()).last == expected)
    }

    @Test("value_median: the percentile 50; values leave it with the window")
    func median() throws {
        let rule = "type: value_median\nrules: a\ngroup-by: k\ntimespan: 2s\ncondition: { field: v, gte: 0 }"
        #expect(try values(rule, [9, 9, 1, 1, 1, 5]) == [9, 9, 9, 1, 1, 1])
    }

    @Test("value_count over a list of fields: distinct tuples; an event without one of them is not counted")
    func tuples() throws {
        let rule = "type: value_count\nrules: a\ngroup-by: k\ntimespan: 60s\ncondition: { field: [m, n], gte: 3 }"
        func at(_ time: Int64, _ m: String, _ n: String?) -> TestEvent {
            Self.event(time, "a", fields: ["m": m].merging(n.map { ["n": $0] } ?? [:]) { a, _ in a })
        }
        let events = [at(0, "x", "y"), at(1000, "x", "y"), at(2000, "y", "x"), at(3000, "x", nil)]
        #expect(try times(rule, events) == [])
        #expect(try times(rule, events + [at(4000, "xy", "")]) == [4000])
        #expect(try times(rule, events + [at(60_000, "x", "z")]) == [60_000])
        #expect(try times(rule, events + [at(62_001, "x", "z")]) == [])
    }

    @Test("value_count over a list of fields: each value of an array makes a tuple")
    func arrays() throws {
        let bench = try Bench(
            Self.yaml("type: value_count\nrules: a\ntimespan: 60s\ncondition: { field: [m, n], gte: 4 }"))
        func json(_ m: String) -> String { #"{"time":\#(Self.start),"op":"a","m":\#(m),"n":["p","q"]}"# }
        try bench.take(json: json(#"["x"]"#))
        #expect(bench.alerts.isEmpty)
        try bench.take(json: json(#"["x","y"]"#))
        #expect(bench.alerts.map(\.value) == [4])
    }

    // MARK: Conditions

    @Test(
        "condition: a range of two limits, eq and neq, for every type",
        arguments: [
            ("event_count", "", [1.0, 2]), ("value_count", "field: v, ", [1, 2]), ("value_sum", "field: v, ", [1]),
            ("value_avg", "field: v, ", [1, 1.5, 2]), ("value_median", "field: v, ", [1, 1.5, 2]),
            ("value_percentile", "field: v, percentile: 0, ", [1, 1, 1]),
        ])
    func ranges(type: String, field: String, expected: [Double]) throws {
        func rule(_ limits: String) -> String {
            "type: \(type)\nrules: a\ngroup-by: k\ntimespan: 60s\ncondition: { \(field)\(limits) }"
        }
        #expect(try values(rule("gte: 1, lte: 2"), [1, 2, 3]) == expected)
        #expect(try values(rule("gt: 0, lt: 2.5"), [1, 2, 3]) == expected)
        #expect(try values(rule("eq: 1"), [1, 2, 3]).allSatisfy { $0 == 1 })
        #expect(try values(rule("neq: 1"), [1, 2, 3]).allSatisfy { $0 != 1 })
        #expect(try values(rule("neq: 1"), [1, 2, 3]).count + values(rule("eq: 1"), [1, 2, 3]).count == 3)
    }

    @Test("temporal with a condition over rules: and, or, parentheses; fires at the event that completes it")
    func extendedTemporal() throws {
        for type in ["temporal", "temporal_extended"] {
            let rule = "type: \(type)\ngroup-by: k\ntimespan: 60s\ncondition: a and (b or id-c)"
            #expect(try times(rule, [Self.event(0, "a"), Self.event(1000, "d")]) == [])
            #expect(try times(rule, [Self.event(0, "c"), Self.event(60_000, "a")]) == [60_000])
            #expect(try times(rule, [Self.event(0, "c"), Self.event(60_001, "a")]) == [])
            #expect(try times(rule, [Self.event(0, "b"), Self.event(1000, "c")]) == [])
            let apart = [Self.event(0, "a"), Self.event(1000, "b", k: "ben"), Self.event(2000, "b", k: nil)]
            #expect(try times(rule, apart) == [])
        }
    }

    @Test("temporal_ordered with a condition over rules: the order of the rules, or of the condition without them")
    func extendedOrdered() throws {
        let events = [Self.event(0, "a"), Self.event(1000, "b"), Self.event(2000, "c")]
        func rule(_ lines: String) -> String { "type: temporal_ordered\ngroup-by: k\ntimespan: 60s\n\(lines)" }
        #expect(try times(rule("condition: a and b and c"), events) == [2000])
        #expect(try times(rule("condition: c and b and a"), events) == [])
        #expect(try times(rule("rules: [a, b, c]\ncondition: c and b and a"), events) == [2000])
        #expect(try times(rule("condition: a and (d or c)"), events) == [2000])
        #expect(try times(rule("condition: (b and a) or (b and c)"), events) == [2000])
        let extended = "type: temporal_ordered_extended\ntimespan: 60s\ncondition: b and c"
        #expect(try times(extended, events) == [2000])
    }

    @Test("not: fires when the window that the first match opened is over, unless the rule matched in it")
    func absence() throws {
        let rule = "type: temporal\ngroup-by: k\ntimespan: 60s\ncondition: a and b and not c"
        let pair = [Self.event(0, "a"), Self.event(10_000, "b")]
        #expect(try times(rule, pair) == [60_000])
        #expect(try times(rule, pair + [Self.event(60_000, "c")]) == [])
        #expect(try times(rule, pair + [Self.event(60_001, "c")]) == [60_000])
        #expect(try times(rule, pair + [Self.event(30_000, "c", k: "ben")]) == [60_000])
        // What was before the window does not count.
        #expect(try times(rule, [Self.event(0, "c"), Self.event(1, "a"), Self.event(2, "b")]) == [60_001])
        #expect(try times(rule, [Self.event(0, "a"), Self.event(60_001, "b")]) == [])
        for order in permutations(pair + [Self.event(60_000, "c"), Self.event(9000, "d")]) {
            #expect(try times(rule, order) == [])
        }
    }

    @Test("not: nothing is said before no event can come into the window, and then once")
    func absenceWaits() throws {
        let rule = "type: temporal\ngroup-by: k\ntimespan: 60s\ncondition: a and not c"
        let bench = try Bench(Self.yaml(rule), lateness: 10_000)
        try bench.take([Self.event(0, "a"), Self.event(70_000, "d")])
        #expect(bench.alerts.isEmpty)
        // A silent partition waits for late events no longer, but the window of an event that was just now is open.
        try bench.take(Self.event(69_000, "a", k: "ben"))
        #expect(bench.engine.isWaiting)
        bench.release()
        #expect(bench.alerts.map { $0.group.first?.value } == ["ana"])
        #expect(!bench.engine.isWaiting)
        #expect(bench.restart() == 0)
        try bench.take([Self.event(139_000, "d"), Self.event(139_001, "d")])
        #expect(bench.alerts.map { $0.group.first?.value } == ["ana", "ben"])
        let alert = try #require(bench.alerts.last)
        #expect(alert.time == Self.start + 129_000)
        #expect(alert.firstTime == Self.start + 69_000)
        #expect(alert.relatedEvents == ["a69000"])
        #expect(alert.limit == "a and not c")
        #expect(alert.message == "ben: Correlation corr: a and not c within 60s.")
    }

    @Test("not in temporal_ordered: the others in order, from the match that opened the window")
    func orderedAbsence() throws {
        let rule = "type: temporal_ordered\ngroup-by: k\ntimespan: 60s\ncondition: a and b and not c"
        #expect(try times(rule, [Self.event(0, "a"), Self.event(1000, "b")]) == [60_000])
        #expect(try times(rule, [Self.event(0, "b"), Self.event(1000, "a")]) == [])
        #expect(try times(rule, [Self.event(0, "a"), Self.event(0, "b")]) == [60_000])
        #expect(try times(rule, [Self.event(0, "a"), Self.event(1000, "b"), Self.event(59_000, "c")]) == [])
        let again = [Self.event(0, "b"), Self.event(500, "a"), Self.event(1000, "b")]
        #expect(try times(rule, again) == [60_500])
    }

    @Test("not: an absence is an event for correlations over it, at the time at which it was certain")
    func absenceInChain() throws {
        let yaml =
            Self.yaml("type: temporal\ngroup-by: k\ntimespan: 60s\ncondition: a and not c", name: "silent") + "\n---\n"
            + Self.correlation(
                "type: temporal_ordered\nrules: [silent, d]\ngroup-by: k\ntimespan: 10s", name: "over")
        func fired(_ events: [TestEvent]) throws -> [Int64] {
            try Bench.run(yaml, events).map { $0.time - Self.start }
        }
        #expect(try fired([Self.event(0, "a"), Self.event(70_000, "d")]) == [70_000])
        #expect(try fired([Self.event(0, "a"), Self.event(59_999, "d")]) == [])
        #expect(try fired([Self.event(0, "a"), Self.event(70_001, "d")]) == [])
        #expect(try fired([Self.event(70_000, "d"), Self.event(10_000, "a")]) == [70_000])
    }

    // MARK: The rest of the block

    @Test("no group-by: one group for all events")
    func noGroup() throws {
        let rule = "type: event_count\nrules: [a, b]\ntimespan: 1m\ncondition: { gte: 2 }"
        #expect(try times(rule, [Self.event(0, "a", k: "ana"), Self.event(1, "b", k: nil)]) == [1])
    }

    @Test("group-by: an event without one of the fields is not counted (D8)")
    func missingKey() throws {
        let rule = "type: event_count\nrules: a\ngroup-by: [k, m]\ntimespan: 1m\ncondition: { gte: 1 }"
        #expect(try times(rule, [Self.event(0, "a", fields: ["m": "x"]), Self.event(1, "a")]) == [0])
    }

    @Test("the edges of the window belong to it, for every type (D10)")
    func edges() throws {
        for (type, condition) in [
            ("event_count", "condition: { eq: 2 }"), ("value_sum", "condition: { field: v, eq: 2 }"),
            ("value_avg", "condition: { field: v, gt: 1, lt: 1.5 }"),
            ("value_percentile", "condition: { field: v, percentile: 50, gt: 1, lt: 1.5 }"),
            ("temporal", "condition: a and b"), ("temporal_ordered", "condition: a and b"),
        ] {
            let rules = type.hasPrefix("temporal") ? "" : "rules: [a, b]\n"
            let rule = "type: \(type)\n\(rules)timespan: 10s\n\(condition)"
            let low = type == "value_sum" ? 1.0 : 0.5
            for (time, expected) in [(10_000, [10_000]), (10_001, [])] as [(Int64, [Int64])] {
                let events = [Self.event(0, "a", v: low), Self.event(time, "b", v: type == "value_sum" ? 1 : 2)]
                #expect(try times(rule, events) == expected, "\(type)")
            }
        }
    }

    @Test("rules by id or by name, and correlations over correlations, fire for the rule that is meant")
    func references() throws {
        let yaml =
            Self.yaml("type: event_count\nrules: id-a\ngroup-by: k\ntimespan: 1m\ncondition: { gte: 2 }", name: "low")
            + "\n---\n"
            + Self.correlation(
                "type: temporal\nrules: [low, id-b]\ngroup-by: k\ntimespan: 1m\n", name: "top", extra: "level: high")
        let events = [Self.event(0, "a"), Self.event(1, "a"), Self.event(2, "b")]
        let alerts = try Bench.run(yaml, events)
        #expect(alerts.map(\.ruleName) == ["top"])
        #expect(alerts.first?.level == "high")
        let loud = try Bench.run(
            yaml.replacing("level: high", with: "generate: true").replacing("informational", with: "low"), events)
        #expect(loud.map(\.ruleName).sorted() == ["b", "low", "top"])
    }

    @Test("aliases: another field per rule")
    func aliases() throws {
        let rule =
            "type: temporal\nrules: [a, b]\ngroup-by: who\ntimespan: 1m\naliases: { who: { a: k, b: other } }"
        let events = [Self.event(0, "a", k: "ana"), Self.event(1, "b", k: "ben", fields: ["other": "ana"])]
        #expect(try times(rule, events) == [1])
        #expect(try times(rule, [events[0], Self.event(1, "b", k: "ana", fields: ["other": "ben"])]) == [])
    }

    @Test("months and years are timespans")
    func longTimespans() throws {
        for (timespan, milliseconds) in [("1M", 2_629_746_000), ("1y", 31_556_952_000)] as [(String, Int64)] {
            let rule = "type: event_count\nrules: a\ntimespan: \(timespan)\ncondition: { gte: 2 }"
            #expect(try times(rule, [Self.event(0, "a"), Self.event(milliseconds, "a")]) == [milliseconds])
            #expect(try times(rule, [Self.event(0, "a"), Self.event(milliseconds + 1, "a")]) == [])
        }
    }
}
