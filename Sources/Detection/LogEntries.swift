// SPDX-License-Identifier: Apache-2.0

import CPrefetch

/// The events of one group key, packed, in order of time and id: 22 bytes an event, 1 to 4 for each number and 8 for each hash that is
/// counted of it. The owner frees it.
///
/// An event's bytes: the code of its shape (1), id (16), ms since `base` (4), the numbers, the hashes, and the code again, so that one can
/// also walk back. If its shape has no code (`LogShapes`), that stands behind the first (bits 4, lanes 2), and the size before the last.
struct LogEntries {
    /// One event where it lies.
    struct Entry {
        let bytes: UnsafeMutableRawPointer
        let shape: LogShape

        /// - Parameter bytes: where it begins.
        @inline(__always)
        init(at bytes: UnsafeMutableRawPointer, _ shapes: LogShapes) {
            self.bytes = bytes
            let code = bytes.load(as: UInt8.self)
            shape = code != LogShapes.long ? shapes[code].pointee : Self.longShape(bytes)
        }

        /// - Parameter end: where the next one would begin.
        @inline(__always)
        init(endingAt end: UnsafeMutableRawPointer, _ shapes: LogShapes) {
            let code = end.load(fromByteOffset: -1, as: UInt8.self)
            if code != LogShapes.long {
                shape = shapes[code].pointee
                bytes = end - Int(shape.size)
            } else {
                bytes = end - Int(end.load(fromByteOffset: -2, as: UInt8.self))
                shape = Self.longShape(bytes)
            }
        }

        private static func longShape(_ bytes: UnsafeMutableRawPointer) -> LogShape {
            LogShape(
                bits: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self),
                lanes: bytes.loadUnaligned(fromByteOffset: 5, as: UInt16.self), isLong: true)
        }

        @inline(__always) var size: Int { Int(shape.size) }
        @inline(__always) private var start: UnsafeMutableRawPointer { bytes + Int(shape.start) }
        /// Whether its shape has a code.
        @inline(__always) var isShort: Bool { shape.start == 1 }
        @inline(__always) var offset: UInt32 {
            get { start.loadUnaligned(fromByteOffset: 16, as: UInt32.self) }
            nonmutating set { start.storeBytes(of: newValue, toByteOffset: 16, as: UInt32.self) }
        }
        /// The channels in the low 30 bits; above them the kind of the id.
        @inline(__always) var bits: UInt32 { shape.bits }
        var channels: UInt32 { bits & LogEntries.channelBits }
        var id: EventID {
            EventID(
                high: start.loadUnaligned(as: UInt64.self),
                low: start.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                kind: EventID.Kind(rawValue: UInt8(bits >> 30)) ?? .none)
        }

        @inline(__always)
        func isOf(_ id: EventID) -> Bool {
            start.loadUnaligned(fromByteOffset: 8, as: UInt64.self) == id.low
                && start.loadUnaligned(as: UInt64.self) == id.high && UInt8(bits >> 30) == id.kind.rawValue
        }

        /// The number or the hash in a lane that the event has.
        @inline(__always)
        func value(_ lane: Int) -> UInt64 {
            let place = bytes + shape.place(lane)
            switch shape.width(lane) {
            case 1: return UInt64(place.load(as: UInt8.self))
            case 2: return UInt64(place.loadUnaligned(as: UInt16.self))
            case 4: return UInt64(place.loadUnaligned(as: UInt32.self))
            default: return place.loadUnaligned(as: UInt64.self)
            }
        }

        /// Puts a value in a lane of the shape.
        @inline(__always)
        func put(_ value: UInt64, _ lane: Int) {
            let place = bytes + shape.place(lane)
            switch shape.width(lane) {
            case 1: place.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
            case 2: place.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
            case 4: place.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
            default: place.storeBytes(of: value, as: UInt64.self)
            }
        }

