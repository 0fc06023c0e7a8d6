// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// Conventions on search identifiers and conditions; see `ConventionLint`.
enum SelectionLint {
    static func findings(_ body: DetectionBody) -> [DocumentError] {
        names(body) + unused(body) + lonely(body)
    }

    /// Identifiers that no condition names.
    static func unused(_ body: DetectionBody) -> [DocumentError] {
        let used = uses(body)
        return body.searches.compactMap { search in
            guard used[search.name] == nil else { return nil }
            return ConventionLint.finding(
                search.node, "unused_selection", "no condition names '\(search.name)'. Remove it or use it.")
        }
    }

    /// What is taken away under `not` is `filter_*`, the rest `selection*` or `keywords*`, so that `1 of selection_*` and
    /// `not 1 of filter_*` hold whatever is added.
    private static func names(_ body: DetectionBody) -> [DocumentError] {
        let used = uses(body)
        return body.searches.compactMap { search in
            guard let use = used[search.name] else { return nil }
            let name = search.name.drop { $0 == "_" }
            if use.negated, !use.plain {
                if name.hasPrefix("filter") { return nil }
                return ConventionLint.finding(
                    search.node, "filter_name", "'\(search.name)' stands under 'not'. Call it filter_… .")
            }
            if name.hasPrefix("selection") || name.hasPrefix("keywords") || use.negated { return nil }
            return ConventionLint.finding(
                search.node, "selection_name", "'\(search.name)' is a selection. Call it selection or selection_… .")
        }
    }

    /// `1 of them` and its like over a single identifier.
    private static func lonely(_ body: DetectionBody) -> [DocumentError] {
        var found: [DocumentError] = []
        for (tree, node) in body.conditions {
            tree.walk { part, _ in
                switch part {
                case .atLeast(_, let pattern, let names), .every(let pattern, let names):
                    // A pattern waits for more; `them` and a whole name say more than they mean.
                    guard names.count == 1, let name = names.first, !pattern.contains("*") else { return }
                    found.append(
                        ConventionLint.finding(
                            node, "of_one_selection", "'\(pattern)' is '\(name)' alone. Write its name."))
                default: return
                }
            }
        }
        return found
    }

    /// How the conditions use each identifier.
    private static func uses(_ body: DetectionBody) -> [String: (plain: Bool, negated: Bool)] {
        var uses: [String: (plain: Bool, negated: Bool)] = [:]
        for condition in body.conditions {
            condition.tree.walk { part, isNegated in
                for name in part.ownNames {
                    let known = uses[name] ?? (false, false)
                    uses[name] = (known.plain || !isNegated, known.negated || isNegated)
                }
            }
        }
        return uses
    }
}
