// SPDX-License-Identifier: Apache-2.0

/// The events of one group key, packed, in order of time and id: 26 bytes an event, 4 for each number and 8 for each hash that is
/// counted of it. The owner frees it.
///
/// An event's bytes: id (16), ms since `base` (4), the channels that it is counted in and the kind of its id (4), the lanes that
/// follow (1), the numbers, the hashes, and how many bytes all of that is (1), so that one can also walk back.
struct LogEntries {
    /// One event where it lies.
    struct Entry {
        let bytes: UnsafeMutableRawPointer

        @inline(__always) var size: Int { LogEntries.size(lanes: lanes) }
        @inline(__always) var lanes: UInt8 { bytes.load(fromByteOffset: 24, as: UInt8.self) }
        @inline(__always) var offset: UInt32 {
            get { bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self) }
            nonmutating set { bytes.storeBytes(of: newValue, toByteOffset: 16, as: UInt32.self) }
        }
        /// The channels in the low 30 bits; above them the kind of the id.
        @inline(__always) var bits: UInt32 {
            get { bytes.loadUnaligned(fromByteOffset: 20, as: UInt32.self) }
            nonmutating set { bytes.storeBytes(of: newValue, toByteOffset: 20, as: UInt32.self) }
        }
        var channels: UInt32 { bits & LogEntries.channelBits }
        var id: EventID {
            EventID(
                high: bytes.loadUnaligned(as: UInt64.self),
                low: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                kind: EventID.Kind(rawValue: UInt8(bits >> 30)) ?? .none)
        }

