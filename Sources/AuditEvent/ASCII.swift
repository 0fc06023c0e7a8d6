// SPDX-License-Identifier: Apache-2.0

/// Byte work that needs no `String`: case folding, comparing, numbers.
public enum ASCII {
    /// The lower-case form of an ASCII letter, any other byte as it is.
    @inlinable
    public static func lower(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    /// Eight bytes at once, each ASCII letter lowered.
    @inlinable
    public static func lower(_ word: UInt64) -> UInt64 {
        let heptets = word & 0x7F7F_7F7F_7F7F_7F7F
        let aboveZ = heptets &+ 0x2525_2525_2525_2525  // high bit where byte > 'Z'
        let fromA = heptets &+ 0x3F3F_3F3F_3F3F_3F3F  // high bit where byte >= 'A'
        let upper = (fromA & ~aboveZ) & ~word & 0x8080_8080_8080_8080
        return word | (upper >> 2)
    }

    /// Whether `count` bytes are equal as they are.
    @inlinable
    public static func equal(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, count: Int) -> Bool {
        compare(a, b, count: count) { $0 }
    }

    /// Whether `count` bytes are equal when ASCII letters of `a` are lowered; `lowered` is lower case already.
    @inlinable
    public static func equalFolding(_ a: UnsafeRawPointer, _ lowered: UnsafeRawPointer, count: Int) -> Bool {
        compare(a, lowered, count: count) { lower($0) }
    }

    /// Eight bytes at once; the last ones overlap those before them, so that there is no loop over single bytes.
    @inlinable @inline(__always)
    static func compare(
        _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, count: Int, _ fold: (UInt64) -> UInt64
    ) -> Bool {
        if count < 8 { return fold(short(a, count)) == short(b, count) }
        var i = 0
        while i &+ 8 < count {
            if fold(a.loadUnaligned(fromByteOffset: i, as: UInt64.self))
                != b.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            {
                return false
            }
            i &+= 8
        }
        i = count &- 8
        return fold(a.loadUnaligned(fromByteOffset: i, as: UInt64.self))
            == b.loadUnaligned(fromByteOffset: i, as: UInt64.self)
    }

    /// Up to seven bytes as one word, different for different texts of one length.
    @inlinable @inline(__always)
    public static func short(_ start: UnsafeRawPointer, _ count: Int) -> UInt64 {
        if count >= 4 {
            return UInt64(start.loadUnaligned(as: UInt32.self))
                | UInt64(start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)) &<< 32
        }
        if count == 0 { return 0 }
        return UInt64(start.load(as: UInt8.self))
            | UInt64(start.load(fromByteOffset: count &>> 1, as: UInt8.self)) &<< 8
            | UInt64(start.load(fromByteOffset: count &- 1, as: UInt8.self)) &<< 16
    }

    /// A plain decimal integer (leading zeros allowed) that fits 64 bits; nil for anything else.
    package static func integer(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return nil }
        let negative = start.load(as: UInt8.self) == 0x2D
        let first = negative ? 1 : 0
        guard case let digits = bytes.count - first, digits >= 1, digits <= 19 else { return nil }
        var value: UInt64 = 0  // 19 digits always fit
        for i in first..<bytes.count {
            let digit = start.load(fromByteOffset: i, as: UInt8.self) &- 0x30
            if digit > 9 { return nil }
            value = value &* 10 &+ UInt64(digit)
        }
        if negative { return value <= Int64.min.magnitude ? Int64(truncatingIfNeeded: 0 &- value) : nil }
        return Int64(exactly: value)
    }

    /// A decimal number, with fraction and exponent (leading zeros allowed); nil for anything else.
    @usableFromInline
    package static func number(_ bytes: UnsafeRawBufferPointer) -> Double? {
        if let value = integer(bytes) { return Double(value) }
        guard bytes.count > 0, bytes.count <= 64, JSONNumber.isNumber(bytes, leadingZeros: true) else { return nil }
        return JSONNumber.double(bytes)
    }

    /// Calls `body` with the decimal digits of a number, from the stack.
    @inlinable @inline(__always)
    public static func withDecimal<R>(_ value: Int64, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        withUnsafeTemporaryAllocation(byteCount: 24, alignment: 8) { buffer in
            var position = 24
            var rest = value.magnitude
            repeat {
                position &-= 1
                buffer[position] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
                rest /= 10
            } while rest != 0
            if value < 0 {
                position &-= 1
                buffer[position] = 0x2D
            }
            return body(UnsafeRawBufferPointer(rebasing: buffer[position...]))
        }
    }

    @inlinable @inline(__always)
    static func withStatic<R>(_ text: StaticString, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        body(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}

/// A 64-bit hash of bytes that is the same in every process and on every run, for tables and for values that are stored.
/// (The mixing step of wyhash, https://github.com/wangyi-fudan/wyhash, public domain.)
@inlinable
public func stableHash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0x9E37_79B9_7F4A_7C15) -> UInt64 {
    // An empty buffer may or may not have an address; both are the same text.
    guard let start = bytes.baseAddress, bytes.count > 0 else { return mix(seed, 0xE703_7ED1_A0B4_28DB) }
    let count = bytes.count
    var hash = seed ^ UInt64(truncatingIfNeeded: count)
    var i = 0
    while i &+ 8 <= count {
        hash = mix(hash ^ start.loadUnaligned(fromByteOffset: i, as: UInt64.self), 0xA076_1D64_78BD_642F)
        i &+= 8
    }
    if i < count {
        // The rest, the first byte highest; of a longer text these are the low bytes of its last eight.
        var tail: UInt64 = 0
        if count >= 8 {
            let last = start.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
            tail = UInt64(bigEndian: last) & (1 << UInt64(8 &* (count &- i)) &- 1)
        } else if count >= 4 {
            // Halves that may overlap.
            let first = UInt64(UInt32(bigEndian: start.loadUnaligned(as: UInt32.self)))
            let last = UInt64(UInt32(bigEndian: start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)))
            tail = first &<< UInt64(8 &* (count &- 4)) | last
        } else {
            while i < count {
                tail = tail << 8 | UInt64(start.load(fromByteOffset: i, as: UInt8.self))
                i &+= 1
            }
        }
        hash = mix(hash ^ tail, 0xE703_7ED1_A0B4_28DB)
    }
    return mix(hash, 0x8EBC_6AF0_9C88_C6E3)
}

/// One step of the hash: the halves of the 128-bit product, folded.
@inlinable
public func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
}
