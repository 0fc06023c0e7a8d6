// SPDX-License-Identifier: Apache-2.0

import Sigma
import Testing
import YAMLDocument

/// Sigma specification 2.1, "Filters": section 1.9 of the checklist.
@Suite("Filters")
struct FiltersTests {
    private func rule(_ name: String, _ logsource: String = "{ product: p }", _ selection: String = "a: 1") -> String {
        "title: \(name)\nname: \(name)\nid: id-\(name)\nlogsource: \(logsource)\ndetection: { selection: { \(selection) }, condition: 1 of sel* }\n"
    }

    private func filter(
        _ rules: String, _ body: String = "selection: { b: 1 }, condition: not selection", _ logsource: String = "{}"
    ) -> String {
        "title: Filter\nlogsource: \(logsource)\nfilter: { \(rules.isEmpty ? "" : "rules: \(rules), ")\(body) }\n"
    }

    private func set(_ documents: String...) throws -> RuleSet { try ruleSet(documents.joined(separator: "---\n")) }

    @Test("an event must answer the rule and the filter (D11)")
    func narrows() throws {
        let probe = try Probe(try set(rule("one"), filter("[one]")))
        #expect(try probe.matches(#"{"a":1}"#) == [0])
        #expect(try probe.matches(#"{"a":1,"b":1}"#) == [])
        #expect(try probe.matches(#"{"b":2}"#) == [])
        let reading = try Probe(try set(rule("one"), filter("[one]", "selection: { b: 1 }, condition: selection")))
        #expect(try reading.matches(#"{"a":1}"#) == [])
        #expect(try reading.matches(#"{"a":1,"b":1}"#) == [0])
    }

    @Test("rules are named by id or name, one or several, and only they are narrowed")
    func named() throws {
        for rules in ["one", "id-one", "[one]", "[id-one]"] {
            let probe = try Probe(try set(rule("one"), rule("two"), filter(rules)))
            #expect(try probe.matches(#"{"a":1,"b":1}"#) == [1])
        }
        let both = try Probe(try set(rule("one"), rule("two"), rule("three"), filter("[one, id-three]")))
        #expect(try both.matches(#"{"a":1,"b":1}"#) == [1])
    }

    @Test("any, an empty list and none name every rule that has each key of the filter's log source")
    func any() throws {
        for rules in ["any", "[]", ""] {
            let filter = filter(rules, "selection: { b: 1 }, condition: not selection", "{ product: p, category: c }")
            let probe = try Probe(
                try set(
                    rule("one", "{ product: p }"), rule("two", "{ product: p, category: c }"),
                    rule("three", "{ product: p, category: c, service: s }"), rule("four", "{ category: c }"),
                    rule("five", "{ product: q, category: c }"), filter))
            #expect(try probe.matches(#"{"a":1,"b":1}"#) == [0, 3, 4])
        }
    }

