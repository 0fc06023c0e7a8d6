// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Detectors

extension Detectors {
    struct Docs: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes a page per rule file, and an index, from the rules.",
            discussion: """
                gatewatch detectors docs                                     # ./detectors to docs/detectors
                gatewatch detectors docs my-rules --output my-rules/docs
                gatewatch detectors docs --check                             # in CI: 1 when the pages are not those of the rules

                Pages of rules that are gone are removed; other files in the folder stay.
                """)

        @Argument(help: "Folder of rules.")
        var folder = "detectors"
        @OptionGroup var rules: RuleOptions
        @Option(help: "Folder of the pages.")
        var output = "docs/detectors"
        @Flag(help: "Write nothing; fail where the pages differ.")
        var check = false

        func run() throws {
            let files = try rules.load([folder])
            // Pages of half the rules would look like all of them.
            try Detectors.report(files)
            let pages = DetectorPages(files, folder: folder)
            let differences = pages.differences(in: output)
            if check {
                for path in differences { Terminal.error("\(output)/\(path): is not what the rules give") }
                if !differences.isEmpty {
                    throw Refused("\(differences.count) pages differ. Run gatewatch detectors docs.")
                }
            } else {
                try pages.write(to: output)
            }
            Terminal.print(
                "\(pages.pages.count) pages in \(output), \(differences.count) \(check ? "differ" : "changed")")
        }
    }
}
