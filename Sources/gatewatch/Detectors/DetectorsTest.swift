// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Detectors
import Foundation
import Sigma
import YAMLDocument

extension Detectors {
    struct Test: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Runs the tests of the rules: inline ones, and files of events beside them.",
            discussion: """
                gatewatch detectors test
                gatewatch detectors test my-rules/ --junit results.xml

                Inline tests stand in the rule under gatewatch: tests. Files of events for \
                rules/brute_force.yml lie in rules/brute_force.tests/, with an expect.yml that \
                says what they give:

                  break-in.ndjson:
                    mapping: teleport        # ocsf without
                    identities: people.csv   # an identity directory beside it
                    alerts:
                      gw_fail_then_succeed: { exactly: 1, identities: [ana] }
                      gw_chain: 0

                A test that fails tells what held the rule back (a baseline that was still \
                learning), else what came nearest: the highest value against the limit, the \
                items that did not hold.
                Exit status: 0 all pass, 1 one fails or a rule cannot be used, 2 usage, 3
                cannot read or write.
                """)

        @OptionGroup var paths: Paths
        @Option(help: ArgumentHelp("Write the results as JUnit XML, too.", valueName: "file"))
        var junit: String?
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
                Terminal.print("FAIL  \(outcome.rule): \(outcome.test)\n      \(outcome.failure)")
                for message in outcome.messages.prefix(5) { Terminal.print("      \(message)") }
            }
            let tested = Set(outcomes.map(\.rule))
            let untested = files.rules.metadata.filter { !tested.contains($0.label) && $0.level != .informational }
            let failed = outcomes.count { !$0.passed }
            Terminal.print("\(outcomes.count - failed) passed, \(failed) failed")
            if !untested.isEmpty {
                Terminal.print("without tests: \(untested.map(\.label).joined(separator: ", "))")
            }
            if let junit { try write(JUnitReport(outcomes), to: junit) }
            try Detectors.report(files)
            if failed > 0 { throw ExitCode.foundWrong }
        }

        private func write(_ report: JUnitReport, to path: String) throws {
            do {
                try report.xml.write(toFile: path, atomically: true, encoding: .utf8)
            } catch {
                throw DocumentError(unwritable: path, error)
            }
        }
    }
}
