// SPDX-License-Identifier: Apache-2.0

package import Following
package import Kafka
package import Logging
package import Metrics
import Telemetry

/// The database of counts, and the thread that counts the audit topic into it: sums and offsets in one transaction. It reads where the
/// database says; the group's own offsets are for those who watch the lag.
package struct ActivityFollower: Sendable {
    /// What a follower needs to know.
    package struct Configuration: Sendable {
        /// librdkafka properties, at least `bootstrap.servers`.
        package var kafka: KafkaProperties
        package var group: String
        /// The topic of audit events.
        package var topic: String
        /// The SQLite file; its folder must exist.
        package var databasePath: String
        package var settings: ActivitySettings
        package var retention: ActivityRetention

        package init(
            kafka: KafkaProperties, databasePath: String, settings: ActivitySettings,
            group: String = "gatewatch-hub-activity", topic: String = "gatewatch.audit",
            retention: ActivityRetention = ActivityRetention()
        ) {
            self.kafka = kafka
            self.group = group
            self.topic = topic
            self.databasePath = databasePath
            self.settings = settings
            self.retention = retention
        }
    }

    /// The database, for who reads.
    package let store: ActivityStore
    package let follower: TopicFollower

    /// Opens the database; nothing is read before the follower is started. A hub works without: its health is not required.
    ///
    /// - Parameter metrics: where `gatewatch_hub_activity_events_total{outcome}` and `gatewatch_hub_activity_lag` go.
    /// - Throws: ``ActivityError``.
    package init(configuration: Configuration, logger: Logger, metrics: any MetricsFactory) throws {
        let database = try ActivitySchema.open(path: configuration.databasePath)
        let counters = TopicFollower.counters(
            "gatewatch_hub_activity_events_total", outcomes: ["counted", "repeated", "unreadable"], metrics: metrics)
        store = ActivityStore(database)
        follower = TopicFollower(
            .init(
                name: "activity", records: "audit events", kafka: configuration.kafka, group: configuration.group,
                topic: configuration.topic, databasePath: configuration.databasePath, batchRecords: 2_000,
                writeInterval: 1_000, writeRecords: 20_000),
            logger: logger, lag: Gauge(label: "gatewatch_hub_activity_lag", factory: metrics)
        ) {
            let writer = try ActivityWriter(
                database: database, settings: configuration.settings, now: RFC3339.nowMilliseconds())
            return ActivitySink(writer, configuration.retention, logger: logger, counters: counters)
        }
    }
}

/// Counts events as they are read.
private final class ActivitySink: RecordSink {
    private let writer: ActivityWriter
    private let retention: ActivityRetention
    private let logger: Logger
    private let counters: [String: Counter]
    private var reported = ActivityWriter.Counts()

    init(_ writer: ActivityWriter, _ retention: ActivityRetention, logger: Logger, counters: [String: Counter]) {
        self.writer = writer
        self.retention = retention
        self.logger = logger
        self.counters = counters
    }

    var pending: Int { writer.pending }

    var chores: [Chore] {
        [
            Chore("old activity cannot be deleted", every: 600_000) { [self] now in
                try writer.prune(retention, now: now)
            }
        ]
    }

    func starts(of partitions: [TopicPartition]) throws -> [TopicPartition: Int64] {
        var starts: [TopicPartition: Int64] = [:]
        for partition in partitions { starts[partition] = try writer.start(of: partition) }
        return starts
    }

    func take(_ record: borrowing ConsumerRecord) {
        writer.take(
            record.topicPartition, offset: record.offset, timestamp: record.timestampMilliseconds,
            payload: record.payload)
    }

    func write() throws -> [TopicPartition: Int64] {
        do {
            try writer.commit()
        } catch let error as ActivityWriter.Overtaken {
            throw ReadAnew("\(error)")
        }
        report()
        return writer.offsets
    }

    /// Offsets and counts go together: what cannot be written now is read again, here or elsewhere.
    func letGo(_ partitions: [TopicPartition], isLost: Bool) throws {
        if isLost {
            // Whoever has them now may have counted what is added up here.
            throw ReadAnew("the group gave this hub's partitions to another member: it did not poll in time")
        }
        _ = try write()
        writer.letGo(partitions)
    }

    private func report() {
        let counts = writer.counts
        counters["counted"]?.increment(by: counts.events - reported.events)
        counters["repeated"]?.increment(by: counts.repeated - reported.repeated)
        counters["unreadable"]?.increment(by: counts.unreadable - reported.unreadable)
        if counts.unreadable > reported.unreadable, let last = writer.lastUnreadable {
            logger.warning(
                "events that cannot be read are not counted",
                metadata: ["records": "\(counts.unreadable - reported.unreadable)", "last": "\(last)"])
        }
        reported = counts
    }
}
