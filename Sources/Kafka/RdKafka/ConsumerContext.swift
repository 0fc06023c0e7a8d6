// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Logging

/// A consumer's callbacks: rebalances and the results of commits nobody waits for.
///
/// Everything in this subclass belongs to the polling thread: librdkafka runs these callbacks inside
/// `rd_kafka_consumer_poll` and `rd_kafka_consumer_close`.
final class ConsumerContext: ClientContext {
    typealias Handler = (RebalanceEvent) -> [TopicPartition: Int64]

    /// Nil once the owner is gone: partitions are then given back without asking anybody.
    var handler: Handler?
    var assignment = AssignmentTable()
    /// Whether the group has ever given this member partitions.
    private(set) var hasBeenAssigned = false

    init(properties: KafkaProperties, logger: Logger, handler: @escaping Handler) {
        self.handler = handler
        super.init(properties: properties, logger: logger)
    }

    static func registerConsumer(on configuration: OpaquePointer) {
        rd_kafka_conf_set_rebalance_cb(configuration) { client, code, list, opaque in
            guard let client, let list, let context = ClientContext.of(opaque) as? ConsumerContext else { return }
            context.rebalance(client, code, list)
        }
        rd_kafka_conf_set_offset_commit_cb(configuration) { _, code, list, opaque in
            guard code != RD_KAFKA_RESP_ERR_NO_ERROR, code != RD_KAFKA_RESP_ERR__NO_OFFSET,
                let context = ClientContext.of(opaque)
            else { return }
            let partitions = list.map { PartitionList.elements($0).map { TopicPartition($0).description } } ?? []
            context.report(KafkaError.commit(code, partitions))
        }
    }

    private func rebalance(
        _ client: OpaquePointer, _ code: rd_kafka_resp_err_t,
        _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>
    ) {
        let partitions = PartitionList.elements(list).map { TopicPartition($0) }
        let isCooperative = rd_kafka_rebalance_protocol(client).map { String(cString: $0) } == "COOPERATIVE"
        switch code {
        case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
            assign(client, list, partitions, isCooperative)
        case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
            let isLost = rd_kafka_assignment_lost(client) != 0
            logger.info("partitions \(isLost ? "lost" : "revoked")", metadata: ["partitions": "\(partitions)"])
            // First the owner, who can still commit; then librdkafka, after which the next member may read.
            if !partitions.isEmpty { _ = handler?(isLost ? .lost(partitions) : .revoked(partitions)) }
            if isCooperative {
                assignment.remove(partitions)
                check(rd_kafka_incremental_unassign(client, list), "Revoked partitions were not given back")
            } else {
                assignment.removeAll()
                check(rd_kafka_assign(client, nil), "Revoked partitions were not given back")
            }
        default:
            report(KafkaError(code, "The consumer group could not agree on partitions: \(code.text). It tries again."))
            assignment.removeAll()
            check(rd_kafka_assign(client, nil), "The partitions were not given back")
        }
    }

    private func assign(
        _ client: OpaquePointer, _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>,
        _ partitions: [TopicPartition], _ isCooperative: Bool
    ) {
        hasBeenAssigned = true
        logger.info("partitions assigned", metadata: ["partitions": "\(partitions)"])
        let starts = partitions.isEmpty ? [:] : handler?(.assigned(partitions)) ?? [:]
        for (index, partition) in partitions.enumerated() {
            guard let start = starts[partition] else { continue }
            list.pointee.elems[index].offset = start
        }
        if isCooperative {
            assignment.add(partitions, starts: starts)
            check(rd_kafka_incremental_assign(client, list), "Assigned partitions were not taken")
        } else {
            assignment.removeAll()
            assignment.add(partitions, starts: starts)
            check(rd_kafka_assign(client, list), "Assigned partitions were not taken")
        }
    }

    private func check(_ error: OpaquePointer?, _ what: String) {
        if let error { report(KafkaError(consuming: error, what)) }
    }

    private func check(_ code: rd_kafka_resp_err_t, _ what: String) {
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { report(KafkaError(code, "\(what): \(code.text).")) }
    }
}

extension KafkaError {
    static func commit(_ code: rd_kafka_resp_err_t, _ partitions: [String]) -> KafkaError {
        KafkaError(
            code,
            "Offsets of \(partitions.joined(separator: ", ")) were not committed: \(code.text). "
                + "After a restart these records are read again.")
    }
}
