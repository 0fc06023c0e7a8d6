// SPDX-License-Identifier: Apache-2.0

import Desk
import Detectors
import Foundation
import Sigma
import YAMLDocument

/// The rules of the hub's configuration, for people to look at; detectors run them.
enum DetectorCatalogue {
    /// Bytes of a rule file that are shown.
    private static let maximumBytes = 256 * 1024

    /// The one document of a file in which a line (from 1) is.
    private static func document(at line: Int, of text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        func isParting(_ index: Int) -> Bool { lines[index].hasPrefix("---") }
        let at = min(max(0, line - 1), lines.count - 1)
        let from = lines.indices[...at].last(where: isParting).map { $0 + 1 } ?? 0
        let to = lines.indices[max(at, from)...].first { $0 > at && isParting($0) } ?? lines.endIndex
        return lines[from..<max(from, to)].joined(separator: "\n").trimmingCharacters(in: .newlines) + "\n"
    }

    static func entries(_ files: DetectorFiles) -> [DetectorEntry] {
        var texts: [String: String] = [:]
        func text(_ file: String) -> String {
            if let known = texts[file] { return known }
            let data = FileManager.default.contents(atPath: file) ?? Data()
            let text = String(decoding: data.prefix(maximumBytes), as: UTF8.self)
            texts[file] = text
            return text
        }
        func entry(_ metadata: RuleMetadata, isCorrelation: Bool) -> DetectorEntry {
            let respond = metadata.extensions.respond.flatMap { $0.action.isOrder ? $0.action.rawValue : nil }
            return DetectorEntry(
                id: metadata.key, name: metadata.name, title: metadata.title, description: metadata.description,
                isCorrelation: isCorrelation, file: metadata.file,
                status: (metadata.status ?? .stable).rawValue, level: metadata.level?.rawValue, tags: metadata.tags,
                tests: metadata.extensions.tests.count, respond: respond,
                source: document(at: metadata.document.line, of: text(metadata.file)))
        }
        let rules = files.rules
        return rules.detections.enumerated().filter { rules.raisesAlerts(detection: $0.offset) }.map {
            entry($0.element.metadata, isCorrelation: false)
        }
            + rules.correlations.enumerated().filter { rules.raisesAlerts(correlation: $0.offset) }.map {
                entry($0.element.metadata, isCorrelation: true)
            }
    }
}
