// SPDX-License-Identifier: Apache-2.0
package import CoreMetrics
import Synchronization

/// A swift-metrics backend that is scraped: it keeps every series in memory and renders them as Prometheus text.
///
/// Callers choose full Prometheus names (`gatewatch_events_total`, `gatewatch_commit_seconds`); a `Timer` is a histogram in
/// seconds, a `Recorder` a histogram, a `Gauge` or `Meter` a gauge. The same name and labels always give the same series.
/// Label sets are bounded: past ``maximumSeries`` of one name, further ones share the series `{overflow="true"}`.
package final class PrometheusMetrics: MetricsFactory {
    /// The `Content-Type` of ``render()``.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"
    /// Upper bounds of timers, in seconds, where no others are given.
    package static let secondsBuckets = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]
    /// Upper bounds of recorders where no others are given.
    package static let valueBuckets: [Double] = [
        1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 100_000, 1_000_000,
    ]
    /// Label values longer than this many characters are cut: they may come from outside.
    static let maximumLabelValue = 200

    enum Kind: String {
        case counter, gauge, histogram
    }

    struct Family {
        var kind: Kind
        var series: [String: any MetricSeries] = [:]
        var overflow: (any MetricSeries)?
    }

    struct State {
        var families: [String: Family] = [:]
        var help: [String: String]
        var collectors: [@Sendable () -> Void] = []
        var conflicts = 0
        var overflows = 0
    }

    /// How many label sets one name may have before the overflow series takes the rest.
    package let maximumSeries: Int
    private let buckets: [String: [Double]]
    private let state: Mutex<State>

    /// - Parameters:
    ///   - maximumSeries: label sets kept per name.
    ///   - buckets: upper bounds by metric name, ascending, in the metric's unit; `+Inf` is added.
    ///   - help: the text of the HELP line by metric name.
    package init(maximumSeries: Int = 1000, buckets: [String: [Double]] = [:], help: [String: String] = [:]) {
        self.maximumSeries = max(1, maximumSeries)
        self.buckets = buckets.mapValues { Array(Set($0.filter(\.isFinite))).sorted() }
        state = Mutex(State(help: help))
    }

    /// Sets the HELP text of a metric.
    package func describe(_ name: String, _ help: String) {
        state.withLock { $0.help[PrometheusText.metricName(name)] = help }
    }

    /// Calls `body` before every rendering, to bring gauges up to date that are costly to keep so (lag, state size).
    package func beforeRendering(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.collectors.append(body) }
    }

    /// Every series as Prometheus text 0.0.4, sorted by name and labels.
    package func render() -> String {
        let collectors = state.withLock { $0.collectors }
        for collector in collectors { collector() }
        let (families, help, conflicts, overflows) = state.withLock {
            ($0.families, $0.help, $0.conflicts, $0.overflows)
        }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            if let help = help[name] { text += "# HELP \(name) \(PrometheusText.help(help))\n" }
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.render(name: name, labels: labels, into: &text)
            }
            family.overflow?.render(name: name, labels: "overflow=\"true\"", into: &text)
        }
        for (name, help, value) in [
            (
                "gatewatch_metrics_conflicts_total",
                "Metrics asked for under a name that another kind of metric has; they are not exported.", conflicts
            ),
            (
                "gatewatch_metrics_overflowed_total",
                "Times a label set was sent to the overflow series because its metric has too many.", overflows
            ),
        ] where value > 0 {
            text += "# HELP \(name) \(help)\n# TYPE \(name) counter\n\(name) \(value)\n"
        }
        return text
    }

    /// The series of a name and labels, made if new. A name that belongs to another kind gives one that is
    /// not exported: swift-metrics has no way to refuse.
    private func series<Series: MetricSeries>(
        _ kind: Kind, _ label: String, _ dimensions: [(String, String)], make: (String) -> Series
    ) -> Series {
        let name = PrometheusText.metricName(label)
        var byName: [String: String] = [:]
        for (key, value) in dimensions {
            byName[PrometheusText.labelName(key)] = String(value.prefix(Self.maximumLabelValue))
        }
        let labels = PrometheusText.labels(byName.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        return state.withLock { state in
            var family = state.families[name] ?? Family(kind: kind)
            guard family.kind == kind else {
                state.conflicts += 1
                return make(name)
            }
            if let known = family.series[labels] {
                guard let known = known as? Series else {
                    state.conflicts += 1
                    return make(name)
                }
                return known
            }
            let series: Series
            if family.series.count >= maximumSeries {
                state.overflows += 1
                series = family.overflow as? Series ?? make(name)
                family.overflow = series
            } else {
                series = make(name)
                family.series[labels] = series
            }
            state.families[name] = family
            return series
        }
    }

    private func remove(_ handler: AnyObject) {
        state.withLock { state in
            for (name, family) in state.families {
                guard let labels = family.series.first(where: { $0.value === handler })?.key else { continue }
                state.families[name]?.series[labels] = nil
                if state.families[name]?.series.isEmpty == true, family.overflow == nil {
                    state.families[name] = nil
                }
                return
            }
        }
    }

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(.counter, label, dimensions) { _ in CounterSeries() }
    }

    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(.counter, label, dimensions) { _ in FloatingCounterSeries() }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(.gauge, label, dimensions) { _ in GaugeSeries() }
    }

    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else { return series(.gauge, label, dimensions) { _ in GaugeSeries() } }
        return series(.histogram, label, dimensions) { HistogramSeries(bounds: buckets[$0] ?? Self.valueBuckets) }
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(.histogram, label, dimensions) { HistogramSeries(bounds: buckets[$0] ?? Self.secondsBuckets) }
    }

    package func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { remove(handler) }
}
