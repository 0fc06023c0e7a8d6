// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#endif

/// How new a value is for its series: two groups of views, each view's statistic turned into a surprise (−log10 of its
/// probability) by its own past, the surprises of a group added up, the higher sum taken. docs/baselines.md says how each
/// choice was made.
///
/// *Sudden*: how far the last one, two, three values are from any such run of the past, the last one from any earlier at that
/// time of day, and how far it lies outside of all seen. *Sustained*: the means of the last 48 values and of the last day
/// after the hour of the week is taken out, and of the last 48 after the hour of the day.
struct Novelty: Sendable {
    /// Statistics of the first rows are of a past too short: they are not learned.
    private static let unlearned = 100
    private static let shortMean = 48
    /// Twelve hours' difference in time is worth five times the spread of the values.
    private static let timeWeight = 5.0
    /// Distances below this share of the spread are alike.
    private static let floorShare = 0.02
    private static let suddenViews = 5
    /// The more past, the higher surprises chance brings: each sudden view's counts a third of log10 of the rows less.
    private static let lengthWeight = 5.0 / 3
    private static let lengthUnit = 1000.0
    private static let leastLength = 100.0

    private let capacity: Int
    private var rows = 0
    private var order: SlidingOrder
    private var past: NearestPast
    private var hourOfWeek = SlotMeans(hours: 168)
    private var hourOfDay = SlotMeans(hours: 24)
    private var sustained: [RunningMean]
    private var tails: [TailProbability]

    /// - Parameters:
    ///   - capacity: rows that it remembers.
    ///   - rowsPerDay: rounded.
    init(capacity: Int, rowsPerDay: Int) {
        self.capacity = capacity
        order = SlidingOrder(capacity: capacity)
        past = NearestPast(capacity: capacity)
        let day = min(max(rowsPerDay, 1), capacity)
        sustained = [Self.shortMean, day, Self.shortMean].map { RunningMean(length: $0) }
        tails = Array(repeating: TailProbability(capacity: capacity), count: Self.suddenViews + sustained.count)
    }

    /// The value's surprise; then learns it.
    ///
    /// - Parameters:
    ///   - value: on a scale on which differences count alike.
    ///   - time: ms since the epoch.
    mutating func next(_ value: Double, time: Int64) -> Double {
        let scale = order.sorted.isEmpty ? 1 : max(order.quantile(0.95) - order.quantile(0.05), 1e-12)
        let phase = Double(time % 86_400_000) / 86_400_000
        let distances = past.distances(value, phase: phase, timeScale: Self.timeWeight * scale)
        let weekly = hourOfWeek.residual(value, time: time)
        let daily = hourOfDay.residual(value, time: time)
        let statistics = [
            distances.runs[0], distances.runs[1], distances.runs[2], distances.sameTime, outside(value) * scale,
            abs(sustained[0].append(weekly)), abs(sustained[1].append(weekly)), abs(sustained[2].append(daily)),
        ]
        var sums = (sudden: 0.0, sustained: 0.0)
        for (index, statistic) in statistics.enumerated() {
            let surprise = max(tails[index].surprise(statistic, floor: Self.floorShare * scale), 0)
            if index < Self.suddenViews { sums.sudden += surprise } else { sums.sustained += surprise }
            if rows >= Self.unlearned { tails[index].learn(statistic) }
        }
        let length = max(Double(min(rows, capacity)), Self.leastLength)
        rows += 1
        order.append(value)
        past.append(value, phase: phase)
        return max(sums.sudden, sums.sustained) - Self.lengthWeight * log10(length / Self.lengthUnit)
    }

    /// How far it is outside of everything seen, in units of the whole range.
    private func outside(_ value: Double) -> Double {
        guard let low = order.sorted.first, let high = order.sorted.last, high > low else { return 0 }
        return max(value - high, low - value, 0) / (high - low)
    }
}
