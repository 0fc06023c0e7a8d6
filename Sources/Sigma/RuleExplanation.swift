// SPDX-License-Identifier: Apache-2.0

/// Why a detection rule matches an event or does not: its condition as a tree, each part with the matcher's answer.
package struct RuleExplanation: Sendable {
    /// What a part of the tree is.
    package enum Kind: String, Sendable {
        /// `all of` is an `and`, `1 of` an `or`.
        case and, or, not
        /// `2 of` and its like.
        case atLeast = "at_least"
        /// A filter document that narrows the rule.
        case filter
        /// A name of the condition: a search identifier with what it holds.
        case selection
        /// One map of a list of maps.
        case map
        /// `field|modifiers: value`, or a keyword.
        case item
        /// One value of an item's list.
        case value
    }

    /// One part of the condition.
    package struct Part: Sendable {
        package let kind: Kind
        /// As the rule writes it: the name of a selection, an item, a value, `1 of sel_*`; `and`, `or`, `not` for what joins
        /// others.
        package let text: String
        /// Line of the rule file, 1-based.
        package let line: Int
        package let holds: Bool
        /// The field that an item asks; nil for keywords and for what is no item.
        package let field: String?
        /// What the event holds in that field, as JSON writes it; empty where the field is missing. At most `maximumSeen`.
        package let seen: [String]
        /// Why an item does not hold; nil where it does.
        package let reason: String?
        package let parts: [Part]
    }

    /// The most values of a field, and the most values of an item's list, that are told.
    package static let maximumSeen = 20

    /// Whether the rule matches: the matcher's answer for the whole rule.
    package let matches: Bool
    /// The condition as written.
    package let condition: String
    package let root: Part

    /// The items that keep the rule from matching: those that do not hold, and under `not` those that do. Empty where it matches.
    package var blocking: [Part] {
        func items(_ part: Part, wanted: Bool) -> [Part] {
            if part.holds == wanted { return [] }
            if part.kind == .item { return [part] }
            return part.parts.flatMap { items($0, wanted: part.kind == .not ? !wanted : wanted) }
        }
        return items(root, wanted: true)
    }
}
