// SPDX-License-Identifier: Apache-2.0

import Finding
import GRDB
import Incidents
import Paging
import Testing

@Suite struct IncidentStoreTests {
    @Test func alertsOfOneIncidentJoinAndTheGravestAndTheLatestAreKept() throws {
        let desk = try Desk()
        try desk.take(alert("a1", at: morning, risk: 20))
        try desk.take(alert("a2", title: "Chain", severity: 5, at: morning + 2 * hour, risk: 90))
        // Later in coming, earlier by its event: it neither lowers the severity nor brings back an old risk.
        try desk.take(alert("a3", severity: 2, at: morning - hour, risk: 10), now: morning + 3 * hour)
        try desk.take(alert("a2", severity: 6, at: morning + 9 * hour))
        let incident = try desk.incident("incident-1")
        #expect(incident.status == .open && incident.alerts == 3)
        #expect(incident.severity == 5 && incident.severityName == "critical" && incident.title == "Chain")
        #expect(incident.riskScore == 90 && incident.riskTerms.map(\.points) == [90])
        #expect(incident.openedAt == morning - hour && incident.lastAlertAt == morning + 2 * hour)
        #expect(incident.closesAt == morning + 26 * hour)
        #expect(try desk.timeline("incident-1").count == 3)
        #expect(incident.version == 1)
    }

