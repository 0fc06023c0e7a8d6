// SPDX-License-Identifier: Apache-2.0

/// What a value means beside what is known.
package struct Judgement: Sendable, Hashable {
    /// The usual value of such a bucket when there is activity at all.
    package var expected: Double
    /// Below this it is unusually low; 0 where buckets without activity are common.
    package var low: Double
    /// The value from which on it deviates.
    package var high: Double
    /// Nine of ten usual values lie in this range: for the words of an alert, "usual 12–60 at this hour".
    package var usual: ClosedRange<Double>
    /// How far above `expected` it is: 1 at `high`. Of readings, either side counts: 1 at `low` as well. Never below 0.
    package var strength: Double
    /// The value is at `high` or above (of readings, also at `low` or below), and enough is known to say so.
    package var deviates: Bool
    /// 0...1: strength / (strength + 1), so 0.5 at `high`.
    package var score: Double { strength / (strength + 1) }
    /// Too little is known yet: `deviates` is false whatever the value.
    package var isLearning: Bool

    package init(
        expected: Double, low: Double, high: Double, usual: ClosedRange<Double>, strength: Double, deviates: Bool,
        isLearning: Bool
    ) {
        self.expected = expected
        self.low = low
        self.high = high
        self.usual = usual
        self.strength = strength
        self.deviates = deviates
        self.isLearning = isLearning
    }
}
