// SPDX-License-Identifier: Apache-2.0

import Finding
package import GRDB
import JSONText
import Signing

/// Incidents in the hub's database. It reads no clock: `now` is ms since the epoch, UTC. Every function runs in a transaction of
/// its caller, so that an alert and its incident, or an action and its row of evidence, are one.
package struct IncidentStore: Sendable {
    /// A quiet time after which an incident closes, ms; the detector opens another one after the same time.
    package static let quiet: Int64 = 24 * 3_600_000
    /// It stays open at least so long after an alert was taken in, ms: a hub that catches up must not close what it just opened.
    package static let arrivalGrace: Int64 = 3_600_000
    /// The least of an id that names an incident.
    package static let shortestPrefix = 6
    private static let day: Int64 = 86_400_000

    /// What those hear who were told of an incident's alerts.
    package enum Turn: Sendable, Equatable {
        /// Somebody has it, and nobody had.
        case taken
        /// Nobody has it any more.
        case released
        /// It is closed.
        case over
    }

    /// Tells routing of a turn, in the transaction in which it comes.
    package typealias Tell =
        @Sendable (_ turn: Turn, _ incident: String, _ now: Int64, _ db: Database) throws -> Void
    let tell: Tell

    package init(tell: @escaping Tell) { self.tell = tell }

    /// Takes an alert into its incident, which is opened, or opened again, by it. One that is there already changes nothing. Alerts
    /// of experimental rules are in no incident: the caller leaves them out.
    ///
    /// - Returns: the incident's id.
    /// - Throws: SQLite's error; then the caller's transaction must not be committed.
    package func take(_ alert: IncidentAlert, now: Int64, in db: Database) throws -> String {
        let id = try incident(of: alert, in: db)
        try db.cachedStatement(
            sql: """
                INSERT INTO incident_alerts (alert_id, incident_id, rule, time, severity, event, resource, bytes, items)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (alert_id) DO NOTHING
                """
        ).execute(arguments: [
            alert.id, id, alert.rule, alert.time, alert.severity, alert.event, alert.resource, alert.bytes, alert.items,
        ])
        guard db.changesCount > 0 else { return id }
        // A clock that runs ahead somewhere must not keep an incident open for years.
        let time = min(alert.time, now)
        let terms = alert.riskTerms.map { Self.json($0) }
        let known = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT status FROM incidents WHERE id = ?"), arguments: [id])
        if known == nil {
            try db.cachedStatement(
                sql: """
                    INSERT INTO incidents (id, identity, identity_key, title, status, version, opened_at, last_alert_at,
                        closes_at, severity, risk_score, risk_terms, alerts)
                    VALUES (?, ?, ?, ?, 'open', 1, ?, ?, ?, ?, ?, ?, 1)
                    """
            ).execute(arguments: [
                id, alert.identity, alert.identity.map(Self.key), alert.title, time, time, Self.closesAt(time, now),
                alert.severity, alert.riskScore, terms,
            ])
        } else {
            // The right-hand sides are the values of before.
            try db.cachedStatement(
                sql: """
                    UPDATE incidents SET
                        title = CASE WHEN :severity > severity THEN :title ELSE title END,
                        severity = max(severity, :severity),
                        risk_terms = CASE WHEN :score IS NOT NULL AND :time >= last_alert_at THEN :terms ELSE risk_terms END,
                        risk_score = CASE WHEN :score IS NOT NULL AND :time >= last_alert_at THEN :score ELSE risk_score END,
                        opened_at = min(opened_at, :time), last_alert_at = max(last_alert_at, :time),
                        closes_at = max(closes_at, :closes), alerts = alerts + 1
                    WHERE id = :id
                    """
            ).execute(arguments: [
                "severity": alert.severity, "title": alert.title, "score": alert.riskScore, "terms": terms,
                "time": time,
                "closes": Self.closesAt(time, now), "id": id,
            ])
        }
        try TimelineEntry(at: alert.time, kind: .alert, reference: alert.id, text: alert.message ?? alert.title).add(
            to: id, in: db)
        try ControlTimeline.join(ordersOf: alert.id, to: id, in: db)
        if known?["status"] as String? == Incident.Status.closed.rawValue {
            try open(id, in: db)
            try TimelineEntry(at: now, kind: .reopen, text: "an alert came").add(to: id, in: db)
        }
        return id
    }

    /// When the next open incident closes; nil where none is open.
    ///
    /// - Throws: SQLite's error.
    package static func nextClosing(in db: Database) throws -> Int64? {
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT closes_at FROM incidents WHERE status = 'open' ORDER BY closes_at LIMIT 1"))
    }

    /// Closes incidents that were quiet for long enough, at most `limit` of them.
    ///
    /// - Returns: how many.
    /// - Throws: SQLite's error.
    package func closeQuiet(now: Int64, limit: Int = 1_000, in db: Database) throws -> Int {
        let due = try String.fetchAll(
            db.cachedStatement(
                sql: "SELECT id FROM incidents WHERE status = 'open' AND closes_at <= ? ORDER BY closes_at LIMIT ?"),
            arguments: [now, limit])
        for id in due {
            try close(id, .quiet, now: now, in: db)
            try TimelineEntry(at: now, kind: .close, text: "24 hours without an alert").add(to: id, in: db)
        }
        return due.count
    }

    func close(_ id: String, _ why: Incident.Closing, now: Int64, in db: Database) throws {
        try db.cachedStatement(
            sql: """
                UPDATE incidents SET status = 'closed', closed_at = ?, closed_why = ?, version = version + 1 WHERE id = ?
                """
        ).execute(arguments: [now, why.rawValue, id])
        try tell(.over, id, now, db)
    }

    /// What was said of it was said of what was known then.
    func open(_ id: String, in db: Database) throws {
        try db.cachedStatement(
            sql: """
                UPDATE incidents SET status = 'open', closed_at = NULL, closed_why = NULL, disposition = NULL,
                    disposition_reason = NULL, version = version + 1 WHERE id = ?
                """
        ).execute(arguments: [id])
    }

    /// The incident that the detector named. Without one: the identity's last one, or one with the id that the detector would have
    /// given (its risk state); without an identity, one for the alert alone.
    private func incident(of alert: IncidentAlert, in db: Database) throws -> String {
        if let incident = alert.incident { return incident }
        guard let identity = alert.identity else { return StableID.uuid(["incident", alert.id]) }
        let last = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT id, last_alert_at FROM incidents WHERE identity_key = ? ORDER BY last_alert_at DESC LIMIT 1
                    """), arguments: [Self.key(identity)])
        if let last, alert.time <= (last["last_alert_at"] as Int64) + Self.quiet { return last["id"] }
        return StableID.uuid(["incident", identity, String(alert.time / Self.day)])
    }

    static func key(_ identity: String) -> String { FoldedName(identity).description }

    private static func closesAt(_ time: Int64, _ now: Int64) -> Int64 { max(time + quiet, now + arrivalGrace) }

    private static func json(_ terms: [Incident.RiskTerm]) -> String {
        var json = JSONWriter()
        json.array(nil, terms) { json, term in
            json.object {
                $0.field("rule", term.rule)
                $0.field("points", term.points)
                $0.field("alerts", term.alerts)
                $0.field("time", term.time)
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
