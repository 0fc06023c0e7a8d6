// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#endif

/// The values of a peer group: how many of which size, each weighing half after a half-life, and the highest members.
///
/// Values are counted in bins whose edges rise by a factor of 2^(1/4), as in DDSketch (Masson, Rim, Lee: "DDSketch", VLDB
/// 2019): a quantile is off by at most 9 %. Members are counted by linear counting (Whang et al., TODS 1990). About 2 kB.
package struct PeerSketch: Sendable {
    /// One of the members with the highest values.
    package struct Top: Sendable, Hashable {
        package let member: UInt64
        package let value: Double
        package let bucket: Int64
    }

    static let binsPerDoubling = 4.0
    /// Values from 1 to 2^48; below 1 counts as 0, above as 2^48.
    static let binCount = 193
    /// Two halves of 2,048 bits, the newer one first: members of this half-life and of the one before.
    static let memberWords = 64
    static let topCount = 4

    private(set) var bins: [Float]
    private(set) var memberBits: [UInt64]
    private(set) var tops: [Top] = []
    /// The bucket up to which the bins have been aged.
    private(set) var agedTo: Int64 = .min

    /// Nobody is known.
    package init() {
        bins = Array(repeating: 0, count: Self.binCount)
        memberBits = Array(repeating: 0, count: Self.memberWords)
    }

    init(bins: [Float], memberBits: [UInt64], tops: [Top], agedTo: Int64) {
        self.bins = bins
        self.memberBits = memberBits
        self.tops = tops
        self.agedTo = agedTo
    }

    /// Takes the total of a member's closed bucket with activity; a value that is no number or not above 0 is ignored.
    ///
    /// - Parameters:
    ///   - member: a hash of the member, equally spread.
    ///   - bucket: in any order; one from before the latest counts as of the latest.
    ///   - history: the half-life, in buckets.
    package mutating func add(_ value: Double, member: UInt64, bucket: Int64, history: Int64) {
        guard value.isFinite, value > 0 else { return }
        let history = min(max(history, 1), .max / 2)
        age(to: bucket, history: history)
        bins[Self.bin(value)] += 1
        memberBits[Int(member >> 6) & (Self.memberWords / 2 - 1)] |= 1 << (member & 63)
        note(Top(member: member, value: value, bucket: bucket), oldest: agedTo.subtracting(2 * history))
    }

    /// The value below which the share `q` (0...1) of the buckets lies; 0 when nothing is known.
    package func quantile(_ q: Double) -> Double {
        let total = bins.reduce(0.0) { $0 + Double($1) }
        guard total > 0 else { return 0 }
        var rest = min(max(q, 0), 1) * total
        var last = 0
        for (index, count) in bins.enumerated() where count > 0 {
            last = index
            rest -= Double(count)
            if rest <= 0 { break }
        }
        return Self.middle(last)
    }

    /// The highest value of any member but this one in the last two half-lives; nil if there is none.
    package func highest(besides member: UInt64) -> Top? {
        tops.first { $0.member != member }
    }

    /// How many members had activity in the last one to two half-lives: an estimate, exact to a few per cent up to 5,000,
    /// at most 15,600.
    package var members: Int {
        let half = Self.memberWords / 2
        let bits = Double(half * 64)
        var set = 0
        for index in 0..<half { set += (memberBits[index] | memberBits[half + index]).nonzeroBitCount }
        return Int((-bits * log(max(bits - Double(set), 1) / bits)).rounded())
    }

    /// What it takes in memory, in bytes.
    package var byteCount: Int {
        MemoryLayout<Self>.stride + 3 * 32 + Self.binCount * 4 + Self.memberWords * 8
            + Self.topCount * MemoryLayout<Top>.stride
    }

    private mutating func age(to bucket: Int64, history: Int64) {
        guard agedTo != .min else {
            agedTo = bucket
            return
        }
        guard bucket > agedTo else { return }
        let (before, after) = (agedTo.quotient(history), bucket.quotient(history))
        if after > before {
            let half = Self.memberWords / 2
            for index in 0..<half {
                memberBits[half + index] = after == before + 1 ? memberBits[index] : 0
                memberBits[index] = 0
            }
        }
        let kept = Float(exp2(-(Double(bucket) - Double(agedTo)) / Double(history)))
        for index in bins.indices {
            let count = bins[index] * kept
            // A value of long ago is forgotten, or quantiles would never come down.
            bins[index] = count < 1e-3 ? 0 : count
        }
        agedTo = bucket
    }

    private mutating func note(_ top: Top, oldest: Int64) {
        if isPassedOver(top, oldest: oldest) { return }
        tops.removeAll { $0.bucket < oldest || ($0.member == top.member && $0.value <= top.value) }
        if tops.contains(where: { $0.member == top.member }) { return }
        let place = tops.firstIndex { $0.value < top.value } ?? tops.count
        guard place < Self.topCount else { return }
        tops.insert(top, at: place)
        if tops.count > Self.topCount { tops.removeLast() }
    }

    /// Whether a value changes nothing in `tops`: that of most members.
    private func isPassedOver(_ top: Top, oldest: Int64) -> Bool {
        guard tops.count == Self.topCount else { return false }
        for known in tops where known.bucket < oldest || known.value < top.value || known.member == top.member {
            return false
        }
        return true
    }

    static func bin(_ value: Double) -> Int {
        value < 1 ? 0 : min(1 + Int(log2(value) * binsPerDoubling), binCount - 1)
    }

    /// The middle of a bin on the scale of its edges.
    private static func middle(_ bin: Int) -> Double {
        bin == 0 ? 0 : exp2((Double(bin) - 0.5) / binsPerDoubling)
    }
}

extension Int64 {
    /// Stops at the ends in place of overflowing.
    fileprivate func subtracting(_ other: Int64) -> Int64 {
        let (result, overflows) = subtractingReportingOverflow(other)
        return overflows ? (other > 0 ? .min : .max) : result
    }

    fileprivate func quotient(_ divisor: Int64) -> Int64 {
        self / divisor - (self % divisor < 0 ? 1 : 0)
    }
}
