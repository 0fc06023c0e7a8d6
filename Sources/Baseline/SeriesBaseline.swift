// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#endif

/// What is known about one subject and metric: the usual level of a bucket with activity, how far values spread around it,
/// how often there is activity at all, and (with a season) how hours differ. docs/baselines.md has the formulas.
package struct SeriesBaseline: Sendable {
    static let hour: Int64 = 3_600_000
    /// Once so many buckets are known, one is taken as at most so many times as far out as the mean: heavy tails are judged,
    /// not learned. (Of a normal distribution, one in 700 is beyond.)
    private static let trustedWeight: Float = 20
    private static let widest = 4.0
    /// A new subject's spread counts like so many buckets of `priorSpread`.
    private static let priorWeight = 2.0
    /// Of the logarithm: a factor of 2.7. Readings have no prior, they have no scale of their own.
    private static let priorSpread = 1.0

    /// `Int64.min` before the first bucket.
    package private(set) var lastBucket: Int64 = .min
    /// Hour since the epoch of the first bucket.
    private(set) var firstHour: Int32 = 0
    /// Buckets so far, each weighing half after `history`.
    private(set) var seen: Float = 0
    /// Those with activity.
    private(set) var active: Float = 0
    /// Mean of the transformed values with activity.
    private(set) var level: Float = 0
    /// Mean of the absolute deviations from what was expected, and how many buckets it is the mean of; they weigh half after
    /// a quarter of `history`, so that what the season explains by now does not stay in the spread.
    private(set) var deviation: Float = 0
    private(set) var deviationWeight: Float = 0
    /// None or one: most series have no season, and these take 8 bytes for it.
    private var season: [SeasonSlots] = []
    var slots: SeasonSlots? { season.first }

    /// Nothing is known.
    package init() {}

    /// What is known is kept in 32 bits a number.
    static let largest = 1e30

    private static func bounded(_ value: Double) -> Double { min(max(value, -largest), largest) }

    init(
        lastBucket: Int64, firstHour: Int32, seen: Float, active: Float, level: Float, deviation: Float,
        deviationWeight: Float, slots: SeasonSlots?
    ) {
        self.lastBucket = lastBucket
        self.firstHour = firstHour
        self.seen = seen
        self.active = active
        self.level = level
        self.deviation = deviation
        self.deviationWeight = deviationWeight
        season = slots.map { [$0] } ?? []
    }

    /// What a value would mean in a bucket (its start divided by `settings.bucket`). Changes nothing. A value that is no
    /// number is judged as 0.
    package func judge(_ value: Double, bucket: Int64, _ settings: BaselineSettings) -> Judgement {
        expectation(at: bucket, settings).judge(value.isFinite ? Self.bounded(value) : 0)
    }

    /// Learns the total of a closed bucket. Buckets come in rising order; one that does not is ignored, as is a value that
    /// is no number. Of counts, buckets left out were without activity. What lies outside `low`...`high` is learned as if it
    /// lay at that edge, so that a spike leaves no trace and a lasting shift is learned in time. An alerted bucket is
    /// learned so even while everything else is still learned as it is.
    package mutating func learn(_ value: Double, bucket: Int64, isAlerted: Bool, _ settings: BaselineSettings) {
        guard value.isFinite, bucket > lastBucket else { return }
        let value = Self.bounded(value)
        let hour = Self.hourIndex(bucket, settings)
        let slot = season.isEmpty ? nil : season[0].slot(hour: hour)
        let center = center(slot)
        let transformed = Expectation.transform(value, settings)
        // What lies outside is only asked for where it is not learned as it is.
        let clamped =
            (isAlerted || !isLearning(hour, settings))
                && !Expectation.isSurelyWithin(value, share: share(slot, settings), settings)
            ? expectation(at: bucket, settings).clamp(transformed, of: value) : transformed
        if lastBucket == .min { firstHour = hour }
        startSeason(hour, settings)

        let isCount = settings.values == .counts
        let passed = lastBucket == .min ? 1 : Double(bucket) - Double(lastBucket)
        let keep = settings.decay.keep
        let (kept, keptSpread) = settings.decay.kept(after: passed)
        // Σ keep^i over the buckets that passed: each was seen, though empty. Readings left out were not.
        let fresh = isCount ? (1 - kept) / (1 - keep) : 1
        seen = Float(Double(seen) * kept + (keep < 1 ? fresh : passed))
        let isActive = !isCount || value > 0
        active = Float(Double(active) * kept + (isActive ? 1 : 0))
        deviationWeight = Float(Double(deviationWeight) * keptSpread)
        lastBucket = bucket

        var offset = 0.0
        if isActive {
            let known = active > 1
            if known {
                deviationWeight += 1
                var distance = abs(clamped - center)
                if deviationWeight > Self.trustedWeight {
                    distance = min(distance, Self.widest * Double(deviation))
                }
                deviation += Float((distance - Double(deviation)) / Double(deviationWeight))
            }
            let seasonal = known ? center - Double(level) : 0
            level += Float((clamped - seasonal - Double(level)) / Double(active))
            offset = clamped - Double(level)
        }
        if season.isEmpty { return }
        season[0].learn(
            hour: hour, deviation: offset, isActive: isActive,
            bucketsPerHour: max(1, Double(Self.hour) / Double(settings.bucket)),
            history: Double(settings.history) / Double(Self.hour),
            countsEmpty: isCount)
    }

    /// What is expected of a bucket.
    func expectation(at bucket: Int64, _ settings: BaselineSettings) -> Expectation {
        let hour = Self.hourIndex(bucket, settings)
        let isCount = settings.values == .counts
        let prior = isCount ? Self.priorWeight : 0
        let weight = Double(deviationWeight) + prior
        let mean = weight > 0 ? (Double(deviation) * Double(deviationWeight) + prior * Self.priorSpread) / weight : 0
        let slot = season.isEmpty ? nil : season[0].slot(hour: hour)
        return Expectation(
            center: center(slot), meanDeviation: mean, weight: Double(active),
            share: share(slot, settings),
            isLearning: isLearning(hour, settings), settings: settings)
    }

    /// Of buckets with activity.
    private func share(_ slot: (offset: Double, share: Double)?, _ settings: BaselineSettings) -> Double {
        settings.values == .counts ? slot?.share ?? (Double(active) + 1) / (Double(seen) + 2) : 1
    }

    private func center(_ slot: (offset: Double, share: Double)?) -> Double { Double(level) + (slot?.offset ?? 0) }

    private func isLearning(_ hour: Int32, _ settings: BaselineSettings) -> Bool {
        lastBucket == .min || (Int64(hour) - Int64(firstHour)) * Self.hour < settings.minimumHistory
            || Double(active) < Double(settings.minimumBuckets)
    }

    /// Slots of the day come with the second day, those of the week begin as copies of them with the third week. Other
    /// settings than before begin anew.
    private mutating func startSeason(_ hour: Int32, _ settings: BaselineSettings) {
        guard settings.season != .none, active > 0 else {
            if !season.isEmpty { season = [] }
            return
        }
        let age = Int64(hour) - Int64(firstHour)
        let isCount = settings.values == .counts
        if season.isEmpty, age >= 2 * 24 {
            season = [
                SeasonSlots(
                    since: hour, share: isCount ? Double(active / max(seen, 1)) : 1,
                    step: isCount ? 1 / 16 : Double(deviation) / 8)
            ]
        }
        if settings.season == .hourOfWeek, age >= 2 * 168, !season.isEmpty { season[0].widen(at: hour) }
    }

    /// The hour since the epoch in which the bucket begins.
    private static func hourIndex(_ bucket: Int64, _ settings: BaselineSettings) -> Int32 {
        let (start, overflows) = bucket.multipliedReportingOverflow(by: max(settings.bucket, 1))
        if overflows { return bucket < 0 ? .min : .max }
        let hour = start / Self.hour
        return Int32(clamping: start % Self.hour < 0 ? hour - 1 : hour)
    }
}
