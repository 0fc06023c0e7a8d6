// SPDX-License-Identifier: Apache-2.0

import GRDB

extension ReportBuilder {
    /// Orders and approvals of the week: those of incidents from the timelines, which stay; the others as long as the hub remembers them.
    func enforcement() throws -> WeeklyReport.Enforcement {
        let orders = try orders()
        let approvals = try approvals()
        var notes: [String] = []
        if orders.isEmpty, approvals.isEmpty { notes.append("No order was issued and no approval asked for.") }
        notes.append(
            "Orders and approvals without an incident are remembered for 8 days after their end. The budget that was used, and uses of break-glass identities, are not recorded."
        )
        let times = orders.compactMap(\.timeToAct)
        func count(_ state: String...) -> Int { approvals.count { state.contains($0.state) } }
        return WeeklyReport.Enforcement(
            orders: orders.prefix(ReportLimits.rows).map(\.order), orderCount: orders.count,
            inForce: orders.count { !$0.isObserved }, observed: orders.count(where: \.isObserved),
            undone: orders.count { $0.order.state == "lifted" }, mistaken: orders.count(where: \.isMistaken),
            approvals: Array(approvals.prefix(ReportLimits.rows)), asked: approvals.count,
            granted: count("approved", "used"), denied: count("denied"), expired: count("expired"),
            pending: count("pending"),
            meanTimeToAct: times.isEmpty ? nil : (times.reduce(0, +) / Double(times.count)).rounded(),
            timedOrders: times.count, notes: notes)
    }

    private struct IssuedOrder {
        var order: WeeklyReport.Enforcement.Order
        var isObserved: Bool
        var isMistaken: Bool
        var timeToAct: Double?
    }

    /// Of one id there may be a row of each table; the state is the control's, else what the timeline says last.
    private static func merged(_ kind: String) -> String {
        """
        WITH said AS (
            SELECT reference AS id, min(at) AS at, min(who) AS who, min(text) AS text, min(incident_id) AS incident_id
            FROM incident_entries WHERE kind = '\(kind)' AND reference IS NOT NULL AND instr(reference, '/') = 0
                AND at >= ? AND at < ? GROUP BY reference
        ), known AS (
            SELECT * FROM incident_controls WHERE kind = '\(kind)' AND at >= ? AND at < ?
        )
        SELECT s.id, s.at, s.who, s.text, s.incident_id, k.state, k.until, k.record, k.words FROM said s LEFT JOIN known k ON k.id = s.id
        UNION ALL
        SELECT k.id, k.at, k.who, k.text, k.incident_id, k.state, k.until, k.record, k.words FROM known k
            WHERE k.id NOT IN (SELECT id FROM said)
        ORDER BY 2, 1
        """
    }

    private func orders() throws -> [IssuedOrder] {
        try Row.fetchAll(
            hub, sql: Self.merged("order"), arguments: [period.from, period.to, period.from, period.to]
        ).map { row in
            let id: String = row["id"]
            let at: Int64 = row["at"]
            let text: String = row["text"]
            let incident: String? = row["incident_id"]
            let isObserved = row["state"] as String? == "observed" || text.hasPrefix("observed only: ")
            let state = try row["state"] as String? ?? lastWord(id, "order", in: incident)
            var issued = IssuedOrder(
                order: WeeklyReport.Enforcement.Order(
                    id: id, at: at, until: row["until"], state: isObserved ? "observed" : state ?? "active",
                    issuer: actor(row["who"] ?? "–"), text: naming.text(text), incident: incident),
                isObserved: isObserved, isMistaken: false)
            guard let incident else { return issued }
            issued.isMistaken =
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
            issued.timeToAct = alert.map { Double(at - $0) }
            return issued
        }
    }

    private func approvals() throws -> [WeeklyReport.Enforcement.Approval] {
        try Row.fetchAll(
            hub, sql: Self.merged("approval"), arguments: [period.from, period.to, period.from, period.to]
        ).map { row in
            let id: String = row["id"]
            let incident: String? = row["incident_id"]
            let state = try row["state"] as String? ?? lastWord(id, "decision", in: incident) ?? "pending"
            let decided = try String.fetchOne(
                hub,
                sql: """
                    SELECT coalesce(
                        (SELECT group_concat(by, ', ') FROM
                            (SELECT DISTINCT json_extract(value, '$.by') AS by FROM json_each(?1) ORDER BY 1)),
                        (SELECT who FROM incident_entries WHERE incident_id = ?2 AND kind = 'decision' AND who IS NOT NULL
                            AND substr(reference, 1, ?3) = ?4 ORDER BY at DESC, id DESC LIMIT 1))
                    """, arguments: [row["words"] as String?, incident, id.unicodeScalars.count + 1, id + "/"])
            return WeeklyReport.Enforcement.Approval(
                id: id, at: row["at"], requester: actor(row["who"] ?? "–"), state: state,
                decidedBy: decided.map(actor), text: naming.text(row["text"]))
        }
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
