// SPDX-License-Identifier: Apache-2.0

import Sigma
import Testing
import YAMLDocument

@Suite("Errors of correlations")
struct CorrelationErrorTests {
    private typealias Make = CorrelationTests

    /// Lines under `correlation:`.
    @Test(
        "faults of one correlation",
        arguments: [
            Fault(
                "type: value_avg\nrules: one\ntimespan: 1m\ncondition: ¦{ gt: 1 }",
                "correlation.condition: value_avg needs 'field'. Write condition: { field: name, gte: 5 }."),
            Fault(
                "type: value_avg\nrules: one\ntimespan: 1m\ncondition: { field: ¦[a, b], gt: 1 }",
                "correlation.condition.field: value_avg takes one field; only value_count takes a list."),
            Fault(
                "type: value_percentile\nrules: one\ntimespan: 1m\ncondition: ¦{ field: a, gt: 1 }",
                "correlation.condition: value_percentile needs 'percentile', 0 to 100. Write condition: { field: name, percentile: 95, gte: 5 }."
            ),
            Fault(
                "type: value_percentile\nrules: one\ntimespan: 1m\ncondition: { field: a, percentile: ¦100.5, gt: 1 }",
                "correlation.condition.percentile: a percentile is 0 to 100."),
            Fault(
                "type: value_percentile\nrules: one\ntimespan: 1m\ncondition: { field: a, percentile: ¦-1, gt: 1 }",
                "correlation.condition.percentile: a percentile is 0 to 100."),
            Fault(
                "type: value_median\nrules: one\ntimespan: 1m\ncondition: { field: a, percentile: ¦50, gt: 1 }",
                "correlation.condition.percentile: unknown key 'percentile'. Known: eq, field, gt, gte, lt, lte, neq."),
            Fault(
                "type: value_avg\nrules: one\ntimespan: 1m\ncondition: ¦{ field: a, gt: 1, lt: 1 }",
                "correlation.condition: no value keeps these limits, so the rule could never fire."),
            Fault(
                "type: value_count\nrules: one\ntimespan: 1m\ncondition: { field: a, gte: ¦262145 }",
                "correlation.condition.gte: at most 262,144 different values are counted in one window. Write a lower limit, or event_count."
            ),
            Fault(
                "type: value_count\nrules: one\ntimespan: 1m\ncondition: { field: ¦[a, b, a], gte: 5 }",
                "correlation.condition.field: names a field twice."),
            Fault(
                "type: value_count\nrules: one\ntimespan: 1m\ncondition: { field: ¦[], gte: 5 }",
                "correlation.condition.field: names 0 fields; 1 to 8 work."),
            Fault(
                "type: event_count\nrules: one\ntimeframe: ¦1m\ncondition: { gt: 1 }",
                "correlation.timeframe: 'timeframe' is called 'timespan' in a correlation."),
            Fault(
                "¦type: temporal_extended\nrules: [one, two]\ntimespan: 1m",
                "correlation: the key 'condition' is missing. Write condition: a and b and not c."),
            Fault(
                "type: temporal_extended\nrules: [one, two]\ntimespan: 1m\ncondition: ¦{ gte: 1 }",
                "correlation.condition: is a text over the names of rules. Write condition: a and b and not c."),
            Fault(
                "type: temporal\ntimespan: 1m\ncondition: ¦not one and not two",
                "correlation.condition: would hold when nothing happens. Write at least one rule without 'not' beside those with it."
            ),
            Fault(
                "type: temporal\ntimespan: 1m\ncondition: ¦one or not two",
                "correlation.condition: would hold when nothing happens. Write at least one rule without 'not' beside those with it."
            ),
            Fault(
                "type: temporal\ntimespan: 1m\ncondition: ¦one and not (one or two)",
                "correlation.condition: can never hold: a rule would have to match and not to match."),
            Fault(
                "type: temporal\ntimespan: 1m\ncondition: ¦one and three",
                "correlation.condition: unknown rule 'three'. Known: corr, id-one, one, two."),
            Fault(
                "type: temporal\nrules: [one, ¦two]\ntimespan: 1m\ncondition: one and not one or one",
                "correlation.rules[1]: 'two' is not in the condition. Add it there."),
            Fault(
                "type: temporal\ntimespan: 1m\ncondition: ¦one",
                "correlation.condition: temporal needs at least two rules."),
            Fault(
                "type: temporal\ntimespan: 1m\ncondition: ¦one AND two",
                "correlation.condition: 'AND' is written 'and'."),
            Fault(
                "type: temporal\ntimespan: 1m\ncondition: ¦NOT one", "correlation.condition: 'NOT' is written 'not'."),
            Fault(
                "type: temporal\ntimespan: 1m\ncondition: ¦one two",
                "correlation.condition: 'two' was not expected here. Write 'and' or 'or' before it."),
            Fault("type: temporal\ntimespan: 1m\ncondition: ¦(one", "correlation.condition: a '(' without its ')'."),
            Fault(
                "type: temporal\ntimespan: 1m\ncondition: ¦one and two)",
                "correlation.condition: a ')' without its '('."),
            Fault(
                "type: temporal\ntimespan: 1m\ncondition: ¦one and",
                "correlation.condition: ends where the name of a rule was expected."),
            Fault(
                "type: temporal\ntimespan: 1m\ncondition: ¦or one",
                "correlation.condition: 'or' needs something before it."),
            Fault(
                "type: temporal\ntimespan: 1m\ncondition: ¦''",
                "correlation.condition: is empty. Write the names of rules."),
            Fault(
                "type: ¦event_counts\nrules: one\ntimespan: 1m\ncondition: { gt: 1 }",
                "correlation.type: unknown correlation type 'event_counts'. Did you mean 'event_count'?"),
            Fault("¦rules: one\ntimespan: 1m\ncondition: { gt: 1 }", "correlation: the key 'type' is missing."),
            Fault("¦type: event_count\ntimespan: 1m\ncondition: { gt: 1 }", "correlation: the key 'rules' is missing."),
            Fault(
                "type: event_count\nrules: ¦[]\ntimespan: 1m\ncondition: { gt: 1 }", "correlation.rules: names no rule."
            ),
            Fault(
                "type: event_count\nrules: [one, ¦one]\ntimespan: 1m\ncondition: { gt: 1 }",
                "correlation.rules[1]: 'one' is the same rule as one before it."),
            Fault(
                "type: event_count\nrules: [one, ¦id-one]\ntimespan: 1m\ncondition: { gt: 1 }",
                "correlation.rules[1]: 'id-one' is the same rule as one before it."),
            Fault(
                "type: event_count\nrules:\n  - one\n  - ¦tow\ntimespan: 1m\ncondition: { gt: 1 }",
                "correlation.rules[1]: unknown rule 'tow'. Did you mean 'two'?"),
            Fault(
                "type: event_count\nrules: ¦something-else\ntimespan: 1m\ncondition: { gt: 1 }",
                "correlation.rules: unknown rule 'something-else'. Known: corr, id-one, one, two."),
            Fault(
                "¦type: event_count\nrules: one\ncondition: { gt: 1 }", "correlation: the key 'timespan' is missing."),
            Fault(
                "type: event_count\nrules: one\ntimespan: ¦10 m\ncondition: { gt: 1 }",
                "correlation.timespan: '10 m' is not a timespan. Write a whole number and a unit: 30s, 10m, 1h, 7d or 4w (at most ten years)."
            ),
            Fault(
                "type: event_count\nrules: one\ntimespan: ¦5\ncondition: { gt: 1 }",
                "correlation.timespan: '5' is not a timespan. Write a whole number and a unit: 30s, 10m, 1h, 7d or 4w (at most ten years)."
            ),
            Fault(
                "type: event_count\nrules: one\ntimespam: ¦5m\ncondition: { gt: 1 }",
                "correlation.timespam: unknown key 'timespam'. Did you mean 'timespan'?"),
            Fault(
                "¦type: event_count\nrules: one\ntimespan: 5m",
                "correlation: the key 'condition' is missing. Write condition: { gte: 5 }."),
            Fault(
                "type: event_count\nrules: one\ntimespan: 5m\ncondition: ¦5",
                "correlation.condition: is a mapping. Write condition: { gte: 5 }."),
            Fault(
                "type: event_count\nrules: one\ntimespan: 5m\ncondition: { gte: ¦five }",
                "correlation.condition.gte: expected a number, found 'five'."),
            Fault(
                "type: event_count\nrules: one\ntimespan: 5m\ncondition: { get: ¦5 }",
                "correlation.condition.get: unknown key 'get'. Did you mean 'gt'?"),
            Fault(
                "type: event_count\nrules: one\ntimespan: 5m\ncondition: ¦{ gt: 5, lt: 6 }",
                "correlation.condition: no value keeps these limits, so the rule could never fire."),
            Fault(
                "type: event_count\nrules: one\ntimespan: 5m\ncondition: ¦{ lt: 1 }",
                "correlation.condition: no value keeps these limits, so the rule could never fire."),
            Fault(
                "type: event_count\nrules: one\ntimespan: 5m\ncondition: { field: ¦a, gte: 5 }",
                "correlation.condition.field: event_count takes no 'field'."),
            Fault(
                "type: value_sum\nrules: one\ntimespan: 5m\ncondition: ¦{ gte: 5 }",
                "correlation.condition: value_sum needs 'field'. Write condition: { field: name, gte: 5 }."),
            Fault(
                "type: value_count\nrules: one\ntimespan: 5m\ncondition: ¦{ field: a }",
                "correlation.condition: has no limit. Write one of gt, gte, lt, lte, eq, neq."),
            Fault("type: temporal\nrules: ¦one\ntimespan: 5m", "correlation.rules: temporal needs at least two rules."),
            Fault(
                "type: temporal_ordered\nrules: ¦[one]\ntimespan: 5m",
                "correlation.rules: temporal_ordered needs at least two rules."),
            Fault(
                "type: temporal\nrules: [one, two]\ntimespan: 5m\ncondition: ¦{ gte: 3 }",
                "correlation.condition: no number of different rules from 1 to 2 keeps these limits, so the rule could never fire."
            ),
            Fault(
                "type: temporal\nrules: [one, two]\ntimespan: 5m\ngroup-by: [who]\naliases: { who: { one: a, three: ¦b } }",
                "correlation.aliases.who.three: the alias 'who' names 'three', which is not under 'rules'."),
            Fault(
                "type: temporal\nrules: [one, two]\ntimespan: 5m\naliases: { who: ¦{ one: a, two: b } }",
                "correlation.aliases.who: the alias 'who' is not used in group-by."),
            Fault(
                "type: temporal\nrules: [one, two]\ntimespan: 5m\ngroup-by: who\naliases: { who: ¦{} }",
                "correlation.aliases.who: the alias 'who' names no rule."),
            Fault(
                "type: temporal\nrules: [one, ¦two]\ntimespan: 5m\ngroup-by: who\naliases: { who: { one: a } }",
                "correlation.rules[1]: 'two' has no entry under an alias, so all of the rules could never come together. Add it."
            ),
            Fault(
                "type: event_count\nrules: one\ntimespan: 5m\ngroup-by: ¦[a, a]\ncondition: { gte: 5 }",
                "correlation.group-by: names a field twice."),
            Fault(
                "type: event_count\nrules: one\ntimespan: 5m\ngenerate: ¦maybe\ncondition: { gte: 5 }",
                "correlation.generate: expected true or false, found 'maybe'."),
        ])
    func single(_ fault: Fault) throws {
        let text = Make.base("one", id: "id-one") + Make.base("two") + Make.correlation(fault.marked)
        try Fault(text, fault.message).check()
        // The rules that are right stay.
        let set = try ruleSet(text.replacing("¦", with: ""))
        #expect(set.detections.count == 2)
        #expect(set.correlations.isEmpty)
    }

