// SPDX-License-Identifier: Apache-2.0

/// How far the latest values are from anything seen before: the distance of the last one, two and three values to the nearest
/// such run of the past, and of the last one to the nearest earlier value at that time of day.
///
/// The nearest neighbour's distance as a measure of novelty: Knorr and Ng 1998; Ramaswamy, Rastogi, Shim, "Efficient
/// algorithms for mining outliers from large data sets", SIGMOD 2000; runs of values as in KNN-CAD (Burnaev and Ishimtsev
/// 2016).
struct NearestPast: Sendable {
    struct Distances {
        /// Of runs of one, two and three values, by the root mean square.
        var runs = [0.0, 0.0, 0.0]
        var sameTime = 0.0
    }

    private let capacity: Int
    private var values: [Double] = []
    private var phases: [Double] = []

    init(capacity: Int) {
        self.capacity = max(capacity, 3)
    }

    /// The distances of a value from what was appended so far; zeros when nothing was.
    ///
    /// - Parameters:
    ///   - phase: the time of day, 0..<1.
    ///   - timeScale: the distance that twelve hours are worth.
    func distances(_ value: Double, phase: Double, timeScale: Double) -> Distances {
        let count = values.count
        guard count > 0 else { return Distances() }
        let before = values[count - 1]
        let beforeThat = values[max(count - 2, 0)]
        var one = Double.infinity
        var two = Double.infinity
        var three = Double.infinity
        var timed = Double.infinity
        values.withUnsafeBufferPointer { values in
            phases.withUnsafeBufferPointer { phases in
                for index in 0..<count {
                    let offset = value - values[index]
                    var sum = offset * offset
                    if sum < one { one = sum }
                    if sum < timed {
                        let apart = abs(phase - phases[index])
                        let away = min(apart, 1 - apart) * 2 * timeScale
                        timed = min(timed, sum + away * away)
                    }
                    // The first values of all have none before them: they stand for these themselves.
                    let second = before - values[max(index - 1, 0)]
                    sum += second * second
                    if sum < two { two = sum }
                    if sum >= three { continue }
                    let third = beforeThat - values[max(index - 2, 0)]
                    sum += third * third
                    if sum < three { three = sum }
                }
            }
        }
        return Distances(
            runs: [one.squareRoot(), (two / 2).squareRoot(), (three / 3).squareRoot()], sameTime: timed.squareRoot())
    }

    mutating func append(_ value: Double, phase: Double) {
        // Room for a quarter more, so that dropping the oldest costs little per value.
        if values.count >= capacity + capacity / 4 {
            values.removeFirst(values.count - capacity)
            phases.removeFirst(phases.count - capacity)
        }
        values.append(value)
        phases.append(phase)
    }
}
