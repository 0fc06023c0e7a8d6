// SPDX-License-Identifier: Apache-2.0

import CRdKafka

extension KafkaConsumer {
    /// Commits the group's offsets: per partition the next offset to read.
    ///
    /// With `wait` it returns when the coordinator has them, and throws when it has not said so within
    /// `timeoutMilliseconds`; without, a failure is logged and kept in `lastError`. Nothing to commit is fine.
    ///
    /// - Throws: `KafkaError`; retriable when the coordinator is away or a rebalance is going on.
    package func commit(_ offsets: [TopicPartition: Int64], wait: Bool, timeoutMilliseconds: Int32 = 10_000) throws {
        guard let client = handle?.pointer else { throw KafkaError.closed("consumer") }
        if offsets.isEmpty { return }
        let list = PartitionList(offsets)
        let names = offsets.keys.map(\.description).sorted()
        if !wait {
            let code = rd_kafka_commit(client, list.pointer, 1)
            if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError.commit(code, names) }
            return
        }
        // Not rd_kafka_commit(…, 0): that waits without a limit, also for a group that is being left.
        let queue = rd_kafka_queue_new(client)
        defer { rd_kafka_queue_destroy(queue) }
        let code = rd_kafka_commit_queue(client, list.pointer, queue, nil, nil)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError.commit(code, names) }
        guard let answer = rd_kafka_queue_poll(queue, timeoutMilliseconds) else {
            throw KafkaError.commit(RD_KAFKA_RESP_ERR__TIMED_OUT, names)
        }
        defer { rd_kafka_event_destroy(answer) }
        let result = rd_kafka_event_error(answer)
        if result != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError.commit(result, names) }
        guard let committed = rd_kafka_event_topic_partition_list(answer) else { return }
        for element in PartitionList.elements(committed) where element.err != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw KafkaError.commit(element.err, [TopicPartition(element).description])
        }
    }

    /// The group's committed offsets (next to read); a partition without one is absent. Asks the coordinator and blocks.
    package func committed(
        _ partitions: [TopicPartition], timeoutMilliseconds: Int32 = 5000
    ) throws -> [TopicPartition: Int64] {
        guard let client = handle?.pointer else { throw KafkaError.closed("consumer") }
        if partitions.isEmpty { return [:] }
        let list = PartitionList(partitions)
        let code = rd_kafka_committed(client, list.pointer, timeoutMilliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(code, "The group's offsets could not be read: \(code.text).")
        }
        if let (partition, code) = list.firstError {
            throw KafkaError(code, "The group's offset of \(partition) could not be read: \(code.text).")
        }
        var result: [TopicPartition: Int64] = [:]
        for element in PartitionList.elements(list.pointer) where element.offset >= 0 {
            result[TopicPartition(element)] = element.offset
        }
        return result
    }

    /// Stops handing over records of these partitions without giving them up. A rebalance that moves one resumes it.
    package func pause(_ partitions: [TopicPartition]) throws {
        try apply(rd_kafka_pause_partitions, to: partitions, "pause")
    }

    /// Goes on with paused partitions at the record after the last one handed over.
    package func resume(_ partitions: [TopicPartition]) throws {
        try apply(rd_kafka_resume_partitions, to: partitions, "resume")
    }

    /// Goes on at another offset, per assigned partition. Records fetched from the old place are dropped.
    package func seek(_ offsets: [TopicPartition: Int64], timeoutMilliseconds: Int32 = 10_000) throws {
        guard let client = handle?.pointer else { throw KafkaError.closed("consumer") }
        if offsets.isEmpty { return }
        let list = PartitionList(offsets)
        if let error = rd_kafka_seek_partitions(client, list.pointer, timeoutMilliseconds) {
            throw KafkaError(consuming: error, "The consumer cannot seek")
        }
        if let (partition, code) = list.firstError {
            throw KafkaError(code, "The consumer cannot seek in \(partition): \(code.text). Is it assigned?")
        }
        for (partition, offset) in offsets { context.assignment.setPosition(offset >= 0 ? offset : nil, of: partition) }
    }

    /// The first offset kept and the next one to be written, as of the last fetch. Asks nobody; nil until a fetch told it.
    package func watermarks(of partition: TopicPartition) -> (low: Int64, high: Int64)? {
        guard let client = handle?.pointer else { return nil }
        var low: Int64 = -1
        var high: Int64 = -1
        let code = rd_kafka_get_watermark_offsets(client, partition.topic, partition.partition, &low, &high)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, high >= 0 else { return nil }
        return (max(low, 0), high)
    }

    /// Records not yet handed over, per assigned partition, from the cached watermarks. A partition is absent until its
    /// first fetch.
    ///
    /// Where no record has come since the assignment and the handler gave no start, the group's offset is asked for, once
    /// (blocks up to a second).
    package func lag() -> [TopicPartition: Int64] {
        let assigned = assignment
        let known = Set(assigned)
        committedOffsets = committedOffsets.filter { known.contains($0.key) }
        let unknown = assigned.filter { context.assignment.position(of: $0) == nil && committedOffsets[$0] == nil }
        if !unknown.isEmpty, let offsets = try? committed(unknown, timeoutMilliseconds: 1000) {
            // -1: the group has none, do not ask again.
            for partition in unknown { committedOffsets[partition] = offsets[partition] ?? -1 }
        }
        var result: [TopicPartition: Int64] = [:]
        for partition in assigned {
            guard let (low, high) = watermarks(of: partition) else { continue }
            var position = context.assignment.position(of: partition) ?? committedOffsets[partition] ?? -1
            if position < 0 { position = resetsToLatest ? high : low }
            result[partition] = max(0, high - max(position, low))
        }
        return result
    }

    private func apply(
        _ call: (OpaquePointer?, UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) -> rd_kafka_resp_err_t,
        to partitions: [TopicPartition], _ verb: String
    ) throws {
        guard let client = handle?.pointer else { throw KafkaError.closed("consumer") }
        if partitions.isEmpty { return }
        let list = PartitionList(partitions)
        let code = call(client, list.pointer)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(code, "The consumer cannot \(verb) its partitions: \(code.text).")
        }
        if let (partition, code) = list.firstError {
            throw KafkaError(code, "The consumer cannot \(verb) \(partition): \(code.text). Is it assigned?")
        }
    }
}