        @inline(__always)
        func isOf(_ id: EventID) -> Bool {
            bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self) == id.low
                && bytes.loadUnaligned(as: UInt64.self) == id.high && UInt8(bits >> 30) == id.kind.rawValue
        }

        /// The number or the hash in a lane that the event has.
        @inline(__always)
        func value(_ lane: Int) -> UInt64 {
            let place = LogEntries.place(of: lane, in: lanes)
            return lane < LogEntries.numberLanes
                ? UInt64(bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
                : bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
        }
    }

    static let channelBits: UInt32 = (1 << 30) - 1
    /// Lanes 0 to 3 hold numbers of 32 bits, lanes 4 to 7 hashes of 64.
    static let numberLanes = 4
    static let lanes = 8

    /// Time of offset 0, ms.
    private(set) var base: Int64 = 0
    private var memory: UnsafeMutableRawPointer?
    private(set) var capacity: Int32 = 0
    private var head: Int32 = 0
    private var end: Int32 = 0
    private(set) var count: Int32 = 0

    @inline(__always)
    static func size(lanes: UInt8) -> Int {
        26 + 4 * (lanes & 0x0F).nonzeroBitCount + 8 * (lanes & 0xF0).nonzeroBitCount
    }

    /// Where the value of a lane stands in an entry with these lanes.
    @inline(__always)
    static func place(of lane: Int, in lanes: UInt8) -> Int {
        let before = lanes & ((1 << UInt8(lane)) &- 1)
        return 25 + 4 * (before & 0x0F).nonzeroBitCount + 8 * (before & 0xF0).nonzeroBitCount
    }

    @inline(__always) private var start: UnsafeMutableRawPointer { memory.unsafelyUnwrapped }
    var isEmpty: Bool { head == end }
    /// Whether the last entry in use ends where the entries begin: there is none before it.
    func isFirst(_ entry: Entry) -> Bool { entry.bytes == start + Int(head) }

    @inline(__always) func time(_ entry: Entry) -> Int64 { base &+ Int64(entry.offset) }

    var first: Entry? { isEmpty ? nil : Entry(bytes: start + Int(head)) }

    /// Of entries that are not empty.
    @inline(__always)
    var last: Entry { entry(endingAt: start + Int(end)) }

    /// Whether the last event has this value in a lane, is counted in a channel, and is not from before a time: then one more
    /// of it is nothing different.
    @inline(__always)
    func endsWith(_ value: UInt64, lane: Int, channel: Int, since time: Int64) -> Bool {
        if isEmpty { return false }
        let last = last
        return last.bits & 1 << UInt32(channel) != 0 && last.lanes & 1 << UInt8(lane) != 0 && last.value(lane) == value
            && self.time(last) >= time
    }

    /// The entry before one that is not the first.
    @inline(__always)
    func entry(before entry: Entry) -> Entry { self.entry(endingAt: entry.bytes) }

    @inline(__always)
    private func entry(endingAt end: UnsafeMutableRawPointer) -> Entry {
        Entry(bytes: end - Int(end.load(fromByteOffset: -1, as: UInt8.self)))
    }

    /// Calls `body` with each entry, oldest first.
    @inline(__always)
    func forEach(_ body: (Entry) -> Void) {
        var at = Int(head)
        while at < Int(end) {
            let entry = Entry(bytes: start + at)
            at += entry.size
            body(entry)
        }
    }

    /// All entries as they lie.
    var bytes: UnsafeRawBufferPointer {
        memory.map { UnsafeRawBufferPointer(start: $0 + Int(head), count: Int(end - head)) }
            ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    // MARK: Changes

    /// Where an event belongs in the order of time and id, in bytes behind the first entry; nil when it is there already.
    @inline(__always)
    func place(of id: EventID, at time: Int64) -> Int? {
        let all = Int(end - head)
        if all == 0 || self.time(last) < time { return all }
        return placeAmong(id, time)
    }

    private func placeAmong(_ id: EventID, _ time: Int64) -> Int? {
        var place = Int(end - head)
        var at = last
        while case let known = self.time(at), known >= time {
            if known == time, at.isOf(id) { return nil }
            if known > time || EventID.precedes(id, at.id) { place = at.bytes - start - Int(head) }
            if isFirst(at) { break }
            at = entry(before: at)
        }
        return place
    }

    /// Puts an event at the place that `place(of:at:)` gave, with the channels that count it and its values, one for each of
    /// `lanes` at the lane's own index.
    mutating func insert(
        _ id: EventID, at time: Int64, channels: UInt32, lanes: UInt8, _ values: UnsafePointer<UInt64>, place: Int
    ) {
        let size = Self.size(lanes: lanes)
        insert(id, at: time, bits: channels, size: size, place: place)
        let bytes = start + Int(head) + place
        bytes.storeBytes(of: lanes, toByteOffset: 24, as: UInt8.self)
        var at = 25
        var left = lanes
        while left != 0 {
            let lane = left.trailingZeroBitCount
            left &= left &- 1
            if lane < Self.numberLanes {
                bytes.storeBytes(of: UInt32(truncatingIfNeeded: values[lane]), toByteOffset: at, as: UInt32.self)
                at &+= 4
            } else {
                bytes.storeBytes(of: values[lane], toByteOffset: at, as: UInt64.self)
                at &+= 8
            }
        }
        bytes.storeBytes(of: UInt8(truncatingIfNeeded: size), toByteOffset: at, as: UInt8.self)
    }

    /// Puts an event that a channel counts among the others, in order of time and id, with its value in a lane (-1 without
    /// one). False when it is there already.
    mutating func keep(_ id: EventID, at time: Int64, channel: Int, lane: Int, _ value: UInt64) -> Bool {
        var before: Entry?
        var same: Entry?
        if !isEmpty {
            var at = last
            while case let known = self.time(at), known >= time {
                if known == time, at.isOf(id) {
                    let isSameValue = lane < 0 || at.lanes & 1 << UInt8(lane) == 0 || at.value(lane) == value
                    if at.bits & 1 << UInt32(channel) != 0 {
                        // The same event again, or another of its values.
                        if isSameValue { return false }
                    } else if isSameValue {
                        same = at
                    }
                } else if known > time || EventID.precedes(id, at.id) {
                    before = at
                }
                if isFirst(at) { break }
                at = entry(before: at)
            }
        }
        if let same {
            same.bits |= 1 << UInt32(channel)
            if lane >= 0, same.lanes & 1 << UInt8(lane) == 0 { add(value, lane: lane, to: same) }
        } else {
            let place = insert(id, at: time, channel: channel, before: before)
            if lane >= 0 { add(value, lane: lane, to: place) }
        }
        return true
    }

    /// Puts an event without values before another, or behind all. Returns where it is.
    private mutating func insert(_ id: EventID, at time: Int64, channel: Int, before other: Entry?) -> Entry {
        let place = other.map { $0.bytes - start - Int(head) } ?? Int(end - head)
        insert(id, at: time, bits: 1 << UInt32(channel), size: Self.size(lanes: 0), place: place)
        let bytes = start + Int(head) + place
        bytes.storeBytes(of: 0, toByteOffset: 24, as: UInt8.self)
        bytes.storeBytes(of: UInt8(Self.size(lanes: 0)), toByteOffset: 25, as: UInt8.self)
        return Entry(bytes: bytes)
    }

    /// Makes room for an entry and writes what all entries have.
    @inline(__always)
    private mutating func insert(_ id: EventID, at time: Int64, bits: UInt32, size: Int, place: Int) {
        if isEmpty { base = time }
        if !(0...Int64(UInt32.max)).contains(time &- base) { rebase(to: min(time, base + firstOffset)) }
        open(size, at: place)
        let entry = Entry(bytes: start + Int(head) + place)
        entry.bytes.storeBytes(of: id.high, as: UInt64.self)
        entry.bytes.storeBytes(of: id.low, toByteOffset: 8, as: UInt64.self)
        entry.offset = UInt32(truncatingIfNeeded: time &- base)
        entry.bits = bits | UInt32(id.kind.rawValue) << 30
        count &+= 1
    }

    private var firstOffset: Int64 { first.map { Int64($0.offset) } ?? 0 }

    /// Times lie within 49 days of each other: no window of the log is as long.
    private mutating func rebase(to time: Int64) {
        let moved = base - time
        forEach { $0.offset = UInt32(clamping: Int64($0.offset) + moved) }
        base = time
    }

    /// Gives an entry a value in a lane that it does not have yet.
    private mutating func add(_ value: UInt64, lane: Int, to entry: Entry) {
        let width = lane < Self.numberLanes ? 4 : 8
        let at = entry.bytes - start - Int(head)
        let place = Self.place(of: lane, in: entry.lanes)
        open(width, at: at + place)
        let entry = Entry(bytes: start + Int(head) + at)
        let lanes = entry.lanes | 1 << UInt8(lane)
        entry.bytes.storeBytes(of: lanes, toByteOffset: 24, as: UInt8.self)
        if width == 4 {
            entry.bytes.storeBytes(of: UInt32(truncatingIfNeeded: value), toByteOffset: place, as: UInt32.self)
        } else {
            entry.bytes.storeBytes(of: value, toByteOffset: place, as: UInt64.self)
        }
        let size = Self.size(lanes: lanes)
        entry.bytes.storeBytes(of: UInt8(size), toByteOffset: size - 1, as: UInt8.self)
    }

    /// Makes room for so many bytes at a place, counted from the first entry.
    @inline(__always)
    private mutating func open(_ size: Int, at place: Int) {
        if Int(end) + size > Int(capacity) { grow(by: size) }
        let behind = Int(end) - Int(head) - place
        if behind > 0 {
            let from = start + Int(head) + place
            (from + size).copyMemory(from: from, byteCount: behind)
        }
        end += Int32(size)
    }

    /// Grows by an eighth: most keys hold few events.
    private mutating func grow(by size: Int) {
        let used = Int(end - head)
        let room = head > capacity / 4 && used + size <= Int(capacity) ? Int(capacity) : used + max(size + 24, used / 8)
        let larger = UnsafeMutableRawPointer.plain(room)
        if let memory {
            larger.copyMemory(from: memory + Int(head), byteCount: used)
            memory.deallocate()
        }
        (memory, capacity, head, end) = (larger, Int32(room), 0, Int32(used))
    }

    /// Lets go of the entries before a time.
    @inline(__always)
    mutating func drop(before time: Int64) {
        while head < end, case let entry = Entry(bytes: start + Int(head)), self.time(entry) < time {
            head += Int32(entry.size)
            count -= 1
        }
        if head == end { (head, end) = (0, 0) }
    }

    /// Keeps the entries for which `keep` gives channels, with these.
    mutating func filter(_ keep: (Entry) -> UInt32) {
        var (at, to) = (Int(head), Int(head))
        while at < Int(end) {
            let entry = Entry(bytes: start + at)
            let (size, channels) = (entry.size, keep(entry))
            if channels != 0 {
                entry.bits = entry.bits & ~Self.channelBits | channels
                if to < at { (start + to).copyMemory(from: entry.bytes, byteCount: size) }
                to += size
            } else {
                count -= 1
            }
            at += size
        }
        end = Int32(to)
        if head == end { (head, end) = (0, 0) }
    }

    mutating func free() {
        memory?.deallocate()
        self = LogEntries()
    }

    // MARK: Storing

    /// Takes stored bytes over as they lie; false when they are no entries in order with these channels.
    mutating func take(_ stored: UnsafeRawBufferPointer, base: Int64, channels: UInt32) -> Bool {
        guard let source = stored.baseAddress, stored.count <= Int32.max else { return stored.isEmpty }
        let copy = UnsafeMutableRawPointer.allocate(byteCount: stored.count, alignment: 1)
        copy.copyMemory(from: source, byteCount: stored.count)
        free()
        (memory, capacity, end, self.base) = (copy, Int32(stored.count), Int32(stored.count), base)
        var at = 0
        var before: UInt32 = 0
        while at < stored.count {
            guard at + 26 <= stored.count, case let entry = Entry(bytes: copy + at), at + entry.size <= stored.count,
                Int(copy.load(fromByteOffset: at + entry.size - 1, as: UInt8.self)) == entry.size,
                entry.offset >= before, entry.channels != 0, entry.channels & ~channels == 0
            else { return false }
            before = entry.offset
            at += entry.size
            count += 1
        }
        return true
    }
}
