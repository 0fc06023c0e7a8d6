// SPDX-License-Identifier: Apache-2.0

package import Baseline

/// A point of a series and what was expected of it, by the points before it only.
package struct BandPoint: Sendable, Equatable {
    /// ms since the epoch, UTC.
    package var at: Int64
    package var value: Double
    package var expected: Double
    /// Nine of ten usual values lie from `low` to `high`.
    package var low: Double
    package var high: Double
    /// From here on a value deviates; a rule with a `baseline` fires there if its floor is reached as well.
    package var limit: Double
    /// Too little is known yet to say that a value deviates.
    package var isLearning: Bool
}

extension ActivityStore {
    /// The baseline band of a series, as the detectors judge (docs/baselines.md).
    ///
    /// - Parameters:
    ///   - points: of ``series(_:in:step:in:)``, with the weeks before those that are shown.
    ///   - from: bands are given from this time on; points before it are only learned.
    ///   - value: what of a point is meant.
    ///   - settings: nil for the detectors' defaults with buckets of a step, the hour of the week (of days, the weekday) as season,
    ///     and learning over two weeks.
    package static func band(
        _ points: [ActivityPoint], step: Step, from: Int64 = .min, settings: BaselineSettings? = nil,
        value: (ActivitySums) -> Int64
    ) -> [BandPoint] {
        let settings =
            settings
            ?? BaselineSettings(
                bucket: step.rawValue, minimumHistory: 14 * Day.length, minimumBuckets: step == .hour ? 50 : 10)
        var baseline = SeriesBaseline()
        var band: [BandPoint] = []
        // What was before the first event is not a time without activity.
        var hasBegun = false
        for point in points {
            let number = Double(value(point.sums))
            let bucket = point.at / settings.bucket
            let judgement = baseline.judge(number, bucket: bucket, settings)
            if point.at >= from {
                band.append(
                    BandPoint(
                        at: point.at, value: number, expected: judgement.expected, low: judgement.usual.lowerBound,
                        high: judgement.usual.upperBound, limit: judgement.high, isLearning: judgement.isLearning))
            }
            hasBegun = hasBegun || number > 0
            if hasBegun { baseline.learn(number, bucket: bucket, isAlerted: judgement.deviates, settings) }
        }
        return band
    }
}
