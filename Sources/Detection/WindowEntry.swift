// SPDX-License-Identifier: Apache-2.0

/// One counted event in a window: 32 bytes.
struct WindowEntry {
    private var packed: UInt64
    private var idHigh: UInt64
    private var idLow: UInt64
    /// A double's bits for sums, a hash for distinct counts.
    var value: UInt64

    /// - Parameters:
    ///   - time: ms since the epoch, 0 to 2⁴⁸ (year 10889).
    ///   - source: which of the correlation's rules matched, below 64.
    init(time: Int64, source: Int, id: EventID, value: UInt64) {
        packed = UInt64(bitPattern: time) << 16 | UInt64(source) << 8 | UInt64(id.kind.rawValue) << 1
        idHigh = id.high
        idLow = id.low
        self.value = value
    }

    var time: Int64 { Int64(packed >> 16) }
    var source: Int { Int(packed >> 8 & 0xFF) }
    var id: EventID { EventID(high: idHigh, low: idLow, kind: EventID.Kind(rawValue: UInt8(packed >> 1 & 3)) ?? .none) }
    var number: Double { Double(bitPattern: value) }

    private static let settled: UInt64 = 1
    private static let fired: UInt64 = 8

    /// Whether this entry was judged for good: it has fired, or no earlier event can come any more.
    var isSettled: Bool {
        get { packed & Self.settled != 0 }
        set { packed = newValue ? packed | Self.settled : packed & ~Self.settled }
    }

    /// Whether the condition held at this entry.
    var hasFired: Bool {
        get { packed & Self.fired != 0 }
        set { packed = newValue ? packed | Self.fired : packed & ~Self.fired }
    }

    /// The order of events in a window, total and the same on every run: time, then id. In sequences the rule's place comes
    /// before the id, because events of one instant are each "at or after" the others.
    @inline(__always)
    static func precedes(_ a: WindowEntry, _ b: WindowEntry, bySource: Bool) -> Bool {
        if a.time != b.time { return a.time < b.time }
        if bySource && a.source != b.source { return a.source < b.source }
        if !isSameEvent(a, b) { return EventID.precedes(a.id, b.id) }
        return a.source != b.source ? a.source < b.source : a.value < b.value
    }

    @inline(__always)
    static func isSame(_ a: WindowEntry, _ b: WindowEntry) -> Bool {
        let flags = settled | fired
        return a.packed | flags == b.packed | flags && a.idHigh == b.idHigh && a.idLow == b.idLow && a.value == b.value
    }

    /// Whether both are of one event, counted by two rules or with two values.
    @inline(__always)
    static func isSameEvent(_ a: WindowEntry, _ b: WindowEntry) -> Bool {
        a.idHigh == b.idHigh && a.idLow == b.idLow && a.time == b.time && a.id.kind == b.id.kind
    }

    func write(_ writer: inout ByteWriter, _ texts: LongEventIDs) {
        writer.write(time)
        writer.write(UInt8(source) << 2 | (hasFired ? 2 : 0) | (isSettled ? 1 : 0))
        writer.write(id, texts)
        writer.write(value)
    }

    init(_ reader: inout ByteReader, _ texts: inout LongEventIDs) throws(ByteReader.Damaged) {
        let time: Int64 = try reader.read()
        let flags: UInt8 = try reader.read()
        let id = try reader.readID(&texts)
        self.init(time: time, source: Int(flags >> 2), id: id, value: try reader.read())
        isSettled = flags & 1 != 0
        hasFired = flags & 2 != 0
    }
}

/// The entries of one window in order, in memory of its own. The owner frees it.
struct EntryBuffer {
    private(set) var entries: UnsafeMutablePointer<WindowEntry>?
    private(set) var capacity: Int32 = 0
    /// The first entry in use, and one past the last.
    private(set) var head: Int32 = 0
    private(set) var end: Int32 = 0

    var count: Int { Int(end - head) }
    /// Bytes of memory.
    var bytes: Int { Int(capacity) * MemoryLayout<WindowEntry>.stride }

    /// Entry `i` of those in use.
    subscript(i: Int) -> WindowEntry {
        @inline(__always) get { entries.unsafelyUnwrapped[Int(head) + i] }
        @inline(__always) nonmutating set { entries.unsafelyUnwrapped[Int(head) + i] = newValue }
    }

    mutating func append(_ entry: WindowEntry) {
        makeRoom()
        entries.unsafelyUnwrapped[Int(end)] = entry
        end += 1
    }

    mutating func insert(_ entry: WindowEntry, at i: Int) {
        makeRoom()
        let place = entries.unsafelyUnwrapped + Int(head) + i
        (place + 1).update(from: place, count: count - i)
        place.pointee = entry
        end += 1
    }

    mutating func removeFirst(_ n: Int) {
        head += Int32(n)
        if head == end {
            head = 0
            end = 0
        }
    }

    /// Keeps the entries for which `keep` is true.
    mutating func filter(_ keep: (Int) -> Bool) {
        var to = 0
        for i in 0..<count where keep(i) {
            self[to] = self[i]
            to += 1
        }
        end = head + Int32(to)
    }

    mutating func free() {
        entries?.deallocate()
        entries = nil
        capacity = 0
        head = 0
        end = 0
    }

    /// Grows by half, from one entry: most windows of most keys hold few.
    private mutating func makeRoom() {
        if end < capacity { return }
        let used = count
        if head > capacity / 4, let entries {
            entries.update(from: entries + Int(head), count: used)
        } else {
            let room = max(capacity + 1, capacity + capacity / 2)
            let larger = UnsafeMutablePointer<WindowEntry>.allocate(capacity: Int(room))
            if let entries {
                larger.update(from: entries + Int(head), count: used)
                entries.deallocate()
            }
            entries = larger
            capacity = room
        }
        head = 0
        end = Int32(used)
    }
}

extension EntryBuffer {
    /// Appends the number of entries and each of them.
    func write(_ writer: inout ByteWriter, _ texts: LongEventIDs) {
        writer.write(UInt32(count))
        for i in 0..<count { self[i].write(&writer, texts) }
    }

    /// Reads what `write` wrote.
    static func read(
        _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [WindowEntry] {
        var entries: [WindowEntry] = []
        for _ in 0..<(try reader.read(UInt32.self)) { entries.append(try WindowEntry(&reader, &texts)) }
        return entries
    }
}
