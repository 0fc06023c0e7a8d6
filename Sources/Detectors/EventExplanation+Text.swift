// SPDX-License-Identifier: Apache-2.0

import Sigma
import YAMLDocument

extension EventExplanation {
    /// The explanation for people, a line per part.
    package func text(derived: [FieldValue]) -> String {
        var lines = derived.map { "\($0.field) = \($0.value ?? "missing")" }
        lines.append("")
        write(into: &lines, indent: "")
        return lines.joined(separator: "\n")
    }

    private func write(into lines: inout [String], indent: String) {
        let verdict =
            kind == "detection"
            ? matches ? "matches" : "does not match" : matches ? "counts this event" : "does not count this event"
        lines.append("\(indent)\(mark(matches)) \(metadata.label) (\(kind)): \(verdict)")
        let inner = indent + "  "
        lines.append("\(inner)\(metadata.file):\(metadata.document.line): \(metadata.title)")
        if let logsource {
            lines.append(
                "\(inner)\(mark(applies)) logsource: \(logsource)\(applies ? "" : " (not that of the mapping)")")
        }
        if let condition {
            lines.append("\(inner)condition: \(condition.condition)")
            Self.write(condition.root, into: &lines, indent: inner)
        }
        for note in notes { lines.append("\(inner)· \(note)") }
        for reference in references {
            reference.explanation.write(into: &lines, indent: inner)
            guard let group = reference.group else {
                lines.append("\(inner)  · no alias gives this rule a group: it is not counted")
                continue
            }
            if !group.isEmpty {
                let values = group.map { "\($0.field): \($0.value ?? "missing")" }
                lines.append("\(inner)  · group: \(values.joined(separator: ", "))")
            }
            if let adds = reference.adds { lines.append("\(inner)  · adds: \(adds)") }
        }
    }

    private static func write(_ part: RuleExplanation.Part, into lines: inout [String], indent: String) {
        var line = "\(indent)\(part.holds ? "✓" : "✗") \(part.text)"
        if part.field != nil, part.holds { line += "  (\(seen(part)))" }
        if let reason = part.reason { line += "  (\(reason))" }
        lines.append(line)
        for inner in part.parts where inner.kind != .value || decides(inner, in: part) {
            write(inner, into: &lines, indent: indent + "  ")
        }
    }

    /// Whether a value of a list is why its item holds or does not; where none of them fits, the item says so itself.
    private static func decides(_ value: RuleExplanation.Part, in item: RuleExplanation.Part) -> Bool {
        item.holds ? value.holds : !value.holds && item.parts.contains(where: \.holds)
    }

    private static func seen(_ part: RuleExplanation.Part) -> String {
        part.seen.isEmpty ? "missing" : part.seen.joined(separator: ", ")
    }

    private func mark(_ holds: Bool) -> String { holds ? "✓" : "✗" }
}
