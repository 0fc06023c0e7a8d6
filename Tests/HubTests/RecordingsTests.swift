// SPDX-License-Identifier: Apache-2.0

import Foundation
import Hub
import Kafka
import Paging
import Recordings
import Signing
import Telemetry
import TestSupport
import Testing

/// Recordings from the topic to the file.
@Suite struct RecordingsFollowerTests {
    private func recording(_ number: Int) -> [UInt8] {
        var recording = Recording(
            uid: "uid-\(number)", at: 1_795_075_200_000 + Int64(number), operation: "vectors.query", method: "POST",
            path: "/vectors/\(number)", status: 200, decision: .allowed)
        recording.identity = "ana@example.com"
        recording.session = "s-1"
        return recording.json
    }

    private func withHub(_ stage: Stage, key: SigningKey, _ body: (HubService) async throws -> Void) async throws {
        let path = stage.folder.appendingPathComponent("recordings.sqlite").path
        try await stage.withHub(
            [:],
            configure: {
                $0.recordings = RecordingsConfiguration(kafka: stage.kafka, databasePath: path, key: key)
            }, body)
    }

    @Test func everyRecordingIsKeptOnceAcrossRestarts() async throws {
        let stage = try Stage()
        try stage.broker.createTopic("gatewatch.recordings", partitions: 2)
        let key = try SigningKey.generate(name: "hub-1")
        let keys = try TrustedKeys([
            TrustedKey(name: "hub-1", role: .hub, may: [], publicText: key.publicText)
        ])
        func send(_ numbers: Range<Int>) async throws {
            for number in numbers {
                _ = try await stage.producer.send(
                    topic: "gatewatch.recordings", key: Array("key-\(number % 5)".utf8), payload: recording(number))
            }
        }
        try await send(0..<300)
        try await withHub(stage, key: key) { hub in
            let store = try #require(hub.recordings)
            #expect(try await eventually { try store.size().recordings == 300 })
            _ = try await stage.producer.send(
                topic: "gatewatch.recordings", key: [1], payload: Array("no recording".utf8))
            // Sent again by a gateway that was killed.
            try await send(290..<310)
            #expect(try await eventually { try store.size().recordings == 310 })
            #expect(hub.health().checks.first { $0.name == "recordings" }?.healthy == true)
            #expect(stage.metric("gatewatch_hub_recordings_total{outcome=\"unreadable\"}") == 1)
        }
        try await send(310..<320)
        try await withHub(stage, key: key) { hub in
            let store = try #require(hub.recordings)
            #expect(try await eventually { try store.size().recordings == 320 })
            let report = try store.verify(keys: keys)
            #expect(report.fault == nil && report.count == 320)
            #expect(try store.sessions().items.first?.exchanges == 320)
            // Read on, not anew.
            #expect(stage.metric("gatewatch_hub_recordings_total{outcome=\"repeated\"}") == 10)
        }
    }
}
