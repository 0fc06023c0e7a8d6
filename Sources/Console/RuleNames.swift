// SPDX-License-Identifier: Apache-2.0

import Desk

/// What rules are called on the pages: an alert knows its rule's id, which is mostly a UUID.
struct RuleNames: Sendable {
    private let rules: [String: DetectorEntry]

    init(_ detectors: [DetectorEntry]) {
        rules = Dictionary(detectors.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The rule's `name`, else its title; the id itself where the hub was not given the rule.
    subscript(_ id: String) -> String { rules[id]?.name ?? title(of: id) }

    func title(of id: String) -> String { rules[id]?.title ?? id }
}
