// SPDX-License-Identifier: Apache-2.0

import Activity
import AsyncHTTPClient
import AuditEvent
import Console
import Delivery
import Desk
import Finding
import Foundation
import GRDB
import Hub
import Incidents
import Kafka
import LocalServices
import Notifications
import OIDC
import Orders
import Recordings
import ServiceLifecycle
import Signing
import TestSupport
import Testing
import Web

let hour: Int64 = 3_600_000
/// What an attacker puts wherever text goes: tags, an end of an attribute, one with a combining mark behind the quote (so that it is
/// another character), a template's braces.
let probe = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{csrf}}\"\u{301} autofocus onfocus=alert(1)"

/// A running console: hub, desk, provider, server, one file of a database.
struct ConsoleStage: Sendable {
    /// By their subject: who has which roles.
    static let people = [
        LocalPerson(subject: "none", email: "none@example.com", name: "None", groups: ["sales"]),
        LocalPerson(subject: "viewer", email: "vera@example.com", name: "Vera \(probe)", groups: ["viewer", probe]),
        LocalPerson(subject: "analyst", email: "ana@example.com", name: "Ana", groups: ["analyst"]),
        LocalPerson(subject: "approver", email: "ben@example.com", name: "Ben", groups: ["approver"]),
        LocalPerson(subject: "second", email: "cleo@example.com", name: "Cleo", groups: ["approver"]),
        LocalPerson(
            subject: "admin", email: "dana@example.com", name: "Dana",
            groups: ["viewer", "analyst", "approver", "admin"]),
    ]

    let base: String
    let client: HTTPClient
    let hub: HubService
    let desk: Desk
    let folder: URL
    /// Reads and writes the topics of orders and approvals; nil without a broker.
    let broker: EmbeddedBroker?
    let gateway: SigningKey

    func browser(_ subject: String) async throws -> LocalBrowser {
        let browser = LocalBrowser(base: base, client: client)
        _ = try await browser.login(as: subject)
        return browser
    }

    var now: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    /// Puts an alert in as the hub does, without Kafka.
    func alert(
        _ id: String, identity: String = "mallory@example.com", rule: String = "bulk", title: String = "Bulk requests",
        severity: Int = 4, minutesAgo: Int64 = 5, incident: String? = "incident-1", message: String? = nil,
        resource: String? = nil, terms: [(String, Double)] = [("bulk", 40)]
    ) async throws {
        let time = now - minutesAgo * 60_000
        let json = #"{"unmapped":{"identity":"x"},"finding_info":{"uid":"\#(id)"}}"#
        try await hub.database.write { [hub] db in
            try db.execute(
                sql: """
                    INSERT INTO alerts (id, identity, rule, title, severity, time, json, topic, partition,
                        first_seen_offset, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, 't', 0, 0, 0)
                    """, arguments: [id, identity, rule, title, severity, time, json])
            guard let incident else { return }
            var alert = IncidentAlert(
                id: id, incident: incident, identity: identity, rule: rule, title: title, message: message,
                severity: severity, time: time, resource: resource, bytes: 5_000_000, items: 12)
            alert.riskScore = 40
            alert.riskTerms = terms.map { .init(rule: $0.0, points: $0.1, alerts: 1, time: time) }
            _ = try hub.incidents.take(alert, now: time, in: db)
        }
    }

    /// Counts an audit event as the hub does, without Kafka.
    func count(_ event: String) throws {
        let writer = try ActivityWriter(
            database: try ActivitySchema.open(path: folder.appendingPathComponent("activity.sqlite").path),
            settings: ActivitySettings(mapping: try Mapping.named("ocsf")), now: now)
        let partition = TopicPartition(topic: "gatewatch.audit", partition: 0)
        let offset = try writer.start(of: partition)
        Array(event.utf8).withUnsafeBytes {
            writer.take(partition, offset: offset, timestamp: nil, payload: $0)
        }
        try writer.commit()
        try #require(writer.counts.events == 1, "\(writer.lastUnreadable ?? "")")
    }

