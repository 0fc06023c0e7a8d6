// SPDX-License-Identifier: Apache-2.0

import Fixtures
import Foundation
import Testing

extension EndToEnd {
    /// `gatewatch backtest` as detection as code.
    @Suite struct BacktestCommand {
        private static let rule = """
            title: Config
            name: config
            logsource: { product: gatewatch, service: gateway }
            detection: { selection: { op: config }, condition: selection }
            gatewatch: { suppress: { episode: 1s, group-by: [identity] } }
            """

        private func event(_ minute: Int, _ identity: String, _ operation: String = "config") -> String {
            "{\"time\":\(1_795_002_000_000 + minute * 60_000),\"op\":\"\(operation)\",\"identity\":\"\(identity)\"}\n"
        }

        private func arguments(_ stage: Stage, _ more: [String]) throws -> [String] {
            try stage.write("rules/config.yml", Self.rule)
            try stage.write("logs/a.ndjson", event(0, "ana") + event(10, "ben") + event(20, "ana"))
            try stage.write("logs/b.json", event(30, "cleo") + event(40, "dan", "other"))
            return ["backtest", "--detectors", "rules", "--mapping", "raw", "--input", "logs"] + more
        }

        @Test func expectationsThatAreMetAreFineAndOneThatIsMissedIsToldWithItsPlace() async throws {
            try await Stage.with { stage in
                try stage.write("met.yml", "config: { exactly: 4, identities: [ana, ben, cleo] }\n")
                let met = try await stage.run(try arguments(stage, ["--expect", "met.yml"]))
                #expect(met.status == 0, "\(met.errors)")
                #expect(met.errors.contains("1 expectation met"))
                for (text, wanted) in [
                    ("{ at_least: 5 }", "wanted at least 5 alerts, got 4."),
                    ("{ at_most: 3 }", "wanted at most 3 alerts, got 4."),
                    ("3", "wanted exactly 3 alerts, got 4."),
                    ("{ at_least: 1, at_most: 3 }", "wanted at least 1 and at most 3 alerts, got 4."),
                    (
                        "{ exactly: 4, identities: [ana] }",
                        "wanted exactly 4 alerts about ana, got 4 about ana, ben, cleo."
                    ),
                ] {
                    try stage.write("missed.yml", "# what is wanted\nconfig: \(text)\n")
                    let missed = try await stage.run(try arguments(stage, ["--expect", "missed.yml"]))
                    #expect(missed.status == 1)
                    #expect(missed.errors.contains("missed.yml:2: config: \(wanted)"), "\(missed.errors)")
                }
            }
        }

        @Test func anExpectationOfARuleThatIsNotThereIsToldBeforeTheRun() async throws {
            try await Stage.with { stage in
                try stage.write("expect.yml", "confg: 1\n")
                let result = try await stage.run(try arguments(stage, ["--expect", "expect.yml"]))
                #expect(result.status == 3)
                #expect(result.output.isEmpty)
                #expect(result.errors.contains("expect.yml:1:8: confg: unknown rule 'confg'. Did you mean 'config'?"))
            }
        }

        @Test func theSummaryTellsAlertsByRuleIdentitiesAndRates() async throws {
            try await Stage.with { stage in
                let result = try await stage.run(try arguments(stage, []))
                #expect(result.errors.hasPrefix("5 events, 4 alerts, 4 identities, 1.0 days\n"))
                #expect(result.errors.contains(/RULE +STATUS +ALERTS +IDENTITIES +PER DAY +PER 1,000 IDENTITIES/))
                #expect(result.errors.contains(/config +stable +4 +3 +4.0 +1000.0/), "\(result.errors)")
            }
        }

        @Test func progressIsShownWhenAskedFor() async throws {
            try await Stage.with { stage in
                let result = try await stage.run(try arguments(stage, ["--progress"]))
                #expect(result.status == 0)
                #expect(result.output.split(separator: "\n").count == 4)
            }
        }

        @Test func anyNumberOfJobsGivesTheSameBytes() async throws {
            try await Stage.with { stage in
                let day = try Day(stage)
                let lines = day.shuffled(seed: 7).reduce(into: [UInt8]()) { $0 += $1.json + [0x0A] }
                let file = try stage.write("day.ndjson", lines)
                let one = try await stage.run(
                    ["backtest", "--input", file, "--format", "ocsf", "--jobs", "1"] + day.arguments)
                #expect(one.status == 0)
                #expect(one.output.count > 1000)
                for jobs in ["2", "5"] {
                    let several = try await stage.run(
                        ["backtest", "--input", file, "--format", "ocsf", "--jobs", jobs] + day.arguments)
                    #expect(several == one)
                }
            }
        }
    }

    /// `gatewatch detectors explain`.
    @Suite struct ExplainCommand {
        private static let event =
            #"{"time":1795003200000,"api":{"operation":"corpus.read"},"status_id":1,"actor":{"user":{"uid":"ana@example.com"}}}"#

        @Test(arguments: ["argument", "file", "line", "stdin"])
        func anEventIsTakenFromWhereverItIs(_ form: String) async throws {
            try await Stage.with { stage in
                try stage.write("people.csv", "uid,aliases,role\nana,ana@example.com,inference\n")
                let pretty = Self.event.replacing(",", with: ",\n")
                let arguments: [String]
                var input: URL?
                switch form {
                case "argument": arguments = [Self.event]
                case "file": arguments = [try stage.write("event.json", pretty)]
                case "line": arguments = [try stage.write("log.ndjson", "{}\n\(Self.event)\n"), "--line", "2"]
                default:
                    arguments = ["-"]
                    input = URL(fileURLWithPath: try stage.write("event.json", Self.event))
                }
                let result = try await stage.run(
                    ["detectors", "explain", "gw_training_data_by_inference"] + arguments
                        + ["--detectors", Project.detectors, "--identities", "people.csv"], input: input)
                #expect(result.status == 0, "\(result.errors)")
                #expect(result.output.contains("identity = ana\n"))
                #expect(result.output.contains("identity.role = inference\n"))
                #expect(result.output.contains("✓ gw_training_data_by_inference (detection): matches"))
            }
        }

        @Test func aFileOfRulesIsExplainedRuleByRule() async throws {
            try await Stage.with { stage in
                let rules = (1...2).map {
                    "title: R\($0)\nname: r\($0)\nlogsource: { product: gatewatch }\ndetection: { s: { a: \($0) }, condition: s }\n"
                }
                try stage.write("my.yml", rules.joined(separator: "---\n"))
                let result = try await stage.run(
                    ["detectors", "explain", "my.yml", #"{"a":2}"#, "--mapping", "raw", "--format", "json"])
                #expect(result.status == 0, "\(result.errors)")
                let lines = result.output.split(separator: "\n")
                #expect(lines.map { $0.contains("\"matches\":true") } == [false, true])
                #expect(lines.first?.contains("\"reason\":\"2 is not 1\"") == true)
            }
        }
    }
}
