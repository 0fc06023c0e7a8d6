// SPDX-License-Identifier: Apache-2.0

/// What a value means beside what is known.
package struct Judgement: Sendable, Hashable {
    /// The usual value of such a bucket when there is activity at all.
    package var expected: Double
    /// Below this it is unusually low; 0 where buckets without activity are common. Never fires by itself.
    package var low: Double
    /// The value from which on it deviates.
    package var high: Double
    /// Nine of ten usual values lie in this range: for the words of an alert, "usual 12–60 at this hour".
    package var usual: ClosedRange<Double>
    /// 0...1: z / (z + threshold), where z is the distance above `expected` in spreads. 0.5 at `high`.
    package var score: Double
    /// The value is at `high` or above, and enough is known to say so.
    package var deviates: Bool
    /// Too little is known yet: `deviates` is false whatever the value.
    package var isLearning: Bool

    package init(
        expected: Double, low: Double, high: Double, usual: ClosedRange<Double>, score: Double, deviates: Bool,
        isLearning: Bool
    ) {
        self.expected = expected
        self.low = low
        self.high = high
        self.usual = usual
        self.score = score
        self.deviates = deviates
        self.isLearning = isLearning
    }
}
