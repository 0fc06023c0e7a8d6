// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// Reads the search identifiers of a `detection` (Sigma specification 2.1, "Detection"): a map is an AND of items, a list of
/// maps an OR of them, a list of values keywords.
struct SearchReader {
    /// What the placeholders of `expand` stand for.
    let lists: PlaceholderLists
    /// Questions that placeholders, dashes and encodings may still add to the rule.
    private var budget = ConditionParser.maximumSize

    init(lists: PlaceholderLists) {
        self.lists = lists
    }

    /// The identifiers of a block, each entry but those of the given keys. One with a fault is there by its name, so that
    /// conditions know it.
    mutating func searches(_ block: YAMLNode, except keys: [String], _ faults: inout Faults) -> [Search] {
        guard let entries = faults.read(or: nil, { try block.entries() }) else { return [] }
        var searches: [Search] = []
        for entry in entries where !keys.contains(entry.key) {
            searches.append(Search(name: entry.key, tree: tree(entry.value, &faults), node: entry.value))
        }
        if searches.isEmpty { faults.add(block.error("has no selection. Write selection: { field: value }.")) }
        return searches
    }

    private mutating func tree(_ node: YAMLNode, _ faults: inout Faults) -> SearchTree {
        switch node.content {
        case .mapping(let entries):
            if entries.isEmpty { faults.add(node.error("has no field. Write field: value.")) }
            return .all(
                entries.compactMap { entry in faults.read(or: nil) { try item(entry) }.map { .item($0) } })
        case .sequence(let items):
            if items.isEmpty { faults.add(node.error("is an empty list.")) }
            return .any(items.map { tree($0, &faults) })
        case .scalar:
            return faults.read(or: .any([])) { .item(try Self.keyword(node)) }
        }
    }

    private static func keyword(_ node: YAMLNode) throws(DocumentError) -> DetectionItem {
        let tests = try ItemModifiers([], node, isKeyword: true).tests(node)
        let keyword = Expression.any(tests.map { .predicate(Predicate(field: nil, test: $0)) })
        return DetectionItem(field: nil, modifiers: [], values: [node], node: node, expression: keyword)
    }

    /// Nil once the rule has become too large, which has been told.
    private mutating func item(_ entry: YAMLNode.Entry) throws(DocumentError) -> DetectionItem? {
        guard budget >= 0 else { return nil }
        let parts = entry.key.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        let field = parts[0].isEmpty ? nil : parts[0]
        if field == nil, parts.count == 1 { throw entry.value.error("the name of the field is empty.") }
        let names = Array(parts.dropFirst())
        let modifiers = try ItemModifiers(names, entry.value, isKeyword: field == nil)
        if case .mapping = entry.value.content {
            throw entry.value.error("a field takes a value or a list of values, not a mapping.")
        }
        let isList = if case .sequence = entry.value.content { true } else { false }
        let values: [YAMLNode] = if case .sequence(let items) = entry.value.content { items } else { [entry.value] }
        func made(_ expression: Expression) -> DetectionItem {
            DetectionItem(
                field: field, modifiers: names, values: values, node: entry.value,
                expression: modifiers.negates ? .not(expression) : expression)
        }
        if values.isEmpty {
            guard parts.count == 1 else { throw entry.value.error("is an empty list.") }
            return made(.predicate(Predicate(field: field, test: .null)))
        }
        if isList, modifiers.exists { throw entry.value.error("'exists' takes true or false, not a list.") }

        // What one value became, by a placeholder or a modifier, stays linked with OR; `all` links the values.
        var groups: [[Test]] = []
        for value in values {
            if isList, case .scalar(let scalar) = value.content, scalar.isNull {
                throw value.error("null cannot stand in a list. Write a selection of its own: field: null.")
            }
            var group: [Test] = []
            for value in modifiers.expands ? try lists.expand(value) : [value] {
                let tests = try modifiers.tests(value)
                budget -= tests.count
                group += tests
            }
            budget += 1
            guard budget >= 0 else {
                throw value.error(
                    "the values become more than \(ConditionParser.maximumSize) questions. Split the rule.")
            }
            groups.append(group)
        }
        func any(_ tests: [Test]) -> Expression {
            .any(Self.gathered(tests).map { .predicate(Predicate(field: field, test: $0)) })
        }
        return made(modifiers.all ? .all(groups.map(any)) : any(groups.flatMap { $0 }))
    }

    /// Many plain texts and whole numbers are one look-up.
    private static func gathered(_ tests: [Test]) -> [Test] {
        var texts: [String] = []
        var rest: [Test] = []
        for test in tests {
            if let text = plain(test) { texts.append(text.lowercased()) } else { rest.append(test) }
        }
        guard texts.count > 2 else { return tests }
        return [.oneOf(texts.sorted())] + rest
    }

    /// The text of a test that asks nothing but whether the field's text is this one: not a number with a fraction, which a field
    /// may write in other ways.
    private static func plain(_ test: Test) -> String? {
        switch test {
        case .pattern(let pattern, cased: false):
            guard pattern.foldsAsASCII, let text = pattern.exact, !text.isEmpty else { return nil }
            if let number = Number(plain: text), number.integer == nil { return nil }
            return text
        case .number(let number, let text): return number.integer.map(String.init) == text.text ? text.text : nil
        default: return nil
        }
    }
}
