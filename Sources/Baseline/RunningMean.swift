// SPDX-License-Identifier: Apache-2.0

/// The mean of the last few values; of fewer while there are no more.
struct RunningMean: Sendable {
    private let length: Int
    private var ring: [Double] = []
    private var next = 0
    private var sum = 0.0

    init(length: Int) {
        self.length = max(length, 1)
    }

    mutating func append(_ value: Double) -> Double {
        if ring.count < length {
            ring.append(value)
            sum += value
        } else {
            sum += value - ring[next]
            ring[next] = value
            next += 1
            if next == length {
                next = 0
                // Summed anew now and then, or rounding would pile up.
                sum = ring.reduce(0, +)
            }
        }
        return sum / Double(ring.count)
    }
}
