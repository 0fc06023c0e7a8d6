// SPDX-License-Identifier: Apache-2.0

import Delivery
import Following
import Kafka
import Logging
import Metrics

/// Stores alerts as they are read. Where to read on is the group's own offsets; repeats are known by their id.
final class AlertSink: RecordSink {
    private let store: AlertStore
    private let clock: NotificationClock
    private let logger: Logger
    private let counters: [String: Counter]
    private let notifications: Counter
    private var records = PendingRecords(maximumBytes: Alert.maximumBytes)
    let chores: [Chore]

    private init(
        store: AlertStore, clock: NotificationClock, logger: Logger, counters: [String: Counter],
        notifications: Counter, chores: [Chore]
    ) {
        self.store = store
        self.clock = clock
        self.logger = logger
        self.counters = counters
        self.notifications = notifications
        self.chores = chores
    }

    /// The thread that reads alerts.
    static func follower(
        configuration: HubConfiguration, store: AlertStore, outbox: DeliveryOutbox, clock: NotificationClock,
        logger: Logger, metrics: any MetricsFactory
    ) -> TopicFollower {
        let counters = TopicFollower.counters(
            "gatewatch_hub_alerts_total", outcomes: ["stored", "experimental", "repeated", "unreadable"],
            metrics: metrics)
        let notifications = Counter(label: NotificationClock.counterLabel, factory: metrics)
        return TopicFollower(
            .init(
                name: "consumer", records: "alerts", kafka: configuration.kafka, group: configuration.group,
                topic: configuration.topic, databasePath: configuration.databasePath, isRequired: true,
                batchRecords: 100),
            logger: logger, lag: Gauge(label: "gatewatch_hub_lag", factory: metrics)
        ) {
            AlertSink(
                store: store, clock: clock, logger: logger, counters: counters, notifications: notifications,
                chores: [
                    Chore("old deliveries cannot be deleted", every: 3_600_000) { now in
                        try outbox.prune(deliveredBefore: now - configuration.deliveredRetentionMilliseconds)
                        return false
                    }
                ])
        }
    }

    var pending: Int { records.records.count }

    func starts(of partitions: [TopicPartition]) -> [TopicPartition: Int64] { [:] }

    func take(_ record: borrowing ConsumerRecord) { records.append(record) }

    func write() throws -> [TopicPartition: Int64] {
        count(try store.store(records.records))
        clock.wake()
        return records.removeAll()
    }

    func letGo(_ partitions: [TopicPartition], isLost: Bool) { records.drop(partitions) }

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
}
