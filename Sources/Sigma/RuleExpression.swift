// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// A condition over rules, `a and (b or c) and not d` (Sigma enhancement proposal 198, "Extended temporal correlations"), as
/// the ways in which it can hold.
package struct RuleExpression: Sendable, Hashable {
    /// One way: all of some rules and none of some others. Indexes into `CorrelationRule.references`, rising.
    package struct Term: Sendable, Hashable {
        package let present: [Int]
        package let absent: [Int]
    }

    /// At least one; each has a rule that must be present.
    package let terms: [Term]
    /// As it stands in the file.
    package let text: String

    /// Whether a rule must not match: that is certain only when the window is over.
    package var hasAbsence: Bool { terms.contains { !$0.absent.isEmpty } }
}

/// A condition over rules whose names are not resolved yet.
indirect enum RuleCondition {
    case rule(name: String)
    case not(RuleCondition)
    case and([RuleCondition])
    case or([RuleCondition])

    /// The names, each once, in the order in which they appear.
    var names: [String] {
        var seen: Set<String> = []
        return allNames.filter { seen.insert($0).inserted }
    }

    private var allNames: [String] {
        switch self {
        case .rule(let name): [name]
        case .not(let part): part.allNames
        case .and(let parts), .or(let parts): parts.flatMap(\.allNames)
        }
    }

    /// The most ways in which a condition may hold.
    static let maximumTerms = 64

    /// The ways in which the condition holds (its disjunctive normal form), or what is wrong with it.
    ///
    /// - Parameter place: where the rule of a name stands in the list of references.
    func expression(
        _ place: [String: Int], text: String, _ node: YAMLNode
    ) throws(DocumentError) -> RuleExpression {
        var terms: [RuleExpression.Term] = []
        for (present, absent) in try ways(true, place, node) {
            guard present.isDisjoint(with: absent) else { continue }
            guard !present.isEmpty else {
                throw node.error(
                    "would hold when nothing happens. Write at least one rule without 'not' beside those with it.")
            }
            let term = RuleExpression.Term(present: present.sorted(), absent: absent.sorted())
            if !terms.contains(term) { terms.append(term) }
        }
        guard !terms.isEmpty else { throw node.error("can never hold: a rule would have to match and not to match.") }
        return RuleExpression(terms: terms, text: text)
    }

    private typealias Way = (present: Set<Int>, absent: Set<Int>)

    private func ways(_ holds: Bool, _ place: [String: Int], _ node: YAMLNode) throws(DocumentError) -> [Way] {
        switch self {
        case .rule(let name):
            guard let index = place[name] else { return [] }
            return holds ? [([index], [])] : [([], [index])]
        case .not(let part): return try part.ways(!holds, place, node)
        case .and(let parts): return try Self.ways(parts, holds, isAnd: holds, place, node)
        case .or(let parts): return try Self.ways(parts, holds, isAnd: !holds, place, node)
        }
    }

    private static func ways(
        _ parts: [RuleCondition], _ holds: Bool, isAnd: Bool, _ place: [String: Int], _ node: YAMLNode
    ) throws(DocumentError) -> [Way] {
        var ways: [Way] = isAnd ? [([], [])] : []
        for part in parts {
            let more = try part.ways(holds, place, node)
            if isAnd {
                ways = ways.flatMap { way in
                    more.map { (way.present.union($0.present), way.absent.union($0.absent)) }
                }
            } else {
                ways += more
            }
            guard ways.count <= maximumTerms else {
                throw node.error("can hold in more than \(maximumTerms) ways. Split the rule.")
            }
        }
        return ways
    }
}

/// Reads a condition over rules: `or` binds loosest, then `and`, `not`, parentheses, as in a detection's condition.
struct RuleConditionParser {
    private let node: YAMLNode
    private var tokens: [String] = []
    private var next = 0

    static func condition(_ node: YAMLNode) throws(DocumentError) -> RuleCondition {
        var parser = try RuleConditionParser(node)
        guard !parser.tokens.isEmpty else { throw node.error("is empty. Write the names of rules.") }
        let condition = try parser.or(depth: 0)
        guard parser.next == parser.tokens.count else { throw parser.unexpected(parser.tokens[parser.next]) }
        return condition
    }

    private init(_ node: YAMLNode) throws(DocumentError) {
        self.node = node
        let text = try node.text()
        guard text.utf8.count <= 8192 else { throw node.error("is longer than 8,192 characters. Split the rule.") }
        for word in text.replacing("(", with: " ( ").replacing(")", with: " ) ").split(whereSeparator: \.isWhitespace) {
            tokens.append(String(word))
        }
    }

    private mutating func or(depth: Int) throws(DocumentError) -> RuleCondition {
        guard depth < 64 else { throw node.error("has more than 64 levels of parentheses.") }
        var parts = [try and(depth: depth)]
        while accept("or") { parts.append(try and(depth: depth)) }
        return parts.count == 1 ? parts[0] : .or(parts)
    }

    private mutating func and(depth: Int) throws(DocumentError) -> RuleCondition {
        var parts = [try not(depth: depth)]
        while accept("and") { parts.append(try not(depth: depth)) }
        return parts.count == 1 ? parts[0] : .and(parts)
    }

    private mutating func not(depth: Int) throws(DocumentError) -> RuleCondition {
        var negated = false
        while accept("not") { negated.toggle() }
        let part = try primary(depth: depth)
        return negated ? .not(part) : part
    }

    private mutating func primary(depth: Int) throws(DocumentError) -> RuleCondition {
        guard next < tokens.count else { throw node.error("ends where the name of a rule was expected.") }
        let token = tokens[next]
        next += 1
        switch token {
        case ")": throw node.error("')' stands where the name of a rule was expected.")
        case "(":
            let inner = try or(depth: depth + 1)
            guard next < tokens.count else { throw node.error("a '(' without its ')'.") }
            guard accept(")") else { throw unexpected(tokens[next]) }
            return inner
        case "and", "or": throw node.error("'\(token)' needs something before it.")
        case "AND", "OR", "NOT": throw unexpected(token)
        default: return .rule(name: token)
        }
    }

    private mutating func accept(_ word: String) -> Bool {
        guard next < tokens.count, tokens[next] == word else { return false }
        next += 1
        return true
    }

    private func unexpected(_ token: String) -> DocumentError {
        if ["AND", "OR", "NOT"].contains(token) {
            return node.error("'\(token)' is written '\(token.lowercased())'.")
        }
        if token == ")" { return node.error("a ')' without its '('.") }
        return node.error("'\(token)' was not expected here. Write 'and' or 'or' before it.")
    }
}
