// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// What is doubtful in a rule without keeping it from working; nothing here decides what a rule matches.
enum RuleLint {
    static func warnings(_ document: YAMLNode) -> [DocumentError] {
        dates(document) + tags(document) + related(document) + selections(document)
    }

    /// `YYYY-MM-DD`; the form with slashes ended with version 2.0 of the specification.
    private static func dates(_ document: YAMLNode) -> [DocumentError] {
        ["date", "modified"].compactMap { key in
            guard let node = document[key] else { return nil }
            let bytes = Array(((try? node.text()) ?? "").utf8)
            let isDate =
                bytes.count == 10
                && bytes.indices.allSatisfy { index in
                    index == 4 || index == 7 ? bytes[index] == UInt8(ascii: "-") : bytes[index] &- 0x30 <= 9
                }
            return isDate ? nil : node.error("is not a date. Write YYYY-MM-DD.")
        }
    }

    /// `namespace.name`, lower case.
    private static func tags(_ document: YAMLNode) -> [DocumentError] {
        (document["tags"]?.items() ?? []).compactMap { node in
            let text = (try? node.text()) ?? ""
            let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            func isMade(_ part: Substring, of extra: String) -> Bool {
                !part.isEmpty
                    && part.unicodeScalars.allSatisfy { scalar in
                        ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
                            || extra.unicodeScalars.contains(scalar)
                    }
            }
            if parts.count == 2, isMade(parts[0], of: "_-"), isMade(parts[1], of: "._-") { return nil }
            return node.error("the tag '\(text)' is not namespace.name in lower case.")
        }
    }

    private static func related(_ document: YAMLNode) -> [DocumentError] {
        let types = ["derived", "obsolete", "obsoletes", "merged", "renamed", "similar"]
        return (document["related"]?.items() ?? []).compactMap { node in
            let type = (try? node["type"]?.text()) ?? ""
            if types.contains(type) { return nil }
            return (node["type"] ?? node).error(unknownKey(type, known: types, what: "relation"))
        }
    }

    /// `all` over a single value means nothing.
    private static func selections(_ document: YAMLNode) -> [DocumentError] {
        var found: [DocumentError] = []
        func look(_ node: YAMLNode) {
            switch node.content {
            case .scalar: break
            case .sequence(let items): items.forEach(look)
            case .mapping(let entries):
                for entry in entries {
                    let isAll = entry.key.split(separator: "|", omittingEmptySubsequences: false).dropFirst().contains(
                        "all")
                    if isAll, entry.value.items().count < 2 {
                        found.append(
                            entry.value.error("'all' stands over a single value and changes nothing. Leave it out."))
                    }
                    look(entry.value)
                }
            }
        }
        if let detection = document["detection"] { look(detection) }
        return found
    }
}
