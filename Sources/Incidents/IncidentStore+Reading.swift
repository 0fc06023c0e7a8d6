// SPDX-License-Identifier: Apache-2.0

package import GRDB
package import Paging

/// Which incidents are listed.
package struct IncidentFilter: Sendable, Equatable {
    /// Nil: all.
    package var status: Incident.Status?
    package var identity: String?
    /// The least OCSF `severity_id`.
    package var severity: Int?

    package init(status: Incident.Status? = .open, identity: String? = nil, severity: Int? = nil) {
        self.status = status
        self.identity = identity
        self.severity = severity
    }
}

/// What left with the events that fired an incident's alerts; an event that fired several counts once.
package struct IncidentReach: Sendable, Equatable {
    package var resource: String?
    package var bytes: Int64
    package var items: Int64
    package var alerts: Int

    package init(resource: String?, bytes: Int64, items: Int64, alerts: Int) {
        self.resource = resource
        self.bytes = bytes
        self.items = items
        self.alerts = alerts
    }
}

/// An order or a request for approval, as far as the hub has seen it.
package struct SeenControl: Sendable, Equatable {
    package var id: String
    /// `active`, `observed`, `lifted`, `superseded`, `expired`; of a request `pending`, `approved`, `denied`, `used`, `expired`.
    package var state: String
    /// Its making and its end, ms since the epoch, UTC.
    package var at: Int64
    package var until: Int64
    package var who: String
    package var text: String
}

extension IncidentStore {
    /// The most that one page has.
    package static let maximumPage = 1_000

    /// An incident by its id or by a prefix that no other has.
    ///
    /// - Throws: ``IncidentError``, or SQLite's error.
    package static func find(_ prefix: String, in db: Database) throws -> Incident {
        if let row = try Row.fetchOne(db, sql: "SELECT * FROM incidents WHERE id = ?", arguments: [prefix]) {
            return Incident(row)
        }
        guard prefix.count >= shortestPrefix else { throw IncidentError.shortPrefix(prefix) }
        // What begins so lies between the prefix and the prefix with the greatest scalar behind it.
        let rows = try Row.fetchAll(
            db, sql: "SELECT * FROM incidents WHERE id >= ? AND id < ? ORDER BY id LIMIT 10",
            arguments: [prefix, prefix + "\u{10FFFF}"])
        guard let row = rows.first else { throw IncidentError.unknown(prefix) }
        guard rows.count == 1 else { throw IncidentError.ambiguous(prefix, rows.map { $0["id"] }) }
        return Incident(row)
    }

    /// Incidents: open ones by severity, then by their latest alert; all or closed ones by their latest alert. The most urgent first.
    ///
    /// - Throws: ``BadCursor``, or SQLite's error.
    package static func list(
        _ filter: IncidentFilter = IncidentFilter(), after cursor: String? = nil, limit: Int = 100, in db: Database
    ) throws -> Page<Incident> {
        let isBySeverity = filter.status == .open
        var conditions = Conditions()
        if let status = filter.status { conditions.add("status = '\(status.rawValue)'") }
        conditions.add("identity_key = ?", filter.identity.map(key))
        conditions.add("severity >= ?", filter.severity)
        if let cursor {
            let (numbers, id) = try Cursor.read(cursor, numbers: 2, hasText: true)
            if isBySeverity {
                conditions.add("(severity, last_alert_at, id) < (?, ?, ?)", numbers[0], numbers[1], id)
            } else {
                conditions.add("(last_alert_at, id) < (?, ?)", numbers[1], id)
            }
        }
        let size = min(max(1, limit), maximumPage)
        let incidents = try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM incidents WHERE \(conditions.sql)
                ORDER BY \(isBySeverity ? "severity DESC, " : "")last_alert_at DESC, id DESC LIMIT ?
                """, arguments: conditions.arguments(size + 1)
        ).map(Incident.init)
        return Page(incidents, size: size) { "\($0.severity).\($0.lastAlertAt).\($0.id)" }
    }

    /// The timeline of an incident, the latest first.
    ///
    /// - Throws: ``BadCursor``, or SQLite's error.
    package static func timeline(
        of incident: String, after cursor: String? = nil, limit: Int = 100, in db: Database
    ) throws -> Page<TimelineEntry> {
        var arguments: [(any DatabaseValueConvertible)?] = [incident]
        if let cursor {
            let (numbers, _) = try Cursor.read(cursor, numbers: 2)
            arguments += [numbers[0], numbers[1]]
        }
        let size = min(max(1, limit), maximumPage)
        arguments.append(size + 1)
        let entries = try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM incident_entries WHERE incident_id = ? \(cursor == nil ? "" : "AND (at, id) < (?, ?)")
                ORDER BY at DESC, id DESC LIMIT ?
                """, arguments: StatementArguments(arguments)
        ).compactMap(TimelineEntry.init)
        return Page(entries, size: size) { "\($0.at).\($0.id)" }
    }

    /// What its alerts' events moved, the most bytes first, at most `limit` resources.
    ///
    /// - Throws: SQLite's error.
    package static func reach(of incident: String, limit: Int = 10, in db: Database) throws -> [IncidentReach] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT resource, sum(bytes) AS bytes, sum(items) AS items, sum(alerts) AS alerts FROM (
                    SELECT resource, max(coalesce(bytes, 0)) AS bytes, max(coalesce(items, 0)) AS items, count(*) AS alerts
                    FROM incident_alerts WHERE incident_id = ? GROUP BY resource, coalesce(event, alert_id)
                ) GROUP BY resource ORDER BY bytes DESC, items DESC, resource LIMIT ?
                """, arguments: [incident, limit]
        ).map { IncidentReach(resource: $0["resource"], bytes: $0["bytes"], items: $0["items"], alerts: $0["alerts"]) }
    }

    /// Orders that are in force, or only observed, and requests that wait: those that name the incident and those on its identity.
    ///
    /// - Throws: SQLite's error.
    package static func controls(of incident: Incident, now: Int64, in db: Database) throws -> [SeenControl] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM incident_controls WHERE state IN ('active', 'observed', 'pending') AND until > ?
                    AND (incident_id = ? OR identity_key = ?) ORDER BY at, id LIMIT 100
                """, arguments: [now, incident.id, incident.identity.map(key)]
        ).map { row in
            SeenControl(
                id: row["id"], state: row["state"], at: row["at"], until: row["until"], who: row["who"],
                text: row["text"])
        }
    }

    /// How often each rule was right, by the dispositions of its alerts; the worst first.
    ///
    /// - Throws: SQLite's error.
    package static func precision(in db: Database) throws -> [RulePrecision] {
        try Row.fetchAll(db, sql: "SELECT * FROM rule_precision ORDER BY precision, rule").map { row in
            RulePrecision(
                rule: row["rule"], trueAlerts: row["true_alerts"], falseAlerts: row["false_alerts"],
                benignAlerts: row["benign_alerts"], precision: row["precision"])
        }
    }
}

/// What people said of a rule's alerts.
package struct RulePrecision: Sendable, Equatable {
    package var rule: String
    package var trueAlerts: Int
    package var falseAlerts: Int
    package var benignAlerts: Int
    /// The share that was not false: a benign alert saw what it should see.
    package var precision: Double
}
