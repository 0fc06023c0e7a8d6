// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#endif

/// What is expected of one bucket: a centre and a spread of the values with activity, on the scale on which they are judged
/// (the logarithm of 1 + value for counts), and how likely activity is at all.
struct Expectation {
    /// Standard deviation of a normal distribution by its mean absolute deviation, √(π/2).
    private static let perMeanDeviation = 1.253_314_137_315_5
    /// The normal distribution's 95th percentile.
    private static let usualSpreads = 1.644_853_626_951_5
    /// With activity in fewer buckets than this share, none is nothing unusual.
    private static let steadyShare = 0.9

    let center: Double
    let expected: Double
    let isLearning: Bool
    private let spread: Double
    private let share: Double
    private let settings: BaselineSettings

    /// - Parameters:
    ///   - weight: how many buckets the centre is known from.
    ///   - share: of buckets with activity, 0...1.
    init(
        center: Double, meanDeviation: Double, weight: Double, share: Double, isLearning: Bool,
        settings: BaselineSettings
    ) {
        self.center = center
        expected = settings.values == .counts ? max(expm1(center), 0) : center
        self.isLearning = isLearning
        self.settings = settings
        self.share = min(max(share, 1e-3), 1)
        let measured = meanDeviation * Self.perMeanDeviation
        let floor: Double
        switch settings.values {
        case .counts:
            // Counts scatter by their square root even if nothing else does (Poisson): 1/√n of the logarithm.
            floor = max(settings.logarithmicFloor, 1 / (1 + expected).squareRoot())
        case .readings: floor = settings.relativeFloor * abs(center)
        }
        // What is known from few buckets is known that much less well.
        spread = max(measured, floor, 1e-12) * (1 + 1 / max(weight, 1)).squareRoot()
    }

    func transform(_ value: Double) -> Double { Self.transform(value, settings) }

    static func transform(_ value: Double, _ settings: BaselineSettings) -> Double {
        settings.values == .counts ? log1p(max(value, 0)) : value
    }

    func value(_ transformed: Double) -> Double {
        settings.values == .counts ? max(expm1(transformed), 0) : transformed
    }

    /// The transformed value, within what `low` and `high` are transformed to.
    func clamp(_ transformed: Double, of value: Double) -> Double {
        // The parts of the edges that cost nothing decide about most values.
        if value <= leastHigh || value <= high, value >= mostLow || value >= low { return transformed }
        return min(max(transformed, transform(low)), transform(high))
    }

    /// Whether `clamp` leaves a value as it is whatever is expected: most counts are small, and of most groups no activity is nothing
    /// unusual.
    static func isSurelyWithin(_ value: Double, share: Double, _ settings: BaselineSettings) -> Bool {
        settings.values == .counts && share < steadyShare && value >= 0 && value <= settings.threshold * unit(settings)
    }

    /// The least distance of one spread, in units of the value.
    private static func unit(_ settings: BaselineSettings) -> Double { max(settings.scaleFloor, 1e-12) }

    private var unit: Double { Self.unit(settings) }

    /// What activity is unlikely adds to how far it lies out: two normal tails of the same probability,
    /// exp(−z²/2) = share · exp(−d²/2).
    private var rarity: Double { -2 * log(share) }

    /// The distance above what is expected, in spreads; negative below it. Three tests, the least one counts: the tail, the
    /// absolute floor, the ratio.
    private func spreads(_ value: Double) -> Double {
        let distance = (transform(value) - center) / spread
        if distance <= 0 { return distance }
        var least = min((distance * distance + rarity).squareRoot(), (value - expected) / unit)
        if settings.ratio > 1, expected > 0 {
            least = min(least, settings.threshold * (value / expected - 1) / (settings.ratio - 1))
        }
        return least
    }

    private func spreadsBelow(_ value: Double) -> Double {
        min((center - transform(value)) / spread, (expected - value) / unit)
    }

    /// Where `spreads` reaches the threshold.
    var high: Double {
        let threshold = settings.threshold
        let tail = value(center + max(threshold * threshold - rarity, 0).squareRoot() * spread)
        return max(tail, leastHigh)
    }

    /// `high` without the tail: not above it.
    private var leastHigh: Double {
        let ratio = settings.ratio > 1 && expected > 0 ? expected * settings.ratio : expected
        return max(expected + settings.threshold * unit, ratio)
    }

    var low: Double {
        if settings.values == .counts, share < Self.steadyShare { return 0 }
        let low = min(value(center - settings.threshold * spread), expected - settings.threshold * unit)
        return settings.values == .counts ? max(low, 0) : low
    }

    /// `low` without the tail: not below it.
    private var mostLow: Double {
        if settings.values == .counts, share < Self.steadyShare { return 0 }
        let low = expected - settings.threshold * unit
        return settings.values == .counts ? max(low, 0) : low
    }

    func judge(_ value: Double) -> Judgement {
        let high = high
        let low = low
        let isReading = settings.values == .readings
        let distance = isReading ? max(spreads(value), spreadsBelow(value)) : spreads(value)
        let reach = Self.usualSpreads * spread
        let from = isReading || share >= Self.steadyShare ? self.value(center - reach) : 0
        let to = self.value(center + reach)
        return Judgement(
            expected: expected, low: low, high: high, usual: from <= to ? from...to : expected...expected,
            strength: max(distance, 0) / max(settings.threshold, 1e-12),
            deviates: !isLearning && (value >= high || isReading && value <= low), isLearning: isLearning)
    }
}
