// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#endif

/// Every number of a baseline; all of them come from the rule file. Times are in ms, UTC.
package struct BaselineSettings: Sendable, Hashable {
    /// What expected activity repeats with. UTC.
    package enum Season: Sendable, Hashable {
        case none, hourOfDay, hourOfWeek
    }

    /// What the values are.
    package enum Values: Sendable, Hashable {
        /// Amounts per bucket, 0 or more: judged by ratio (logarithm), and a bucket left out is one without activity.
        case counts
        /// Readings, also negative: judged by difference, and a bucket left out is unknown.
        case readings
    }

    package var values: Values
    /// The length of a bucket, ms. At least 1.
    package var bucket: Int64 { didSet { decay = BucketDecay(bucket: bucket, history: history) } }
    package var season: Season
    /// The memory's half-life, ms: what happened this long ago weighs half.
    package var history: Int64 { didSet { decay = BucketDecay(bucket: bucket, history: history) } }
    /// So long after the first bucket it only learns, ms.
    package var minimumHistory: Int64
    /// It only learns until so many buckets had any activity.
    package var minimumBuckets: Int
    /// The least spread in units of the value: one spread above the expected value is at least so much more.
    package var scaleFloor: Double
    /// The least spread as a share of the expected value.
    package var relativeFloor: Double { didSet { logarithmicFloor = log1p(relativeFloor) } }
    /// So many spreads above the expected value fire.
    package var threshold: Double
    /// And the value must be at least so many times the expected one.
    package var ratio: Double
    /// Computed once of the above: these are needed with every bucket of every subject.
    private(set) var decay: BucketDecay
    private(set) var logarithmicFloor: Double

    /// The defaults: 10-minute buckets, hour of week, a half-life of 28 days, learning for 7 days and 50 active buckets.
    package init(
        values: Values = .counts, bucket: Int64 = 600_000, season: Season = .hourOfWeek,
        history: Int64 = 28 * 86_400_000,
        minimumHistory: Int64 = 7 * 86_400_000, minimumBuckets: Int = 50, scaleFloor: Double = 1,
        relativeFloor: Double = 0.2, threshold: Double = 4.5, ratio: Double = 3
    ) {
        self.values = values
        self.bucket = bucket
        self.season = season
        self.history = history
        self.minimumHistory = minimumHistory
        self.minimumBuckets = minimumBuckets
        self.scaleFloor = scaleFloor
        self.relativeFloor = relativeFloor
        self.threshold = threshold
        self.ratio = ratio
        decay = BucketDecay(bucket: bucket, history: history)
        logarithmicFloor = log1p(relativeFloor)
    }
}
