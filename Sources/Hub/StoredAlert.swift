// SPDX-License-Identifier: Apache-2.0

package import GRDB
package import Incidents
package import Paging

/// An alert as the hub keeps it.
package struct StoredAlert: Sendable, Equatable, Identifiable {
    /// `finding_info.uid`.
    package var id: String
    package var identity: String?
    /// `finding_info.analytic.uid`.
    package var rule: String
    package var title: String
    /// OCSF `severity_id`.
    package var severity: Int
    /// Milliseconds since the epoch.
    package var time: Int64
    /// Sigma's `status` of the rule, if the alert has it.
    package var ruleStatus: String?
    /// Its incident; nil for those of experimental rules.
    package var incident: String?
    /// What a person said of it.
    package var disposition: Disposition?

    init(_ row: Row) {
        id = row["id"]
        identity = row["identity"]
        rule = row["rule"]
        title = row["title"]
        severity = row["severity"]
        time = row["time"]
        ruleStatus = row["rule_status"]
        incident = row["incident_id"]
        disposition = (row["disposition"] as String?).flatMap(Disposition.init)
    }
}

/// Which alerts are listed. Everything given must hold.
package struct AlertFilter: Sendable, Equatable {
    /// Exactly, as the alert has it.
    package var identity: String?
    package var rule: String?
    /// The least OCSF `severity_id`.
    package var severity: Int?
    /// ms since the epoch, UTC; `to` is not in it.
    package var from: Int64?
    package var to: Int64?

    package init(
        identity: String? = nil, rule: String? = nil, severity: Int? = nil, from: Int64? = nil, to: Int64? = nil
    ) {
        self.identity = identity
        self.rule = rule
        self.severity = severity
        self.from = from
        self.to = to
    }
}

/// How often a rule fired.
package struct RuleHits: Sendable, Equatable {
    package var rule: String
    package var alerts: Int
    /// ms since the epoch, UTC.
    package var lastAt: Int64
}