    @Test func anIncidentClosesAfter24QuietHoursAndNotBefore() throws {
        let desk = try Desk()
        try desk.take(alert("a1"))
        #expect(try desk.closeQuiet(now: morning + day - 1) == 0)
        #expect(desk.over.isEmpty)
        #expect(try desk.closeQuiet(now: morning + day) == 1)
        #expect(try desk.closeQuiet(now: morning + day) == 0)
        let closed = try desk.incident("incident-1")
        #expect(closed.status == .closed && closed.closedWhy == .quiet && closed.closedAt == morning + day)
        #expect(desk.over == ["incident-1"])
        // The same again changes nothing, a new one opens it.
        try desk.take(alert("a1"), now: morning + day + 1)
        #expect(try desk.incident("incident-1").status == .closed)
        try desk.take(alert("a2", at: morning + day + 2))
        let open = try desk.incident("incident-1")
        #expect(open.status == .open && open.closedAt == nil && open.closedWhy == nil && open.version == 3)
        #expect(open.closesAt == morning + 2 * day + 2)
        #expect(
            try desk.timeline("incident-1") == [
                "alert - Bulk requests", "close - 24 hours without an alert", "alert - Bulk requests",
                "reopen - an alert came",
            ])
    }

    @Test func aHubThatCatchesUpDoesNotCloseWhatItJustOpened() throws {
        let desk = try Desk()
        try desk.take(alert("a1", at: morning - 3 * day), now: morning)
        #expect(try desk.closeQuiet(now: morning + hour - 1) == 0)
        #expect(try desk.closeQuiet(now: morning + hour) == 1)
    }

    @Test(arguments: [Int64.max, morning + 400 * day, Int64.min])
    func aTimeThatCannotBeKeepsNoIncidentOpen(time: Int64) throws {
        let desk = try Desk()
        try desk.take(alert("a1", at: time), now: morning)
        #expect(try desk.closeQuiet(now: morning + day) == 1)
    }

    @Test func anAlertWithoutIncidentGetsTheOneThatTheDetectorWouldGive() throws {
        let desk = try Desk()
        let first = try desk.take(alert("a1", incident: nil))
        // As RiskState makes it: of the identity and the day of the first alert.
        #expect(first == "e84653a7-60f7-832c-9ed2-512a0f0353cb")
        #expect(try desk.take(alert("a2", incident: nil, identity: "ANA@example.com", at: morning + day)) == first)
        #expect(try desk.take(alert("a3", incident: nil, at: morning + 2 * day + 1)) != first)
        #expect(try desk.take(alert("a4", incident: nil, identity: "ben@example.com")) != first)
        // Without an identity each stands alone, under an id that stays.
        let alone = try desk.take(alert("b1", incident: nil, identity: nil))
        #expect(try desk.take(alert("b2", incident: nil, identity: nil)) != alone)
        #expect(try desk.take(alert("b1", incident: nil, identity: nil)) == alone)
        // What the detector names is joined by what comes without a name.
        try desk.take(alert("c1", incident: "named", identity: "cleo@example.com"))
        #expect(try desk.take(alert("c2", incident: nil, identity: "cleo@example.com", at: morning + hour)) == "named")
    }

    @Test func tenThousandAlertsOfOneIdentityAreOneIncidentAndPagesStaySmall() throws {
        let desk = try Desk()
        try desk.database.write { db in
            for number in 0..<10_000 {
                _ = try desk.store.take(
                    alert("a\(number)", at: morning + Int64(number)), now: morning + Int64(number), in: db)
            }
        }
        #expect(try desk.list().map(\.alerts) == [10_000])
        var seen: Set<String> = []
        var cursor: String?
        var pages = 0
        repeat {
            let page = try desk.database.read {
                try IncidentStore.timeline(of: "incident-1", after: cursor, limit: 5_000, in: $0)
            }
            #expect(page.items.count == IncidentStore.maximumPage)
            seen.formUnion(page.items.compactMap(\.reference))
            cursor = page.next
            pages += 1
        } while cursor != nil
        #expect(pages == 10 && seen.count == 10_000)
    }

    @Test func listsGoByUrgencyAndCursorsSkipNothing() throws {
        let desk = try Desk()
        for number in 0..<25 {
            try desk.take(
                alert(
                    "a\(number)", incident: "incident-\(number)", identity: "person-\(number)",
                    severity: 1 + number % 5,
                    at: morning + Int64(number / 10)), now: morning + hour)
        }
        for status in [Incident.Status.open, nil] {
            var ids: [String] = []
            var cursor: String?
            repeat {
                let page = try desk.database.read {
                    try IncidentStore.list(IncidentFilter(status: status), after: cursor, limit: 4, in: $0)
                }
                ids += page.items.map(\.id)
                cursor = page.next
            } while cursor != nil
            #expect(ids.count == 25 && Set(ids).count == 25)
        }
        let open = try desk.list()
        #expect(open.map(\.severity) == open.map(\.severity).sorted(by: >))
        #expect(try desk.list(IncidentFilter(severity: 5)).count == 5)
        #expect(try desk.list(IncidentFilter(identity: "PERSON-7")).map(\.id) == ["incident-7"])
        #expect(try desk.list(IncidentFilter(status: .closed)).isEmpty)
        #expect(throws: BadCursor.self) {
            try desk.database.read { try IncidentStore.list(after: "x", in: $0) }
        }
    }

    @Test func anIdMayBeCutWhileItNamesOne() throws {
        let desk = try Desk()
        try desk.take(alert("a1", incident: "abcdef-1"))
        try desk.take(alert("a2", incident: "abcdef-2"))
        try desk.take(alert("a3", incident: "abcdeg-1"))
        #expect(try desk.incident("abcdeg").id == "abcdeg-1")
        #expect(try desk.incident("abcdef-2").id == "abcdef-2")
        #expect(throws: IncidentError.ambiguous("abcdef", ["abcdef-1", "abcdef-2"])) { try desk.incident("abcdef") }
        #expect(throws: IncidentError.shortPrefix("abcde")) { try desk.incident("abcde") }
        #expect(throws: IncidentError.unknown("zzzzzz")) { try desk.incident("zzzzzz") }
        #expect(throws: IncidentError.unknown("abcdef%")) { try desk.incident("abcdef%") }
    }

    @Test func anEventThatFiredSeveralAlertsMovedItsBytesOnce() throws {
        let desk = try Desk()
        try desk.take(alert("a1", event: "e1", resource: "prices", bytes: 1_000, items: 10))
        try desk.take(alert("a2", rule: "drip", event: "e1", resource: "prices", bytes: 1_000, items: 10))
        try desk.take(alert("a3", event: "e2", resource: "prices", bytes: 500))
        try desk.take(alert("a4", event: "e3", resource: "weights", bytes: 9_000_000_000))
        try desk.take(alert("a5"))
        let reach = try desk.database.read { try IncidentStore.reach(of: "incident-1", in: $0) }
        #expect(
            reach == [
                IncidentReach(resource: "weights", bytes: 9_000_000_000, items: 0, alerts: 1),
                IncidentReach(resource: "prices", bytes: 1_500, items: 10, alerts: 3),
                IncidentReach(resource: nil, bytes: 0, items: 0, alerts: 1),
            ])
    }

    @Test func aHugeTextIsCutAndATransactionThatFailsKeepsNoAlert() throws {
        struct Killed: Error {}
        let desk = try Desk()
        let text = "a" + String(repeating: "\u{301}", count: 100_000)
        #expect(throws: Killed.self) {
            try desk.database.write { db in
                _ = try desk.store.take(alert("a1", title: text), now: morning, in: db)
                throw Killed()
            }
        }
        #expect(try desk.list().isEmpty && desk.count("incident_entries") == 0 && desk.count("incident_alerts") == 0)
        try desk.take(alert("a1", title: text))
        let lines = try desk.database.read { try IncidentStore.timeline(of: "incident-1", in: $0).items }
        #expect(lines.map(\.text.unicodeScalars.count) == [TimelineEntry.maximumText])
    }
}
