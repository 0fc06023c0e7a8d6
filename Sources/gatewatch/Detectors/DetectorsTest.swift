// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Detectors
import Sigma

extension Detectors {
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
}
