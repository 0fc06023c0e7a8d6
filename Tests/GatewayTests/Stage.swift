// SPDX-License-Identifier: Apache-2.0

import Approvals
import AsyncHTTPClient
import AuditEvent
import AuditSpool
import Children
import Connections
import Foundation
import Gateway
import Kafka
import LocalServices
import Logging
import NIOCore
import NIOHTTP1
import OIDC
import Orders
import ServiceLifecycle
import Signing
import Synchronization
import Testing
import YAMLDocument

/// All tests of the room; in one suite, as each starts a broker and servers.
@Suite(.serialized) enum GatewayTests {}

/// A gateway with all that it needs: an embedded broker, an OpenID provider, an upstream, and keys.
final class Stage: Sendable {
    let broker: EmbeddedBroker
    let folder: String
    let issuer: LocalIssuer
    let issuerPort: Int
    let upstreamPort: Int
    let port: Int
    let service: GatewayService
    let client: HTTPClient
    let detector: SigningKey
    let people: [String: SigningKey]
    let applied: Applied
    private let running: ServiceGroup
    private let end: End

    /// Whether the gateway's `run()` has returned.
    final class End: Sendable {
        private let hasCome = Mutex(false)
        func note() { hasCome.withLock { $0 = true } }
        var value: Bool { hasCome.withLock { $0 } }
    }

    /// Orders in force, as the gateway told.
    final class Applied: Sendable {
        private let orders = Mutex<[Order]>([])
        func note(_ order: Order) { orders.withLock { $0.append(order) } }
        var ids: [String] { orders.withLock { $0.map(\.id) } }
    }

    static let topics = ["gatewatch.audit", "gatewatch.orders", "gatewatch.approvals", "gatewatch.recordings"]

    /// The services of `LocalUpstream` as connections.
    static func connections(port: Int, policies: [String: String] = [:]) -> String {
        let presets = [("embeddings", "openai"), ("vectors", "qdrant"), ("registry", "mlflow"), ("corpus", "s3")]
        var text = "connections:\n"
        for (name, preset) in presets {
            text +=
                "  - name: \(name)\n    preset: \(preset)\n    path: /\(name)\n    upstream: http://127.0.0.1:\(port)/\(name)\n"
            if name == "corpus" { text += "    unmatched: deny\n" }
            if let policy = policies[name] { text += "    policy: \(policy)\n" }
        }
        return text
    }

    private init(
        broker: EmbeddedBroker, folder: String, issuer: LocalIssuer, issuerPort: Int, upstreamPort: Int, port: Int,
        service: GatewayService, client: HTTPClient, detector: SigningKey, people: [String: SigningKey],
        applied: Applied,
        running: ServiceGroup, end: End
    ) {
        self.broker = broker
        self.folder = folder
        self.issuer = issuer
        self.issuerPort = issuerPort
        self.upstreamPort = upstreamPort
        self.port = port
        self.service = service
        self.client = client
        self.detector = detector
        self.people = people
        self.applied = applied
        self.running = running
        self.end = end
    }

