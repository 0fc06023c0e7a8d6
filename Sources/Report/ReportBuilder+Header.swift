// SPDX-License-Identifier: Apache-2.0

import Finding
import GRDB
import Incidents
import Signing

extension ReportBuilder {
    func header() throws -> WeeklyReport.Header {
        var header = WeeklyReport.Header(
            week: period.name, zone: period.zoneName, from: period.from, to: period.to,
            hours: Int((period.to - period.from) / 3_600_000), tenant: settings.tenant,
            generator: "Gatewatch \(settings.version)", dataUntil: try dataUntil(), rules: rules.all.count, gaps: [],
            alertsUnreadable: try Int64.fetchOne(
                hub, sql: "SELECT count(*) FROM unreadable_alerts WHERE record_time >= ? AND record_time < ?",
                arguments: [period.from, period.to]) ?? 0,
            notes: [])
        if rules.all.isEmpty {
            header.notes.append("The rules in force were not given: signals are not sorted, silent rules not found.")
        } else {
            header.ruleSetHash = StableID.fingerprint(rules.all.flatMap { [$0.id, $0.name, $0.digest] })
        }
        if let activity {
            try cover(&header, activity)
        } else {
            header.notes.append("Who accessed what was not recorded: there is no database of activity.")
        }
        if let until = header.dataUntil, until < period.to {
            header.notes.append("The data end at \(period.words(until)); nothing is known of the time after it.")
        } else if header.dataUntil == nil {
            header.notes.append("There are no data up to the end of this week.")
        }
        header.notes.append(
            "How long detectors were running is not recorded here: they keep it in their metrics (gatewatch_lag_records, and whether they answer)."
        )
        return header
    }

    /// The latest thing that is known, but not after the week.
    private func dataUntil() throws -> Int64? {
        let alert = try Int64.fetchOne(hub, sql: "SELECT max(time) FROM alerts WHERE time < ?", arguments: [period.to])
        var latest = alert
        if let activity {
            let last = try Int64.fetchOne(
                activity, sql: "SELECT max(last_at) FROM identities WHERE first_at < ?", arguments: [period.to])
            latest = [alert, last].compactMap(\.self).max()
        }
        return latest.map { min($0, period.to) }
    }

    private func cover(_ header: inout WeeklyReport.Header, _ activity: Database) throws {
        let hours = period.hours
        let rows = try Row.fetchAll(
            activity,
            sql: """
                SELECT hour, sum(events) AS events, sum(unreadable) AS unreadable, sum(late) AS late
                FROM coverage
                WHERE hour >= ? AND hour < ? GROUP BY hour
                """, arguments: [hours.lowerBound, hours.upperBound])
        var isCovered: Set<Int64> = []
        var (events, unreadable, late): (Int64, Int64, Int64) = (0, 0, 0)
        for row in rows {
            let count: Int64 = row["events"]
            if count > 0 { isCovered.insert(row["hour"]) }
            events += count
            unreadable += row["unreadable"]
            late += row["late"]
        }
        header.eventsRead = events
        header.eventsUnreadable = unreadable
        header.eventsLate = late
        header.hoursWithEvents = isCovered.count
        let share = Double(isCovered.count) / Double(hours.count)
        header.coverage = Self.rounded(share, 10_000)
        var gaps: [WeeklyReport.Gap] = []
        for hour in hours where !isCovered.contains(hour) {
            if hour > hours.lowerBound, !isCovered.contains(hour - 1), !gaps.isEmpty {
                gaps[gaps.count - 1].hours += 1
            } else {
                gaps.append(WeeklyReport.Gap(from: hour * 3_600_000, hours: 1))
            }
        }
        header.gaps = Array(gaps.sorted { ($1.hours, $0.from) < ($0.hours, $1.from) }.prefix(ReportLimits.rows))
        if share < ReportLimits.coverage {
            header.notes.insert(
                "Events are known of \(isCovered.count) of \(hours.count) hours, less than 99 %. A quiet hour and a lost one look alike: what follows may lack what happened then.",
                at: 0)
        }
    }

    /// The figures; the sentences are made last.
    func summary() throws -> WeeklyReport.Summary {
        let before = period.earlier(1)
        func count(_ sql: String, _ from: Int64, _ to: Int64) throws -> Int {
            try Int.fetchOne(hub, sql: sql, arguments: [from, to]) ?? 0
        }
        func bySeverity(_ period: ReportPeriod) throws -> [Int: Int] {
            let rows = try Row.fetchAll(
                hub,
                sql: """
                    SELECT severity, count(*) AS incidents FROM incidents WHERE opened_at >= ? AND opened_at < ?
                    GROUP BY severity
                    """, arguments: [period.from, period.to])
            return Dictionary(
                rows.map { (Self.severity($0["severity"]), $0["incidents"]) }, uniquingKeysWith: +)
        }
        let (now, past) = (try bySeverity(period), try bySeverity(before))
        let severities = Severity.words.indices.reversed().filter { severity in
            (2...5).contains(severity) || now[severity] != nil || past[severity] != nil
        }
        let closed = "SELECT count(*) FROM incidents WHERE closed_at >= ? AND closed_at < ?"
        return WeeklyReport.Summary(
            lines: [],
            incidentsBySeverity: severities.map { severity in
                WeeklyReport.SeverityCount(
                    severity: Severity.words[severity], opened: now[severity] ?? 0,
                    openedBefore: past[severity] ?? 0)
            },
            opened: now.values.reduce(0, +), openedBefore: past.values.reduce(0, +),
            closed: try count(closed, period.from, period.to), closedBefore: try count(closed, before.from, before.to),
            openAtEnd: try count(
                "SELECT count(*) FROM incidents WHERE opened_at < ?2 AND (closed_at IS NULL OR closed_at >= ?2) AND ?1",
                1, period.to))
    }

    /// OCSF's number, 0 for one that it does not have.
    static func severity(_ number: Int) -> Int { Severity.words.indices.contains(number) ? number : 0 }
}
