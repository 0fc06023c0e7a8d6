// SPDX-License-Identifier: Apache-2.0

import GRDB
package import Hub
import Incidents
package import Telemetry

/// The figures of the first page, from one state of the database.
package struct Overview: Sendable {
    /// Open incidents by OCSF `severity_id`.
    package var openIncidents: [Int: Int]
    package var ordersInForce: Int
    package var pendingApprovals: Int
    package var pendingDeliveries: Int
    package var deadDeliveries: Int
    /// The 24 hours up to now: epoch hours, UTC, the earliest first, each there.
    package var alertsPerHour: [(hour: Int64, alerts: Int)]
    /// Of the same time, the most frequent first, at most ten.
    package var rules: [RuleHits]
    /// When it was read, ms since the epoch, UTC.
    package var at: Int64
}

extension Desk {
    /// The figures of the first page.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func overview(for actor: Actor) async throws -> Overview {
        let now = clock()
        let first = now / 3_600_000 - 23
        return try await read(for: actor) { db in
            func count(_ sql: String, _ arguments: StatementArguments = []) throws -> Int {
                try Int.fetchOne(db, sql: sql, arguments: arguments) ?? 0
            }
            let open = try Row.fetchAll(
                db, sql: "SELECT severity, count(*) AS count FROM incidents WHERE status = 'open' GROUP BY severity")
            let hours = Dictionary(
                uniqueKeysWithValues: try StoredAlerts.hours(from: first * 3_600_000, in: db).map {
                    ($0.hour, $0.alerts)
                }
            )
            return Overview(
                openIncidents: Dictionary(uniqueKeysWithValues: open.map { ($0["severity"], $0["count"]) }),
                ordersInForce: try ControlRecord.count(.order, state: "active", now: now, in: db),
                pendingApprovals: try ControlRecord.count(.approval, state: "pending", now: now, in: db),
                pendingDeliveries: try count("SELECT count(*) FROM deliveries WHERE state = 'pending'"),
                deadDeliveries: try count("SELECT count(*) FROM deliveries WHERE state = 'dead'"),
                alertsPerHour: (first...first + 23).map { ($0, hours[$0] ?? 0) },
                rules: Array(try StoredAlerts.hits(from: first * 3_600_000, in: db).prefix(10)), at: now)
        }
    }

    /// How the hub is.
    ///
    /// - Throws: ``DeskError/forbidden(_:)``.
    package func health(for actor: Actor) throws -> HealthReport {
        try require(.read, of: actor)
        return hub.health()
    }
}
