// SPDX-License-Identifier: Apache-2.0
import Delivery
import Foundation
import GRDB
import Incidents
import Routing
import Telemetry

/// The hub's tables, and the one transaction in which alerts come in, join their incidents, are routed, and what is due at once goes
/// into the outbox.
struct AlertStore: Sendable {
    /// Unreadable alerts kept, the newest; a broken producer must not fill the disk.
    private static let maximumUnreadable = 10_000
    /// Groups that are told of in the transaction that takes alerts in; the others follow at once, each their own.
    private static let maximumFlushed = 500
    /// Bytes kept of an unreadable alert.
    private static let maximumUnreadableBytes = 64 * 1024

    /// What one transaction did.
    struct Outcome: Equatable {
        var stored = 0
        var experimental = 0
        var repeated = 0
        /// What was told at once.
        var notifications = 0
        var unreadable: [Unreadable] = []
    }

    /// One alert that was passed over.
    struct Unreadable: Equatable {
        var place: String
        var reason: String
    }

    let database: any DatabaseWriter
    let routing: RoutingEngine
    let incidents: IncidentStore
    let sender: NotificationSender

    /// Creates or brings up to date the hub's tables, beside the outbox's.
    static func migrate(_ database: any DatabaseWriter) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("hub 2026-11-21 create alerts") { db in
            try db.execute(
                sql: """
                    CREATE TABLE alerts (
                        id TEXT PRIMARY KEY NOT NULL,
                        identity TEXT,
                        rule TEXT NOT NULL,
                        title TEXT NOT NULL,
                        severity INTEGER NOT NULL,
                        time INTEGER NOT NULL,
                        rule_status TEXT,
                        json TEXT NOT NULL,
                        -- Where it was seen first.
                        topic TEXT NOT NULL,
                        partition INTEGER NOT NULL,
                        first_seen_offset INTEGER NOT NULL,
                        received_at INTEGER NOT NULL
                    );
                    CREATE INDEX alerts_identity ON alerts (identity, time);
                    CREATE INDEX alerts_time ON alerts (time);
                    CREATE TABLE unreadable_alerts (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        topic TEXT NOT NULL,
                        partition INTEGER NOT NULL,
                        record_offset INTEGER NOT NULL,
                        -- Offsets begin anew when a topic is made anew: the record's time tells them apart.
                        record_time INTEGER NOT NULL,
                        reason TEXT NOT NULL,
                        payload BLOB,
                        received_at INTEGER NOT NULL,
                        UNIQUE (topic, partition, record_offset, record_time)
                    );
                    """)
        }
        migrator.registerMigration("hub 2026-11-22 index alerts for lists") { db in
            try db.execute(
                sql: """
                    DROP INDEX alerts_identity;
                    DROP INDEX alerts_time;
                    -- Each has what the lists ask and counts need, so that they read no finding.
                    CREATE INDEX alerts_time ON alerts (time, severity, rule);
                    CREATE INDEX alerts_identity ON alerts (identity, time, severity, rule);
                    CREATE INDEX alerts_rule ON alerts (rule, time, severity);
                    """)
        }
        try migrator.migrate(database)
    }

    /// Stores the records and routes their alerts, all or nothing. `now` is ms since the epoch.
    func store(_ records: [ReceivedRecord], now: Int64 = RFC3339.nowMilliseconds()) throws -> Outcome {
        // Parsed before the transaction: it holds the only writer.
        let parsed = records.map { record -> (ReceivedRecord, Result<Alert, UnreadableAlert>) in
            guard let payload = record.payload else {
                return (record, .failure(UnreadableAlert("it has no payload (a tombstone)")))
            }
            return (record, Result { () throws(UnreadableAlert) -> Alert in try Alert(payload) })
        }
        return try database.write { db in
            var outcome = Outcome()
            var routed: [RoutedAlert] = []
            for (record, result) in parsed {
                switch result {
                case .success(let alert):
                    guard try insert(alert, record, now, in: db) else {
                        outcome.repeated += 1
                        continue
                    }
                    outcome.stored += 1
                    guard alert.isDelivered else {
                        outcome.experimental += 1
                        continue
                    }
                    let incident = try incidents.take(alert.incident, now: now, in: db)
                    routed.append(alert.routed.belonging(to: incident))
                case .failure(let reason):
                    try keep(record, reason.description, now, in: db)
                    outcome.unreadable.append(
                        Unreadable(
                            place: "\(record.topic)/\(record.partition) at offset \(record.offset)",
                            reason: reason.description))
                }
            }
            guard !routed.isEmpty else { return outcome }
            try routing.take(routed, now: now, in: db)
            outcome.notifications =
                try routing.flush(now: now, limit: Self.maximumFlushed, in: db, sender.send).notifications
            return outcome
        }
    }

    private func insert(_ alert: Alert, _ record: ReceivedRecord, _ now: Int64, in db: Database) throws -> Bool {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO alerts (id, identity, rule, title, severity, time, rule_status, json, topic, partition,
                    first_seen_offset, received_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
                """)
        try statement.execute(arguments: [
            alert.id, alert.identity, alert.rule, alert.title, alert.severity, alert.time, alert.ruleStatus,
            String(decoding: alert.json, as: UTF8.self), record.topic, record.partition, record.offset, now,
        ])
        return db.changesCount > 0
    }

    private func keep(_ record: ReceivedRecord, _ reason: String, _ now: Int64, in db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO unreadable_alerts (topic, partition, record_offset, record_time, reason, payload, received_at)
                VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """,
            arguments: [
                record.topic, record.partition, record.offset, record.timestamp, reason,
                record.payload.map { Data($0.prefix(Self.maximumUnreadableBytes)) }, now,
            ])
        try db.execute(
            sql: "DELETE FROM unreadable_alerts WHERE id <= (SELECT max(id) FROM unreadable_alerts) - ?",
            arguments: [Self.maximumUnreadable])
    }
}

extension RoutedAlert {
    /// The alert with the label of its incident, by which it is grouped and resolved, also where the detector gave none.
    fileprivate func belonging(to incident: String) -> RoutedAlert {
        guard labels["incident"].isEmpty else { return self }
        var alert = self
        alert.labels = LabelSet(labels.labels.map { ($0.name, $0.value) } + [("incident", incident)])
        return alert
    }
}
