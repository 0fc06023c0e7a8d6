// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Detectors
import Sigma

struct Detectors: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists, validates and tests detectors.",
        discussion: """
            gatewatch detectors test                    # all inline tests of ./detectors
            gatewatch detectors validate my-rules/
            """,
        subcommands: [List.self, Validate.self, Test.self])

    struct Paths: ParsableArguments {
        @Argument(help: "Rule files or folders; ./detectors without.")
        var paths: [String] = ["detectors"]
        @Option(help: "iCalendar file for every gatewatch: outside, in place of the one that a rule names.")
        var calendar: String?

        @Option(help: "Values of |expand placeholders: YAML, name → list.")
        var lists: String?

        func load() throws -> DetectorFiles {
            try DetectorFiles(paths: paths, calendar: calendar, lists: lists)
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One line per rule.")
        @OptionGroup var paths: Paths

        func run() throws {
            let files = try paths.load()
            var rows = [["NAME", "KIND", "LEVEL", "STATUS", "TESTS", "TITLE"]]
            func add(_ metadata: RuleMetadata, _ kind: String) {
                rows.append([
                    metadata.label, kind, metadata.level?.rawValue ?? "-", metadata.status?.rawValue ?? "-",
                    String(metadata.extensions.tests.count), metadata.title,
                ])
            }
            for rule in files.rules.detections { add(rule.metadata, "detection") }
            for rule in files.rules.correlations { add(rule.metadata, "\(rule.kind.rawValue) \(rule.timespan)") }
            Terminal.print(Terminal.table(rows))
            try Detectors.report(files)
        }
    }

    struct Validate: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Reads the rules and says what is wrong with them.")
        @OptionGroup var paths: Paths

        func run() throws {
            let files = try paths.load()
            Terminal.print(
                "\(files.fileCount) files: \(files.rules.detections.count) detections, \(files.rules.correlations.count) correlations, \(files.errors.count) errors"
            )
            for warning in files.rules.warnings { Terminal.error("warning: \(warning)") }
            try Detectors.report(files)
        }
    }

    struct Test: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Runs the inline tests of the rules.")
        @OptionGroup var paths: Paths
        @Flag(name: .shortAndLong, help: "Show the tests that pass, too.")
        var verbose = false

        func run() throws {
            let files = try paths.load()
            let outcomes = try RuleTests.run(files)
            for outcome in outcomes {
                if outcome.passed {
                    if verbose { Terminal.print("ok    \(outcome.rule): \(outcome.test)") }
                    continue
                }
                Terminal.print(
                    "FAIL  \(outcome.rule): \(outcome.test)\n      \(outcome.file):\(outcome.line): expected \(outcome.expected) alerts, got \(outcome.found)"
                )
                for message in outcome.messages.prefix(5) { Terminal.print("      \(message)") }
            }
            let untested = files.rules.metadata.filter { $0.extensions.tests.isEmpty && $0.level != .informational }
            let failed = outcomes.count { !$0.passed }
            Terminal.print("\(outcomes.count - failed) passed, \(failed) failed")
            if !untested.isEmpty {
                Terminal.print("without tests: \(untested.map(\.label).joined(separator: ", "))")
            }
            try Detectors.report(files)
            if failed > 0 { throw ExitCode.foundWrong }
        }
    }

    /// Prints what could not be used; then the command has found something wrong.
    static func report(_ files: DetectorFiles) throws {
        for error in files.errors { Terminal.error("\(error)") }
        if !files.errors.isEmpty { throw ExitCode.foundWrong }
    }
}
