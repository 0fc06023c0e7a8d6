// SPDX-License-Identifier: Apache-2.0

import CRdKafka
package import Logging
import Synchronization

/// Reads whole topics, every partition from its beginning, without a consumer group: no rebalances, nothing committed,
/// and every reader gets every record. For compacted topics that hold a state.
///
/// Used from one thread, which is why it is not `Sendable`. Brokers and topics need not be there yet: `poll` looks for
/// them until they are, and later for partitions that were added.
///
/// Defaults, each replaced by the same property: `auto.offset.reset=earliest` (also where an offset no longer exists),
/// `fetch.error.backoff.ms=100`, `fetch.wait.max.ms=50`, `reconnect.backoff.max.ms=1000`, `topic.metadata.refresh.interval.ms=10000` (added
/// partitions are taken up in that time), `message.max.bytes` and `max.partition.fetch.bytes` for records of 16 MiB.
/// `group.id` is set because librdkafka asks for one; no group is joined. `fetch.wait.max.ms` is a broker's patience
/// with an empty fetch and no delay, except at the embedded broker (see `EmbeddedBroker.clientProperties`).
package final class KafkaTopicReader {
    private var handle: ClientHandle?
    private let context: ClientContext
    private var plan: ReadingPlan
    private var table = AssignmentTable()
    private var isPolling = false
    private var closesAfterPoll = false

    /// Starts the client; nothing is read before `poll`.
    ///
    /// - Parameters:
    ///   - topics: names.
    ///   - starts: the first offset to read, for partitions that are not to be read from their beginning. One that lies
    ///     beyond its partition's end is from another life of the topic: that partition is read from the beginning.
    /// - Throws: `KafkaError` naming the property that is wrong.
    package init(
        properties: KafkaProperties, topics: [String], startingAt starts: [TopicPartition: Int64] = [:], logger: Logger
    ) throws {
        let effective = KafkaProperties(Self.defaults).merging(properties).merging(
            KafkaProperties(["enable.auto.commit": "false", "enable.partition.eof": "true"]))
        context = ClientContext(properties: effective, logger: logger)
        let refresh = effective["topic.metadata.refresh.interval.ms"].flatMap(Int.init) ?? -1
        plan = ReadingPlan(topics: topics, starts: starts, refresh: .milliseconds(refresh > 0 ? refresh : 10_000))
        let handle = try ClientConfiguration.start(RD_KAFKA_CONSUMER, properties: effective, context: context)
        // Errors and statistics then arrive through the one queue that poll() serves.
        rd_kafka_poll_set_consumer(handle.pointer)
        self.handle = handle
    }

    deinit {
        close()
    }

    /// Hands up to `maxRecords` records to `body` and returns how many there were. Within a partition they come in
    /// order.
    ///
    /// Waits up to `timeoutMilliseconds` for the first one, then takes what is there; looking for brokers and
    /// partitions may take up to half a second more. Not to be nested. Errors that pass by themselves (a broker away, a
    /// topic missing) are logged, kept in `lastError`, and not thrown.
    ///
    /// - Throws: `KafkaError` when the client is fatally broken or closed; whatever `body` throws. The record at which
    ///   `body` threw is not handed over again.
    package func poll(
        maxRecords: Int = 1000, timeoutMilliseconds: Int32, _ body: (consuming ConsumerRecord) throws -> Void
    ) throws -> Int {
        guard let client = handle?.pointer else { throw KafkaError.closed("reader") }
        isPolling = true
        defer {
            isPolling = false
            if closesAfterPoll { close() }
        }
        if plan.isLookDue { look(client) }
        var delivered = 0
        var taken = 0
        while taken < maxRecords, !closesAfterPoll {
            guard let message = Message(of: client, timeoutMilliseconds: taken == 0 ? timeoutMilliseconds : 0) else {
                break
            }
            taken += 1
            if message.error == RD_KAFKA_RESP_ERR__PARTITION_EOF {
                if let topic = message.pointer.pointee.rkt.flatMap(rd_kafka_topic_name) {
                    plan.reachedEnd(TopicPartition(topic: String(cString: topic), partition: message.partition))
                }
                continue
            }
            guard message.error == RD_KAFKA_RESP_ERR_NO_ERROR else {
                let (error, kind) = KafkaError.reading(message.pointer)
                context.report(error, kind: kind)
                continue
            }
            let next = message.offset + 1
            guard let topic = message.pointer.pointee.rkt,
                let partition = table.accept(topic: topic, partition: message.partition, offset: message.offset)
            else { continue }
            delivered += 1
            try body(ConsumerRecord(message: message, topicPartition: partition))
            plan.passed(partition, next: next)
        }
        if let fatal = context.observed.withLock({ $0.fatal }) { throw fatal }
        return delivered
    }

    /// Whether everything has been handed over that was in the topics when they were first found. False while a topic
    /// is missing or no broker answers; once true it stays so.
    package var isCaughtUp: Bool { plan.isCaughtUp }

    /// The partitions that are read.
    package var assignment: [TopicPartition] { table.partitions }

    /// Topics that no broker has named yet.
    package var missingTopics: [String] { plan.missing }

    /// The last error that did not stop the reader; nil when there was none.
    package var lastError: KafkaError? { context.observed.withLock { $0.lastError } }

    /// The last statistics of librdkafka (STATISTICS.md), JSON; nil unless `statistics.interval.ms` is set.
    package var statisticsJSON: String? { context.observed.withLock { $0.statistics } }

    /// Frees everything. May be called again. From inside `poll` it takes effect when the record in hand is done.
    package func close() {
        guard let client = handle?.pointer else { return }
        if isPolling {
            closesAfterPoll = true
            return
        }
        rd_kafka_consumer_close(client)
        table.removeAll()
        handle = nil
    }

    /// Looks for partitions that are not read yet.
    private func look(_ client: OpaquePointer) {
        do throws(KafkaError) {
            let fresh = try plan.look(client)
            if let absence = plan.absence { context.report(absence, kind: "missing \(plan.missing)") }
            if fresh.isEmpty { return }
            // All of them at once: what is read already goes on where it stands.
            var starts = plan.firstOffsets
            for partition in table.partitions {
                if let next = table.position(of: partition) { starts[partition] = next }
            }
            let list = PartitionList(starts)
            let code = rd_kafka_assign(client, list.pointer)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
                plan.forget(fresh)
                throw KafkaError(code, "The reader cannot take up \(fresh.count) partitions: \(code.text).")
            }
            table.removeAll()
            table.add(Array(starts.keys), starts: starts)
        } catch {
            context.report(error, kind: "look \(error.code)")
        }
    }

    /// librdkafka's values where its own do not fit a reader of whole topics.
    private static let defaults = [
        "group.id": "gatewatch-reader",
        "auto.offset.reset": "earliest",
        "fetch.error.backoff.ms": "100",
        // A broker answers one request of a connection after the other: a look for partitions waits behind an empty fetch.
        "fetch.wait.max.ms": "50",
        "reconnect.backoff.max.ms": "1000",
        "message.max.bytes": "\(RecordLimit.requestBytes)",
        "max.partition.fetch.bytes": "\(RecordLimit.requestBytes)",
    ]
}
