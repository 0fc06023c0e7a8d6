// SPDX-License-Identifier: Apache-2.0
import Delivery
import Foundation
import Hub
import Kafka
import Notifications
import Routing
import ServiceLifecycle
import Telemetry
import TestSupport

let alertsTopic = "gatewatch.alerts"

/// A Detection Finding as the detector writes it.
func finding(
    _ uid: String, identity: String? = "anna", status: String? = nil, title: String = "Bulk requests",
    incident: String? = nil, extra: String = ""
) -> String {
    var unmapped: [String] = ["\"group\":{\"identity\":\"\(identity ?? "")\"}"]
    if let identity { unmapped.append("\"identity\":\"\(identity)\"") }
    if let incident { unmapped.append("\"incident_uid\":\"\(incident)\"") }
    if let status { unmapped.append("\"rule_status\":\"\(status)\"") }
    return """
        {"class_uid":2004,"category_uid":2,"activity_id":1,"type_uid":200401,"severity_id":4,"time":1614265330005,\
        "metadata":{"version":"1.1.0","product":{"name":"Gatewatch","vendor_name":"Gatewatch"}},\
        "finding_info":{"uid":"\(uid)","title":"\(title)","analytic":{"type_id":1,"uid":"bulk-requests"}},\
        "unmapped":{\(unmapped.joined(separator: ","))}\(extra)}
        """
}

/// A broker, a database's folder and a metrics backend; hubs come and go in it.
final class Stage: Sendable {
    let broker: EmbeddedBroker
    let producer: KafkaProducer
    let folder: URL
    let metrics = PrometheusMetrics()

    var databasePath: String { folder.appendingPathComponent("hub.sqlite").path }
    /// The embedded broker lets a group's next member in only after the session timeout of the one that left.
    var kafka: KafkaProperties {
        KafkaProperties(["bootstrap.servers": broker.bootstrapServers, "session.timeout.ms": "10000"])
    }

    init() throws {
        broker = try EmbeddedBroker(
            topics: [(alertsTopic, 2), ("gatewatch.orders", 1), ("gatewatch.approvals", 1), ("gatewatch.feedback", 1)])
        producer = try KafkaProducer(
            properties: KafkaProperties(["bootstrap.servers": broker.bootstrapServers]), logger: quiet)
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        producer.close()
        broker.close()
        try? FileManager.default.removeItem(at: folder)
    }

    func send(_ payload: String, key: String = "anna") async throws {
        try await send(Array(payload.utf8), key: key)
    }

    func send(_ payload: [UInt8]?, key: String = "anna") async throws {
        _ = try await producer.send(topic: alertsTopic, key: Array(key.utf8), payload: payload)
    }

    /// Runs a hub while `body` runs, then stops it as a supervisor would.
    func withHub(
        _ urls: [String: String], group: String = "hub", graceMilliseconds: Int = 5_000,
        routing: RoutingConfiguration? = nil, configure: (inout HubConfiguration) -> Void = { _ in },
        _ body: (HubService) async throws -> Void
    ) async throws {
        let receivers = try urls.sorted { $0.key < $1.key }.map { name, url in
            let target = try WebhookTarget(
                name: name, url: url, secrets: [WebhookSecret(Secret(LocalReceiver.secret))],
                options: .init(addresses: .allowingPrivate))
            return Receiver(
                name: name, integrations: [.init(target: target, format: .webhook, sendsResolved: true)])
        }
        try await withHub(
            receivers, group: group, graceMilliseconds: graceMilliseconds, routing: routing,
            configure: configure, body)
    }

    /// The same with receivers of any media.
    func withHub(
        _ receivers: [Receiver], group: String = "hub", graceMilliseconds: Int = 5_000,
        routing: RoutingConfiguration? = nil, configure: (inout HubConfiguration) -> Void = { _ in },
        _ body: (HubService) async throws -> Void
    ) async throws {
        var configuration = HubConfiguration(
            kafka: kafka, databasePath: databasePath, receivers: receivers, routing: routing, group: group,
            schedule: RetrySchedule(delaysMilliseconds: [0, 20, 20, 20], jitter: 0),
            stopGraceMilliseconds: graceMilliseconds)
        configuration.consoleURL = "https://gatewatch.example.com"
        configure(&configuration)
        let hub = try HubService(configuration: configuration, logger: quiet, metrics: metrics)
        let group = ServiceGroup(services: [hub], logger: quiet)
        let running = Task { try await group.run() }
        do {
            try await body(hub)
        } catch {
            running.cancel()
            _ = await running.result
            throw error
        }
        await group.triggerGracefulShutdown()
        try await running.value
    }

    /// The value of a series, 0 if it is not there.
    func metric(_ series: String) -> Int {
        metrics.render().split(separator: "\n").first { $0.hasPrefix(series + " ") }
            .flatMap { Int($0.split(separator: " ").last ?? "") } ?? 0
    }
}
