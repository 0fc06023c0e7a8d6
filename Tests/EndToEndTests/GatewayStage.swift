// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import Kafka
import LocalServices
import NIOCore
import NIOHTTP1
import Orders
import ServiceLifecycle
import Signing
import Synchronization
import TestSupport

/// What a gateway process has around it, in the test's process: a broker that can be stopped, an OpenID provider,
/// upstreams, keys.
final class GatewayStage: Sendable {
    static let ordersTopic = "gatewatch.orders"
    static let approvalsTopic = "gatewatch.approvals"

    let stage: Stage
    let broker: EmbeddedBroker
    /// The services of `LocalUpstream`.
    let upstreamPort: Int
    let bulk: BulkUpstream
    let client: HTTPClient
    let detector: SigningKey
    private let issuer: LocalIssuer
    private let issuerPort: Int

    private init(
        stage: Stage, broker: EmbeddedBroker, upstreamPort: Int, bulk: BulkUpstream, client: HTTPClient,
        detector: SigningKey, issuer: LocalIssuer, issuerPort: Int
    ) {
        self.stage = stage
        self.broker = broker
        self.upstreamPort = upstreamPort
        self.bulk = bulk
        self.client = client
        self.detector = detector
        self.issuer = issuer
        self.issuerPort = issuerPort
    }

