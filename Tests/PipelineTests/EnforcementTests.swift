// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Foundation
import Kafka
import Orders
import Pipeline
import Signing
import Testing

/// What a rule's `respond` does in the detector process: orders that a gateway would take, and none that it should not.
@Suite("Detector process: orders", .serialized)
struct EnforcementTests {
    let key: SigningKey
    let keys: TrustedKeys

    init() throws {
        key = try SigningKey.generate(name: "detect")
        keys = try TrustedKeys([
            try TrustedKey(name: "detect", role: .automation, may: [.issue], publicText: key.publicText)
        ])
    }

    // MARK: Stage

    private static let hour: Int64 = 3_600_000

    private static let safety = OrderSafety.Settings(
        mode: .enforce, protected: ["svc-breakglass-*"], ordersPerHour: 100, sharePerHour: 0, shareFloor: 100,
        maximumTTL: 8 * hour)

    /// Every `op: x` responds, one alert per identity and half an hour.
    private func rule(_ respond: String, status: String = "stable", level: String = "high") -> String {
        """
        title: Use
        name: use
        status: \(status)
        logsource: { category: test }
        detection:
          selection: { op: x }
          condition: selection
        level: \(level)
        gatewatch:
          suppress: { episode: 30m, group-by: [identity] }
          respond: \(respond)
        """
    }

    private func service(
        _ stage: Stage, _ yaml: String, safety: OrderSafety.Settings = safety, knownIdentities: Int = 0
    ) throws -> DetectService {
        var settings = DetectSettings(
            kafka: stage.kafka, stateFolder: "\(stage.folder.path)/state", mapping: .raw, workers: 1)
        settings.enforcement = EnforcementSettings(key: key, safety: safety, knownIdentities: knownIdentities)
        return DetectService(settings: settings, detectors: try stage.detectors(yaml), logger: quiet)
    }

    private func running(_ service: DetectService, _ body: () async throws -> Void) async throws {
        let task = Task { try await service.run() }
        do {
            try await body()
        } catch {
            task.cancel()
            _ = await task.result
            throw error
        }
        task.cancel()
        try await task.value
    }

    private var now: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    /// Sends an event that happens now, or so many ms before.
    private func send(
        _ stage: Stage, _ identity: String, uid: String = UUID().uuidString.lowercased(), before: Int64 = 0,
        session: String? = nil, op: String = "x"
    ) throws {
        let time = now - before
        let actor = session.map { #","actor":{"session":{"uid":"\#($0)"}}"# } ?? ""
        try stage.send(
            key: identity,
            #"{"metadata":{"uid":"\#(uid)"},"time":\#(time),"identity":"\#(identity)","op":"\#(op)"\#(actor)}"#, time)
    }

    /// What a gateway makes of an order's record.
    private func order(_ record: TopicReader.Record) throws -> Order {
        var book = OrderBook(keys: keys, safety: OrderSafety(settings: Self.safety))
        guard case .applied(let order) = book.apply(Array(record.value.utf8), key: record.key, now: now) else {
            throw NotAnOrder(value: record.value)
        }
        return order
    }

    private struct NotAnOrder: Error { let value: String }

    private func response(_ record: TopicReader.Record) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(record.value.utf8)) as? [String: Any]
        let unmapped = object?["unmapped"] as? [String: Any]
        return try #require(unmapped?["response"] as? [String: Any])
    }

    private func read(_ reader: TopicReader, _ count: Int, _ what: String) async throws {
        try await wait(what) {
            try reader.poll()
            return reader.records.count >= count
        }
    }

    // MARK: Issued

