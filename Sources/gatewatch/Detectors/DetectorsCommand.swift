// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Detectors
import Sigma

struct Detectors: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Detection as code: lists, validates, tests, explains, compares and documents detectors.",
        discussion: """
            gatewatch detectors test                      # all tests of ./detectors
            gatewatch detectors validate --strict my-rules/
            gatewatch detectors explain gw_off_window_change event.json

            Exit status of all: 0 fine, 1 found something, 2 usage, 3 cannot read or
            write.
            """,
        subcommands: [List.self, Validate.self, Test.self, Explain.self, Diff.self, Promote.self, Docs.self])

    /// How what was found is printed.
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

    struct Paths: ParsableArguments {
        @Argument(help: "Rule files or folders; ./detectors without.")
        var paths: [String] = ["detectors"]
        @OptionGroup var rules: RuleOptions

        func load() throws -> DetectorFiles { try rules.load(paths) }
    }

    /// Prints what could not be used; then the command has found something wrong.
    static func report(_ files: DetectorFiles) throws {
        for error in files.errors { Terminal.error("\(error)") }
        if !files.errors.isEmpty { throw ExitCode.foundWrong }
    }
}