    @Test("a circle of correlations names its way, once for each of them, and takes nothing else down")
    func circle() throws {
        func over(_ other: String, _ name: String) -> String {
            Make.correlation("type: event_count\nrules: \(other)\ntimespan: 1m\ncondition: { gte: 2 }", name: name)
                + "---\n"
        }
        let set = try ruleSet(
            over("b", "a") + over("c", "b") + over("a", "c") + over("a", "outside") + Make.base("one")
                + over("one", "fine"))
        #expect(
            set.errors.map(\.description) == [
                "test.yml:5:10: correlation.rules: correlations refer to each other in a circle: a → b → c → a.",
                "test.yml:13:10: correlation.rules: correlations refer to each other in a circle: b → c → a → b.",
                "test.yml:21:10: correlation.rules: correlations refer to each other in a circle: c → a → b → c.",
                "test.yml:29:10: correlation.rules: refers to 'a', which has an error of its own.",
            ])
        #expect(set.correlations.map(\.metadata.label) == ["fine"])
        let own = try ruleSet(over("self", "self"))
        #expect(
            own.errors.map(\.description) == [
                "test.yml:5:10: correlation.rules: correlations refer to each other in a circle: self → self."
            ])
    }

    @Test("who refers to a broken rule hears so, at every level; the rest stays")
    func dependents() throws {
        let broken = Make.base("bad").replacing("{ a: bad }", with: "{ a|foo: bad }")
        let set = try ruleSet(
            broken + Make.base("good")
                + Make.correlation("type: event_count\nrules: bad\ntimespan: 1m\ncondition: { gte: 2 }", name: "low")
                + "---\n"
                + Make.correlation("type: event_count\nrules: low\ntimespan: 1m\ncondition: { gte: 2 }", name: "top")
                + "---\n"
                + Make.correlation("type: event_count\nrules: good\ntimespan: 1m\ncondition: { gte: 2 }", name: "fine"))
        #expect(
            set.errors.map(\.message) == [
                "unknown modifier 'foo'. Known: all, base64, base64offset, cased, cidr, contains, day, dotall, endswith, exists, expand, fieldref, gt, gte, hour, i, ignorecase, lt, lte, m, minute, month, multiline, neq, re, s, startswith, utf16, utf16be, utf16le, week, wide, windash, year.",
                "refers to 'bad', which has an error of its own.", "refers to 'low', which has an error of its own.",
            ])
        #expect(set.errors.map(\.line) == [6, 21, 29])
        #expect(set.detections.map(\.metadata.label) == ["good"])
        #expect(set.correlations.map(\.metadata.label) == ["fine"])
    }

    @Test("two rules cannot have one id, name or title that stands for an id; the first one stays")
    func duplicates() throws {
        let untitled = "title: Same\nlogsource: {}\ndetection: { s: { a: 1 }, condition: s }\n"
        let set = try ruleSet(
            Make.base("one", id: "id-one") + Make.base("two", id: "id-one") + Make.base("one") + Make.base("id-one")
                + untitled
                + "---\n" + untitled)
        #expect(
            set.errors.map(\.description) == [
                "test.yml:11:5: id: 'id-one' names the rule at test.yml:1 already. Give it another.",
                "test.yml:18:7: name: 'one' names the rule at test.yml:1 already. Give it another.",
                "test.yml:26:7: name: 'id-one' names the rule at test.yml:1 already. Give it another.",
                "test.yml:37:8: title: the rule at test.yml:33 is called 'Same' as well. Give each an id.",
            ])
        #expect(set.detections.count == 2)
    }

    @Test("a correlation over a correlation sees only the fields that it groups by")
    func fieldsOfCorrelations() throws {
        func low(_ groupBy: String) -> String {
            Make.base("one")
                + Make.correlation(
                    "type: event_count\nrules: one\n\(groupBy)timespan: 1m\ncondition: { gte: 2 }", name: "low")
                + "---\n"
        }
        let top = Make.correlation(
            "type: event_count\nrules: low\ngroup-by: user\ntimespan: 1m\ncondition: { gte: 2 }", name: "top")
        #expect(
            try ruleSet(low("group-by: [host, port]\n") + top).errors.map(\.message) == [
                "the correlation 'low' groups by host, port, so it has no 'user'. Add it to its group-by."
            ])
        #expect(
            try ruleSet(low("") + top).errors.map(\.message) == [
                "the correlation 'low' has no group-by, so it has no 'user'. Add it to its group-by."
            ])
        let counted = Make.correlation(
            "type: value_count\nrules: low\ntimespan: 1m\ncondition: { field: host, gte: 2 }", name: "top")
        #expect(try ruleSet(low("group-by: [host, port]\n") + counted).errors == [])
        #expect(
            try ruleSet(low("group-by: [port]\n") + counted).errors.map(\.message) == [
                "the correlation 'low' groups by port, so it has no 'host'. Add it to its group-by."
            ])
    }

    @Test("32 levels of correlations are read, in any order of documents, and the 33rd is not")
    func levels() throws {
        func level(_ number: Int) -> String {
            let below = number == 1 ? "one" : "level\(number - 1)"
            return Make.correlation(
                "type: event_count\nrules: \(below)\ntimespan: 1m\ncondition: { gte: 2 }", name: "level\(number)")
        }
        let rising = (1...34).map(level)
        for texts in [rising, rising.reversed()] {
            let set = try ruleSet(Make.base("one") + texts.joined(separator: "---\n"))
            #expect(set.correlations.count == 32)
            #expect(
                set.errors.map(\.message) == [
                    "is level 33 of correlations over correlations; at most 32 are read.",
                    "refers to 'level33', which has an error of its own.",
                ])
        }
    }
}
