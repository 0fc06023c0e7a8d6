// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import GRDB
import Hub
import Incidents
import Kafka
import Notifications
import Orders
import Paging
import Routing
import Signing
import Synchronization
import TestSupport
import Testing
import YAMLDocument

/// A hub with incidents, beside real topics of orders and feedback.
@Suite struct IncidentTests {
    private func timeline(_ database: DatabasePool, _ incident: String) throws -> [String] {
        try database.read { try IncidentStore.timeline(of: incident, in: $0).items }.reversed()
            .map { "\($0.kind.rawValue) \($0.who ?? "-")" }
    }

    private func act(_ action: IncidentAction, on id: String, in database: DatabasePool) throws {
        _ = try database.write { db in
            try IncidentStore.routed.act(
                action, on: id, by: "ana", now: Int64(Date().timeIntervalSince1970 * 1000), in: db)
        }
    }

    @Test func anIncidentLivesFromItsFirstAlertToItsFeedback() async throws {
        try await LocalReceiver.with { receiver in
            let stage = try Stage()
            let detect = try SigningKey.generate(name: "detect")
            let hubKey = try SigningKey.generate(name: "hub-1")
            let keys = try TrustedKeys([
                TrustedKey(name: "detect", role: .automation, may: [.issue], publicText: detect.publicText),
                TrustedKey(name: "hub-1", role: .hub, may: [], publicText: hubKey.publicText),
            ])
            let configure = { (configuration: inout HubConfiguration) in
                configuration.control = ControlTopics(keys: keys)
                configuration.evidenceKey = hubKey
            }
            try await stage.send(
                finding(
                    "a1", incident: "i1", extra: #","risk_score":41,"evidences":[{"data":{"unmapped.items":"12"}}]"#))
            for payload in [finding("a2"), finding("x", status: "experimental", incident: "i2")] {
                try await stage.send(payload)
            }
            let now = Int64(Date().timeIntervalSince1970 * 1000)
            let order = try Order.forAlert(
                "a1", actions: [.block], subject: .init(type: .identity, value: "anna"), reason: "bulk",
                incidentUID: "i1",
                severity: .high, issuer: .init(kind: .automation, name: "detect"), issuedAt: now, ttl: 3_600_000
            ).signed(by: detect)
            _ = try await stage.producer.send(
                topic: "gatewatch.orders", key: Array(order.key.utf8), payload: order.value)
            let tree = try RoutingReader.configuration(
                try #require(
                    try YAMLReader.documents(
                        text: "route: { receiver: soc, group_wait: 0s, group_interval: 1s }", file: "gatewatch.yml"
                    ).first), receivers: [KnownReceiver(name: "soc")])
            let database = { try OutboxSchema.open(path: stage.databasePath) }
            try await stage.withHub(["soc": receiver.url], routing: tree, configure: configure) {
                (_: HubService) async throws in
                #expect(
                    try await eventually {
                        let lines = try timeline(database(), "i1")
                        return lines.filter { $0 == "alert -" }.count == 2 && lines.contains("order detect")
                            && lines.contains("notification soc")
                    })
                let incident = try await database().read { try IncidentStore.list(in: $0).items }
                // The experimental rule's alert is in none, the one without an incident in its identity's.
                #expect(incident.map(\.id) == ["i1"] && incident.first?.riskScore == 41)
                try act(.dispose(.isFalse, reason: "a test"), on: "i1", in: database())
                try act(.close(reason: nil), on: "i1", in: database())
                // Those that were told hear that it is over.
                #expect(
                    try await eventually {
                        receiver.requests.contains { String(decoding: $0.body, as: UTF8.self).contains("resolved") }
                    })
                #expect(
                    try await eventually {
                        try database().read { try Feedback.waiting(in: $0) }.isEmpty
                    })
            }
            // What a killed hub had sent and not yet forgotten is sent again, the same under the same key.
            let before = try timeline(database(), "i1")
            try await database().write { db in
                try db.execute(sql: "INSERT INTO feedback_outbox (alert_id, value) VALUES ('a1', '{\"again\":1}')")
            }
            try await stage.withHub(["soc": receiver.url], routing: tree, configure: configure) {
                (_: HubService) async throws in
                #expect(
                    try await eventually {
                        try database().read { try Feedback.waiting(in: $0) }.isEmpty
                    })
            }
            #expect(
                try timeline(database(), "i1").filter { $0 != "notification soc" }
                    == before.filter { $0 != "notification soc" })
            #expect(
                try feedback(stage) == ["a1 false", "a1 again", "a2 false"])
        }
    }

    @Test func pagerDutyHearsOfTriggerAcknowledgeAndResolveInThisOrderAndEachOnce() async throws {
        // Busy at first: what comes behind waits for what is before it.
        try await LocalReceiver.with({ _, before in .init(status: before == 0 ? 503 : 202) }) { receiver in
            let stage = try Stage()
            let key = String(repeating: "k", count: 32)
            let pager = Receiver(
                name: "soc",
                integrations: [
                    .init(
                        target: try HTTPTarget(
                            name: "soc-pagerduty", url: Secret(receiver.url), service: .pagerDuty,
                            routingKey: Secret(key), options: .init(addresses: .allowingPrivate)),
                        format: .pagerDuty(MessageTemplates()), sendsResolved: true),
                    // A chat hears of the alert, not of who takes it.
                    .init(
                        target: try HTTPTarget(
                            name: "soc-slack", url: Secret(receiver.url + "-slack"), service: .slack,
                            options: .init(addresses: .allowingPrivate)),
                        format: .slack(MessageTemplates()), sendsResolved: false),
                ])
            let tree = try RoutingReader.configuration(
                try #require(
                    try YAMLReader.documents(
                        text: "route: { receiver: soc, group_wait: 0s, group_interval: 1s }", file: "gatewatch.yml"
                    ).first), receivers: [KnownReceiver(name: "soc")])
            let database = { try OutboxSchema.open(path: stage.databasePath) }
            /// What was delivered: action and key, without repeats of one that failed.
            let events = {
                let all = try receiver.requests.filter { !$0.path.contains("slack") }.map { request in
                    let event = try JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]
                    #expect(event?["routing_key"] as? String == key)
                    return "\(event?["event_action"] ?? "-") \(event?["dedup_key"] ?? "-")"
                }
                return zip(all, [""] + all).filter { $0 != $1 }.map(\.0)
            }
            try await stage.send(finding("a1", incident: "i1"))
            try await stage.withHub([pager], routing: tree) { (hub: HubService) async throws in
                #expect(
                    try await eventually { try database().read { try IncidentStore.list(in: $0).items.count } == 1 })
                try act(.assign("ana"), on: "i1", in: database())
                hub.wake()
                #expect(try await eventually { try events().count == 2 })
                // In other hands: PagerDuty knows that somebody has it.
                try act(.assign("ben"), on: "i1", in: database())
                try act(.close(reason: nil), on: "i1", in: database())
                hub.wake()
                #expect(try await eventually { try events().last == "resolve i1" })
                #expect(try events() == ["trigger i1", "acknowledge i1", "resolve i1"])
                let told = try await database().read { try IncidentStore.timeline(of: "i1", in: $0).items }
                    .filter { $0.kind == .notification }.compactMap(\.text).reversed()
                #expect(Array(told) == ["firing, one alert", "acknowledged, one alert", "resolved, one alert"])
            }
            #expect(Set(receiver.requests.filter { $0.path.contains("slack") }.map(\.body)).count == 1)
        }
    }

    /// Key and disposition of every record, by key and in their order.
    private func feedback(_ stage: Stage) throws -> [String] {
        let reader = try KafkaTopicReader(properties: stage.kafka, topics: ["gatewatch.feedback"], logger: quiet)
        defer { reader.close() }
        var records: [String] = []
        while !reader.isCaughtUp {
            _ = try reader.poll(timeoutMilliseconds: 100) { record in
                let value = record.payload.map { String(decoding: $0, as: UTF8.self) } ?? ""
                let key = record.key.map { String(decoding: $0, as: UTF8.self) } ?? ""
                records.append(
                    "\(key) \(value.contains("again") ? "again" : value.contains(#""disposition":"false""#) ? "false" : value)"
                )
            }
        }
        return records.enumerated().sorted { ($0.element.prefix(2), $0.offset) < ($1.element.prefix(2), $1.offset) }
            .map(\.element)
    }
}
