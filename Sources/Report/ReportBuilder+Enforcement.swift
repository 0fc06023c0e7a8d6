// SPDX-License-Identifier: Apache-2.0

import GRDB
import Orders

extension ReportBuilder {
    /// Orders and approvals of the week: as long as the hub remembers them, then those of incidents by their timelines, which stay.
    func enforcement() throws -> WeeklyReport.Enforcement {
        let orders = try orders()
        let approvals = try approvals()
        var notes: [String] = []
        if orders.isEmpty, approvals.isEmpty { notes.append("No order was issued and no approval asked for.") }
        notes.append(
            "Orders and approvals are remembered for 13 weeks after their end; of older ones only those of incidents are known."
        )
        if settings.protected.isEmpty {
            notes.append(
                "Names of break-glass identities were not given (detect.enforcement.safety.protected): their uses are not known."
            )
        }
        let times = orders.compactMap(\.timeToAct)
        let decisions = try decisions()
        func sum(_ isMeant: (WeeklyReport.Enforcement.Decision) -> Bool) -> Int {
            decisions.filter(isMeant).reduce(0) { $0 + $1.alerts }
        }
        func count(_ state: String...) -> Int { approvals.count { state.contains($0.state) } }
        return WeeklyReport.Enforcement(
            orders: orders.prefix(ReportLimits.rows).map(\.order), orderCount: orders.count,
            inForce: orders.count { $0.order.state != "observed" },
            observed: orders.count { $0.order.state == "observed" },
            undone: orders.count { $0.order.state == "lifted" }, mistaken: orders.count { $0.order.isMistaken },
            approvals: Array(approvals.prefix(ReportLimits.rows)), asked: approvals.count,
            granted: count("approved", "used"), denied: count("denied"), expired: count("expired"),
            pending: count("pending"),
            meanTimeToAct: times.isEmpty ? nil : (times.reduce(0, +) / Double(times.count)).rounded(),
            timedOrders: times.count, decisions: decisions,
            wouldHaveActed: try wouldHaveActed(), refusedByBudget: sum { $0.reason == "budget" },
            mostWithinAnHour: try mostWithinAnHour(), sparedProtected: sum { $0.reason == "protected" },
            protected: try protected(), notes: notes)
    }

    /// What detectors wrote into their findings; of a refusal what stands before its sentence.
    private func decisions() throws -> [WeeklyReport.Enforcement.Decision] {
        try Row.fetchAll(
            hub,
            sql: """
                SELECT decision, CASE WHEN decision = 'refused' THEN substr(reason, 1, instr(reason || ':', ':') - 1)
                    ELSE reason END AS reason, count(*) AS alerts
                FROM (SELECT json_extract(json, '$.unmapped.response.decision') AS decision,
                    json_extract(json, '$.unmapped.response.reason') AS reason
                    FROM alerts WHERE time >= ? AND time < ?)
                WHERE decision IS NOT NULL GROUP BY 1, 2 ORDER BY alerts DESC, 1, 2
                """, arguments: [period.from, period.to]
        ).map { row in
            WeeklyReport.Enforcement.Decision(
                decision: row["decision"], reason: (row["reason"] as String?).map(naming.text), alerts: row["alerts"])
        }
    }

    /// An order that was only observed has an id; a rule that responds with no order has none.
    private func wouldHaveActed() throws -> Int {
        try Int.fetchOne(
            hub,
            sql: """
                SELECT count(*) FROM alerts WHERE time >= ? AND time < ?
                    AND json_extract(json, '$.unmapped.response.decision') = 'observed'
                    AND json_extract(json, '$.unmapped.response.order_uid') IS NOT NULL
                """, arguments: [period.from, period.to]) ?? 0
    }

    /// Each automatic order with those of the hour before it.
    private func mostWithinAnHour() throws -> Int {
        let times = try Int64.fetchAll(
            hub,
            sql: """
                SELECT at FROM incident_controls WHERE kind = 'order' AND at >= ? AND at < ?
                    AND json_extract(record, '$.issuer.kind') = 'automation' ORDER BY at
                """, arguments: [period.from, period.to])
        var first = 0
        return times.indices.reduce(0) { most, index in
            while times[first] <= times[index] - 3_600_000 { first += 1 }
            return max(most, index - first + 1)
        }
    }

    private func protected() throws -> [WeeklyReport.Enforcement.Protected]? {
        guard let activity, !settings.protected.isEmpty else { return nil }
        let patterns = settings.protected.map { NamePattern($0) }
        let rows = try Row.fetchAll(
            activity,
            sql: """
                SELECT identity, sum(events) AS events, sum(CASE WHEN decision = 'denied' THEN events ELSE 0 END) AS denied
                FROM hours JOIN identities i ON i.id = identity_id WHERE hour >= ? AND hour < ? AND identity <> ''
                GROUP BY identity_id
                """, arguments: [period.hours.lowerBound, period.hours.upperBound])
        return rows.filter { row in patterns.contains { $0.matches(row["identity"]) } }
            .map { row in
                WeeklyReport.Enforcement.Protected(
                    who: who(row["identity"]), events: row["events"], denied: row["denied"])
            }.sorted { ($1.events, $0.who.code) < ($0.events, $1.who.code) }
    }

