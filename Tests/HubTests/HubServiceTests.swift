// SPDX-License-Identifier: Apache-2.0
import Delivery
import Foundation
import GRDB
import Hub
import Kafka
import Telemetry
import TestSupport
import Testing

@Suite struct HubServiceTests {
    @Test func anAlertIsStoredAndDeliveredToEveryTarget() async throws {
        try await LocalReceiver.with { receiver in
            let stage = try Stage()
            let json = finding("a1", extra: ",  \"note\" : 1.50 ")
            try await stage.send(" \(json)\n")
            try await stage.withHub(["siem": receiver.url, "soc": receiver.url]) { (hub: HubService) async throws in
                #expect(try await eventually { receiver.ids.count == 2 })
                let stored = try #require(try hub.alerts().first)
                #expect(stored.id == "a1" && stored.identity == "anna" && stored.severity == 4)
                #expect(stored.rule == "bulk-requests" && stored.time == 1_614_265_330_005)
                let kept = try await hub.database.read { try StoredAlerts.find("a1", in: $0) }
                #expect(kept?.finding == json)
                #expect(try await eventually { hub.health().checks.allSatisfy(\.healthy) })
            }
            #expect(receiver.ids == ["msg_a1", "msg_a1"])
            for request in receiver.requests {
                try request.verify()
                // The finding is in it as it came, byte for byte.
                let expected =
                    #"{"type":"gatewatch.alert.created","timestamp":"2021-02-25T15:02:10.005Z","data":"# + json + "}"
                #expect(String(decoding: request.body, as: UTF8.self) == expected)
            }
            #expect(stage.metric("gatewatch_hub_alerts_total{outcome=\"stored\"}") == 1)
        }
    }

