// SPDX-License-Identifier: Apache-2.0

import Activity
import AuditEvent
import Following
import Foundation
import GRDB
import Kafka
import Telemetry
import TestSupport
import Testing

/// The thread beside a real broker.
@Suite(.serialized) struct FollowerTests {
    @Test func aHubCountsOnWhereItWasAndFromTheBeginningWithoutItsFile() async throws {
        let broker = try EmbeddedBroker(topics: [(topic, 2)])
        defer { broker.close() }
        let producer = try KafkaProducer(
            properties: KafkaProperties(["bootstrap.servers": broker.bootstrapServers]), logger: quiet)
        defer { producer.close() }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("follower-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let metrics = PrometheusMetrics()
        let configuration = ActivityFollower.Configuration(
            kafka: KafkaProperties(["session.timeout.ms": "6000", "heartbeat.interval.ms": "500"]).merging(
                broker.clientProperties),
            databasePath: folder.appendingPathComponent("activity.sqlite").path,
            settings: ActivitySettings(mapping: try Mapping.named("ocsf")))
        func send(_ number: Int) async throws {
            var event = Event()
            event.uid = "e\(number)"
            event.identity = "person-\(number % 5)"
            _ = try await producer.send(topic: topic, key: Array("\(number % 5)".utf8), payload: event.json)
        }
        func run(until total: Int64, group: String, _ body: () async throws -> Void = {}) async throws {
            var configuration = configuration
            configuration.group = group
            let follower = try ActivityFollower(configuration: configuration, logger: quiet, metrics: metrics)
            follower.follower.start()
            try await body()
            let isDone = try await eventually {
                try follower.store.read { try ActivityStore.total(in: 0..<midnight + 100 * day, in: $0).events }
                    >= total
            }
            #expect(isDone, "\(follower.follower.health)")
            #expect(follower.follower.health.healthy)
            await follower.follower.stop()
            #expect(
                try follower.store.read { try ActivityStore.total(in: 0..<midnight + 100 * day, in: $0).events }
                    == total)
        }
        // Another group each time: the embedded broker keeps the place of a member that left for its session.
        for number in 0..<50 { try await send(number) }
        try await run(until: 60, group: "one") { for number in 50..<60 { try await send(number) } }
        try await run(until: 70, group: "two") { for number in 60..<70 { try await send(number) } }
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: configuration.databasePath + suffix)
        }
        // The group's offsets say that all was read; the file that is not there says that nothing was.
        try await run(until: 70, group: "one")
        #expect(metrics.render().contains("gatewatch_hub_activity_events_total{outcome=\"counted\"} 140"))
    }
}
