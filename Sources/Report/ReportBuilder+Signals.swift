// SPDX-License-Identifier: Apache-2.0

import Activity
import GRDB

extension ReportBuilder {
    func signals() throws -> WeeklyReport.Signals {
        let before = period.earlier(1)
        func rows(_ period: ReportPeriod) throws -> [Row] {
            try Row.fetchAll(
                hub,
                sql: """
                    SELECT rule, identity, count(*) AS alerts FROM alerts
                    WHERE time >= ? AND time < ? AND \(Self.delivered) GROUP BY rule, identity
                    """, arguments: [period.from, period.to])
        }
        var alerts: [SignalFamily: Int] = [:]
        var alertsBefore: [SignalFamily: Int] = [:]
        var identities: [SignalFamily: Set<String>] = [:]
        for row in try rows(period) {
            let family = rules.family(row["rule"])
            alerts[family, default: 0] += row["alerts"] as Int
            if let identity = row["identity"] as String? { identities[family, default: []].insert(identity) }
        }
        for row in try rows(before) { alertsBefore[rules.family(row["rule"]), default: 0] += row["alerts"] as Int }
        let judged = try judgedThisWeek()
        let families = SignalFamily.allCases.map { family in
            let (count, wrong) = judged[family] ?? (0, 0)
            return WeeklyReport.Signals.Family(
                family: family.rawValue, title: family.title, alerts: alerts[family] ?? 0,
                alertsBefore: alertsBefore[family] ?? 0, identities: identities[family]?.count ?? 0, judged: count,
                wrong: wrong,
                precision: count > 0 ? Self.rounded(1 - Double(wrong) / Double(count), 10_000) : nil)
        }
        var notes: [String] = []
        if alerts.isEmpty { notes.append("There was no alert in this week.") }
        if judged.isEmpty, !alerts.isEmpty {
            notes.append("Nobody has judged an alert of this week yet: precision is not known.")
        }
        if activity == nil { notes.append("Bytes and vectors out were not recorded.") }
        return WeeklyReport.Signals(
            families: families, alerts: alerts.values.reduce(0, +),
            identities: identities.values.reduce(into: Set<String>()) { $0.formUnion($1) }.count,
            heat: try heat(), bytesOut: try volume("bytes_out", operations: nil),
            vectorsOut: try volume("items", operations: ["vectors.query", "vectors.export"]), notes: notes)
    }

    private func judgedThisWeek() throws -> [SignalFamily: (count: Int, wrong: Int)] {
        let rows = try Row.fetchAll(
            hub,
            sql: """
                SELECT rule, count(*) AS judged, sum(disposition = 'false') AS wrong FROM incident_alerts
                WHERE disposition IS NOT NULL AND time >= ? AND time < ? GROUP BY rule
                """, arguments: [period.from, period.to])
        var judged: [SignalFamily: (count: Int, wrong: Int)] = [:]
        for row in rows {
            let family = rules.family(row["rule"])
            let (count, wrong) = judged[family] ?? (0, 0)
            judged[family] = (count + (row["judged"] as Int), wrong + (row["wrong"] as Int))
        }
        return judged
    }

    /// By quarters of an hour: no zone's offset is finer.
    private func heat() throws -> [[Int]] {
        var heat = Array(repeating: Array(repeating: 0, count: 24), count: 7)
        let rows = try Row.fetchCursor(
            hub,
            sql: """
                SELECT time / 900000 AS quarter, count(*) AS alerts FROM alerts
                WHERE time >= ? AND time < ? AND \(Self.delivered) GROUP BY quarter
                """, arguments: [period.from, period.to])
        while let row = try rows.next() {
            let (weekday, hour) = period.slot(of: (row["quarter"] as Int64) * 900_000)
            heat[weekday][hour] += row["alerts"] as Int
        }
        return heat
    }

    private func volume(_ column: String, operations: [String]?) throws -> WeeklyReport.Volume? {
        guard let activity else { return nil }
        let last = period.days.upperBound
        let firstShown = last - ReportLimits.chartDays
        let firstLearned = last - ReportLimits.learningDays
        let condition = operations.map { "AND operation IN (\($0.map { "'\($0)'" }.joined(separator: ", ")))" } ?? ""
        let rows = try Row.fetchCursor(
            activity,
            sql: """
                SELECT hour, sum(\(column)) AS amount FROM hour_totals WHERE hour >= ? AND hour < ? \(condition) GROUP BY hour
                ORDER BY hour
                """,
            arguments: [period.start(ofDay: firstLearned) / 3_600_000, period.hours.upperBound])
        var amounts: [Int64: Int64] = [:]
        while let row = try rows.next() {
            amounts[period.day(of: (row["hour"] as Int64) * 3_600_000), default: 0] += row["amount"] as Int64
        }
        // Dates of the zone, as if they were UTC's: the weekday is the season.
        let points = (firstLearned..<last).map { day in
            ActivityPoint(at: day * 86_400_000, sums: ActivitySums(items: amounts[day] ?? 0))
        }
        let band = ActivityStore.band(points, step: .day, from: firstShown * 86_400_000) { $0.items }
        func sum(_ days: Range<Int64>) -> Double { days.reduce(0) { $0 + Double(amounts[$1] ?? 0) } }
        func known(_ value: (BandPoint) -> Double) -> [Double?] {
            band.map { $0.isLearning ? nil : value($0).rounded() }
        }
        let volume = WeeklyReport.Volume(
            days: (firstShown..<last).map { ReportPeriod.iso(day: $0) }, values: band.map(\.value),
            expected: known(\.expected),
            low: known(\.low), high: known(\.high), limit: known(\.limit), week: sum(last - 7..<last),
            before: sum(last - 14..<last - 7))
        return volume
    }
}
