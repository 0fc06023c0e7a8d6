// SPDX-License-Identifier: Apache-2.0

import GRDB

extension ReportBuilder {
    func changes() throws -> WeeklyReport.Changes {
        guard let activity else {
            return WeeklyReport.Changes(
                count: 0, outOfWindow: 0, withoutChangeID: 0, denied: 0, list: [],
                notes: ["Changes of configuration were not recorded."])
        }
        let rows = try Row.fetchAll(
            activity,
            sql: """
                SELECT c.event_id, c.at, i.identity, c.operation, r.name AS resource, c.change_id, c.approval_id, c.decision
                FROM changes c JOIN identities i ON i.id = c.identity_id LEFT JOIN resources r ON r.id = c.resource_id
                WHERE c.at >= ? AND c.at < ? ORDER BY c.at, c.event_id
                """, arguments: [period.from, period.to])
        // Alerts come with the change or within the hour in which it is undone.
        let fired = try Row.fetchAll(
            hub,
            sql: """
                SELECT DISTINCT event, rule FROM incident_alerts
                WHERE event IS NOT NULL AND time >= ? AND time < ? ORDER BY event, rule
                """, arguments: [period.from, period.to + 3_600_000])
        var rulesOf: [String: [String]] = [:]
        for row in fired where rules.family(row["rule"]) == .configuration {
            rulesOf[row["event"], default: []].append(naming.text(rules.name(row["rule"])))
        }
        let all = rows.map { row in
            let event: String = row["event_id"]
            return WeeklyReport.Changes.Change(
                event: naming.text(event), at: row["at"], who: who(row["identity"]), operation: row["operation"],
                resource: (row["resource"] as String?).map(naming.text),
                changeID: (row["change_id"] as String?).map(naming.text),
                approvalID: (row["approval_id"] as String?).map(naming.text), decision: row["decision"],
                rules: rulesOf[event] ?? [])
        }
        func urgency(_ change: WeeklyReport.Changes.Change) -> Int {
            (change.rules.isEmpty ? 2 : 0) + (change.changeID == nil ? 0 : 1)
        }
        let sorted = all.sorted { (urgency($0), $0.at, $0.event) < (urgency($1), $1.at, $1.event) }
        var notes: [String] = []
        if all.isEmpty { notes.append("No configuration, policy or collection was changed.") }
        if !rules.all.contains(where: { SignalFamily(folder: $0.folder) == .configuration }) {
            notes.append(
                "No rule of the folder configuration was given: whether a change was in its window is not known.")
        }
        return WeeklyReport.Changes(
            count: all.count, outOfWindow: all.count { !$0.rules.isEmpty },
            withoutChangeID: all.count { $0.changeID == nil && $0.decision == "allowed" },
            denied: all.count { $0.decision == "denied" || $0.decision == "approval" },
            list: Array(sorted.prefix(ReportLimits.rows)), notes: notes)
    }
}
