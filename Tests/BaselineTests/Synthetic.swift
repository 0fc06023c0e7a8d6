// SPDX-License-Identifier: Apache-2.0

import Baseline

/// Numbers that are the same on every run (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func unit() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }

    /// About normal: the sum of twelve.
    mutating func normal() -> Double { (0..<12).reduce(-6.0) { sum, _ in sum + unit() } }
}

/// Counts per 10 minutes of someone who works in weeks: busy on working days, little at night, nearly nothing at weekends.
struct Week {
    static let bucketsPerDay: Int64 = 144
    /// A Monday, 2026-10-05T00:00Z, in buckets.
    static let monday: Int64 = 1_791_158_400_000 / 600_000

    var random: Seeded
    var factor = 1.0

    init(seed: UInt64) { random = Seeded(state: seed) }

    func mean(_ bucket: Int64) -> Double {
        let day = (bucket - Self.monday) / Self.bucketsPerDay % 7
        let hour = Double((bucket - Self.monday) % Self.bucketsPerDay) / 6
        if day >= 5 { return 1 }
        return hour < 7 || hour >= 20 ? 4 : 60
    }

    /// Heavy-tailed around the mean: log-normal with a deviation of 0.4, and empty in a tenth of the buckets by day.
    mutating func next(_ bucket: Int64) -> Double {
        let size = mean(bucket) * factor
        let value = size * exp(0.4 * random.normal())
        return random.unit() < (size < 10 ? 0.6 : 0.1) ? 0 : value.rounded()
    }

    private func exp(_ x: Double) -> Double {
        // No Foundation: (1 + x/1024)^1024, near enough.
        var base = 1 + x / 1024
        for _ in 0..<10 { base *= base }
        return base
    }
}
