// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// The group keys of one list of fields, each stored once and numbered; all correlations with the same `group-by` share
/// them. A key lives as long as some state holds it. For one thread.
///
/// Bytes per key: 24, its text in a slab (`ByteSlab`), and 8 to 16 of the table; at most 32 kB for all.
final class KeySpace {
    private struct Key {
        var bytes: UnsafeMutableRawPointer?
        var hash: UInt64
        var count: UInt32
        var holders: UInt32
    }

    /// A key by the hash of its values.
    private struct Known {
        var hash: UInt64 = 0
        var id: Int32 = -1
    }

    private static let maximumKnown = 2048

    /// The fields whose values make the key.
    let fields: [String]
    @exclusivity(unchecked) private var keys: UnsafeMutablePointer<Key>
    private(set) var capacity = 64
    @exclusivity(unchecked) private var used = 0
    @exclusivity(unchecked) private var free: [Int32] = []
    /// The key that was asked for last.
    @exclusivity(unchecked) private var latest: Int32 = 0
    /// Keys that were asked for by the hash of their values (`ValueHash`): one that is found need not be written down.
    @exclusivity(unchecked) private var known: UnsafeMutablePointer<Known>
    @exclusivity(unchecked) private var knownMask = 0
    @exclusivity(unchecked) private var table: UnsafeMutablePointer<Int32>
    @exclusivity(unchecked) private var mask = 127
    @exclusivity(unchecked) private var slab = ByteSlab()
    private let seed: UInt64
    /// Keys that some state holds.
    @exclusivity(unchecked) private(set) var live = 0
    /// Bytes of the keys and their table.
    var bytes: Int {
        capacity * MemoryLayout<Key>.stride + (mask + 1) * 4 + slab.bytes + (knownMask + 1) * MemoryLayout<Known>.stride
    }

    init(fields: [String]) {
        self.fields = fields
        keys = .allocate(capacity: capacity)
        table = .allocate(capacity: mask + 1)
        table.initialize(repeating: -1, count: mask + 1)
        // Group values come from outside: with a seed nobody knows, no one can aim at one chain of this table.
        seed = UInt64.random(in: .min ... .max)
        known = .allocate(capacity: 1)
        known.initialize(to: Known())
        forgetKnown()
    }

    /// Makes the table of `known` anew, as large as that of all keys or as it may be.
    private func forgetKnown() {
        let count = min(mask + 1, Self.maximumKnown)
        known.deallocate()
        known = .allocate(capacity: count)
        known.initialize(repeating: Known(), count: count)
        knownMask = count - 1
    }

    deinit {
        for i in 0..<used { keys[i].bytes.map { slab.free($0, Int(keys[i].count)) } }
        slab.deallocate()
        keys.deallocate()
        table.deallocate()
        known.deallocate()
    }

    /// The key whose values have this hash, when it was asked for before; -1 otherwise.
    @inline(__always)
    func known(_ hash: UInt64) -> Int32 {
        let entry = known + (Int(truncatingIfNeeded: hash) & knownMask)
        return entry.pointee.hash == hash ? entry.pointee.id : -1
    }

    /// Notes the hash of a key's values.
    func note(_ hash: UInt64, _ id: Int32) {
        known[Int(truncatingIfNeeded: hash) & knownMask] = Known(hash: hash, id: id)
    }

    /// The number of a key, which stays valid while someone holds it; a new key has no holder yet.
    func intern(_ key: UnsafeRawBufferPointer) -> Int32 {
        // Many rules ask for the same key of one event.
        if isKey(latest, key) { return latest }
        latest = find(key)
        return latest
    }

    /// The same for keys that come sorted, as stored rows do: the next one is mostly the one that was numbered next, and need not
    /// be looked for all over the table.
    func internNext(_ key: UnsafeRawBufferPointer) -> Int32 {
        if isKey(latest &+ 1, key) {
            latest &+= 1
            return latest
        }
        return intern(key)
    }

