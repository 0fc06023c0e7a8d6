// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Lets one message through per kind and interval, and counts what it held back.
final class RepeatLimiter: Sendable {
    private struct Kind {
        var last: ContinuousClock.Instant
        var held = 0
    }

    /// More kinds than this are not remembered: old ones go first. A bound, because topic names are part of a kind.
    private static let limit = 256
    private let interval: Duration
    private let kinds = Mutex<[String: Kind]>([:])

    init(interval: Duration = .seconds(60)) {
        self.interval = interval
    }

    /// How many of this kind were held back since the last one let through; nil when this one is to be held back.
    func admit(_ kind: String) -> Int? {
        let now = ContinuousClock.now
        return kinds.withLock { kinds in
            if let known = kinds[kind] {
                if now - known.last < interval {
                    kinds[kind]?.held += 1
                    return nil
                }
                kinds[kind] = Kind(last: now)
                return known.held
            }
            if kinds.count >= Self.limit, let oldest = kinds.min(by: { $0.value.last < $1.value.last })?.key {
                kinds[oldest] = nil
            }
            kinds[kind] = Kind(last: now)
            return 0
        }
    }
}
