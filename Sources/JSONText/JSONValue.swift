// SPDX-License-Identifier: Apache-2.0

/// A JSON text (RFC 8259) as it is checked, and as documents are made of.
package indirect enum JSONValue: Sendable, Equatable {
    case null
    case flag(Bool)
    /// A number without a fraction that an `Int64` holds; `1.0` is one, as JSON Schema has it.
    case integer(Int64)
    /// Infinite if the text is out of its range.
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([Member])

    package struct Member: Sendable, Equatable {
        package var name: String
        package var value: JSONValue

        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// What a reader refuses beyond what is no JSON. A member that stands twice is refused by all: two readers could see two values.
    package struct Rules: Sendable {
        /// Objects and lists inside each other, at most.
        package var maximumDepth: Int
        /// Bytes of one number, at most.
        package var maximumNumberBytes: Int
        /// Whether a number may be out of the range of a `Double`.
        package var takesHugeNumbers: Bool
        /// Whether the name of a member may be written with escapes.
        package var takesEscapedNames: Bool

        package init(
            maximumDepth: Int, maximumNumberBytes: Int = .max, takesHugeNumbers: Bool = true,
            takesEscapedNames: Bool = true
        ) {
            self.maximumDepth = maximumDepth
            self.maximumNumberBytes = maximumNumberBytes
            self.takesHugeNumbers = takesHugeNumbers
            self.takesEscapedNames = takesEscapedNames
        }
    }

    /// What is wrong with a text.
    package struct Fault: Error, Sendable, Equatable {
        /// A sentence; it may have a name of the text in it.
        package let reason: String
    }

    /// The one value of a text, read strictly.
    ///
    /// - Throws: ``Fault`` for what is no JSON in UTF-8, has a member twice, or is against the rules.
    package init(_ bytes: [UInt8], rules: Rules) throws(Fault) {
        var reader = JSONReader(bytes: bytes, rules: rules)
        self = try reader.document()
    }

    package subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    package var text: String? { if case .text(let text) = self { text } else { nil } }
    package var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
    /// Of both kinds of numbers.
    package var number: Double? {
        switch self {
        case .integer(let whole): Double(whole)
        case .number(let number): number
        default: nil
        }
    }
    package var list: [JSONValue]? { if case .list(let items) = self { items } else { nil } }
    /// An object's.
    package var members: [String: JSONValue]? {
        guard case .object(let members) = self else { return nil }
        return Dictionary(members.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }
    /// The texts of a list.
    package var texts: [String]? { list?.compactMap(\.text) }

    package func write(to json: inout JSONWriter) {
        switch self {
        case .null: json.null()
        case .flag(let flag): json.field(nil, flag)
        case .integer(let number): json.field(nil, number)
        case .number(let number): json.field(nil, number)
        case .text(let text): json.field(nil, text)
        case .list(let items): json.array(nil, items) { json, item in item.write(to: &json) }
        case .object(let members):
            json.object {
                for member in members {
                    $0.key(member.name)
                    member.value.write(to: &$0)
                }
            }
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    package init(stringLiteral text: String) { self = .text(text) }
    package init(integerLiteral number: Int64) { self = .integer(number) }
    package init(booleanLiteral flag: Bool) { self = .flag(flag) }
}

extension JSONValue: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    package init(arrayLiteral items: JSONValue...) { self = .list(items) }
    package init(dictionaryLiteral members: (String, JSONValue)...) { self = .object(members.map { Member($0, $1) }) }
}
