// SPDX-License-Identifier: Apache-2.0

/// One event of a log as it stands on disk: 26 bytes, 4 for each number and 8 for each hash that is counted of it.
///
/// Its bytes: id (16), ms since the row's time (4), the channels that it is counted in and the kind of its id (4), a bit for each lane
/// that follows (1), the numbers, the hashes, and how many bytes all of that is (1).
struct StoredEntry {
    private let bytes: UnsafeRawPointer

    var lanes: UInt8 { bytes.load(fromByteOffset: 24, as: UInt8.self) }
    var size: Int { Self.size(lanes) }
    var offset: UInt32 { UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)) }
    /// The channels in the low 30 bits; above them the kind of the id.
    var bits: UInt32 { UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 20, as: UInt32.self)) }
    var channels: UInt32 { bits & LogEntries.channelBits }
    var id: EventID {
        EventID(
            high: UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
            kind: EventID.Kind(rawValue: UInt8(bits >> 30)) ?? .none)
    }

    func has(_ lane: Int) -> Bool { lanes & 1 << UInt8(lane) != 0 }

    /// The number or the hash in a lane that the event has.
    func value(_ lane: Int) -> UInt64 {
        let place = Self.size(lanes & ((1 << UInt8(lane)) &- 1)) - 1
        return lane < LogEntries.numberLanes
            ? UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
            : UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
    }

    private static func size(_ lanes: UInt8) -> Int {
        26 + 4 * (lanes & 0x0F).nonzeroBitCount + 8 * (lanes & 0xF0).nonzeroBitCount
    }

    // MARK: Rows

    /// Calls `body` with each event of a row that is whole.
    static func forEach(_ row: UnsafeRawBufferPointer, _ body: (StoredEntry) -> Void) {
        guard let start = row.baseAddress else { return }
        var at = 0
        while at < row.count {
            let entry = StoredEntry(bytes: start + at)
            at += entry.size
            body(entry)
        }
    }

    /// Whether a row's bytes are events in order with these channels, and nothing else.
    static func isWhole(_ row: UnsafeRawBufferPointer, channels: UInt32) -> Bool {
        guard let start = row.baseAddress else { return true }
        var at = 0
        var before: UInt32 = 0
        while at < row.count {
            guard at + 26 <= row.count, case let entry = StoredEntry(bytes: start + at), at + entry.size <= row.count,
                Int(row[at + entry.size - 1]) == entry.size, entry.offset >= before, entry.channels != 0,
                entry.channels & ~channels == 0
            else { return false }
            before = entry.offset
            at += entry.size
        }
        return true
    }

    /// A row's bytes. Its time is that of its first event, whatever the entries in memory count from: the same events are the same row.
    static func row(_ entries: LogEntries, base: Int64, _ shapes: LogShapes) -> [UInt8] {
        var size = 0
        entries.forEach(shapes) { size += Self.size(lanes($0.shape)) }
        return [UInt8](unsafeUninitializedCapacity: size) { row, count in
            count = size
            guard var at = UnsafeMutableRawPointer(row.baseAddress) else { return }
            func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
                at.storeBytes(of: value.littleEndian, as: Value.self)
                at += MemoryLayout<Value>.size
            }
            entries.forEach(shapes) { entry in
                let (id, lanes) = (entry.id, lanes(entry.shape))
                put(id.high)
                put(id.low)
                put(UInt32(truncatingIfNeeded: entries.time(entry) - base))
                put(entry.bits)
                put(lanes)
                for lane in 0..<LogEntries.lanes where entry.shape.has(lane) {
                    let value = entry.value(lane)
                    if lane < LogEntries.numberLanes { put(UInt32(truncatingIfNeeded: value)) } else { put(value) }
                }
                put(UInt8(Self.size(lanes)))
            }
        }
    }

    private static func lanes(_ shape: LogShape) -> UInt8 {
        var lanes: UInt8 = 0
        for lane in 0..<LogEntries.lanes where shape.has(lane) { lanes |= 1 << UInt8(lane) }
        return lanes
    }
}

extension LogEntries {
    /// The events of a row that is whole, as they lie.
    init(_ row: UnsafeRawBufferPointer, base: Int64, _ shapes: LogShapes) {
        self.init()
        var size = 0
        StoredEntry.forEach(row) { size += Int(LogShape(bits: $0.bits, lanes: Self.lanes($0), isLong: false).size) }
        reserve(size)
        StoredEntry.forEach(row) { stored in
            let entry = append(
                stored.id, at: base + Int64(stored.offset), stored.bits, Self.lanes(stored), shapes)
            for lane in 0..<Self.lanes where stored.has(lane) { entry.put(stored.value(lane), lane) }
        }
    }

    private static func lanes(_ stored: StoredEntry) -> UInt16 {
        var lanes: UInt16 = 0
        for lane in 0..<Self.lanes where stored.has(lane) { lanes |= LogShape.lanes(lane, stored.value(lane)) }
        return lanes
    }
}
