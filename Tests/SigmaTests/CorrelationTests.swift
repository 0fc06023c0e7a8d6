// SPDX-License-Identifier: Apache-2.0

import Sigma
import Testing
import YAMLDocument

/// Sigma specification 2.1, "Correlation rules": section 1.8 of the checklist.
@Suite("Correlations")
struct CorrelationTests {
    static func base(_ name: String, id: String? = nil) -> String {
        """
        title: Base \(name)
        name: \(name)
        \(id.map { "id: \($0)" } ?? "author: nobody")
        logsource: {}
        detection:
          s: { a: \(name) }
          condition: s
        ---

        """
    }

    static func correlation(_ lines: String, name: String = "corr") -> String {
        let body = lines.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }.joined(
            separator: "\n")
        return "title: Correlation \(name)\nname: \(name)\ncorrelation:\n\(body)\n"
    }

    private func only(_ text: String) throws -> CorrelationRule {
        let set = try ruleSet(text)
        try #require(set.errors == [])
        return try #require(set.correlations.first)
    }

    private func limits(_ rule: CorrelationRule) -> [String] {
        rule.bounds.map { bound in
            let whole = bound.limit == bound.limit.rounded()
            return "\(bound.comparison.rawValue) \(whole ? String(Int(bound.limit)) : String(bound.limit))"
        }
    }

    @Test("event_count, value_count, value_sum, temporal and temporal_ordered are read with all their fields")
    func kinds() throws {
        let bases = Self.base("one") + Self.base("two")
        let count = try only(
            bases
                + Self.correlation(
                    "type: event_count\nrules: [one]\ngroup-by: [user, host]\ntimespan: 10m\ncondition: { gte: 5 }"))
        #expect(count.kind == .eventCount)
        #expect(count.references == [.detection(0)])
        #expect(count.groupBy == ["user", "host"])
        #expect(count.groupFields == [["user", "host"]])
        #expect(count.timespan.milliseconds == 600_000)
        #expect(limits(count) == ["gte 5"])
        #expect(count.fields == [])
        #expect(!count.generate)

        let values = try only(
            bases
                + Self.correlation(
                    "type: value_count\nrules: two\ngroup-by: user\ntimespan: 1h\ncondition: { field: host, gt: 3 }"))
        #expect(values.kind == .valueCount)
        #expect(values.references == [.detection(1)])
        #expect(values.groupBy == ["user"])
        #expect(values.fields == ["host"])

        let sum = try only(
            bases
                + Self.correlation(
                    "type: value_sum\nrules: [one, two]\ntimespan: 1d\ncondition: { field: bytes, gt: 0.5 }"))
        #expect(sum.kind == .valueSum)
        #expect(sum.groupBy == [])
        #expect(sum.groupFields == [[], []])
        #expect(limits(sum) == ["gt 0.5"])

        let temporal = try only(bases + Self.correlation("type: temporal\nrules: [two, one]\ntimespan: 30s"))
        #expect(temporal.kind == .temporal)
        #expect(temporal.references == [.detection(1), .detection(0)])
        #expect(temporal.bounds == [])

        let ordered = try only(
            bases + Self.correlation("type: temporal_ordered\nrules: [two, one]\ntimespan: 4w\ncondition: { gte: 2 }"))
        #expect(ordered.kind == .temporalOrdered)
        #expect(ordered.timespan.milliseconds == 4 * 7 * 86_400_000)
        #expect(limits(ordered) == ["gte 2"])
    }

    @Test("a condition may hold a range, and eq and neq")
    func ranges() throws {
        let rule = try only(
            Self.base("one")
                + Self.correlation("type: event_count\nrules: one\ntimespan: 1m\ncondition: { gt: 3, lte: 6, neq: 5 }"))
        func holds(_ value: Double) -> Bool { rule.bounds.allSatisfy { $0.holds(value) } }
        #expect([2, 3, 4, 5, 6, 7].map(holds) == [false, false, true, false, true, false])
        let other = try only(
            Self.base("one")
                + Self.correlation("type: event_count\nrules: one\ntimespan: 1m\ncondition: { eq: 4, lt: 5, gte: 4 }"))
        #expect(limits(other) == ["eq 4", "lt 5", "gte 4"])
        #expect(
            other.bounds.map { bound in [3, 4, 5].map { bound.holds($0) } } == [
                [false, true, false], [true, true, false], [false, true, true],
            ])
    }

    @Test("references go by id or name, across documents and files, in any order")
    func references() throws {
        let correlation = Self.correlation(
            "type: temporal\nrules: [4f7d1b0c-7a52-4c8e-8d35-0f0a4e0f9b01, two]\ntimespan: 1m")
        let first = try YAMLReader.documents(text: correlation, file: "a.yml")
        let second = try YAMLReader.documents(text: Self.base("two"), file: "b.yml")
        let third = try YAMLReader.documents(
            text: Self.base("one", id: "4f7d1b0c-7a52-4c8e-8d35-0f0a4e0f9b01"), file: "c.yml")
        let set = RuleSet(documents: first + second + third)
        #expect(set.errors == [])
        #expect(set.correlations.first?.references == [.detection(1), .detection(0)])
    }

    @Test("correlations over correlations come after them, whatever the order of the documents")
    func chains() throws {
        let top = Self.correlation("type: temporal\nrules: [middle, one]\ngroup-by: user\ntimespan: 1d", name: "top")
        let middle = Self.correlation(
            "type: event_count\nrules: low\ngroup-by: user\ntimespan: 1h\ncondition: { gte: 2 }", name: "middle")
        let low = Self.correlation(
            "type: event_count\nrules: one\ngroup-by: [user, host]\ntimespan: 1m\ncondition: { gte: 3 }", name: "low")
        let set = try ruleSet([top, middle, low, Self.base("one")].joined(separator: "---\n"))
        #expect(set.errors == [])
        #expect(set.correlations.map(\.metadata.label) == ["low", "middle", "top"])
        #expect(
            set.correlations.map(\.references) == [
                [.detection(0)], [.correlation(0)], [.correlation(1), .detection(0)],
            ])
    }

    @Test("generate stands at the top or inside; without it referenced rules raise nothing of their own")
    func generate() throws {
        let lines = "type: event_count\nrules: one\ntimespan: 1m\ncondition: { gte: 3 }"
        let bases = Self.base("one") + Self.base("two")
        let silent = try ruleSet(bases + Self.correlation(lines))
        #expect(!silent.raisesAlerts(detection: 0))
        #expect(silent.raisesAlerts(detection: 1))
        #expect(silent.raisesAlerts(correlation: 0))
        for text in [Self.correlation(lines + "\ngenerate: true"), Self.correlation(lines) + "generate: true\n"] {
            let loud = try ruleSet(bases + text)
            #expect(loud.errors == [])
            #expect(loud.correlations.first?.generate == true)
            #expect(loud.raisesAlerts(detection: 0))
        }
        let both = try ruleSet(
            bases + Self.correlation(lines) + "---\n" + Self.correlation(lines + "\ngenerate: true", name: "other"))
        #expect(both.raisesAlerts(detection: 0))
        let chained = try ruleSet(
            bases + Self.correlation(lines) + "---\n"
                + Self.correlation("type: temporal\nrules: [corr, two]\ntimespan: 1m", name: "top"))
        #expect(chained.errors == [])
        #expect(!chained.raisesAlerts(correlation: 0))
        #expect(chained.raisesAlerts(correlation: 1))
    }

    @Test("an informational rule raises no alert")
    func informational() throws {
        let set = try ruleSet(
            "title: T\nlevel: informational\nlogsource: {}\ndetection: { s: { a: 1 }, condition: s }\n---\n"
                + Self.base("one")
                + Self.correlation("type: event_count\nrules: one\ntimespan: 1m\ncondition: { gte: 3 }")
                + "level: informational\n")
        #expect(set.errors == [])
        #expect(!set.raisesAlerts(detection: 0))
        #expect(!set.raisesAlerts(correlation: 0))
    }

    @Test("an alias stands for another field of each rule; a rule without an entry is left out")
    func aliases() throws {
        let bases = Self.base("one", id: "id-one") + Self.base("two") + Self.base("three")
        let rule = try only(
            bases
                + Self.correlation(
                    "type: temporal\nrules: [one, two, three]\ngroup-by: [who, host]\ntimespan: 1m\ncondition: { gte: 2 }\n"
                        + "aliases: { who: { id-one: user.name, two: actor } }"))
        #expect(rule.groupBy == ["who", "host"])
        #expect(rule.groupFields == [["user.name", "host"], ["actor", "host"], nil])
    }

    @Test("rules that do not apply to a source leave, and the correlations that need them")
    func filtered() throws {
        let other = Self.base("two").replacing("logsource: {}", with: "logsource: { product: other }")
        let bad = "title: Bad\nlogsource: {}\n---\n"
        let set = try ruleSet(
            bad + Self.base("one") + other
                + Self.correlation("type: event_count\nrules: one\ntimespan: 1m\ncondition: { gte: 3 }") + "---\n"
                + Self.correlation("type: temporal\nrules: [one, two]\ntimespan: 1m", name: "pair"))
        #expect(set.errors.count == 1)
        let kept = set.filtered { $0.logsource.product != "other" }
        #expect(kept.detections.map(\.metadata.label) == ["one"])
        #expect(kept.correlations.map(\.metadata.label) == ["corr"])
        #expect(kept.errors == set.errors)
        #expect(set.filtered { _ in true }.correlations.count == 2)
    }

    @Test("what names a rule: id, else name, else title")
    func keys() throws {
        let set = try ruleSet(
            Self.base("one", id: "id-one") + Self.base("two")
                + "title: Third\nlevel: high\nlogsource: {}\ndetection: { s: { a: 1 }, condition: s }\n")
        #expect(set.metadata.map(\.key) == ["id-one", "two", "Third"])
        #expect(set.metadata.map(\.label) == ["one", "two", "Third"])
        #expect(set.metadata.map(\.level) == [nil, nil, .high])
        #expect(RuleMetadata.Level.critical > .low)
        #expect(RuleMetadata.Level.allCases.map(\.severity) == [1, 2, 3, 4, 5])
    }

    @Test(
        "timespans",
        arguments: [
            ("1s", 1000), ("90m", 5_400_000), ("24h", 86_400_000), ("7d", 604_800_000), ("3650d", 315_360_000_000),
            ("0s", nil), ("-5m", nil), ("+5m", nil), ("10", nil), ("m", nil), ("", nil), ("1.5h", nil), ("1h30m", nil),
            ("5 m", nil),
            ("1M", 2_629_746_000), ("1y", 31_556_952_000), ("10y", 315_569_520_000), ("11y", nil), ("121M", nil),
            ("1Y", nil), ("1S", nil), ("3652d", 315_532_800_000), ("3653d", nil), ("99999999999999999999s", nil),
            ("5m ", nil), ("5ms", nil),
        ] as [(String, Int64?)])
    func timespans(_ text: String, _ milliseconds: Int64?) {
        #expect(Timespan(text)?.milliseconds == milliseconds)
    }
}
