// SPDX-License-Identifier: Apache-2.0

import GRDB
import Incidents
import Kafka
import Logging
import Synchronization

/// Sends what people said of alerts to the topic of feedback. A record leaves the database when Kafka has it; one that was sent just
/// before a crash is sent again, and is the same record under the same key. For the keeper's thread.
struct FeedbackSender {
    private static let flushMilliseconds: Int32 = 5_000

    private let topic: String
    private let properties: KafkaProperties
    private let database: any DatabaseWriter
    private let logger: Logger
    private var producer: KafkaProducer?

    init(configuration: HubConfiguration, database: any DatabaseWriter, logger: Logger) {
        topic = configuration.feedbackTopic
        properties = configuration.kafka
        self.database = database
        self.logger = logger
    }

    /// Sends what waits and waits until Kafka has it.
    ///
    /// - Throws: what Kafka or SQLite says; what was not confirmed still waits.
    mutating func step() throws {
        let records = try database.read { db in try Feedback.waiting(in: db) }
        guard !records.isEmpty else { return }
        let producer = try self.producer ?? open()
        self.producer = producer
        let confirmed = Confirmations()
        do {
            for record in records {
                try producer.send(topic: topic, key: Array(record.key.utf8), payload: Array(record.value.utf8)) {
                    result in
                    confirmed.note(record, result)
                }
            }
            try producer.flush(timeoutMilliseconds: Self.flushMilliseconds)
        } catch {
            try remove(confirmed)
            close()
            throw error
        }
        try remove(confirmed)
        if let error = confirmed.error { throw error }
    }

    private func remove(_ confirmed: Confirmations) throws {
        let records = confirmed.records
        guard !records.isEmpty else { return }
        try database.write { db in try Feedback.remove(records, in: db) }
    }

    private func open() throws -> KafkaProducer {
        let admin = try KafkaAdmin(properties: properties, logger: logger)
        try admin.createTopics(
            [TopicSpecification(name: topic, partitions: 4, configuration: ["cleanup.policy": "compact"])],
            timeoutMilliseconds: Self.flushMilliseconds)
        return try KafkaProducer(
            properties: KafkaProperties(["linger.ms": "5", "message.timeout.ms": "30000"]).merging(properties),
            logger: logger)
    }

    mutating func close() {
        producer?.close(flushMilliseconds: 0)
        producer = nil
    }

    /// What Kafka has said; from librdkafka's thread.
    private final class Confirmations: Sendable {
        private let state = Mutex<(records: [Feedback.Record], error: KafkaError?)>(([], nil))

        var records: [Feedback.Record] { state.withLock { $0.records } }
        var error: KafkaError? { state.withLock { $0.error } }

        func note(_ record: Feedback.Record, _ result: Result<(partition: Int32, offset: Int64), KafkaError>) {
            state.withLock { state in
                switch result {
                case .success: state.records.append(record)
                case .failure(let error): state.error = error
                }
            }
        }
    }
}
