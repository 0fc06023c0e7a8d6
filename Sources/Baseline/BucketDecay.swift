// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#endif

/// What buckets still weigh after others have passed: of most subjects the next one with activity follows at once, so that case
/// is computed beforehand.
struct BucketDecay: Sendable, Hashable {
    /// After one bucket.
    let keep: Double
    private let keepSpread: Double

    /// - Parameters:
    ///   - bucket: the length of a bucket, ms.
    ///   - history: the half-life, ms.
    init(bucket: Int64, history: Int64) {
        keep = exp2(-Double(bucket) / Double(max(history, 1)))
        keepSpread = Self.spread(keep)
    }

    /// The spread forgets four times faster than the level.
    private static func spread(_ level: Double) -> Double {
        let square = level * level
        return square * square
    }

    /// What the level and the spread still weigh after so many buckets.
    func kept(after passed: Double) -> (level: Double, spread: Double) {
        if passed == 1 { return (keep, keepSpread) }
        let kept = pow(keep, passed)
        return (kept, Self.spread(kept))
    }
}
