// SPDX-License-Identifier: Apache-2.0

package import GRDB

extension RoutingEngine {
    /// Somebody took an incident: the receivers that were told of its alerts hear so at once, those that are still to be told
    /// afterwards, each once. A group in which something of another incident fires says nothing: nobody took that.
    ///
    /// - Throws: SQLite's error.
    package static func acknowledge(incident: String, in db: Database) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO routing_acknowledgements (group_id, incident)
                SELECT DISTINCT m.group_id, a.incident FROM routing_alerts a JOIN routing_members m ON m.alert_id = a.id
                WHERE a.incident = ? AND a.ends_at IS NULL ON CONFLICT DO NOTHING
                """
        ).execute(arguments: [incident])
    }

    /// Nobody has the incident any more, or it is over: who has not heard that somebody took it does not hear it.
    ///
    /// - Throws: SQLite's error.
    package static func takeBack(acknowledgementOf incident: String, in db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM routing_acknowledgements WHERE incident = ?")
            .execute(arguments: [incident])
    }

    /// Rows whose group was told of an alert of the incident that fires: an acknowledgement comes behind what it acknowledges.
    private static let due = """
        routing_acknowledgements k JOIN routing_groups g ON g.id = k.group_id
        WHERE EXISTS (SELECT 1 FROM routing_members m JOIN routing_alerts a ON a.id = m.alert_id
            WHERE m.group_id = k.group_id AND m.notified = 1 AND a.incident = k.incident AND a.ends_at IS NULL)
        """

    func hasAcknowledgement(in db: Database) throws -> Bool {
        try Bool.fetchOne(db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM \(Self.due))")) ?? false
    }

    /// How many groups were told.
    func flushAcknowledgements(
        now: Int64, limit: Int, in db: Database, _ send: (Notification, Database) throws -> Void
    ) throws -> Int {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: "SELECT g.*, k.incident AS incident FROM \(Self.due) ORDER BY k.group_id, k.incident LIMIT ?"),
            arguments: [limit])
        var told = 0
        for row in rows {
            var group = FlushedGroup(row)
            let incident: String = row["incident"]
            try db.cachedStatement(sql: "DELETE FROM routing_acknowledgements WHERE group_id = ? AND incident = ?")
                .execute(arguments: [group.id, incident])
            let firing = try members(of: group, in: db).filter { $0.endsAt == nil }
            guard firing.allSatisfy({ $0.labels["incident"] == incident }) else { continue }
            group.sequence += 1
            try db.cachedStatement(sql: "UPDATE routing_groups SET sequence = ? WHERE id = ?")
                .execute(arguments: [group.sequence, group.id])
            let shown = firing.filter(\.wasNotified)
            try send(notification(group, shown, .acknowledged, .acknowledged, now: now, in: db), db)
            told += 1
        }
        return told
    }
}
