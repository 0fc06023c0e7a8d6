// SPDX-License-Identifier: Apache-2.0

import Detectors
import Foundation
import Sigma
import Testing
import YAMLDocument

#if canImport(FoundationXML)
import FoundationXML
#endif

@Suite("Inline tests of rules")
struct RuleTestsTests {
    private func outcomes(_ tests: String, _ correlation: String? = nil) throws -> [RuleTestOutcome] {
        let folder = try TemporaryFolder()
        let yaml = """
            \(rule("x"))
            ---
            title: Many
            name: many
            correlation: { \(correlation ?? "type: event_count, rules: [x], group-by: [k], timespan: 1m, condition: { gte: 3 }") }
            gatewatch:
              tests:
            \(tests)
            """
        let files = try DetectorFiles(paths: [try folder.write("r.yml", yaml)])
        #expect(files.errors.isEmpty)
        return try RuleTests.run(files)
    }

    @Test("pass when the number of alerts is right, and fail with what was found when it is not")
    func outcome() throws {
        let results = try outcomes(
            """
                - { name: two, events: { repeat: 2, set: { op: x, k: a } }, alerts: 0 }
                - { name: three, events: { repeat: 3, set: { op: x, k: a } }, alerts: 1 }
                - { name: wrong, events: { repeat: 3, set: { op: x, k: a } }, alerts: 0 }
            """)
        #expect(results.map(\.passed) == [true, true, false])
        #expect(results.last?.found == "1")
        #expect(results.last?.messages.count == 1)
        #expect((results.last?.line ?? 0) > 0)
    }

    @Test("know at, every, vary and several groups of events")
    func events() throws {
        let results = try outcomes(
            """
                - name: at the edge
                  events: [{ set: { op: x, k: a } }, { at: 60s, repeat: 2, every: 1s, set: { op: x, k: a } }]
                  alerts: 0
                - name: just inside
                  events: [{ set: { op: x, k: a } }, { at: 59s, repeat: 2, every: 1s, set: { op: x, k: a } }]
                  alerts: 1
                - name: two groups
                  events: { repeat: 6, set: { op: x }, vary: { k: [a, b] } }
                  alerts: 2
            """)
        #expect(results.map(\.found) == ["0", "1", "2"])
    }

