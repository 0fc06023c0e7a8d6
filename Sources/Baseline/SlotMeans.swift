// SPDX-License-Identifier: Apache-2.0

/// The mean of each hour of the day or week, drawn towards the mean of all while little is known.
struct SlotMeans: Sendable {
    private static let hour: Int64 = 3_600_000
    /// The mean of all counts like so many values of the slot.
    private static let prior = 5.0
    /// A slot remembers about so many values.
    private static let memory = 200.0

    private var means: [Double]
    private var counts: [Double]
    private var all = 0.0
    private var allCount = 0.0

    init(hours: Int) {
        means = Array(repeating: 0, count: hours)
        counts = means
    }

    /// The value's distance from what the slot expects; then learns it.
    mutating func residual(_ value: Double, time: Int64) -> Double {
        // The epoch was a Thursday.
        let slot = Int((time / Self.hour + 72) % Int64(means.count))
        let mean = allCount > 0 ? all : value
        let expected = (means[slot] * counts[slot] + mean * Self.prior) / (counts[slot] + Self.prior)
        means[slot] += (value - means[slot]) / (counts[slot] + 1)
        counts[slot] = min(counts[slot] + 1, Self.memory)
        allCount += 1
        all += (value - all) / allCount
        return value - expected
    }
}