    /// Runs `body` with a gateway, and ends everything afterwards.
    ///
    /// - Parameters:
    ///   - connections: YAML, given the upstream's port.
    ///   - change: the settings, before the gateway starts.
    static func with(
        connections: @Sendable (Int) -> String = { Stage.connections(port: $0) }, directory: String? = nil,
        change: @Sendable (inout GatewaySettings) throws -> Void = { _ in },
        _ body: @Sendable (Stage) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gateway-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let broker = try EmbeddedBroker(topics: topics.map { ($0, 2) }, logger: logger)
        defer { broker.close() }

        let (issuerPorts, issuerFound) = AsyncStream<Int>.makeStream()
        let (upstreamPorts, upstreamFound) = AsyncStream<Int>.makeStream()
        let (ports, found) = AsyncStream<Int>.makeStream()
        let issuer = LocalIssuer(logger: logger) { issuerFound.yield($0) }
        let upstream = LocalUpstream(logger: logger) { upstreamFound.yield($0) }
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: issuer), .init(service: upstream)], logger: logger))
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        let outcome = await withTaskGroup(of: Void.self, returning: Result<Void, any Error>.self) { tasks in
            tasks.addTask { try? await group.run() }
            let result: Result<Void, any Error>
            do {
                let issuerPort = try #require(await issuerPorts.first { _ in true })
                let upstreamPort = try #require(await upstreamPorts.first { _ in true })
                let gateway = try SigningKey.generate(name: "gateway-1")
                let detector = try SigningKey.generate(name: "detect-1")
                var keys = [
                    try TrustedKey(name: "gateway-1", role: .gateway, may: [], publicText: gateway.publicText),
                    try TrustedKey(name: "detect-1", role: .automation, may: [.issue], publicText: detector.publicText),
                ]
                var people: [String: SigningKey] = [:]
                for name in ["alice", "bob", "carol"] {
                    let key = try SigningKey.generate(name: name)
                    people[name] = key
                    keys.append(
                        try TrustedKey(
                            name: name, role: .person, identity: "\(name)@example.com", groups: ["security"],
                            may: [.issue, .lift, .approve], publicText: key.publicText))
                }
                var settings = GatewaySettings(
                    listen: ListenSettings(host: "127.0.0.1", port: 0), kafka: broker.clientProperties,
                    stateFolder: "\(folder)/gateway",
                    issuers: [
                        IssuerSettings(
                            issuer: LocalIssuer.url(port: issuerPort), audiences: [LocalIssuer.audience],
                            algorithms: ["ES256"])
                    ], trustedKeys: try TrustedKeys(keys), key: gateway)
                settings.listen.drain = .seconds(5)
                try change(&settings)
                let file = "\(folder)/connections.yml"
                try connections(upstreamPort).write(toFile: file, atomically: true, encoding: .utf8)
                let applied = Applied()
                let service = try GatewayService(
                    settings: settings,
                    configuration: GatewayConfiguration(
                        connections: ConnectionSet(paths: [file]),
                        directory: directory.map { try IdentityDirectory(text: $0, file: "identities.csv") }),
                    logger: logger, onListening: { found.yield($0) }, onOrder: { order, _ in applied.note(order) })
                let running = ServiceGroup(configuration: .init(services: [.init(service: service)], logger: logger))
                let end = End()
                tasks.addTask {
                    try? await running.run()
                    end.note()
                }
                let port = try #require(await ports.first { _ in true })
                let stage = Stage(
                    broker: broker, folder: folder, issuer: issuer, issuerPort: issuerPort, upstreamPort: upstreamPort,
                    port: port, service: service, client: client, detector: detector, people: people, applied: applied,
                    running: running, end: end)
                do {
                    try await body(stage)
                    result = .success(())
                } catch {
                    result = .failure(error)
                }
                await running.triggerGracefulShutdown()
                await group.triggerGracefulShutdown()
                return result
            } catch {
                await group.triggerGracefulShutdown()
                return .failure(error)
            }
        }
        try? await client.shutdown()
        try outcome.get()
    }

    /// What SIGTERM does.
    func stop() async { await running.triggerGracefulShutdown() }
    var hasStopped: Bool { end.value }

    /// Has the gateway go by another file of connections, and by other trusted keys.
    func reload(_ file: String, trustedKeys: TrustedKeys? = nil) throws {
        service.reload(try GatewayConfiguration(connections: ConnectionSet(paths: [file])), trustedKeys: trustedKeys)
    }

    // MARK: Requests

    func token(
        _ name: String = "ana", groups: [String] = [], session: String = "s-1", secondsAgo: Int64 = 0,
        lifetime: Int64 = 3600
    ) throws -> String {
        try issuer.token(
            port: issuerPort, subject: name, email: "\(name)@example.com", groups: groups, session: session,
            issuedAt: Int64(Date().timeIntervalSince1970) - secondsAgo, lifetime: lifetime)
    }

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: String
        var problem: String? {
            struct Body: Decodable { var type: String }
            return (try? JSONDecoder().decode(Body.self, from: Data(body.utf8)))?.type
        }
        var approval: String? {
            struct Body: Decodable { var approval_id: String? }
            return (try? JSONDecoder().decode(Body.self, from: Data(body.utf8)))?.approval_id
        }
    }

    func send(
        _ method: HTTPMethod, _ path: String, token: String?, body: String? = nil, headers: [(String, String)] = []
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        let response = try await client.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 64 << 20)
        return Answer(status: Int(response.status.code), headers: response.headers, body: String(buffer: bytes))
    }

    func query(_ token: String?, limit: Int = 10, headers: [(String, String)] = []) async throws -> Answer {
        try await send(
            .POST, "/vectors/collections/docs/points/query", token: token, body: #"{"query":[0.1],"limit":\#(limit)}"#,
            headers: headers)
    }

    /// Runs a program and waits for its end, without holding a thread.
    func run(_ program: String, _ arguments: [String]) async throws -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.start()
        try await wait("\(program) has ended") { !process.isRunning }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    // MARK: Orders

    static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    func order(
        _ identity: String, _ actions: [Order.Action], ttl: Int64 = 3_600_000, scope: Order.Scope = .everything,
        issuedAt: Int64 = Stage.now
    ) -> Order {
        Order.forAlert(
            UUID().uuidString.lowercased(), actions: actions, subject: .init(type: .identity, value: identity),
            scope: scope, reason: "a test", severity: .high, issuer: .init(kind: .automation, name: "detect-1"),
            issuedAt: issuedAt, ttl: ttl)
    }

    func publish(_ record: SignedRecord, topic: String = "gatewatch.orders") async throws {
        let producer = try KafkaProducer(
            properties: KafkaProperties(["linger.ms": "0"]).merging(broker.clientProperties),
            logger: Logger(label: "test"))
        _ = try await producer.send(topic: topic, key: Array(record.key.utf8), payload: record.value)
        producer.close()
    }

    /// Publishes many records, without waiting for each.
    func publishAll(_ records: [SignedRecord]) async throws {
        let producer = try KafkaProducer(properties: broker.clientProperties, logger: Logger(label: "test"))
        let delivered = TakenCount()
        for record in records {
            try producer.send(topic: "gatewatch.orders", key: Array(record.key.utf8), payload: record.value) { _ in
                delivered.add()
            }
        }
        try await wait("they are delivered") { delivered.value == records.count }
        producer.close()
    }

    /// Deletes a record of the compacted topic of orders.
    func publishTombstone(_ key: String) async throws {
        let producer = try KafkaProducer(properties: broker.clientProperties, logger: Logger(label: "test"))
        _ = try await producer.send(topic: "gatewatch.orders", key: Array(key.utf8), payload: nil)
        producer.close()
    }

    /// Issues an order and waits until it is in force.
    func issue(_ order: Order) async throws {
        try await publish(order.signed(by: detector))
        try await wait("the order is in force") { applied.ids.contains(order.id) }
    }

    func wait(_ what: String, _ done: () async throws -> Bool) async throws {
        // Long: other tests run beside this one, and only what hangs is to end.
        let deadline = ContinuousClock.now + .seconds(300)
        while try await !done() {
            try #require(ContinuousClock.now < deadline, "after five minutes, still not: \(what)")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    // MARK: Events

    /// The audit events on the topic, once the spool is empty.
    func events() async throws -> [Event] {
        try await wait("the spool is empty") { service.spool.waitingEvents == 0 }
        let reader = try KafkaTopicReader(
            properties: broker.clientProperties, topics: ["gatewatch.audit"], logger: Logger(label: "test"))
        defer { reader.close() }
        var events: [Event] = []
        let deadline = ContinuousClock.now + .seconds(60)
        while !reader.isCaughtUp, ContinuousClock.now < deadline {
            _ = try reader.poll(maxRecords: 1000, timeoutMilliseconds: 100) { record in
                if let payload = record.payload {
                    events.append(try JSONDecoder().decode(Event.self, from: Data(payload)))
                }
            }
        }
        return events
    }

    /// The audit events as they are on the topic.
    func rawEvents() async throws -> [String] {
        try await wait("the spool is empty") { service.spool.waitingEvents == 0 }
        return try records(of: "gatewatch.audit").map { String(decoding: $0.value, as: UTF8.self) }
    }

    /// The requests for approval on the topic, the oldest first.
    func approvalRequests() async throws -> [ApprovalRequest] {
        try records(of: "gatewatch.approvals").filter { !$0.key.contains("/") }.compactMap {
            record -> ApprovalRequest? in
            let parts = String(decoding: record.value, as: UTF8.self).split(separator: ".")
            guard parts.count == 3 else { return nil }
            var text = String(parts[1]).replacing("-", with: "+").replacing("_", with: "/")
            while text.count % 4 != 0 { text += "=" }
            guard let data = Data(base64Encoded: text) else { return nil }
            return try JSONDecoder().decode(ApprovalRequest.self, from: data)
        }.sorted { $0.createdAt < $1.createdAt }
    }

    func records(of topic: String) throws -> [(key: String, value: [UInt8])] {
        let reader = try KafkaTopicReader(
            properties: broker.clientProperties, topics: [topic], logger: Logger(label: "test"))
        defer { reader.close() }
        var records: [(key: String, value: [UInt8])] = []
        let deadline = ContinuousClock.now + .seconds(60)
        while !reader.isCaughtUp, ContinuousClock.now < deadline {
            _ = try reader.poll(maxRecords: 1000, timeoutMilliseconds: 100) { record in
                guard let payload = record.payload else { return }
                records.append((record.key.map { String(decoding: $0, as: UTF8.self) } ?? "", Array(payload)))
            }
        }
        return records
    }

    /// What tests look at in an audit event.
    struct Event: Decodable, Sendable {
        struct Metadata: Decodable { let uid: String; let correlation_uid: String? }
        struct User: Decodable { let uid: String?; let email_addr: String? }
        struct Actor: Decodable { let user: User? }
        struct API: Decodable {
            struct Service: Decodable { let name: String }
            let operation: String
            let service: Service?
        }
        struct Resource: Decodable { let type: String; let name: String }
        struct HTTPResponse: Decodable { let code: Int; let length: Int64 }
        struct HTTPRequest: Decodable { let length: Int64 }
        struct Policy: Decodable { let name: String }
        struct Unmapped: Decodable {
            let items: Int?
            let approval_id: String?
            let order_id: String?
            let claimed_user: String?
            let justification: String?
            let stream: Bool?
        }
        let metadata: Metadata
        let class_uid: Int
        let status_id: Int
        let status_code: String?
        let status_detail: String?
        let user: User?
        let actor: Actor?
        let api: API?
        let resources: [Resource]?
        let http_request: HTTPRequest?
        let http_response: HTTPResponse
        let disposition_id: Int
        let policy: Policy
        let unmapped: Unmapped
        var who: String? { actor?.user?.uid ?? user?.uid }
    }
}
