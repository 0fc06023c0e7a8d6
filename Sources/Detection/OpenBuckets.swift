// SPDX-License-Identifier: Apache-2.0

/// The open buckets of a baseline: per group a short list in rising order, and per bucket a list of its groups, all of them in
/// one slab. The owner frees it. 32 bytes a bucket.
struct OpenBuckets {
    struct Bucket {
        /// Its start divided by the length of a bucket.
        var number: Int64
        var total: Double
        fileprivate var next: Int32
        /// The group's key.
        fileprivate var key: Int32
        /// The next group with a bucket of this number.
        fileprivate var nextGroup: Int32
        /// Whether the rule fired in it.
        var isAlerted: Bool
    }

    /// The end of a list, and the list of a group without open buckets.
    static let none: Int32 = -1

    private var slab = UnsafeMutablePointer<Bucket>.allocate(capacity: 8)
    private var capacity = 8
    private var used = 0
    private var free = Self.none

    func deallocate() {
        slab.deallocate()
    }

    /// Bytes of memory.
    var bytes: Int { capacity * MemoryLayout<Bucket>.stride }

    /// Adds an amount to a bucket of the list that begins at `head`, that of the group `key`. The bucket's place when it is new.
    mutating func add(_ amount: Double, to number: Int64, of key: Int32, isAlerted: Bool, head: inout Int32) -> Int32? {
        var before = Self.none
        var place = head
        while place != Self.none, slab[Int(place)].number < number {
            before = place
            place = slab[Int(place)].next
        }
        if place != Self.none, slab[Int(place)].number == number {
            slab[Int(place)].total += amount
            if isAlerted { slab[Int(place)].isAlerted = true }
            return nil
        }
        let new = take(
            Bucket(number: number, total: amount, next: place, key: key, nextGroup: Self.none, isAlerted: isAlerted))
        if before == Self.none { head = new } else { slab[Int(before)].next = new }
        return new
    }

    /// Appends a new bucket to the list of the groups with a bucket of its number, whose last one is at `place`.
    func link(_ place: Int32, to new: Int32) {
        slab[Int(place)].nextGroup = new
    }

    /// The group of a bucket, and the place of the next group's bucket of the same number.
    func owner(of place: Int32) -> (key: Int32, next: Int32) {
        (slab[Int(place)].key, slab[Int(place)].nextGroup)
    }

    /// Takes the first bucket out of a list, if it is the one of this number.
    mutating func removeFirst(_ number: Int64, head: inout Int32) -> Bucket? {
        guard head != Self.none, case let bucket = slab[Int(head)], bucket.number == number else { return nil }
        slab[Int(head)].next = free
        free = head
        head = bucket.next
        return bucket
    }

    /// Calls `body` with the buckets of a list, in rising order.
    func forEach(head: Int32, _ body: (Bucket) -> Void) {
        var place = head
        while place != Self.none {
            let bucket = slab[Int(place)]
            body(bucket)
            place = bucket.next
        }
    }

    private mutating func take(_ bucket: Bucket) -> Int32 {
        let place = free != Self.none ? free : Int32(used)
        if free != Self.none {
            free = slab[Int(place)].next
        } else {
            if used == capacity { grow() }
            used += 1
        }
        (slab + Int(place)).initialize(to: bucket)
        return place
    }

    private mutating func grow() {
        let room = capacity < 4096 ? capacity * 2 : capacity + capacity / 4
        let larger = UnsafeMutablePointer<Bucket>.allocate(capacity: room)
        larger.moveInitialize(from: slab, count: used)
        slab.deallocate()
        (slab, capacity) = (larger, room)
    }
}
