// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// What is doubtful in a rule without keeping it from working; nothing here decides what a rule matches. What only departs
/// from the conventions is `ConventionLint`'s.
enum RuleLint {
    /// Metadata that does not follow the specification (decision D14).
    static func warnings(_ document: YAMLNode) -> [DocumentError] {
        dates(document) + tags(document) + related(document)
    }

    /// Items and conditions that hardly mean what they say.
    static func warnings(_ body: DetectionBody) -> [DocumentError] {
        body.searches.flatMap { $0.tree.items.compactMap(warning) } + body.conditions.flatMap(numbers)
            + body.conditions.compactMap(constant)
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

    private static func warning(_ item: DetectionItem) -> DocumentError? {
        let places = ["contains", "startswith", "endswith"]
        let hasPlace = item.field == nil || item.modifiers.contains(where: places.contains)
        if item.modifiers.contains("all"), item.values.count < 2 {
            return item.node.error("'all' stands over a single value and changes nothing. Leave it out.")
        }
        if item.modifiers.contains("base64offset"), !hasPlace {
            return item.node.error(
                "'base64offset' alone compares whole values, which hardly ever are such a piece. Write contains after it."
            )
        }
        if item.modifiers.first == "re", item.modifiers.contains("contains") {
            return item.node.error("an expression is looked for anywhere; 'contains' changes nothing. Leave it out.")
        }
        return nil
    }

    /// `2 of` (decision D7).
    private static func numbers(_ condition: (tree: ConditionTree, node: YAMLNode)) -> [DocumentError] {
        var found: [DocumentError] = []
        condition.tree.walk { tree, _ in
            guard case .atLeast(let count, let pattern, _) = tree, count > 1 else { return }
            found.append(condition.node.error("'\(pattern)' is an extension of Sigma; other engines may refuse it."))
        }
        return found
    }

    /// The most names of a condition whose every combination is tried.
    private static let maximumNames = 12

    /// A condition that holds for no event or for all, whatever its selections ask: `a and not a`.
    private static func constant(_ condition: (tree: ConditionTree, node: YAMLNode)) -> DocumentError? {
        var names: Set<String> = []
        condition.tree.walk { tree, _ in names.formUnion(tree.ownNames) }
        guard names.count <= maximumNames else { return nil }
        let places = Dictionary(names.sorted().enumerated().map { ($1, $0) }) { first, _ in first }
        var outcomes: Set<Bool> = []
        for combination in 0..<(1 << names.count) where outcomes.count < 2 {
            outcomes.insert(condition.tree.holds { name in places[name].map { combination >> $0 & 1 == 1 } ?? false })
        }
        switch outcomes {
        case [false]:
            return condition.node.error(
                "can never hold: a selection would have to match and not to match. The rule fires for no event.")
        case [true]: return condition.node.error("always holds, whatever the selections ask: every event matches.")
        default: return nil
        }
    }
}