/// Reading what the hub keeps of alerts. Every function runs in a transaction of its caller; lists stay quick by the indexes of
/// ``AlertSchema``.
package enum StoredAlerts {
    /// Alerts by their time, the latest first.
    ///
    /// - Throws: ``BadCursor``, or SQLite's error.
    package static func list(
        _ filter: AlertFilter = AlertFilter(), after cursor: String? = nil, limit: Int = 100, in db: Database
    ) throws -> Page<StoredAlert> {
        let (sql, arguments, size) = try query(filter, after: cursor, limit: limit)
        let rows = try Row.fetchAll(db, sql: sql, arguments: arguments)
        let page = Page(rows.map { (StoredAlert($0), $0["row"] as Int64) }, size: size) { "\($0.0.time).\($0.1)" }
        return page.map(\.0)
    }

    static func query(
        _ filter: AlertFilter, after cursor: String?, limit: Int
    ) throws -> (sql: String, arguments: StatementArguments, size: Int) {
        var conditions = Conditions()
        conditions.add("identity = ?", filter.identity)
        conditions.add("rule = ?", filter.rule)
        conditions.add("severity >= ?", filter.severity)
        conditions.add("time >= ?", filter.from)
        conditions.add("time < ?", filter.to)
        if let cursor {
            let (numbers, _) = try Cursor.read(cursor, numbers: 2)
            conditions.add("(time, rowid) < (?, ?)", numbers[0], numbers[1])
        }
        let size = min(max(1, limit), IncidentStore.maximumPage)
        // The rows are found first, by an index alone; only what is shown is looked up.
        let sql = """
            SELECT a.rowid AS row, a.id, a.identity, a.rule, a.title, a.severity, a.time, a.rule_status, i.incident_id,
                i.disposition
            FROM (SELECT rowid AS found FROM alerts WHERE \(conditions.sql)
                ORDER BY time DESC, rowid DESC LIMIT ?)
            CROSS JOIN alerts a ON a.rowid = found LEFT JOIN incident_alerts i ON i.alert_id = a.id
            ORDER BY a.time DESC, a.rowid DESC
            """
        return (sql, conditions.arguments(size + 1), size)
    }

    /// The alerts of an incident by their time, the latest first.
    ///
    /// - Throws: ``BadCursor``, or SQLite's error.
    package static func list(
        ofIncident incident: String, after cursor: String? = nil, limit: Int = 100, in db: Database
    ) throws -> Page<StoredAlert> {
        let size = min(max(1, limit), IncidentStore.maximumPage)
        let last = try cursor.map { try Cursor.read($0, numbers: 1, hasText: true) }
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT a.id, a.identity, a.rule, a.title, a.severity, a.time, a.rule_status, i.incident_id, i.disposition
                FROM (SELECT * FROM incident_alerts WHERE incident_id = :incident
                    AND (:time IS NULL OR (time, alert_id) < (:time, :id)) ORDER BY time DESC, alert_id DESC LIMIT :limit) i
                CROSS JOIN alerts a ON a.id = i.alert_id ORDER BY i.time DESC, i.alert_id DESC
                """, arguments: ["incident": incident, "time": last?.numbers[0], "id": last?.text, "limit": size + 1])
        return Page(rows.map(StoredAlert.init), size: size) { "\($0.time).\($0.id)" }
    }

    /// An alert and the OCSF finding as it came; nil where there is none of that id.
    ///
    /// - Throws: SQLite's error.
    package static func find(_ id: String, in db: Database) throws -> (alert: StoredAlert, finding: String)? {
        try Row.fetchOne(
            db,
            sql: """
                SELECT a.*, i.incident_id, i.disposition FROM alerts a LEFT JOIN incident_alerts i ON i.alert_id = a.id
                WHERE a.id = ?
                """, arguments: [id]
        ).map { (StoredAlert($0), $0["json"]) }
    }

    /// How often each rule fired, the most frequent first.
    ///
    /// - Parameter from: ms since the epoch, UTC; nil for ever.
    /// - Throws: SQLite's error.
    package static func hits(from: Int64? = nil, in db: Database) throws -> [RuleHits] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT rule, count(*) AS alerts, max(time) AS last_at FROM alerts
                \(from == nil ? "" : "WHERE time >= ?") GROUP BY rule ORDER BY alerts DESC, rule
                """, arguments: StatementArguments([from].compactMap { $0 }))
        return rows.map { RuleHits(rule: $0["rule"], alerts: $0["alerts"], lastAt: $0["last_at"]) }
    }

    /// Alerts per hour (epoch hours, UTC) from a time on; hours without any are left out.
    ///
    /// - Throws: SQLite's error.
    package static func hours(from: Int64, in db: Database) throws -> [(hour: Int64, alerts: Int)] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT time / 3600000 AS hour, count(*) AS alerts FROM alerts WHERE time >= ? GROUP BY hour ORDER BY hour
                """, arguments: [from]
        ).map { ($0["hour"], $0["alerts"]) }
    }

    /// What the detector said of an identity's risk, the latest first.
    package struct Risk: Sendable, Equatable {
        /// Of the alert, ms since the epoch, UTC.
        package var time: Int64
        package var alert: String
        package var score: Int
        package var terms: [Incident.RiskTerm]
    }

    /// The risk of an identity as its alerts have it.
    ///
    /// - Throws: SQLite's error.
    package static func risk(
        of identity: String, from: Int64 = 0, limit: Int = 500, in db: Database
    ) throws -> [Risk] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT id, time, json_extract(json, '$.risk_score') AS score, json_extract(json, '$.unmapped.risk_terms') AS terms
                FROM alerts WHERE identity = ? AND time >= ? ORDER BY time DESC, rowid DESC LIMIT ?
                """, arguments: [identity, from, limit]
        ).compactMap { row in
            guard let score = Int.fromDatabaseValue(row["score"]) else { return nil }
            return Risk(
                time: row["time"], alert: row["id"], score: score,
                terms: (String.fromDatabaseValue(row["terms"])).flatMap(Incident.terms) ?? [])
        }
    }
}
