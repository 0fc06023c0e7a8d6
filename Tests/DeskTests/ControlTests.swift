// SPDX-License-Identifier: Apache-2.0

import Approvals
import Desk
import Foundation
import GRDB
import Hub
import Incidents
import Kafka
import Orders
import Paging
import ServiceLifecycle
import Signing
import TestSupport
import Testing

/// Orders and approvals through a real topic, as a gateway reads it.
@Suite struct ControlTests {
    private let ben = person("ben", .approver, groups: ["soc"])
    private let cleo = person("cleo", .approver)

    private struct Stage {
        let broker: EmbeddedBroker
        let office: Office
        let keys: TrustedKeys
        let aliases = IdentityAliases([["ana@example.com", "ana.w"]])
        let gateway: SigningKey
        let detect: SigningKey
        let producer: KafkaProducer
        private let group: ServiceGroup
        private let running: Task<Void, any Error>

        init(may: Set<TrustedKey.Permission> = [.issue, .lift, .approve]) async throws {
            broker = try EmbeddedBroker(topics: [
                ("gatewatch.alerts", 1), ("gatewatch.orders", 1), ("gatewatch.approvals", 1), ("gatewatch.feedback", 1),
                ("gatewatch.audit", 1),
            ])
            gateway = try SigningKey.generate(name: "gateway-1")
            detect = try SigningKey.generate(name: "detect")
            let hub = try SigningKey.generate(name: "hub-1")
            keys = try TrustedKeys([
                TrustedKey(name: "hub-1", role: .hub, may: may, publicText: hub.publicText),
                TrustedKey(name: "gateway-1", role: .gateway, may: [], publicText: gateway.publicText),
                TrustedKey(name: "detect", role: .automation, may: [.issue], publicText: detect.publicText),
            ])
            let kafka = broker.clientProperties
            producer = try KafkaProducer(properties: kafka, logger: quiet)
            let office = try Office(
                kafka: kafka, control: ControlTopics(keys: keys, aliases: aliases), key: hub,
                countsActivity: true)
            self.office = office
            let group = ServiceGroup(services: [office.hub], logger: quiet)
            self.group = group
            running = Task { try await group.run() }
            _ = try await eventually { office.hub.books?.isCaughtUp == true }
        }

        func stop() async throws {
            await group.triggerGracefulShutdown()
            try await running.value
            producer.close()
            broker.close()
        }

        func send(_ record: SignedRecord, _ topic: String) async throws {
            _ = try await producer.send(topic: topic, key: Array(record.key.utf8), payload: record.value)
        }

        /// A critical order of the detector's.
        func order(on identity: String) async throws -> String {
            let order = Order.forAlert(
                "a1", actions: Order.lockdown, subject: .init(type: .identity, value: identity), reason: "bulk",
                severity: .critical, issuer: .init(kind: .automation, name: "detect"), issuedAt: office.now,
                ttl: hour)
            try await send(order.signed(by: detect), "gatewatch.orders")
            _ = try await eventually {
                try office.hub.database.read { try ControlRecord.find(order.id, .order, in: $0) } != nil
            }
            return order.id
        }

        func request(_ requester: String, needed: Int = 1, approvers: [String] = []) async throws -> String {
            let request = try ApprovalBook(keys: keys).ask(
                ApprovalQuestion(
                    requester: requester, connection: "weights", operation: "checkpoint.download",
                    resources: ["checkpoint:m"], accessClass: "weights", policy: "p", reason: "a checkpoint",
                    needed: needed, approvers: approvers), now: office.now
            ).request
            try await send(request.signed(by: gateway), "gatewatch.approvals")
            _ = try await eventually {
                try office.hub.database.read { try ControlRecord.find(request.id, .approval, in: $0) } != nil
            }
            return request.id
        }

        /// A topic as a gateway that starts fresh reads it.
        private func records(_ topic: String) throws -> [(String, [UInt8]?)] {
            let reader = try KafkaTopicReader(properties: broker.clientProperties, topics: [topic], logger: quiet)
            defer { reader.close() }
            var records: [(String, [UInt8]?)] = []
            while !reader.isCaughtUp {
                _ = try reader.poll(timeoutMilliseconds: 100) { record in
                    records.append(
                        (record.key.map { String(decoding: $0, as: UTF8.self) } ?? "", record.payload.map { Array($0) })
                    )
                }
            }
            return records
        }

