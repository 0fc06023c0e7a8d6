// SPDX-License-Identifier: Apache-2.0

import JSONText

/// A schema: what the document says (JSON Schema 2020-12, as OpenAPI 3.1 has it) and what is checked are one.
indirect enum Schema: Sendable {
    case text(TextRules)
    case integer(ClosedRange<Int64>)
    /// Any finite number.
    case number
    case flag
    case list(Schema, count: ClosedRange<Int>, isUnique: Bool = false)
    case object([Property], minimum: Int = 0)
    /// A schema with a name, in the document's components.
    case named(String)
    case nullable(Schema)
    /// Any JSON object; of answers.
    case open(String)

    /// What a text must be.
    struct TextRules: Sendable {
        enum Kind: Sendable {
            /// No control characters; something that is not space.
            case line
            /// The same with line feeds and tabs.
            case lines
            /// One of these.
            case oneOf([String])
            /// Of an answer: whatever it is.
            case any
        }
        var kind: Kind
        /// Unicode scalars, as JSON Schema counts.
        var maximum: Int

        static func line(_ maximum: Int) -> TextRules { TextRules(kind: .line, maximum: maximum) }
    }

    struct Property: Sendable {
        var name: String
        var schema: Schema
        var isRequired: Bool
        var description: String?
        /// What holds where it is absent; for the document.
        var standard: JSONValue?

        init(
            _ name: String, _ schema: Schema, isRequired: Bool = true, _ description: String? = nil,
            standard: JSONValue? = nil
        ) {
            self.name = name
            self.schema = schema
            self.isRequired = isRequired
            self.description = description
            self.standard = standard
        }
    }

    static func line(_ maximum: Int) -> Schema { .text(.line(maximum)) }
    static func lines(_ maximum: Int) -> Schema { .text(TextRules(kind: .lines, maximum: maximum)) }
    static func oneOf(_ values: [String]) -> Schema { .text(TextRules(kind: .oneOf(values), maximum: .max)) }
    static func oneOf<Word: RawRepresentable & CaseIterable>(_: Word.Type) -> Schema where Word.RawValue == String {
        .oneOf(Word.allCases.map(\.rawValue))
    }
    static let anyText = Schema.text(TextRules(kind: .any, maximum: .max))
    static let anyInteger = Schema.integer(.min ... .max)
    /// ms since the epoch, UTC, up to the year 9999.
    static let time = Schema.integer(0...253_402_300_799_999)
    /// How many there are.
    static let count = Schema.integer(0...(.max))

    // MARK: The document

    /// The same as the document has it.
    var json: JSONValue {
        switch self {
        case .text(let rules): return Self.json(rules)
        case .integer(let range):
            var members: [JSONValue.Member] = [.init("type", "integer")]
            // Beyond what every reader of JSON takes exactly a bound says nothing.
            if range.lowerBound >= -1 << 53 { members.append(.init("minimum", .integer(range.lowerBound))) }
            if range.upperBound <= 1 << 53 { members.append(.init("maximum", .integer(range.upperBound))) }
            return .object(members)
        case .number: return ["type": "number"]
        case .flag: return ["type": "boolean"]
        case .list(let item, let count, let isUnique):
            var members: [JSONValue.Member] = [.init("type", "array"), .init("items", item.json)]
            if count.lowerBound > 0 { members.append(.init("minItems", .integer(Int64(count.lowerBound)))) }
            if count.upperBound < .max { members.append(.init("maxItems", .integer(Int64(count.upperBound)))) }
            if isUnique { members.append(.init("uniqueItems", true)) }
            return .object(members)
        case .object(let properties, let minimum):
            var members: [JSONValue.Member] = [
                .init("type", "object"),
                .init("properties", .object(properties.map { .init($0.name, $0.json) })),
                .init("additionalProperties", false),
            ]
            let required = properties.filter(\.isRequired).map { JSONValue.text($0.name) }
            if !required.isEmpty { members.insert(.init("required", .list(required)), at: 1) }
            if minimum > 0 { members.append(.init("minProperties", .integer(Int64(minimum)))) }
            return .object(members)
        case .named(let name): return ["$ref": .text("#/components/schemas/\(name)")]
        case .nullable(let schema): return ["anyOf": [schema.json, ["type": "null"]]]
        case .open(let description): return ["type": "object", "description": .text(description)]
        }
    }

    private static func json(_ rules: TextRules) -> JSONValue {
        var members: [JSONValue.Member] = [.init("type", "string")]
        switch rules.kind {
        case .oneOf(let values): members.append(.init("enum", .list(values.map { .text($0) })))
        case .line: members.append(.init("pattern", .text(pattern("\\u0000-\\u001F\\u007F-\\u009F"))))
        case .lines: members.append(.init("pattern", .text(pattern("\\u0000-\\u0008\\u000B-\\u001F\\u007F-\\u009F"))))
        case .any: break
        }
        switch rules.kind {
        case .line, .lines:
            members.append(.init("minLength", 1))
            members.append(.init("maxLength", .integer(Int64(rules.maximum))))
        case .oneOf, .any: break
        }
        return .object(members)
    }

    /// None of the characters, and one at least that is no space.
    private static func pattern(_ refused: String) -> String {
        "^[^\(refused)]*[^\\s\(refused)][^\(refused)]*$"
    }
}

extension Schema.Property {
    var json: JSONValue {
        guard description != nil || standard != nil else { return schema.json }
        var members: [JSONValue.Member]
        // What stands beside a reference is read since JSON Schema 2019-09.
        if case .object(let own) = schema.json { members = own } else { members = [] }
        if let description {
            members.removeAll { $0.name == "description" }
            members.append(.init("description", .text(description)))
        }
        if let standard { members.append(.init("default", standard)) }
        return .object(members)
    }
}