    /// - Parameter partitions: of the audit topic. The embedded broker keeps about 5 MB of each.
    static func with(partitions: Int = 12, _ body: (GatewayStage) async throws -> Void) async throws {
        try await Stage.with { stage in
            let topics = [
                (Stage.auditTopic, partitions), (ordersTopic, 4), (approvalsTopic, 4), ("gatewatch.recordings", 4),
                (Stage.alertsTopic, 2), ("gatewatch.feedback", 2),
            ]
            let broker = try EmbeddedBroker(topics: topics, logger: quiet)
            defer { broker.close() }
            let (issuerPorts, issuerFound) = AsyncStream<Int>.makeStream()
            let (upstreamPorts, upstreamFound) = AsyncStream<Int>.makeStream()
            let issuer = LocalIssuer(people: people, logger: quiet) { issuerFound.yield($0) }
            let upstream = LocalUpstream(logger: quiet) { upstreamFound.yield($0) }
            let bulk = BulkUpstream()
            let servers = Task {
                try await ServiceGroup(
                    configuration: .init(
                        services: [.init(service: issuer), .init(service: upstream), .init(service: bulk)],
                        logger: quiet)
                ).run()
            }
            var configuration = HTTPClient.Configuration()
            configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
            // Where nobody listens, a request fails at once.
            configuration.connectionPool.retryConnectionEstablishment = false
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            let result: Result<Void, any Error>
            do {
                guard let issuerPort = await issuerPorts.first(where: { _ in true }),
                    let upstreamPort = await upstreamPorts.first(where: { _ in true })
                else { throw Missing("the issuer or the upstream does not listen") }
                let gateway = try SigningKey.generate(name: "gateway-1")
                let detector = try SigningKey.generate(name: "detect-1")
                try gateway.save(to: stage.path("gateway.key"))
                try stage.write(
                    "keys.yml",
                    """
                    keys:
                      - { name: gateway-1, role: gateway, key: "\(gateway.publicText)" }
                      - { name: detect-1, role: automation, may: [issue], key: "\(detector.publicText)" }

                    """)
                let made = GatewayStage(
                    stage: stage, broker: broker, upstreamPort: upstreamPort, bulk: bulk, client: client,
                    detector: detector, issuer: issuer, issuerPort: issuerPort)
                try stage.write("connections.yml", made.localConnections() + (await made.bulkConnection()))
                try stage.write("gateway.yml", made.configuration())
                try await body(made)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            servers.cancel()
            _ = try? await servers.value
            try? await client.shutdown()
            try result.get()
        }
    }

    // MARK: Files

    /// The services of `LocalUpstream`; a policy as YAML for each.
    func localConnections(policies: [String: String] = [:]) -> String {
        let presets = [("embeddings", "openai"), ("vectors", "qdrant"), ("registry", "mlflow"), ("corpus", "s3")]
        return presets.reduce("connections:\n") { text, connection in
            let (name, preset) = connection
            let policy = policies[name].map { "    policy: \($0)\n" } ?? ""
            return text + """
                  - name: \(name)
                    preset: \(preset)
                    path: /\(name)
                    upstream: http://127.0.0.1:\(upstreamPort)/\(name)

                """ + policy
        }
    }

    /// `BulkUpstream` as one more item of the list.
    func bulkConnection() async -> String {
        """
          - name: bulk
            path: /bulk
            upstream: http://127.0.0.1:\(await bulk.port())
            routes:
              - match: "GET /zeros/{count}"
                operation: checkpoint.download
                resource: { type: checkpoint, name: "{count}" }
                items: 1
              - match: "PUT /sink/{name}"
                operation: checkpoint.upload
                resource: { type: checkpoint, name: "{name}" }
                items: 1
                body: stream
              - match: "GET /note/{name}"
                operation: other
                resource: { type: model, name: "{name}" }

        """
    }

    /// The file of `--config`; `more` are lines of the section `gateway`.
    func configuration(_ more: String = "") -> String {
        """
        kafka: { bootstrap.servers: "\(broker.bootstrapServers)", fetch.wait.max.ms: "5" }
        gateway:
          listen: 127.0.0.1:0
          admin: 127.0.0.1:0
          state: state
          issuers:
            - issuer: "\(LocalIssuer.url(port: issuerPort))"
              audiences: [\(LocalIssuer.audience)]
              algorithms: [ES256]
          trusted_keys: keys.yml
          key: { name: gateway-1, secret: "file:gateway.key" }
          connections: [connections.yml]

        """ + more
    }

    // MARK: People and orders

    /// Who can log in at the console.
    private static let people = [
        LocalPerson(subject: "vera", email: "vera@example.com", name: "Vera", groups: ["audit"]),
        LocalPerson(subject: "cleo", email: "cleo@example.com", name: "Cleo", groups: ["soc", "security"]),
    ]

    /// The provider's `iss`.
    var issuerURL: String { LocalIssuer.url(port: issuerPort) }

    func token(
        _ name: String, groups: [String] = [], session: String? = nil, secondsAgo: Int64 = 0, audience: String? = nil
    ) throws -> String {
        try issuer.token(
            port: issuerPort, subject: name, email: "\(name)@example.com", groups: groups,
            session: session ?? "\(name)-1",
            issuedAt: Int64(Date().timeIntervalSince1970) - secondsAgo, audience: audience ?? LocalIssuer.audience)
    }

    /// Signs an order on a person as a detector does and brings it to the topic.
    func issue(_ actions: [Order.Action], on name: String) async throws {
        let order = Order.forAlert(
            UUID().uuidString.lowercased(), actions: actions,
            subject: .init(type: .identity, value: "\(name)@example.com"), reason: "a test", severity: .high,
            issuer: .init(kind: .automation, name: "detect-1"), issuedAt: Int64(Date().timeIntervalSince1970 * 1000),
            ttl: 3_600_000)
        let record = try order.signed(by: detector)
        let producer = try KafkaProducer(
            properties: KafkaProperties(["linger.ms": "0"]).merging(broker.clientProperties), logger: quiet)
        defer { producer.close() }
        _ = try await producer.send(topic: Self.ordersTopic, key: Array(record.key.utf8), payload: record.value)
    }

    // MARK: The process

    /// Starts a gateway and waits until it takes requests.
    func startGateway(
        _ more: [String] = [], configuration: String = "gateway.yml", environment: [String: String] = [:]
    ) async throws -> GatewayProcess {
        let child = try stage.start(
            "gateway", ["gateway", "--config", stage.path(configuration)] + more, environment: environment)
        try await child.waitForLog("requests on 127.0.0.1:")
        guard let port = child.errors.firstMatch(of: /requests on 127\.0\.0\.1:([0-9]+)/).flatMap({ Int($0.output.1) })
        else { throw Missing("\(child.name) names no port: \(child.tail)") }
        return GatewayProcess(child: child, port: port, client: client)
    }

    /// Reads the audit topic from its beginning; the reader is to be stopped.
    func readEvents() -> GatewayEvents { GatewayEvents(properties: broker.clientProperties) }
}
