// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// What an item of a rule asks, in words.
struct ItemQuestion {
    /// Nil for a keyword.
    let field: String?
    private let modifiers: [String]
    private let value: String

    init(_ item: DetectionItem) {
        field = item.field
        modifiers = item.modifiers
        value = item.node.asWritten
    }

    /// What a failed comparison is called, by modifier.
    private static let verbs = [
        "contains": "does not contain", "startswith": "does not start with", "endswith": "does not end with",
        "re": "does not match", "cidr": "is not in", "lt": "is not less than", "lte": "is not at most",
        "gt": "is not more than", "gte": "is not at least", "fieldref": "does not compare to the field",
    ]

    /// Why the item does not hold.
    ///
    /// - Parameters:
    ///   - seen: the field's values; empty where the event does not have it.
    ///   - failing: the values of the item's list that do not hold.
    func reason(seen: [String], failing: [String]) -> String {
        guard field != nil else { return "no value of the event contains it" }
        if modifiers.contains("exists") {
            return seen.isEmpty ? "the event does not have the field" : "the field is there"
        }
        guard !seen.isEmpty else { return "the event does not have the field" }
        let found = seen.joined(separator: ", ")
        if modifiers.contains("neq") { return "\(found) is what must not be" }
        let verb = modifiers.lazy.compactMap { Self.verbs[$0] }.first ?? "is not"
        if modifiers.contains("all") { return "\(found) \(verb) \(failing.joined(separator: ", "))" }
        return "\(found) \(verb) \(failing.isEmpty ? value : "any of \(value)")"
    }
}

extension YAMLNode {
    /// The most items of a list that are written out.
    private static let maximumWritten = 12

    /// The node on one line, as a rule would write it in flow style.
    package var asWritten: String {
        switch content {
        case .scalar(let scalar):
            guard case .string(let text) = scalar.resolved else { return scalar.text }
            let isPlain = YAMLScalar(text: text, isPlain: true).resolved == scalar.resolved
            return isPlain ? text : "'\(text.replacing("'", with: "''"))'"
        case .sequence(let items):
            let rest = items.count - Self.maximumWritten
            let texts = items.prefix(Self.maximumWritten).map(\.asWritten) + (rest > 0 ? ["… \(rest) more"] : [])
            return "[\(texts.joined(separator: ", "))]"
        case .mapping(let entries):
            let texts = entries.map { "\($0.key): \($0.value.asWritten)" }
            return texts.isEmpty ? "{}" : "{ \(texts.joined(separator: ", ")) }"
        }
    }
}
