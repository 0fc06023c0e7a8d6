// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    /// Exit status and messages: 0 fine, 1 found something wrong, 2 usage, 3 cannot read or reach.
    @Suite struct CommandLine {
        static let commands = [
            "", "demo", "detect", "hub", "broker", "detectors", "detectors list", "detectors validate",
            "detectors test", "detectors explain", "detectors diff", "detectors promote", "detectors docs", "backtest",
            "deliveries", "deliveries list", "deliveries replay",
            "deliveries enable", "routes show", "routes test", "silences", "silences list", "silences add",
            "silences expire", "fixtures", "incidents disposition", "evidence verify",
        ]

        @Test(arguments: commands) func helpIsFineAndAnUnknownFlagIsUsage(_ command: String) async throws {
            try await Stage.with { stage in
                let words = command.split(separator: " ").map(String.init)
                let help = try await stage.run(words + ["--help"])
                #expect(help.status == 0)
                #expect(help.output.contains("USAGE: gatewatch"))
                let unknown = try await stage.run(words + ["--no-such-flag"])
                #expect(unknown.status == 2)
                #expect(unknown.errors.hasPrefix("Error: "))
            }
        }

        @Test(arguments: [
            ["detectors", "test", "nowhere"], ["detectors", "list", "nowhere"], ["detectors", "validate", "nowhere"],
            ["backtest", "--detectors", "nowhere", "--input", "-"],
            ["backtest", "--detectors", Project.detectors, "--input", "nowhere"],
            ["backtest", "--detectors", Project.detectors, "--input", "."],
            ["backtest", "--detectors", Project.detectors, "--input", "-", "--expect", "nowhere"],
            ["detectors", "explain", "gw_chain", "nowhere", "--detectors", Project.detectors],
            ["detectors", "explain", "gw_chain", "{}", "--detectors", "nowhere"],
            ["detectors", "diff", "nowhere", Project.detectors, "--input", "/dev/null"],
            ["detectors", "diff", Project.detectors, Project.detectors, "--input", "nowhere"],
            ["detectors", "promote", "gw_chain", "--detectors", "nowhere"], ["detectors", "docs", "nowhere"],
            ["backtest", "--detectors", Project.detectors, "--input", "-", "--mapping", "nowhere"],
            ["backtest", "--detectors", Project.detectors, "--input", "-", "--identities", "nowhere"],
            ["backtest", "--detectors", Project.detectors, "--input", "-", "--calendar", "nowhere"],
            ["backtest", "--detectors", Project.detectors, "--input", "-", "--lists", "nowhere"],
            ["demo", "--once", "--detectors", "nowhere"],
            ["detect", "--config", "nowhere"], ["hub", "--config", "nowhere"],
            ["routes", "show", "--config", "nowhere"], ["silences", "list", "--state", "nowhere"],
            ["detect", "--bootstrap-servers", "127.0.0.1:1", "--detectors", "nowhere"],
        ])
        func whatIsNotThereIsNamed(_ arguments: [String]) async throws {
            try await Stage.with { stage in
                let result = try await stage.run(arguments)
                #expect(result.status == 3, "\(result.errors)")
                #expect(result.errors.contains(arguments.contains("nowhere") ? "nowhere" : "folder"))
            }
        }

        @Test func usageFaultsAreExplained() async throws {
            try await Stage.with { stage in
                let wrong = [
                    (["detect"], "--bootstrap-servers"), (["detect", "-X", "nonsense"], "key=value"),
                    (["hub", "--bootstrap-servers", "127.0.0.1:1", "--webhook", "http://127.0.0.1:1/"], "--secret"),
                    (["backtest", "--input", "-"], "--detectors"),
                    (["deliveries", "list", "--state", "nowhere"], "nowhere"),
                    (
                        ["backtest", "--detectors", Project.detectors, "--input", "-", "--lateness", "1 minute"],
                        "--lateness"
                    ),
                    (["broker", "--topic", "a:b:c"], "--topic"),
                    (["silences", "add", "a=b", "--duration", "1h"], "--comment"),
                    (["silences", "add", "a=b", "--comment", "c"], "--duration"),
                    (["silences", "add", "a b", "--duration", "1h", "--comment", "c"], "a b"),
                    (["silences", "add", "a=b", "--duration", "1", "--comment", "c"], "--duration"),
                    (["routes", "test", "--config", "x"], "--alert"),
                    (["backtest", "--detectors", Project.detectors, "--input", "-", "--jobs", "0"], "--jobs"),
                    (["detectors", "explain", "no_such_rule", "{}", "--detectors", Project.detectors], "no_such_rule"),
                ]
                for (arguments, word) in wrong {
                    let result = try await stage.run(arguments)
                    #expect(result.status == 2, "\(arguments): \(result.errors)")
                    #expect(result.errors.contains(word), "\(arguments): \(result.errors)")
                }
            }
        }

        @Test func aBadRuleFileIsExplainedWithPlaceKeyAndRemedy() async throws {
            try await Stage.with { stage in
                let rule = """
                    title: A rule
                    name: a_rule
                    logsource: { product: gatewatch, service: gateway }
                    detection:
                      selection:
                        api.operation|startwith: config
                      condition: selection
                    """
                try stage.write("rules/modifier.yml", rule)
                let correlation = """
                    title: A correlation
                    name: a_correlation
                    correlation:
                      type: event_count
                      rules: [a_good_rule]
                      group-by: [identity]
                      timespan: 10 m
                      condition: { gte: 5 }
                    """
                try stage.write("rules/timespan.yml", correlation)
                let circle = ["one", "two"].map { name in
                    "title: \(name)\nname: \(name)\ncorrelation: { type: event_count, rules: [\(name == "one" ? "two" : "one")], "
                        + "group-by: [identity], timespan: 10m, condition: { gte: 5 } }\n"
                }
                try stage.write("rules/circle.yml", circle.joined(separator: "---\n"))
                try stage.write("rules/yaml.yml", "title: x\ndetection: [\n")
                let good =
                    "title: Good\nname: a_good_rule\nlogsource: { product: any }\n"
                    + "detection: { selection: { a: 1 }, condition: selection }\nlevel: low\n"
                try stage.write("rules/good.yml", good)
                try stage.write("events.ndjson", "{\"time\":1795002000000,\"a\":1}\n")

                for command in [
                    ["detectors", "validate", "rules"], ["detectors", "test", "rules"], ["detectors", "list", "rules"],
                    ["detect", "--bootstrap-servers", "127.0.0.1:1", "--detectors", "rules"],
                    ["backtest", "--detectors", "rules", "--input", "events.ndjson", "--mapping", "raw"],
                ] {
                    let result = try await stage.run(command)
                    #expect(result.status == 1, "\(command): \(result.errors)")
                    for message in [
                        "rules/modifier.yml:6:30: detection.selection.api.operation|startwith: unknown modifier 'startwith'. "
                            + "Did you mean 'startswith'?",
                        "rules/timespan.yml:7:13: correlation.timespan: '10 m' is not a timespan. Write a whole number",
                        "rules/circle.yml:3:43: correlation.rules[0]: correlations refer to each other in a circle",
                        "rules/yaml.yml:3:1: not valid YAML",
                    ] {
                        #expect(result.errors.contains(message), "\(command): \(result.errors)")
                    }
                    // The good file beside them is used.
                    if command[0] == "backtest" { #expect(result.output.contains("a_good_rule")) }
                }
            }
        }

        @Test func backtestGoesOnPastMalformedLinesAndSumsThemUp() async throws {
            try await Stage.with { stage in
                let good = { (number: Int) in
                    """
                    {"time":\(1_795_002_000_000 + number * 7_200_000),"identity":"ana-\(number)","api":{"operation":"corpus.read"},\
                    "identity.role":"inference","status_id":1,"metadata":{"uid":"good-\(number)"}}
                    """
                }
                var bytes = Array("\(good(1))\n\n{\"time\":1,\"time\":2}\n{\"a\"\n[1]\n{\"time\":\"yesterday\"}\n".utf8)
                bytes += [0xFF, 0xFE, 0x7B, 0x0A, 0, 0, 0, 0x0A]
                bytes += Array("{\"time\":1795005600000,\"a\":".utf8) + Array(repeating: UInt8(ascii: "["), count: 5000)
                bytes += Array("\n\(good(2))\r\n{\"time\":1795009200000,\"a\":\"".utf8)
                bytes += Array(repeating: UInt8(ascii: "x"), count: 2 << 20) + Array("\"}\n\(good(3))".utf8)
                let file = try stage.write("events.ndjson", bytes)
                let arguments = ["backtest", "--detectors", Project.detectors, "--format", "ocsf", "--input"]
                let result = try await stage.run(arguments + [file])
                #expect(result.status == 0, "\(result.errors)")
                #expect(result.errors.hasPrefix("3 events, 3 alerts"))
                #expect(result.errors.contains("8 events were not taken"), "\(result.errors)")
                for word in [
                    "1 bad_time", "1 duplicate_key", "1 too_large", "line 3: the event has the field time twice",
                ] {
                    #expect(result.errors.contains(word), "\(result.errors)")
                }
                for number in 1...3 {
                    #expect(result.output.contains("\"related_events\":[{\"uid\":\"good-\(number)\"}]"))
                }

                let stdin = try await stage.run(arguments + ["-"], input: URL(fileURLWithPath: file))
                #expect(stdin == result)
                let gzip = try #require(Project.program("gzip"))
                #expect(try await stage.run(["-k", file], program: gzip).status == 0)
                #expect(try await stage.run(arguments + ["\(file).gz"]) == result)
                #expect(try await stage.run(arguments + ["-"], input: URL(fileURLWithPath: "\(file).gz")) == result)
            }
        }

        @Test func aSecretIsNeverPrinted() async throws {
            try await Stage.with { stage in
                let result = try await stage.run([
                    "hub", "--bootstrap-servers", "127.0.0.1:1", "--state", stage.path("hub"), "--webhook",
                    "http://127.0.0.1:1/hook", "--secret", "whsec_notBase64!secretsecretsecret",
                ])
                #expect(result.status != 0)
                #expect(!result.errors.contains("secretsecret"))
                #expect(result.errors.contains("base64"))
            }
        }
    }
}