    @Test func repeatsAreDroppedAlsoWhenTheTopicIsReadAgain() async throws {
        try await LocalReceiver.with { receiver in
            let stage = try Stage()
            for id in ["a1", "a1", "a2", "a1"] { try await stage.send(finding(id)) }
            try await stage.withHub(["soc": receiver.url]) { (hub: HubService) async throws in
                #expect(try await eventually { receiver.ids.count == 2 })
                #expect(
                    try await eventually { stage.metric("gatewatch_hub_alerts_total{outcome=\"repeated\"}") == 2 })
            }
            // Another group has no offsets: every alert comes once more.
            try await stage.withHub(["soc": receiver.url], group: "again") { (hub: HubService) async throws in
                #expect(
                    try await eventually { stage.metric("gatewatch_hub_alerts_total{outcome=\"repeated\"}") == 6 })
                #expect(try hub.alerts().map(\.id).sorted() == ["a1", "a2"])
            }
            #expect(receiver.ids.sorted() == ["msg_a1", "msg_a2"])
        }
    }

    @Test func theNextRunGoesOnWhereTheLastOneStopped() async throws {
        try await LocalReceiver.with { receiver in
            let stage = try Stage()
            try await stage.send(finding("a1"))
            try await stage.withHub(["soc": receiver.url]) { (_: HubService) async throws in
                #expect(try await eventually { receiver.ids == ["msg_a1"] })
            }
            try await stage.send(finding("a2"))
            try await stage.withHub(["soc": receiver.url]) { (_: HubService) async throws in
                #expect(try await eventually { receiver.ids == ["msg_a1", "msg_a2"] })
            }
            #expect(stage.metric("gatewatch_hub_alerts_total{outcome=\"repeated\"}") == 0)
        }
    }

    @Test func unreadableAlertsAreKeptAndPassedOver() async throws {
        try await LocalReceiver.with { receiver in
            let stage = try Stage()
            let good = finding("a1")
            let bad: [[UInt8]?] = [
                nil, [], Array("{".utf8), Array("[1]".utf8), Array(repeating: 0, count: 100), [0xFF, 0xFE, 0x7B],
                Array(good.dropLast(5).utf8), Array(good.replacing("2004,", with: "6003,").utf8),
                Array(good.replacing("\"uid\":\"a1\"", with: "\"uid\":7").utf8),
                Array(good.replacing("\"uid\":\"a1\"", with: "\"uid\":\"\"").utf8),
                Array(good.replacing("1614265330005", with: "\"noon\"").utf8),
                Array(String(repeating: "{\"a\":", count: 100_000).utf8),
                Array(finding("big", title: String(repeating: "x", count: 1_100_000)).utf8),
                Array(finding(String(repeating: "y", count: 300)).utf8),
            ]
            for payload in bad { try await stage.send(payload) }
            try await stage.send(good)
            try await stage.withHub(["soc": receiver.url]) { (hub: HubService) async throws in
                #expect(try await eventually { receiver.ids == ["msg_a1"] })
                #expect(try hub.unreadableCount() == bad.count)
                #expect(try hub.alerts().map(\.id) == ["a1"])
                #expect(hub.health().isHealthy)
            }
            #expect(stage.metric("gatewatch_hub_alerts_total{outcome=\"unreadable\"}") == bad.count)
            let kept = try OutboxSchema.open(path: stage.databasePath).read { db in
                try Row.fetchAll(db, sql: "SELECT * FROM unreadable_alerts ORDER BY record_offset")
            }
            #expect(kept.map { $0["record_offset"] as Int64 } == Array(0..<Int64(bad.count)))
            #expect(
                kept.allSatisfy { ($0["reason"] as String).hasPrefix("it") && ($0["topic"] as String) == alertsTopic })
            #expect((kept[7]["reason"] as String).contains("6003"))
            #expect((kept[8]["reason"] as String).contains("finding_info.uid"))
        }
    }

    @Test func experimentalRulesAreStoredAndNotDelivered() async throws {
        try await LocalReceiver.with { receiver in
            let stage = try Stage()
            try await stage.send(finding("a1", status: "experimental"))
            try await stage.send(finding("a2", status: "stable"))
            try await stage.withHub(["soc": receiver.url]) { (hub: HubService) async throws in
                #expect(try await eventually { receiver.ids == ["msg_a2"] })
                #expect(try hub.alerts().map(\.ruleStatus) == ["experimental", "stable"])
                #expect(try hub.outbox.deliveries().map(\.messageID) == ["msg_a2"])
            }
        }
    }

    @Test func alertsOfOneIdentityArriveInOrderAndIDsAreMadeFit() async throws {
        try await LocalReceiver.with({ request, before in
            .init(status: before < 2 && request.id == "msg_a0" ? 503 : 200)
        }) { receiver in
            let stage = try Stage()
            for index in 0..<5 { try await stage.send(finding("a\(index)")) }
            try await stage.send(finding("r.1/ü_x", identity: nil), key: "other")
            try await stage.withHub(["soc": receiver.url]) { (hub: HubService) async throws in
                #expect(try await eventually { try hub.outbox.deliveries(state: .delivered).count == 6 })
            }
            let ids = receiver.ids
            #expect(ids.filter { $0.hasPrefix("msg_") } == [0, 0, 0, 1, 2, 3, 4].map { "msg_a\($0)" })
            #expect(ids.contains("msgx_r_2e1_2f_c3_bc_5fx"))
        }
    }

    @Test func whileTheDatabaseFailsNothingIsCommittedAndNothingLost() async throws {
        try await LocalReceiver.with { receiver in
            let stage = try Stage()
            try await stage.withHub(["soc": receiver.url]) { (hub: HubService) async throws in
                let other = try OutboxSchema.open(path: stage.databasePath)
                try await other.write { db in
                    try db.execute(
                        sql: """
                            CREATE TRIGGER disk_full BEFORE INSERT ON deliveries
                            BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END
                            """)
                }
                try await stage.send(finding("a1"))
                try await stage.send(finding("a2"))
                #expect(try await eventually { !hub.health().isHealthy && hub.health().json.contains("disk is full") })
                #expect(try hub.alerts().isEmpty)
                try await other.write { db in try db.execute(sql: "DROP TRIGGER disk_full") }
                #expect(try await eventually { receiver.ids == ["msg_a1", "msg_a2"] })
                #expect(try await eventually { hub.health().isHealthy })
                // It goes on reading.
                try await stage.send(finding("a3"))
                #expect(try await eventually { receiver.ids.count == 3 })
            }
        }
    }

    @Test func aHubStoppedWhileTheDatabaseFailsReadsTheAlertsAgain() async throws {
        try await LocalReceiver.with { receiver in
            let stage = try Stage()
            try await stage.withHub(["soc": receiver.url]) { (hub: HubService) async throws in
                try await OutboxSchema.open(path: stage.databasePath).write { db in
                    try db.execute(
                        sql: "CREATE TRIGGER disk_full BEFORE INSERT ON alerts BEGIN SELECT RAISE(ABORT, 'full'); END")
                }
                try await stage.send(finding("a1"))
                #expect(try await eventually { !hub.health().isHealthy && hub.health().json.contains("full") })
            }
            try await OutboxSchema.open(path: stage.databasePath).write { db in
                try db.execute(sql: "DROP TRIGGER disk_full")
            }
            try await stage.withHub(["soc": receiver.url]) { (_: HubService) async throws in
                #expect(try await eventually { receiver.ids == ["msg_a1"] })
            }
        }
    }

    @Test func aBrokerThatGoesAwayAndReturnsLosesNothing() async throws {
        try await LocalReceiver.with { receiver in
            let stage = try Stage()
            try await stage.send(finding("a1"))
            try await stage.withHub(["soc": receiver.url]) { (hub: HubService) async throws in
                #expect(try await eventually { receiver.ids == ["msg_a1"] })
                try stage.broker.setDown()
                async let sent: Void = stage.send(finding("a2"))
                #expect(hub.health().isHealthy)
                try stage.broker.setUp()
                try await sent
                #expect(try await eventually { receiver.ids == ["msg_a1", "msg_a2"] })
            }
        }
    }

    @Test func aFailingTargetDegradesTheHealthAndIsNamedInIt() async throws {
        try await LocalReceiver.with({ _, _ in .init(status: 410) }) { receiver in
            let stage = try Stage()
            try await stage.send(finding("a1"))
            try await stage.withHub(["soc": receiver.url]) { (hub: HubService) async throws in
                #expect(try await eventually { try hub.outbox.deliveries(state: .dead).count == 1 })
                let report = hub.health()
                #expect(report.isHealthy)
                let target = try #require(report.checks.first { $0.name == "target soc" })
                #expect(!target.healthy && target.detail.contains("disabled"))
            }
        }
    }

    @Test func aFolderThatIsNotThereIsNamedInTheError() throws {
        let error = #expect(throws: HubError.self) {
            try HubService(
                configuration: HubConfiguration(
                    kafka: KafkaProperties(["bootstrap.servers": "127.0.0.1:1"]), databasePath: "/nowhere/hub.sqlite",
                    receivers: []), logger: quiet, metrics: PrometheusMetrics())
        }
        #expect(error?.description.contains("/nowhere/hub.sqlite") == true)
    }

    @Test func aWrongKafkaPropertyEndsTheRunWithItsName() async throws {
        let stage = try Stage()
        var kafka = stage.kafka
        kafka.values["no.such.property"] = "1"
        let hub = try HubService(
            configuration: HubConfiguration(kafka: kafka, databasePath: stage.databasePath, receivers: []),
            logger: quiet,
            metrics: stage.metrics)
        let error = await #expect(throws: KafkaError.self) { try await hub.run() }
        #expect(error?.description.contains("no.such.property") == true)
    }
}
