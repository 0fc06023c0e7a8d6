// SPDX-License-Identifier: Apache-2.0

import Kafka
import Logging
import Synchronization

/// Sends what a partition's outbox holds and remembers what Kafka has confirmed. A record stays in the outbox until then;
/// one that could not be delivered is sent again. Used by the partition's thread; reports come from librdkafka's.
final class OutboxSender: Sendable {
    private struct Reports {
        var delivered: [Int64] = []
        var failed: [PartitionStore.Outgoing] = []
        var waiting = 0
    }

    private let producer: KafkaProducer
    private let logger: Logger
    private let reports = Mutex(Reports())

    init(producer: KafkaProducer, logger: Logger) {
        self.producer = producer
        self.logger = logger
    }

    /// Records on their way.
    var waiting: Int { reports.withLock { $0.waiting } }
    /// Whether a record has to be sent again.
    var hasFailed: Bool { reports.withLock { !$0.failed.isEmpty } }
    var hasDelivered: Bool { reports.withLock { !$0.delivered.isEmpty } }

    func send(_ records: [PartitionStore.Outgoing]) {
        for record in records {
            reports.withLock { $0.waiting += 1 }
            do {
                try producer.send(
                    topic: record.topic, key: record.key, payload: record.payload, headers: record.headers,
                    partition: nil, timestampMilliseconds: nil
                ) { [weak self] result in
                    self?.report(record, result.map { _ in () })
                }
            } catch {
                report(record, .failure(error))
            }
        }
    }

    /// Sends again what failed.
    func retry() {
        send(
            reports.withLock { reports in
                defer { reports.failed = [] }
                return reports.failed
            })
    }

    /// Confirmed since the last call: may leave the outbox.
    func takeDelivered() -> [Int64] {
        reports.withLock { reports in
            defer { reports.delivered = [] }
            return reports.delivered
        }
    }

    /// Puts ids back whose removal could not be written.
    func keepDelivered(_ ids: [Int64]) {
        reports.withLock { $0.delivered += ids }
    }

    private func report(_ record: PartitionStore.Outgoing, _ result: Result<Void, some Error>) {
        reports.withLock { reports in
            reports.waiting -= 1
            switch result {
            case .success: reports.delivered.append(record.id)
            case .failure: reports.failed.append(record)
            }
        }
        if case .failure(let error) = result {
            logger.warning("a record for \(record.topic) was not delivered and is kept: \(error)")
        }
    }
}
