// SPDX-License-Identifier: Apache-2.0

import GRDB
import Routing
import Testing

@Suite struct HoldingTests {
    /// The two rules of Alertmanager's own test of inhibition.
    private let inhibitions = """
        route: { receiver: default, group_by: [alert], group_wait: 0s }
        inhibit_rules:
        - { source_matchers: [s1="1"], target_matchers: [t1="1"], equal: [e] }
        - { source_matchers: [s2="1"], target_matchers: [t2="1"], equal: [e] }
        """

    @Test func inhibitionIsAlertmanagers() throws {
        let desk = try Desk(inhibitions)
        try desk.take(
            alert("only source of the first", more: ["s1": "1", "t1": "2", "e": "1"]),
            alert("source and target of the second", incident: "i2", more: ["s2": "1", "t2": "1", "e": "1"]), at: 0)
        func isHeld(_ pairs: KeyValuePairs<String, String>) throws -> Bool {
            try desk.database.read { db in
                var holding = try Holding(desk.engine.configuration, now: 0, in: db)
                return try holding.reason(labels(pairs), in: db) != nil
            }
        }
        #expect(try isHeld(["t1": "1", "e": "1"]))
        #expect(try isHeld(["t2": "1", "e": "1"]))
        #expect(try isHeld(["t1": "1", "t3": "1", "e": "1"]))
        #expect(try isHeld(["t1": "1", "t2": "1", "e": "1"]))
        #expect(try !isHeld(["t1": "0", "e": "1"]))
        // Both sides of the first rule; its source is only a source.
        #expect(try isHeld(["s1": "1", "t1": "1", "e": "1"]))
        // Both sides of the second rule, as its source is: that would let an alert inhibit itself.
        #expect(try !isHeld(["s2": "1", "t2": "1", "e": "1"]))
        #expect(try !isHeld(["t1": "1", "e": "0"]))
        #expect(try !isHeld(["t1": "1"]))
        try desk.resolve("i1", at: 1)
        #expect(try !isHeld(["t1": "1", "e": "1"]) && isHeld(["t2": "1", "e": "1"]))
    }

    @Test func labelsThatBothLackAreEqual() throws {
        let desk = try Desk(
            """
            route: { receiver: default, group_by: [alert], group_wait: 0s }
            inhibit_rules: [{ source_matchers: [severity=critical], target_matchers: [severity=low], equal: [tenant] }]
            """)
        try desk.take(alert("a", severity: "low"), alert("b", severity: "critical"), at: 0)
        try desk.take(alert("c", severity: "low", more: ["tenant": "x"]), at: 0)
        #expect(try desk.run(to: 0).map(\.ids) == [["b"], ["c"]])
    }

    @Test func anInhibitedAlertComesWhenItsSourceIsOver() throws {
        let desk = try Desk(
            """
            route: { receiver: default, group_by: [severity], group_wait: 0s }
            inhibit_rules: [{ source_matchers: [severity=critical], target_matchers: [severity=low] }]
            """)
        try desk.take(alert("source", incident: "i2", severity: "critical"), at: 0)
        try desk.take(alert("a", severity: "low"), at: 0)
        #expect(try desk.run(to: hour).map(\.ids) == [["source"]])
        try desk.resolve("i2", at: hour)
        #expect(try desk.run(to: 2 * hour).map(\.ids).sorted { $0[0] < $1[0] } == [["a"], ["source"]])
    }

