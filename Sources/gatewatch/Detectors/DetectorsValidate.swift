// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Detectors
import Sigma
import YAMLDocument

extension Detectors {
    struct Validate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads the rules and says what is wrong with them.",
            discussion: """
                gatewatch detectors validate                # before a commit
                gatewatch detectors validate --strict       # in CI: doubts fail, too

                An error keeps a rule from working. A warning is about what is probably not \
                meant. A lint finding is about the conventions of SigmaHQ and has a name, as \
                missing_description.
                Exit status: 0 fine, 1 errors or no rule at all (with --strict also warnings
                and lint), 2 usage, 3 cannot read.
                """)

        @OptionGroup var paths: Paths
        @Flag(help: "Fail on warnings and lint, too.")
        var strict = false

        func run() throws {
            let files = try paths.load()
            let rules = files.rules
            let lint = rules.lint
            Terminal.print(
                "\(counted(files.fileCount, "file")): \(counted(rules.detections.count, "detection")), \(counted(rules.correlations.count, "correlation")), \(counted(files.errors.count, "error")), \(counted(rules.warnings.count, "warning")), \(lint.count) lint"
            )
            for warning in rules.warnings { Terminal.error("warning: \(warning)") }
            for finding in lint { Terminal.error("lint: \(finding)") }
            try Detectors.report(files)
            if strict, !rules.warnings.isEmpty || !lint.isEmpty { throw ExitCode.foundWrong }
        }
    }
}
