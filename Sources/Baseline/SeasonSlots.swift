// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#endif

/// How the hours of a day or week differ from the usual level: 12 bits an hour.
///
/// An hour's values are gathered and folded into its slot when the next one begins, so that a slot weighs days or weeks, not
/// buckets. A slot moves by at least one step towards what it was, else rounding would hold it where it is.
struct SeasonSlots: Sendable, Hashable {
    /// A share of 15 is one.
    private static let shareSteps = 15.0
    /// A smaller rate could not move a slot by rounding alone.
    private static let slowest = 1.0 / 16

    /// Per slot: the difference of its level from the usual one, in `step`s. Behind them, two slots a byte, low half first:
    /// the share of its buckets with activity.
    private(set) var bytes: [UInt8]
    private(set) var count: Int
    let step: Float
    /// The hour since the epoch with which it began.
    private(set) var since: Int32
    private(set) var openHour: Int32
    private(set) var openSum: Float = 0
    private(set) var openActive: UInt16 = 0

    /// Slots of the day.
    ///
    /// - Parameters:
    ///   - share: of buckets with activity, until a slot knows better.
    ///   - step: what one step of a level is.
    init(since hour: Int32, share: Double, step: Double) {
        count = 24
        self.step = Float(step.isFinite && step > 0 ? step : 1)
        since = hour
        openHour = hour
        let half = UInt8((min(max(share, 0), 1) * Self.shareSteps).rounded(.up))
        bytes = Array(repeating: 0, count: count) + Array(repeating: half | half << 4, count: count / 2)
    }

    /// From slots of the day to slots of the week, which begin as what is known of the day; nothing if they are that already.
    mutating func widen(at hour: Int32) {
        guard count == 24 else { return }
        let (offsets, shares) = (bytes[..<24], bytes[24...])
        bytes = []
        for _ in 0..<7 { bytes += offsets }
        for _ in 0..<7 { bytes += shares }
        count = 168
        since = hour
    }

    /// Nil if the parts do not fit together.
    init?(
        bytes: [UInt8], count: Int, step: Float, since: Int32, openHour: Int32, openSum: Float, openActive: UInt16
    ) {
        guard count == 24 || count == 168, bytes.count == count + count / 2, step.isFinite, step > 0, openSum.isFinite,
            since <= openHour
        else { return nil }
        self.bytes = bytes
        self.count = count
        self.step = step
        self.since = since
        self.openHour = openHour
        self.openSum = openSum
        self.openActive = openActive
    }

    /// The level's difference in the hour, and the share of its buckets that have activity, never 0.
    func slot(hour: Int32) -> (offset: Double, share: Double) {
        let index = index(hour)
        return (
            Double(Int8(bitPattern: bytes[index])) * Double(step),
            max(Double(share(index)), 0.5) / Self.shareSteps
        )
    }

    /// Takes a bucket's deviation from the usual level. Hours come in rising order.
    ///
    /// - Parameters:
    ///   - bucketsPerHour: at least 1.
    ///   - history: the half-life in hours.
    ///   - countsEmpty: hours left out had no activity.
    mutating func learn(
        hour: Int32, deviation: Double, isActive: Bool, bucketsPerHour: Double, history: Double, countsEmpty: Bool
    ) {
        if hour > openHour {
            let leastRate = max(1 - exp2(-Double(count) / max(history, 1)), Self.slowest)
            let share = min(Double(openActive) / bucketsPerHour, 1)
            fold(
                openHour, level: openActive > 0 ? Double(openSum) / Double(openActive) : nil,
                share: countsEmpty ? share : nil, times: 1, leastRate)
            if countsEmpty {
                // At most one fold for each slot, however long the gap.
                let passed = Int64(hour) - Int64(openHour) - 1
                for ahead in 0..<min(passed, Int64(count)) {
                    let times = (passed - ahead - 1) / Int64(count) + 1
                    fold(Int32(Int64(openHour) + 1 + ahead), level: nil, share: 0, times: Int(times), leastRate)
                }
            }
            openHour = hour
            openSum = 0
            openActive = 0
        }
        guard isActive, openActive < .max else { return }
        openSum += Float(deviation)
        openActive += 1
    }

    private mutating func fold(_ hour: Int32, level: Double?, share: Double?, times: Int, _ leastRate: Double) {
        let seasons = (Double(hour) - Double(since)) / Double(count)
        let passed = max(seasons.rounded(.down), 0)
        let index = index(hour)
        if let level {
            let old = Double(Int8(bitPattern: bytes[index]))
            let rate = max(1 / (passed + 1), leastRate)
            bytes[index] = UInt8(
                bitPattern: Int8(Self.moved(old, to: level / Double(step), rate: rate, in: -127...127)))
        }
        if let share {
            // One empty hour is less sure than one level: what was known counts as one season more.
            let rate = max(1 / (passed + 2), leastRate)
            var half = Double(self.share(index))
            // 15 steps at most: after so many folds nothing changes any more.
            for _ in 0..<min(times, 16) {
                half = Self.moved(half, to: share * Self.shareSteps, rate: rate, in: 0...Self.shareSteps)
            }
            set(share: UInt8(half), at: index)
        }
    }

    private static func moved(_ old: Double, to goal: Double, rate: Double, in range: ClosedRange<Double>) -> Double {
        let goal = min(max(goal.rounded(), range.lowerBound), range.upperBound)
        let new = (old + rate * (goal - old)).rounded()
        if new == old, goal != old { return old + (goal > old ? 1 : -1) }
        return new
    }

    private func index(_ hour: Int32) -> Int {
        // The epoch was a Thursday: 72 hours on, weeks begin on Monday.
        let shifted = (Int64(hour) + 72) % Int64(count)
        return Int(shifted < 0 ? shifted + Int64(count) : shifted)
    }

    private func share(_ index: Int) -> UInt8 {
        bytes[count + index / 2] >> (index % 2 == 0 ? 0 : 4) & 15
    }

    private mutating func set(share: UInt8, at index: Int) {
        let low = index % 2 == 0
        let byte = bytes[count + index / 2]
        bytes[count + index / 2] = low ? byte & 0xF0 | share : byte & 0x0F | share << 4
    }
}
