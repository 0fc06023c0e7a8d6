// SPDX-License-Identifier: Apache-2.0

/// Percent-decoding (RFC 3986 §2.1), once and strictly.
enum PercentDecoding {
    /// The text without its escapes; nil where an escape is not two hexadecimal digits or the outcome is not UTF-8.
    static func decode(_ text: Substring, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var iterator = text.utf8.makeIterator()
        while let byte = iterator.next() {
            if byte == UInt8(ascii: "%") {
                guard let high = iterator.next().flatMap(hex), let low = iterator.next().flatMap(hex) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Whether a decoded text would change if it were decoded once more.
    static func hasEscape(_ text: String) -> Bool {
        var digits = -1
        for byte in text.utf8 {
            if byte == UInt8(ascii: "%") {
                digits = 0
            } else if digits >= 0 {
                digits = hex(byte) == nil ? -1 : digits + 1
                if digits == 2 { return true }
            }
        }
        return false
    }

    static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
