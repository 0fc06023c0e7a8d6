// SPDX-License-Identifier: Apache-2.0

import GRDB
import Incidents
import Kafka
import Logging

/// Reads the topics of orders and approvals from their beginning, into the hub's books and the timelines of incidents. For the keeper's
/// thread.
struct ControlFollower {
    private let topics: ControlTopics?
    private let properties: KafkaProperties
    private let database: any DatabaseWriter
    private let logger: Logger
    private var reader: KafkaTopicReader?
    private let books: ControlBooks?
    private var generation = 0
    private var lastExpiry: Int64 = 0

    init(configuration: HubConfiguration, books: ControlBooks?, database: any DatabaseWriter, logger: Logger) {
        self.books = books
        topics = configuration.control
        properties = configuration.kafka
        self.database = database
        self.logger = logger
    }

    /// Whether a step waits by itself.
    var isReading: Bool { reader != nil }

    /// Takes what is there, or waits a little for it.
    ///
    /// - Throws: what Kafka or SQLite says; then ``close()`` it: the next step begins anew.
    mutating func step(_ now: Int64, maxRecords: Int, timeout: Int32) throws {
        guard let topics, let books else { return }
        // Somebody else's transaction failed: what the books know is not what the database has.
        if books.generation != generation { stop() }
        generation = books.generation
        let reader: KafkaTopicReader
        if let open = self.reader {
            reader = open
        } else {
            reader = try KafkaTopicReader(
                properties: properties, topics: [topics.orders, topics.approvals], logger: logger)
            self.reader = reader
        }
        var records: [ControlTimeline.Record] = []
        _ = try reader.poll(maxRecords: maxRecords, timeoutMilliseconds: timeout) { record in
            records.append(
                .init(
                    topic: record.topicPartition.topic == topics.orders ? .orders : .approvals,
                    key: record.key.map { String(decoding: $0.prefix(512), as: UTF8.self) } ?? "",
                    value: record.payload.map { Array($0) }))
        }
        if !records.isEmpty {
            let refused = try database.write { db in try books.apply(records, now: now, in: db) }
            for reason in refused {
                logger.warning("an order or approval is in no timeline", metadata: ["reason": "\(reason)"])
            }
        }
        // After the first batch: what is over is not said of what was not read yet.
        if reader.isCaughtUp { books.caughtUp(at: generation) }
        if now - lastExpiry >= 10_000, reader.isCaughtUp {
            lastExpiry = now
            try database.write { db in try books.expire(now: now, in: db) }
        }
    }

    /// Ends it; the books know nothing any more.
    mutating func close() {
        stop()
        books?.reset()
    }

    private mutating func stop() {
        reader?.close()
        reader = nil
    }
}
