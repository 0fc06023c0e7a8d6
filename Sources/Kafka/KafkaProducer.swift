// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Dispatch
import Foundation
package import Logging

/// An idempotent producer with delivery reports. Usable from any thread; a thread of its own serves the reports.
///
/// Defaults, each replaced by the same property: `enable.idempotence=true` (acks=all, order kept, no repeats by
/// retries), `linger.ms=5` is librdkafka's own, `message.max.bytes` for records of 16 MiB. A record that cannot be
/// delivered within `message.timeout.ms` (5 min) is reported as failed; the owner keeps what must not be lost.
package final class KafkaProducer: Sendable {
    /// Where a delivered record stands.
    package typealias Delivery = (partition: Int32, offset: Int64)

    private let core: ProducerCore

    /// Starts the client; brokers need not be there yet.
    ///
    /// - Throws: `KafkaError` naming the property that is wrong.
    package init(properties: KafkaProperties, logger: Logger) throws {
        let effective = KafkaProperties([
            "enable.idempotence": "true",
            "message.max.bytes": "\(RecordLimit.requestBytes)",
        ]).merging(properties)
        let context = ClientContext(properties: effective, logger: logger)
        let handle = try ClientConfiguration.start(
            RD_KAFKA_PRODUCER, properties: effective, context: context,
            configure: DeliveryReport.register(on:))
        core = ProducerCore(handle: handle, context: context)
        core.start()
    }

    deinit {
        core.requestStop(flushMilliseconds: 0)
    }

    /// Queues a record; bytes are copied.
    ///
    /// - Parameters:
    ///   - payload: nil is a tombstone.
    ///   - partition: nil leaves it to the `partitioner` (by key).
    ///   - timestampMilliseconds: since the epoch, UTC; nil is now.
    ///   - onDelivery: called exactly once, on the producer's thread or inside somebody's `flush`; must not block.
    /// - Throws: `KafkaError`, and then `onDelivery` is not called. `_QUEUE_FULL` is retriable: wait for deliveries.
    package func send(
        topic: String, key: [UInt8]?, payload: [UInt8]?, headers: [(String, [UInt8])] = [], partition: Int32? = nil,
        timestampMilliseconds: Int64? = nil,
        onDelivery: @escaping @Sendable (Result<(partition: Int32, offset: Int64), KafkaError>) -> Void
    ) throws {
        try core.produce(
            OutgoingRecord(
                topic: topic, key: key, payload: payload, headers: headers, partition: partition,
                timestampMilliseconds: timestampMilliseconds),
            DeliveryReport(topic: topic, onDelivery))
    }

    /// Queues a record and waits until it is delivered. Parameters as in the other form.
    package func send(
        topic: String, key: [UInt8]?, payload: [UInt8]?, headers: [(String, [UInt8])] = [], partition: Int32? = nil,
        timestampMilliseconds: Int64? = nil
    ) async throws -> (partition: Int32, offset: Int64) {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try send(
                    topic: topic, key: key, payload: payload, headers: headers, partition: partition,
                    timestampMilliseconds: timestampMilliseconds
                ) { continuation.resume(with: $0) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Waits until every queued record is delivered or has failed. Blocks.
    ///
    /// - Throws: a retriable `KafkaError` when the time is over first; the records stay queued.
    package func flush(timeoutMilliseconds: Int32) throws {
        try core.flush(timeoutMilliseconds: timeoutMilliseconds)
    }

    /// Sends what is queued for up to `flushMilliseconds`, reports the rest as failed, and stops. May be called again.
    package func close(flushMilliseconds: Int32 = 10_000) {
        core.requestStop(flushMilliseconds: flushMilliseconds)
        core.waitUntilStopped()
    }

    /// The next offset to be written of every partition of a topic. Asks the brokers and blocks its thread; records of
    /// this producer that are still queued are not in it.
    ///
    /// A topic that does not exist is asked for, as sending to it does: brokers that are set to may then make it.
    ///
    /// - Throws: a retriable `KafkaError` when no broker answers in time or the topic is not there.
    package func endOffsets(of topic: String, timeoutMilliseconds: Int32 = 5000) throws -> [TopicPartition: Int64] {
        try core.endOffsets(of: topic, timeoutMilliseconds: timeoutMilliseconds)
    }

    /// Records queued or in flight.
    package var queued: Int { core.queued }

    /// The last statistics of librdkafka (STATISTICS.md), JSON; nil unless `statistics.interval.ms` is set.
    package var statisticsJSON: String? { core.observed { $0.statistics } }

    /// The last error of the client itself; nil when there was none. Failed records are told to their `onDelivery`.
    package var lastError: KafkaError? { core.observed { $0.lastError } }
}
