// SPDX-License-Identifier: Apache-2.0

extension EventWalk {
    /// The scalar that starts at `position` and ends before the next structural character.
    @inline(__always)
    mutating func scalar(_ position: Int, _ first: UInt8) -> Slot? {
        var end = Int(offsets[i &+ 1])
        while Self.isSpace(text[end &- 1]) { end &-= 1 }
        if first == UInt8(ascii: "\"") {
            // Anything between the closing quote and the next structural character would be one itself.
            guard end &- position >= 2 else {
                _ = fail(.structure)
                return nil
            }
            let content = UnsafeRawBufferPointer(start: text + position + 1, count: end &- position &- 2)
            return scratch == nil ? .string(content) : unescaped(content)
        }
        return plainScalar(UnsafeRawBufferPointer(start: text + position, count: end &- position), first)
    }

    @inline(__always)
    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    @inline(never)
    private mutating func unescaped(_ content: UnsafeRawBufferPointer) -> Slot? {
        guard let target = scratch, let first = content.firstIndex(of: UInt8(ascii: "\\")) else {
            return .string(content)
        }
        guard let written = JSONEscapes.decode(content, firstEscape: first, into: target) else {
            _ = fail(.escape)
            return nil
        }
        scratch = target + written
        return .string(UnsafeRawBufferPointer(start: target, count: written))
    }

    private mutating func plainScalar(_ bytes: UnsafeRawBufferPointer, _ first: UInt8) -> Slot? {
        if let slot = Self.word(bytes, first) { return slot }
        switch first {
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): _ = fail(.number)
        case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ":"), UInt8(ascii: ","): _ = fail(.structure)
        default: _ = fail(.literal)
        }
        return nil
    }

    /// A number, `true`, `false` or `null`; nil for what is none of them.
    @inline(__always)
    static func word(_ bytes: UnsafeRawBufferPointer, _ first: UInt8) -> Slot? {
        if first &- 0x30 <= 9 || first == UInt8(ascii: "-") { return JSONNumber.read(bytes) }
        return name(bytes, first)
    }

    @inline(never)
    private static func name(_ bytes: UnsafeRawBufferPointer, _ first: UInt8) -> Slot? {
        switch first {
        case UInt8(ascii: "t"):
            if bytes.count == 4, bytes[1] == 0x72, bytes[2] == 0x75, bytes[3] == 0x65 { return .bool(true) }
        case UInt8(ascii: "f"):
            if bytes.count == 5, bytes[1] == 0x61, bytes[2] == 0x6C, bytes[3] == 0x73, bytes[4] == 0x65 {
                return .bool(false)
            }
        case UInt8(ascii: "n"):
            if bytes.count == 4, bytes[1] == 0x75, bytes[2] == 0x6C, bytes[3] == 0x6C { return .null }
        default: break
        }
        return nil
    }
}
