// SPDX-License-Identifier: Apache-2.0

import JSONText
import Sigma
import YAMLDocument

extension EventExplanation {
    /// The explanation as one line of JSON.
    package func json(derived: [FieldValue]) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.object("derived") { for entry in derived { $0.field(named: entry.field, entry.value ?? "") } }
            $0.object("rule") { write(into: &$0) }
        }
        return json.bytes
    }

    private func write(into json: inout JSONWriter) {
        json.field("name", metadata.label)
        if let id = metadata.id { json.field("id", id) }
        json.field("title", metadata.title)
        json.field("kind", kind)
        json.field("file", metadata.file)
        json.field("line", metadata.document.line)
        json.field("matches", matches)
        if let logsource {
            json.field("logsource", logsource)
            json.field("applies", applies)
        }
        if let condition {
            json.field("condition", condition.condition)
            json.object("tree") { Self.write(condition.root, into: &$0) }
        }
        json.array("notes", notes) { json, note in json.field(nil, note) }
        guard !references.isEmpty else { return }
        json.array("rules", references) { json, reference in
            json.object {
                reference.explanation.write(into: &$0)
                if let group = reference.group {
                    $0.array("group", group) { json, entry in
                        json.object {
                            $0.field("field", entry.field)
                            if let value = entry.value { $0.field("value", value) }
                        }
                    }
                }
                if let adds = reference.adds { $0.field("adds", adds) }
            }
        }
    }

    private static func write(_ part: RuleExplanation.Part, into json: inout JSONWriter) {
        json.field("kind", part.kind.rawValue)
        json.field("text", part.text)
        json.field("line", part.line)
        json.field("holds", part.holds)
        if let field = part.field {
            json.field("field", field)
            json.array("seen", part.seen) { json, value in json.field(nil, value) }
        }
        if let reason = part.reason { json.field("reason", reason) }
        if !part.parts.isEmpty {
            json.array("parts", part.parts) { json, part in json.object { write(part, into: &$0) } }
        }
    }
}
