// SPDX-License-Identifier: Apache-2.0

import Sigma
import Testing
import YAMLDocument

/// Files and documents: section 1.1 of the checklist. Correlations stand in `CorrelationTests`, filters in `FiltersTests`.
@Suite("Files and documents")
struct FilesTests {
    /// What a rule of one selection asks, for templates that leave keys out.
    private func rule(_ title: String, _ selection: String) -> String {
        "title: \(title)\ndetection: { sel: { \(selection) } }\n"
    }

    private func titles(_ set: RuleSet) -> [String] { set.detections.map(\.metadata.title) }

    @Test("YAML 1.2: yes, no, on and off are texts, true and false are not; so is a quoted number")
    func scalars() throws {
        for word in ["yes", "no", "on", "off", "y", "n", "Yes", "NO"] {
            let probe = try Probe(try ruleSet(selectionText("a: \(word)")))
            #expect(try probe.matches("{\"a\":\"\(word)\"}") == [0])
            #expect(try probe.matches(#"{"a":true}"#) == [] && probe.matches(#"{"a":false}"#) == [])
        }
        #expect(
            try errors(selectionText("a|exists: yes")).map { $0.hasSuffix("expected true or false, found 'yes'.") } == [
                true
            ])
        #expect(try Probe(try ruleSet(selectionText("a: TRUE"))).matches(#"{"a":true}"#) == [0])
        #expect(try Probe(try ruleSet(selectionText("a: 0o17"))).matches(#"{"a":15}"#) == [0])
        #expect(try Probe(try ruleSet(selectionText("a: 017"))).matches(#"{"a":15}"#) == [])
        #expect(try Probe(try ruleSet(selectionText("a: 1:30"))).matches(#"{"a":"1:30"}"#) == [0])
        #expect(try Probe(try ruleSet(selectionText("a: 2026-11-21"))).matches(#"{"a":"2026-11-21"}"#) == [0])
    }

    @Test("documents of several kinds stand in one file, in any order, and refer to each other across files")
    func mixed() throws {
        let correlation = """
            title: Many
            correlation: { type: event_count, rules: [low], timespan: 1m, condition: { gte: 2 } }
            """
        let filter = "title: F\nlogsource: {}\nfilter: { rules: low, s: { b: 1 }, condition: not s }"
        let detection = "name: low\n" + ruleText("s: { a: 1 }\ncondition: s")
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let texts = [correlation, filter, detection]
            let one = RuleSet(
                documents: try YAMLReader.documents(
                    text: order.map { texts[$0] }.joined(separator: "\n---\n"), file: "a.yml"))
            let several = RuleSet(
                documents: try order.flatMap { try YAMLReader.documents(text: texts[$0], file: "\($0).yml") })
            for set in [one, several] {
                #expect(set.errors == [] && set.correlations.count == 1)
                #expect(set.detections.map { $0.filters.map(\.metadata.title) } == [["F"]])
            }
        }
    }

    @Test("a document with `correlation` is one, with `filter` a filter, else a detection")
    func kinds() throws {
        let set = try ruleSet(
            ruleText("s: { a: 1 }\ncondition: s")
                + "---\ntitle: F\nlogsource: {}\nfilter: { s: { b: 1 }, condition: s }")
        #expect(set.detections.count == 1 && set.filters.count == 1 && set.correlations.isEmpty)
        #expect(set.metadata.map(\.title) == ["A rule"])
        #expect(try errors("title: T\nlogsource: {}") == ["test.yml:1:1: the key 'detection' is missing."])
    }

    @Test("a key that stands twice is an error, in a rule and in a selection")
    func duplicateKeys() throws {
        for text in ["title: T\ntitle: U\n", "title: T\ndetection:\n  s:\n    a: 1\n    a: 2\n"] {
            #expect(throws: DocumentError.self) { try YAMLReader.documents(text: text, file: "test.yml") }
        }
    }

    @Test("action: global is the template of the rules that follow, at every level, until reset or the end of the file")
    func global() throws {
        let template = """
            action: global
            level: high
            logsource: { product: windows }
            detection: { filter: { b: 1 }, condition: sel and not filter }
            """
        let text = [
            template, rule("One", "a: 1"),
            "title: Two\nlogsource: { service: x }\ndetection: { sel: { a: 2 } }\nlevel: low",
            "action: reset", rule("Three", "a: 3"),
        ].joined(separator: "\n---\n")
        let set = try ruleSet(text)
        #expect(titles(set) == ["One", "Two"])
        #expect(
            set.errors.map(\.message) == ["the key 'logsource' is missing.", "the key 'condition' is missing."])
        #expect(set.detections.map(\.metadata.level) == [.high, .low])
        #expect(set.detections.map(\.logsource.product) == ["windows", "windows"])
        #expect(set.detections.map(\.logsource.service) == [nil, "x"])
        let whole = RuleSet(documents: set.detections.map(\.metadata.document))
        for set in [set.keeping { $0.title != "" }, whole] {
            let probe = try Probe(RuleSet(documents: set.detections.map(\.metadata.document)))
            #expect(try probe.matches(#"{"a":1}"#) == [0])
            #expect(try probe.matches(#"{"a":1,"b":1}"#) == [])
            #expect(try probe.matches(#"{"a":2}"#) == [1])
        }
        // Another file begins without a template.
        let other = try YAMLReader.documents(text: rule("Other", "a: 4"), file: "other.yml")
        let documents = try YAMLReader.documents(text: template, file: "test.yml") + other
        #expect(RuleSet(documents: documents).errors.map(\.file) == ["other.yml", "other.yml"])
    }

    @Test("a second template takes the place of the first, and only the rules behind it have it")
    func secondTemplate() throws {
        let set = try ruleSet(
            [
                "action: global\nlogsource: { product: a }\ndetection: { condition: sel }", rule("One", "a: 1"),
                "action: global\nlogsource: { service: b }\ndetection: { condition: sel }", rule("Two", "a: 2"),
            ].joined(separator: "\n---\n"))
        #expect(set.errors == [])
        #expect(set.detections.map(\.logsource.product) == ["a", nil])
        #expect(set.detections.map(\.logsource.service) == [nil, "b"])
    }

    @Test("action: repeat is the rule before with some keys changed, and may be repeated again")
    func repeated() throws {
        let first = "title: One\nlogsource: {}\ndetection: { sel: { a: 1, b: 1 }, condition: sel }"
        let set = try ruleSet(
            [
                first, "action: repeat\ntitle: Two\ndetection: { sel: { a: 2 } }",
                "action: repeat\ntitle: Three\nlevel: low",
            ]
            .joined(separator: "\n---\n"))
        let probe = try Probe(set)
        #expect(titles(set) == ["One", "Two", "Three"])
        #expect(try probe.matches(#"{"a":1,"b":1}"#) == [0])
        #expect(try probe.matches(#"{"a":2,"b":1}"#) == [1, 2])
        #expect(try probe.matches(#"{"a":2}"#) == [])
    }

    @Test("templates reach neither correlations nor filters")
    func templatesStayWithDetections() throws {
        let text = [
            "action: global\nlevel: high\nlogsource: { product: x }\ndetection: { sel: { a: 1 }, condition: sel }",
            "title: One\nname: one",
            "title: Many\ncorrelation: { type: event_count, rules: one, timespan: 1m, condition: { gte: 2 } }",
            "title: F\nlogsource: {}\nfilter: { s: { b: 1 }, condition: not s }",
        ].joined(separator: "\n---\n")
        let set = try ruleSet(text)
        #expect(set.errors == [])
        #expect(set.correlations.map(\.metadata.level) == [nil])
        #expect(set.filters.map(\.metadata.level) == [nil])
    }

    @Test("templates do not make a file grow without end")
    func templateLimit() throws {
        let values = Array(repeating: "x", count: 3000).joined(separator: ", ")
        let template = "action: global\nlogsource: {}\ndetection: { sel: { a: [\(values)] }, condition: sel }\n"
        let rules = (1...100).map { "---\ntitle: R\($0)\n" }.joined()
        let set = try ruleSet(template + rules)
        #expect(set.detections.count == 66)
        #expect(set.errors.allSatisfy { $0.message.contains("more than 200000 nodes") } && set.errors.count == 34)
    }

    @Test("errors name file and document; a bad document stops neither its file nor the others")
    func places() throws {
        let good = ruleText("s: { a: 1 }\ncondition: s")
        let documents =
            try YAMLReader.documents(text: good + "---\ntitle: Bad\n---\n- no rule\n", file: "one.yml")
            + YAMLReader.documents(text: good.replacingTitle("B"), file: "two.yml")
        let set = RuleSet(documents: documents)
        #expect(titles(set) == ["A rule", "B"])
        #expect(
            set.errors.map(\.description) == [
                "one.yml:7:1: the key 'logsource' is missing.", "one.yml:7:1: the key 'detection' is missing.",
                "one.yml:9:1: a rule is a mapping of keys to values.",
            ])
    }
}
