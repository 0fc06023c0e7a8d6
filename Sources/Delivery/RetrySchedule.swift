// SPDX-License-Identifier: Apache-2.0

/// When a delivery is attempted: the wait before each attempt, counted from the end of the attempt before.
package struct RetrySchedule: Sendable, Equatable {
    /// Milliseconds before attempt 1, 2, …; as many attempts as there are entries.
    package var delaysMilliseconds: [Int64]
    /// Each wait is stretched or shortened by up to this fraction, so that many deliveries do not come back at once.
    package var jitter: Double

    package init(delaysMilliseconds: [Int64], jitter: Double = 0.1) {
        self.delaysMilliseconds = delaysMilliseconds.isEmpty ? [0] : delaysMilliseconds.map { max(0, $0) }
        self.jitter = min(max(jitter, 0), 1)
    }

    /// What Standard Webhooks recommends: at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
    package static let standard = RetrySchedule(
        delaysMilliseconds: [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map { $0 * 1000 })

    /// A `Retry-After` further away than this is shortened to it: 24 hours, in milliseconds.
    package static let maximumRetryAfterMilliseconds: Int64 = 86_400_000

    /// How many attempts a delivery has.
    package var attempts: Int { delaysMilliseconds.count }

    /// The wait in milliseconds before the next attempt once `attempts` were made; nil if there is none left.
    package func delay(afterAttempts attempts: Int) -> Int64? {
        guard delaysMilliseconds.indices.contains(attempts) else { return nil }
        let delay = Double(delaysMilliseconds[attempts])
        return Int64(delay * (1 + jitter * Double.random(in: -1...1)))
    }
}
