// SPDX-License-Identifier: Apache-2.0

/// The open buckets of a baseline, in one slab: per bucket of time its groups in the order in which they came, in chunks, and per group
/// a short list of its buckets, the latest first. The owner frees it. 12 bytes a group and bucket, and 8 more for a total that is
/// no whole number below 2³¹; a bucket of time takes at least a chunk (784 bytes).
struct OpenBuckets {
    struct Bucket {
        /// Its start divided by the length of a bucket.
        let number: Int64
        let total: Double
        /// Whether the rule fired in it.
        let isAlerted: Bool
    }

    private struct Place {
        /// A whole number, or with the top bit the total's place in `large`.
        var total: UInt32
        /// The group's key; the top bit says whether the rule fired in it.
        var owner: UInt32
        /// The group's bucket before this one.
        var next: Int32

        static let top: UInt32 = 1 << 31
    }

    /// Places of one bucket of time.
    private struct Chunk {
        var number: Int64
        var used: Int32 = 0
        var next = OpenBuckets.none
    }

    /// A bucket of time: a list of chunks.
    private struct Opened {
        let number: Int64
        let first: Int32
        var last: Int32
    }

    /// The end of a list, and the list of a group without open buckets.
    static let none: Int32 = -1
    /// Places of a chunk, as a power of two.
    private static let shift: Int32 = 6

    private var slab = UnsafeMutablePointer<Place>.allocate(capacity: 1 << Int(shift))
    private var chunks = UnsafeMutablePointer<Chunk>.allocate(capacity: 1)
    /// Chunks.
    private var capacity = 1
    private var used = 0
    private var free = Self.none
    /// In rising order; few.
    private var opened: [Opened] = []
    private var large: [Double] = []
    private var freeLarge: [UInt32] = []

    func deallocate() {
        slab.deallocate()
        chunks.deallocate()
    }

    /// Bytes of memory.
    var bytes: Int {
        capacity * (MemoryLayout<Place>.stride << Int(Self.shift) + MemoryLayout<Chunk>.stride) + large.capacity * 8
            + freeLarge.capacity * 4
    }

    /// The number of the first bucket of time that is open.
    var first: Int64? { opened.first?.number }

    /// Adds an amount to a bucket of the list that begins at `head`, that of the group `key`. Whether no bucket of its number
    /// or before it was open.
    @inline(__always)
    mutating func add(_ amount: Double, to number: Int64, of key: Int32, isAlerted: Bool, head: inout Int32) -> Bool {
        var before = Self.none
        var place = head
        while place != Self.none, case let known = self.number(of: place), known >= number {
            if known == number {
                if isAlerted { slab[Int(place)].owner |= Place.top }
                slab[Int(place)].total = total(slab[Int(place)].total, and: amount)
                return false
            }
            before = place
            place = slab[Int(place)].next
        }
        let owner = UInt32(bitPattern: key) | (isAlerted ? Place.top : 0)
        let (new, isFirst) = take(number)
        slab[Int(new)] = Place(total: total(0, and: amount), owner: owner, next: place)
        if before == Self.none { head = new } else { slab[Int(before)].next = new }
        return isFirst
    }

    /// Calls `body` with the buckets of a list, the latest first.
    func forEach(head: Int32, _ body: (Bucket) -> Void) {
        var place = head
        while place != Self.none {
            body(bucket(place))
            place = slab[Int(place)].next
        }
    }

    /// So many groups lie between one that is about to be taken out and the one that is.
    private static let ahead: Int32 = 8

    /// Takes the first bucket of time out, and each of its groups: `body` gives where the list of a group's key begins.
    ///
    /// - Parameter approach: is called with the keys of groups that are soon taken out.
    mutating func close(_ approach: (Int32) -> Void, _ body: (_ key: Int32, _ remove: (inout Int32) -> Bucket?) -> Void)
    {
        guard let first = opened.first else { return }
        opened.removeFirst()
        var chunk = first.first
        while chunk != Self.none {
            let start = chunk << Self.shift
            let end = start + chunks[Int(chunk)].used
            for place in start..<end {
                let next = place &+ Self.ahead
                if next < end { approach(Int32(bitPattern: slab[Int(next)].owner & ~Place.top)) }
                body(Int32(bitPattern: slab[Int(place)].owner & ~Place.top)) { remove(place, head: &$0) }
                letGo(ofTotal: slab[Int(place)].total)
            }
            let next = chunks[Int(chunk)].next
            chunks[Int(chunk)].next = free
            free = chunk
            chunk = next
        }
        if opened.isEmpty { shrink() }
    }