    /// Runs a test with a console and takes down everything after it.
    ///
    /// - Parameter withBroker: true to run the hub on an embedded broker; without, only its database is there.
    static func with(
        withBroker: Bool = false, detectors: [DetectorEntry] = [], reports: ReportPages? = nil,
        _ body: @escaping @Sendable (ConsoleStage) async throws -> Void
    ) async throws {
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: .init(redirectConfiguration: .disallow))
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        do {
            try await run(client, folder, withBroker, detectors, reports, body)
        } catch {
            try await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }

    private static func run(
        _ client: HTTPClient, _ folder: URL, _ withBroker: Bool, _ detectors: [DetectorEntry], _ reports: ReportPages?,
        _ body: @escaping @Sendable (ConsoleStage) async throws -> Void
    ) async throws {
        let broker =
            withBroker
            ? try EmbeddedBroker(topics: [
                ("gatewatch.alerts", 1), ("gatewatch.orders", 1), ("gatewatch.approvals", 1), ("gatewatch.feedback", 1),
                ("gatewatch.audit", 1),
            ]) : nil
        defer { broker?.close() }
        let kafka = broker?.clientProperties ?? KafkaProperties(["bootstrap.servers": "127.0.0.1:1"])
        let (key, gateway) = (try SigningKey.generate(name: "hub-1"), try SigningKey.generate(name: "gateway-1"))
        let target = try WebhookTarget(
            name: "soc", url: "http://127.0.0.1:1/hook",
            secrets: [WebhookSecret(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))],
            options: .init(addresses: .allowingPrivate))
        var configuration = HubConfiguration(
            kafka: kafka, databasePath: folder.appendingPathComponent("hub.sqlite").path,
            receivers: [
                Receiver(name: "soc", integrations: [.init(target: target, format: .webhook, sendsResolved: true)])
            ])
        configuration.control = ControlTopics(
            keys: try TrustedKeys([
                TrustedKey(name: "hub-1", role: .hub, may: [.approve, .issue, .lift], publicText: key.publicText),
                TrustedKey(name: "gateway-1", role: .gateway, may: [], publicText: gateway.publicText),
            ]))
        configuration.evidenceKey = key
        configuration.recordings = RecordingsConfiguration(
            kafka: kafka, databasePath: folder.appendingPathComponent("recordings.sqlite").path)
        configuration.activity = ActivityFollower.Configuration(
            kafka: kafka, databasePath: folder.appendingPathComponent("activity.sqlite").path,
            settings: ActivitySettings(mapping: try Mapping.named("ocsf")))
        let hub = try HubService(configuration: configuration, logger: quiet)
        let desk = try Desk(hub: hub, settings: .init(detectors: detectors, key: key), logger: quiet)
        let console = try Console(desk: desk, reports: reports, logger: quiet)

        let (issuerPorts, issuerFound) = AsyncStream<Int>.makeStream()
        let (origins, originFound) = AsyncStream<WebOrigin>.makeStream()
        let issuer = LocalIssuer(people: people, logger: quiet) { issuerFound.yield($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await issuer.run() }
            if withBroker { group.addTask { try await hub.run() } }
            let port = try #require(await issuerPorts.first { _ in true })
            let server = try WebServer(
                settings: WebSettings(
                    port: 0,
                    login: RelyingPartySettings(
                        issuer: IssuerSettings(
                            issuer: LocalIssuer.url(port: port), audiences: [], algorithms: ["ES256"]),
                        clientID: LocalIssuer.clientID), clientSecret: LocalIssuer.clientSecret,
                    roles: Dictionary(uniqueKeysWithValues: Role.allCases.map { ($0, [$0.rawValue]) })),
                database: hub.database, httpClient: client, looks: console, logger: quiet,
                tokens: { try await desk.authenticate(token: $0) }, loggedIn: { try await desk.loggedIn($0) },
                onListening: { originFound.yield($0) }, routes: [{ console.add(to: $0, sessions: $1) }])
            group.addTask { try await server.run() }
            let origin = try #require(await origins.first { _ in true })
            let stage = ConsoleStage(
                base: origin.text, client: client, hub: hub, desk: desk, folder: folder, broker: broker,
                gateway: gateway)
            group.addTask {
                try await body(stage)
                throw Done()
            }
            do {
                while try await group.next() != nil {}
            } catch is Done {}
            group.cancelAll()
        }
    }

    private struct Done: Error {}
}
