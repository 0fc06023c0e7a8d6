// SPDX-License-Identifier: Apache-2.0

import Kafka

/// A record of a topic, copied out of Kafka's buffers.
struct ReceivedRecord {
    var topic: String
    var partition: Int32
    var offset: Int64
    /// The record's own time, ms since the epoch; -1 if it has none.
    var timestamp: Int64
    var key: String?
    /// Nil for a tombstone.
    var payload: [UInt8]?
}

/// Records that were read and not stored yet; used on one thread only.
struct PendingRecords {
    /// Of one payload.
    let maximumBytes: Int
    private(set) var records: [ReceivedRecord] = []

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    mutating func append(_ record: borrowing ConsumerRecord) {
        // One byte over the limit is enough to see that it is over.
        let payload = record.payload.map { Array($0.prefix(maximumBytes + 1)) }
        records.append(
            ReceivedRecord(
                topic: record.topicPartition.topic, partition: record.topicPartition.partition, offset: record.offset,
                timestamp: record.timestampMilliseconds ?? -1,
                key: record.key.map { String(decoding: $0.prefix(512), as: UTF8.self) }, payload: payload))
    }

    /// Whoever has the partitions next reads their records again.
    mutating func drop(_ partitions: [TopicPartition]) {
        let gone = Set(partitions)
        records.removeAll { gone.contains(TopicPartition(topic: $0.topic, partition: $0.partition)) }
    }

    /// Once the records are stored.
    ///
    /// - Returns: per partition the next offset to read.
    mutating func removeAll() -> [TopicPartition: Int64] {
        var offsets: [TopicPartition: Int64] = [:]
        for record in records {
            let partition = TopicPartition(topic: record.topic, partition: record.partition)
            offsets[partition] = max(offsets[partition] ?? 0, record.offset + 1)
        }
        records.removeAll(keepingCapacity: true)
        return offsets
    }
}
