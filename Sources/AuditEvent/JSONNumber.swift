// SPDX-License-Identifier: Apache-2.0

import CSimdJSON

/// Numbers of JSON (RFC 8259, section 6).
enum JSONNumber {
    /// The longest number that is read, in bytes.
    static let maximumBytes = 512

    /// A whole number that fits 64 bits as an int, any other number as a double; nil for what is no number or is too large
    /// for a double.
    @inline(__always)
    static func read(_ bytes: UnsafeRawBufferPointer) -> Slot? {
        guard let start = bytes.baseAddress else { return nil }
        let count = bytes.count
        var i = start.load(as: UInt8.self) == 0x2D ? 1 : 0
        let negative = i == 1
        let firstDigit = i
        var value: UInt64 = 0
        while i < count, case let digit = start.load(fromByteOffset: i, as: UInt8.self) &- 0x30, digit <= 9 {
            value = value &* 10 &+ UInt64(digit)
            i &+= 1
        }
        let digits = i &- firstDigit
        guard i == count, digits > 0, digits <= 18 else { return readRare(bytes) }
        // A leading zero is no JSON.
        if digits > 1, start.load(fromByteOffset: firstDigit, as: UInt8.self) == 0x30 { return nil }
        let magnitude = Int64(truncatingIfNeeded: value)
        return .int(negative ? 0 &- magnitude : magnitude)
    }

    /// The whole number of at most 16 digits, without a sign, that stands in `text` from `start` to `end`: most numbers. Nil for any
    /// other value, valid or not. Eight digits at once (Lemire, "Quickly parsing eight digits", 2018).
    @inline(__always)
    static func short(_ text: UnsafeRawPointer, from start: Int, to end: Int) -> Int64? {
        let digits = end &- start
        guard digits > 0, digits <= 16, end >= 16 else { return nil }
        // A leading zero is no JSON.
        if digits > 1, text.load(fromByteOffset: start, as: UInt8.self) == 0x30 { return nil }
        let last = eight(text.loadUnaligned(fromByteOffset: end &- 8, as: UInt64.self), of: min(digits, 8))
        if digits <= 8 { return last < 0 ? nil : last }
        let first = eight(text.loadUnaligned(fromByteOffset: end &- 16, as: UInt64.self), of: digits &- 8)
        return last | first < 0 ? nil : first &* 100_000_000 &+ last
    }

    /// What the last `count` (1 to 8) of eight digits say; -1 when one of these is none.
    @inline(__always)
    private static func eight(_ text: UInt64, of count: Int) -> Int64 {
        let shift = UInt64(truncatingIfNeeded: 64 &- 8 &* count)
        // The bytes before are zeros.
        let values = (text &>> shift ^ 0x3030_3030_3030_3030 &>> shift) &<< shift
        guard (values &+ 0x0606_0606_0606_0606 | values) & 0xF0F0_F0F0_F0F0_F0F0 == 0 else { return -1 }
        let pairs = values &* 10 &+ values &>> 8
        let low = (pairs & 0x0000_00FF_0000_00FF) &* (100 &+ 1_000_000 &<< 32)
        let high = (pairs &>> 16 & 0x0000_00FF_0000_00FF) &* (1 &+ 10_000 &<< 32)
        return Int64(truncatingIfNeeded: (low &+ high) &>> 32)
    }

    @inline(never)
    private static func readRare(_ bytes: UnsafeRawBufferPointer) -> Slot? {
        guard isNumber(bytes, leadingZeros: false) else { return nil }
        if let value = ASCII.integer(bytes) { return .int(value) }
        return double(bytes).map { .double($0) }
    }

    /// The value of a number that `isNumber` accepts; nil when it is too large for a double.
    static func double(_ bytes: UnsafeRawBufferPointer) -> Double? {
        guard let start = bytes.baseAddress, bytes.count <= maximumBytes else { return nil }
        var value = 0.0
        guard gw_json_double(start.assumingMemoryBound(to: CChar.self), bytes.count, &value) == 0 else { return nil }
        return value.isFinite ? value : nil
    }

    /// Whether the bytes are a number by JSON's grammar, or with leading zeros allowed.
    static func isNumber(_ bytes: UnsafeRawBufferPointer, leadingZeros: Bool) -> Bool {
        var i = 0
        func digits() -> Int {
            let first = i
            while i < bytes.count, bytes[i] &- 0x30 <= 9 { i += 1 }
            return i - first
        }
        if i < bytes.count, bytes[i] == 0x2D { i += 1 }
        let first = i
        let whole = digits()
        if whole == 0 || whole > 1 && bytes[first] == 0x30 && !leadingZeros { return false }
        if i < bytes.count, bytes[i] == 0x2E {
            i += 1
            if digits() == 0 { return false }
        }
        if i < bytes.count, bytes[i] | 0x20 == 0x65 {
            i += 1
            if i < bytes.count, bytes[i] == 0x2B || bytes[i] == 0x2D { i += 1 }
            if digits() == 0 { return false }
        }
        return i == bytes.count
    }
}
