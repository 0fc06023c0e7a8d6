// SPDX-License-Identifier: Apache-2.0

import Sigma
import YAMLDocument

/// A detection's condition in words.
enum ConditionWords {
    /// The condition and what each of its names holds.
    static func rows(_ body: DetectionBody) -> [(String, String)] {
        let condition = body.conditions.map { $0.node.asWritten }.joined(separator: " or ")
        // A condition that is one name needs no name.
        if body.searches.count == 1, let search = body.searches.first, condition == search.name {
            return [("Fires on", words(search.tree))]
        }
        return [("Fires on", DetectorPage.code(condition))]
            + body.searches.map { (DetectorPage.code($0.name), words($0.tree)) }
    }

    private static func words(_ tree: SearchTree) -> String {
        switch tree {
        case .item(let item): return words(item)
        case .all(let parts): return parts.map(nested).joined(separator: "<br>and ")
        case .any(let parts): return parts.map(nested).joined(separator: "<br>or ")
        }
    }

    private static func nested(_ tree: SearchTree) -> String {
        switch tree {
        case .item(let item): words(item)
        case .all(let parts): "(\(parts.map(nested).joined(separator: " and ")))"
        case .any(let parts): "(\(parts.map(nested).joined(separator: " or ")))"
        }
    }

    private static let verbs = [
        "contains": "contains", "startswith": "starts with", "endswith": "ends with", "re": "matches",
        "cidr": "is in", "lt": "<", "lte": "≤", "gt": ">", "gte": "≥", "fieldref": "is the field",
    ]

    /// `unmapped.items ≥ 20000`, with the modifiers that no word here stands for in brackets.
    private static func words(_ item: DetectionItem) -> String {
        let values = item.values.map { DetectorPage.code($0.asWritten) }
        let subject = item.field.map(DetectorPage.code) ?? "any value"
        if item.modifiers == ["exists"] {
            let isThere = item.values.first?.asWritten.lowercased() == "true"
            return "\(subject) \(isThere ? "is there" : "is not there")"
        }
        var verb = item.modifiers.lazy.compactMap { verbs[$0] }.first ?? (item.field == nil ? "contains" : "is")
        if item.modifiers.contains("neq") { verb = verb == "is" ? "is not" : "not: \(verb)" }
        let rest = item.modifiers.filter { verbs[$0] == nil && $0 != "all" && $0 != "neq" }
        let notes = rest.isEmpty ? "" : " (\(rest.joined(separator: ", ")))"
        let shown = values.prefix(20)
        let more = values.count > shown.count ? [" … \(values.count - shown.count) more"] : []
        let list = (shown + more).joined(separator: item.modifiers.contains("all") ? " and " : " or ")
        return "\(subject) \(verb)\(notes) \(list.isEmpty ? "`[]`" : list)"
    }
}
