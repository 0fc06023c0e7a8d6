// SPDX-License-Identifier: Apache-2.0

import Sigma
import Testing
import YAMLDocument

/// What is refused, and how: file, line, column, key, and what to write instead.
@Suite("Errors")
struct ErrorTests {
    private static let body = "logsource: {}\ndetection: { s: { a: 1 }, condition: s }"

    /// Lines under `detection:`.
    private func checkDetection(_ fault: Fault) throws {
        try Fault(ruleText(fault.marked), fault.message).check()
    }

    @Test(
        "faults of modifiers and values",
        arguments: [
            Fault(
                "sel: { a|contain: ¦x }\ncondition: sel",
                "detection.sel.a|contain: unknown modifier 'contain'. Did you mean 'contains'?"),
            Fault(
                "sel: { a|frobnicated: ¦x }\ncondition: sel",
                "detection.sel.a|frobnicated: unknown modifier 'frobnicated'. Known: all, base64, base64offset, cased, cidr, contains, day, dotall, endswith, exists, expand, fieldref, gt, gte, hour, i, ignorecase, lt, lte, m, minute, month, multiline, neq, re, s, startswith, utf16, utf16be, utf16le, week, wide, windash, year."
            ),
            Fault("sel: { a|: ¦x }\ncondition: sel", "detection.sel.a|: a modifier is empty."),
            Fault("sel: { a|all|all: ¦[x] }\ncondition: sel", "detection.sel.a|all|all: a modifier stands twice."),
            Fault(
                "sel: { a|re|cidr: ¦x }\ncondition: sel", "detection.sel.a|re|cidr: 're' and 'cidr' exclude each other."
            ),
            Fault("sel: { a|gt|lt: ¦4 }\ncondition: sel", "detection.sel.a|gt|lt: 'gt' and 'lt' exclude each other."),
            Fault(
                "sel: { a|contains|startswith: ¦x }\ncondition: sel",
                "detection.sel.a|contains|startswith: 'contains' and 'startswith' exclude each other."),
            Fault("sel: { a|i: ¦x }\ncondition: sel", "detection.sel.a|i: 'i' is a flag of re and stands after it."),
            Fault(
                "sel: { a|dotall|re: ¦x }\ncondition: sel",
                "detection.sel.a|dotall|re: 'dotall' is a flag of re and stands after it."),
            Fault(
                "sel: { a|re|windash: ¦x }\ncondition: sel",
                "detection.sel.a|re|windash: 're' does not go with 'windash'."),
            Fault(
                "sel: { a|contains|re: ¦x }\ncondition: sel",
                "detection.sel.a|contains|re: 're' must be the first modifier."),
            Fault("sel: { a|neq|exists: ¦true }\ncondition: sel", "detection.sel.a|neq|exists: 'exists' stands alone."),
            Fault(
                "sel: { a|wide: ¦x }\ncondition: sel",
                "detection.sel.a|wide: no text has the bytes of 'wide'. Write base64 or base64offset after it."),
            Fault(
                "sel: { a|base64|utf16: ¦x }\ncondition: sel",
                "detection.sel.a|base64|utf16: no text has the bytes of 'utf16'. Write base64 or base64offset after it."
            ),
            Fault(
                "sel: { a|wide|utf16be|base64: ¦x }\ncondition: sel",
                "detection.sel.a|wide|utf16be|base64: 'wide' and 'utf16be' exclude each other."),
            Fault(
                "sel: { a|base64|base64offset: ¦x }\ncondition: sel",
                "detection.sel.a|base64|base64offset: 'base64' and 'base64offset' exclude each other."),
            Fault(
                "sel: { a|contains|base64: ¦x }\ncondition: sel",
                "detection.sel.a|contains|base64: wildcards cannot be encoded. Write 'contains' after 'base64'."),
            Fault(
                "sel: { a|base64|windash: ¦x }\ncondition: sel",
                "detection.sel.a|base64|windash: 'windash' changes the text before it is encoded. Write it before 'base64'."
            ),
            Fault(
                "sel: { a|wide|base64|expand: ¦x }\ncondition: sel",
                "detection.sel.a|wide|base64|expand: 'expand' changes the text before it is encoded. Write it before 'wide'."
            ),
            Fault(
                "sel: { a|base64: ¦'x*' }\ncondition: sel",
                "detection.sel.a|base64: wildcards cannot be encoded. Write \\* and \\? for the characters, or leave them out."
            ),
            Fault(
                "sel: { a|base64: ¦'' }\ncondition: sel",
                "detection.sel.a|base64: is empty; there is nothing to encode."),
            Fault(
                "sel: { a|base64offset|contains: ¦x }\ncondition: sel",
                "detection.sel.a|base64offset|contains: is too short for base64offset. Write two bytes at least."),
            Fault(
                "sel: { a|windash|contains: ¦'-a -b -c -d -e' }\ncondition: sel",
                "detection.sel.a|windash|contains: has more than 4 signs for 'windash' to change. Write the parameters as several values, with all."
            ),
            Fault(
                "sel: { a|windash: ¦null }\ncondition: sel", "detection.sel.a|windash: null has no text to compare."),
            Fault(
                "sel: { a|hour: ¦24 }\ncondition: sel", "detection.sel.a|hour: no date has such an hour: it is 0 to 23."
            ),
            Fault(
                "sel: { a|month|lt: ¦1 }\ncondition: sel",
                "detection.sel.a|month|lt: no date has such a month: it is 1 to 12."),
            Fault(
                "sel: { a|hour: ¦nine }\ncondition: sel", "detection.sel.a|hour: expected a whole number, found 'nine'."
            ),
            Fault(
                "sel: { a|hour|gte: ¦8.5 }\ncondition: sel",
                "detection.sel.a|hour|gte: expected a whole number, found '8.5'."),
            Fault(
                "sel: { a|hour|minute: ¦8 }\ncondition: sel",
                "detection.sel.a|hour|minute: 'hour' and 'minute' exclude each other."),
            Fault(
                "sel: { a|hour|contains: ¦8 }\ncondition: sel",
                "detection.sel.a|hour|contains: 'hour' does not go with 'contains'."),
            Fault("sel: { '|hour': ¦8 }\ncondition: sel", "detection.sel.|hour: 'hour' needs a field before it."),
            Fault(
                "sel: { a|re|cased: ¦x }\ncondition: sel",
                "detection.sel.a|re|cased: 're' does not go with 'cased'. An expression is case-sensitive unless 'i' follows it."
            ),
            Fault("sel: { a|all|re: ¦x }\ncondition: sel", "detection.sel.a|all|re: 're' must be the first modifier."),
            Fault("sel: { a|exists|all: ¦true }\ncondition: sel", "detection.sel.a|exists|all: 'exists' stands alone."),
            Fault(
                "sel: { a|exists: ¦1 }\ncondition: sel", "detection.sel.a|exists: expected true or false, found '1'."),
            Fault(
                "sel: { a|exists: ¦[true] }\ncondition: sel",
                "detection.sel.a|exists: 'exists' takes true or false, not a list."),
            Fault("sel: { '|gt': ¦4 }\ncondition: sel", "detection.sel.|gt: 'gt' needs a field before it."),
            Fault(
                "sel: { '|exists': ¦true }\ncondition: sel", "detection.sel.|exists: 'exists' needs a field before it."),
            Fault("sel: { a|gt: ¦many }\ncondition: sel", "detection.sel.a|gt: expected a number, found 'many'."),
            Fault("sel: { a|gte: ¦'5' }\ncondition: sel", "detection.sel.a|gte: expected a number, found '5'."),
            Fault(
                "sel:\n  a|re:\n    - fine\n    - ¦'ab(c'\ncondition: sel",
                "detection.sel.a|re[1]: the regular expression does not compile at character 4: missing closing parenthesis."
            ),
            Fault(
                "sel: { a|re: ¦'é(' }\ncondition: sel",
                "detection.sel.a|re: the regular expression does not compile at character 2: missing closing parenthesis."
            ),
            Fault(
                "sel: { a|cidr: ¦10.0.0.0/33 }\ncondition: sel",
                "detection.sel.a|cidr: '10.0.0.0/33' is no network. Write 10.0.0.0/8 or 2001:db8::/32."),
            Fault(
                "sel: { a|cidr: ¦10.0.0 }\ncondition: sel",
                "detection.sel.a|cidr: '10.0.0' is no network. Write 10.0.0.0/8 or 2001:db8::/32."),
            Fault(
                "sel: { a|cidr: ¦10.0.0.0/+8 }\ncondition: sel",
                "detection.sel.a|cidr: '10.0.0.0/+8' is no network. Write 10.0.0.0/8 or 2001:db8::/32."),
            Fault(
                "sel:\n  a:\n    - x\n    - ¦null\ncondition: sel",
                "detection.sel.a[1]: null cannot stand in a list. Write a selection of its own: field: null."),
            Fault(
                "sel: { a|contains: ¦null }\ncondition: sel", "detection.sel.a|contains: null has no text to compare."),
            Fault("sel: { a|contains: ¦[] }\ncondition: sel", "detection.sel.a|contains: is an empty list."),
            Fault(
                "sel: { a: ¦{ b: c } }\ncondition: sel",
                "detection.sel.a: a field takes a value or a list of values, not a mapping."),
            Fault("sel: { a: [¦[b]] }\ncondition: sel", "detection.sel.a[0]: expected a single value, found a list."),
            Fault(
                "sel: { a|fieldref: ¦'' }\ncondition: sel",
                "detection.sel.a|fieldref: is the name of a field, and empty."),
            Fault("sel: { '': ¦x }\ncondition: sel", "detection.sel.: the name of the field is empty."),
            Fault("sel: ¦{}\ncondition: sel", "detection.sel: has no field. Write field: value."),
            Fault("sel: ¦[]\ncondition: sel", "detection.sel: is an empty list."),
            Fault("sel: [¦'']\ncondition: sel", "detection.sel[0]: an empty keyword is in every event."),
            Fault("sel: [¦~]\ncondition: sel", "detection.sel[0]: null has no text to compare."),
        ])
    func values(_ fault: Fault) throws { try checkDetection(fault) }

