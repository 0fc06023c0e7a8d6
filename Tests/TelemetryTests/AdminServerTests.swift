// SPDX-License-Identifier: Apache-2.0
import Foundation
import Logging
import Metrics
import Synchronization
import Telemetry
import Testing

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

@Suite struct AdminServerTests {
    final class Switch: Sendable {
        let on = Atomic<Bool>(true)
    }

    /// Runs a server on a free port, calls `body` with its base URL, and stops it.
    private func withServer(
        _ metrics: PrometheusMetrics, health: @escaping @Sendable () async -> HealthReport,
        _ body: (URL) async throws -> Void
    ) async throws {
        let (ports, found) = AsyncStream<Int>.makeStream()
        let server = AdminServer(
            port: 0, metrics: metrics, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            onListening: { found.yield($0) }, health: health)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            try await body(try #require(URL(string: "http://127.0.0.1:\(port)/")))
            group.cancelAll()
        }
    }

    private func get(_ url: URL) async throws -> (status: Int, type: String?, body: String) {
        let (data, response) = try await URLSession.shared.data(from: url)
        let http = try #require(response as? HTTPURLResponse)
        return (
            http.statusCode, http.value(forHTTPHeaderField: "Content-Type"), String(decoding: data, as: UTF8.self)
        )
    }

    @Test func metricsAreServedAsPrometheusText() async throws {
        let metrics = PrometheusMetrics()
        Counter(label: "gatewatch_events_total", factory: metrics).increment(by: 4)
        try await withServer(metrics, health: { HealthReport() }) { base in
            let reply = try await get(base.appendingPathComponent("metrics"))
            #expect(reply.status == 200)
            #expect(reply.type == "text/plain; version=0.0.4; charset=utf-8")
            #expect(reply.body == "# TYPE gatewatch_events_total counter\ngatewatch_events_total 4\n")
        }
    }

    @Test func healthIs200OrElse503WithTheNamedChecks() async throws {
        let state = Switch()
        let health: @Sendable () async -> HealthReport = {
            HealthReport([
                .init("consumer", healthy: state.on.load(ordering: .relaxed), detail: "3 \"partitions\""),
                .init("outbox", healthy: true),
            ])
        }
        try await withServer(PrometheusMetrics(), health: health) { base in
            let url = base.appendingPathComponent("healthz")
            let well = try await get(url)
            #expect(well.status == 200)
            #expect(
                well.body == #"{"status":"ok","checks":{"consumer":{"healthy":true,"detail":"3 \"partitions\""},"#
                    + #""outbox":{"healthy":true}}}"# + "\n")
            state.on.store(false, ordering: .relaxed)
            let ill = try await get(url)
            #expect(ill.status == 503)
            #expect(ill.body.hasPrefix(#"{"status":"failing","checks":{"consumer":{"healthy":false"#))
            #expect(try await get(base.appendingPathComponent("other")).status == 404)
        }
    }

    @Test func whatARestartCannotMendOnlyDegrades() {
        let report = HealthReport([
            .init("target soc", healthy: false, isRequired: false), .init("consumer", healthy: true),
        ])
        #expect(report.isHealthy)
        #expect(report.json.hasPrefix(#"{"status":"degraded","checks":{"target soc":{"healthy":false}"#))
    }

    @Test func aPortInUseIsAnErrorThatSaysSo() async throws {
        try await withServer(PrometheusMetrics(), health: { HealthReport() }) { base in
            let port = try #require(base.port)
            let second = AdminServer(
                port: port, metrics: PrometheusMetrics(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ) { HealthReport() }
            let error = await #expect(throws: AdminServerError.self) { try await second.run() }
            #expect(error?.description.contains("127.0.0.1:\(port)") == true)
        }
    }
}
