// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// Reads the search identifiers of a `detection` (Sigma specification 2.1, "Detection"): a map is an AND of items, a list of
/// maps an OR of them, a list of values keywords.
struct SearchReader {
    /// What the placeholders of `expand` stand for.
    let lists: PlaceholderLists

    func expression(_ node: YAMLNode) throws(DocumentError) -> Expression {
        switch node.content {
        case .mapping(let entries):
            guard !entries.isEmpty else { throw node.error("has no field. Write field: value.") }
            return Self.all(try entries.map { entry throws(DocumentError) in try item(entry) })
        case .sequence(let items):
            guard !items.isEmpty else { throw node.error("is an empty list.") }
            return Self.any(try items.map { item throws(DocumentError) in try expression(item) })
        case .scalar:
            let keyword = try ItemModifiers([], node, isKeyword: true)
            return .predicate(Predicate(field: nil, test: try keyword.test(node)))
        }
    }

    private func item(_ entry: YAMLNode.Entry) throws(DocumentError) -> Expression {
        let parts = entry.key.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        let field = parts[0].isEmpty ? nil : parts[0]
        if field == nil, parts.count == 1 { throw entry.value.error("the name of the field is empty.") }
        let modifiers = try ItemModifiers(Array(parts.dropFirst()), entry.value, isKeyword: field == nil)
        if case .mapping = entry.value.content {
            throw entry.value.error("a field takes a value or a list of values, not a mapping.")
        }
        let isList = if case .sequence = entry.value.content { true } else { false }
        let values: [YAMLNode] = if case .sequence(let items) = entry.value.content { items } else { [entry.value] }
        if values.isEmpty {
            guard parts.count == 1 else { throw entry.value.error("is an empty list.") }
            return .predicate(Predicate(field: field, test: .null))
        }
        if isList, modifiers.exists { throw entry.value.error("'exists' takes true or false, not a list.") }

        var tests: [Test] = []
        for value in modifiers.expands ? try expanded(values) : values {
            if isList, case .scalar(let scalar) = value.content, scalar.isNull {
                throw value.error("null cannot stand in a list. Write a selection of its own: field: null.")
            }
            tests.append(try modifiers.test(value))
        }
        if modifiers.all { return Self.all(tests.map { .predicate(Predicate(field: field, test: $0)) }) }
        return Self.any(Self.gathered(tests).map { .predicate(Predicate(field: field, test: $0)) })
    }

    private func expanded(_ values: [YAMLNode]) throws(DocumentError) -> [YAMLNode] {
        var expanded: [YAMLNode] = []
        for value in values { expanded += try lists.expand(value) }
        return expanded
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
            guard pattern.isASCII, let text = pattern.exact, !text.isEmpty else { return nil }
            if let number = Number(plain: text), number.integer == nil { return nil }
            return text
        case .number(let number, let text): return number.integer.map(String.init) == text.text ? text.text : nil
        default: return nil
        }
    }

    private static func all(_ parts: [Expression]) -> Expression { parts.count == 1 ? parts[0] : .and(parts) }
    private static func any(_ parts: [Expression]) -> Expression { parts.count == 1 ? parts[0] : .or(parts) }
}
