// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSONText

/// A JSON text (RFC 8259) as it is checked, and as documents are made of.
indirect enum JSONValue: Sendable, Equatable {
    case null
    case flag(Bool)
    /// A number without a fraction that an `Int64` holds; `1.0` is one, as JSON Schema has it.
    case integer(Int64)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([Member])

    struct Member: Sendable, Equatable {
        var name: String
        var value: JSONValue

        init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// The deepest nesting that is read.
    static let maximumDepth = 16

    /// - Throws: ``Fault`` for what is no JSON in UTF-8, is nested too deep, or has a member twice.
    init(_ bytes: [UInt8]) throws(Fault) {
        var reader = JSONReader(bytes: bytes)
        self = try reader.document()
    }

    /// What is wrong with a text: a sentence.
    struct Fault: Error, Equatable {
        let reason: String
    }

    subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
    var list: [JSONValue]? { if case .list(let items) = self { items } else { nil } }
    /// The texts of a list.
    var texts: [String]? { list?.compactMap(\.text) }

    func write(to json: inout JSONWriter) {
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
    init(stringLiteral text: String) { self = .text(text) }
    init(integerLiteral number: Int64) { self = .integer(number) }
    init(booleanLiteral flag: Bool) { self = .flag(flag) }
}

extension JSONValue: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    init(arrayLiteral items: JSONValue...) { self = .list(items) }
    init(dictionaryLiteral members: (String, JSONValue)...) { self = .object(members.map { Member($0, $1) }) }
}
