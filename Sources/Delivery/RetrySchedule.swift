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

    /// How many attempts a delivery has at least.
    package var attempts: Int { delaysMilliseconds.count }

    /// After so many failures in a row, of whatever deliveries, a target is taken to be down.
    static let failuresOfTargetDown = 3
    /// The longest wait for a target that is down, ms: it is asked often, because all that waits is told as soon as it is back.
    static let longestWaitForTarget: Int64 = 60_000

    /// The wait in milliseconds before the next attempt; nil if there is none left. A delivery has all its attempts and at least the time
    /// that they take: attempts at a target that is down come faster, and must not use it up.
    ///
    /// - Parameters:
    ///   - age: since the delivery was put in, ms.
    ///   - failuresInARow: the target's, this one among them.
    package func delay(afterAttempts attempts: Int, age: Int64, failuresInARow: Int) -> Int64? {
        let isDown = failuresInARow >= Self.failuresOfTargetDown
        let planned = delaysMilliseconds.indices.contains(attempts) ? delaysMilliseconds[attempts] : nil
        let lifetime = Double(delaysMilliseconds.reduce(0, +)) * (1 - jitter)
        guard let wait = planned ?? (isDown && Double(age) < lifetime ? delaysMilliseconds.last : nil) else {
            return nil
        }
        let delay = Double(isDown ? min(wait, Self.longestWaitForTarget) : wait)
        return Int64(delay * (1 + jitter * Double.random(in: -1...1)))
    }
}