    /// Takes a bucket out of a list.
    private func remove(_ place: Int32, head: inout Int32) -> Bucket? {
        if head == place {
            head = slab[Int(place)].next
            return bucket(place)
        }
        var before = head
        while before != Self.none {
            if slab[Int(before)].next == place {
                slab[Int(before)].next = slab[Int(place)].next
                return bucket(place)
            }
            before = slab[Int(before)].next
        }
        return nil
    }

    @inline(__always)
    private func number(of place: Int32) -> Int64 { chunks[Int(place &>> Self.shift)].number }

    private func bucket(_ place: Int32) -> Bucket {
        let known = slab[Int(place)]
        return Bucket(
            number: number(of: place), total: total(known.total), isAlerted: known.owner & Place.top != 0)
    }

    // MARK: Totals

    private func total(_ stored: UInt32) -> Double {
        stored < Place.top ? Double(stored) : large[Int(stored & ~Place.top)]
    }

    /// What stands for a total and an amount more.
    @inline(__always)
    private mutating func total(_ stored: UInt32, and amount: Double) -> UInt32 {
        if stored < Place.top, amount >= 0, amount < Double(Place.top), case let whole = UInt32(amount),
            Double(whole) == amount, stored + whole < Place.top
        {
            return stored + whole
        }
        return largeTotal(stored, and: amount)
    }

    private mutating func largeTotal(_ stored: UInt32, and amount: Double) -> UInt32 {
        if stored >= Place.top {
            large[Int(stored & ~Place.top)] += amount
            return stored
        }
        if let place = freeLarge.popLast() {
            large[Int(place)] = Double(stored) + amount
            return place | Place.top
        }
        large.append(Double(stored) + amount)
        return UInt32(large.count - 1) | Place.top
    }

    private mutating func letGo(ofTotal stored: UInt32) {
        if stored >= Place.top { freeLarge.append(stored & ~Place.top) }
    }

    // MARK: Places

    /// A place in a bucket of time, and whether that is a new one before all others.
    private mutating func take(_ number: Int64) -> (Int32, isFirst: Bool) {
        var index = opened.count
        while index > 0, opened[index - 1].number > number { index -= 1 }
        if index > 0, opened[index - 1].number == number {
            let last = opened[index - 1].last
            if chunks[Int(last)].used < 1 << Self.shift { return (place(in: last), false) }
            let chunk = takeChunk(number)
            chunks[Int(last)].next = chunk
            opened[index - 1].last = chunk
            return (place(in: chunk), false)
        }
        let chunk = takeChunk(number)
        opened.insert(Opened(number: number, first: chunk, last: chunk), at: index)
        return (place(in: chunk), index == 0)
    }

    private func place(in chunk: Int32) -> Int32 {
        defer { chunks[Int(chunk)].used += 1 }
        return chunk << Self.shift + chunks[Int(chunk)].used
    }

    private mutating func takeChunk(_ number: Int64) -> Int32 {
        var chunk = free
        if chunk != Self.none {
            free = chunks[Int(chunk)].next
        } else {
            if used == capacity { grow() }
            chunk = Int32(used)
            used += 1
        }
        (chunks + Int(chunk)).initialize(to: Chunk(number: number))
        return chunk
    }

    /// By half while small, by a sixteenth when large.
    private mutating func grow() {
        let room = capacity + max(1, capacity < 1024 ? capacity / 2 : capacity / 16)
        slab = slab.grown(used << Int(Self.shift), to: room << Int(Self.shift))
        chunks = chunks.grown(used, to: room)
        capacity = room
    }

    /// Nothing is open: gives the memory back.
    private mutating func shrink() {
        deallocate()
        self = OpenBuckets()
    }
}
