// SPDX-License-Identifier: Apache-2.0

/// How many things a request asks for, from its body and query.
struct ItemRule: Sendable {
    /// Where a number stands.
    enum Source: Sendable {
        /// Index of the finding, and its pointer for messages.
        case body(Int, String)
        case query(String)
    }

    enum Kind: Sendable {
        case fixed(Int)
        /// Values found at these places.
        case count([Int])
        /// OpenAI's `input`: a text or an array of tokens is one, an array of texts or of token arrays is as many as it
        /// has.
        case inputs(top: Int, element: Int)
        /// The sum of numbers; what is missing of `each` counts as `otherwise`.
        case numbers([Source], otherwise: Int?, each: Int?)
    }

    let kind: Kind
    /// Each multiplies what `kind` says, by at least 1.
    var times: [[ItemRule]] = []

    /// The items; nil when the request does not say. `Int.max` is everything.
    func items(findings: [JSONFinding], query: RequestQuery) throws(RequestRefusal) -> Int? {
        guard var items = try base(findings, query) else { return nil }
        for rule in times {
            let factor = try Self.first(of: rule, findings: findings, query: query) ?? 1
            let (product, overflow) = items.multipliedReportingOverflow(by: max(1, factor))
            items = overflow ? Int.max : product
        }
        return items
    }

    /// The items of the first rule that has an answer.
    static func first(
        of rules: [ItemRule], findings: [JSONFinding], query: RequestQuery
    ) throws(RequestRefusal) -> Int? {
        for rule in rules {
            if let items = try rule.items(findings: findings, query: query) { return items }
        }
        return nil
    }

    /// The tokens of the longest input that is given as tokens, nil without one.
    func longestTokens(findings: [JSONFinding]) -> Int? {
        guard case .inputs(let top, let element) = kind else { return nil }
        let whole = findings[element].numbers > 0 ? findings[top].longestArray : 0
        let longest = max(whole, findings[element].longestArray)
        return longest > 0 ? longest : nil
    }

    private func base(_ findings: [JSONFinding], _ query: RequestQuery) throws(RequestRefusal) -> Int? {
        switch kind {
        case .fixed(let items): return items
        case .count(let places):
            let count = places.reduce(0) { $0 + findings[$1].count }
            return count > 0 ? count : nil
        case .inputs(let top, let element):
            let elements = findings[element]
            let wholes = findings[top].strings + elements.strings + elements.arrays + elements.objects
            let items = wholes + (elements.numbers > 0 ? 1 : 0)
            return items > 0 ? items : nil
        case .numbers(let sources, let otherwise, let each):
            return try sum(sources, otherwise, each.map { findings[$0].count } ?? 1, findings, query)
        }
    }

    private func sum(
        _ sources: [Source], _ otherwise: Int?, _ each: Int, _ findings: [JSONFinding], _ query: RequestQuery
    ) throws(RequestRefusal) -> Int? {
        var sum = 0
        var found = 0
        for source in sources {
            switch source {
            case .body(let index, let pointer):
                let finding = findings[index]
                guard finding.oddNumbers == 0, finding.count == finding.numbers else {
                    throw RequestRefusal(.unreadableMember, "'\(pointer)' must be a whole number that is not negative.")
                }
                found += finding.numbers
                sum = Self.add(sum, finding.sum)
            case .query(let name):
                guard let text = try query.single(name), !text.isEmpty else { continue }
                guard let value = Int(text), value >= 0, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                    throw RequestRefusal(
                        .unreadableMember, "The parameter '\(name)' must be a whole number that is not negative.")
                }
                found += 1
                sum = Self.add(sum, value)
            }
        }
        let missing = max(0, each - found)
        guard missing > 0 else { return sum }
        guard let otherwise else { return found > 0 ? sum : nil }
        let (product, overflow) = otherwise.multipliedReportingOverflow(by: missing)
        return Self.add(sum, overflow ? Int.max : product)
    }

    private static func add(_ a: Int, _ b: Int) -> Int {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? Int.max : sum
    }
}
