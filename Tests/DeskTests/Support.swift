// SPDX-License-Identifier: Apache-2.0

import Activity
import Approvals
import AuditEvent
import Delivery
import Desk
import Foundation
import GRDB
import Hub
import Incidents
import Kafka
import Notifications
import Orders
import Paging
import ServiceLifecycle
import Signing
import Synchronization
import TestSupport

let hour: Int64 = 3_600_000
let day: Int64 = 24 * hour

/// A hub's database with a desk, and a clock that a test sets.
final class Office: Sendable {
    let folder: URL
    let hub: HubService
    let desk: Desk

    /// - Parameters:
    ///   - kafka: where it reads orders and approvals; nothing is read before the hub runs.
    ///   - now: ms since the epoch; by default that of the machine, which the hub's threads go by.
    init(
        kafka: KafkaProperties = KafkaProperties(["bootstrap.servers": "127.0.0.1:1"]), control: ControlTopics? = nil,
        key: SigningKey? = nil, settings: Desk.Settings = .init(), countsActivity: Bool = false,
        now: Int64 = Int64(Date().timeIntervalSince1970 * 1000)
    ) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let targets = try ["soc", "pager"].map { name in
            Receiver(
                name: name,
                integrations: [
                    .init(
                        target: try WebhookTarget(
                            name: name, url: "http://127.0.0.1:1/hook",
                            secrets: [WebhookSecret(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))],
                            options: .init(addresses: .allowingPrivate)), format: .webhook, sendsResolved: true)
                ])
        }
        var configuration = HubConfiguration(
            kafka: kafka, databasePath: folder.appendingPathComponent("hub.sqlite").path, receivers: targets)
        configuration.control = control
        configuration.evidenceKey = key
        if countsActivity {
            configuration.activity = ActivityFollower.Configuration(
                kafka: kafka, databasePath: folder.appendingPathComponent("activity.sqlite").path,
                settings: ActivitySettings(mapping: try Mapping.named("ocsf")))
        }
        hub = try HubService(configuration: configuration, logger: quiet)
        let clock = Clock()
        var settings = settings
        settings.key = key
        desk = try Desk(hub: hub, settings: settings, logger: quiet, clock: { clock.now })
        self.clock = clock
        clock.set(now)
    }

    private let clock: Clock
    private final class Clock: Sendable {
        private let time = Mutex<Int64>(0)
        var now: Int64 { time.withLock { $0 } }
        func set(_ now: Int64) { time.withLock { $0 = now } }
    }

    var now: Int64 {
        get { clock.now }
        set { clock.set(newValue) }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Puts an alert in as the hub does, without Kafka.
    func alert(
        _ id: String, identity: String = "ana@example.com", rule: String = "bulk", severity: Int = 3,
        at time: Int64? = nil, incident: String? = "incident-1", json: String = "{}"
    ) throws {
        let time = time ?? now
        try hub.database.write { db in
            try db.execute(
                sql: """
                    INSERT INTO alerts (id, identity, rule, title, severity, time, json, topic, partition,
                        first_seen_offset, received_at) VALUES (?, ?, ?, 'Bulk requests', ?, ?, ?, 't', 0, 0, 0)
                    """, arguments: [id, identity, rule, severity, time, json])
            guard let incident else { return }
            _ = try hub.incidents.take(
                IncidentAlert(
                    id: id, incident: incident, identity: identity, rule: rule, title: "Bulk requests",
                    severity: severity, time: time), now: now, in: db)
        }
    }

    /// Actions and subjects of the evidence, the earliest first.
    func evidence() throws -> [String] {
        try hub.database.read { try EvidenceChain.page(in: $0).items }.reversed()
            .map { "\($0.actor) \($0.action) \($0.subject)" }
    }
}

func person(_ name: String, _ roles: Role..., aliases: [String] = [], groups: [String] = []) -> Actor {
    Actor(
        identity: "\(name)@example.com", name: name, aliases: aliases, groups: groups, roles: Set(roles), via: .console)
}

/// What a call throws; nil if it does not.
func error(_ body: () async throws -> Void) async -> DeskError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? DeskError ?? .refused("another error: \(error)")
    }
}
