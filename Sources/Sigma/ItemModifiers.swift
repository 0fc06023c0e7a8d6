// SPDX-License-Identifier: Apache-2.0

import PCRE2
import YAMLDocument

/// The modifiers of one detection item, `field|contains|all`, checked against each other (Sigma specification 2.1, "Modifiers").
struct ItemModifiers {
    static let supported = [
        "contains", "startswith", "endswith", "all", "re", "i", "ignorecase", "m", "multiline", "s", "dotall", "cidr",
        "lt", "lte", "gt", "gte", "exists", "cased", "fieldref", "expand",
    ]
    /// Modifiers of the specification that this version does not have, and what does the same.
    private static let later = [
        "neq": "Put the value into a selection of its own and write 'not' before it in the condition.",
        "base64": "Write the encoded text.",
        "base64offset": "Write the three encoded texts with contains.",
        "wide": "Write the encoded text.", "utf16le": "Write the encoded text.", "utf16be": "Write the encoded text.",
        "utf16": "Write the encoded text.",
        "windash": "Write a list with each dash.",
        "minute": "Use gatewatch: outside with a calendar.", "hour": "Use gatewatch: outside with a calendar.",
        "day": "Use gatewatch: outside with a calendar.", "week": "Use gatewatch: outside with a calendar.",
        "month": "Use gatewatch: outside with a calendar.", "year": "Use gatewatch: outside with a calendar.",
    ]
    private static let kinds = ["re", "cidr", "lt", "lte", "gt", "gte", "exists", "fieldref"]
    private static let places = ["contains", "startswith", "endswith"]
    private static let flags: [(names: [String], option: RegularExpression.Options)] = [
        (["i", "ignorecase"], .ignoreCase), (["m", "multiline"], .multiline), (["s", "dotall"], .dotMatchesNewline),
    ]

    /// Every value must hold, not any.
    let all: Bool
    /// Whether the field is asked for its presence, not its value.
    var exists: Bool { names.contains("exists") }

    /// Whether placeholders in the values stand for lists.
    var expands: Bool { names.contains("expand") }

    private let names: Set<String>
    private let isKeyword: Bool
    private let options: RegularExpression.Options

    /// - Parameter node: where errors point to.
    init(_ list: [String], _ node: YAMLNode, isKeyword: Bool) throws(DocumentError) {
        for name in list {
            guard !name.isEmpty else { throw node.error("a modifier is empty.") }
            if let instead = Self.later[name] {
                throw node.error("the modifier '\(name)' is not supported by this version. \(instead)")
            }
            guard Self.supported.contains(name) else {
                throw node.error(unknownKey(name, known: Self.supported, what: "modifier"))
            }
        }
        names = Set(list)
        all = names.contains("all")
        self.isKeyword = isKeyword
        guard names.count == list.count else { throw node.error("a modifier stands twice.") }

        var options: RegularExpression.Options = []
        for (aliases, option) in Self.flags {
            guard let name = list.first(where: aliases.contains) else { continue }
            guard list.first == "re" else { throw node.error("'\(name)' is a flag of re and stands after it.") }
            options.insert(option)
        }
        self.options = options

        let kinds = list.filter(Self.kinds.contains)
        let places = list.filter(Self.places.contains)
        if kinds.count > 1 { throw node.error("'\(kinds[0])' and '\(kinds[1])' exclude each other.") }
        if places.count > 1 { throw node.error("'\(places[0])' and '\(places[1])' exclude each other.") }
        guard let kind = kinds.first else { return }
        if names.contains("expand"), kind != "cidr" { throw node.error("'\(kind)' does not go with 'expand'.") }
        if kind == "exists", list.count > 1 { throw node.error("'exists' stands alone.") }
        if kind != "fieldref", let other = places.first ?? list.first(where: { $0 == "cased" }) {
            throw node.error("'\(kind)' does not go with '\(other)'.\(Self.hint(kind, other))")
        }
        if ["re", "cidr"].contains(kind), list.first(where: { $0 != "expand" }) != kind {
            throw node.error("'\(kind)' must be the first modifier.")
        }
        if isKeyword, kind != "re", kind != "cidr" { throw node.error("'\(kind)' needs a field before it.") }
    }

    private static func hint(_ kind: String, _ other: String) -> String {
        guard kind == "re" else { return "" }
        switch other {
        case "contains": return " An expression is looked for anywhere; leave 'contains' out."
        case "startswith": return " Begin the expression with ^."
        case "endswith": return " End the expression with $."
        default: return " An expression is case-sensitive unless 'i' follows it."
        }
    }

    /// What one value of the item asks.
    func test(_ node: YAMLNode) throws(DocumentError) -> Test {
        let scalar = try node.scalar()
        let cased = names.contains("cased")
        if exists { return .exists(try node.boolean()) }
        if names.contains("re") { return try regex(node) }
        if names.contains("cidr") {
            guard let network = CIDR(try node.text()) else {
                throw node.error("'\(scalar.text)' is no network. Write 10.0.0.0/8 or 2001:db8::/32.")
            }
            return .cidr(network)
        }
        for comparison in [Test.Comparison.lt, .lte, .gt, .gte] where names.contains(comparison.rawValue) {
            return .compare(comparison, try Number(node))
        }
        if names.contains("fieldref") {
            let field = try node.text()
            guard !field.isEmpty else { throw node.error("is the name of a field, and empty.") }
            return .fieldReference(ExactText(field), reference, cased: cased)
        }

        let isAnywhere = names.contains("contains") || isKeyword && names.isDisjoint(with: Self.places)
        let opensStart = isAnywhere || names.contains("endswith")
        let opensEnd = isAnywhere || names.contains("startswith")
        if opensStart || opensEnd || cased {
            guard !scalar.isNull else { throw node.error("null has no text to compare.") }
            if isKeyword, scalar.text.isEmpty { throw node.error("an empty keyword is in every event.") }
            return .pattern(SigmaPattern(scalar.text).open(start: opensStart, end: opensEnd), cased: cased)
        }
        switch scalar.resolved {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .int(let value): return .number(Number(value), text: ExactText(scalar.text))
        case .double(let value): return .number(Number(value), text: ExactText(scalar.text))
        case .string(let text): return .pattern(SigmaPattern(text), cased: false)
        }
    }

    private var reference: Test.Reference {
        if names.contains("contains") { return .contains }
        if names.contains("startswith") { return .startsWith }
        return names.contains("endswith") ? .endsWith : .equals
    }

    private func regex(_ node: YAMLNode) throws(DocumentError) -> Test {
        let pattern = try node.text()
        do {
            _ = try RegularExpression(pattern, options)
        } catch {
            throw node.error("the regular expression does not compile at character \(error.offset): \(error.message).")
        }
        return .regex(ExactText(pattern), options)
    }
}
