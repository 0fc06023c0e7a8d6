// SPDX-License-Identifier: Apache-2.0
import Independent
import Metrics
import Telemetry
import Testing

@Suite struct PrometheusMetricsTests {
    @Test func textIsExactlyTheExpositionFormat() {
        let metrics = PrometheusMetrics(
            buckets: ["gatewatch_commit_seconds": [0.01, 0.1, 1]],
            help: ["gatewatch_events_total": "Events read.\nBy source\\kind \"x\"."])
        Counter(label: "gatewatch_events_total", dimensions: [("source", "kafka"), ("kind", "a")], factory: metrics)
            .increment(by: 3)
        Counter(label: "gatewatch_events_total", dimensions: [("kind", "b"), ("source", "kafka")], factory: metrics)
            .increment()
        Gauge(label: "gatewatch_lag", factory: metrics).record(2.5)
        let timer = Timer(label: "gatewatch_commit_seconds", factory: metrics)
        timer.recordMilliseconds(5)
        timer.recordMilliseconds(100)
        timer.recordSeconds(2)
        #expect(
            metrics.render() == """
                # TYPE gatewatch_commit_seconds histogram
                gatewatch_commit_seconds_bucket{le="0.01"} 1
                gatewatch_commit_seconds_bucket{le="0.1"} 2
                gatewatch_commit_seconds_bucket{le="1"} 2
                gatewatch_commit_seconds_bucket{le="+Inf"} 3
                gatewatch_commit_seconds_sum 2.105
                gatewatch_commit_seconds_count 3
                # HELP gatewatch_events_total Events read.\\nBy source\\\\kind "x".
                # TYPE gatewatch_events_total counter
                gatewatch_events_total{kind="a",source="kafka"} 3
                gatewatch_events_total{kind="b",source="kafka"} 1
                # TYPE gatewatch_lag gauge
                gatewatch_lag 2.5

                """)
    }

    @Test(.enabled(if: Python.has("prometheus_client"), "\(Python.reason)"))
    func prometheussOwnReaderFindsTheSameValues() throws {
        let metrics = PrometheusMetrics(
            buckets: ["gatewatch_commit_seconds": [0.01, 1]], help: ["c_total": "Lines\nand \\ and \"."])
        Counter(label: "c_total", dimensions: [("path", "a\\b\"c\nd é")], factory: metrics).increment(by: 3)
        Gauge(label: "7.lag", factory: metrics).record(-2.5)
        Timer(label: "gatewatch_commit_seconds", factory: metrics).recordMilliseconds(5)
        let text = metrics.render()
        let answers = try Python.check(
            ["prometheus"],
            [
                ["text": text], ["text": text.replacing("# TYPE", with: "# KIND")],
                ["text": text.replacing("\"}", with: "}")],
            ])
        let read = try #require(answers[0].result as? [String: Double], "\(answers[0].error ?? "")")
        #expect(read[#"c_total{"path": "a\\b\"c\nd \u00e9"}"#] == 3 && read["_7_lag{}"] == -2.5)
        #expect(read[#"gatewatch_commit_seconds_bucket{"le": "0.01"}"#] == 1)
        #expect(answers[1].error != nil && answers[2].error != nil)
    }

    @Test func labelValuesAreEscaped() {
        let metrics = PrometheusMetrics()
        Counter(label: "c_total", dimensions: [("path", "a\\b\"c\nd")], factory: metrics).increment()
        #expect(metrics.render().contains(#"c_total{path="a\\b\"c\nd"} 1"#))
    }

    @Test func namesOutsideTheAlphabetAreRepaired() {
        let metrics = PrometheusMetrics()
        Counter(label: "7.ops-done", dimensions: [("__user name", "x")], factory: metrics).increment()
        #expect(metrics.render().contains("_7_ops_done{_user_name=\"x\"} 1\n"))
    }

    @Test func labelSetsPastTheLimitShareTheOverflowSeries() {
        let metrics = PrometheusMetrics(maximumSeries: 2)
        for user in 0..<5 {
            Counter(label: "c_total", dimensions: [("user", "u\(user)")], factory: metrics).increment(by: 10)
        }
        #expect(
            metrics.render().hasPrefix(
                """
                # TYPE c_total counter
                c_total{user="u0"} 10
                c_total{user="u1"} 10
                c_total{overflow="true"} 30
                # HELP gatewatch_metrics_overflowed_total
                """))
        #expect(metrics.render().contains("gatewatch_metrics_overflowed_total 3\n"))
    }

    @Test func theSameNameAndLabelsAreTheSameSeries() {
        let metrics = PrometheusMetrics()
        for _ in 0..<3 { Counter(label: "c_total", factory: metrics).increment() }
        #expect(metrics.render() == "# TYPE c_total counter\nc_total 3\n")
    }

    @Test func aNameOfAnotherKindIsNotMixedIn() {
        let metrics = PrometheusMetrics()
        Counter(label: "x", factory: metrics).increment()
        Gauge(label: "x", factory: metrics).record(9)
        #expect(metrics.render().hasPrefix("# TYPE x counter\nx 1\n"))
        #expect(metrics.render().contains("gatewatch_metrics_conflicts_total 1\n"))
    }

    @Test func aDestroyedMetricIsGone() {
        let metrics = PrometheusMetrics()
        let counter = Counter(label: "c_total", factory: metrics)
        counter.increment()
        counter.destroy()
        #expect(metrics.render().isEmpty)
    }

    @Test func metersFloatingCountersAndRecordersAreExported() {
        let metrics = PrometheusMetrics(buckets: ["sizes": [10]])
        let meter = Meter(label: "m", factory: metrics)
        meter.set(5)
        meter.decrement(by: 1.5)
        FloatingPointCounter(label: "f_total", factory: metrics).increment(by: 0.25)
        Recorder(label: "sizes", factory: metrics).record(10)
        #expect(
            metrics.render() == """
                # TYPE f_total counter
                f_total 0.25
                # TYPE m gauge
                m 3.5
                # TYPE sizes histogram
                sizes_bucket{le="10"} 1
                sizes_bucket{le="+Inf"} 1
                sizes_sum 10
                sizes_count 1

                """)
    }

    @Test func collectorsRunBeforeRendering() {
        let metrics = PrometheusMetrics()
        metrics.beforeRendering { Gauge(label: "g", factory: metrics).record(7) }
        #expect(metrics.render().contains("g 7\n"))
    }

    @Test func incrementsFromManyThreadsAreAllCounted() async {
        let metrics = PrometheusMetrics()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let counter = Counter(label: "c_total", factory: metrics)
                    let fraction = FloatingPointCounter(label: "f_total", factory: metrics)
                    for _ in 0..<1000 {
                        counter.increment()
                        fraction.increment(by: 0.5)
                    }
                }
            }
        }
        #expect(metrics.render().contains("c_total 8000\n"))
        #expect(metrics.render().contains("f_total 4000\n"))
    }
}
