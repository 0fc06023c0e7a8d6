// SPDX-License-Identifier: Apache-2.0

import GRDB
import Incidents
import Testing

@Suite struct ActingTests {
    @Test func whatAPersonDoesIsInTheIncidentTheTimelineAndTheEvidence() throws {
        let desk = try Desk()
        try desk.take(alert("a1", at: morning - hour), now: morning - hour)
        #expect(try desk.act(.assign("ben"), on: "incident-1").assignee == "ben")
        #expect(try desk.act(.comment("asked her\nno answer yet"), on: "incident-1", by: "ben").comments == 1)
        #expect(try desk.act(.dispose(.isTrue, reason: "she says so"), on: "incident-1").disposition == .isTrue)
        let closed = try desk.act(.close(reason: "done"), on: "incident-1")
        #expect(closed.status == .closed && closed.closedWhy == .person && closed.version == 5)
        #expect(desk.over == ["incident-1"])
        #expect(
            try desk.timeline("incident-1") == [
                "alert - Bulk requests", "assignment ana assigned to ben", "comment ben asked her\nno answer yet",
                "disposition ana true: she says so", "close ana done",
            ])
        var rows: [EvidenceRow] = []
        try desk.database.read { db in try EvidenceChain.search(in: db) { rows.append($0) } }
        #expect(rows.map(\.action) == ["assign", "comment", "disposition", "close"].map { "incident.\($0)" })
        #expect(rows.map(\.actor) == ["ana", "ben", "ana", "ana"])
        #expect(
            rows[1].payload
                == #"{"comment":"asked her\nno answer yet","identity":"ana@example.com","incident":"incident-1","version":"2"}"#
        )
    }

    @Test func anActionThatFailsLeavesNothing() throws {
        struct Killed: Error {}
        let desk = try Desk()
        try desk.take(alert("a1"))
        let store = IncidentStore { _, _, _, _ in throw Killed() }
        #expect(throws: Killed.self) {
            try desk.database.write { db in
                try store.act(.close(reason: nil), on: "incident-1", by: "ana", now: morning, in: db)
            }
        }
        #expect(throws: Killed.self) {
            try desk.database.write { db in
                try desk.store.act(.dispose(.isFalse, reason: "no"), on: "incident-1", by: "ana", now: morning, in: db)
                throw Killed()
            }
        }
        let incident = try desk.incident("incident-1")
        #expect(incident.status == .open && incident.disposition == nil && incident.version == 1)
        #expect(try desk.timeline("incident-1").count == 1)
        #expect(try desk.count("evidence") == 0 && desk.count("feedback_outbox") == 0)
    }

    @Test func ofTwoWhoTakeItAtOnceTheSecondIsTold() throws {
        let desk = try Desk()
        try desk.take(alert("a1"))
        let seen = try desk.incident("incident-1").version
        // Alerts that join are no reason to look again.
        try desk.take(alert("a2", at: morning + 1))
        try desk.act(.assign("ana"), on: "incident-1", by: "ana", version: seen)
        #expect(throws: IncidentError.changed(id: "incident-1", version: seen + 1)) {
            try desk.act(.assign("ben"), on: "incident-1", by: "ben", version: seen)
        }
        #expect(try desk.incident("incident-1").assignee == "ana")
    }

    @Test func routingHearsThatItIsTakenAndReleasedNotThatItChangesHands() throws {
        let desk = try Desk()
        try desk.take(alert("a1"))
        try desk.act(.assign(nil), on: "incident-1")
        #expect(desk.turns == [])
        for name in ["ana", "ana", "ben", nil, nil, "ana"] { try desk.act(.assign(name), on: "incident-1") }
        #expect(desk.turns == [.taken, .released, .taken])
        try desk.act(.comment("mine"), on: "incident-1")
        try desk.act(.close(reason: nil), on: "incident-1")
        #expect(desk.turns == [.taken, .released, .taken, .over])
    }

    @Test func aClosedIncidentIsCommentedAndJudgedButNotAssignedOrClosedAgain() throws {
        let desk = try Desk()
        try desk.take(alert("a1"))
        #expect(throws: IncidentError.notClosed("incident-1")) { try desk.act(.reopen(reason: nil), on: "incident-1") }
        try desk.act(.close(reason: nil), on: "incident-1")
        #expect(try desk.act(.comment("afterthought"), on: "incident-1").status == .closed)
        #expect(try desk.act(.dispose(.benign, reason: "a test"), on: "incident-1").status == .closed)
        #expect(throws: IncidentError.isClosed("incident-1")) { try desk.act(.assign("ben"), on: "incident-1") }
        #expect(throws: IncidentError.alreadyClosed("incident-1")) {
            try desk.act(.close(reason: nil), on: "incident-1")
        }
        let open = try desk.act(.reopen(reason: "again"), on: "incident-1", now: morning + 3 * day)
        #expect(open.status == .open && open.disposition == nil && open.closesAt == morning + 4 * day)
    }

    @Test func whatIsTooLongEmptyOrHiddenIsRefused() throws {
        let desk = try Desk()
        try desk.take(alert("a1"))
        let most = String(repeating: "ü", count: IncidentAction.maximumComment)
        #expect(try desk.act(.comment(most), on: "incident-1").comments == 1)
        for action in [
            IncidentAction.comment(most + "ü"), .comment(""), .comment(" \n "), .comment("\u{1B}[2J"),
            // One character to the eye, ten thousand and one to the disk.
            .comment("a" + String(repeating: "\u{301}", count: 10_000)), .assign(""), .assign("be\nn"),
            .dispose(.isTrue, reason: ""), .close(reason: String(repeating: "x", count: 2_001)),
        ] {
            #expect(throws: IncidentError.self) { try desk.act(action, on: "incident-1") }
        }
        #expect(throws: IncidentError.self) { try desk.act(.comment("x"), on: "incident-1", by: "") }
        #expect(throws: IncidentError.unknown("incident-2")) { try desk.act(.comment("x"), on: "incident-2") }
        #expect(try desk.count("evidence") == 1)
    }

    @Test func aDispositionGoesOutForEveryAlertOfThenAndIntoThePrecision() throws {
        let desk = try Desk()
        try desk.take(alert("a1", rule: "bulk"))
        try desk.take(alert("a2", rule: "chain"))
        try desk.take(alert("b1", incident: "incident-2", rule: "bulk"))
        try desk.take(alert("c1", incident: "incident-3", rule: "bulk"))
        try desk.take(alert("d1", incident: "incident-4", rule: "bulk"))
        try desk.act(.dispose(.isFalse, reason: #"a "test""#), on: "incident-1")
        try desk.take(alert("a3", rule: "late"))
        try desk.act(.dispose(.isTrue, reason: "yes"), on: "incident-2")
        try desk.act(.dispose(.benign, reason: "allowed"), on: "incident-3")
        let records = try desk.database.read { try Feedback.waiting(in: $0) }
        #expect(records.map(\.key) == ["a1", "a2", "b1", "c1"])
        #expect(
            records[0].value
                == #"{"alert_uid":"a1","incident_uid":"incident-1","identity":"ana@example.com","rule":"bulk","#
                + #""alert_time":1795255200000,"disposition":"false","reason":"a \"test\"","actor":"ana","at":1795255200000}"#
        )
        let precision = try desk.database.read { try IncidentStore.precision(in: $0) }
        #expect(precision.map(\.rule) == ["chain", "bulk"] && precision.map(\.precision) == [0, 1 - 1.0 / 3])
        #expect(
            precision[1].trueAlerts == 1 && precision[1].falseAlerts == 1 && precision[1].benignAlerts == 1)
        // The last word counts, and is sent behind the first.
        try desk.act(.dispose(.isTrue, reason: "after all"), on: "incident-1")
        #expect(try desk.database.read { try IncidentStore.precision(in: $0) }.map(\.precision) == [1, 1, 1])
        try desk.database.write { try Feedback.remove(records, in: $0) }
        #expect(try desk.database.read { try Feedback.waiting(in: $0) }.map(\.key) == ["a1", "a2", "a3"])
    }
}
