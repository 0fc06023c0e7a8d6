// SPDX-License-Identifier: Apache-2.0

package import GRDB

/// Puts alerts into groups and says what is to be told of them, when and to whom, as Alertmanager does. It reads no clock: `now` is
/// ms since the epoch, UTC, and only ever grows. All state is in the database; every function runs inside a transaction of its
/// caller, so what a caller does with a notification and the note that it was made are one.
package struct RoutingEngine: Sendable {
    package let configuration: RoutingConfiguration
    package let limits: RoutingLimits
    let routes: [String: Route]

    /// Creates the tables, and puts the alerts that are in groups into those of this configuration if it is another than the last one.
    ///
    /// - Throws: SQLite's error.
    package init(
        database: any DatabaseWriter, configuration: RoutingConfiguration, limits: RoutingLimits = RoutingLimits(),
        now: Int64
    ) throws {
        try RoutingSchema.migrate(database)
        self.configuration = configuration
        self.limits = limits
        routes = Dictionary(uniqueKeysWithValues: configuration.route.all.map { ($0.id, $0) })
        try database.write { db in try reroute(now: now, in: db) }
    }

    /// When something is to be flushed next, 0 for at once; nil where there is nothing.
    ///
    /// - Throws: SQLite's error.
    package func due(in db: Database) throws -> Int64? {
        if try hasAcknowledgement(in: db) { return 0 }
        return try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT next_flush_at FROM routing_groups ORDER BY next_flush_at, id LIMIT 1"))
    }

    /// All alerts of an incident are over; their groups say so at their next `group_interval`.
    ///
    /// - Returns: how many alerts were still firing.
    /// - Throws: SQLite's error.
    @discardableResult
    package static func resolve(incident: String, now: Int64, in db: Database) throws -> Int {
        try takeBack(acknowledgementOf: incident, in: db)
        try db.cachedStatement(sql: "DELETE FROM routing_incidents WHERE incident = ?").execute(arguments: [incident])
        try db.cachedStatement(sql: "UPDATE routing_alerts SET ends_at = ? WHERE incident = ? AND ends_at IS NULL")
            .execute(arguments: [now, incident])
        return db.changesCount
    }

    /// Ends incidents that were quiet for the timeout, and forgets what nobody needs any more. To be called about once a minute, after
    /// what was due is flushed: what nobody was told of while nothing ran is told before it times out.
    ///
    /// - Throws: SQLite's error.
    package func sweep(now: Int64, in db: Database) throws {
        let quiet = try String.fetchAll(
            db.cachedStatement(sql: "SELECT incident FROM routing_incidents WHERE last_at <= ? LIMIT 10000"),
            arguments: [now - configuration.resolveTimeout])
        for incident in quiet { try Self.resolve(incident: incident, now: now, in: db) }
        let over = try String.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT id FROM routing_alerts a WHERE ends_at IS NOT NULL
                        AND NOT EXISTS (SELECT 1 FROM routing_members WHERE alert_id = a.id) LIMIT 10000
                    """))
        for id in over { try forget(id, in: db) }
        try SilenceStore.prune(now: now, in: db)
    }

    func forget(_ alert: String, in db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM routing_sources WHERE alert_id = ?").execute(arguments: [alert])
        try db.cachedStatement(sql: "DELETE FROM routing_alerts WHERE id = ?").execute(arguments: [alert])
    }
}
