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
        let linked = modifiers.contains("all") ? answers.allSatisfy { $0 } : answers.contains(true)
        return linked != modifiers.contains("neq")
    }

    private func holds(_ value: Value, found: [JSONValue], _ scalars: [JSONValue], _ event: JSONValue) -> Bool {
        let modifiers = self.modifiers.filter { $0 != "neq" }
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
            if let part = modifiers.first(where: { SlowDate.parts.keys.contains($0) }) {
                guard let found = SlowDate.value(part, text) else { return false }
                switch modifiers.first(where: { ["lt", "lte", "gt", "gte"].contains($0) }) {
                case "lt": return found < Int(wanted)
                case "lte": return found <= Int(wanted)
                case "gt": return found > Int(wanted)
                case "gte": return found >= Int(wanted)
                default: return found == Int(wanted)
                }
            }
            if let comparison = modifiers.first(where: { $0 != "neq" && $0 != "all" }) {
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
            if modifiers.contains("re") {
                // The tests' expressions are letters and `|`.
                return wanted.split(separator: "|").contains { letters in
                    if modifiers.contains("startswith") { return text.utf8.starts(with: letters.utf8) }
                    if modifiers.contains("endswith") {
                        return text.utf8.reversed().starts(with: letters.utf8.reversed())
                    }
                    return text.utf8.indices.contains { text.utf8[$0...].starts(with: letters.utf8) }
                }
            }
            if modifiers.contains(where: { $0.hasPrefix("base64") }) {
                return SlowEncoding.texts(wanted, modifiers).contains { encoded in
                    let (text, encoded) = cased ? (text, encoded) : (text.asciiLowercased, encoded.asciiLowercased)
                    if field == nil || modifiers.contains("contains") {
                        return text.utf8.indices.contains { text.utf8[$0...].starts(with: encoded.utf8) }
                    }
                    if modifiers.contains("startswith") { return text.utf8.starts(with: encoded.utf8) }
                    if modifiers.contains("endswith") {
                        return text.utf8.reversed().starts(with: encoded.utf8.reversed())
                    }
                    return text.utf8.elementsEqual(encoded.utf8)
                }
            }
            var pattern = Self.pattern(wanted)
            if modifiers.contains("windash") { pattern = Self.dashed(pattern) }
            let anywhere =
                modifiers.contains("contains") || field == nil && !modifiers.contains { $0.hasSuffix("with") }
            if anywhere || modifiers.contains("endswith") { pattern.insert(.any, at: 0) }
            if anywhere || modifiers.contains("startswith") { pattern.append(.any) }
            if field != nil, Set(modifiers).isSubset(of: ["cased", "all", "neq", "windash"]), Self.isPlain(wanted) {
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

    private enum Part { case any, one, literal(Unicode.Scalar), dash }

    /// A sign behind no word and before one stands for all five.
    private static func dashed(_ parts: [Part]) -> [Part] {
        func isWord(_ index: Int) -> Bool {
            guard parts.indices.contains(index), case .literal(let scalar) = parts[index] else { return false }
            return scalar.properties.isAlphabetic || scalar.properties.numericType != nil || scalar == "_"
        }
        return parts.indices.map { index in
            guard case .literal(let scalar) = parts[index], scalar == "-" || scalar == "/" else { return parts[index] }
            return !isWord(index - 1) && isWord(index + 1) ? .dash : parts[index]
        }
    }

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
        case .dash:
            guard let first = text.first, ["-", "/", "–", "—", "―"].contains(first) else { return false }
            return matches(rest, text.dropFirst(), fold)
        case .literal(let wanted):
            guard let first = text.first, Array(fold(first).utf8) == Array(fold(wanted).utf8) else { return false }
            return matches(rest, text.dropFirst(), fold)
        }
    }
}

extension String {
    fileprivate var asciiLowercased: String {
        String(decoding: utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }, as: UTF8.self)
    }
}

/// What base64 makes of a text, by its meaning: what stays the same whatever stands around the text.
enum SlowEncoding {
    static func texts(_ text: String, _ modifiers: [String]) -> [String] {
        let bytes: Data
        if modifiers.contains("wide") || modifiers.contains("utf16le") {
            bytes = text.data(using: .utf16LittleEndian) ?? Data()
        } else if modifiers.contains("utf16be") {
            bytes = text.data(using: .utf16BigEndian) ?? Data()
        } else if modifiers.contains("utf16") {
            bytes = Data([0xFF, 0xFE]) + (text.data(using: .utf16LittleEndian) ?? Data())
        } else {
            bytes = Data(text.utf8)
        }
        guard modifiers.contains("base64offset") else { return [bytes.base64EncodedString()] }
        return (0..<3).map { offset in
            let (zeros, ones) = (around(bytes, offset, 0x00), around(bytes, offset, 0xFF))
            // A character that holds a bit of what stands around differs between the two.
            return String(zip(zeros, ones).filter { $0 == $1 }.map(\.0))
        }
    }

    private static func around(_ bytes: Data, _ offset: Int, _ byte: UInt8) -> String {
        let after = (6 - (offset + bytes.count) % 3) % 3
        return (Data(repeating: byte, count: offset) + bytes + Data(repeating: byte, count: after))
            .base64EncodedString()
    }
}

/// The dates of the tests, taken apart by Foundation.
enum SlowDate {
    static let parts: [String: Calendar.Component] = [
        "minute": .minute, "hour": .hour, "day": .day, "week": .weekOfYear, "month": .month, "year": .year,
    ]
    /// Ways to write a date, and when it is in seconds.
    static let dates: [(text: String, isNumber: Bool, seconds: Double)] = [
        ("2026-11-21T09:30:00Z", false, 1_795_253_400), ("2026-11-21 10:30:00.5+01:00", false, 1_795_253_400.5),
        ("20241230T235959Z", false, 1_735_603_199), ("2024-02-29", false, 1_709_164_800),
        ("1795253400", true, 1_795_253_400), ("1795253400000", true, 1_795_253_400),
        ("1609459199999", true, 1_609_459_199.999),
    ]

    static func value(_ part: String, _ text: String) -> Int? {
        guard let component = parts[part] else { return nil }
        let known = dates.first { $0.text == text }?.seconds
        // The other numbers of the tests are seconds.
        let isNumber = text.wholeMatch(of: /[0-9]+(\.[0-9]+)?/) != nil
        guard let seconds = known ?? (isNumber ? Double(text) : nil) else { return nil }
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = .gmt
        return calendar.component(component, from: Date(timeIntervalSince1970: seconds))
    }
}
