// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    /// `gatewatch detectors list | validate | test | diff | promote | docs`.
    @Suite struct DetectionAsCode {
        private static func rule(_ name: String, _ more: String = "", operation: String? = nil) -> String {
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
                #expect(result.output.contains("FAIL  a: never\n      rules/a.yml:7: expected 1 alerts, got 0\n"))
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
                #expect(same.output == "0 rules differ, 1 do not\n")
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
                #expect(check.output.hasPrefix("a: 1 alerts of 1 identities in 1.0 days, 1.0 a day\n"))
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
    }
}
