// SPDX-License-Identifier: Apache-2.0

/// An immutable set of byte strings with a number each, for lookups that allocate nothing: keys of objects, values of
/// a mapping, identities. Confined to the thread of its owner (it owns raw memory, and remembers what was asked last).
package final class ByteTable {
    private struct Cell {
        var hash: UInt64
        var start: UInt32
        var length: UInt32
        /// -1 marks an empty cell.
        var value: Int32
    }

    /// A short key that was asked for, whole, and what was found: values come again and again.
    private struct Recent {
        /// Up to 16 bytes: the first eight and the last eight, which may be the same in part; the same again of those behind 16.
        var a: UInt64 = 0
        var b: UInt64 = 0
        var c: UInt64 = 0
        var d: UInt64 = 0
        /// 0: nothing yet.
        var length: Int32 = 0
        var value: Int32 = -1
    }

    private let cells: UnsafeMutablePointer<Cell>
    private let mask: Int
    private let recent: UnsafeMutablePointer<Recent>
    private let recentMask: Int
    private let bytes: UnsafeMutableRawPointer
    private let folds: Bool
    /// How many entries there are.
    package private(set) var count = 0

    /// - Parameter foldingCase: ASCII letters compare without case.
    package init(_ entries: [(key: [UInt8], value: Int32)], foldingCase: Bool = false) {
        var capacity = 4
        while capacity < entries.count * 2 { capacity *= 2 }
        mask = capacity - 1
        let recentCount = min(max(capacity, 32), 1024)
        recent = .allocate(capacity: recentCount)
        recent.initialize(repeating: Recent(), count: recentCount)
        recentMask = recentCount - 1
        folds = foldingCase
        cells = .allocate(capacity: capacity)
        cells.initialize(repeating: Cell(hash: 0, start: 0, length: 0, value: -1), count: capacity)
        bytes = .allocate(byteCount: max(1, entries.reduce(0) { $0 + $1.key.count }), alignment: 8)
        var end = 0
        for (key, value) in entries {
            let key = foldingCase ? key.map { ASCII.lower($0) } : key
            let hash = key.withUnsafeBytes { foldingCase ? Self.foldedHash($0) : stableHash($0) }
            var i = Int(truncatingIfNeeded: hash) & mask
            var known = false
            while cells[i].value >= 0 {
                let cell = cells[i]
                if cell.hash == hash, cell.length == UInt32(key.count),
                    key.withUnsafeBytes({ keyBytes in
                        keyBytes.baseAddress.map {
                            ASCII.equal($0, bytes + Int(cell.start), count: key.count)
                        } ?? true
                    })
                {
                    known = true
                    break
                }
                i = (i + 1) & mask
            }
            if known { continue }
            cells[i] = Cell(hash: hash, start: UInt32(end), length: UInt32(key.count), value: value)
            key.withUnsafeBytes {
                (bytes + end).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(bytes), byteCount: key.count)
            }
            end += key.count
            count += 1
        }
    }

    deinit {
        cells.deallocate()
        recent.deallocate()
        bytes.deallocate()
    }

    /// The number of a key, -1 where it is unknown.
    package func find(_ key: UnsafeRawBufferPointer) -> Int32 {
        let length = key.count
        guard length > 0, length <= 32, let start = key.baseAddress else { return search(key) }
        var asked = Recent(length: Int32(truncatingIfNeeded: length))
        if length < 8 {
            asked.a = ASCII.short(start, length)
        } else {
            asked.a = start.loadUnaligned(as: UInt64.self)
            asked.b = start.loadUnaligned(fromByteOffset: length &- 8, as: UInt64.self)
            if length > 16 {
                asked.c = start.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                asked.d = start.loadUnaligned(fromByteOffset: length &- 16, as: UInt64.self)
            }
        }
        // Every bit counts: names differ in their last bytes.
        let mixed = mix(asked.a ^ 0xA076_1D64_78BD_642F, asked.b ^ asked.d ^ 0xE703_7ED1_A0B4_28DB)
        let known = recent + (Int(truncatingIfNeeded: mixed) & recentMask)
        if known.pointee.a == asked.a, known.pointee.b == asked.b, known.pointee.c == asked.c,
            known.pointee.d == asked.d, known.pointee.length == asked.length
        {
            return known.pointee.value
        }
        asked.value = search(key)
        known.pointee = asked
        return asked.value
    }

    @inline(never)
    private func search(_ key: UnsafeRawBufferPointer) -> Int32 {
        let hash = folds ? Self.foldedHash(key) : stableHash(key)
        var i = Int(truncatingIfNeeded: hash) & mask
        while true {
            let cell = cells[i]
            if cell.value < 0 { return -1 }
            if cell.hash == hash, cell.length == UInt32(truncatingIfNeeded: key.count) {
                guard let start = key.baseAddress, key.count > 0 else { return cell.value }
                let stored = UnsafeRawPointer(bytes) + Int(cell.start)
                if folds
                    ? ASCII.equalFolding(start, stored, count: key.count)
                    : ASCII.equal(start, stored, count: key.count)
                {
                    return cell.value
                }
            }
            i = (i + 1) & mask
        }
    }

    private static func foldedHash(_ key: UnsafeRawBufferPointer) -> UInt64 {
        guard let start = key.baseAddress, key.count > 0 else { return stableHash(key) }
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: key.count)
        if key.count < 8 { return mix(hash ^ ASCII.lower(ASCII.short(start, key.count)), 0xE703_7ED1_A0B4_28DB) }
        var i = 0
        while i &+ 8 < key.count {
            hash = mix(
                hash ^ ASCII.lower(start.loadUnaligned(fromByteOffset: i, as: UInt64.self)), 0xA076_1D64_78BD_642F)
            i &+= 8
        }
        let last = ASCII.lower(start.loadUnaligned(fromByteOffset: key.count &- 8, as: UInt64.self))
        return mix(hash ^ last, 0xE703_7ED1_A0B4_28DB)
    }
}