        /// A new event in room for its shape; values are put after.
        @inline(__always)
        init(new bytes: UnsafeMutableRawPointer, _ code: UInt8, _ shape: LogShape, _ id: EventID, offset: UInt32) {
            self.bytes = bytes
            self.shape = shape
            bytes.storeBytes(of: code, as: UInt8.self)
            if code == LogShapes.long {
                bytes.storeBytes(of: shape.bits, toByteOffset: 1, as: UInt32.self)
                bytes.storeBytes(of: shape.lanes, toByteOffset: 5, as: UInt16.self)
                bytes.storeBytes(of: shape.size, toByteOffset: Int(shape.size) - 2, as: UInt8.self)
            }
            start.storeBytes(of: id.high, as: UInt64.self)
            start.storeBytes(of: id.low, toByteOffset: 8, as: UInt64.self)
            start.storeBytes(of: offset, toByteOffset: 16, as: UInt32.self)
            bytes.storeBytes(of: code, toByteOffset: Int(shape.size) - 1, as: UInt8.self)
        }
    }

    static let channelBits: UInt32 = (1 << 30) - 1
    /// Lanes 0 to 3 hold numbers of 32 bits, lanes 4 to 7 hashes of 64.
    static let numberLanes = 4
    static let lanes = 8

    /// Time of offset 0, ms.
    private var base: Int64 = 0
    private var memory: UnsafeMutableRawPointer?
    private var capacity: Int32 = 0
    private var head: Int32 = 0
    private var end: Int32 = 0
    private(set) var count: Int32 = 0

    @inline(__always) private var start: UnsafeMutableRawPointer { memory.unsafelyUnwrapped }
    var isEmpty: Bool { head == end }
    /// Bytes of memory, with what `malloc` adds.
    var bytes: Int { capacity == 0 ? 0 : Int(capacity) + 8 }
    /// Whether the last entry in use ends where the entries begin: there is none before it.
    @inline(__always)
    func isFirst(_ entry: Entry) -> Bool { entry.bytes == start + Int(head) }

    @inline(__always) func time(_ entry: Entry) -> Int64 { base &+ Int64(entry.offset) }

    @inline(__always)
    func first(_ shapes: LogShapes) -> Entry? { isEmpty ? nil : Entry(at: start + Int(head), shapes) }

    /// Of entries that are not empty.
    @inline(__always)
    func last(_ shapes: LogShapes) -> Entry { Entry(endingAt: start + Int(end), shapes) }

    /// Whether the last event has this value in a lane, is counted in a channel, and is not from before a time: then one more
    /// of it is nothing different.
    @inline(__always)
    func endsWith(_ value: UInt64, lane: Int, channel: Int, since time: Int64, _ shapes: LogShapes) -> Bool {
        if isEmpty { return false }
        let last = last(shapes)
        return last.bits & 1 << UInt32(channel) != 0 && last.shape.has(lane) && last.value(lane) == value
            && self.time(last) >= time
    }

    /// The entry before one that is not the first.
    @inline(__always)
    func entry(before entry: Entry, _ shapes: LogShapes) -> Entry { Entry(endingAt: entry.bytes, shapes) }

    /// Calls `body` with each entry, oldest first.
    @inline(__always)
    func forEach(_ shapes: LogShapes, _ body: (Entry) -> Void) {
        var at = Int(head)
        while at < Int(end) {
            let entry = Entry(at: start + at, shapes)
            at += entry.size
            body(entry)
        }
    }

    /// Says that the first and the last entry are about to be looked at.
    @inline(__always)
    func approach() {
        guard let memory else { return }
        gw_prefetch(memory + Int(head))
        gw_prefetch(memory + Int(end))
    }

    // MARK: Changes

    /// Where an event belongs in the order of time and id, in bytes behind the first entry; nil when it is there already.
    @inline(__always)
    func place(of id: EventID, at time: Int64, _ shapes: LogShapes) -> Int? {
        let all = Int(end - head)
        if all == 0 || self.time(last(shapes)) < time { return all }
        return placeAmong(id, time, shapes)
    }

    private func placeAmong(_ id: EventID, _ time: Int64, _ shapes: LogShapes) -> Int? {
        var place = Int(end - head)
        var at = last(shapes)
        while case let known = self.time(at), known >= time {
            if known == time, at.isOf(id) { return nil }
            if known > time || EventID.precedes(id, at.id) { place = at.bytes - start - Int(head) }
            if isFirst(at) { break }
            at = entry(before: at, shapes)
        }
        return place
    }

    /// Puts an event at the place that `place(of:at:)` gave, with the channels that count it and its values, one for each of
    /// `lanes` at the lane's own index.
    mutating func insert(
        _ id: EventID, at time: Int64, channels: UInt32, lanes: UInt8, _ values: UnsafePointer<UInt64>, place: Int,
        _ shapes: LogShapes
    ) {
        var widths: UInt16 = 0
        var left = lanes
        while left != 0 {
            let lane = left.trailingZeroBitCount
            left &= left &- 1
            widths |= LogShape.lanes(lane, values[lane])
        }
        let bits = channels | UInt32(id.kind.rawValue) << 30
        let entry = insert(id, at: time, bits, widths, place: place, shapes)
        left = lanes
        while left != 0 {
            let lane = left.trailingZeroBitCount
            left &= left &- 1
            entry.put(values[lane], lane)
        }
    }

    /// Puts an event that a channel counts among the others, in order of time and id, with its value in a lane (-1 without
    /// one). False when it is there already.
    @discardableResult
    mutating func keep(
        _ id: EventID, at time: Int64, channel: Int, lane: Int, _ value: UInt64, _ shapes: LogShapes
    ) -> Bool {
        var before: Entry?
        var same: Entry?
        if !isEmpty {
            var at = last(shapes)
            while case let known = self.time(at), known >= time {
                if known == time, at.isOf(id) {
                    let isSameValue = lane < 0 || !at.shape.has(lane) || at.value(lane) == value
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
                at = entry(before: at, shapes)
            }
        }
        if let same {
            add(channel, lane, value, to: same, shapes)
        } else {
            let place = before.map { $0.bytes - start - Int(head) } ?? Int(end - head)
            let bits = 1 << UInt32(channel) | UInt32(id.kind.rawValue) << 30
            let entry = insert(id, at: time, bits, LogShape.lanes(lane, value), place: place, shapes)
            if lane >= 0 { entry.put(value, lane) }
        }
        return true
    }

    /// Appends an event that is not before the others in time; its values are to be put.
    mutating func append(_ id: EventID, at time: Int64, _ bits: UInt32, _ lanes: UInt16, _ shapes: LogShapes) -> Entry {
        insert(id, at: time, bits, lanes, place: Int(end - head), shapes)
    }

    @inline(__always)
    private mutating func insert(
        _ id: EventID, at time: Int64, _ bits: UInt32, _ lanes: UInt16, place: Int, _ shapes: LogShapes
    ) -> Entry {
        if isEmpty { base = time }
        if !(0...Int64(UInt32.max)).contains(time &- base) { rebase(to: time, shapes) }
        let code = shapes.code(bits, lanes)
        let shape =
            code != LogShapes.long ? shapes[code].pointee : LogShape(bits: bits, lanes: lanes, isLong: true)
        open(Int(shape.size), at: place)
        count += 1
        return Entry(
            new: start + Int(head) + place, code, shape, id, offset: UInt32(truncatingIfNeeded: time &- base))
    }

    /// Times lie within 49 days of each other: no window of the log is as long.
    @inline(never)
    private mutating func rebase(to time: Int64, _ shapes: LogShapes) {
        let time = min(time, first(shapes).map { self.time($0) } ?? base)
        let moved = base - time
        forEach(shapes) { $0.offset = UInt32(clamping: Int64($0.offset) + moved) }
        base = time
    }

    /// Counts an event that is there in one more channel, with a value that it may have already.
    @inline(__always)
    private mutating func add(
        _ channel: Int, _ lane: Int, _ value: UInt64, to entry: Entry, _ shapes: LogShapes
    ) {
        let bits = entry.bits | 1 << UInt32(channel)
        let isNew = lane >= 0 && !entry.shape.has(lane)
        let lanes = entry.shape.lanes | (isNew ? LogShape.lanes(lane, value) : 0)
        let code = shapes.code(bits, lanes)
        guard entry.isShort, code != LogShapes.long else {
            rewrite(entry, code, bits, lanes, isNew ? (lane, value) : nil, shapes)
            return
        }
        let at = entry.bytes - start - Int(head)
        let shape = shapes[code]
        if isNew { open(shape.pointee.width(lane), at: at + shape.pointee.place(lane)) }
        (start + Int(head) + at).storeBytes(of: code, as: UInt8.self)
        (start + Int(head) + at).storeBytes(of: code, toByteOffset: Int(shape.pointee.size) - 1, as: UInt8.self)
        if isNew { Entry(at: start + Int(head) + at, shapes).put(value, lane) }
    }

    /// The same where a shape without a code is one of the two.
    private mutating func rewrite(
        _ entry: Entry, _ code: UInt8, _ bits: UInt32, _ lanes: UInt16, _ new: (lane: Int, value: UInt64)?,
        _ shapes: LogShapes
    ) {
        let (id, offset, at) = (entry.id, entry.offset, entry.bytes - start - Int(head))
        var values: [(Int, UInt64)] = new.map { [($0.lane, $0.value)] } ?? []
        for lane in 0..<Self.lanes where entry.shape.has(lane) { values.append((lane, entry.value(lane))) }
        let shape =
            code != LogShapes.long ? shapes[code].pointee : LogShape(bits: bits, lanes: lanes, isLong: true)
        let more = Int(shape.size) - entry.size
        if more >= 0 {
            open(more, at: at + entry.size)
        } else {
            let behind = entry.bytes + entry.size
            (behind + more).copyMemory(from: behind, byteCount: start + Int(end) - behind)
            end += Int32(more)
        }
        let changed = Entry(new: start + Int(head) + at, code, shape, id, offset: offset)
        for (lane, value) in values { changed.put(value, lane) }
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

    /// Grows by an eighth, or for two or three events more: most keys hold few.
    @inline(never)
    private mutating func grow(by size: Int) {
        let used = Int(end - head)
        guard let memory, head > capacity / 4, used + size <= Int(capacity) else {
            return move(toRoomFor: used + max(size + 72, used / 8))
        }
        memory.copyMemory(from: memory + Int(head), byteCount: used)
        (head, end) = (0, Int32(used))
    }

    /// Moves the entries to the beginning of other memory.
    private mutating func move(toRoomFor size: Int) {
        let used = Int(end - head)
        // `malloc` gives 8 bytes more than a multiple of 16.
        let room = max(24, (size + 7) / 16 * 16 + 8)
        let larger = UnsafeMutableRawPointer.plain(room)
        if let memory {
            larger.copyMemory(from: memory + Int(head), byteCount: used)
            memory.deallocate()
        }
        (memory, capacity, head, end) = (larger, Int32(room), 0, Int32(used))
    }

    /// Makes room for entries of so many bytes, of which it has none.
    mutating func reserve(_ size: Int) {
        if size > Int(capacity) { move(toRoomFor: size) }
    }

    /// Lets go of the entries before a time.
    @inline(__always)
    mutating func drop(before time: Int64, _ shapes: LogShapes) {
        while head < end, case let entry = Entry(at: start + Int(head), shapes), self.time(entry) < time {
            head += Int32(entry.size)
            count -= 1
        }
        if head == end { (head, end) = (0, 0) }
    }

    /// Keeps the entries for which `isKept` is true.
    @inline(__always)
    mutating func filter(_ shapes: LogShapes, _ isKept: (Entry) -> Bool) {
        var kept = Int(head)
        var at = Int(head)
        while at < Int(end) {
            let entry = Entry(at: start + at, shapes)
            let size = entry.size
            if isKept(entry) {
                if kept < at { (start + kept).copyMemory(from: start + at, byteCount: size) }
                kept += size
            } else {
                count -= 1
            }
            at += size
        }
        end = Int32(kept)
        if head == end { (head, end) = (0, 0) }
        let used = Int(end - head)
        // Not back and forth for little: other memory costs more than the sweep.
        if Int(capacity) > 2 * used + 128 { move(toRoomFor: used + 72) }
    }

    /// Keeps the entries for which `keep` gives channels, with these. It is asked twice.
    mutating func narrow(_ shapes: LogShapes, _ keep: (Entry) -> UInt32) {
        var size = 0
        var isSame = true
        forEach(shapes) { entry in
            let channels = keep(entry)
            if channels != 0 { size += entry.size }
            if channels != entry.channels { isSame = false }
        }
        if isSame { return }
        var kept = LogEntries()
        kept.reserve(size)
        forEach(shapes) { entry in
            let channels = keep(entry)
            if channels == 0 { return }
            let bits = entry.bits & ~Self.channelBits | channels
            let copy = kept.append(entry.id, at: time(entry), bits, entry.shape.lanes, shapes)
            for lane in 0..<Self.lanes where entry.shape.has(lane) { copy.put(entry.value(lane), lane) }
        }
        free()
        self = kept
    }

    mutating func free() {
        memory?.deallocate()
        self = LogEntries()
    }
}