    @Test("a named rule of another log source is not narrowed, and a filter of no rule does nothing: both are warnings")
    func doubts() throws {
        let other = filter("[one]", "selection: { b: 1 }, condition: not selection", "{ product: q }")
        let set = try set(rule("one"), other)
        #expect(set.errors == [] && set.detections.map { $0.filters.count } == [0])
        #expect(
            set.warnings.map(\.message) == [
                "'one' has another log source than the filter, which does not narrow it.",
                "fits no rule, so it changes nothing.",
            ])
    }

    @Test("identifiers of a filter meet neither those of the rule nor its patterns")
    func identifiers() throws {
        // `1 of sel*` of the rule would take in the filter's `selection`.
        let body = "selection: { b: 1 }, sel_more: { c: 1 }, condition: not 1 of sel*"
        let probe = try Probe(try set(rule("one"), filter("any", body)))
        #expect(try probe.matches(#"{"a":1}"#) == [0])
        #expect(try probe.matches(#"{"b":1}"#) == [])
        #expect(try probe.matches(#"{"c":1}"#) == [])
        #expect(try probe.matches(#"{"a":1,"c":1}"#) == [])
    }

    @Test("several filters narrow one rule together, with keywords, lists and placeholders as in rules")
    func several() throws {
        let keywords = filter("one", "words: [denied], condition: not words")
        let lists = filter("one", "sel: { user|expand: '%Administrators%' }, condition: not sel")
        let documents = try YAMLReader.documents(
            text: [rule("one"), keywords, lists].joined(separator: "---\n"), file: "test.yml")
        let probe = try Probe(RuleSet(documents: documents, lists: PlaceholderLists(["Administrators": ["root"]])))
        #expect(try probe.matches(#"{"a":1,"user":"ana"}"#) == [0])
        #expect(try probe.matches(#"{"a":1,"user":"ROOT"}"#) == [])
        #expect(try probe.matches(#"{"a":1,"m":"was denied"}"#) == [])
    }

    @Test("an unknown name among known ones leaves the filter out")
    func partlyUnknown() throws {
        let set = try set(rule("one"), filter("[one, onee]"))
        #expect(set.errors.map(\.message) == ["unknown rule 'onee'. Did you mean 'one'?"])
        #expect(set.detections.map { $0.filters.count } == [0] && set.filters.isEmpty)
    }

    @Test("faults of filters")
    func faults() throws {
        func messages(_ text: String) throws -> [String] { try ruleSet(text).errors.map(\.description) }
        #expect(
            try messages("title: F\nfilter: { s: { b: 1 }, condition: s }") == [
                "test.yml:1:1: the key 'logsource' is missing."
            ])
        #expect(
            try messages("title: F\nlogsource: {}\nfilter: { s: { b: 1 } }") == [
                "test.yml:3:9: filter: the key 'condition' is missing."
            ])
        #expect(
            try messages("title: F\nlogsource: {}\nfilter: { condition: s }") == [
                "test.yml:3:9: filter: has no selection. Write selection: { field: value }."
            ])
        #expect(
            try messages(
                "title: F\nlogsource: {}\ngatewatch: { risk: { points: 1 } }\nfilter: { s: { b: 1 }, condition: s }")
                == ["test.yml:3:12: gatewatch: a filter document has no 'gatewatch'. Write it in the rules."])
        #expect(
            try messages("title: F\nlogsource: {}\nfilter: { rules: any, s: { b|foo: 1 }, condition: s }").first?
                .contains("filter.s.b|foo: unknown modifier 'foo'") == true)
        let many =
            "title: M\nname: many\ncorrelation: { type: event_count, rules: one, timespan: 1m, condition: { gte: 2 } }\n"
        #expect(
            try messages(rule("one") + "---\n" + many + "---\n" + filter("[many]")).map { $0.drop { $0 != " " } } == [
                " filter.rules[0]: 'many' is a correlation. Filters narrow detection rules; name those that it counts."
            ])
    }

    @Test("one id or name is one rule or one filter")
    func duplicates() throws {
        let named = "name: one\n" + filter("any")
        #expect(
            try set(rule("one"), named).errors.map(\.message) == [
                "'one' names the rule at test.yml:1 already. Give it another."
            ])
        #expect(try set(named, rule("one")).detections.isEmpty)
    }

    @Test("a part of a set is narrowed as the whole is, and says nothing of rules that are elsewhere")
    func parts() throws {
        let whole = try set(rule("one"), rule("two"), filter("[one, two]"))
        let part = whole.keeping { $0.name == "two" }
        #expect(part.errors == [] && part.warnings == [])
        #expect(try Probe(part).matches(#"{"a":1,"b":1}"#) == [])
        #expect(try Probe(part).matches(#"{"a":1}"#) == [0])
        #expect(try Probe(whole.filtered { $0.metadata.name == "one" }).matches(#"{"a":1,"b":1}"#) == [])
    }
}
