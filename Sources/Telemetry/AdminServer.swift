// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle

/// The admin port of a process: `GET /healthz` (200 or 503 with ``HealthReport/json``) and `GET /metrics` (Prometheus text).
///
/// It has no authentication: bind it to loopback or to a network that only the monitoring reaches.
package struct AdminServer: Service {
    private let host: String
    private let port: Int
    private let metrics: PrometheusMetrics
    private let health: @Sendable () async -> HealthReport
    private let logger: Logger
    private let onListening: @Sendable (Int) -> Void

    /// - Parameters:
    ///   - host: address or name to bind.
    ///   - port: TCP port; 0 lets the system choose.
    ///   - metrics: what `/metrics` renders.
    ///   - logger: where the server reports.
    ///   - onListening: called once with the actual port when the server accepts connections.
    ///   - health: called for every `/healthz`.
    package init(
        host: String = "127.0.0.1", port: Int, metrics: PrometheusMetrics, logger: Logger,
        onListening: @escaping @Sendable (Int) -> Void = { _ in },
        health: @escaping @Sendable () async -> HealthReport
    ) {
        self.host = host
        self.port = port
        self.metrics = metrics
        self.health = health
        self.logger = logger
        self.onListening = onListening
    }

    /// Serves until graceful shutdown (inside a `ServiceGroup`) or until the task is cancelled (outside of one).
    ///
    /// - Throws: ``AdminServerError`` when the address cannot be bound.
    package func run() async throws {
        let router = Router()
        let (metrics, health) = (metrics, health)
        router.get("healthz") { _, _ in
            let report = await health()
            return Self.response(
                report.isHealthy ? .ok : .serviceUnavailable, "application/json; charset=utf-8", report.json + "\n")
        }
        router.get("metrics") { _, _ in
            Self.response(.ok, PrometheusMetrics.contentType, metrics.render())
        }
        var quiet = logger
        // Hummingbird reports every start and stop; our own callback does that.
        quiet.logLevel = max(quiet.logLevel, .warning)
        let application = Application(
            router: router,
            server: .http1(configuration: .init(idleTimeout: .seconds(30))),
            configuration: .init(address: .hostname(host, port: port)),
            onServerRunning: { [onListening, port] channel in onListening(channel.localAddress?.port ?? port) },
            logger: quiet)
        do {
            try await application.run()
        } catch let error as IOError {
            throw AdminServerError(host: host, port: port, reason: error.description)
        } catch is CancellationError {
            // Cancelled is stopped.
        }
    }

    private static func response(_ status: HTTPResponse.Status, _ type: String, _ body: String) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: body)))
    }
}

/// The admin port could not be opened.
package struct AdminServerError: Error, Sendable, CustomStringConvertible {
    /// The address that was asked for.
    package let host: String
    /// The port that was asked for.
    package let port: Int
    /// What the system said.
    package let reason: String

    package var description: String {
        "the admin server cannot listen on \(host):\(port): \(reason). Choose another admin address, or port 0 for any."
    }
}
