// SPDX-License-Identifier: Apache-2.0
import Delivery
import Foundation
import Kafka
import Logging
import Metrics
import Synchronization
import Telemetry

/// The thread that reads alerts: poll, store in one transaction, then commit the offsets. At least once; repeats are known
/// by their id.
final class AlertConsumer: Sendable {
    /// How the thread is doing.
    struct Status: Sendable, Equatable {
        var isRunning = false
        /// Milliseconds since the epoch.
        var lastPollAt: Int64 = 0
        var partitions = 0
        var lag: Int64 = 0
        /// Set while alerts cannot be stored.
        var storageError: String?
        var kafkaError: String?
    }

    private static let batchRecords = 100
    private static let pollMilliseconds: Int32 = 250
    private static let pruneInterval: Int64 = 3_600_000
    private static let lagInterval: Int64 = 5_000
    /// Waits in milliseconds between tries when SQLite or Kafka fails.
    private static let backoff: [Int64] = [200, 1_000, 5_000, 15_000, 30_000]

    private let configuration: HubConfiguration
    private let store: AlertStore
    private let outbox: DeliveryOutbox
    private let clock: NotificationClock
    private let logger: Logger
    private let counters: [String: Counter]
    private let notifications: Counter
    private let lagGauge: Gauge
    private let state = Mutex(Status())
    private let isStopping = Atomic<Bool>(false)

    init(
        configuration: HubConfiguration, store: AlertStore, outbox: DeliveryOutbox, clock: NotificationClock,
        logger: Logger, metrics: any MetricsFactory
    ) {
        self.configuration = configuration
        self.store = store
        self.outbox = outbox
        self.clock = clock
        self.logger = logger
        counters = Dictionary(
            uniqueKeysWithValues: ["stored", "experimental", "repeated", "unreadable"].map { outcome in
                (
                    outcome,
                    Counter(
                        label: "gatewatch_hub_alerts_total", dimensions: [("outcome", outcome)], factory: metrics)
                )
            })
        notifications = Counter(label: NotificationClock.counterLabel, factory: metrics)
        lagGauge = Gauge(label: "gatewatch_hub_lag", factory: metrics)
    }

    var status: Status { state.withLock { $0 } }

    func requestStop() { isStopping.store(true, ordering: .releasing) }

    private var shouldStop: Bool { isStopping.load(ordering: .acquiring) }

    /// Reads until asked to stop; blocks the thread.
    ///
    /// - Throws: `KafkaError` if the consumer cannot even be made: the configuration is wrong.
    func run() throws {
        state.withLock { $0.isRunning = true }
        defer { state.withLock { $0.isRunning = false } }
        var failures = 0
        while !shouldStop {
            let pending = PendingRecords()
            let consumer: KafkaConsumer
            do {
                consumer = try KafkaConsumer(
                    properties: configuration.kafka, group: configuration.group, topics: [configuration.topic],
                    logger: logger,
                    onRebalance: { event in
                        switch event {
                        case .assigned: break
                        // Not stored yet, not committed: whoever has the partition next reads them again.
                        case .revoked(let partitions), .lost(let partitions): pending.drop(partitions)
                        }
                        return [:]
                    })
            } catch  where failures > 0 {
                logger.error("the Kafka consumer cannot be made again; trying on", metadata: ["error": "\(error)"])
                pause(Self.backoff[min(failures, Self.backoff.count - 1)])
                failures += 1
                continue
            }
            do {
                try consume(consumer, pending)
            } catch {
                state.withLock { $0.kafkaError = "\(error)" }
                logger.error("the Kafka consumer failed and is made anew", metadata: ["error": "\(error)"])
                failures += 1
                consumer.close()
                pause(Self.backoff[min(failures, Self.backoff.count - 1)])
                continue
            }
            consumer.close()
        }
    }

    private func consume(_ consumer: KafkaConsumer, _ pending: PendingRecords) throws {
        var lastPrune: Int64 = 0
        var lastLag: Int64 = 0
        while !shouldStop {
            _ = try consumer.poll(maxRecords: Self.batchRecords, timeoutMilliseconds: Self.pollMilliseconds) {
                pending.append($0)
            }
            if !pending.records.isEmpty { try storeAll(consumer, pending) }
            let now = RFC3339.nowMilliseconds()
            note(consumer, now)
            if now - lastLag >= Self.lagInterval {
                lastLag = now
                let lag = consumer.lag().values.reduce(0, +)
                lagGauge.record(lag)
                state.withLock { $0.lag = lag }
            }
            if now - lastPrune >= Self.pruneInterval {
                lastPrune = now
                prune(now)
            }
        }
    }

