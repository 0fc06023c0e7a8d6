// SPDX-License-Identifier: Apache-2.0

import Delivery
package import GRDB
package import Incidents
import Logging
package import Notifications
import Routing
package import Signing

/// Brings a hub's database to where it would be after some days: what a hub does with alerts, orders, approvals and people's acts, at times that
/// the caller says and in the order of the calls. No Kafka, no clock, nothing is sent. For fixtures and measurements.
package final class HubReplay {
    package let database: DatabasePool
    private let store: AlertStore
    private let incidents: IncidentStore
    private let books: ControlBooks?
    private let evidenceKey: SigningKey?
    private var offset: Int64 = 0

    /// - Parameters:
    ///   - receivers: each is told of every alert by itself.
    ///   - control: whose orders and approvals are believed.
    /// - Throws: SQLite's error; `DeliveryError` if two targets have one name.
    package init(
        databasePath: String, receivers: [Receiver] = [], control: ControlTopics? = nil, evidenceKey: SigningKey? = nil
    ) throws {
        database = try OutboxSchema.open(path: databasePath)
        let logger = Logger(label: "replay") { _ in SwiftLogNoOpLogHandler() }
        let outbox = try DeliveryOutbox(
            database: database, targets: receivers.flatMap(\.integrations).map(\.target), logger: logger)
        try HubSchema.migrate(database)
        let routing = try RoutingEngine(
            database: database, configuration: .eachAlert(to: NotificationSender.allReceivers), now: 0)
        incidents = .routed
        store = AlertStore(
            database: database, routing: routing, incidents: incidents,
            sender: NotificationSender(outbox: outbox, receivers: receivers, isRouted: false, consoleURL: nil))
        books = control.map { ControlBooks(keys: $0.keys, aliases: $0.aliases) }
        self.evidenceKey = evidenceKey
    }

    /// Findings come in from Kafka. Times are ms since the epoch, here and below.
    ///
    /// - Throws: SQLite's error; ``HubError`` when one cannot be read.
    package func take(alerts: [[UInt8]], at now: Int64) throws {
        let records = alerts.map { alert in
            offset += 1
            return ReceivedRecord(
                topic: "gatewatch.alerts", partition: 0, offset: offset - 1, timestamp: now, key: nil, payload: alert)
        }
        let outcome = try store.store(records, now: now)
        if let unreadable = outcome.unreadable.first {
            throw HubError(databasePath: database.path, reason: "an alert cannot be read: \(unreadable.reason)")
        }
    }

    /// Records of the topics of orders and approvals come in.
    ///
    /// - Throws: SQLite's error; ``HubError`` when one is refused.
    package func take(control records: [ControlTimeline.Record], at now: Int64) throws {
        guard let books else { return }
        let refused = try database.write { db in try books.apply(records, now: now, in: db) }
        if let reason = refused.first {
            throw HubError(databasePath: database.path, reason: "an order or approval is refused: \(reason)")
        }
    }

    /// A person acts on an incident.
    ///
    /// - Throws: `IncidentError`, or SQLite's error.
    package func act(_ action: IncidentAction, on incident: String, by person: String, at now: Int64) throws {
        try database.write { db in _ = try incidents.act(action, on: incident, by: person, now: now, in: db) }
    }

    /// Time passes: quiet incidents close, orders end, Kafka has the dispositions, heads of the evidence are signed.
    ///
    /// - Throws: SQLite's error, or what keeps a head from being signed.
    package func pass(to now: Int64) throws {
        while let due = try database.read({ db in try IncidentStore.nextClosing(in: db) }), due <= now {
            _ = try database.write { db in try incidents.closeQuiet(now: now, in: db) }
        }
        try database.write { db in
            try books?.expire(now: now, in: db)
            try db.execute(sql: "DELETE FROM feedback_outbox")
            if let evidenceKey { _ = try EvidenceHead.signIfDue(by: evidenceKey, now: now, in: db) }
        }
    }

    /// What is to be told has arrived.
    ///
    /// - Parameter arrival: the time of each message by its id; nil for one that its receiver refused for good.
    /// - Throws: SQLite's error.
    package func deliver(enqueuedAt now: Int64, arrival: (String) -> Int64?) throws {
        try database.write { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT id, message_id FROM deliveries WHERE state = 'pending' ORDER BY id")
            for row in rows {
                let time = arrival(row["message_id"])
                try db.execute(
                    sql: """
                        UPDATE deliveries SET state = ?, attempts = 1, next_attempt_at = NULL, last_status = ?, last_error = ?,
                            created_at = ?, updated_at = ? WHERE id = ?
                        """,
                    arguments: [
                        time == nil ? "dead" : "delivered", time == nil ? 400 : 200,
                        time == nil ? "the receiver answered 400" : nil, now, time ?? now, row["id"] as Int64,
                    ])
            }
        }
    }
}
