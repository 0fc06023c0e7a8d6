// SPDX-License-Identifier: Apache-2.0

/// The open buckets of a baseline: per group a short list in rising order, all of them in one slab.
struct OpenBuckets {
    struct Bucket {
        /// Its start divided by the length of a bucket.
        var number: Int64
        var total: Double
        fileprivate var next: Int32
        /// Whether the rule fired in it.
        var isAlerted: Bool
    }

    /// The end of a list, and the list of a group without open buckets.
    static let none: Int32 = -1

    private var slab: [Bucket] = []
    private var free = Self.none

    /// Bytes of memory.
    var bytes: Int { slab.capacity * MemoryLayout<Bucket>.stride }

    /// Adds an amount to a bucket of the list that begins at `head`. True when the bucket is new.
    mutating func add(_ amount: Double, to number: Int64, isAlerted: Bool, head: inout Int32) -> Bool {
        var before = Self.none
        var place = head
        while place != Self.none, slab[Int(place)].number < number {
            before = place
            place = slab[Int(place)].next
        }
        if place != Self.none, slab[Int(place)].number == number {
            slab[Int(place)].total += amount
            if isAlerted { slab[Int(place)].isAlerted = true }
            return false
        }
        let new = take(Bucket(number: number, total: amount, next: place, isAlerted: isAlerted))
        if before == Self.none { head = new } else { slab[Int(before)].next = new }
        return true
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
        guard free != Self.none else {
            slab.append(bucket)
            return Int32(slab.count - 1)
        }
        let place = free
        free = slab[Int(place)].next
        slab[Int(place)] = bucket
        return place
    }
}
