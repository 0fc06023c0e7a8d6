// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Foundation
import Kafka
import Pipeline
import Testing

/// What happens to the state when others take it, when the topic changes under it, and when nothing comes any more.
@Suite("Detector process: recovery", .serialized)
struct RecoveryTests {
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

    private func service(_ stage: Stage, state: String, _ yaml: String = threeRule, lateness: Int64 = 60_000) throws
        -> DetectService
    {
        var settings = DetectSettings(kafka: stage.kafka, stateFolder: state, mapping: .raw, workers: 1)
        settings.lateness = lateness
        return DetectService(settings: settings, detectors: try stage.detectors(yaml), logger: quiet)
    }

    @Test("commits what it has read to the group as well")
    func groupOffsets() async throws {
        let stage = try Stage(partitions: 2)
        let service = try stage.service(threeRule)
        for index in 0..<10 { try stage.send("person-\(index)", 0) }
        try await running(service) { try await wait("all are committed") { service.committedRecords == 10 } }

        let consumer = try KafkaConsumer(
            properties: stage.kafka, group: "gatewatch-detect", topics: ["unrelated"], logger: quiet)
        let partitions = (0..<2).map { TopicPartition(topic: "gatewatch.audit", partition: Int32($0)) }
        #expect(try consumer.committed(partitions).values.reduce(0, +) == 10)
        consumer.close()
    }

    @Test("reads a topic that was deleted and made again from its beginning")
    func topicMadeAnew() async throws {
        let folder = try TemporaryFolder()
        let old = try Stage(partitions: 1)
        let first = try service(old, state: folder.path)
        for second in 0..<20 { try old.send("ana", Int64(second), "other") }
        try old.send("ben", 20)
        try await running(first) { try await wait("all are committed") { first.committedRecords == 21 } }

        let new = try Stage(partitions: 1)
        let reader = try TopicReader(new, "gatewatch.alerts")
        let second = try service(new, state: folder.path)
        try new.send("ben", 21)
        try new.send("ben", 22)
        try await running(second) {
            try await wait("the alert of the events before and after") {
                try reader.poll()
                return !reader.records.isEmpty
            }
        }
        #expect(second.committedRecords == 2)
    }

    @Test("lets go of a partition that another process has taken over, and goes on with the others")
    func fenced() async throws {
        let folder = try TemporaryFolder()
        let stage = try Stage(partitions: 2)
        let reader = try TopicReader(stage, "gatewatch.alerts")
        let service = try service(stage, state: folder.path)
        // Found by trying: which partition an identity is in is the partitioner's business.
        let identities = (0..<20).map { "person-\($0)" }
        for identity in identities { try stage.send(identity, 0) }
        try await running(service) {
            try await wait("all are committed") { service.committedRecords == 20 }
            let taken = try PartitionStore(path: "\(folder.path)/gatewatch.audit-0.sqlite")
            let offset = try #require(try taken.load()).nextOffset
            for identity in identities {
                try stage.send(identity, 1)
                try stage.send(identity, 2)
            }
            let others = 20 - Int(offset)
            try #require(offset > 0 && others > 0)
            try await wait("the other partition goes on") { service.committedRecords == 20 + 2 * others }
            try await wait("its alerts arrive") {
                try reader.poll()
                return reader.records.count >= others
            }
            #expect(try taken.load()?.nextOffset == offset)
            #expect(try taken.outgoing().isEmpty)
        }
        #expect(service.alertCount == reader.records.count)
    }

    @Test("announces what waited for late events when a partition falls silent")
    func silence() async throws {
        let folder = try TemporaryFolder()
        let stage = try Stage(partitions: 1)
        let reader = try TopicReader(stage, "gatewatch.alerts")
        let rare = threeRule.replacingOccurrences(of: "gte: 3", with: "lte: 3")
        let service = try service(stage, state: folder.path, rare, lateness: 1000)
        try stage.send("ana", 0)
        try await running(service) {
            try await wait("the alert comes without another event") {
                try reader.poll()
                return !reader.records.isEmpty
            }
        }
        #expect(service.alertCount == 1)
    }

    @Test("sends what stood in the outbox when a process ended, in order, before anything else")
    func outbox() async throws {
        let folder = try TemporaryFolder()
        let stage = try Stage(partitions: 1)
        let reader = try TopicReader(stage, "gatewatch.alerts")
        do {
            let store = try PartitionStore(path: "\(folder.path)/gatewatch.audit-0.sqlite")
            var commit = PartitionStore.Commit(nextOffset: 0, newest: nil)
            commit.drafts = (0..<50).map {
                .init(topic: "gatewatch.alerts", key: Array("ana".utf8), payload: Array("left \($0)".utf8), headers: [])
            }
            _ = try store.commit(commit)
            try store.close()
        }
        let service = try service(stage, state: folder.path)
        for second in 0..<3 { try stage.send("ana", Int64(second)) }
        try await running(service) {
            try await wait("all arrive") {
                try reader.poll()
                return reader.records.count >= 51
            }
        }
        #expect(reader.records.prefix(50).map(\.value) == (0..<50).map { "left \($0)" })
        let store = try PartitionStore(path: "\(folder.path)/gatewatch.audit-0.sqlite")
        #expect(try store.outgoing().isEmpty)
    }
}
