// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A JSON value as `JSONDecoder` reads it.
indirect enum JSONValue: Decodable, Equatable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    var text: String? {
        switch self {
        case .bool(let value): value ? "true" : "false"
        case .int(let value): String(value)
        case .double(let value): String(value)
        case .string(let value): value
        default: nil
        }
    }

    /// The scalars in here, arrays taken apart; objects only when `deep`.
    func scalars(deep: Bool) -> [JSONValue] {
        switch self {
        case .array(let items): items.flatMap { $0.scalars(deep: deep) }
        case .object(let members): deep ? members.values.flatMap { $0.scalars(deep: true) } : []
        default: [self]
        }
    }

    /// What stands under a dotted path; several values when arrays lie on the way.
    func at(_ path: ArraySlice<Substring>) -> [JSONValue] {
        guard let key = path.first else { return [self] }
        switch self {
        case .array(let items): return items.flatMap { $0.at(path) }
        case .object(let members): return members[String(key)].map { $0.at(path.dropFirst()) } ?? []
        default: return []
        }
    }
}

/// One detection item as the test made it, and the obvious meaning of it.
struct SlowItem {
    enum Value {
        case null
        case bool(Bool)
        case number(Double, String)
        case text(String)
    }

    var field: String?
    var modifiers: [String]
    var values: [Value]

    func holds(_ event: JSONValue) -> Bool {
        let found = field.map { event.at($0.split(separator: ".")[...]) } ?? [event]
        let scalars = found.flatMap { $0.scalars(deep: field == nil) }
        let answers = values.map { value in holds(value, found: found, scalars, event) }
        return modifiers.contains("all") ? answers.allSatisfy { $0 } : answers.contains(true)
    }

    private func holds(_ value: Value, found: [JSONValue], _ scalars: [JSONValue], _ event: JSONValue) -> Bool {
        if modifiers == ["exists"], case .bool(let expected) = value { return !found.isEmpty == expected }
        if modifiers.isEmpty, case .null = value { return found.isEmpty || scalars.contains(.null) }
        let present = scalars.filter { $0 != .null }
        if modifiers.contains("fieldref"), case .text(let other) = value {
            let others = event.at(other.split(separator: ".")[...]).flatMap { $0.scalars(deep: false) }
            return present.contains { left in others.contains { refers(left, $0) } }
        }
        return present.contains { holds(value, $0) }
    }

    private func holds(_ value: Value, _ scalar: JSONValue) -> Bool {
        guard let text = scalar.text else { return false }
        switch value {
        case .null: return false
        case .bool(let wanted):
            if case .bool(let found) = scalar { return found == wanted }
            if case .string(let found) = scalar { return found.lowercased() == (wanted ? "true" : "false") }
            return false
        case .number(let wanted, let written):
            let number: Double?
            switch scalar {
            case .int(let found): number = Double(found)
            case .double(let found): number = found
            case .string(let found): number = Self.isPlain(found) ? Double(found) : nil
            default: number = nil
            }
            if let comparison = modifiers.first {
                guard let number else { return false }
                switch comparison {
                case "lt": return number < wanted
                case "lte": return number <= wanted
                case "gt": return number > wanted
                default: return number >= wanted
                }
            }
            if case .string(let found) = scalar {
                return found == written || written.contains(".") && Self.isPlain(found) && number == wanted
            }
            return number == wanted
        case .text(let wanted):
            let cased = modifiers.contains("cased")
            var pattern = Self.pattern(wanted)
            let anywhere =
                modifiers.contains("contains") || field == nil && !modifiers.contains { $0.hasSuffix("with") }
            if anywhere || modifiers.contains("endswith") { pattern.insert(.any, at: 0) }
            if anywhere || modifiers.contains("startswith") { pattern.append(.any) }
            if field != nil, Set(modifiers).isSubset(of: ["cased", "all"]), Self.isPlain(wanted) {
                if case .int(let found) = scalar { return Double(found) == Double(wanted) }
                if case .double(let found) = scalar { return found == Double(wanted) }
            }
            let folds = !cased && wanted.utf8.contains { $0 >= 0x80 }
            func fold(_ scalar: Unicode.Scalar) -> String {
                if cased { return String(scalar) }
                return folds || scalar.isASCII ? scalar.properties.lowercaseMapping : String(scalar)
            }
            return Self.matches(pattern[...], Array(text.unicodeScalars)[...], fold)
        }
    }

    private func refers(_ a: JSONValue, _ b: JSONValue) -> Bool {
        guard let left = a.text, let right = b.text else { return false }
        let l = Array(modifiers.contains("cased") ? left.utf8 : left.lowercased().utf8)
        let r = Array(modifiers.contains("cased") ? right.utf8 : right.lowercased().utf8)
        if modifiers.contains("startswith") { return l.starts(with: r) }
        if modifiers.contains("endswith") { return l.reversed().starts(with: r.reversed()) }
        if modifiers.contains("contains") { return (0...l.count).contains { l[$0...].starts(with: r) } }
        switch (a, b) {
        case (.int(let x), .double(let y)), (.double(let y), .int(let x)): return Double(x) == y
        case (.double(let x), .string(let y)), (.string(let y), .double(let x)):
            return Self.isPlain(y) && Double(y) == x
        default: return l == r
        }
    }

    /// `443` or `1.5`, as one writes a number.
    private static func isPlain(_ text: String) -> Bool {
        text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?/) != nil
    }

    private enum Part { case any, one, literal(Unicode.Scalar) }

    private static func pattern(_ text: String) -> [Part] {
        var rest = Array(text.unicodeScalars)[...]
        var parts: [Part] = []
        while let first = rest.popFirst() {
            if first == "\\", let next = rest.first, ["*", "?", "\\"].contains(next) {
                parts.append(.literal(next))
                rest.removeFirst()
            } else {
                parts.append(first == "*" ? .any : first == "?" ? .one : .literal(first))
            }
        }
        return parts
    }

    private static func matches(
        _ pattern: ArraySlice<Part>, _ text: ArraySlice<Unicode.Scalar>, _ fold: (Unicode.Scalar) -> String
    ) -> Bool {
        guard let part = pattern.first else { return text.isEmpty }
        let rest = pattern.dropFirst()
        switch part {
        case .any: return (text.startIndex...text.endIndex).contains { matches(rest, text[$0...], fold) }
        case .one: return !text.isEmpty && matches(rest, text.dropFirst(), fold)
        case .literal(let wanted):
            guard let first = text.first, Array(fold(first).utf8) == Array(fold(wanted).utf8) else { return false }
            return matches(rest, text.dropFirst(), fold)
        }
    }
}
