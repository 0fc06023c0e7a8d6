// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// The group keys of one list of fields, each stored once and numbered; all correlations with the same `group-by` share
/// them. A key lives as long as some state holds it. For one thread.
///
/// Bytes per key: 12, its text in a slab (`ByteSlab`), and 10 to 12 of the table; those of `KnownKeys` for all.
final class KeySpace {
    private struct Key {
        /// Of its text in the slab; meaningless for a number that no key has.
        var place: UInt32
        /// Bytes of its text; -1 where there is no key.
        var count: Int32
        var holders: UInt32
    }

    /// Where keys stand in the table; those of one hash behind each other.
    private struct Entry {
        var hash: UInt32
        /// -1 where nothing stands.
        var id: Int32
    }

    /// The fields whose values make the key.
    let fields: [String]
    @exclusivity(unchecked) private var keys: UnsafeMutablePointer<Key>
    private(set) var capacity = 64
    @exclusivity(unchecked) private var used = 0
    @exclusivity(unchecked) private var free: [Int32] = []
    /// The key that was asked for last.
    @exclusivity(unchecked) private var latest: Int32 = 0
    /// By the hash as a share of the table's size: in order of the hashes.
    @exclusivity(unchecked) private var table: UnsafeMutablePointer<Entry>
    @exclusivity(unchecked) private var size = 128
    @exclusivity(unchecked) private var slab = ByteSlab()
    private let seed: UInt64
    @exclusivity(unchecked) private var known = KnownKeys(keys: 0)
    /// How many keys have gone.
    @exclusivity(unchecked) private(set) var removals: UInt32 = 0
    /// Keys that some state holds.
    @exclusivity(unchecked) private(set) var live = 0
    /// Bytes of the keys and their table.
    var bytes: Int {
        capacity * MemoryLayout<Key>.stride + size * MemoryLayout<Entry>.stride + slab.bytes + known.bytes
    }

    init(fields: [String]) {
        self.fields = fields
        keys = .allocate(capacity: capacity)
        table = Self.emptyTable(size)
        // Group values come from outside: with a seed nobody knows, no one can aim at one chain of this table.
        seed = UInt64.random(in: .min ... .max)
    }

    deinit {
        slab.deallocate()
        keys.deallocate()
        table.deallocate()
        known.deallocate()
    }

    /// The key whose values have this hash, when it was noted; -1 otherwise.
    @inline(__always)
    func known(_ hash: UInt64) -> Int32 { known[hash] }

    /// Notes the hash of a key's values.
    func note(_ hash: UInt64, _ id: Int32) {
        known[hash] = id
    }

    /// Says that `known` is about to be asked.
    @inline(__always)
    func approach(_ hash: UInt64) {
        known.approach(hash)
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
        guard Int(id) < used, case let known = keys[Int(id)], Int(known.count) == key.count else { return false }
        let stored = UnsafeRawPointer(slab[known.place])
        return key.count == 0 || ASCII.equal(stored, key.baseAddress ?? stored, count: key.count)
    }

    private func find(_ key: UnsafeRawBufferPointer) -> Int32 {
        let hash = UInt32(truncatingIfNeeded: stableHash(key, seed: seed) &>> 32)
        var i = home(hash)
        while case let entry = table[i], entry.id >= 0 {
            if entry.hash == hash, isKey(entry.id, key) { return entry.id }
            i = after(i)
        }
        return add(key, hash, at: i)
    }

    /// Where a hash's entry stands when there is room.
    @inline(__always)
    private func home(_ hash: UInt32) -> Int { Int((UInt64(hash) &* UInt64(size)) &>> 32) }

    @inline(__always)
    private func after(_ i: Int) -> Int { i &+ 1 == size ? 0 : i &+ 1 }

    /// The hash of a key that is there.
    private func hash(of id: Int32) -> UInt32 {
        UInt32(truncatingIfNeeded: stableHash(bytes(of: id), seed: seed) &>> 32)
    }

    private func add(_ key: UnsafeRawBufferPointer, _ hash: UInt32, at place: Int) -> Int32 {
        let id = take()
        let text = slab.take(key.count)
        if let start = key.baseAddress { slab[text].copyMemory(from: start, byteCount: key.count) }
        keys[Int(id)] = Key(place: text, count: Int32(key.count), holders: 0)
        table[place] = Entry(hash: hash, id: id)
        live += 1
        if live * 5 > size * 4 { grow() }
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
        UnsafeRawBufferPointer(start: slab[keys[Int(id)].place], count: Int(keys[Int(id)].count))
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

    private static func emptyTable(_ size: Int) -> UnsafeMutablePointer<Entry> {
        let table = UnsafeMutablePointer<Entry>.allocate(capacity: size)
        table.initialize(repeating: Entry(hash: 0, id: -1), count: size)
        return table
    }

    /// A larger table: twice as large while small, then by a quarter. Entries go from one to the other in order.
    private func grow() {
        let (old, oldSize) = (table, size)
        size = size < 4096 ? size * 2 : size + size / 4
        table = Self.emptyTable(size)
        known.resize(keys: size)
        for place in 0..<oldSize where old[place].id >= 0 {
            var i = home(old[place].hash)
            while table[i].id >= 0 { i = after(i) }
            table[i] = old[place]
        }
        old.deallocate()
    }

    /// Removes a key and closes the gap in its chain (linear probing without tombstones).
    private func remove(_ id: Int32) {
        removals &+= 1
        let values = GroupKey.hash(bytes(of: id))
        if known[values] == id { known[values] = -1 }
        var hole = home(hash(of: id))
        while table[hole].id != id { hole = after(hole) }
        var i = after(hole)
        while table[i].id >= 0 {
            // Whether the entry may stand at the hole: its home is not behind it.
            let home = home(table[i].hash)
            if (i >= home ? i - home : i - home + size) >= (i >= hole ? i - hole : i - hole + size) {
                table[hole] = table[i]
                hole = i
            }
            i = after(i)
        }
        table[hole] = Entry(hash: 0, id: -1)
        slab.free(keys[Int(id)].place, Int(keys[Int(id)].count))
        keys[Int(id)].count = -1
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
        size = 128
        used = 0
        free = []
        keys = .allocate(capacity: capacity)
        table = Self.emptyTable(size)
        known.resize(keys: 0)
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

    /// The hash of a key's values, as that of an event's.
    static func hash(_ key: UnsafeRawBufferPointer) -> UInt64 {
        var hash = ValueHash.none
        var position = 0
        while position + 2 <= key.count {
            let end = position + 2 + (Int(key[position]) | Int(key[position + 1]) << 8)
            guard end <= key.count else { break }
            hash.add(ValueHash.of(UnsafeRawBufferPointer(rebasing: key[(position + 2)..<end]), ValueHash.seed))
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