    @Test(
        "faults of conditions",
        arguments: [
            Fault("¦sel: { a: 1 }", "detection: the key 'condition' is missing."),
            Fault("sel: { a: 1 }\ncondition: ¦''", "detection.condition: is empty. Write the name of a selection."),
            Fault("sel: { a: 1 }\ncondition: ¦[]", "detection.condition: is empty. Write the name of a selection."),
            Fault("¦condition: sel", "detection: has no selection. Write selection: { field: value }."),
            Fault(
                "selection: { a: 1 }\ncondition: ¦selecton",
                "detection.condition: unknown selection 'selecton'. Did you mean 'selection'?"),
            Fault(
                "a: { a: 1 }\nb: { a: 2 }\ncondition: ¦elsewhere",
                "detection.condition: unknown selection 'elsewhere'. Known: a, b."),
            Fault("sel: { a: 1 }\ncondition: ¦sel AND sel", "detection.condition: 'AND' is written 'and'."),
            Fault("sel: { a: 1 }\ncondition: ¦NOT sel", "detection.condition: 'NOT' is written 'not'."),
            Fault("sel: { a: 1 }\ncondition: ¦1 OF them", "detection.condition: 'OF' is written 'of'."),
            Fault(
                "sel: { a: 1 }\ncondition: ¦sel and",
                "detection.condition: ends where the name of a selection was expected."),
            Fault(
                "sel: { a: 1 }\ncondition: ¦not",
                "detection.condition: ends where the name of a selection was expected."),
            Fault("sel: { a: 1 }\ncondition: ¦or sel", "detection.condition: 'or' needs something before it."),
            Fault("sel: { a: 1 }\ncondition: ¦(sel", "detection.condition: a '(' without its ')'."),
            Fault("sel: { a: 1 }\ncondition: ¦sel)", "detection.condition: a ')' without its '('."),
            Fault(
                "sel: { a: 1 }\ncondition: ¦()",
                "detection.condition: ')' stands where the name of a selection was expected."),
            Fault(
                "sel: { a: 1 }\ncondition: ¦sel sel",
                "detection.condition: 'sel' was not expected here. Write 'and' or 'or' before it."),
            Fault(
                "sel: { a: 1 }\ncondition: ¦(sel sel)",
                "detection.condition: 'sel' was not expected here. Write 'and' or 'or' before it."),
            Fault(
                "sel: { a: 1 }\ncondition: ¦2 of them",
                "detection.condition: '2 of them' could never hold: 'them' fits only one selection."),
            Fault(
                "a: { a: 1 }\nb: { b: 1 }\ncondition: ¦3 of *",
                "detection.condition: '3 of *' could never hold: '*' fits only 2 selections."),
            Fault(
                "sel: { a: 1 }\ncondition: ¦0 of them",
                "detection.condition: '0 of' is not Sigma. Write '1 of', 'any of' or 'all of'."),
            Fault(
                "sel: { a: 1 }\ncondition: ¦01 of them",
                "detection.condition: '01 of' is not Sigma. Write '1 of', 'any of' or 'all of'."),
            Fault(
                "sel: { a: 1 }\ncondition: ¦some of them",
                "detection.condition: 'some of' is not Sigma. Write '1 of', 'any of' or 'all of'."),
            Fault(
                "sel: { a: 1 }\ncondition: ¦1 of",
                "detection.condition: '1 of' needs 'them' or a pattern such as selection_*."),
            Fault(
                "sel: { a: 1 }\ncondition: ¦1 of filter_*", "detection.condition: '1 of filter_*' fits no selection."),
            Fault("_sel: { a: 1 }\ncondition: ¦all of them", "detection.condition: 'all of them' fits no selection."),
            Fault(
                "sel: { a: 1 }\ncondition: ¦sel | count() > 5",
                "detection.condition: aggregations after '|' were removed from Sigma. Write a correlation rule (type: event_count)."
            ),
            Fault(
                "sel: { a: 1 }\ncondition: ¦sel && sel",
                "detection.condition: the character '&' has no meaning in a condition."),
            Fault(
                "sel: { a: 1 }\ncondition:\n  - sel\n  - ¦other",
                "detection.condition[1]: unknown selection 'other'. Known: sel."),
            Fault(
                "sel: { a: 1 }\ntimeframe: ¦5m\ncondition: sel",
                "detection.timeframe: 'timeframe' was removed from Sigma. Write a correlation rule with a timespan."),
        ])
    func conditions(_ fault: Fault) throws { try checkDetection(fault) }

