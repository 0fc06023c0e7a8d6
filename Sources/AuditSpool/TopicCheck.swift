// SPDX-License-Identifier: Apache-2.0

import Kafka
import Logging

/// Reads the tail of the topic for events that were sent but whose acknowledgement was not written down.
///
/// The tail begins where the position's file says that everything before is settled, and ends where the topic ended at
/// the start of the check. Another gateway's events are read over.
struct TopicCheck {
    private let reader: KafkaTopicReader
    private var wanted: Set<[UInt8]>
    private(set) var found: [[UInt8]: (partition: Int32, offset: Int64)] = [:]
    private(set) var recordsRead = 0

    init(
        properties: KafkaProperties, topic: String, floors: [Int32: Int64], wanted: Set<[UInt8]>, logger: Logger
    ) throws {
        self.wanted = wanted
        let starts = floors.map { (TopicPartition(topic: topic, partition: $0.key), $0.value) }
        reader = try KafkaTopicReader(
            properties: properties, topics: [topic], startingAt: Dictionary(uniqueKeysWithValues: starts),
            logger: logger)
    }

    /// Reads on for a moment; true when everything is read, or everything that was wanted is found.
    mutating func step() throws -> Bool {
        if wanted.isEmpty || reader.isCaughtUp { return true }
        var (wanted, found) = (self.wanted, self.found)
        (self.wanted, self.found) = ([], [:])
        recordsRead += try reader.poll(timeoutMilliseconds: 100) { record in
            guard let uid = record.header(AuditSpool.uidHeader), wanted.remove(uid) != nil else { return }
            found[uid] = (record.topicPartition.partition, record.offset)
        }
        (self.wanted, self.found) = (wanted, found)
        return wanted.isEmpty || reader.isCaughtUp
    }
}
