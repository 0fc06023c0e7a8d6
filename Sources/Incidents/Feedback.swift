// SPDX-License-Identifier: Apache-2.0

package import GRDB

/// What people said of alerts, on its way to the topic `gatewatch.feedback`: a record waits in the database from the transaction in
/// which the person said it until Kafka has it.
package enum Feedback {
    /// A record of the compacted topic.
    package struct Record: Sendable, Equatable {
        /// Of its row, for ``remove(_:in:)``.
        package let row: Int64
        /// The alert's id: the last word on an alert is the one that stays.
        package let key: String
        /// JSON, see docs/incidents.md.
        package let value: String
    }

    /// Every alert of the incident as it is now; one that joins later is not meant.
    static func queue(
        _ disposition: Disposition, reason: String, of incident: Incident, by actor: String, now: Int64, in db: Database
    ) throws {
        try db.execute(
            sql: "UPDATE incident_alerts SET disposition = ? WHERE incident_id = ?",
            arguments: [disposition.rawValue, incident.id])
        try db.execute(
            sql: """
                INSERT INTO feedback_outbox (alert_id, value)
                SELECT alert_id, json_object('alert_uid', alert_id, 'incident_uid', incident_id, 'identity', ?, 'rule', rule,
                    'alert_time', time, 'disposition', disposition, 'reason', ?, 'actor', ?, 'at', ?)
                FROM incident_alerts WHERE incident_id = ? ORDER BY time, alert_id
                """, arguments: [incident.identity, reason, actor, now, incident.id])
    }

    /// The oldest records that wait.
    ///
    /// - Throws: SQLite's error.
    package static func waiting(limit: Int = 500, in db: Database) throws -> [Record] {
        try Row.fetchAll(
            db.cachedStatement(sql: "SELECT id, alert_id, value FROM feedback_outbox ORDER BY id LIMIT ?"),
            arguments: [limit]
        ).map { Record(row: $0["id"], key: $0["alert_id"], value: $0["value"]) }
    }

    /// Kafka has these.
    ///
    /// - Throws: SQLite's error.
    package static func remove(_ records: [Record], in db: Database) throws {
        let statement = try db.cachedStatement(sql: "DELETE FROM feedback_outbox WHERE id = ?")
        for record in records { try statement.execute(arguments: [record.row]) }
    }
}
