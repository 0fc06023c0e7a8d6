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
                gatewatch detectors validate --strict       # in CI: what is doubtful fails, too

                An error keeps a rule from working. A warning is about what is probably not meant.
                Exit status: 0 fine, 1 errors (with --strict also warnings), 3 cannot read.
                """)

        @OptionGroup var paths: Paths
        @Flag(help: "Fail on warnings, too.")
        var strict = false

        func run() throws {
            let files = try paths.load()
            let rules = files.rules
            Terminal.print(
                "\(files.fileCount) files: \(rules.detections.count) detections, \(rules.correlations.count) correlations, \(files.errors.count) errors, \(rules.warnings.count) warnings"
            )
            for warning in rules.warnings { Terminal.error("warning: \(warning)") }
            try Detectors.report(files)
            if strict, !rules.warnings.isEmpty { throw ExitCode.foundWrong }
        }
    }
}