    @Test("tell the highest value that was reached against the limit, and for whom")
    func nearestValue() throws {
        let results = try outcomes(
            """
                - name: too few
                  events: [{ repeat: 1, set: { op: x, k: a } }, { repeat: 2, set: { op: x, k: b } }]
                  alerts: 1
                - { name: none, events: { set: { op: y, k: a } }, alerts: 1 }
            """)
        #expect(
            results.map(\.messages) == [
                ["nearest: 2 for k b at 2026-11-18T12:00:02.000Z (limit: at least 3)"],
                ["nearest: no event counts for it (limit: at least 3)"],
            ])
    }

    @Test("tell of a sum how far it came", arguments: [("gte", "at least"), ("gt", "more than")])
    func nearestSum(comparison: String, words: String) throws {
        let results = try outcomes(
            "    - { name: low, events: { repeat: 3, set: { op: x, k: a, n: 1999.5 } }, alerts: 1 }",
            "type: value_sum, rules: [x], group-by: [k], timespan: 1m, condition: { field: n, \(comparison): 20000 }")
        #expect(
            results.first?.messages == [
                "nearest: 5998.5 of n for k a at 2026-11-18T12:00:02.000Z (limit: \(words) 20,000)"
            ])
    }

    @Test("tell which items of a detection kept the nearest event from matching")
    func nearestEvent() throws {
        let folder = try TemporaryFolder()
        let yaml = """
            title: t
            name: t
            logsource: { category: test }
            detection:
              selection: { op: x, n|gte: 5 }
              off: { m: '1' }
              condition: selection and not off
            gatewatch:
              tests:
                - name: misses
                  events: [{ set: { op: y } }, { set: { op: x, n: 4 } }, { set: { op: z } }]
                  alerts: 1
                - { name: filtered, events: { set: { op: x, n: 5, m: '1' } }, alerts: 1 }
            """
        let results = try RuleTests.run(try DetectorFiles(paths: [try folder.write("r.yml", yaml)]))
        #expect(
            results.map(\.messages) == [
                ["nearest: event 2: ✗ n|gte: 5 (4 is not at least 5)"],
                ["nearest: event 1: ✓ m: '1' (must not hold)"],
            ])
    }

    @Test("tell what of the block gatewatch held the rule back, and that it was still learning")
    func heldBack() throws {
        let folder = try TemporaryFolder()
        func test(_ events: String) -> String { "tests: [{ name: t, events: \(events), alerts: 1 }]" }
        let event = "set: { op: x, k: a, host: h }"
        let later = "[{ set: { op: x, k: a } }, { at: 8d, \(event) }]"
        func fires(_ events: String, learning: String = "7d") -> String {
            rule(
                "x",
                "gatewatch: { first_seen: { field: host, group-by: k, history: 30d, learning: \(learning) }, \(test(events)) }"
            )
        }
        func counts(_ events: String, history: String = "7d") -> String {
            """
            \(rule("x"))
            ---
            title: many
            correlation: { type: event_count, rules: [x], group-by: [k], timespan: 1m, condition: { gte: 2 } }
            gatewatch:
              baseline: { history: 28d, minimum: { history: \(history), buckets: 5 } }
              \(test(events))
            """
        }
        for (text, message) in [
            (
                fires("[{ set: { op: x, k: a } }, { at: 10m, \(event) }]"),
                "still learning. A new k only teaches for 7d, and the test's events span 10m"
            ),
            (fires("[{ \(event) }, { at: 8d, \(event) }]"), "host was not new for its k within 30d"),
            (
                counts("{ repeat: 2, \(event) }"),
                "still learning (minimum: 7d and 5 windows with something in them), and the test's events span 1s"
            ),
            (counts("{ repeat: 2, every: 2h, \(event) }"), "nearest: 1 for k a"),
            (counts("{ repeat: 7300, every: 1s, \(event) }", history: "1h"), "no window stood out from the usual"),
        ] {
            let files = try DetectorFiles(paths: [try folder.write("r.yml", text)])
            #expect(files.errors == [])
            let messages = try #require(RuleTests.run(files).first).messages
            #expect(messages.count == 1 && messages.first?.contains(message) == true, "\(messages)")
        }
        let passes = try DetectorFiles(paths: [try folder.write("r.yml", fires(later))])
        #expect(try RuleTests.run(passes).map(\.passed) == [true])
    }
}

@Suite("Files of events beside rules")
struct EventFilesTests {
    /// A folder with a rule, a correlation, events and what is expected of them.
    private func outcomes(
        _ expect: String, events: String = #"{"time":1,"op":"x","identity":"ana"}"#, _ folder: TemporaryFolder
    ) throws -> [RuleTestOutcome] {
        let path = try folder.write("rules/r.yml", rule("x"))
        _ = try folder.write("rules/r.tests/a.ndjson", events)
        _ = try folder.write("rules/r.tests/expect.yml", expect)
        let files = try DetectorFiles(paths: ["\(folder.path)/rules"])
        #expect(files.errors == [])
        #expect(files.rules.metadata.map(\.file) == [path])
        return try RuleTests.run(files)
    }

