// SPDX-License-Identifier: Apache-2.0

import CRdKafka

/// Questions that any client can ask a cluster. Each blocks its thread.
enum ClusterQuery {
    /// Partition counts of one topic (which brokers may then make by themselves) or of all that there are.
    static func partitionCounts(
        of name: String?, on client: OpaquePointer, _ timeoutMilliseconds: Int32
    ) throws(KafkaError) -> [String: Int] {
        let topic = name.flatMap { rd_kafka_topic_new(client, $0, nil) }
        defer { if let topic { rd_kafka_topic_destroy(topic) } }
        var answer: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(client, topic == nil ? 1 : 0, topic, &answer, timeoutMilliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let answer else {
            throw KafkaError(
                code, "Kafka did not say which topics it has: \(code.text). Check bootstrap.servers and that it is up.")
        }
        defer { rd_kafka_metadata_destroy(answer) }
        var counts: [String: Int] = [:]
        let list = UnsafeBufferPointer(start: answer.pointee.topics, count: Int(answer.pointee.topic_cnt))
        for topic in list where topic.err == RD_KAFKA_RESP_ERR_NO_ERROR {
            if let name = topic.topic { counts[String(cString: name)] = Int(topic.partition_cnt) }
        }
        return counts
    }

    /// The next offset to be written per partition (ListOffsets, Kafka protocol key 2, with timestamp -1).
    static func endOffsets(
        of partitions: [TopicPartition], on client: OpaquePointer, _ timeoutMilliseconds: Int32
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        if partitions.isEmpty { return [:] }
        // librdkafka reads the "time" from the offset field, and the protocol's -1 for "latest" is RD_KAFKA_OFFSET_END.
        let list = PartitionList(
            Dictionary(partitions.map { ($0, Int64(RD_KAFKA_OFFSET_END)) }, uniquingKeysWith: { first, _ in first }))
        let code = rd_kafka_offsets_for_times(client, list.pointer, timeoutMilliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(code, "Kafka did not say where its partitions end: \(code.text). Is every broker up?")
        }
        if let (partition, code) = list.firstError {
            throw KafkaError(code, "Kafka did not say where \(partition) ends: \(code.text).")
        }
        var ends: [TopicPartition: Int64] = [:]
        for element in PartitionList.elements(list.pointer) {
            guard element.offset >= 0 else {
                throw KafkaError(
                    RD_KAFKA_RESP_ERR__NO_OFFSET, "Kafka did not say where \(TopicPartition(element)) ends.")
            }
            ends[TopicPartition(element)] = element.offset
        }
        return ends
    }
}
