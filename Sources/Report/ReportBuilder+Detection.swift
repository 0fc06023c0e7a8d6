// SPDX-License-Identifier: Apache-2.0

import GRDB

extension ReportBuilder {
    func detection() throws -> WeeklyReport.Detection {
        let table = try ruleTable()
        var notes = [
            "Repeats that a rule's suppress holds back are no alerts and are not recorded. What people said of alerts is counted over all time."
        ]
        let seen = Set(
            try String.fetchAll(
                hub, sql: "SELECT DISTINCT rule FROM alerts WHERE time >= ? AND time < ?",
                arguments: [period.earlier(ReportLimits.weeks - 1).from, period.to]))
        let silent = rules.all.filter {
            $0.status != "experimental" && !seen.contains($0.id) && !seen.contains($0.name)
        }
        let noisy = table.filter { rule in
            rule.alerts >= ReportLimits.noisyAlerts
                || rule.judged >= ReportLimits.judged && (rule.falseShare ?? 0) > ReportLimits.falseShare
        }
        let delivery = try deliveries()
        let held = try suppressed()
        if delivery.count == 0 {
            notes.append("No delivery of this week is remembered: delivered ones are kept for 30 days.")
        }
        return WeeklyReport.Detection(
            rules: table, silent: silent.map(\.name), noisy: noisy.map(\.rule),
            meanTimeToDetect: try Double.fetchOne(
                hub,
                sql: """
                    SELECT round(avg(time - json_extract(json, '$.finding_info.first_seen_time'))) FROM alerts
                    WHERE time >= ? AND time < ? AND \(Self.delivered)
                    """, arguments: [period.from, period.to]),
            arrivalP95: try p95("received_at - time", "alerts", "time >= ? AND time < ? AND \(Self.delivered)"),
            targets: delivery.targets, deliveries: delivery.count, delivered: delivery.delivered, dead: delivery.dead,
            pending: delivery.pending,
            deliverySuccess: delivery.delivered + delivery.dead > 0
                ? Self.rounded(Double(delivery.delivered) / Double(delivery.delivered + delivery.dead), 10_000) : nil,
            deliveryP95: try p95(
                "updated_at - created_at", "deliveries", "created_at >= ? AND created_at < ? AND state = 'delivered'"),
            silenced: held["silenced"] ?? 0, inhibited: held["inhibited"] ?? 0, muted: held["muted"] ?? 0,
            notes: notes)
    }

    /// Alerts of the week by what held them back.
    private func suppressed() throws -> [String: Int] {
        let rows = try Row.fetchAll(
            hub,
            sql: """
                SELECT reason, count(*) AS alerts FROM routing_suppressed JOIN alerts ON alerts.id = alert_id
                WHERE time >= ? AND time < ? GROUP BY reason
                """, arguments: [period.from, period.to])
        return Dictionary(rows.map { ($0["reason"], $0["alerts"]) }, uniquingKeysWith: { first, _ in first })
    }

    /// Rules with an alert in this week or the one before.
    private func ruleTable() throws -> [WeeklyReport.Detection.Rule] {
        let before = period.earlier(1)
        let rows = try Row.fetchAll(
            hub,
            sql: """
                SELECT rule, max(title) AS title, max(rule_status) AS status, sum(time >= :from) AS alerts,
                    sum(time < :from) AS before, count(DISTINCT CASE WHEN time >= :from THEN identity END) AS identities
                FROM alerts WHERE time >= :before AND time < :to GROUP BY rule
                """, arguments: ["before": before.from, "from": period.from, "to": period.to])
        let judged = try Row.fetchAll(
            hub,
            sql: "SELECT rule, true_alerts + false_alerts + benign_alerts AS judged, false_alerts FROM rule_precision")
        var dispositions: [String: (judged: Int, wrong: Int)] = [:]
        for row in judged { dispositions[row["rule"]] = (row["judged"], row["false_alerts"]) }
        return rows.map { row in
            let key: String = row["rule"]
            let rule = rules[key]
            let (judged, wrong) = dispositions[key] ?? (0, 0)
            return WeeklyReport.Detection.Rule(
                rule: naming.text(rule?.name ?? key), title: naming.text(rule?.title ?? row["title"]),
                level: rule?.level,
                status: rule?.status ?? row["status"], alerts: row["alerts"], alertsBefore: row["before"],
                identities: row["identities"], judged: judged, falseAlerts: wrong,
                falseShare: judged > 0 ? Self.rounded(Double(wrong) / Double(judged), 10_000) : nil)
        }.sorted { ($1.alerts, $1.alertsBefore, $0.rule) < ($0.alerts, $0.alertsBefore, $1.rule) }
    }

    private func deliveries() throws -> (
        targets: [WeeklyReport.Detection.Target], count: Int, delivered: Int, dead: Int, pending: Int
    ) {
        let targets = try Row.fetchAll(
            hub,
            sql: """
                SELECT target, sum(state = 'delivered') AS delivered, sum(state = 'dead') AS dead,
                    sum(state = 'pending') AS pending
                FROM deliveries WHERE created_at >= ? AND created_at < ? GROUP BY target ORDER BY target
                """, arguments: [period.from, period.to]
        ).map { row in
            WeeklyReport.Detection.Target(
                target: row["target"], delivered: row["delivered"], dead: row["dead"], pending: row["pending"])
        }
        func sum(_ path: KeyPath<WeeklyReport.Detection.Target, Int>) -> Int {
            targets.reduce(0) { $0 + $1[keyPath: path] }
        }
        let (delivered, dead, pending) = (sum(\.delivered), sum(\.dead), sum(\.pending))
        return (targets, delivered + dead + pending, delivered, dead, pending)
    }

    /// The nearest rank: the least value that 95 of 100 are not above; nil where there is none.
    private func p95(_ value: String, _ table: String, _ condition: String) throws -> Int64? {
        let count =
            try Int.fetchOne(
                hub, sql: "SELECT count(*) FROM \(table) WHERE \(condition)", arguments: [period.from, period.to]) ?? 0
        guard count > 0 else { return nil }
        return try Int64.fetchOne(
            hub, sql: "SELECT \(value) FROM \(table) WHERE \(condition) ORDER BY 1 LIMIT 1 OFFSET ?",
            arguments: [period.from, period.to, (count * 95 + 99) / 100 - 1])
    }
}