    private struct IssuedOrder {
        var order: WeeklyReport.Enforcement.Order
        var timeToAct: Double?
    }

    /// What is remembered of the week, and what only timelines know any more.
    private static func all(_ kind: String) -> String {
        """
        WITH known AS (
            SELECT id, at, who, text, incident_id, state, until, record, words FROM incident_controls
            WHERE kind = '\(kind)' AND at >= ? AND at < ?
        )
        SELECT * FROM known
        UNION ALL
        SELECT reference, min(at), min(who), min(text), min(incident_id), NULL, NULL, NULL, NULL FROM incident_entries
            WHERE kind = '\(kind)' AND reference IS NOT NULL AND instr(reference, '/') = 0 AND at >= ? AND at < ?
                AND reference NOT IN (SELECT id FROM incident_controls)
            GROUP BY reference
        ORDER BY 2, 1
        """
    }

    private func orders() throws -> [IssuedOrder] {
        try Row.fetchAll(
            hub, sql: Self.all("order"), arguments: [period.from, period.to, period.from, period.to]
        ).map { row in
            let id: String = row["id"]
            let at: Int64 = row["at"]
            let text: String = row["text"]
            let incident: String? = row["incident_id"]
            let state = try row["state"] as String? ?? lastWord(id, "order", in: incident)
            let isObserved = state == "observed" || text.hasPrefix("observed only: ")
            let isMistaken =
                try Bool.fetchOne(
                    hub, sql: "SELECT coalesce(disposition IN ('false', 'benign'), 0) FROM incidents WHERE id = ?",
                    arguments: [incident]) ?? false
            // The alert that led to it; where the order does not say, the latest one before it.
            let alert = try Int64.fetchOne(
                hub,
                sql: """
                    SELECT coalesce((SELECT time FROM incident_alerts WHERE alert_id = json_extract(?1, '$.alert_uid')),
                        (SELECT max(time) FROM incident_alerts WHERE incident_id = ?2 AND time <= ?3))
                    """, arguments: [row["record"] as String?, incident, at])
            return IssuedOrder(
                order: WeeklyReport.Enforcement.Order(
                    id: id, at: at, until: row["until"], state: isObserved ? "observed" : state ?? "active",
                    issuer: actor(row["who"] ?? "–"), text: naming.text(text), incident: incident,
                    isMistaken: isMistaken),
                timeToAct: alert.map { Double(at - $0) })
        }
    }

    private func approvals() throws -> [WeeklyReport.Enforcement.Approval] {
        try Row.fetchAll(
            hub, sql: Self.all("approval"), arguments: [period.from, period.to, period.from, period.to]
        ).map { row in
            let id: String = row["id"]
            let incident: String? = row["incident_id"]
            var state = try row["state"] as String? ?? lastWord(id, "decision", in: incident) ?? "pending"
            // An approval that came to its end was granted; a request that did was not.
            if state == "expired", try wasApproved(id, row, in: incident) { state = "approved" }
            let decided = try String.fetchOne(
                hub,
                sql: """
                    SELECT coalesce(
                        (SELECT group_concat(by, ', ') FROM
                            (SELECT DISTINCT json_extract(value, '$.by') AS by FROM json_each(?1) ORDER BY 1)),
                        (SELECT who FROM incident_entries WHERE incident_id = ?2 AND kind = 'decision' AND who IS NOT NULL
                            AND substr(reference, 1, ?3) = ?4 ORDER BY at DESC, id DESC LIMIT 1))
                    """,
                arguments: [row["words"] as String?, incident, id.unicodeScalars.count + 1, id + "/"])
            return WeeklyReport.Enforcement.Approval(
                id: id, at: row["at"], requester: actor(row["who"] ?? "–"), state: state,
                decidedBy: decided.map(actor), text: naming.text(row["text"]))
        }
    }

    /// Whether as many persons as it takes said yes.
    private func wasApproved(_ id: String, _ row: Row, in incident: String?) throws -> Bool {
        try Bool.fetchOne(
            hub,
            sql: """
                SELECT (SELECT count(DISTINCT json_extract(value, '$.by')) FROM json_each(?1)
                        WHERE json_extract(value, '$.verdict') = 'approve') >= coalesce(json_extract(?2, '$.needed'), 1)
                    OR EXISTS (SELECT 1 FROM incident_entries
                        WHERE incident_id = ?3 AND kind = 'decision' AND reference = ?4)
                """,
            arguments: [row["words"] as String?, row["record"] as String?, incident, "\(id)/approved"]) ?? false
    }

    /// How it ended by the timeline, whose references are `id/state`.
    private func lastWord(_ id: String, _ kind: String, in incident: String?) throws -> String? {
        guard let incident else { return nil }
        let reference = try String.fetchOne(
            hub,
            sql: """
                SELECT reference FROM incident_entries WHERE incident_id = ? AND kind = ? AND substr(reference, 1, ?) = ?
                    AND instr(substr(reference, ?), '/') = 0 ORDER BY at DESC, id DESC LIMIT 1
                """,
            arguments: [incident, kind, id.unicodeScalars.count + 1, id + "/", id.unicodeScalars.count + 2])
        return reference.map { String($0.dropFirst(id.count + 1)) }
    }
}
