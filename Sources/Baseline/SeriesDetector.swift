// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#endif

/// How a series is watched, point by point.
package struct SeriesSettings: Sendable, Hashable {
    /// What is expected, and how far off is far. `bucket` is not used: the points' own spacing is.
    package var baseline: BaselineSettings
    /// The score says how new a point is for the series (see `Novelty`), in place of how far it is from what is expected.
    package var novelty: Bool
    /// The surprise, in powers of ten, that scores 0.5.
    package var surprise: Double
    /// So many points after an alarm only a clearly stronger one is an alarm again.
    package var holdDown: Int
    /// Points that novelty remembers; the time that a point takes is in proportion.
    package var memory: Int

    /// The defaults: either side of the usual of the hour of the week, and novelty, with the threshold chosen in
    /// docs/baselines.md.
    package init(
        baseline: BaselineSettings = BaselineSettings(
            values: .readings, season: .hourOfWeek, minimumHistory: 0, minimumBuckets: 200, scaleFloor: 0,
            relativeFloor: 0.01, ratio: 0),
        novelty: Bool = true, surprise: Double = 8, holdDown: Int = 200, memory: Int = 20_000
    ) {
        self.baseline = baseline
        self.novelty = novelty
        self.surprise = surprise
        self.holdDown = holdDown
        self.memory = memory
    }
}

/// What a point of a series means beside the points before it.
package struct SeriesPoint: Sendable, Hashable {
    package var expected: Double
    package var low: Double
    package var high: Double
    /// 0...1, 0.5 or more for an alarm and for nothing else: points that the hold-down keeps silent stay below it.
    package var score: Double
    /// Little is known yet: one of the first 200 points.
    package var isLearning: Bool

    package var isAlarm: Bool { score >= 0.5 }
}

/// Watches one series of points in the order in which they come: nothing later changes the score of an earlier one.
package struct SeriesDetector: Sendable {
    /// So many points are gathered first: their spread is the unit in which all others are measured, and the median of their
    /// distances is the spacing. A rough fence judges them.
    package static let warmUp = 200
    /// In the hold-down, a score is an alarm again if it is higher than that of the alarm by so many powers of ten.
    private static let clearly = 2.0
    private static let day = 86_400_000.0
    /// Until then a point is an alarm only if it lies three times as far from the median as nine of ten are apart, and not
    /// before so many are known.
    private static let earlyReach = 3.0
    private static let earliest = 30

    private let settings: SeriesSettings
    private var first: [(value: Double, time: Int64)] = []
    private var watch: Watch?
    private var sinceAlarm: Int?
    private var alarmStrength = 0.0

    package init(_ settings: SeriesSettings = SeriesSettings()) {
        self.settings = settings
    }

    /// Judges a point by those before it, then learns it.
    ///
    /// - Parameters:
    ///   - value: a finite number.
    ///   - time: ms since the epoch; also one before or at the last one's (clocks that go back), which what is expected does
    ///     not learn from.
    package mutating func next(_ value: Double, time: Int64) -> SeriesPoint {
        if let (judgement, surprise) = watch?.next(value, time: time) { return point(judgement, surprise) }
        let point = early(value)
        first.append((value, time))
        if first.count == Self.warmUp {
            var started = Watch(first, settings)
            for point in first { _ = started.next(point.value, time: point.time) }
            first = []
            sinceAlarm = nil
            watch = started
        }
        return point
    }

    /// While little is known: far outside of what most points were.
    private mutating func early(_ value: Double) -> SeriesPoint {
        let values = first.map(\.value).sorted()
        guard let lowest = values.first, let highest = values.last else {
            return SeriesPoint(expected: value, low: value, high: value, score: 0, isLearning: true)
        }
        let share = { (share: Double) in values[Int(Double(values.count) * share)] }
        let middle = share(0.5)
        let reach = Self.earlyReach * (share(0.95) - share(0.05))
        guard settings.novelty, values.count >= Self.earliest, reach > 0, reach.isFinite else {
            return SeriesPoint(expected: middle, low: lowest, high: highest, score: 0, isLearning: true)
        }
        let strength = abs(value - middle) / reach
        var point = SeriesPoint(
            expected: middle, low: middle - reach, high: middle + reach, score: Self.score(strength), isLearning: true)
        holdDown(&point, strength, again: 1)
        return point
    }

    private mutating func point(_ judgement: Judgement, _ surprise: Double) -> SeriesPoint {
        // Either is 1 at its threshold and grows without end.
        let strength = settings.novelty ? surprise / settings.surprise : judgement.strength
        var point = SeriesPoint(
            expected: judgement.expected, low: judgement.low, high: judgement.high, score: Self.score(strength),
            isLearning: false)
        if !settings.novelty {
            point.isLearning = judgement.isLearning
            if judgement.isLearning { point.score = 0 }
        }
        holdDown(&point, strength, again: settings.novelty ? Self.clearly / settings.surprise : 1)
        return point
    }

    private static func score(_ strength: Double) -> Double {
        guard strength.isFinite else { return strength > 0 ? 1 : 0 }
        return strength <= 0 ? 0 : strength / (strength + 1)
    }

    private mutating func holdDown(_ point: inout SeriesPoint, _ strength: Double, again: Double) {
        if let since = sinceAlarm { sinceAlarm = since + 1 }
        guard point.isAlarm else { return }
        if let since = sinceAlarm, since <= settings.holdDown, strength < alarmStrength + again {
            point.score /= 2.001
        } else {
            sinceAlarm = 0
            alarmStrength = strength
        }
    }

    /// What there is once the spacing and the unit are known.
    private struct Watch: Sendable {
        private let center: Double
        private let unit: Double
        private let settings: BaselineSettings
        private var known = SeriesBaseline()
        private var novelty: Novelty?

        init(_ first: [(value: Double, time: Int64)], _ settings: SeriesSettings) {
            let values = first.map(\.value).sorted()
            let share = { (share: Double) in values[min(Int(Double(values.count) * share), values.count - 1)] }
            center = share(0.5)
            let spread = share(0.9) - share(0.1)
            unit = spread > 0 ? spread : max(abs(center) / 10, 1e-9)
            let gaps = zip(first.dropFirst(), first).map { later, earlier in later.time - earlier.time }
                .filter { $0 > 0 }.sorted()
            let spacing = gaps.isEmpty ? 1000 : gaps[gaps.count / 2]
            var baseline = settings.baseline
            baseline.bucket = spacing
            self.settings = baseline
            if settings.novelty {
                novelty = Novelty(
                    capacity: max(settings.memory, SeriesDetector.warmUp),
                    rowsPerDay: Int((SeriesDetector.day / Double(spacing)).rounded()))
            }
        }

        mutating func next(_ value: Double, time: Int64) -> (Judgement, surprise: Double) {
            let bucket = time / settings.bucket
            let judgement = known.judge(value, bucket: bucket, settings)
            known.learn(value, bucket: bucket, isAlerted: judgement.deviates, settings)
            // Straight near the centre, logarithmic far out: heavy tails are compressed, signs are kept.
            return (judgement, novelty?.next(asinh((value - center) / unit), time: time) ?? 0)
        }
    }
}
