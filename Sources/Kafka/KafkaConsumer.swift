// SPDX-License-Identifier: Apache-2.0

import CRdKafka
package import Logging
import Synchronization

/// A member of a consumer group: polls records in batches, with manual offsets.
///
/// Used from one thread, which is why it is not `Sendable`: the thread that polls also commits, pauses and closes.
/// The rebalance handler runs on that thread too, inside `poll` and `close`, between two records: the records before it
/// have been handed over in full, and none of a revoked partition comes after it.
///
/// Records are taken one by one from the client's local queue (`rd_kafka_consumer_poll`), not with
/// `rd_kafka_consume_batch_queue`: in librdkafka 2.0.2 the batch call waits for a full batch or the whole timeout, runs
/// rebalances in the middle of a batch that it has half collected, and has known faults with pause and seek (release notes
/// of 2.0.0 to 2.2.0). One by one a record is handed over as soon as it is there.
///
/// Defaults, each replaced by the same property: `enable.auto.commit=false`, `enable.auto.offset.store=false`,
/// `partition.assignment.strategy=cooperative-sticky`, `auto.offset.reset=earliest`,
/// `session.timeout.ms=10000`, `heartbeat.interval.ms=2500`, `topic.metadata.refresh.interval.ms=10000` (a topic made later is taken up in that time), `message.max.bytes` and
/// `max.partition.fetch.bytes` for records of 16 MiB.
package final class KafkaConsumer {
    var handle: ClientHandle?
    let context: ConsumerContext
    let resetsToLatest: Bool
    private var isPolling = false
    private var closesAfterPoll = false

    /// The next offsets of the group, as asked from the coordinator once per assignment. See `lag()`.
    var committedOffsets: [TopicPartition: Int64] = [:]

    /// Joins the group and subscribes; brokers need not be there yet.
    ///
    /// - Parameters:
    ///   - topics: names, or regular expressions when they begin with `^`. A topic need not exist yet.
    ///   - onRebalance: for `.assigned` it returns where to start per partition (next offset to read; a partition that is
    ///     absent starts at the group's offset, else by `auto.offset.reset`); for the others its result is ignored. It may
    ///     call `commit` of this consumer.
    /// - Throws: `KafkaError` naming the property that is wrong.
    package init(
        properties: KafkaProperties, group: String, topics: [String], logger: Logger,
        onRebalance: @escaping (RebalanceEvent) -> [TopicPartition: Int64] = { _ in [:] }
    ) throws {
        let effective = KafkaProperties(Self.defaults).merging(properties)
            .merging(KafkaProperties(["group.id": group]))
        let context = ConsumerContext(properties: effective, logger: logger, handler: onRebalance)
        let handle = try ClientConfiguration.start(
            RD_KAFKA_CONSUMER, properties: effective, context: context,
            configure: ConsumerContext.registerConsumer(on:))
        self.context = context
        self.handle = handle
        resetsToLatest = ["latest", "largest", "end"].contains(effective["auto.offset.reset"] ?? "")

        // Errors, statistics and rebalances then arrive through the one queue that poll() serves.
        rd_kafka_poll_set_consumer(handle.pointer)
        let subscription = PartitionList(topics.map { TopicPartition(topic: $0, partition: -1) })
        let code = rd_kafka_subscribe(handle.pointer, subscription.pointer)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(code, "The consumer cannot subscribe to \(topics.joined(separator: ", ")): \(code.text).")
        }
    }

    deinit {
        // The owner may be half gone, so its handler is not called any more.
        context.handler = nil
        close()
    }

    /// Hands up to `maxRecords` records to `body`, which may keep them, and returns how many there were.
    ///
    /// Waits up to `timeoutMilliseconds` for the first one, then takes what is there. Must be called at least every
    /// `max.poll.interval.ms` (5 min by default), or the group gives the partitions to others. Not to be nested. Errors that pass by
    /// themselves (a broker away, a topic missing) are logged, kept in `lastError`, and not thrown.
    ///
    /// - Throws: `KafkaError` when the client is fatally broken or closed; whatever `body` throws. The record at which
    ///   `body` threw is not handed over again by this consumer unless it seeks back.
    package func poll(
        maxRecords: Int = 1000, timeoutMilliseconds: Int32, _ body: (consuming ConsumerRecord) throws -> Void
    ) throws -> Int {
        guard let client = handle?.pointer else { throw KafkaError.closed("consumer") }
        isPolling = true
        defer {
            isPolling = false
            if closesAfterPoll { close() }
        }
        var delivered = 0
        var taken = 0
        while taken < maxRecords, !closesAfterPoll {
            guard let message = Message(of: client, timeoutMilliseconds: taken == 0 ? timeoutMilliseconds : 0) else {
                break
            }
            taken += 1
            guard message.error == RD_KAFKA_RESP_ERR_NO_ERROR else {
                note(message)
                continue
            }
            guard let topic = message.pointer.pointee.rkt,
                let partition = context.assignment.accept(
                    topic: topic, partition: message.partition, offset: message.offset)
            else { continue }
            delivered += 1
            try body(ConsumerRecord(message: message, topicPartition: partition))
        }
        if let fatal = context.observed.withLock({ $0.fatal }) { throw fatal }
        return delivered
    }

    /// The partitions that are this consumer's now.
    package var assignment: [TopicPartition] { context.assignment.partitions }

    /// The last statistics of librdkafka (STATISTICS.md), JSON; nil unless `statistics.interval.ms` is set.
    package var statisticsJSON: String? { context.observed.withLock { $0.statistics } }

    /// The last error that did not stop the consumer; nil when there was none.
    package var lastError: KafkaError? { context.observed.withLock { $0.lastError } }

    /// Leaves the group and frees everything; the handler hears `.revoked` first and can still commit. May be called again.
    /// From inside `poll` (its body or the rebalance handler) it takes effect when the record in hand is done.
    package func close() {
        guard let client = handle?.pointer else { return }
        if isPolling {
            closesAfterPoll = true
            return
        }
        let code = rd_kafka_consumer_close(client)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR {
            context.report(KafkaError(code, "The consumer did not leave its group cleanly: \(code.text)."))
        }
        context.assignment.removeAll()
        // Before 2.3 librdkafka asserts in rd_kafka_destroy that a member with the cooperative-sticky assignor has had an
        // assignment: one that leaves while it joins would abort the process (confluentinc/librdkafka#4312).
        if !context.hasBeenAssigned, rd_kafka_version() < 0x0203_0000 { handle?.abandon() }
        handle = nil
    }

    private func note(_ message: borrowing Message) {
        if message.error == RD_KAFKA_RESP_ERR__PARTITION_EOF { return }
        let (error, kind) = KafkaError.reading(message.pointer)
        context.report(error, kind: kind)
    }

    /// librdkafka's values where its own do not fit an at-least-once reader of large records.
    private static let defaults = [
        "enable.auto.commit": "false",
        "enable.auto.offset.store": "false",
        "partition.assignment.strategy": "cooperative-sticky",
        "auto.offset.reset": "earliest",
        // A member that was killed holds its partitions for so long, and nobody watches them: librdkafka's 45 s are too many.
        "session.timeout.ms": "10000",
        "heartbeat.interval.ms": "2500",
        "topic.metadata.refresh.interval.ms": "10000",
        "message.max.bytes": "\(RecordLimit.requestBytes)",
        "max.partition.fetch.bytes": "\(RecordLimit.requestBytes)",
    ]
}
