// SPDX-License-Identifier: Apache-2.0

import Approvals
import GRDB
import Incidents
import Orders
import Signing
import Testing

@Suite struct ControlTimelineTests {
    private static let orderID = "11111111-1111-4111-8111-111111111111"

    /// A detector, a gateway and three persons with keys.
    private struct Hands {
        let keys: TrustedKeys
        let detect: SigningKey
        let gateway: SigningKey
        let ben: SigningKey
        let cleo: SigningKey

        init() throws {
            detect = try SigningKey.generate(name: "detect")
            gateway = try SigningKey.generate(name: "gateway-1")
            ben = try SigningKey.generate(name: "ben")
            cleo = try SigningKey.generate(name: "cleo")
            keys = try TrustedKeys([
                TrustedKey(name: "detect", role: .automation, may: [.issue], publicText: detect.publicText),
                TrustedKey(name: "gateway-1", role: .gateway, may: [], publicText: gateway.publicText),
                TrustedKey(
                    name: "ben", role: .person, identity: "ben@example.com", may: [.issue, .lift, .approve],
                    publicText: ben.publicText),
                TrustedKey(
                    name: "cleo", role: .person, identity: "cleo@example.com", may: [.lift, .approve],
                    publicText: cleo.publicText),
            ])
        }

        func order(
            on identity: String = "ana", incident: String? = nil, alert: String? = nil,
            severity: Order.Severity = .high, by key: SigningKey? = nil
        ) throws -> SignedRecord {
            try Order(
                id: orderID, actions: Order.lockdown, subject: .init(type: .identity, value: identity),
                reason: "bulk requests", alertUID: alert, incidentUID: incident, severity: severity,
                issuer: .init(kind: .automation, name: "detect"), issuedAt: morning, expiresAt: morning + hour
            ).signed(by: key ?? detect)
        }

        func lift(by key: SigningKey) throws -> SignedRecord {
            try Lift(
                orderID: orderID, by: "\(key.name)@example.com", reason: "false alarm", at: morning + 60_000
            ).signed(by: key)
        }
    }

    /// A hub that reads the topics from their beginning, once or again.
    private func read(
        _ records: [SignedRecord], _ topic: ControlTimeline.Record.Topic = .orders, hands: Hands, desk: Desk,
        now: Int64 = morning + 120_000
    ) throws -> [String] {
        var timeline = ControlTimeline(
            keys: hands.keys, aliases: IdentityAliases([["ana@example.com", "ana"]]))
        return try desk.database.write { db in
            defer { try? timeline.expire(now: now, in: db) }
            return try timeline.apply(
                records.map { .init(topic: topic, key: $0.key, value: $0.value) }, now: now, in: db)
        }
    }

    private func inForce(_ desk: Desk, now: Int64 = morning + 120_000) throws -> [String] {
        let incident = try desk.incident("incident-1")
        return try desk.database.read {
            try IncidentStore.controls(of: incident, now: now, in: $0).map { "\($0.state) \($0.text)" }
        }
    }

    private let issued = "order detect revoke_tokens + require_approval on identity ana: bulk requests"

