// SPDX-License-Identifier: Apache-2.0

/// The watermark as the baselines of one engine see it, and when the first of their buckets closes: most events close none, and
/// then nobody looks at any baseline. For one thread.
final class BucketClock {
    /// No event before this comes any more, ms.
    @exclusivity(unchecked) private(set) var watermark: Int64 = 0
    /// The watermark at which the next bucket of any baseline closes, ms.
    @exclusivity(unchecked) private var nextClose: Int64 = .max

    /// Notes that a bucket closes at a watermark.
    @inline(__always)
    func expect(closing time: Int64) {
        if time < nextClose { nextClose = time }
    }

    /// Moves the watermark on. True when buckets are to be closed: then every baseline says again when its next one is.
    @inline(__always)
    func move(to watermark: Int64) -> Bool {
        self.watermark = watermark
        guard watermark >= nextClose else { return false }
        nextClose = .max
        return true
    }
}
