// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Synchronization
import TestSupport

/// Reads topics on a thread of its own and keeps every record.
final class TopicReader: Sendable {
    struct Record: Sendable, Equatable {
        let topic: String
        let partition: Int32
        let key: [UInt8]?
        let payload: [UInt8]?
        let headers: [String: String]
    }

    private struct State {
        var records: [Record] = []
        var failure: (any Error)?
        var isRunning = true
    }

    private let state = Mutex(State())
    private let isStopping = Atomic(false)

    /// Marks the end of a topic's partition for `waitForEnd`.
    private static let sentinel = Array("the end of the test".utf8)

    init(bootstrapServers: String, topics: [String], onRecord: @escaping @Sendable (Record) -> Void) {
        let thread = Thread { [self] in
            do {
                try read(bootstrapServers, topics, onRecord)
            } catch {
                state.withLock { $0.failure = error }
            }
            state.withLock { $0.isRunning = false }
        }
        thread.name = "topic reader"
        thread.start()
    }

    /// What came, without the marks of the end.
    func records() throws -> [Record] {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            return state.records.filter { $0.key != Self.sentinel }
        }
    }

    func stop() async {
        isStopping.store(true, ordering: .releasing)
        try? await eventually("the reader stops") { !state.withLock { $0.isRunning } }
    }

    /// Appends a mark to each of the four partitions of the topics and waits until all have come: then everything before
    /// them has. Whoever else reads these topics must have stopped.
    func waitForEnd(of topics: [String], _ producer: KafkaProducer) async throws {
        for topic in topics {
            for partition in 0..<4 {
                _ = try await producer.send(
                    topic: topic, key: Self.sentinel, payload: Array("\(topic)/\(partition)".utf8),
                    partition: Int32(partition))
            }
        }
        try await eventually("the reader comes to the end of \(topics)") {
            let marks = state.withLock { $0.records.filter { $0.key == Self.sentinel } }
            return topics.allSatisfy { topic in
                Set(marks.filter { $0.topic == topic }.map(\.partition)).count == 4
            }
        }
    }

    private func read(
        _ bootstrapServers: String, _ topics: [String], _ onRecord: @Sendable (Record) -> Void
    ) throws {
        let properties = KafkaProperties([
            "bootstrap.servers": bootstrapServers, "session.timeout.ms": "6000", "heartbeat.interval.ms": "500",
        ])
        let consumer = try KafkaConsumer(
            properties: properties, group: "test-\(UUID().uuidString)", topics: topics, logger: quiet)
        defer { consumer.close() }
        while !isStopping.load(ordering: .acquiring) {
            _ = try consumer.poll(timeoutMilliseconds: 100) { record in
                let copy = Record(
                    topic: record.topicPartition.topic, partition: record.topicPartition.partition,
                    key: record.key.map { Array($0) }, payload: record.payload.map { Array($0) },
                    headers: Dictionary(
                        record.allHeaders.map { ($0.0, String(decoding: $0.1, as: UTF8.self)) }
                    ) { $1 })
                state.withLock { $0.records.append(copy) }
                onRecord(copy)
            }
        }
    }
}
