// SPDX-License-Identifier: Apache-2.0

import CRdKafka

/// librdkafka's list of partitions, owned.
struct PartitionList: ~Copyable {
    let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(_ offsets: [TopicPartition: Int64]) {
        self.init(capacity: offsets.count)
        for (partition, offset) in offsets { add(partition, offset: offset) }
    }

    init(_ partitions: some Collection<TopicPartition>) {
        self.init(capacity: partitions.count)
        for partition in partitions { add(partition, offset: Int64(RD_KAFKA_OFFSET_INVALID)) }
    }

    init(capacity: Int) {
        // Returns no null: librdkafka aborts when memory is gone.
        pointer = rd_kafka_topic_partition_list_new(Int32(clamping: capacity))
    }

    deinit {
        rd_kafka_topic_partition_list_destroy(pointer)
    }

    private func add(_ partition: TopicPartition, offset: Int64) {
        let element = rd_kafka_topic_partition_list_add(pointer, partition.topic, partition.partition)
        element?.pointee.offset = offset
    }

    /// The first partition's own error, when the call as a whole succeeded.
    var firstError: (TopicPartition, rd_kafka_resp_err_t)? {
        for element in Self.elements(pointer) where element.err != RD_KAFKA_RESP_ERR_NO_ERROR {
            return (TopicPartition(element), element.err)
        }
        return nil
    }

    static func elements(
        _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>
    ) -> UnsafeMutableBufferPointer<rd_kafka_topic_partition_t> {
        UnsafeMutableBufferPointer(start: list.pointee.elems, count: Int(list.pointee.cnt))
    }
}

extension TopicPartition {
    init(_ element: rd_kafka_topic_partition_t) {
        self.init(topic: element.topic.map { String(cString: $0) } ?? "", partition: element.partition)
    }
}
