// SPDX-License-Identifier: Apache-2.0

/// What the events of one log have in common, told by a byte: the channels that count an event, the kind of its id, and how long each of
/// its values is.
struct LogShape {
    /// The channels in the low 30 bits; above them the kind of the id.
    let bits: UInt32
    /// Two bits for each lane of numbers, the least of 0, 1, 2 and 4 bytes that hold it; then a bit for each lane of hashes.
    let lanes: UInt16
    /// Bytes of an event.
    let size: UInt8
    /// Where in it the id begins.
    let start: UInt8
    /// Where in it the value of each lane stands, a byte each.
    private let places: UInt64

    /// - Parameter isLong: the shape has no code and stands in the event itself.
    init(bits: UInt32, lanes: UInt16, isLong: Bool) {
        self.bits = bits
        self.lanes = lanes
        start = isLong ? 7 : 1
        var place = UInt64(start) + 20
        var places: UInt64 = 0
        for lane in 0..<LogEntries.lanes {
            places |= place << UInt64(8 * lane)
            place += UInt64(Self.width(lane, in: lanes))
        }
        self.places = places
        size = UInt8(place) + (isLong ? 2 : 1)
    }

    @inline(__always)
    func has(_ lane: Int) -> Bool { Self.width(lane, in: lanes) > 0 }

    @inline(__always)
    func place(_ lane: Int) -> Int { Int(places &>> UInt64(8 &* lane) & 0xFF) }

    /// Bytes of the value in a lane.
    @inline(__always)
    func width(_ lane: Int) -> Int { Self.width(lane, in: lanes) }

    @inline(__always)
    static func width(_ lane: Int, in lanes: UInt16) -> Int {
        // 0, 1, 2, 3 for 0, 1, 2, 4 bytes.
        lane < LogEntries.numberLanes
            ? (1 &<< Int(lanes &>> UInt16(2 &* lane) & 3)) &>> 1 : Int(lanes &>> UInt16(4 &+ lane) & 1) &* 8
    }

    /// The lanes of an event that has but one value; none for lane -1.
    @inline(__always)
    static func lanes(_ lane: Int, _ value: UInt64) -> UInt16 {
        if lane < 0 { return 0 }
        if lane >= LogEntries.numberLanes { return 1 &<< UInt16(4 &+ lane) }
        return (value < 1 << 8 ? 1 : value < 1 << 16 ? 2 : 3) &<< UInt16(2 &* lane)
    }
}

/// The shapes of one log, each with a code. Found shapes stay: there are few, because rules decide which channels go together; past 255 of
/// them, a shape stands in the event. The owner frees it. For one thread.
struct LogShapes {
    /// The code of shapes that have none.
    static let long: UInt8 = 255
    private static let slots = 1024

    private let shapes: UnsafeMutablePointer<LogShape>
    private let count: UnsafeMutablePointer<Int>
    /// Codes by a hash of the shape, 255 for a free place.
    private let table: UnsafeMutablePointer<UInt8>

    init() {
        shapes = .allocate(capacity: Int(Self.long))
        count = .allocate(capacity: 1)
        count.initialize(to: 0)
        table = .allocate(capacity: Self.slots)
        table.initialize(repeating: Self.long, count: Self.slots)
    }

    func deallocate() {
        shapes.deallocate()
        count.deallocate()
        table.deallocate()
    }

    /// Bytes of memory.
    var bytes: Int { Int(Self.long) * MemoryLayout<LogShape>.stride + Self.slots + 8 }

    /// The shape of a code that is not `long`.
    @inline(__always)
    subscript(code: UInt8) -> UnsafePointer<LogShape> { UnsafePointer(shapes + Int(code)) }

    /// The code of a shape, a new one for one that is not known yet; `long` when there is none left.
    @inline(__always)
    func code(_ bits: UInt32, _ lanes: UInt16) -> UInt8 {
        let hash = (UInt64(bits) &<< 16 | UInt64(lanes)) &* 0x9E37_79B9_7F4A_7C15
        var slot = Int(truncatingIfNeeded: hash &>> 54)
        while case let code = table[slot], code != Self.long {
            if shapes[Int(code)].bits == bits, shapes[Int(code)].lanes == lanes { return code }
            slot = (slot &+ 1) & (Self.slots &- 1)
        }
        return add(bits, lanes, at: slot)
    }

    private func add(_ bits: UInt32, _ lanes: UInt16, at slot: Int) -> UInt8 {
        guard count.pointee < Int(Self.long) else { return Self.long }
        (shapes + count.pointee).initialize(to: LogShape(bits: bits, lanes: lanes, isLong: false))
        table[slot] = UInt8(count.pointee)
        count.pointee += 1
        return table[slot]
    }
}
