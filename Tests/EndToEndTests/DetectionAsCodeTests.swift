// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    /// `gatewatch detectors list | validate | test | diff | promote | docs`.
    @Suite struct DetectionAsCode {
        static func rule(_ name: String, _ more: String = "", operation: String? = nil) -> String {
            """
            title: \(name)
            name: \(name)
            status: experimental
            level: low
            logsource: { product: gatewatch, service: gateway }
            detection: { selection: { op: \(operation ?? name) }, condition: selection }
            \(more)
            """
        }

        @Test func listTellsTheStateOfEachRule() async throws {
            try await Stage.with { stage in
                try stage.write("rules/a.yml", Self.rule("a"))
                let text = try await stage.run(["detectors", "list", "rules"])
                #expect(text.status == 0)
                #expect(text.output.contains(/a +detection +experimental +low +0 +- +rules\/a.yml:1/))
                let json = try await stage.run(["detectors", "list", "rules", "--format", "json"])
                let rules = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]]
                #expect(rules?.map { $0["status"] as? String } == ["experimental"])
                #expect(rules?.first?["file"] as? String == "rules/a.yml")
            }
        }

        @Test func strictValidationFailsOnWhatIsDoubtful() async throws {
            try await Stage.with { stage in
                try stage.write("rules/a.yml", Self.rule("a", "date: 2026/01/01"))
                let plain = try await stage.run(["detectors", "validate", "rules"])
                #expect(plain.status == 0)
                #expect(plain.errors.contains("warning: rules/a.yml:7:7: date: is not a date. Write YYYY-MM-DD."))
                #expect(try await stage.run(["detectors", "validate", "--strict", "rules"]).status == 1)
            }
        }

        @Test func testsAreReportedAsJUnitAndSayWhatCameNearest() async throws {
            try await Stage.with { stage in
                let test = "gatewatch: { tests: [{ name: never, events: { set: { op: b } }, alerts: 1 }] }"
                try stage.write("rules/a.yml", Self.rule("a", test))
                try stage.write("rules/a.tests/more.ndjson", "{\"time\":1,\"op\":\"a\",\"identity\":\"ana\"}\n")
                try stage.write(
                    "rules/a.tests/expect.yml", "more.ndjson: { alerts: { a: { exactly: 1, identities: [ana] } } }\n")
                let result = try await stage.run(["detectors", "test", "rules", "--junit", "results.xml", "-v"])
                #expect(result.status == 1)
                #expect(result.output.contains("FAIL  a: never\n      rules/a.yml:7: expected 1 alert, got 0\n"))
                #expect(result.output.contains("nearest: event 1: ✗ op: a (\"b\" is not a)"))
                #expect(result.output.contains("ok    a: more.ndjson\n"))
                #expect(result.output.contains("1 passed, 1 failed"))
                let xml = try String(contentsOfFile: stage.path("results.xml"), encoding: .utf8)
                #expect(xml.contains("<testsuite name=\"rules/a.yml\" tests=\"2\" failures=\"1\""))
            }
        }

        @Test func diffTellsWhatAChangeOfRulesWouldHaveChanged() async throws {
            try await Stage.with { stage in
                try stage.write("old/a.yml", Self.rule("a"))
                try stage.write("new/a.yml", Self.rule("a", operation: "b"))
                try stage.write(
                    "log.ndjson",
                    "{\"time\":1,\"op\":\"a\",\"identity\":\"ana\"}\n{\"time\":2,\"op\":\"b\",\"identity\":\"ben\"}\n")
                let log = ["--input", "log.ndjson", "--mapping", "raw"]
                let same = try await stage.run(["detectors", "diff", "old", "old"] + log)
                #expect(same.status == 0)
                #expect(same.output == "0 rules differ, 1 does not\n")
                let other = try await stage.run(["detectors", "diff", "old", "new"] + log)
                #expect(other.status == 1)
                #expect(
                    other.output.hasPrefix(
                        "a: changed (detection.selection.op), alerts: 1 only before, 1 only after, 0 in both\n  - "))
                #expect(other.output.contains("+ 1970-01-01T00:00:02.000Z  ben: a."))
                let json = try await stage.run(["detectors", "diff", "old", "new", "--format", "json"] + log)
                #expect(json.output.contains("\"change\":\"changed\""))
                #expect(try await stage.run(["detectors", "diff", "old", "new", "--input", "-"]).status == 2)
            }
        }

        @Test func promoteWritesTwoLinesAndCheckNone() async throws {
            try await Stage.with { stage in
                let text = Self.rule("a", "# the end")
                let file = try stage.write("rules/a.yml", text)
                try stage.write("log.ndjson", "{\"time\":1,\"op\":\"a\",\"identity\":\"ana\"}\n")
                let check = try await stage.run([
                    "detectors", "promote", "a", "--check", "--detectors", "rules", "--input", "log.ndjson",
                    "--mapping",
                    "raw",
                ])
                #expect(check.status == 0, "\(check.errors)")
                #expect(check.output.hasPrefix("a: 1 alert of 1 identity in 1.0 days, 1.0 a day\n"))
                #expect(check.output.contains("rules/a.yml:3: a would go experimental → test"))
                #expect(try String(contentsOfFile: file, encoding: .utf8) == text)
                let promoted = try await stage.run(["detectors", "promote", "a", "--detectors", "rules"])
                #expect(promoted.status == 0, "\(promoted.errors)")
                let written = try String(contentsOfFile: file, encoding: .utf8)
                let date = try #require(written.firstMatch(of: /\nmodified: [0-9]{4}-[0-9]{2}-[0-9]{2}/)).output
                #expect(
                    written.replacing(date, with: "").replacing("status: test", with: "status: experimental") == text)
                #expect(try await stage.run(["detectors", "promote", "a", "--detectors", "rules"]).status == 0)
                let refused = try await stage.run(["detectors", "promote", "a", "--detectors", "rules"])
                #expect(refused.status == 1)
                #expect(refused.errors.contains("rules/a.yml:3:9: status: 'a' is stable; there is nothing above."))
                #expect(try await stage.run(["detectors", "promote", "b", "--detectors", "rules"]).status == 2)
            }
        }

        @Test func docsAreWrittenAndChecked() async throws {
            try await Stage.with { stage in
                try stage.write("rules/a.yml", Self.rule("a"))
                let docs = ["detectors", "docs", "rules", "--output", "pages"]
                let missing = try await stage.run(docs + ["--check"])
                #expect(missing.status == 1)
                #expect(missing.errors.contains("pages/a.md: is not what the rules give"))
                #expect(try await stage.run(docs).status == 0)
                #expect(try await stage.run(docs + ["--check"]).status == 0)
                try stage.write("rules/a.yml", Self.rule("a", operation: "b"))
                #expect(try await stage.run(docs + ["--check"]).status == 1)
            }
        }

        @Test func whereThereIsNoRuleItIsFoundWrong() async throws {
            try await Stage.with { stage in
                try stage.write("rules/a.yml", "# nothing yet\n")
                try stage.write("empty/readme.md", "none")
                for path in ["rules", "rules/a.yml", "empty"] {
                    let result = try await stage.run(["detectors", "validate", path])
                    #expect(result.status == 1)
                    #expect(result.errors.hasPrefix("\(path): holds no rule."))
                }
            }
        }

        @Test func whatCannotBeReadOrWrittenIsASentenceWithARemedy() async throws {
            try await Stage.with { stage in
                try stage.write("rules/a.yml", Self.rule("a"))
                try stage.write("b/a.yml", Self.rule("a"))
                try stage.write("b/a.tests/events.ndjson", "{}\n")
                let backtest = ["backtest", "--detectors", "rules", "--input", "/dev/null"]
                for (arguments, file) in [
                    (["detectors", "test", "rules", "--junit", "none/x.xml"], "none/x.xml: cannot be written"),
                    (backtest + ["--expect", "none.yml"], "none.yml: cannot be read"),
                    (backtest + ["--lists", "none.yml"], "none.yml: cannot be read"),
                    (backtest + ["--mapping", "none.yml"], "none.yml: cannot be read"),
                    (backtest + ["--identities", "none.csv"], "none.csv: cannot be read"),
                    (backtest + ["--calendar", "none.ics"], "the calendar none.ics cannot be read"),
                    (["hub", "--config", "none.yml"], "none.yml: cannot be read"),
                ] {
                    let result = try await stage.run(arguments)
                    #expect(result.status == 3)
                    #expect(
                        result.errors.contains("\(file): No such file or directory. Check the path"),
                        "\(result.errors)")
                }
                let missing = try await stage.run(["detectors", "test", "b"])
                #expect(missing.status == 3)
                #expect(missing.errors.contains("b/a.tests/expect.yml: is missing"))
            }
        }

        @Test func aTimeFieldThatNoEventHasIsNot1970() async throws {
            try await Stage.with { stage in
                try stage.write("rules/a.yml", Self.rule("a"))
                try stage.write("log.ndjson", "{\"at\":1795003200000,\"op\":\"a\"}\n{\"op\":\"a\"}\n")
                func run(_ command: [String], _ field: String) async throws -> CommandResult {
                    try await stage.run(command + ["--input", "log.ndjson", "--mapping", "raw", "--time-field", field])
                }
                let commands = [
                    ["backtest", "--detectors", "rules"], ["detectors", "diff", "rules", "rules"],
                    ["detectors", "promote", "a", "--detectors", "rules"],
                ]
                for command in commands {
                    let none = try await run(command, "when")
                    #expect(none.status == 3)
                    #expect(none.errors.contains("--time-field 'when': no event has this field."), "\(none.errors)")
                }
                let some = try await run(commands[0], "at")
                #expect(some.status == 0)
                #expect(some.errors.contains("warning: 1 of 2 events without a time in 'at'"), "\(some.errors)")
            }
        }

        @Test func baselineChoosesARuleOfSeveral() async throws {
            try await Stage.with { stage in
                let rules = ["m", "n"].map { name in
                    """
                    title: \(name)
                    name: \(name)
                    correlation: { type: event_count, rules: [a], timespan: 1h, condition: { gte: 5 } }
                    gatewatch: { baseline: { history: 28d, minimum: { history: 7d, buckets: 5 } } }
                    """
                }
                try stage.write("a.yml", ([Self.rule("a")] + rules).joined(separator: "\n---\n"))
                try stage.write("s.csv", "t,v\n2026-11-18T00:00:00Z,1\n")
                let series = ["baseline", "--input", "s.csv", "--time-field", "t", "--value-field", "v"]
                let several = try await stage.run(series + ["--detector", "a.yml"])
                #expect(several.status == 2)
                #expect(several.errors.contains("Choose one with --rule: m, n."))
                let chosen = try await stage.run(series + ["--detector", "a.yml", "--rule", "n"])
                #expect(chosen.status == 0, "\(chosen.errors)")
                #expect(chosen.errors.hasPrefix("1 row, 0 alarms"))
                let wrong = try await stage.run(series + ["--detector", "a.yml", "--rule", "a"])
                #expect(wrong.status == 2)
                #expect(wrong.errors.contains("Those are: m, n."))
                #expect(try await stage.run(series + ["--rule", "n"]).status == 2)
            }
        }
    }
}