    @Test("what is wrong in several places of a rule is told of all of them, once each")
    func severalFaults() throws {
        let text = """
            title: T
            status: tested
            level: hihg
            logsource: { produkt: x }
            detection:
              one: { a|contain: x, b|gt: many, c: 1 }
              two: [{ d|cidr: 10.0.0 }]
              condition: one or tow
            gatewatch:
              risk: { points: 500 }
              respond: { action: block, ttl: 1h, operations: [checkpoint.donwload] }
              tests: [{ name: n, events: { set: { a: 1 } } }, { name: m, events: { set: { a: 1 } }, alerts: 1 }]
            """
        #expect(
            try errors(text).map { $0.split(separator: ": ", maxSplits: 2)[1] } == [
                "status", "level", "gatewatch.risk.points", "gatewatch.respond.operations[0]", "gatewatch.tests[0]",
                "logsource.produkt", "detection.one.a|contain", "detection.one.b|gt", "detection.two[0].d|cidr",
                "detection.condition",
            ])
        let correlation = """
            title: T
            correlation: { type: event_cout, rules: [a, []], group-by: [b, b], timespan: 1 h, generate: maybe }
            """
        #expect(
            try errors(correlation).map { $0.split(separator: ": ", maxSplits: 2)[1] } == [
                "correlation.timespan", "correlation.group-by", "correlation.generate", "correlation.type",
                "correlation.rules[1]",
            ])
        let many = (1...25).map { "a\($0)|contain: x" }.joined(separator: ", ")
        let bounded = try errors(ruleText("sel: { \(many) }\ncondition: sel"))
        #expect(bounded.count == Faults.maximum + 1)
        #expect(bounded.last == "test.yml:1:1: has 5 more errors, told once these are mended.")
    }

    @Test(
        "a condition that no event or every event meets is doubtful",
        arguments: [
            ("a and not a", "can never hold"), ("1 of sel_* and not 1 of sel_*", "can never hold"),
            ("all of them and not sel_b", "can never hold"), ("a or not a", "always holds"),
            ("not (a and not a)", "always holds"), ("a and not sel_b", nil), ("1 of sel_* and not all of sel_*", nil),
            ("2 of sel_* and not 1 of a*", nil),
        ])
    func constantConditions(condition: String, message: String?) throws {
        let set = try ruleSet(ruleText("a: { a: 1 }\nsel_b: { b: 1 }\nsel_c: { c: 1 }\ncondition: \(condition)"))
        #expect(set.errors == [])
        let warnings = set.warnings.filter { !$0.message.contains("extension of Sigma") }
        #expect(warnings.map(\.key) == (message == nil ? [] : ["detection.condition"]))
        if let message { #expect(warnings.first?.message.hasPrefix(message) == true) }
    }

    @Test("a condition cannot nest or grow without end")
    func conditionLimits() throws {
        let deep = String(repeating: "(", count: 65) + "sel" + String(repeating: ")", count: 65)
        try checkDetection(
            Fault("sel: { a: 1 }\ncondition: ¦\(deep)", "detection.condition: has more than 64 levels of parentheses."))
        let fits = String(repeating: "(", count: 63) + "sel" + String(repeating: ")", count: 63)
        #expect(try errors(ruleText("sel: { a: 1 }\ncondition: \(fits)")) == [])
        let values = (0..<1000).map { "'*\($0)*'" }.joined(separator: ", ")
        let many = Array(repeating: "sel", count: 101).joined(separator: " and ")
        try checkDetection(
            Fault(
                "sel: { a: [\(values)] }\ncondition: ¦\(many)",
                "detection.condition: asks more than 100000 questions. Split the rule."))
    }

    @Test(
        "faults of whole documents",
        arguments: [
            Fault("¦- a", "a rule is a mapping of keys to values."),
            Fault("¦logsource: {}\ndetection: { s: { a: 1 }, condition: s }", "the key 'title' is missing."),
            Fault("¦title: T\nlogsource: {}", "the key 'detection' is missing."),
            Fault("¦title: T\ndetection: { s: { a: 1 }, condition: s }", "the key 'logsource' is missing."),
            Fault(
                "title: T\nlogsource: { produkt: ¦x }\ndetection: { s: { a: 1 }, condition: s }",
                "logsource.produkt: unknown key 'produkt'. Did you mean 'product'?"),
            Fault("title: T\nlevel: ¦hihg\n\(Self.body)", "level: unknown level 'hihg'. Did you mean 'high'?"),
            Fault("title: T\nstatus: ¦tested\n\(Self.body)", "status: unknown status 'tested'. Did you mean 'test'?"),
            Fault(
                "title: T\ngatewach:\n  ¦risk: { points: 5 }",
                "gatewach: unknown key 'gatewach'. Did you mean 'gatewatch'?"),
            Fault("title: T\nlevle: ¦high", "levle: unknown key 'levle'. Did you mean 'level'?"),
            Fault("title: T\nDetection: ¦{}", "Detection: unknown key 'Detection'. Did you mean 'detection'?"),
            Fault("title: T\nid: ¦''\n\(Self.body)", "id: is empty. Leave the key out or give the rule a name."),
            Fault(
                "title: T\ntaxonomy: ¦ecs\n\(Self.body)",
                "taxonomy: field names of the taxonomy 'ecs' are not known. Rename the fields and leave 'taxonomy' out."
            ),
            Fault("title: T\naction: ¦globl", "action: unknown action 'globl'. Did you mean 'global'?"),
            Fault(
                "title: T\naction: ¦repeat",
                "action: there is no detection rule before this document to repeat."),
            Fault(
                "action: global\nfilter: ¦{ rules: any }",
                "filter: a template is for detection rules. Leave 'action: global' out."),
        ])
    func documents(_ fault: Fault) throws {
        try fault.check()
    }

    @Test("a title has at most 256 characters, a description 65,535 bytes")
    func longTitle() throws {
        let rest = "\nlogsource: {}\ndetection: { s: { a: 1 }, condition: s }"
        #expect(try errors("title: " + String(repeating: "x", count: 256) + rest) == [])
        #expect(
            try errors("title: " + String(repeating: "x", count: 257) + rest)
                == ["test.yml:1:8: title: the title is longer than 256 characters."])
        func described(_ count: Int) -> String {
            "title: T\ndescription: " + String(repeating: "x", count: count) + rest
        }
        #expect(try errors(described(65_535)) == [])
        #expect(
            try errors(described(65_536)) == ["test.yml:2:14: description: the description is longer than 65535 bytes."]
        )
    }

    @Test("keys that no rule defines are kept")
    func customKeys() throws {
        let set = try ruleSet(
            "title: T\nlogsource: {}\ndetection: { s: { a: 1 }, condition: s }\nowner: detection-team\n")
        #expect(set.errors == [])
        #expect(try set.detections.first?.metadata.document["owner"]?.text() == "detection-team")
    }

    @Test("one bad rule leaves the others in the set")
    func badAmongGood() throws {
        let good = ruleText("s: { a: 1 }\ncondition: s")
        let bad = ruleText("s: { a|foo: 1 }\ncondition: s")
        let set = try ruleSet(good + "---\n" + bad + "---\n" + good.replacingTitle("Third"))
        #expect(set.detections.map(\.metadata.title) == ["A rule", "Third"])
        #expect(set.errors.map(\.line) == [10])
    }

    @Test("doubtful metadata is a warning, not an error (D14), and so is `all` over one value (D2)")
    func warnings() throws {
        let set = try ruleSet(
            """
            title: T
            id: not-a-uuid
            date: 2026/11/21
            modified: 2026-11-21
            tags: [attack.t1567, Attack T1567]
            related: [{ id: x, type: obsolet }]
            logsource: {}
            detection:
              s: { a|contains|all: x }
              condition: s
            """)
        #expect(set.errors == [])
        #expect(set.detections.first?.metadata.id == "not-a-uuid")
        #expect(
            set.warnings.map(\.description) == [
                "test.yml:3:7: date: is not a date. Write YYYY-MM-DD.",
                "test.yml:5:22: tags[1]: the tag 'Attack T1567' is not namespace.name in lower case.",
                "test.yml:6:26: related[0].type: unknown relation 'obsolet'. Did you mean 'obsolete'?",
                "test.yml:9:24: detection.s.a|contains|all: 'all' stands over a single value and changes nothing. Leave it out.",
            ])
    }
}
