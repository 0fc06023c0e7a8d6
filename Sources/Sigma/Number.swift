// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import YAMLDocument

/// A number of a rule. Whole numbers are compared exactly: ids of 18 digits do not fit a double.
struct Number: Hashable, Sendable {
    let value: Double
    /// Nil for a number with a fraction or an exponent.
    let integer: Int64?

    init(_ value: Double) {
        self.value = value
        integer = nil
    }

    init(_ integer: Int64) {
        value = Double(integer)
        self.integer = integer
    }

    /// The number at a node of a rule file.
    init(_ node: YAMLNode) throws(DocumentError) {
        if case .int(let value) = try node.scalar().resolved {
            self.init(value)
        } else {
            self.init(try node.number())
        }
    }

    /// The number that a text writes in the one usual way, `443` or `-1.5`. `0443`, `+1` and `1e3` are only texts: an id such as
    /// `0e12` must not equal 0.
    init?(plain text: String) {
        let bytes = Array(text.utf8)
        guard let value = bytes.withUnsafeBytes({ Self.plain($0) }) else { return nil }
        if let integer = Int64(text), String(integer) == text {
            self.init(integer)
        } else if text.utf8.contains(UInt8(ascii: ".")) {
            self.init(value)
        } else {
            return nil
        }
    }

    /// The value of a text of the same form, without allocating.
    static func plain(_ text: UnsafeRawBufferPointer) -> Double? {
        var i = 0
        if i < text.count, text[i] == UInt8(ascii: "-") { i += 1 }
        let whole = i
        while i < text.count, text[i] &- 0x30 <= 9 { i += 1 }
        guard i > whole, text[whole] != 0x30 || i == whole + 1 else { return nil }
        if i < text.count {
            guard text[i] == UInt8(ascii: "."), i + 1 < text.count else { return nil }
            i += 1
            while i < text.count, text[i] &- 0x30 <= 9 { i += 1 }
            guard i == text.count else { return nil }
        }
        return ASCII.number(text)
    }

    /// Whether a slot that holds a number holds this one.
    @inline(__always)
    func equals(_ slot: Slot) -> Bool {
        if slot.kind == .int, let integer { return slot.int == integer }
        return slot.kind == .int ? Double(slot.int) == value : slot.double == value
    }
}
