// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Dispatch
import Foundation
import Synchronization

/// What the producer and its thread share. The thread holds this and not the producer, so that letting go of the producer
/// stops the thread.
///
/// `@unchecked Sendable`: every field is a constant; the handle, the context's own fields, the mutexes and the semaphore
/// are safe from any thread.
final class ProducerCore: @unchecked Sendable {
    private struct State {
        var accepts = true
        var stop: Int32?
        var thread: pthread_t?
    }

    private let handle: ClientHandle
    private let context: ClientContext
    private let state = Mutex(State())
    private let stopped = DispatchSemaphore(value: 0)

    init(handle: ClientHandle, context: ClientContext) {
        self.handle = handle
        self.context = context
    }

    var queued: Int { Int(rd_kafka_outq_len(handle.pointer)) }

    func observed<R>(_ read: (ClientContext.Observed) -> R) -> R {
        context.observed.withLock { read($0) }
    }

    func start() {
        let thread = Thread { self.run() }
        thread.name = "kafka-producer"
        thread.start()
    }

    func produce(_ record: OutgoingRecord, _ report: DeliveryReport) throws {
        // Under the lock, which is short because librdkafka only queues: after a stop no record slips in unreported.
        try state.withLock { state in
            guard state.accepts else { throw KafkaError.closed("producer") }
            let opaque = Unmanaged.passRetained(report)
            do {
                try record.enqueue(on: handle.pointer, report: opaque.toOpaque())
            } catch {
                opaque.release()
                throw error
            }
        }
    }

    func flush(timeoutMilliseconds: Int32) throws {
        let code = rd_kafka_flush(handle.pointer, timeoutMilliseconds)
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        throw KafkaError(
            code,
            "\(queued) records were not delivered within \(timeoutMilliseconds) ms: they stay queued. Is Kafka reachable?"
        )
    }

    func endOffsets(of topic: String, timeoutMilliseconds: Int32) throws(KafkaError) -> [TopicPartition: Int64] {
        let counts = try ClusterQuery.partitionCounts(of: topic, on: handle.pointer, timeoutMilliseconds)
        guard let count = counts[topic], count > 0 else {
            throw KafkaError(
                RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                "The topic \"\(topic)\" does not exist (yet): create it or correct its name.")
        }
        let partitions = (0..<count).map { TopicPartition(topic: topic, partition: Int32($0)) }
        return try ClusterQuery.endOffsets(of: partitions, on: handle.pointer, timeoutMilliseconds)
    }

    /// The first request decides how long the thread goes on flushing.
    func requestStop(flushMilliseconds: Int32) {
        state.withLock { state in
            state.accepts = false
            if state.stop == nil { state.stop = flushMilliseconds }
        }
    }

    /// Returns when the thread has reported every record. From a delivery callback, on that very thread, it returns at once.
    func waitUntilStopped() {
        let own = state.withLock { $0.thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
        if own { return }
        stopped.wait()
        stopped.signal()  // for the next caller
    }

    private func run() {
        state.withLock { $0.thread = pthread_self() }
        while true {
            rd_kafka_poll(handle.pointer, 100)
            guard let flush = state.withLock({ $0.stop }) else { continue }
            rd_kafka_flush(handle.pointer, flush)
            if rd_kafka_outq_len(handle.pointer) > 0 {
                rd_kafka_purge(handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
                rd_kafka_flush(handle.pointer, 5000)
            }
            break
        }
        stopped.signal()
    }
}
