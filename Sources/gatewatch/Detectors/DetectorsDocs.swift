// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Detectors
import YAMLDocument

extension Detectors {
    struct Docs: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes a page per rule file, and an index, from the rules.",
            discussion: """
                gatewatch detectors docs                # ./detectors to docs/detectors
                gatewatch detectors docs my-rules --output my-rules/docs
                gatewatch detectors docs --check        # in CI: are the pages the rules'?

                Pages of rules that are gone are removed; other files in the folder stay. \
                Exit status: 0 fine, 1 pages differ (--check) or a rule cannot be used, 2
                usage, 3 cannot read or write.
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
                    throw Refused(
                        "\(differences.count) \(differences.count == 1 ? "page differs" : "pages differ"). Run gatewatch detectors docs."
                    )
                }
            } else {
                do {
                    try pages.write(to: output)
                } catch {
                    throw DocumentError(unwritable: output, error)
                }
            }
            Terminal.print(
                "\(counted(pages.pages.count, "page")) in \(output), \(differences.count) \(check ? "differ" : "changed")"
            )
        }
    }
}
