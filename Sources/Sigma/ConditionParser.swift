// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// Reads a detection's `condition` (Sigma specification 2.1, "Condition"): `or` binds loosest, then `and`, `not`, `x of`.
struct ConditionParser {
    private enum Token: Equatable {
        case word(String)
        case open, close
    }

    private let node: YAMLNode
    private let searches: [Search]
    private var tokens: [Token] = []
    private var next = 0
    /// Predicates that the condition may still come to.
    private var budget = ConditionParser.maximumSize

    /// The most predicates of one condition, after the names of selections are replaced by what they hold.
    static let maximumSize = 100_000

    init(_ node: YAMLNode, searches: [Search]) throws(DocumentError) {
        self.node = node
        self.searches = searches
        var word = ""
        func flush(_ tokens: inout [Token]) {
            if !word.isEmpty { tokens.append(.word(word)) }
            word = ""
        }
        for character in try node.text() {
            switch character {
            case " ", "\n", "\t", "\r": flush(&tokens)
            case "(", ")":
                flush(&tokens)
                tokens.append(character == "(" ? .open : .close)
            case "|":
                throw node.error(
                    "aggregations after '|' were removed from Sigma. Write a correlation rule (type: event_count).")
            case _ where character.isASCII && (character.isLetter || character.isNumber) || "_-*.".contains(character):
                word.append(character)
            default: throw node.error("the character '\(character)' has no meaning in a condition.")
            }
        }
        flush(&tokens)
    }

    mutating func parse() throws(DocumentError) -> ConditionTree {
        guard !tokens.isEmpty else { throw node.error("is empty. Write the name of a selection.") }
        let expression = try or(depth: 0)
        guard next == tokens.count else { throw unexpected(tokens[next]) }
        return expression
    }

    private mutating func or(depth: Int) throws(DocumentError) -> ConditionTree {
        guard depth < 64 else { throw node.error("has more than 64 levels of parentheses.") }
        var parts = [try and(depth: depth)]
        while accept("or") { parts.append(try and(depth: depth)) }
        return parts.count == 1 ? parts[0] : .or(parts)
    }

    private mutating func and(depth: Int) throws(DocumentError) -> ConditionTree {
        var parts = [try not(depth: depth)]
        while accept("and") { parts.append(try not(depth: depth)) }
        return parts.count == 1 ? parts[0] : .and(parts)
    }

    private mutating func not(depth: Int) throws(DocumentError) -> ConditionTree {
        var negated = false
        while accept("not") { negated.toggle() }
        let expression = try primary(depth: depth)
        return negated ? .not(expression) : expression
    }

    private mutating func primary(depth: Int) throws(DocumentError) -> ConditionTree {
        guard next < tokens.count else { throw node.error("ends where the name of a selection was expected.") }
        let token = tokens[next]
        next += 1
        switch token {
        case .close: throw node.error("')' stands where the name of a selection was expected.")
        case .open:
            let inner = try or(depth: depth + 1)
            guard next < tokens.count else { throw node.error("a '(' without its ')'.") }
            guard tokens[next] == .close else { throw unexpected(tokens[next]) }
            next += 1
            return inner
        case .word(let word):
            if next < tokens.count, tokens[next] == .word("of") { return try quantified(word) }
            if next < tokens.count, tokens[next] == .word("OF") { throw unexpected(tokens[next]) }
            if ["and", "or", "of"].contains(word) { throw node.error("'\(word)' needs something before it.") }
            guard let search = searches.first(where: { $0.name == word }) else {
                if isShouted(token) { throw unexpected(token) }
                throw node.error(unknownKey(word, known: searches.map(\.name), what: "selection"))
            }
            try spend(search)
            return .search(word)
        }
    }

    private mutating func quantified(_ quantifier: String) throws(DocumentError) -> ConditionTree {
        let number = quantifier == "any" ? 1 : Int(quantifier).flatMap { String($0) == quantifier && $0 > 0 ? $0 : nil }
        guard quantifier == "all" || number != nil else {
            throw node.error("'\(quantifier) of' is not Sigma. Write '1 of', 'any of' or 'all of'.")
        }
        next += 1
        guard next < tokens.count, case .word(let pattern) = tokens[next] else {
            throw node.error("'\(quantifier) of' needs 'them' or a pattern such as selection_*.")
        }
        next += 1
        let chosen = searches.filter { search in
            if pattern == "them" { return !search.name.hasPrefix("_") }
            if search.name.hasPrefix("_") && !pattern.hasPrefix("_") { return false }
            return fits(search.name, pattern)
        }
        let whole = "\(quantifier) of \(pattern)"
        guard !chosen.isEmpty else { throw node.error("'\(whole)' fits no selection.") }
        guard let number else {
            for search in chosen { try spend(search) }
            return .every(pattern: whole, names: chosen.map(\.name))
        }
        guard number <= chosen.count else {
            let fitting = chosen.count == 1 ? "only one selection" : "only \(chosen.count) selections"
            throw node.error("'\(whole)' could never hold: '\(pattern)' fits \(fitting).")
        }
        // As many copies as the branching program has of each; see `Expression.size`.
        for search in chosen { try spend(search, copies: min(number, chosen.count - number + 1)) }
        return .atLeast(count: number, pattern: whole, names: chosen.map(\.name))
    }

    private mutating func accept(_ word: String) -> Bool {
        guard next < tokens.count, tokens[next] == .word(word) else { return false }
        next += 1
        return true
    }

    private mutating func spend(_ search: Search, copies: Int = 1) throws(DocumentError) {
        budget -= search.expression.size * copies
        guard budget >= 0 else { throw node.error("asks more than \(Self.maximumSize) questions. Split the rule.") }
    }

    private func isShouted(_ token: Token) -> Bool {
        ["AND", "OR", "NOT", "OF"].contains(text(token))
    }

    private func unexpected(_ token: Token) -> DocumentError {
        let text = text(token)
        if isShouted(token) { return node.error("'\(text)' is written '\(text.lowercased())'.") }
        if token == .close { return node.error("a ')' without its '('.") }
        return node.error("'\(text)' was not expected here. Write 'and' or 'or' before it.")
    }

    private func text(_ token: Token) -> String {
        switch token {
        case .word(let word): word
        case .open: "("
        case .close: ")"
        }
    }

    /// Whether a name fits a pattern in which `*` is any run: the parts between stand in it in order.
    private func fits(_ name: String, _ pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count > 1, let first = parts.first, let last = parts.last else { return name == pattern }
        guard name.hasPrefix(first), name.hasSuffix(last), name.utf8.count >= first.utf8.count + last.utf8.count else {
            return false
        }
        var rest = Array(name.utf8.dropFirst(first.utf8.count).dropLast(last.utf8.count))[...]
        for part in parts.dropFirst().dropLast() {
            let wanted = Array(part.utf8)
            guard let start = rest.indices.first(where: { rest[$0...].starts(with: wanted) }) else {
                if wanted.isEmpty { continue }
                return false
            }
            rest = rest[(start + wanted.count)...]
        }
        return true
    }
}