    @Test("are run with mapping and identity directory, and say what each rule gives")
    func run() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("rules/r.tests/people.csv", "uid,aliases\nana,a1;a2\n")
        _ = try folder.write("rules/r.tests/own.yml", "name: own\nfields: { identity: who, op: what }\n")
        let results = try outcomes(
            """
            a.ndjson:
              mapping: own.yml
              identities: people.csv
              alerts:
                x: { at_least: 2, at_most: 2, identities: [ana] }
            """,
            events: "{\"time\":1,\"what\":\"x\",\"who\":\"a1\"}\n\n{\"time\":2,\"what\":\"x\",\"who\":\"a2\"}\n", folder
        )
        #expect(results.map(\.passed) == [true])
        #expect(results.first?.test == "a.ndjson")
    }

    @Test("fail with the place in expect.yml, wanted against got, and what came nearest")
    func failure() throws {
        let folder = try TemporaryFolder()
        let results = try outcomes("a.ndjson:\n  alerts:\n    x: { exactly: 2, identities: [ana, ben] }\n", folder)
        #expect(results.map(\.passed) == [false])
        #expect(
            results.first?.failure
                == "\(folder.path)/rules/r.tests/expect.yml:3: expected exactly 2 alerts about ana, ben, got 1 about ana"
        )
        let none = try outcomes("a.ndjson: { alerts: { x: 1 } }", events: #"{"time":1,"op":"w"}"#, folder)
        #expect(none.first?.messages == ["nearest: event 1: ✗ op: x (\"w\" is not x)"])
    }

    @Test("fail where events cannot be read")
    func unreadable() throws {
        let results = try outcomes(
            "a.ndjson: { alerts: { x: 1 } }", events: "{\"time\":1,\"op\":\"x\"}\nnonsense\n", try TemporaryFolder())
        #expect(results.map(\.passed) == [false])
        #expect(results.first?.found == "1, and 1 event that cannot be read")
    }

    @Test(
        "are refused where they would test nothing",
        arguments: [
            ("b.ndjson: { alerts: { x: 1 } }", "does not exist"), ("a.ndjson: { alerts: {} }", "expects nothing"),
            ("a.ndjson: { alerts: { y: 1 } }", "unknown rule 'y'"),
            ("a.ndjson: { alert: { x: 1 } }", "Did you mean 'alerts'?"),
            ("{}", "says nothing about a.ndjson"), ("", "is empty"),
            ("a.ndjson: { alerts: { x: { exactly: 1, at_most: 2 } } }", "'exactly' stands without"),
            ("a.ndjson: { alerts: { x: { at_least: 3, at_most: 2 } } }", "at_least is more than at_most"),
            ("a.ndjson: { alerts: { x: -1 } }", "0 alerts or more"),
        ])
    func refused(expect: String, message: String) throws {
        #expect {
            _ = try outcomes(expect, try TemporaryFolder())
        } throws: { error in
            "\(error)".contains(message) && "\(error)".contains("expect.yml")
        }
    }
}

@Suite("A JUnit report")
struct JUnitReportTests {
    @Test("is XML with a suite per rule file, a case per test and the failure in full")
    func report() throws {
        func outcome(_ suite: String, _ test: String, _ passed: Bool) -> RuleTestOutcome {
            RuleTestOutcome(
                suite: suite, rule: "a <rule> & \"more\"", test: test, file: suite, line: 7, wanted: "1 alert",
                found: "0",
                passed: passed, messages: ["nearest: 2 < 3\u{1}"], seconds: 0.0126)
        }
        let xml = JUnitReport([
            outcome("a.yml", "one", true), outcome("b.yml", "two", false), outcome("a.yml", "three", false),
        ]).xml
        let document = try XMLDocument(xmlString: xml)
        let suites = try document.nodes(forXPath: "/testsuites/testsuite").compactMap { $0 as? XMLElement }
        #expect(suites.map { $0.attribute(forName: "name")?.stringValue } == ["a.yml", "b.yml"])
        #expect(suites.map { $0.attribute(forName: "tests")?.stringValue } == ["2", "1"])
        #expect(suites.map { $0.attribute(forName: "failures")?.stringValue } == ["1", "1"])
        let cases = try document.nodes(forXPath: "//testcase").compactMap { $0 as? XMLElement }
        #expect(cases.map { $0.attribute(forName: "name")?.stringValue } == ["one", "three", "two"])
        #expect(cases.first?.attribute(forName: "classname")?.stringValue == "a <rule> & \"more\"")
        #expect(cases.first?.attribute(forName: "time")?.stringValue == "0.013")
        let failures = try document.nodes(forXPath: "//failure").compactMap { $0 as? XMLElement }
        #expect(
            failures.map { $0.attribute(forName: "message")?.stringValue } == [
                "a.yml:7: expected 1 alert, got 0", "b.yml:7: expected 1 alert, got 0",
            ])
        #expect(failures.first?.stringValue?.contains("nearest: 2 < 3") == true)
    }
}
