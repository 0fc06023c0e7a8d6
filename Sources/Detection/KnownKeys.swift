// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import CPrefetch

/// A hash of the values of several fields.
struct ValueHash {
    /// Values come from outside: with a seed nobody knows, no one can make two of them alike.
    static let seed = UInt64.random(in: .min ... .max)

    static let none = ValueHash(bits: 0)

    private(set) var bits: UInt64

    /// The hash of one value's text.
    @inline(__always)
    static func of(_ text: UnsafeRawBufferPointer, _ seed: UInt64) -> UInt64 {
        let count = text.count
        guard count > 0, count <= 32, let start = text.baseAddress else { return stableHash(text, seed: seed) }
        // Most names are so short: then these are all of their bytes.
        let length = UInt64(truncatingIfNeeded: count)
        if count < 8 {
            return mix(ASCII.short(start, count) ^ seed, 0xE703_7ED1_A0B4_28DB ^ length)
        }
        let first = start.loadUnaligned(as: UInt64.self)
        let last = start.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        var hash = mix(first ^ seed, 0xA076_1D64_78BD_642F)
        if count > 16 {
            let second = start.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            let third = start.loadUnaligned(fromByteOffset: count &- 16, as: UInt64.self)
            hash = mix(mix(hash ^ second, 0xA076_1D64_78BD_642F) ^ third, 0x8EBC_6AF0_9C88_C6E3)
        }
        return mix(hash ^ last, 0xE703_7ED1_A0B4_28DB ^ length)
    }

    /// Adds the hash of one value's text, made with `seed`.
    @inline(__always)
    mutating func add(_ value: UInt64) {
        bits = (bits ^ value) &* 0x9E37_79B9_7F4A_7C15
        bits ^= bits &>> 29
    }
}

/// The numbers of some keys of a key space by the hash of their values: an event whose key was asked for before need not write
/// it down. At most 2,048, 16 bytes each. The owner frees it.
struct KnownKeys {
    private struct Entry {
        var hash: UInt64 = 0
        var id: Int32 = -1
    }

    private static let maximum = 2048

    private var entries: UnsafeMutablePointer<Entry>
    private var mask: Int

    /// For a key space of so many keys.
    init(keys: Int) {
        var count = 64
        while count < keys, count < Self.maximum { count *= 2 }
        entries = .allocate(capacity: count)
        entries.initialize(repeating: Entry(), count: count)
        mask = count - 1
    }

    func deallocate() {
        entries.deallocate()
    }

    var bytes: Int { (mask + 1) * MemoryLayout<Entry>.stride }

    /// Forgets everything where there is to be room for more, or for few again.
    mutating func resize(keys: Int) {
        let other = KnownKeys(keys: keys)
        if other.mask == mask {
            other.deallocate()
        } else {
            deallocate()
            self = other
        }
    }

    /// -1 where it is not known.
    @inline(__always)
    subscript(hash: UInt64) -> Int32 {
        get {
            let entry = entries + (Int(truncatingIfNeeded: hash) & mask)
            return entry.pointee.hash == hash ? entry.pointee.id : -1
        }
        nonmutating set { entries[Int(truncatingIfNeeded: hash) & mask] = Entry(hash: hash, id: newValue) }
    }

    /// Says that a hash is about to be asked for.
    @inline(__always)
    func approach(_ hash: UInt64) {
        gw_prefetch(entries + (Int(truncatingIfNeeded: hash) & mask))
    }
}
