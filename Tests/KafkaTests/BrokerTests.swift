// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Logging
import Synchronization
import Testing

/// Everything that talks to a broker. One after the other: each test runs a cluster and several clients on few cores.
@Suite(.serialized) struct BrokerTests {}

/// How long a condition may take before the test fails. Generous: shared machines are slow.
let patience: TimeInterval = 60

struct Impatient: Error, CustomStringConvertible {
    let description: String
}

/// Repeats `attempt`, which waits by itself, until it is true.
func until(_ what: String, _ attempt: () throws -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: patience)
    while try !attempt() {
        if Date() > deadline { throw Impatient(description: "not within \(Int(patience)) s: \(what)") }
    }
}

/// Log lines as a test can ask for them.
final class LogLines: Sendable {
    private let lines = Mutex<[(Logger.Level, String)]>([])

    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    func count(containing text: String) -> Int {
        lines.withLock { lines in lines.count { $0.1.contains(text) } }
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.lines.withLock { $0.append((event.level, "\(event.message)")) }
        }
    }
}

extension EmbeddedBroker {
    func properties(_ more: [String: String] = [:]) -> KafkaProperties {
        KafkaProperties(["bootstrap.servers": bootstrapServers]).merging(KafkaProperties(more))
    }

    func consumer(
        _ topics: [String], group: String = "g", _ more: [String: String] = [:], logger: Logger = LogLines().logger,
        onRebalance: @escaping (RebalanceEvent) -> [TopicPartition: Int64] = { _ in [:] }
    ) throws -> KafkaConsumer {
        let timing = KafkaProperties(["session.timeout.ms": "6000", "heartbeat.interval.ms": "500"])
        return try KafkaConsumer(
            properties: properties().merging(timing).merging(KafkaProperties(more)), group: group, topics: topics,
            logger: logger, onRebalance: onRebalance)
    }

    func producer(_ more: [String: String] = [:]) throws -> KafkaProducer {
        try KafkaProducer(properties: properties(more), logger: LogLines().logger)
    }

    /// Produces texts to a partition and waits for all of them.
    func produce(_ texts: [String], topic: String, partition: Int32 = 0) throws {
        let producer = try producer()
        defer { producer.close() }
        let failures = Mutex<[KafkaError]>([])
        for text in texts {
            try producer.send(topic: topic, key: nil, payload: Array(text.utf8), partition: partition) { result in
                if case .failure(let error) = result { failures.withLock { $0.append(error) } }
            }
        }
        try producer.flush(timeoutMilliseconds: Int32(patience * 1000))
        try #require(failures.withLock { $0 } == [])
    }
}

extension KafkaConsumer {
    /// Polls until so many texts have come.
    func texts(_ count: Int, maxRecords: Int = 1000) throws -> [String] {
        var texts: [String] = []
        try until("\(count) records, have \(texts.count)") {
            _ = try poll(maxRecords: min(maxRecords, count - texts.count), timeoutMilliseconds: 100) { record in
                texts.append(String(decoding: record.payload ?? .init(start: nil, count: 0), as: UTF8.self))
            }
            return texts.count >= count
        }
        return texts
    }
}