        func orders() throws -> OrderBook {
            var book = OrderBook(
                keys: keys, aliases: aliases,
                safety: OrderSafety(settings: .init(mode: .enforce, maximumTTL: Order.maximumTTL)), knownIdentities: 10)
            for (key, value) in try records("gatewatch.orders") { _ = book.apply(value, key: key, now: office.now) }
            return book
        }

        func approvals() throws -> ApprovalBook {
            var book = ApprovalBook(keys: keys, aliases: aliases)
            for (key, value) in try records("gatewatch.approvals") { _ = book.apply(value, key: key, now: office.now) }
            return book
        }
    }

    private func draft(_ subject: String = "eve@example.com") -> OrderDraft {
        OrderDraft(
            actions: Order.lockdown, subject: .init(type: .identity, value: subject), reason: "token on a pastebin",
            severity: .critical, lifetime: 4 * hour)
    }

    @Test func aPersonIssuesAndTwoLift() async throws {
        let stage = try await Stage()
        let desk = stage.office.desk
        try stage.office.alert("a1", identity: "eve@example.com")
        var draft = draft()
        draft.incident = "incident-1"
        let order = try await desk.issue(draft, by: ben)
        #expect(order.state == "active" && order.who == "ben@example.com" && order.needed == 2)
        #expect(order.incident == "incident-1" && order.order?.subject.value == "eve@example.com")
        #expect(try stage.orders().status(order.id, now: stage.office.now)?.status == .active)
        #expect(try await desk.overview(for: ben).ordersInForce == 1)
        let half = try await desk.lift(order.id, reason: "false alarm", by: ben)
        #expect(half.state == "active" && half.words.map(\.by) == ["ben@example.com"])
        #expect(await error { _ = try await desk.lift(order.id, reason: "again", by: ben) }?.code == "refused")
        let whole = try await desk.lift(order.id, reason: "false alarm", by: cleo)
        #expect(whole.state == "lifted" && whole.words.count == 2)
        #expect(try stage.orders().status(order.id, now: stage.office.now)?.status == .lifted)
        #expect(await error { _ = try await desk.lift(order.id, reason: "again", by: cleo) }?.code == "refused")
        let timeline = try await desk.timeline(of: "incident-1", for: ben).items.map {
            "\($0.kind.rawValue) \($0.who ?? "-")"
        }
        #expect(timeline.filter { $0.hasPrefix("order") }.count == 3)
        #expect(
            try stage.office.evidence() == [
                "ben@example.com order.issue \(order.id)", "ben@example.com order.lift \(order.id)",
                "cleo@example.com order.lift \(order.id)",
            ])
        try await stage.stop()
    }

    @Test func nobodyActsOnTheirOwnUnderAnyNameAndNothingIsSent() async throws {
        let stage = try await Stage()
        let desk = stage.office.desk
        let order = try await stage.order(on: "ana.w")
        let request = try await stage.request("ana.w")
        // Her name in the directory, and one that only the login knows.
        for ana in [person("ana", .approver), person("someone", .approver, aliases: ["ANA.W"])] {
            #expect(
                await error { _ = try await desk.lift(order, reason: "x", by: ana) }?.description.contains(
                    "nobody lifts") == true)
            #expect(
                await error { _ = try await desk.decide(request, .approve, reason: "x", by: ana) }?.description
                    .contains("nobody decides") == true)
        }
        #expect(try stage.orders().status(order, now: stage.office.now)?.lifts.isEmpty == true)
        #expect(try stage.approvals().status(request, now: stage.office.now)?.code == "pending")
        #expect(try stage.office.evidence().isEmpty)
        try await stage.stop()
    }

    @Test func requestsAreDecidedByWhoMay() async throws {
        let stage = try await Stage()
        let (desk, now) = (stage.office.desk, stage.office.now)
        let request = try await stage.request("eve@example.com", approvers: ["soc"])
        #expect(try await desk.controls(.approval, states: ["pending"], for: ben).items.map(\.id) == [request])
        // Cleo is not of the group.
        #expect(await error { _ = try await desk.decide(request, .approve, reason: "x", by: cleo) }?.code == "refused")
        let approved = try await desk.decide(request, .approve, kind: .window, lifetime: hour, reason: "fine", by: ben)
        #expect(approved.state == "approved" && approved.words.first?.kind == "window")
        #expect(approved.until == now + hour)
        #expect(try stage.approvals().status(request, now: now)?.code == "approved")
        #expect(await error { _ = try await desk.decide(request, .approve, reason: "x", by: ben) }?.code == "refused")
        #expect(try await desk.decide(request, .deny, reason: "changed my mind", by: ben).state == "denied")
        #expect(try stage.approvals().status(request, now: now)?.code == "denied")
        #expect(await error { _ = try await desk.decide("none", .deny, reason: "x", by: ben) }?.code == "unknown")
        #expect(
            await error {
                _ = try await desk.decide(StableID.uuid(["none"]), .deny, reason: "x", by: ben)
            }?.code == "unknown")
        #expect(
            await error {
                _ = try await desk.decide(request, .approve, lifetime: 8 * day, reason: "x", by: ben)
            }?.code == "invalid")
        #expect(try stage.office.evidence().count == 2)
        try await stage.stop()
    }

    @Test func anOrderThatMakesNoSenseIsNotSent() async throws {
        let stage = try await Stage()
        let desk = stage.office.desk
        var drafts = [
            draft(""), draft("a\u{1B}[2J"), draft(String(repeating: "x", count: 513)), draft(), draft(), draft(),
            draft(),
        ]
        // As long as no event was counted, nobody knows which connections there are.
        #expect(try await desk.connections(for: ben).isEmpty)
        let event = """
            {"class_uid":6003,"time":1795132800000,"metadata":{"uid":"e"},"actor":{"user":{"uid":"ana"}},
            "api":{"operation":"vectors.query","service":{"name":"weights"}}}
            """
        _ = try await stage.producer.send(
            topic: "gatewatch.audit", key: nil, payload: Array(event.replacing("\n", with: "").utf8))
        #expect(try await eventually { try await desk.connections(for: ben) == ["weights"] })
        drafts[3].lifetime = 59_999
        drafts[4].lifetime = Order.maximumTTL + 1
        drafts[5].scope = .init(operations: ["nothing.like.it"])
        drafts[6].scope = .init(connections: ["nowhere"])
        for draft in drafts + [OrderDraft(actions: [], subject: draft().subject, reason: "x", lifetime: hour)] {
            #expect(await error { _ = try await desk.issue(draft, by: ben) }?.code == "invalid")
        }
        #expect(try stage.orders().count == 0 && stage.office.evidence().isEmpty)
        try await stage.stop()
    }

    @Test func aHubWhoseKeyMayNotSaysSo() async throws {
        let stage = try await Stage(may: [.approve])
        let desk = stage.office.desk
        #expect(desk.obstacle(to: .decideApprovals) == nil && desk.obstacle(to: .read) == nil)
        #expect(desk.obstacle(to: .issueOrders)?.contains("may: [issue]") == true)
        #expect(await error { _ = try await desk.issue(draft(), by: ben) }?.code == "refused")
        #expect(await error { _ = try await desk.lift(StableID.uuid(["x"]), reason: "x", by: ben) }?.code == "refused")
        try await stage.stop()
        // One without keys, and one that has not read the topics yet.
        #expect(await error { _ = try await Office().desk.issue(draft(), by: ben) }?.code == "refused")
        let key = try SigningKey.generate(name: "hub-1")
        let keys = try TrustedKeys([TrustedKey(name: "hub-1", role: .hub, may: [.issue], publicText: key.publicText)])
        let early = try Office(control: ControlTopics(keys: keys), key: key)
        #expect(await error { _ = try await early.desk.issue(draft(), by: ben) }?.code == "unavailable")
    }
}
