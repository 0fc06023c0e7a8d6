// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#endif

/// How improbable a statistic is by its own past: −log10 of the share of past values that were as high.
///
/// Within the past it is the share itself; beyond its highest twentieth the tail goes on as a power law whose exponent is
/// estimated from that twentieth (Hill, "A simple general approach to inference about the tail of a distribution", Annals
/// of Statistics 1975), so that a value never seen before has a probability too. Statistics of different kinds become
/// comparable so.
struct TailProbability: Sendable {
    /// Values known before it says anything.
    private static let least = 50
    private static let tailShare = 0.05
    private static let tailLeast = 10
    /// The least exponent's inverse: a tail cannot be thinner than x^−20.
    private static let thinnest = 0.05

    private var past: SlidingOrder

    init(capacity: Int) {
        past = SlidingOrder(capacity: capacity)
    }

    mutating func learn(_ value: Double) {
        past.append(value)
    }

    /// - Parameter floor: a distance below which values are alike; keeps flat stretches from making everything improbable.
    func surprise(_ value: Double, floor: Double) -> Double {
        let known = past.sorted.count
        guard known >= Self.least else { return 0 }
        let tail = min(max(Self.tailLeast, Int(Double(known) * Self.tailShare)), known - 1)
        let edge = past.sorted[known - 1 - tail]
        if value <= edge {
            let asHigh = known - past.position(value)
            return -log10(Double(1 + asHigh) / Double(1 + known))
        }
        var inverse = 0.0
        for high in past.sorted[(known - tail)...] { inverse += log((high + floor) / (edge + floor)) }
        inverse = max(inverse / Double(tail), Self.thinnest)
        return -log10(Double(tail) / Double(known)) + log10((value + floor) / (edge + floor)) / inverse
    }
}

/// The latest values, also in order of size.
struct SlidingOrder: Sendable {
    private let capacity: Int
    private var ring: [Double] = []
    private var oldest = 0
    /// Rising.
    private(set) var sorted: [Double] = []

    init(capacity: Int) {
        self.capacity = max(capacity, 1)
    }

    mutating func append(_ value: Double) {
        if ring.count < capacity {
            ring.append(value)
        } else {
            sorted.remove(at: position(ring[oldest]))
            ring[oldest] = value
            oldest = (oldest + 1) % capacity
        }
        sorted.insert(value, at: position(value))
    }

    /// How many are smaller.
    func position(_ value: Double) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The value below which this share lies; `sorted` must not be empty.
    func quantile(_ share: Double) -> Double {
        sorted[min(Int(Double(sorted.count) * share), sorted.count - 1)]
    }
}