    /// Stores what is pending, however long it takes, and stays in the group meanwhile. Gives up only when stopped: then
    /// nothing is committed and the records come again.
    private func storeAll(_ consumer: KafkaConsumer, _ pending: PendingRecords) throws {
        var failures = 0
        while !pending.records.isEmpty {
            let outcome: AlertStore.Outcome
            do {
                outcome = try store.store(pending.records)
            } catch {
                let wait = Self.backoff[min(failures, Self.backoff.count - 1)]
                failures += 1
                logger.error(
                    """
                    alerts cannot be stored, trying again in \(wait) ms; nothing is lost, they stay in Kafka: check the \
                    space and permissions of the database's disk
                    """,
                    metadata: ["database": .string(configuration.databasePath), "error": "\(error)"])
                state.withLock { $0.storageError = "\(error)" }
                if shouldStop { return }
                try stayInGroup(consumer, pending, milliseconds: wait)
                continue
            }
            count(outcome)
            clock.wake()
            let offsets = pending.nextOffsets
            pending.removeAll()
            do {
                // Not waited for: should it be lost, the repeats are dropped by their id.
                try consumer.commit(offsets, wait: false)
            } catch {
                logger.warning(
                    "offsets were not committed; the next commit covers them", metadata: ["error": "\(error)"])
            }
        }
        if failures > 0 {
            logger.notice("alerts are stored again")
            state.withLock { $0.storageError = nil }
            try consumer.resume(consumer.assignment)
        }
    }

    /// Waits while polling: a consumer that does not poll is put out of its group. What comes all the same is kept.
    private func stayInGroup(_ consumer: KafkaConsumer, _ pending: PendingRecords, milliseconds: Int64) throws {
        let until = RFC3339.nowMilliseconds() + milliseconds
        while !shouldStop, RFC3339.nowMilliseconds() < until {
            try consumer.pause(consumer.assignment)
            _ = try consumer.poll(maxRecords: Self.batchRecords, timeoutMilliseconds: 100) { pending.append($0) }
            note(consumer, RFC3339.nowMilliseconds())
        }
    }

    private func note(_ consumer: KafkaConsumer, _ now: Int64) {
        let partitions = consumer.assignment.count
        let error = consumer.lastError.map(\.description)
        state.withLock {
            $0.lastPollAt = now
            $0.partitions = partitions
            $0.kafkaError = error
        }
    }

    private func count(_ outcome: AlertStore.Outcome) {
        counters["stored"]?.increment(by: outcome.stored)
        counters["experimental"]?.increment(by: outcome.experimental)
        counters["repeated"]?.increment(by: outcome.repeated)
        notifications.increment(by: outcome.notifications)
        counters["unreadable"]?.increment(by: outcome.unreadable.count)
        for unreadable in outcome.unreadable {
            logger.error(
                "an alert cannot be read and is passed over; it is kept in unreadable_alerts",
                metadata: ["record": .string(unreadable.place), "reason": .string(unreadable.reason)])
        }
    }

    private func prune(_ now: Int64) {
        do {
            try outbox.prune(deliveredBefore: now - configuration.deliveredRetentionMilliseconds)
        } catch {
            logger.warning("old deliveries were not pruned; trying again in an hour", metadata: ["error": "\(error)"])
        }
    }

    private func pause(_ milliseconds: Int64) {
        let until = RFC3339.nowMilliseconds() + milliseconds
        while !shouldStop, RFC3339.nowMilliseconds() < until { Thread.sleep(forTimeInterval: 0.1) }
    }
}

/// Records that were read and not stored yet; used on the consumer's thread only.
private final class PendingRecords {
    private(set) var records: [ReceivedRecord] = []

    /// Per partition the next offset to read once these records are stored.
    var nextOffsets: [TopicPartition: Int64] {
        var offsets: [TopicPartition: Int64] = [:]
        for record in records {
            let partition = TopicPartition(topic: record.topic, partition: record.partition)
            offsets[partition] = max(offsets[partition] ?? 0, record.offset + 1)
        }
        return offsets
    }

    func append(_ record: borrowing ConsumerRecord) {
        // One byte over the limit is enough to see that it is over.
        let payload = record.payload.map { Array($0.prefix(Alert.maximumBytes + 1)) }
        records.append(
            ReceivedRecord(
                topic: record.topicPartition.topic, partition: record.topicPartition.partition, offset: record.offset,
                timestamp: record.timestampMilliseconds ?? -1,
                key: record.key.map { String(decoding: $0.prefix(512), as: UTF8.self) }, payload: payload))
    }

    func drop(_ partitions: [TopicPartition]) {
        let gone = Set(partitions)
        records.removeAll { gone.contains(TopicPartition(topic: $0.topic, partition: $0.partition)) }
    }

    func removeAll() { records.removeAll(keepingCapacity: true) }
}
