// SPDX-License-Identifier: Apache-2.0

/// A scalar of a YAML document with its value by the core schema of YAML 1.2 (section 10.3.2): `yes`, `no` and `on` are
/// texts, a quoted scalar is always a text.
package struct YAMLScalar: Sendable, Equatable {
    package enum Value: Sendable, Equatable {
        case null
        case bool(Bool)
        case int(Int64)
        case double(Double)
        case string(String)
    }

    /// As written, without quotes.
    package let text: String
    package let resolved: Value

    package init(text: String, isPlain: Bool) {
        self.text = text
        self.resolved = isPlain ? Self.resolve(text) : .string(text)
    }

    package var isNull: Bool { resolved == .null }

    private static func resolve(_ text: String) -> Value {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: break
        }
        guard let first = text.utf8.first,
            first == 0x2B || first == 0x2D || first == 0x2E || (0x30...0x39).contains(first)
        else { return .string(text) }
        if text.hasPrefix("0x"), let value = Int64(text.dropFirst(2), radix: 16) { return .int(value) }
        if text.hasPrefix("0o"), let value = Int64(text.dropFirst(2), radix: 8) { return .int(value) }
        if let value = Int64(text) { return .int(value) }
        let numeric = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte)
        }
        if numeric, let value = Double(text), value.isFinite { return .double(value) }
        return .string(text)
    }
}
