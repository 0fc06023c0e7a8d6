// SPDX-License-Identifier: Apache-2.0

import API
import Activity
import Approvals
import AsyncHTTPClient
import AuditEvent
import Delivery
import Desk
import Finding
import Foundation
import GRDB
import Hub
import Incidents
import Kafka
import Logging
import NIOCore
import NIOHTTP1
import Notifications
import OIDC
import Orders
import Recordings
import ServiceLifecycle
import Signing
import Web

let hour: Int64 = 3_600_000
let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A running hub with an API, tokens for every role, and something of everything in it.
struct Stage: Sendable {
    let base: String
    let client: HTTPClient
    let desk: Desk
    let hub: HubService
    let gateway: SigningKey
    let producer: KafkaProducer
    let folder: URL
    /// By the one role beside viewer.
    let tokens: [Role: String]
    /// Of a person with all roles.
    let boss: String

    static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    /// What the API answered.
    struct Answer {
        var status: Int
        var headers: HTTPHeaders
        var text: String
        var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:] }
        var items: [[String: Any]] { json["items"] as? [[String: Any]] ?? [] }
        /// The word of a problem.
        var problem: String? { (json["type"] as? String)?.split(separator: ":").last.map(String.init) }
    }

    /// - Parameters:
    ///   - token: nil for none.
    ///   - body: JSON.
    func ask(
        _ method: HTTPMethod, _ path: String, token: String? = nil, body: String? = nil,
        headers: [(String, String)] = []
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let body {
            request.body = .bytes(ByteBuffer(string: body))
            if !headers.contains(where: { $0.0 == "Content-Type" }) {
                request.headers.add(name: "Content-Type", value: "application/json")
            }
        }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        let response = try await client.execute(request, timeout: .seconds(60))
        let text = String(buffer: try await response.body.collect(upTo: 16 * 1024 * 1024))
        return Answer(status: Int(response.status.code), headers: response.headers, text: text)
    }

    private struct Looks: WebLooks {
        func page(fault: WebFault, context: WebContext) -> String { fault.detail }
        func loggedOut(issuerURL: String?, context: WebContext) -> String { "" }
        func askLogout(context: WebContext) -> String { "" }
    }

    private struct Done: Error {}

    /// - Parameter hasRecordings: false for a hub that keeps none.
    static func with(
        hasRecordings: Bool = true, _ body: @escaping @Sendable (Stage) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        do {
            try await run(folder, client, hasRecordings, body)
        } catch {
            try await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }

    private static func run(
        _ folder: URL, _ client: HTTPClient, _ hasRecordings: Bool,
        _ body: @escaping @Sendable (Stage) async throws -> Void
    ) async throws {
        let broker = try EmbeddedBroker(topics: [
            ("gatewatch.alerts", 1), ("gatewatch.orders", 1), ("gatewatch.approvals", 1), ("gatewatch.feedback", 1),
            ("gatewatch.audit", 1), ("gatewatch.recordings", 1),
        ])
        defer { broker.close() }
        let (hubKey, gateway) = (try SigningKey.generate(name: "hub-1"), try SigningKey.generate(name: "gateway-1"))
        let target = try WebhookTarget(
            name: "soc", url: "http://127.0.0.1:1/hook",
            secrets: [WebhookSecret(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))],
            options: .init(addresses: .allowingPrivate))
        var configuration = HubConfiguration(
            kafka: broker.clientProperties, databasePath: folder.appendingPathComponent("hub.sqlite").path,
            receivers: [
                Receiver(name: "soc", integrations: [.init(target: target, format: .webhook, sendsResolved: true)])
            ])
        configuration.control = ControlTopics(
            keys: try TrustedKeys([
                TrustedKey(
                    name: "hub-1", role: .hub, may: [.issue, .lift, .approve], publicText: hubKey.publicText),
                TrustedKey(name: "gateway-1", role: .gateway, may: [], publicText: gateway.publicText),
            ]))
        configuration.evidenceKey = hubKey
        configuration.activity = ActivityFollower.Configuration(
            kafka: broker.clientProperties, databasePath: folder.appendingPathComponent("activity.sqlite").path,
            settings: ActivitySettings(mapping: try Mapping.named("ocsf")))
        if hasRecordings {
            configuration.recordings = RecordingsConfiguration(
                kafka: broker.clientProperties, databasePath: folder.appendingPathComponent("recordings.sqlite").path)
        }
        let hub = try HubService(configuration: configuration, logger: quiet)
        let desk = try Desk(
            hub: hub,
            settings: .init(
                detectors: [
                    DetectorEntry(
                        id: "bulk", name: "gw_bulk", title: "Bulk requests", file: "bulk.yml", status: "stable",
                        source: "title: Bulk requests\n")
                ], key: hubKey), logger: quiet)
        let producer = try KafkaProducer(properties: broker.clientProperties, logger: quiet)
        defer { producer.close() }
        let (tokens, boss) = try await Self.people(desk)
        let (origins, found) = AsyncStream<WebOrigin>.makeStream()
        let api = API(
            desk: desk, version: "0.0.0-test",
            report: { week, isNamed, actor in
                Array(#"{"week":"\#(week ?? "last")","names":\#(isNamed),"for":"\#(actor.identity)"}"#.utf8)
            })
        // Nobody logs in here: the provider need not be there.
        let server = try WebServer(
            settings: WebSettings(
                port: 0,
                login: RelyingPartySettings(
                    issuer: IssuerSettings(issuer: "http://127.0.0.1:1", audiences: [], algorithms: ["ES256"]),
                    clientID: "gatewatch"), roles: [:]), database: hub.database, httpClient: client, looks: Looks(),
            logger: quiet, tokens: { try await desk.authenticate(token: $0) }, onListening: { found.yield($0) },
            routes: [{ router, _ in api.add(to: router) }])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await hub.run() }
            group.addTask { try await server.run() }
            guard let origin = await origins.first(where: { _ in true }) else { throw Done() }
            let stage = Stage(
                base: origin.text, client: client, desk: desk, hub: hub, gateway: gateway, producer: producer,
                folder: folder, tokens: tokens, boss: boss)
            group.addTask {
                try await stage.fill()
                try await body(stage)
                throw Done()
            }
            do {
                while try await group.next() != nil {}
            } catch is Done {}
            group.cancelAll()
        }
    }

    /// Tokens as the hub's host makes them, in the name of people who have the roles.
    private static func people(_ desk: Desk) async throws -> ([Role: String], boss: String) {
        let host = Actor(identity: "root", roles: Set(Role.allCases), via: .command)
        var tokens: [Role: String] = [:]
        for role in Role.allCases {
            tokens[role] = try await desk.createToken(
                name: "test", roles: [role], owner: "\(role.rawValue)@example.com", by: host
            ).secret
        }
        let boss = try await desk.createToken(
            name: "test", roles: Set(Role.allCases), owner: "boss@example.com", by: host
        ).secret
        return (tokens, boss)
    }

    /// Something of everything.
    private func fill() async throws {
        let now = Self.now
        try await hub.database.write { [hub] db in
            for number in 0..<30 {
                let (id, identity) = ("alert-\(number)", number % 2 == 0 ? "ana@example.com" : "<b>eve</b>")
                try db.execute(
                    sql: """
                        INSERT INTO alerts (id, identity, rule, title, severity, time, json, topic, partition,
                            first_seen_offset, received_at) VALUES (?, ?, 'bulk', 'Bulk requests', 4, ?, ?, 't', 0, 0, 0)
                        """,
                    arguments: [
                        id, identity, now - Int64(number) * 60_000,
                        #"{"class_uid":2004,"risk_score":40,"unmapped":{"risk_terms":[{"rule":"bulk","points":40,"alerts":1,"time":1}]}}"#,
                    ])
                _ = try hub.incidents.take(
                    IncidentAlert(
                        id: id, incident: "incident-\(number % 2)", identity: identity, rule: "bulk",
                        title: "Bulk requests", severity: 4, time: now - Int64(number) * 60_000, riskScore: 40,
                        riskTerms: [.init(rule: "bulk", points: 40, alerts: 1, time: 1)], resource: "model:m",
                        bytes: 10, items: 1), now: now, in: db)
            }
        }
        try hub.outbox.enqueue([NewDelivery(messageID: "m1", target: "soc", orderingKey: "k", body: [1])])
        try await observe()
        while hub.books?.isCaughtUp != true { try await Task.sleep(for: .milliseconds(20)) }
    }

    /// What a gateway saw: three downloads by ana, with a session, and their recordings.
    private func observe() async throws {
        let now = Self.now
        for number in 0..<3 {
            let event = """
                {"class_uid":6003,"time":\(now - Int64(number) * 1000),"metadata":{"uid":"event-\(number)"},"action_id":1,
                "actor":{"user":{"uid":"ana@example.com","name":"Ana","email_addr":"ana@example.com","type_id":1,
                "groups":[{"name":"ml"},{"name":"<b>"}]},"session":{"uid":"session-1"}},
                "api":{"operation":"checkpoint.download","service":{"name":"weights"}},
                "http_request":{"user_agent":"curl/8","length":10},"http_response":{"length":4096},
                "src_endpoint":{"ip":"192.0.2.7"},"resources":[{"type":"checkpoint","name":"m-\(number)"}],
                "unmapped":{"items":2,"change_id":"c-1"}}
                """
            _ = try await producer.send(
                topic: "gatewatch.audit", key: Array("ana".utf8),
                payload: Array(event.replacing("\n", with: "").utf8))
            let recording = """
                {"uid":"event-\(number)","time":\(now - Int64(number) * 1000),"identity":"ana@example.com",
                "session":"session-1","connection":"weights","operation":"checkpoint.download",
                "resources":[{"type":"checkpoint","name":"m-\(number)"}],"method":"GET","path":"/m-\(number)",
                "query":"a=b","status":200,"decision":"allowed","policy":"p","reason":"r","detail":"d",
                "address":"192.0.2.7","duration":12,
                "request":{"headers":[["user-agent","curl/8"]],"length":10,"body":"{}"},
                "response":{"headers":[["content-type","text/plain"]],"length":4096,"body":"weights <b>"}}
                """
            try hub.recordings.map { store in
                _ = try store.store(
                    [.init(topic: "t", partition: 0, offset: Int64(number), payload: Array(recording.utf8))], now: now)
            }
        }
        while try hub.activity?.read({ db in try ActivityStore.find("ana@example.com", in: db) }) == nil {
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// A request that waits; its id.
    func request(_ requester: String = "eve@example.com") async throws -> String {
        let keys = hub.configuration.control?.keys
        let request = try ApprovalBook(keys: keys ?? TrustedKeys()).ask(
            ApprovalQuestion(
                requester: requester, connection: "weights", operation: "checkpoint.download",
                resources: ["checkpoint:m"], accessClass: "weights", policy: "p", reason: "a checkpoint"), now: Self.now
        ).request
        let record = try request.signed(by: gateway)
        _ = try await producer.send(topic: "gatewatch.approvals", key: Array(record.key.utf8), payload: record.value)
        while try await ask(.GET, "/api/v1/approvals/\(request.id)", token: boss).status != 200 {
            try await Task.sleep(for: .milliseconds(20))
        }
        return request.id
    }
}
