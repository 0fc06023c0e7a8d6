// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import JSONText
import Web

extension Schema {
    /// Says what is wrong with a value that was sent.
    ///
    /// - Throws: ``WebFault`` 400 that names the field.
    func check(_ value: JSONValue, _ field: String) throws(WebFault) {
        switch (self, value) {
        case (.text(let rules), .text(let text)): try rules.check(text, field)
        case (.integer(let range), .integer(let number)):
            guard range.contains(number) else { throw Self.fault(field, "is not \(Self.words(range))") }
        case (.number, .integer), (.number, .number), (.flag, .flag), (.open, .object), (.nullable, .null): break
        case (.nullable(let schema), _): try schema.check(value, field)
        case (.list(let schema, let count, let isUnique), .list(let items)):
            guard items.count >= count.lowerBound else {
                throw Self.fault(field, "has fewer than \(count.lowerBound) items")
            }
            guard items.count <= count.upperBound else {
                throw Self.fault(field, "has more than \(count.upperBound) items")
            }
            for (index, item) in items.enumerated() {
                try schema.check(item, "\(field)[\(index)]")
                if isUnique, items[..<index].contains(item) { throw Self.fault(field, "has an item twice") }
            }
        case (.object(let properties, let minimum), .object(let members)):
            for member in members {
                guard let property = properties.first(where: { $0.name == member.name }) else {
                    throw Self.fault(
                        Self.path(field, member.name),
                        "is not known here. There are \(properties.map(\.name).joined(separator: ", "))")
                }
                try property.schema.check(member.value, Self.path(field, member.name))
            }
            for property in properties where property.isRequired && value[property.name] == nil {
                throw Self.fault(Self.path(field, property.name), "is missing")
            }
            guard members.count >= minimum else { throw Self.fault(field, "has none of its members") }
        default: throw Self.fault(field, "must be \(words)")
        }
    }

    /// The value that a parameter's text means.
    ///
    /// - Throws: ``WebFault`` 400 that names the parameter.
    func parameter(_ text: String, _ name: String) throws(WebFault) -> JSONValue {
        let value: JSONValue
        switch self {
        case .integer:
            // As JSON writes numbers: no sign but a minus, no zeros before.
            guard let number = Int64(text), String(number) == text else { throw Self.fault(name, "must be \(words)") }
            value = .integer(number)
        case .flag:
            guard text == "true" || text == "false" else { throw Self.fault(name, "must be \(words)") }
            value = .flag(text == "true")
        default: value = .text(text)
        }
        try check(value, name)
        return value
    }

    static func fault(_ field: String, _ what: String) -> WebFault {
        WebFault(
            .badRequest, code: "invalid", "\(field.isEmpty ? "The body" : "'\(field.prefix(120))'") \(what).",
            field: field.isEmpty ? nil : String(field.prefix(120)))
    }

    private static func path(_ field: String, _ name: String) -> String {
        field.isEmpty ? String(name.prefix(80)) : "\(field).\(name.prefix(80))"
    }

    private var words: String {
        switch self {
        case .text: "a text"
        case .integer(let range): Self.words(range)
        case .number: "a number"
        case .flag: "true or false"
        case .list: "a list"
        case .object, .open, .named: "an object"
        case .nullable(let schema): "\(schema.words) or null"
        }
    }

    private static func words(_ range: ClosedRange<Int64>) -> String {
        range == .min ... .max ? "a whole number" : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    }
}

extension Schema.TextRules {
    fileprivate func check(_ text: String, _ field: String) throws(WebFault) {
        switch kind {
        case .any: break
        case .oneOf(let values):
            guard values.contains(text) else {
                throw Schema.fault(field, "must be one of \(values.joined(separator: ", "))")
            }
        case .line, .lines:
            guard !text.allSatisfy(\.isWhitespace) else { throw Schema.fault(field, "is empty") }
            let count = text.unicodeScalars.count
            guard count <= maximum else {
                throw Schema.fault(field, "has \(count) characters; the limit is \(maximum)")
            }
            let allowsLines = if case .lines = kind { true } else { false }
            let isClean = text.unicodeScalars.allSatisfy { scalar in
                scalar.properties.generalCategory != .control || allowsLines && (scalar == "\n" || scalar == "\t")
            }
            guard isClean else { throw Schema.fault(field, "has control characters: leave them out") }
        }
    }
}
