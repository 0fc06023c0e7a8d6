// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Detectors
import JSONText
import Sigma
import YAMLDocument

extension Detectors {
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One line per rule: what it is and in which state.",
            discussion: """
                gatewatch detectors list
                gatewatch detectors list --format json my-rules/ \\
                    | jq '.[] | select(.status == "experimental")'

                Rules without a status count as stable. `block` marks a rule that raises no \
                alert of its own.
                Exit status: 0 fine, 1 a rule cannot be used, 2 usage, 3 cannot read.
                """)

        @OptionGroup var paths: Paths
        @Option(help: "text or json.")
        var format = Format.text

        /// One rule and what it is called.
        private struct Row {
            let metadata: RuleMetadata
            let kind: String
            let raisesAlerts: Bool

            var status: RuleMetadata.Status { metadata.status ?? .stable }
        }

        func run() throws {
            let files = try paths.load()
            let rules = files.rules
            let rows =
                rules.detections.enumerated().map { index, rule in
                    Row(
                        metadata: rule.metadata, kind: "detection",
                        raisesAlerts: rules.raisesAlerts(detection: index))
                }
                + rules.correlations.enumerated().map { index, rule in
                    Row(
                        metadata: rule.metadata, kind: rule.kind.rawValue,
                        raisesAlerts: rules.raisesAlerts(correlation: index))
                }
            switch format {
            case .text: Terminal.print(Self.table(rows))
            case .json: Terminal.line(Self.json(rows))
            }
            try Detectors.report(files)
        }

        private static func table(_ rows: [Row]) -> String {
            Terminal.table(
                [["NAME", "KIND", "STATUS", "LEVEL", "TESTS", "ID", "FILE"]]
                    + rows.map { row in
                        [
                            row.metadata.label, row.raisesAlerts ? row.kind : "\(row.kind), block", row.status.rawValue,
                            row.metadata.level?.rawValue ?? "-", String(row.metadata.extensions.tests.count),
                            row.metadata.id ?? "-", "\(row.metadata.file):\(row.metadata.document.line)",
                        ]
                    })
        }

        private static func json(_ rows: [Row]) -> [UInt8] {
            var json = JSONWriter()
            json.array {
                for row in rows {
                    $0.lineBreak()
                    $0.object {
                        $0.field("name", row.metadata.label)
                        if let id = row.metadata.id { $0.field("id", id) }
                        $0.field("title", row.metadata.title)
                        $0.field("kind", row.kind)
                        $0.field("status", row.status.rawValue)
                        if let level = row.metadata.level { $0.field("level", level.rawValue) }
                        $0.field("raises_alerts", row.raisesAlerts)
                        $0.field("tests", row.metadata.extensions.tests.count)
                        $0.field("file", row.metadata.file)
                        $0.field("line", row.metadata.document.line)
                    }
                }
            }
            return json.bytes
        }
    }
}
