// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Routing
import Testing

@Suite struct GroupTests {
    private let root = "route: { receiver: default }"

    @Test func theFirstNotificationComesAfterTheWaitAndHasAllThatCameMeanwhile() throws {
        let desk = try Desk(root)
        try desk.take(alert("a", startsAt: 7, finding: #"{"n":1}"#), at: 1_000)
        try desk.take(alert("b", severity: "low", startsAt: 3), alert("c", incident: "i2"), at: 30_999)
        #expect(try desk.flush(at: 30_999).isEmpty)
        let told = try #require(try desk.flush(at: 31_000).first)
        #expect(desk.told.count == 1 && told.ids == ["b", "a"] && told.status == .firing && told.reason == .first)
        #expect(told.receiver == "default" && told.groupKey == #"{}:{incident="i1"}"# && told.incident == "i1")
        #expect(told.groupLabels == labels(["incident": "i1"]) && told.commonLabels == told.groupLabels)
        #expect(
            told.alerts[1].finding == Array(#"{"n":1}"#.utf8) && told.alerts[1].startsAt == 7
                && told.truncatedAlerts == 0)
        #expect(try desk.run(to: 61_000).map(\.ids) == [["c"]])
    }

    @Test func newAlertsWaitForTheIntervalAndNothingNewIsNotTold() throws {
        let desk = try Desk(root)
        try desk.take(alert("a"), at: 0)
        try desk.run(to: 30 * second)
        try desk.take(alert("b"), at: 31 * second)
        #expect(try desk.flush(at: 5 * minute + 29_999).isEmpty)
        let second = try #require(try desk.flush(at: 5 * minute + 30_000).first)
        #expect(second.ids == ["a", "b"] && second.reason == .newAlerts)
        // The same alert again, under its id, is no news.
        try desk.take(alert("b"), at: 6 * minute)
        #expect(try desk.run(to: hour).isEmpty)
    }

    @Test func whatDoesNotChangeIsRepeatedAtTheFirstIntervalAfterRepeatInterval() throws {
        let desk = try Desk("route: { receiver: default, group_wait: 0s, group_interval: 5m, repeat_interval: 12m }")
        try desk.take(alert("a"), at: 0)
        #expect(try desk.run(to: 14 * minute).map(\.reason) == [.first])
        let again = try desk.run(to: 15 * minute)
        #expect(again.map(\.reason) == [.repeat] && again.map(\.time) == [15 * minute])
        #expect(try desk.run(to: hour).map(\.time) == [30 * minute, 45 * minute, 60 * minute])
        // Exact where it is a multiple of the interval.
        let exact = try Desk("route: { receiver: default, group_wait: 0s, group_interval: 5m, repeat_interval: 15m }")
        try exact.take(alert("a"), at: 0)
        #expect(try exact.run(to: 40 * minute).map(\.time) == [0, 15 * minute, 30 * minute])
    }

    @Test func anIncidentThatIsOverIsToldOnceAndItsGroupGoes() throws {
        let desk = try Desk(root)
        try desk.take(alert("a"), alert("b"), alert("c", incident: "i2"), at: 0)
        try desk.run(to: minute)
        try desk.resolve("i1", at: 2 * minute)
        try desk.resolve("i1", at: 3 * minute)
        let told = try desk.run(to: 2 * hour)
        #expect(told.map(\.status) == [.resolved] && told.map(\.ids) == [["a", "b"]] && told[0].reason == .allResolved)
        #expect(told[0].alerts.allSatisfy { $0.endsAt == 2 * minute })
        #expect(try desk.count("routing_groups") == 1 && desk.count("routing_alerts") == 1)
        // What comes afterwards is a new group, and no earlier id comes again.
        try desk.take(alert("d"), at: 3 * hour)
        #expect(try desk.run(to: 3 * hour + minute).map(\.reason) == [.first])
        #expect(Set(desk.told.map(\.id)).count == desk.told.count)
    }

    @Test func aPartThatIsOverIsToldWithTheRestAndThenLeaves() throws {
        let desk = try Desk("route: { receiver: default, group_by: [], group_wait: 0s }")
        try desk.take(alert("a"), alert("b", incident: "i2"), at: 0)
        try desk.run(to: 0)
        try desk.resolve("i1", at: minute)
        let told = try desk.run(to: hour)
        #expect(told.map(\.reason) == [.newResolved] && told[0].status == .firing && told[0].ids == ["a", "b"])
        #expect(told[0].alerts.map(\.endsAt) == [minute, nil])
        try desk.take(alert("c"), at: hour)
        #expect(try desk.run(to: 2 * hour).map(\.ids) == [["b", "c"]])
    }

    @Test func whatIsOverBeforeItWasToldIsNotTold() throws {
        let desk = try Desk(root)
        try desk.take(alert("a"), at: 0)
        try desk.resolve("i1", at: second)
        #expect(try desk.run(to: hour).isEmpty)
        #expect(try desk.count("routing_groups") == 0 && desk.count("routing_alerts") == 0)
    }

    @Test func aReceiverThatWantsNoResolvedHearsOfNone() throws {
        let desk = try Desk(
            configuration(
                "route: { receiver: chat, group_by: [], group_wait: 0s }",
                receivers: [KnownReceiver(name: "chat", sendsResolved: false)]))
        try desk.take(alert("a"), alert("b", incident: "i2"), at: 0)
        #expect(try desk.run(to: 0).count == 1)
        try desk.resolve("i1", at: second)
        #expect(try desk.run(to: hour).isEmpty)
        try desk.resolve("i2", at: hour)
        #expect(try desk.run(to: 2 * hour).isEmpty && desk.count("routing_groups") == 0)
    }

    @Test func whatNobodyResolvesIsOverAfterTheTimeoutOfItsIncident() throws {
        let desk = try Desk("resolve_timeout: 1h\nroute: { receiver: default, group_wait: 0s }")
        try desk.take(alert("a"), at: 0)
        // Another one of the incident: it begins anew for both.
        try desk.take(alert("b"), at: 40 * minute)
        let told = try desk.run(to: 5 * hour)
        #expect(told.last?.status == .resolved && told.last?.ids == ["a", "b"] && told.last?.time == 105 * minute)
        #expect(told.filter { $0.status == .resolved }.count == 1)
    }

    @Test func anAlertThatContinuesGoesToSeveralReceivers() throws {
        let desk = try Desk(
            """
            route:
              receiver: default
              group_wait: 0s
              routes:
              - { matchers: [severity=critical], receiver: pager, continue: true }
              - { receiver: chat }
            """)
        try desk.take(alert("a", severity: "critical"), alert("b"), at: 0)
        let told = try desk.run(to: 0)
        #expect(told.map(\.receiver).sorted() == ["chat", "pager"])
        #expect(
            told.first { $0.receiver == "pager" }?.ids == ["a"]
                && told.first { $0.receiver == "chat" }?.ids == ["a", "b"])
        #expect(Set(told.map(\.id)).count == 2)
    }

    @Test func anAlertThatComesAgainIsBroughtUpToDateAndMoves() throws {
        let desk = try Desk(
            "route: { receiver: default, group_wait: 0s, routes: [{ matchers: [severity=critical], receiver: pager }] }"
        )
        try desk.take(alert("a", finding: "1"), at: 0)
        #expect(try desk.run(to: 0).map(\.receiver) == ["default"])
        try desk.take(alert("a", severity: "critical", finding: "2"), at: minute)
        let told = try desk.run(to: 20 * minute)
        #expect(told.map(\.receiver) == ["pager"] && told[0].alerts[0].finding == [UInt8(ascii: "2")])
        #expect(try desk.count("routing_groups") == 1 && desk.count("routing_members") == 1)
        // One that was over fires again.
        try desk.resolve("i1", at: 21 * minute)
        try desk.take(alert("a", severity: "critical"), at: 22 * minute)
        #expect(try desk.run(to: hour).isEmpty)
    }

    @Test func withoutATreeEachAlertIsToldOnceAndForgotten() throws {
        let desk = try Desk(RoutingConfiguration.eachAlert(to: "webhooks"))
        try desk.take((0..<5).map { alert("a\($0)") }, at: 0)
        #expect(try desk.run(to: 0).map(\.ids) == (0..<5).map { ["a\($0)"] })
        #expect(try desk.count("routing_groups") == 0 && desk.count("routing_alerts") == 0)
        #expect(try desk.run(to: 48 * hour).isEmpty)
    }

    @Test func aNotificationThatCannotBeHandedOverIsNeitherLostNorDoubled() throws {
        struct Full: Error {}
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("routing-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("hub.sqlite").path
        let read = try configuration("route: { receiver: default, group_wait: 0s }")
        let desk = try Desk(read, database: DatabasePool(path: path))
        try desk.take(alert("a"), alert("b", incident: "i2"), at: 0)
        var seen: [String] = []
        // As if the process ended between the second notification and the commit.
        #expect(throws: Full.self) {
            try desk.database.write { db in
                _ = try desk.engine.flush(now: 0, in: db) { notification, _ in
                    seen.append(notification.id)
                    if seen.count == 2 { throw Full() }
                }
            }
        }
        try desk.database.close()
        let next = try Desk(read, database: DatabasePool(path: path))
        #expect(try next.run(to: 0).map(\.id) == seen)
        #expect(try next.run(to: hour).isEmpty)
        // And once told, another start tells nothing again.
        try next.database.close()
        #expect(try Desk(read, database: DatabasePool(path: path)).run(to: hour).isEmpty)
    }

    @Test func anotherTreeTakesOverWhatFires() throws {
        let before = try configuration(
            "route: { receiver: default, group_wait: 0s, routes: [{ matchers: [severity=critical], receiver: pager }] }"
        )
        let after = try configuration(
            """
            route:
              receiver: chat
              group_wait: 0s
              routes: [{ matchers: [severity=low] }, { matchers: [severity=critical], receiver: pager }]
            """)
        let desk = try Desk(before)
        try desk.take(alert("a"), alert("b", severity: "critical"), at: 0)
        #expect(try desk.run(to: 0).count == 2)
        desk.engine = try RoutingEngine(database: desk.database, configuration: after, now: minute)
        // The pager's group is the same in both, though it stands elsewhere: it was told already.
        #expect(try desk.run(to: hour).map(\.receiver) == ["chat"])
        #expect(try desk.count("routing_groups") == 2)
        try desk.resolve("i1", at: hour)
        #expect(try desk.run(to: 2 * hour).map(\.status) == [.resolved, .resolved])
    }
}
