// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import PCRE2
import YAMLDocument

/// The modifiers of one detection item, `field|contains|all`, checked against each other (Sigma specification 2.1, "Modifiers").
struct ItemModifiers {
    private static let kinds = ["re", "cidr", "exists", "fieldref"]
    private static let comparisons = ["lt", "lte", "gt", "gte"]
    private static let parts = DatePart.allCases.map(\.rawValue)
    private static let places = ["contains", "startswith", "endswith"]
    private static let characters: [String: EncodedText.Characters] = [
        "wide": .utf16LittleEndian, "utf16le": .utf16LittleEndian, "utf16be": .utf16BigEndian, "utf16": .utf16Marked,
    ]
    private static let encodings = ["base64", "base64offset"]
    private static let flags: [(names: [String], option: RegularExpression.Options)] = [
        (["i", "ignorecase"], .ignoreCase), (["m", "multiline"], .multiline), (["s", "dotall"], .dotMatchesNewline),
    ]
    static let supported =
        ["all", "neq", "cased", "expand", "windash"] + kinds + comparisons + parts + places + encodings
        + characters.keys + flags.flatMap(\.names)

    /// Every value must hold, not any.
    let all: Bool
    /// The whole item must not hold.
    var negates: Bool { names.contains("neq") }
    /// Whether the field is asked for its presence, not its value.
    var exists: Bool { names.contains("exists") }
    /// Whether placeholders in the values stand for lists.
    var expands: Bool { names.contains("expand") }

    private let names: [String]
    private let isKeyword: Bool
    private let options: RegularExpression.Options

    /// - Parameter node: where errors point to.
    init(_ list: [String], _ node: YAMLNode, isKeyword: Bool) throws(DocumentError) {
        for name in list {
            guard !name.isEmpty else { throw node.error("a modifier is empty.") }
            guard Self.supported.contains(name) else {
                throw node.error(unknownKey(name, known: Self.supported, what: "modifier"))
            }
        }
        names = list
        all = list.contains("all")
        self.isKeyword = isKeyword
        guard Set(list).count == list.count else { throw node.error("a modifier stands twice.") }

        var options: RegularExpression.Options = []
        for (aliases, option) in Self.flags {
            guard let name = list.first(where: aliases.contains) else { continue }
            guard list.first == "re" else { throw node.error("'\(name)' is a flag of re and stands after it.") }
            options.insert(option)
        }
        self.options = options

        for group in [
            Self.kinds + Self.comparisons, Self.kinds + Self.parts, Self.places, Self.encodings,
            Array(Self.characters.keys),
        ] {
            let both = list.filter(group.contains)
            if both.count > 1 { throw node.error("'\(both[0])' and '\(both[1])' exclude each other.") }
        }
        try checkKind(node)
        try checkOrder(node)
    }

    /// What a modifier that is no comparison of texts goes with.
    private func checkKind(_ node: YAMLNode) throws(DocumentError) {
        guard let kind = names.first(where: { (Self.kinds + Self.parts + Self.comparisons).contains($0) }) else {
            return
        }
        if kind == "exists", names.count > 1 { throw node.error("'exists' stands alone.") }
        var partners = ["all", "neq"]
        switch kind {
        case "re": partners += Self.places + Self.flags.flatMap(\.names)
        case "cidr": partners += ["expand"]
        case "fieldref": partners += Self.places + ["cased"]
        default: partners += Self.comparisons + Self.parts
        }
        if let other = names.first(where: { $0 != kind && !partners.contains($0) }) {
            let hint =
                kind == "re" && other == "cased" ? " An expression is case-sensitive unless 'i' follows it." : ""
            throw node.error("'\(kind)' does not go with '\(other)'.\(hint)")
        }
        if ["re", "cidr"].contains(kind), names.first(where: { $0 != "expand" }) != kind {
            throw node.error("'\(kind)' must be the first modifier.")
        }
        if isKeyword, kind != "re", kind != "cidr" { throw node.error("'\(kind)' needs a field before it.") }
    }

    /// Modifiers that change the text apply from left to right: what has no meaning in that order is refused.
    private func checkOrder(_ node: YAMLNode) throws(DocumentError) {
        let encoding = names.firstIndex(where: Self.encodings.contains)
        if let index = names.firstIndex(where: { Self.characters[$0] != nil }) {
            guard let encoding, encoding > index else {
                throw node.error(
                    "no text has the bytes of '\(names[index])'. Write base64 or base64offset after it.")
            }
        }
        let first = names.firstIndex { Self.encodings.contains($0) || Self.characters[$0] != nil }
        guard let first else { return }
        for name in names[first...] where name == "windash" || name == "expand" {
            throw node.error("'\(name)' changes the text before it is encoded. Write it before '\(names[first])'.")
        }
        if let place = names[..<(encoding ?? first)].first(where: Self.places.contains) {
            throw node.error("wildcards cannot be encoded. Write '\(place)' after '\(names[encoding ?? first])'.")
        }
    }

