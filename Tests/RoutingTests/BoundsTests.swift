// SPDX-License-Identifier: Apache-2.0

import Routing
import Testing

@Suite struct BoundsTests {
    private let byIncident = "route: { receiver: default, group_wait: 10s }"

    @Test func tenThousandAlertsOfOneIncidentAreAHandfulOfNotifications() throws {
        let desk = try Desk(byIncident)
        // Within a minute, and in small parts, as a consumer brings them.
        for part in 0..<100 {
            let now = Int64(part) * 600
            try desk.run(to: now)
            try desk.take((0..<100).map { alert("a\(part)-\($0)", startsAt: now) }, at: now)
        }
        try desk.run(to: hour)
        #expect(desk.told.count == 2)
        #expect(desk.told.map { $0.alerts.count + $0.truncatedAlerts } == [1_700, 10_000])
        #expect(desk.told.map(\.alerts.count) == [1_000, 1_000])
        #expect(try desk.count("routing_alerts") == 1_000)
        try desk.resolve("i1", at: hour)
        #expect(try desk.run(to: 2 * hour).map(\.status) == [.resolved])
        for table in ["routing_alerts", "routing_members", "routing_groups", "routing_incidents"] {
            #expect(try desk.count(table) == 0)
        }
    }

    @Test func tenThousandIncidentsAreOneNotificationWhereTheRouteSaysSo() throws {
        let alerts = (0..<10_000).map { alert("a\($0)", incident: "i\($0)") }
        let together = try Desk("route: { receiver: default, group_by: [] }")
        try together.take(alerts, at: 0)
        try together.run(to: hour)
        #expect(together.told.map { $0.alerts.count + $0.truncatedAlerts } == [10_000])
        // By incident they are one each.
        let each = try Desk(byIncident)
        try each.take(Array(alerts.prefix(500)), at: 0)
        #expect(try each.run(to: minute).count == 500)
    }

    @Test func aNotificationHasRoomForSoManyBytesAndTheNewsComeFirst() throws {
        let desk = try Desk("route: { receiver: default, group_wait: 0s }")
        let finding = String(repeating: "x", count: 400_000)
        try desk.take((0..<3).map { alert("old\($0)", startsAt: Int64($0), finding: finding) }, at: 0)
        #expect(try desk.run(to: 0).map(\.ids) == [["old0", "old1", "old2"]])
        try desk.take((0..<2).map { alert("new\($0)", startsAt: Int64(10 + $0), finding: finding) }, at: 1)
        let told = try #require(try desk.run(to: hour).first)
        #expect(told.ids == ["old0", "new0", "new1"] && told.truncatedAlerts == 2)
        // One that is too large alone is told all the same.
        try desk.take(alert("huge", incident: "i2", finding: String(repeating: "x", count: 1_600_000)), at: hour)
        #expect(try desk.run(to: hour).first { $0.incident == "i2" }?.ids == ["huge"])
    }

    @Test func pastTheLimitOfGroupsAlertsAreToldTogether() throws {
        var limits = RoutingLimits()
        limits.groups = 3
        let desk = try Desk(configuration(byIncident), limits: limits)
        try desk.take((0..<3).map { alert("a\($0)", incident: "i\($0)") }, at: 0)
        try desk.take((3..<8).map { alert("a\($0)", incident: "i\($0)") } + [alert("more", incident: "i1")], at: 0)
        let told = try desk.run(to: minute)
        #expect(told.map(\.ids) == [["a0"], ["a1", "more"], ["a2"], ["a3", "a4", "a5", "a6", "a7"]])
        #expect(told.last?.groupLabels.isEmpty == true && told.last?.groupKey == "{}:{}")
    }

    @Test func pastTheLimitsAlertsAreCountedAndEachNewCountIsToldOnce() throws {
        var limits = RoutingLimits()
        limits.alerts = 2
        let desk = try Desk(configuration(byIncident), limits: limits)
        try desk.take(alert("a"), alert("b"), alert("c"), alert("first of its group", incident: "i2"), at: 0)
        let told = try desk.run(to: minute)
        #expect(told.map(\.ids) == [["a", "b"], ["first of its group"]] && told.map(\.truncatedAlerts) == [1, 0])
        try desk.take(alert("d"), at: minute)
        let more = try desk.run(to: hour)
        #expect(more.map(\.truncatedAlerts) == [2] && more.map(\.reason) == [.newAlerts])
        limits.members = 1
        let one = try Desk(configuration(byIncident), limits: limits)
        try one.take(alert("a"), alert("b"), at: 0)
        #expect(try one.run(to: hour).map(\.truncatedAlerts) == [1] && one.count("routing_alerts") == 1)
    }

    @Test func theOrderInWhichAlertsComeDoesNotMatter() throws {
        let alerts = (0..<50).map { alert("a\($0)", incident: "i\($0 % 5)", startsAt: Int64($0 % 7)) }
        let orders = [alerts, alerts.reversed(), alerts.sorted { $0.labels["alert"] < $1.labels["alert"] }]
        let told = try orders.map { order in
            let desk = try Desk(byIncident)
            try desk.take(order, at: 0)
            return try desk.run(to: hour).sorted { $0.groupKey < $1.groupKey }.map(\.alerts)
        }
        #expect(told[0] == told[1] && told[1] == told[2] && told[0].count == 5)
    }
}