    @Test func anOrderIsInTheTimelineOfItsIdentityUnderAnyNameAndOnlyOnce() throws {
        let (desk, hands) = (try Desk(), try Hands())
        try desk.take(alert("a1", at: morning - 1))
        let order = try hands.order()
        #expect(try read([order], hands: hands, desk: desk) == [])
        #expect(try inForce(desk) == ["active revoke_tokens + require_approval on identity ana: bulk requests"])
        // After a restart it comes again; meanwhile the identity has another incident.
        try desk.act(.close(reason: nil), on: "incident-1", now: morning + 1)
        try desk.take(alert("a2", incident: "incident-2", at: morning + 30_000))
        #expect(try read([order, order, hands.lift(by: hands.ben)], hands: hands, desk: desk) == [])
        #expect(
            try desk.timeline("incident-1") == [
                "alert - Bulk requests", issued, "close ana closed", "order ben@example.com lifted: false alarm",
            ])
        #expect(try desk.timeline("incident-2").count == 1)
        #expect(try inForce(desk).isEmpty)
    }

    @Test func anOrderMayComeBeforeItsAlert() throws {
        let (desk, hands) = (try Desk(), try Hands())
        #expect(try read([hands.order(incident: "incident-1")], hands: hands, desk: desk) == [])
        try desk.take(alert("a1", at: morning - 1), now: morning)
        #expect(try desk.timeline("incident-1") == ["alert - Bulk requests", issued])
    }

    @Test func anOrderThatNamesItsAlertAloneComesIntoItsIncidentInEitherOrder() throws {
        for orderIsFirst in [true, false] {
            let (desk, hands) = (try Desk(), try Hands())
            let order = try hands.order(alert: "a1")
            if orderIsFirst { #expect(try read([order], hands: hands, desk: desk) == []) }
            // Another alert of the identity takes nothing.
            try desk.take(alert("a0", incident: "incident-0", at: morning - 2), now: morning)
            try desk.act(.close(reason: nil), on: "incident-0", now: morning)
            try desk.take(alert("a1", at: morning - 1), now: morning)
            if !orderIsFirst { #expect(try read([order], hands: hands, desk: desk) == []) }
            #expect(try desk.timeline("incident-1") == ["alert - Bulk requests", issued])
            #expect(try inForce(desk).count == 1)
            #expect(try desk.timeline("incident-0").count == 2)
        }
    }

    @Test func aCriticalOrderTakesTwoAndAnOrderEndsByItsTime() throws {
        let (desk, hands) = (try Desk(), try Hands())
        try desk.take(alert("a1", at: morning - 1))
        let records = [try hands.order(severity: .critical), try hands.lift(by: hands.ben)]
        #expect(try read(records, hands: hands, desk: desk) == [])
        #expect(try inForce(desk).count == 1)
        #expect(
            try desk.timeline("incident-1").last == "order ben@example.com 1 of 2 persons lift the order: false alarm")
        #expect(try read(records, hands: hands, desk: desk, now: morning + hour) == [])
        #expect(try inForce(desk).isEmpty)
        #expect(try desk.timeline("incident-1").last == "order - the order ended by its time")
        #expect(try desk.timeline("incident-1").count == 4)
        // It is over at `morning + hour` or before, and known for a quarter more.
        #expect(
            try read([], hands: hands, desk: desk, now: morning + ControlTimeline.retention - day) == [])
        #expect(try desk.count("incident_controls") == 1)
        #expect(
            try read([], hands: hands, desk: desk, now: morning + ControlTimeline.retention + hour) == [])
        #expect(try desk.count("incident_controls") == 0)
    }

    @Test func whatNobodyTrustedSignedIsInNoTimeline() throws {
        let (desk, hands) = (try Desk(), try Hands())
        try desk.take(alert("a1", at: morning - 1))
        let forged = try hands.order(by: SigningKey.generate(name: "detect"))
        #expect(try read([forged], hands: hands, desk: desk).count == 1)
        #expect(try read([SignedRecord(key: "x", value: [])], hands: hands, desk: desk).count == 1)
        #expect(try desk.timeline("incident-1").count == 1 && inForce(desk).isEmpty)
    }

    @Test func aRequestItsDecisionAndItsUseAreInTheTimelineOfWhoAsks() throws {
        let (desk, hands) = (try Desk(), try Hands())
        try desk.take(alert("a1", at: morning - 1))
        let book = ApprovalBook(keys: hands.keys)
        let request = try book.ask(
            ApprovalQuestion(
                requester: "ana", connection: "weights", operation: "checkpoint.download", resources: ["model:m"],
                accessClass: "weights", policy: "p", reason: "a checkpoint", justification: "CHG-4711", items: 3),
            now: morning
        ).request
        let asked = try request.signed(by: hands.gateway)
        let decided = try ApprovalDecision(
            requestID: request.id, by: "ben@example.com", verdict: .approve, validUntil: morning + hour, reason: "fine",
            at: morning + 1
        ).signed(by: hands.ben)
        let used = try ApprovalUse(requestID: request.id, gateway: "gateway-1", at: morning + 2).signed(
            by: hands.gateway)
        #expect(try read([asked], .approvals, hands: hands, desk: desk) == [])
        #expect(try inForce(desk) == ["pending checkpoint.download on weights model:m, 3 items"])
        // The decision before the request, and everything twice.
        for _ in 0..<2 {
            #expect(try read([decided, asked, used], .approvals, hands: hands, desk: desk) == [])
        }
        let timeline = try desk.timeline("incident-1")
        #expect(timeline.contains("approval ana asks for checkpoint.download on weights model:m, 3 items: CHG-4711"))
        #expect(timeline.contains("decision ben@example.com approved, once"))
        #expect(timeline.contains("decision - the approval was used"))
        #expect(timeline.count == 4 && inForceIsEmpty(desk))
    }

    private func inForceIsEmpty(_ desk: Desk) -> Bool { (try? inForce(desk).isEmpty) == true }
}
