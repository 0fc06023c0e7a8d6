// SPDX-License-Identifier: Apache-2.0

/// The open buckets of a baseline: per group a short list in rising order, and per bucket a list of its groups, all of them in
/// one slab. The owner frees it. 24 bytes a bucket.
struct OpenBuckets {
    struct Bucket {
        /// Its start divided by the length of a bucket.
        let number: Int64
        let total: Double
        /// Whether the rule fired in it.
        let isAlerted: Bool
    }

    private struct Place {
        var total: Double
        /// Its number less `origin`.
        let offset: Int32
        var next: Int32
        /// The group's key; the top bit says whether the rule fired in it.
        var owner: UInt32
        /// The next group with a bucket of this number.
        var nextGroup: Int32

        static let alerted: UInt32 = 1 << 31
    }

    /// The end of a list, and the list of a group without open buckets.
    static let none: Int32 = -1

    private var slab = UnsafeMutablePointer<Place>.allocate(capacity: 8)
    private var capacity = 8
    private var used = 0
    private var free = Self.none
    private var live = 0
    /// Open buckets lie close together: their numbers are counted from that of the first one.
    private var origin: Int64 = 0

    func deallocate() {
        slab.deallocate()
    }

    /// Bytes of memory.
    var bytes: Int { capacity * MemoryLayout<Place>.stride }

    /// Whether a bucket can be open beside those that are: its number is not further than 2^31 from theirs.
    func canHold(_ number: Int64) -> Bool {
        live == 0 || Int32(exactly: number.subtractingReportingOverflow(origin).partialValue) != nil
    }

    /// Adds an amount to a bucket of the list that begins at `head`, that of the group `key`. The bucket's place when it is new.
    /// One that cannot be held (`canHold`) is left out.
    mutating func add(_ amount: Double, to number: Int64, of key: Int32, isAlerted: Bool, head: inout Int32) -> Int32? {
        if live == 0 { origin = number }
        guard let offset = Int32(exactly: number.subtractingReportingOverflow(origin).partialValue) else { return nil }
        var before = Self.none
        var place = head
        while place != Self.none, slab[Int(place)].offset < offset {
            before = place
            place = slab[Int(place)].next
        }
        if place != Self.none, slab[Int(place)].offset == offset {
            slab[Int(place)].total += amount
            if isAlerted { slab[Int(place)].owner |= Place.alerted }
            return nil
        }
        let new = take(
            Place(
                total: amount, offset: offset, next: place,
                owner: UInt32(bitPattern: key) | (isAlerted ? Place.alerted : 0), nextGroup: Self.none))
        if before == Self.none { head = new } else { slab[Int(before)].next = new }
        return new
    }

    /// Appends a new bucket to the list of the groups with a bucket of its number, whose last one is at `place`.
    func link(_ place: Int32, to new: Int32) {
        slab[Int(place)].nextGroup = new
    }

    /// The group of a bucket, and the place of the next group's bucket of the same number.
    func owner(of place: Int32) -> (key: Int32, next: Int32) {
        (Int32(bitPattern: slab[Int(place)].owner & ~Place.alerted), slab[Int(place)].nextGroup)
    }

    /// Takes the first bucket out of a list, if it is the one of this number.
    mutating func removeFirst(_ number: Int64, head: inout Int32) -> Bucket? {
        guard head != Self.none, case let first = slab[Int(head)], origin + Int64(first.offset) == number else {
            return nil
        }
        slab[Int(head)].next = free
        free = head
        head = first.next
        live -= 1
        return bucket(first)
    }

    /// Calls `body` with the buckets of a list, in rising order.
    func forEach(head: Int32, _ body: (Bucket) -> Void) {
        var place = head
        while place != Self.none {
            body(bucket(slab[Int(place)]))
            place = slab[Int(place)].next
        }
    }

    @inline(__always)
    private func bucket(_ place: Place) -> Bucket {
        Bucket(
            number: origin + Int64(place.offset), total: place.total, isAlerted: place.owner & Place.alerted != 0)
    }

    private mutating func take(_ bucket: Place) -> Int32 {
        let place = free != Self.none ? free : Int32(used)
        if free != Self.none {
            free = slab[Int(place)].next
        } else {
            if used == capacity { grow() }
            used += 1
        }
        (slab + Int(place)).initialize(to: bucket)
        live += 1
        return place
    }

    private mutating func grow() {
        let room = capacity < 4096 ? capacity * 2 : capacity + capacity / 4
        (slab, capacity) = (slab.grown(used, to: room), room)
    }
}