    @inline(__always)
    private func isKey(_ id: Int32, _ key: UnsafeRawBufferPointer) -> Bool {
        guard Int(id) < used, case let known = keys + Int(id), let stored = known.pointee.bytes,
            Int(known.pointee.count) == key.count
        else { return false }
        return key.count == 0 || ASCII.equal(stored, key.baseAddress ?? UnsafeRawPointer(stored), count: key.count)
    }

    private func find(_ key: UnsafeRawBufferPointer) -> Int32 {
        let hash = stableHash(key, seed: seed)
        var i = Int(truncatingIfNeeded: hash) & mask
        while case let id = table[i], id >= 0 {
            let known = keys + Int(id)
            if known.pointee.hash == hash, isKey(id, key) { return id }
            i = (i &+ 1) & mask
        }
        return add(key, hash, at: i)
    }

    private func add(_ key: UnsafeRawBufferPointer, _ hash: UInt64, at place: Int) -> Int32 {
        let id = take()
        let copy = slab.take(key.count)
        if let start = key.baseAddress { copy.copyMemory(from: start, byteCount: key.count) }
        keys[Int(id)] = Key(bytes: copy, hash: hash, count: UInt32(key.count), holders: 0)
        table[place] = id
        live += 1
        if live * 2 > mask { grow() }
        return id
    }

    func hold(_ id: Int32) {
        keys[Int(id)].holders += 1
    }

    /// Lets go of a key; the last holder frees it.
    func release(_ id: Int32) {
        keys[Int(id)].holders -= 1
        if keys[Int(id)].holders == 0 { remove(id) }
    }

    /// One more than the highest number that a key has had.
    var highest: Int { used }

    /// Room for more than so many, a multiple of 64. Large slabs grow by little: their pages are moved, not copied, and what is not
    /// in use yet should not weigh.
    static func larger(_ count: Int) -> Int {
        let more = count < 4096 ? count : count < 65_536 ? count / 4 : count / 16
        return (count + max(more, 64) + 63) / 64 * 64
    }

    /// Frees a key that was interned and then not held.
    func dropIfUnheld(_ id: Int32) {
        if keys[Int(id)].holders == 0 { remove(id) }
    }

    /// The bytes of a key, where they are until it goes.
    func bytes(of id: Int32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: keys[Int(id)].bytes, count: Int(keys[Int(id)].count))
    }

    private func take() -> Int32 {
        if let id = free.popLast() { return id }
        if used == capacity {
            let room = Self.larger(capacity)
            keys = keys.grown(used, to: room)
            capacity = room
        }
        used += 1
        return Int32(used - 1)
    }

    private func grow() {
        table.deallocate()
        mask = mask * 2 + 1
        table = .allocate(capacity: mask + 1)
        table.initialize(repeating: -1, count: mask + 1)
        if knownMask < mask, knownMask + 1 < Self.maximumKnown { forgetKnown() }
        for id in 0..<used where keys[id].bytes != nil {
            var i = Int(truncatingIfNeeded: keys[id].hash) & mask
            while table[i] >= 0 { i = (i + 1) & mask }
            table[i] = Int32(id)
        }
    }

    /// Removes a key and closes the gap in its chain (linear probing without tombstones).
    private func remove(_ id: Int32) {
        let hash = GroupKey.hash(bytes(of: id))
        if known(hash) == id { note(hash, -1) }
        var hole = Int(truncatingIfNeeded: keys[Int(id)].hash) & mask
        while table[hole] != id { hole = (hole + 1) & mask }
        table[hole] = -1
        var i = (hole + 1) & mask
        while table[i] >= 0 {
            let home = Int(truncatingIfNeeded: keys[Int(table[i])].hash) & mask
            if (i - home) & mask >= (i - hole) & mask {
                table[hole] = table[i]
                table[i] = -1
                hole = i
            }
            i = (i + 1) & mask
        }
        keys[Int(id)].bytes.map { slab.free($0, Int(keys[Int(id)].count)) }
        keys[Int(id)].bytes = nil
        live -= 1
        if live == 0, capacity > 1024 { reset() } else { free.append(id) }
    }

    /// Nobody holds a key: gives the memory of a burst of keys back.
    private func reset() {
        keys.deallocate()
        table.deallocate()
        slab.deallocate()
        slab = ByteSlab()
        capacity = 64
        mask = 127
        used = 0
        free = []
        keys = .allocate(capacity: capacity)
        table = .allocate(capacity: mask + 1)
        table.initialize(repeating: -1, count: mask + 1)
        forgetKnown()
    }
}