    @Test func aSilenceHoldsWhatMatchesUntilItEnds() throws {
        let desk = try Desk("route: { receiver: default, group_by: [], group_wait: 0s }")
        try desk.silence(#"identity=~"ana|ben""#, to: 20 * minute, now: 0)
        try desk.take(alert("a", more: ["identity": "ana"]), alert("b", more: ["identity": "cleo"]), at: 0)
        #expect(try desk.run(to: 0).map(\.ids) == [["b"]])
        #expect(try desk.run(to: 20 * minute - 1).isEmpty)
        let told = try desk.run(to: 20 * minute)
        #expect(told.map(\.ids) == [["a", "b"]] && told[0].reason == .newAlerts)
    }

    @Test func whatWasHeldBackIsRememberedOnceForEachReasonAndForAQuarter() throws {
        let desk = try Desk(
            """
            route:
              receiver: default
              group_wait: 0s
              routes: [{ matchers: [severity=medium], receiver: default, group_wait: 0s, mute_time_intervals: [always] }]
            time_intervals: [{ name: always, time_intervals: [{ months: ['1:12'] }] }]
            inhibit_rules: [{ source_matchers: [severity=critical], target_matchers: [severity=low] }]
            """)
        try desk.silence("severity=high", to: 10 * minute, now: 0)
        try desk.take(
            alert("silenced"), alert("inhibited", severity: "low"), alert("muted", severity: "medium"),
            alert("told", incident: "i2", severity: "critical"), at: 0)
        try desk.run(to: hour)
        func rows() throws -> [String] {
            try desk.database.read { db in
                try String.fetchAll(
                    db, sql: "SELECT alert_id || ' ' || reason || ' ' || first_at FROM routing_suppressed ORDER BY 1")
            }
        }
        #expect(try rows() == ["inhibited inhibited 0", "muted muted 0", "silenced silenced 0"])
        let quarter = 13 * 7 * 24 * hour
        try desk.database.write { db in try desk.engine.sweep(now: quarter - 1, in: db) }
        #expect(try rows().count == 3)
        try desk.database.write { db in try desk.engine.sweep(now: quarter, in: db) }
        #expect(try rows() == [])
    }

    @Test func aSilencedAlertThatWasToldIsToldAgainOnlyAfterOtherNews() throws {
        let desk = try Desk("route: { receiver: default, group_by: [], group_wait: 0s }")
        try desk.take(alert("a"), at: 0)
        try desk.run(to: 0)
        let silence = try desk.silence("alert=a", to: 10 * hour, now: minute)
        #expect(try desk.run(to: 5 * hour).isEmpty, "not even the repeat comes")
        try desk.database.write { db in try SilenceStore.expire(silence.id, now: 5 * hour, in: db) }
        #expect(try desk.run(to: 5 * hour + 5 * minute).map(\.reason) == [.repeat])
        try desk.run(to: 6 * hour - 1)
        try desk.silence("alert=a", to: 7 * hour, now: 6 * hour)
        try desk.take(alert("b", incident: "i2"), at: 6 * hour)
        // As in Alertmanager's log, what was told last is b alone; so a is new when the silence ends.
        #expect(try desk.run(to: 7 * hour - 1).map(\.ids) == [["b"]])
        #expect(try desk.run(to: 7 * hour).map(\.ids) == [["a", "b"]])
    }

    @Test func whatIsOverWhileSilencedIsToldAfterwardsIfItsBeginningWas() throws {
        let desk = try Desk("route: { receiver: default, group_wait: 0s }")
        try desk.take(alert("a"), alert("b", incident: "i2"), at: 0)
        try desk.run(to: 0)
        try desk.silence(#"severity="high""#, to: hour, now: second)
        try desk.take(alert("c", incident: "i3"), at: minute)
        try desk.resolve("i1", at: minute)
        try desk.resolve("i3", at: minute)
        #expect(try desk.run(to: hour - 1).isEmpty)
        let told = try desk.run(to: hour + 5 * minute)
        #expect(told.map(\.ids) == [["a"]] && told[0].status == .resolved)
        #expect(try desk.count("routing_groups") == 1)
    }

    @Test func whatCameAndWentWhileTheRestIsSilencedIsNotTold() throws {
        let desk = try Desk("route: { receiver: default, group_by: [], group_wait: 0s }")
        try desk.take(alert("a"), at: 0)
        try desk.run(to: 0)
        try desk.silence("alert=a", to: 10 * hour, now: second)
        for (id, start) in [("b", minute), ("c", 6 * minute)] {
            try desk.take(alert(id, incident: id), at: start)
            try desk.resolve(id, at: start + second)
            try desk.run(to: start + 4 * minute)
        }
        // As in Alertmanager: the first ends what was told to fire; of the second nobody ever heard.
        #expect(desk.told.map(\.ids) == [["a"], ["b"]] && desk.told.last?.reason == .allResolved)
    }

    @Test func aMuteTimeHoldsTheGroupAndLosesNothing() throws {
        // The epoch was a Thursday: the weekend is from 48 to 96 hours after it.
        let desk = try Desk(
            """
            resolve_timeout: 12h
            time_intervals: [{ name: weekend, time_intervals: [{ weekdays: [saturday, sunday] }] }]
            route:
              receiver: default
              routes: [{ matchers: [severity!=critical], receiver: mail, group_wait: 0s, mute_time_intervals: [weekend] }]
            """)
        try desk.take(alert("a"), alert("b", incident: "i2", severity: "critical"), at: 50 * hour)
        #expect(try desk.run(to: 51 * hour).map(\.receiver) == ["default"])
        #expect(try desk.run(to: 96 * hour - 1).filter { $0.receiver == "mail" }.isEmpty)
        // Longer than the timeout of its incident, and still it comes, as firing.
        let told = try desk.run(to: 97 * hour)
        #expect(told.map(\.receiver) == ["mail"] && told[0].ids == ["a"] && told[0].status == .firing)
        #expect(told[0].time == 96 * hour)
    }

    @Test func aSilenceIsMadeWithAReasonAndForSomething() throws {
        let desk = try Desk("route: { receiver: default }")
        func add(_ text: String, to end: Int64 = hour, by name: String = "ana", _ comment: String = "why") throws {
            try desk.database.write { db in
                _ = try SilenceStore.add(
                    matchers: matchers(text), startsAt: nil, endsAt: end, createdBy: name, comment: comment, now: 5,
                    in: db)
            }
        }
        for text in ["", #"a="""#, #"a=~".*""#, #"a!=x"#] { #expect(throws: SilenceError.self) { try add(text) } }
        #expect(throws: SilenceError.self) { try add("a=b", to: 5) }
        #expect(throws: SilenceError.self) { try add("a=b", "") }
        #expect(throws: SilenceError.self) { try add("a=b", by: "") }
        #expect(throws: SilenceError.self) { try add("a=b", String(repeating: "x", count: 5000)) }
        try add("a=b, c!=d", to: 6)
    }

    @Test func aSilenceIsNeverEditedIntoAnotherOne() throws {
        let desk = try Desk("route: { receiver: default }")
        let first = try desk.silence("a=b", to: hour, now: 0)
        func change(_ id: String, _ text: String? = nil, from: Int64? = nil, to: Int64? = nil, now: Int64) throws
            -> Silence
        {
            try desk.database.write { db in
                try SilenceStore.change(
                    id, matchers: text.map { try matchers($0) }, startsAt: from, endsAt: to, by: "ben", now: now, in: db
                )
            }
        }
        func states(_ now: Int64) throws -> [String: Silence.State] {
            let all = try desk.database.read { db in try SilenceStore.all(in: db) }
            return Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0.state(at: now)) })
        }
        // Its end is moved in place.
        #expect(try change(first.id, to: 2 * hour, now: minute).id == first.id)
        // Other matchers: it ends, and a new one begins.
        let second = try change(first.id, "a=c", now: minute)
        #expect(second.id != first.id && second.startsAt == minute && second.createdBy == "ben")
        #expect(try states(minute) == [first.id: .expired, second.id: .active])
        // One that is over is not woken.
        let third = try change(first.id, to: 3 * hour, now: 2 * minute)
        #expect(third.id != first.id && third.startsAt == 2 * minute)
        // One that has not begun may still begin at another time.
        let pending = try desk.silence("x=y", from: 5 * hour, to: 6 * hour, now: 2 * minute)
        #expect(try states(2 * minute)[pending.id] == .pending)
        #expect(try change(pending.id, from: 4 * hour, now: 2 * minute).id == pending.id)
        try desk.database.write { db in try SilenceStore.expire(pending.id, now: 3 * minute, in: db) }
        #expect(try states(3 * minute)[pending.id] == .expired && states(5 * hour)[pending.id] == .expired)
        #expect(throws: SilenceError.self) {
            try desk.database.write { db in try SilenceStore.expire("nobody", now: 0, in: db) }
        }
    }
}
