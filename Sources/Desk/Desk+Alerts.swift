// SPDX-License-Identifier: Apache-2.0

package import Hub
package import Incidents
package import Paging
import Signing

/// An alert and the finding as the detector wrote it.
package struct AlertDetail: Sendable {
    package var alert: StoredAlert
    /// OCSF Detection Finding (2004), JSON, byte for byte.
    package var finding: String
}

/// An identity as the hub knows it. What it did is in the room Activity.
package struct IdentitySummary: Sendable {
    package var identity: String
    /// Open ones and closed ones, the latest first.
    package var incidents: [Incident]
    /// The latest alerts.
    package var alerts: Page<StoredAlert>
    /// Its risk at each of its alerts with the terms, the latest first.
    package var risk: [StoredAlerts.Risk]
    /// Orders in force on it, the latest first.
    package var orders: [ControlRecord]
    /// What it asks for, waiting or approved, the latest first.
    package var approvals: [ControlRecord]
}

extension Desk {
    /// Alerts, the latest first.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func alerts(
        _ filter: AlertFilter = AlertFilter(), after cursor: String? = nil, limit: Int = 100, for actor: Actor
    ) async throws -> Page<StoredAlert> {
        try await read(for: actor) { db in try StoredAlerts.list(filter, after: cursor, limit: limit, in: db) }
    }

    /// One alert.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func alert(_ id: String, for actor: Actor) async throws -> AlertDetail {
        try await read(for: actor) { db in
            guard let found = try StoredAlerts.find(id, in: db) else {
                throw DeskError.unknown("there is no alert \(id.prefix(80))")
            }
            return AlertDetail(alert: found.alert, finding: found.finding)
        }
    }

    /// What the hub knows of an identity; one that it never heard of is empty, not unknown.
    ///
    /// - Parameter riskSince: ms since the epoch, UTC; nil for the last 90 days.
    /// - Throws: ``DeskError``, or SQLite's error.
    package func identity(
        _ identity: String, riskSince: Int64? = nil, for actor: Actor
    ) async throws -> IdentitySummary {
        let aliases = hub.books?.aliases ?? .init()
        let since = riskSince ?? clock() - 90 * 86_400_000
        return try await read(for: actor) { db in
            IdentitySummary(
                identity: identity,
                incidents: try IncidentStore.list(
                    IncidentFilter(status: nil, identity: identity), limit: 50, in: db
                ).items,
                alerts: try StoredAlerts.list(AlertFilter(identity: identity), limit: 50, in: db),
                risk: try StoredAlerts.risk(of: identity, from: since, in: db),
                orders: try ControlRecord.list(
                    .order, states: ["active"], identity: identity, aliases: aliases, in: db
                ).items,
                approvals: try ControlRecord.list(
                    .approval, states: ["pending", "approved"], identity: identity, aliases: aliases, in: db
                ).items)
        }
    }
}
