// SPDX-License-Identifier: Apache-2.0

/// The escapes of JSON strings (RFC 8259, section 7).
enum JSONEscapes {
    /// Writes the string without its escapes; the target needs as many bytes as the source has.
    /// Returns the bytes written, nil for an escape that does not exist or half a surrogate pair.
    static func decode(
        _ source: UnsafeRawBufferPointer, firstEscape: Int, into target: UnsafeMutablePointer<UInt8>
    ) -> Int? {
        var from = firstEscape
        for index in 0..<firstEscape { target[index] = source[index] }
        var to = firstEscape
        while from < source.count {
            let byte = source[from]
            from += 1
            guard byte == UInt8(ascii: "\\") else {
                target[to] = byte
                to += 1
                continue
            }
            guard from < source.count else { return nil }
            let escape = source[from]
            from += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): target[to] = escape
            case UInt8(ascii: "b"): target[to] = 0x08
            case UInt8(ascii: "f"): target[to] = 0x0C
            case UInt8(ascii: "n"): target[to] = 0x0A
            case UInt8(ascii: "r"): target[to] = 0x0D
            case UInt8(ascii: "t"): target[to] = 0x09
            case UInt8(ascii: "u"):
                guard var scalar = hex(source, from) else { return nil }
                from += 4
                if (0xD800..<0xDC00).contains(scalar) {
                    guard from + 1 < source.count, source[from] == UInt8(ascii: "\\"),
                        source[from + 1] == UInt8(ascii: "u"), let low = hex(source, from + 2),
                        (0xDC00..<0xE000).contains(low)
                    else { return nil }
                    scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
                    from += 6
                }
                guard let unicode = Unicode.Scalar(scalar), let units = UTF8.encode(unicode) else { return nil }
                for unit in units {
                    target[to] = unit
                    to += 1
                }
                continue
            default: return nil
            }
            to += 1
        }
        return to
    }

    private static func hex(_ source: UnsafeRawBufferPointer, _ at: Int) -> UInt32? {
        guard at + 4 <= source.count else { return nil }
        var value: UInt32 = 0
        for index in at..<(at + 4) {
            let byte = source[index]
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x37
            case 0x61...0x66: digit = byte - 0x57
            default: return nil
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}