    @Test("an alert with a response puts a signed order on its topic, which a gateway takes")
    func issued() async throws {
        let stage = try Stage(partitions: 1)
        let orders = try TopicReader(stage, "gatewatch.orders")
        let alerts = try TopicReader(stage, "gatewatch.alerts")
        let before = now
        let service = try service(
            stage,
            rule("{ action: lockdown, ttl: 4h, connections: [weights], operations: [checkpoint.*] }", level: "critical")
        )
        try send(stage, "ana", uid: "e1")
        try await running(service) {
            try await read(orders, 1, "the order")
            try await read(alerts, 1, "the alert")
        }
        let order = try order(try #require(orders.records.first))
        let alert = try #require(alerts.records.first)
        #expect(orders.records.first?.key == order.id)
        #expect(order.actions == Order.lockdown)
        #expect(order.subject == .init(type: .identity, value: "ana"))
        #expect(order.scope == .init(connections: ["weights"], operations: ["checkpoint.*"]))
        #expect(order.severity == .critical)
        #expect(order.rule == "use")
        #expect(order.alertUID == alert.finding?.uid)
        #expect(order.issuer == .init(kind: .automation, name: "detect"))
        #expect(order.issuedAt >= before && order.issuedAt <= now)
        #expect(order.expiresAt >= before + 4 * Self.hour && order.expiresAt <= order.issuedAt + 4 * Self.hour)
        let response = try response(alert)
        #expect(response["decision"] as? String == "issued")
        #expect(response["order_uid"] as? String == order.id)
        #expect(response["action"] as? String == "lockdown")
        #expect(response["ttl"] as? Int64 == 4 * Self.hour)
    }

    @Test("events that are delivered twice make one order")
    func deliveredTwice() async throws {
        let stage = try Stage(partitions: 1)
        let orders = try TopicReader(stage, "gatewatch.orders")
        let service = try service(stage, rule("{ action: block, ttl: 1h }"))
        for uid in ["e1", "e1", "e2", "e1", "e2"] { try send(stage, "ana", uid: uid) }
        try send(stage, "ben")
        try await running(service) {
            try await wait("all are committed") { service.committedRecords == 6 }
            try await read(orders, 2, "two orders")
        }
        #expect(try orders.records.map { try order($0).subject.value }.sorted() == ["ana", "ben"])
    }

    @Test("a process that ends before it commits issues the same order when it begins again")
    func sameOrderAgain() async throws {
        let stage = try Stage(partitions: 1)
        let orders = try TopicReader(stage, "gatewatch.orders")
        let alerts = try TopicReader(stage, "gatewatch.alerts")
        let yaml = rule("{ action: revoke_tokens, ttl: 1h }")
        try send(stage, "ana", uid: "e1", before: 1000)
        let first = try service(stage, yaml)
        try await running(first) { try await read(orders, 1, "the order") }
        // As after a kill in the middle: the order is out, and nothing of it is written down.
        try FileManager.default.removeItem(atPath: "\(stage.folder.path)/state")
        let second = try service(stage, yaml)
        try await running(second) {
            try await read(orders, 2, "the order again")
            try await read(alerts, 2, "the alert again")
        }
        let issued = try orders.records.map { try order($0) }
        #expect(Set(issued.map(\.id)).count == 1)
        // It may not outlive the first one: what people have lifted meanwhile would come back.
        #expect(Set(issued.map(\.expiresAt)).count == 1)
        #expect(Set(alerts.records.compactMap { $0.finding?.uid }).count == 1)
        var book = OrderBook(keys: keys, safety: OrderSafety(settings: Self.safety))
        let outcomes = orders.records.map { book.apply(Array($0.value.utf8), key: $0.key, now: now) }
        #expect(outcomes.last == .duplicate(id: issued[0].id))
    }

    @Test("an order that stood in the outbox when the process ended goes out with the next one")
    func outbox() async throws {
        let stage = try Stage(partitions: 1)
        let orders = try TopicReader(stage, "gatewatch.orders")
        let yaml = rule("{ action: block, ttl: 1h }")
        try send(stage, "ana", uid: "e1")
        let order = Order.forAlert(
            "left", actions: [.block], subject: .init(type: .identity, value: "zoe"), reason: "left behind",
            severity: .high, issuer: .init(kind: .automation, name: "detect"), issuedAt: now, ttl: Self.hour)
        do {
            let record = try order.signed(by: key)
            let store = try PartitionStore(path: "\(stage.folder.path)/state/gatewatch.audit-0.sqlite")
            var commit = PartitionStore.Commit(nextOffset: 0, newest: nil)
            commit.drafts = [
                .init(topic: "gatewatch.orders", key: Array(record.key.utf8), payload: record.value, headers: [])
            ]
            _ = try store.commit(commit)
            try store.close()
        }
        try await running(try service(stage, yaml)) { try await read(orders, 2, "both orders") }
        #expect(try orders.records.map { try self.order($0).subject.value } == ["zoe", "ana"])
    }

    @Test("a response to a session names the session and whose it is")
    func session() async throws {
        let stage = try Stage(partitions: 1)
        let orders = try TopicReader(stage, "gatewatch.orders")
        let alerts = try TopicReader(stage, "gatewatch.alerts")
        let service = try service(stage, rule("{ action: block, ttl: 1h, subject: session }"))
        try send(stage, "ana", session: "S-1")
        try send(stage, "ben")
        try await running(service) {
            try await read(orders, 1, "the order")
            try await read(alerts, 2, "both alerts")
        }
        #expect(try order(orders.records[0]).subject == .init(type: .session, value: "S-1", identity: "ana"))
        let other = try response(try #require(alerts.records.first { $0.key == "ben" }))
        #expect(other["decision"] as? String == "refused")
        #expect(other["reason"] as? String == "the event that fired names no session")
    }

    // MARK: Not issued

    @Test(
        "what may not act by itself only tells in the alert what would have been",
        arguments: [
            ("observe mode", "stable", "{ action: block, ttl: 1h }", OrderSafety.Mode.observe, "observe mode"),
            ("an experimental rule", "experimental", "{ action: block, ttl: 1h }", .enforce, "experimental"),
            ("a rule that notifies", "stable", "{ action: notify }", .enforce, "'notify'"),
        ])
    func observed(_ what: String, status: String, respond: String, mode: OrderSafety.Mode, words: String) async throws {
        var safety = Self.safety
        safety.mode = mode
        let (orders, alerts) = try await outcome(
            rule(respond, status: status), safety: safety, identities: ["ana"], alerts: 1)
        #expect(orders.isEmpty)
        let response = try response(alerts[0])
        #expect(response["decision"] as? String == "observed")
        #expect((response["reason"] as? String)?.contains(words) == true)
    }

    @Test("a protected identity gets no order, its neighbour does")
    func protected() async throws {
        let (orders, alerts) = try await outcome(
            rule("{ action: block, ttl: 1h }"), identities: ["svc-breakglass-1", "ana"], alerts: 2)
        #expect(try orders.map { try order($0).subject.value } == ["ana"])
        let response = try response(try #require(alerts.first { $0.key == "svc-breakglass-1" }))
        #expect(response["decision"] as? String == "refused")
        #expect((response["reason"] as? String)?.hasPrefix("protected: ") == true)
    }

    @Test("a TTL over the configured one is refused")
    func ttl() async throws {
        let (orders, alerts) = try await outcome(
            rule("{ action: block, ttl: 9h }"), identities: ["ana"], alerts: 1)
        #expect(orders.isEmpty)
        #expect((try response(alerts[0])["reason"] as? String)?.hasPrefix("ttl: ") == true)
    }

    @Test("an alert about what is older than the TTL issues nothing")
    func stale() async throws {
        let (orders, alerts) = try await outcome(
            rule("{ action: block, ttl: 1h }"), identities: ["ana"], before: Self.hour + 1000, alerts: 1)
        #expect(orders.isEmpty)
        #expect(try response(alerts[0])["decision"] as? String == "refused")
    }

    @Test("without enforcement a response is only told, undecided")
    func without() async throws {
        let stage = try Stage(partitions: 1)
        let alerts = try TopicReader(stage, "gatewatch.alerts")
        let service = try stage.service(rule("{ action: block, ttl: 1h }"))
        try send(stage, "ana")
        try await running(service) { try await read(alerts, 1, "the alert") }
        let response = try response(alerts.records[0])
        #expect(response["action"] as? String == "block")
        #expect(response["decision"] == nil)
    }

    @Test("a budget of three lets three orders out, then pages once, also over a restart and several partitions")
    func budget() async throws {
        let stage = try Stage(partitions: 4)
        let orders = try TopicReader(stage, "gatewatch.orders")
        let alerts = try TopicReader(stage, "gatewatch.alerts")
        var safety = Self.safety
        safety.ordersPerHour = 3
        let yaml = rule("{ action: block, ttl: 1h }")
        let first = try service(stage, yaml, safety: safety)
        for number in 0..<2 { try send(stage, "a-\(number)") }
        try await running(first) {
            try await read(orders, 2, "two orders")
            try await wait("both are committed") { first.committedRecords == 2 }
        }
        let second = try service(stage, yaml, safety: safety)
        for number in 0..<5 { try send(stage, "b-\(number)") }
        try await running(second) {
            // Two, one that is issued, four that are refused, and at least one page: the clock's hour may turn meanwhile.
            try await read(alerts, 8, "all alerts")
            try await wait("all are committed") { second.committedRecords == 5 }
            try await read(orders, 3, "the third order")
        }
        #expect(Set(orders.records.map(\.key)).count == 3)
        let pages = alerts.records.filter { $0.finding?.rule == "gw_enforcement_budget_spent" }
        #expect((1...2).contains(pages.count))
        #expect(Set(pages.compactMap { $0.finding?.uid }).count == pages.count)
        #expect(pages.allSatisfy { $0.value.contains(#""severity_id":5"#) })
        let refused = try alerts.records.filter { $0.finding?.rule == "use" }
            .filter { try response($0)["decision"] as? String == "refused" }
        #expect(refused.count == 4)
        #expect(try refused.allSatisfy { (try response($0)["reason"] as? String)?.hasPrefix("budget: ") == true })
    }

    /// Orders and alerts of some identities' events.
    private func outcome(
        _ yaml: String, safety: OrderSafety.Settings = safety, identities: [String], before: Int64 = 0,
        alerts count: Int
    ) async throws -> (orders: [TopicReader.Record], alerts: [TopicReader.Record]) {
        let stage = try Stage(partitions: 1)
        let orders = try TopicReader(stage, "gatewatch.orders")
        let alerts = try TopicReader(stage, "gatewatch.alerts")
        let service = try service(stage, yaml, safety: safety)
        for identity in identities { try send(stage, identity, before: before) }
        try await running(service) {
            try await read(alerts, count, "the alerts")
            try await wait("all are committed") { service.committedRecords == identities.count }
        }
        // An order would have gone out before its alert; the process has drained what it sent.
        let producer = stage.producer
        _ = try await producer.send(topic: "gatewatch.orders", key: nil, payload: Array("end".utf8))
        try await wait("the end of the orders") {
            try orders.poll()
            return orders.records.contains { $0.value == "end" }
        }
        return (orders.records.filter { $0.value != "end" }, alerts.records)
    }
}
