// SPDX-License-Identifier: Apache-2.0

import GRDB
import Incidents
import Kafka
import Logging

/// Reads the topics of orders and approvals from their beginning, into the timelines of incidents. For the keeper's thread.
struct ControlFollower {
    private let topics: ControlTopics?
    private let properties: KafkaProperties
    private let database: any DatabaseWriter
    private let logger: Logger
    private var reader: KafkaTopicReader?
    private var timeline: ControlTimeline?
    private var lastExpiry: Int64 = 0

    init(configuration: HubConfiguration, database: any DatabaseWriter, logger: Logger) {
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
        guard let topics else { return }
        let reader: KafkaTopicReader
        if let open = self.reader {
            reader = open
        } else {
            reader = try KafkaTopicReader(
                properties: properties, topics: [topics.orders, topics.approvals], logger: logger)
            self.reader = reader
        }
        var timeline = timeline ?? ControlTimeline(keys: topics.keys, aliases: topics.aliases)
        var records: [ControlTimeline.Record] = []
        _ = try reader.poll(maxRecords: maxRecords, timeoutMilliseconds: timeout) { record in
            records.append(
                .init(
                    topic: record.topicPartition.topic == topics.orders ? .orders : .approvals,
                    key: record.key.map { String(decoding: $0.prefix(512), as: UTF8.self) } ?? "",
                    value: record.payload.map { Array($0) }))
        }
        if !records.isEmpty {
            let refused = try database.write { db in try timeline.apply(records, now: now, in: db) }
            for reason in refused {
                logger.warning("an order or approval is in no timeline", metadata: ["reason": "\(reason)"])
            }
        }
        // After the first batch: what is over is not said of what was not read yet.
        if now - lastExpiry >= 10_000, reader.isCaughtUp {
            lastExpiry = now
            try database.write { db in try timeline.expire(now: now, in: db) }
        }
        self.timeline = timeline
    }

    mutating func close() {
        reader?.close()
        reader = nil
        timeline = nil
    }
}
