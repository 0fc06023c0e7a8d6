// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Report
import Testing

/// The edges of weeks, and weeks with next to nothing.
@Suite struct EdgeTests {
    /// With the shift of the zone in hours as the week begins, and its hours: clocks go forward, back, and not at all.
    @Test(
        arguments: [
            ("2026-W46", "UTC", 0, 168), ("2026-W46", "Europe/Berlin", 1, 168), ("2026-W13", "Europe/Berlin", 1, 167),
            ("2026-W43", "Europe/Berlin", 2, 169), ("2026-W44", "Europe/Berlin", 1, 168),
        ] as [(String, String, Int64, Int64)])
    func aWeekBeginsAsMondayBeginsInItsZone(week: String, zone: String, shift: Int64, hours: Int64) throws {
        let world = try World()
        let utc = try ReportPeriod(week: week)
        let period = try ReportPeriod(week: week, zone: zone)
        let start = try world.report(week, zone: zone).header.from
        let from = try world.report(week).header.from
        #expect(period.name == utc.name && start == from - shift * hour)
        let stop = start + hours * hour
        for (id, at) in [("before", start - 1), ("first", start), ("last", stop - 1), ("after", stop)] {
            try world.alert(id, "\(id)@example.com", at: at, risk: 50, incident: id)
        }
        // One event in each hour of the week, and one in each hour beside it.
        for place in -1...hours {
            try world.use("ana@example.com", on: "docs", at: start + place * hour, items: 1, bytes: 1)
        }
        let report = try world.report(week, zone: zone, edition: .named)
        #expect(report.header.hours == Int(hours) && report.header.to == stop)
        #expect(report.header.eventsRead == hours && report.header.coverage == 1 && report.header.gaps == [])
        #expect(report.signals.alerts == 2 && report.summary.opened == 2 && report.summary.openedBefore == 1)
        #expect(report.signals.heat[0][0] == 1 && report.signals.heat[6][23] == 1)
        #expect(report.signals.heat.joined().reduce(0, +) == 2)
        #expect(report.signals.bytesOut?.week == Double(hours) && report.signals.bytesOut?.before == 1)
        // A day of 23 or 25 hours is a day.
        #expect(report.signals.bytesOut?.values.suffix(7) == [24, 24, 24, 24, 24, 24, Double(hours - 144)])
        #expect(
            Set(report.risk.top.map(\.who.name)) == ["before@example.com", "first@example.com", "last@example.com"])
        // What stands at the end of the week before is in that week, and faded since.
        let known = report.risk.top.first { $0.who.name == "before@example.com" }
        #expect(known?.history.suffix(2).first == 50 && known?.level == "low")
        #expect(report.detection.rules.map(\.alerts) == [2] && report.detection.rules.map(\.alertsBefore) == [1])
    }

    @Test func oneIdentityAloneIsReported() throws {
        let world = try World()
        try world.use("ana@example.com", on: "docs", at: monday, items: 5, bytes: 7)
        try world.alert("a1", "ana@example.com", at: monday, risk: 95, incident: "incident-1")
        let report = try world.report(people: [])
        #expect(report.risk.identities == 1 && report.risk.top.count == 1 && report.risk.risers.count == 1)
        #expect(report.signals.identities == 1 && report.access.dormantCount == 0)
        #expect(report.summary.lines[3].contains("no identities at high risk"))
        let document = try world.document()
        for format in ReportFormat.allCases { #expect(!document.bytes(format).isEmpty) }
        let html = String(decoding: document.bytes(.html), as: UTF8.self)
        #expect(html.contains("1 alert in the week, the most on Monday from 0:00: 1."))
        #expect(html.contains("1 identity at risk at the end of the week, 0 of them high or critical"))
    }

    @Test func whatTheHubHasForgottenIsKnownByTimelines() throws {
        let world = try World()
        try world.alert("a1", "ana@example.com", at: monday, risk: 95, incident: "incident-1")
        let entries =
            [
                ("order", "o1", "detector-1", "block on identity ana@example.com", 1),
                ("order", "o1/lifted", "ben@example.com", "lifted: fine", 2),
                ("approval", "r1", "ana@example.com", "asks for an export", 3),
                ("decision", "r1/approved", "ben@example.com", "approved for a time", 4),
                ("decision", "r1/expired", nil, "the approval ended by its time", 5),
                ("approval", "r2", "ana@example.com", "asks again", 6),
                ("decision", "r2/expired", nil, "nobody decided", 7),
            ] as [(String, String, String?, String, Int64)]
        for (kind, reference, who, text, minute) in entries {
            try world.run(
                "INSERT INTO incident_entries (incident_id, at, kind, who, reference, text) VALUES ('incident-1', ?, ?, ?, ?, ?)",
                [monday + minute * 60_000, kind, who, reference, text])
        }
        let enforcement = try world.report(edition: .named).enforcement
        #expect(enforcement.orders.map(\.state) == ["lifted"] && enforcement.undone == 1)
        #expect(enforcement.meanTimeToAct == 60_000)
        #expect(enforcement.approvals.map(\.state) == ["approved", "expired"])
        #expect(enforcement.granted == 1 && enforcement.expired == 1)
        #expect(enforcement.approvals.map(\.decidedBy) == ["ben@example.com", nil])
    }
}
