// SPDX-License-Identifier: Apache-2.0
import CoreMetrics
import Synchronization

/// One series of a metric: the values of one label set. `render` gives its sample lines.
protocol MetricSeries: AnyObject, Sendable {
    /// Appends the sample lines of this series. `labels` is already escaped and has no braces.
    func render(name: String, labels: String, into text: inout String)
}

/// A counter that only rises. An increment is one relaxed atomic addition: counters sit on hot paths.
final class CounterSeries: CounterHandler, MetricSeries {
    private let value = Atomic<Int64>(0)

    /// Adds; a negative amount is ignored, because a Prometheus counter may not fall.
    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        value.wrappingAdd(amount, ordering: .relaxed)
    }

    func reset() {
        value.store(0, ordering: .relaxed)
    }

    func render(name: String, labels: String, into text: inout String) {
        PrometheusText.sample(name, labels, String(value.load(ordering: .relaxed)), into: &text)
    }
}

/// A `Double` in an atomic word: additions are a compare-exchange loop.
struct AtomicDouble: ~Copyable {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    func add(_ amount: Double) {
        var current = bits.load(ordering: .relaxed)
        while true {
            let next = (Double(bitPattern: current) + amount).bitPattern
            let (exchanged, original) = bits.compareExchange(expected: current, desired: next, ordering: .relaxed)
            if exchanged { return }
            current = original
        }
    }
}

/// A counter of fractions.
final class FloatingCounterSeries: FloatingPointCounterHandler, MetricSeries {
    private let value = AtomicDouble()

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        value.add(amount)
    }

    func reset() {
        value.set(0)
    }

    func render(name: String, labels: String, into text: inout String) {
        PrometheusText.sample(name, labels, PrometheusText.number(value.value), into: &text)
    }
}

/// A value that goes up and down: swift-metrics' `Meter` and its `Gauge` (a recorder that does not aggregate).
final class GaugeSeries: MeterHandler, RecorderHandler, MetricSeries {
    private let value = AtomicDouble()

    func set(_ value: Int64) { self.value.set(Double(value)) }
    func set(_ value: Double) { self.value.set(value) }
    func increment(by amount: Double) { value.add(amount) }
    func decrement(by amount: Double) { value.add(-amount) }
    func record(_ value: Int64) { self.value.set(Double(value)) }
    func record(_ value: Double) { self.value.set(value) }

    func render(name: String, labels: String, into text: inout String) {
        PrometheusText.sample(name, labels, PrometheusText.number(value.value), into: &text)
    }
}

/// A histogram with fixed buckets: swift-metrics' `Recorder` as it is, and its `Timer` in seconds.
final class HistogramSeries: RecorderHandler, TimerHandler, MetricSeries {
    private struct State {
        /// Not cumulative; the last one is above every bound.
        var counts: [UInt64]
        var sum = 0.0
        var count: UInt64 = 0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        // Not a number has no bucket, and one would spoil the sum for good.
        guard !value.isNaN else { return }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock {
            $0.counts[bucket] += 1
            $0.sum += value
            $0.count += 1
        }
    }

    func recordNanoseconds(_ duration: Int64) {
        record(Double(duration) / 1_000_000_000)
    }

    func render(name: String, labels: String, into text: inout String) {
        let state = state.withLock { $0 }
        let prefix = labels.isEmpty ? "" : labels + ","
        var cumulative: UInt64 = 0
        for (index, bound) in bounds.enumerated() {
            cumulative += state.counts[index]
            let labels = prefix + "le=\"\(PrometheusText.number(bound))\""
            PrometheusText.sample(name + "_bucket", labels, String(cumulative), into: &text)
        }
        PrometheusText.sample(name + "_bucket", prefix + "le=\"+Inf\"", String(state.count), into: &text)
        PrometheusText.sample(name + "_sum", labels, PrometheusText.number(state.sum), into: &text)
        PrometheusText.sample(name + "_count", labels, String(state.count), into: &text)
    }
}
