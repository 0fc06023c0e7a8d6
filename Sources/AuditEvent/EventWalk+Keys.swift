// SPDX-License-Identifier: Apache-2.0

/// Finding a key among the children of a node. The functions are static because a method that only reads would be given a
/// copy of the whole walk, for each key.
extension EventWalk {
    /// The child under a key, -1 where no path goes through it. `end` is the end of the text.
    @inline(__always)
    static func lookup(
        _ table: UnsafePointer<FieldTrie.Cell>, _ mask: Int, _ keys: UnsafePointer<UInt8>, _ key: UnsafeRawPointer,
        _ keyLength: Int, end: UnsafeRawPointer
    ) -> Int {
        if keyLength >= 8 {
            return probe(
                table, mask, keys, key, keyLength, head: key.loadUnaligned(as: UInt64.self),
                tail: key.loadUnaligned(fromByteOffset: keyLength &- 8, as: UInt64.self))
        }
        // A key is followed by `":`, a value and `}`, so only a short key at the very end has less than eight bytes.
        guard end - key >= 8 else { return lookupShort(table, mask, keys, key, keyLength) }
        let head = key.loadUnaligned(as: UInt64.self) & ~(UInt64.max &<< UInt64(8 &* keyLength))
        return probe(table, mask, keys, key, keyLength, head: head, tail: 0)
    }

    @inline(never)
    private static func lookupShort(
        _ table: UnsafePointer<FieldTrie.Cell>, _ mask: Int, _ keys: UnsafePointer<UInt8>, _ key: UnsafeRawPointer,
        _ keyLength: Int
    ) -> Int {
        let (head, tail) = FieldTrie.ends(UnsafeRawBufferPointer(start: key, count: keyLength))
        return probe(table, mask, keys, key, keyLength, head: head, tail: tail)
    }

    @inline(__always)
    private static func probe(
        _ table: UnsafePointer<FieldTrie.Cell>, _ mask: Int, _ keys: UnsafePointer<UInt8>, _ key: UnsafeRawPointer,
        _ keyLength: Int, head: UInt64, tail: UInt64
    ) -> Int {
        var at = Int(truncatingIfNeeded: FieldTrie.hash(head, tail, keyLength)) & mask
        while true {
            let cell = table + at
            let node = Int(cell.pointee.node)
            if node < 0 { return -1 }
            if cell.pointee.head == head, cell.pointee.tail == tail, Int(cell.pointee.length) == keyLength,
                keyLength <= 16 || isSame(key, keys + Int(cell.pointee.key), keyLength)
            {
                return node
            }
            at = (at &+ 1) & mask
        }
    }

    @inline(never)
    private static func isSame(_ key: UnsafeRawPointer, _ known: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        ASCII.equal(key, known, count: count)
    }

    /// The same in a text that holds escapes: a key written with them (`"\u0061pi"`) is `api` to every other reader, so it
    /// must be to us. -2 for an escape that does not exist.
    @inline(never)
    mutating func lookupEscaped(
        _ table: UnsafePointer<FieldTrie.Cell>, _ mask: Int, _ key: UnsafePointer<UInt8>, _ keyLength: Int
    ) -> Int {
        let bytes = UnsafeRawBufferPointer(start: key, count: keyLength)
        guard let target = scratch, let first = bytes.firstIndex(of: UInt8(ascii: "\\")) else {
            return Self.lookup(table, mask, keys, key, keyLength, end: text + length)
        }
        guard let written = JSONEscapes.decode(bytes, firstEscape: first, into: target) else { return -2 }
        scratch = target + written
        return Self.lookupShort(table, mask, keys, target, written)
    }
}