/// A hash of the values of several fields.
struct ValueHash {
    /// Values come from outside: with a seed nobody knows, no one can make two of them alike.
    static let seed = UInt64.random(in: .min ... .max)

    static let none = ValueHash(bits: 0)

    private(set) var bits: UInt64

    /// Adds the hash of one value's text, made with `seed`.
    @inline(__always)
    mutating func add(_ value: UInt64) {
        bits = (bits ^ value) &* 0x9E37_79B9_7F4A_7C15
        bits ^= bits &>> 29
    }
}

/// Builds and reads the bytes of group keys: per field the length of its text and the text. One is made once and used for many
/// events; it allocates only for a key that is longer than all before. For one thread.
final class GroupKey {
    /// A longer value is cut here, in bytes, and its hash added, so that no event can fill memory with keys.
    static let maximumValue = 512
    /// `#` and 16 digits. What was cut once is not cut again when it goes on to the key of another correlation.
    private static let hashLength = 17

    @exclusivity(unchecked) private var bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 8)
    @exclusivity(unchecked) private var count = 0

    deinit {
        bytes.deallocate()
    }

    func clear() {
        count = 0
    }

    /// Adds the text of a value. False when it has none: such an event belongs to no group.
    func add(_ slot: Slot) -> Bool {
        slot.withText { add($0) } ?? false
    }

    func add(_ text: UnsafeRawBufferPointer) -> Bool {
        if text.count > Self.maximumValue + Self.hashLength {
            let digits = String(stableHash(text), radix: 16)
            let hash = "#" + String(repeating: "0", count: Self.hashLength - 1 - digits.utf8.count) + digits
            append(length: Self.maximumValue + Self.hashLength)
            append(UnsafeRawBufferPointer(rebasing: text[..<Self.maximumValue]))
            for byte in hash.utf8 {
                bytes[count] = byte
                count += 1
            }
        } else {
            append(length: text.count)
            append(text)
        }
        return true
    }

    /// Makes room for a value of `length` bytes and writes the length.
    private func append(length: Int) {
        if count + length + 2 > bytes.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: (count + length + 2) * 2, alignment: 8)
            larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            bytes.deallocate()
            bytes = larger
        }
        bytes[count] = UInt8(truncatingIfNeeded: length)
        bytes[count + 1] = UInt8(truncatingIfNeeded: length >> 8)
        count += 2
    }

    private func append(_ text: UnsafeRawBufferPointer) {
        if let start = text.baseAddress, let end = bytes.baseAddress {
            (end + count).copyMemory(from: start, byteCount: text.count)
        }
        count += text.count
    }

    func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        body(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    }

    /// The hash of a key's values, as `ValueHash` has it of an event.
    static func hash(_ key: UnsafeRawBufferPointer) -> UInt64 {
        var hash = ValueHash.none
        var position = 0
        while position + 2 <= key.count {
            let end = position + 2 + (Int(key[position]) | Int(key[position + 1]) << 8)
            guard end <= key.count else { break }
            hash.add(stableHash(UnsafeRawBufferPointer(rebasing: key[(position + 2)..<end]), seed: ValueHash.seed))
            position = end
        }
        return hash.bits
    }

    /// The bytes of each value of a key, in the order of its fields.
    static func values(_ key: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer] {
        var values: [UnsafeRawBufferPointer] = []
        var position = 0
        while position + 2 <= key.count {
            let length = Int(key[position]) | Int(key[position + 1]) << 8
            position += 2
            guard position + length <= key.count else { break }
            values.append(UnsafeRawBufferPointer(rebasing: key[position..<(position + length)]))
            position += length
        }
        return values
    }
}