    /// What one value of the item asks; one of the questions must hold.
    func tests(_ node: YAMLNode) throws(DocumentError) -> [Test] {
        let scalar = try node.scalar()
        let cased = names.contains("cased")
        if exists { return [.exists(try node.boolean())] }
        if names.contains("re") { return [try regex(node)] }
        if names.contains("cidr") {
            guard let network = CIDR(try node.text()) else {
                throw node.error("'\(scalar.text)' is no network. Write 10.0.0.0/8 or 2001:db8::/32.")
            }
            return [.cidr(network)]
        }
        let comparison = names.lazy.compactMap { Test.Comparison(rawValue: $0) }.first
        if let part = names.lazy.compactMap({ DatePart(rawValue: $0) }).first {
            return [.datePart(try question(part, comparison, node))]
        }
        if let comparison { return [.compare(comparison, try Number(node))] }
        if names.contains("fieldref") {
            let field = try node.text()
            guard !field.isEmpty else { throw node.error("is the name of a field, and empty.") }
            return [.fieldReference(ExactText(field), reference, cased: cased)]
        }

        let isAnywhere = names.contains("contains") || isKeyword && !names.contains(where: Self.places.contains)
        let opensStart = isAnywhere || names.contains("endswith")
        let opensEnd = isAnywhere || names.contains("startswith")
        let changesText = names.contains("windash") || names.contains(where: Self.encodings.contains)
        if opensStart || opensEnd || cased || changesText {
            guard !scalar.isNull else { throw node.error("null has no text to compare.") }
            if isKeyword, scalar.text.isEmpty { throw node.error("an empty keyword is in every event.") }
            return try patterns(node, scalar.text).map {
                .pattern($0.open(start: opensStart, end: opensEnd), cased: cased)
            }
        }
        switch scalar.resolved {
        case .null: return [.null]
        case .bool(let value): return [.bool(value)]
        case .int(let value): return [.number(Number(value), text: ExactText(scalar.text))]
        case .double(let value): return [.number(Number(value), text: ExactText(scalar.text))]
        case .string(let text): return [.pattern(SigmaPattern(text), cased: false)]
        }
    }

    /// The value after `windash` and the encodings.
    private func patterns(_ node: YAMLNode, _ text: String) throws(DocumentError) -> [SigmaPattern] {
        var patterns = [SigmaPattern(text)]
        if names.contains("windash") {
            guard let expanded = WindowsDash.expand(patterns[0]) else {
                throw node.error(
                    "has more than \(WindowsDash.maximumSigns) signs for 'windash' to change. Write the parameters as several values, with all."
                )
            }
            patterns = expanded
        }
        guard let encoding = names.first(where: Self.encodings.contains) else { return patterns }
        let characters = names.lazy.compactMap { Self.characters[$0] }.first ?? .utf8
        var encoded: [SigmaPattern] = []
        for pattern in patterns {
            guard let exact = pattern.exact else {
                throw node.error(
                    "wildcards cannot be encoded. Write \\* and \\? for the characters, or leave them out.")
            }
            guard !exact.isEmpty else { throw node.error("is empty; there is nothing to encode.") }
            let bytes = characters.bytes(exact)
            guard encoding == "base64offset" else {
                encoded.append(SigmaPattern(literal: EncodedText.base64(bytes)))
                continue
            }
            guard let texts = EncodedText.base64AtAnyOffset(bytes) else {
                throw node.error("is too short for base64offset. Write two bytes at least.")
            }
            encoded += texts.map { SigmaPattern(literal: $0) }
        }
        return encoded
    }

    private var reference: Test.Reference {
        if names.contains("contains") { return .contains }
        if names.contains("startswith") { return .startsWith }
        return names.contains("endswith") ? .endsWith : .equals
    }

    private func question(
        _ part: DatePart, _ comparison: Test.Comparison?, _ node: YAMLNode
    ) throws(DocumentError) -> DatePartQuestion {
        let question = DatePartQuestion(part: part, comparison: comparison, value: Int64(try node.integer()))
        let range = part.range
        // The ends tell: a comparison that neither of them answers is answered by nothing between.
        let isAnswered =
            comparison == nil
            ? range.contains(question.value)
            : question.holds(value: range.lowerBound) || question.holds(value: range.upperBound)
        guard isAnswered else {
            throw node.error(
                "no date has such \(part == .hour ? "an" : "a") \(part.rawValue): it is \(range.lowerBound) to \(range.upperBound)."
            )
        }
        return question
    }

    /// An expression is looked for anywhere, so `contains` adds nothing; `startswith` and `endswith` tie it to an end.
    private func regex(_ node: YAMLNode) throws(DocumentError) -> Test {
        let pattern = try node.text()
        do {
            _ = try RegularExpression(pattern, options)
        } catch {
            throw node.error("the regular expression does not compile at character \(error.offset): \(error.message).")
        }
        if names.contains("startswith") { return .regex(ExactText("\\A(?:\(pattern))"), options) }
        if names.contains("endswith") { return .regex(ExactText("(?:\(pattern))\\z"), options) }
        return .regex(ExactText(pattern), options)
    }
}
