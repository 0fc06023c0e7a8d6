// SPDX-License-Identifier: Apache-2.0

import Charts
import Finding
import GRDB
import Incidents

extension ReportBuilder {
    /// Incidents that were opened, alerted or closed in the week, and those that were open at its end.
    private static let ofWeek = """
        opened_at < :to AND (opened_at >= :from OR last_alert_at >= :from AND last_alert_at < :to
            OR closed_at >= :from AND closed_at < :to OR closed_at IS NULL OR closed_at >= :to)
        """

    func incidents() throws -> WeeklyReport.Incidents {
        let span: StatementArguments = ["from": period.from, "to": period.to]
        let count =
            try Int.fetchOne(hub, sql: "SELECT count(*) FROM incidents WHERE \(Self.ofWeek)", arguments: span) ?? 0
        let rows = try Row.fetchAll(
            hub,
            sql: """
                SELECT * FROM incidents WHERE \(Self.ofWeek)
                ORDER BY severity DESC, opened_at DESC, id LIMIT \(ReportLimits.incidents)
                """, arguments: span)
        var notes: [String] = []
        if count == 0 {
            notes.append("There was no incident.")
        } else {
            notes.append("Status, owner and decision are those of the database as it is now, not of the week's end.")
        }
        if count > rows.count {
            notes.append("\(count - rows.count) more incidents are in the console, less grave or older.")
        }
        return WeeklyReport.Incidents(count: count, list: try rows.map(incident), notes: notes)
    }

    private func incident(_ row: Row) throws -> WeeklyReport.Incident {
        let id: String = row["id"]
        let alerts = try Row.fetchAll(
            hub,
            sql: """
                SELECT rule, event, resource, coalesce(max(bytes), 0) AS bytes, coalesce(max(items), 0) AS items
                FROM incident_alerts WHERE incident_id = ? AND time < ? GROUP BY rule, event, resource
                ORDER BY event, rule, resource
                """, arguments: [id, period.to])
        var events: [String] = []
        var amounts: [String: (bytes: Int64, items: Int64)] = [:]
        for alert in alerts {
            guard let event = alert["event"] as String? else { continue }
            if events.last != event { events.append(event) }
            let (bytes, items) = amounts[event] ?? (0, 0)
            amounts[event] = (max(bytes, alert["bytes"]), max(items, alert["items"]))
        }
        // Up to the week's end, as all that is counted here.
        let known = try Row.fetchOne(
            hub,
            sql: "SELECT count(*) AS alerts, max(time) AS last FROM incident_alerts WHERE incident_id = ? AND time < ?",
            arguments: [id, period.to])
        let identity: String? = row["identity"]
        var incident = WeeklyReport.Incident(
            id: id, who: identity.map(who), title: naming.text(row["title"]),
            severity: Severity.word(row["severity"]), status: row["status"],
            openedAt: row["opened_at"], lastAlertAt: known?["last"] ?? row["opened_at"], closedAt: row["closed_at"],
            closedWhy: row["closed_why"], owner: (row["assignee"] as String?).map(naming.who),
            disposition: row["disposition"], dispositionReason: (row["disposition_reason"] as String?).map(naming.text),
            alerts: known?["alerts"] ?? 0, rules: Set(alerts.map { rules.name($0["rule"]) }).sorted().map(naming.text),
            riskScore: row["risk_score"], bytes: amounts.values.reduce(0) { $0 &+ $1.bytes },
            items: amounts.values.reduce(0) { $0 &+ $1.items },
            resources: Set(alerts.compactMap { $0["resource"] as String? }).sorted().prefix(5).map(naming.text),
            paragraph: "", timeline: [], omittedEntries: 0, events: events.prefix(20).map(naming.text),
            eventCount: events.count,
            evidence: [])
        try addTimeline(&incident)
        incident.evidence = try Row.fetchAll(
            hub,
            sql: """
                SELECT sequence, action, hash FROM evidence WHERE subject = ? AND at < ? ORDER BY sequence LIMIT 50
                """, arguments: [id, period.to]
        ).map { WeeklyReport.Incident.Evidence(sequence: $0["sequence"], action: $0["action"], hash: $0["hash"]) }
        incident.paragraph = paragraph(incident)
        return incident
    }

    /// The first entries and the last ones; people want to know how it began and how it ended.
    private func addTimeline(_ incident: inout WeeklyReport.Incident) throws {
        let rows = try Row.fetchAll(
            hub,
            sql: """
                SELECT at, kind, who, reference, text FROM incident_entries
                WHERE incident_id = ? AND at < ? AND kind <> 'notification' ORDER BY at, kind, reference, who, text
                """, arguments: [incident.id, period.to])
        let head = ReportLimits.timeline / 2
        let shown = rows.count <= ReportLimits.timeline ? rows : rows.prefix(head) + rows.suffix(head)
        incident.omittedEntries = rows.count - shown.count
        incident.timeline = shown.map { row in
            let kind: String = row["kind"]
            // What people write to each other is free: it may name anybody in any way.
            let text: String =
                kind == "comment" && !naming.isNamed ? "(in the named edition)" : naming.text(row["text"])
            return WeeklyReport.Incident.Entry(
                at: row["at"], kind: kind, who: (row["who"] as String?).map(actor), text: TimelineEntry.cut(text),
                reference: (row["reference"] as String?).map(naming.text))
        }
    }

    private func paragraph(_ incident: WeeklyReport.Incident) -> String {
        var words = incident.who.map { "By \($0.name)." } ?? "Nobody is named."
        words += " It began on \(period.words(incident.openedAt)) and has \(Words.count(incident.alerts, "alert"))"
        words += " of \(Words.count(incident.rules.count, "rule"))"
        words += incident.alerts > 1 ? ", the latest on \(period.words(incident.lastAlertAt))." : "."
        if let score = incident.riskScore { words += " The risk of the identity was \(score) then." }
        if incident.bytes > 0 || incident.items > 0 {
            words += " The events that fired it moved \(ChartUnit.bytes.text(Double(incident.bytes)))"
            words += " and \(Words.count(Int(clamping: incident.items), "item"))"
            words += incident.resources.isEmpty ? "." : " of \(Words.list(incident.resources))."
        }
        words += incident.owner.map { " \($0) owns it." } ?? " Nobody owns it."
        switch (incident.status, incident.closedAt) {
        case ("closed", let at?):
            words +=
                incident.closedWhy == "quiet"
                ? " It closed by itself on \(period.words(at)), after a quiet day."
                : " It was closed on \(period.words(at))."
        default: words += " It is open."
        }
        switch incident.disposition {
        case "true": words += " Judged true"
        case "false": words += " Judged false"
        case "benign": words += " Judged benign"
        default: return words + " Nobody has judged it."
        }
        return words + (incident.dispositionReason.map { ": \($0)" } ?? ".")
    }
}
