// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// One item of a selection, `field|modifiers: values`, as the rule writes it and what it asks.
package struct DetectionItem: Sendable {
    /// Nil for keywords, which look at every value of the event.
    package let field: String?
    /// In the rule's order.
    package let modifiers: [String]
    /// As written, before placeholders and modifiers changed them; empty for `field: []`.
    package let values: [YAMLNode]
    /// What stands under the item's key; for a keyword the keyword.
    package let node: YAMLNode
    let expression: Expression

    /// `field|contains|all`, as the rule writes it.
    package var key: String { ([field ?? ""] + modifiers).joined(separator: "|") }
}

/// How the items of a selection are nested.
package indirect enum SearchTree: Sendable {
    case item(DetectionItem)
    /// A map: every part must hold.
    case all([SearchTree])
    /// A list: one part must hold.
    case any([SearchTree])

    var expression: Expression {
        switch self {
        case .item(let item): item.expression
        case .all(let parts): .all(parts.map(\.expression))
        case .any(let parts): .any(parts.map(\.expression))
        }
    }

    /// The items from first to last.
    package var items: [DetectionItem] {
        switch self {
        case .item(let item): [item]
        case .all(let parts), .any(let parts): parts.flatMap(\.items)
        }
    }
}

/// A search identifier of a detection or a filter.
package struct Search: Sendable {
    package let name: String
    package let tree: SearchTree
    package let node: YAMLNode
    let expression: Expression

    init(name: String, tree: SearchTree, node: YAMLNode) {
        self.name = name
        self.tree = tree
        self.node = node
        expression = tree.expression
    }
}

/// A `condition` as the rule writes it.
package indirect enum ConditionTree: Sendable {
    case search(String)
    /// `1 of sel_*` and its like: at least `count` of the selections that the pattern fits; `pattern` as written.
    case atLeast(count: Int, pattern: String, names: [String])
    /// `all of sel_*`.
    case every(pattern: String, names: [String])
    case and([ConditionTree])
    case or([ConditionTree])
    case not(ConditionTree)

    /// The condition with each name replaced by what it holds.
    func expression(_ searches: [String: Expression]) -> Expression {
        func named(_ names: [String]) -> [Expression] { names.compactMap { searches[$0] } }
        switch self {
        case .search(let name): return searches[name] ?? .or([])
        case .atLeast(1, _, let names): return .any(named(names))
        case .atLeast(let count, _, let names):
            return count == names.count ? .all(named(names)) : .atLeast(count, named(names))
        case .every(_, let names): return .all(named(names))
        case .and(let parts): return .all(parts.map { $0.expression(searches) })
        case .or(let parts): return .any(parts.map { $0.expression(searches) })
        case .not(let part): return .not(part.expression(searches))
        }
    }

    /// The search identifiers that this part itself names.
    var ownNames: [String] {
        switch self {
        case .search(let name): [name]
        case .atLeast(_, _, let names), .every(_, let names): names
        case .and, .or, .not: []
        }
    }

    /// Whether the condition holds where each search identifier does what `matches` says.
    func holds(_ matches: (String) -> Bool) -> Bool {
        switch self {
        case .search(let name): matches(name)
        case .atLeast(let count, _, let names): names.count(where: matches) >= count
        case .every(_, let names): names.allSatisfy(matches)
        case .and(let parts): parts.allSatisfy { $0.holds(matches) }
        case .or(let parts): parts.contains { $0.holds(matches) }
        case .not(let part): !part.holds(matches)
        }
    }

    /// Calls `body` with each part, outer ones first, and whether it stands under an odd number of `not`.
    func walk(isNegated: Bool = false, _ body: (ConditionTree, _ isNegated: Bool) -> Void) {
        body(self, isNegated)
        switch self {
        case .search, .atLeast, .every: break
        case .and(let parts), .or(let parts): for part in parts { part.walk(isNegated: isNegated, body) }
        case .not(let part): part.walk(isNegated: !isNegated, body)
        }
    }
}

/// Search identifiers and the conditions over them: the body of a detection rule and of a filter.
package struct DetectionBody: Sendable {
    package let searches: [Search]
    /// One of them must hold.
    package let conditions: [(tree: ConditionTree, node: YAMLNode)]
    let expression: Expression
}

extension Expression {
    static func all(_ parts: [Expression]) -> Expression { parts.count == 1 ? parts[0] : .and(parts) }
    static func any(_ parts: [Expression]) -> Expression { parts.count == 1 ? parts[0] : .or(parts) }
}
