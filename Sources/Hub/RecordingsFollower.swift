// SPDX-License-Identifier: Apache-2.0

import Following
package import Kafka
import Logging
import Metrics
import Recordings
package import Signing
import Telemetry

/// What the hub needs to know to keep recordings.
package struct RecordingsConfiguration: Sendable {
    /// librdkafka properties, at least `bootstrap.servers`.
    package var kafka: KafkaProperties
    package var group: String
    package var topic: String
    /// The SQLite file, beside the hub's; its folder must exist.
    package var databasePath: String
    /// Recordings go after so long, ms.
    package var retention: Int64
    /// The oldest go earlier when the file grows over so many bytes.
    package var maximumBytes: Int64
    /// Signs heads of the chain and cuts; nil to sign none.
    package var key: SigningKey?

    package init(
        kafka: KafkaProperties, databasePath: String, group: String = "gatewatch-hub-recordings",
        topic: String = "gatewatch.recordings", retention: Int64 = 30 * 86_400_000, maximumBytes: Int64 = 50 << 30,
        key: SigningKey? = nil
    ) {
        self.kafka = kafka
        self.databasePath = databasePath
        self.group = group
        self.topic = topic
        self.retention = retention
        self.maximumBytes = maximumBytes
        self.key = key
    }
}

/// The database of recordings, and the thread that fills it: recordings and the place in Kafka in one transaction. It reads where
/// the database says; the group's own offsets are for those who watch the lag.
struct RecordingsFollower: Sendable {
    /// The database, for who reads.
    let store: RecordingStore
    let follower: TopicFollower

    /// Opens the database.
    ///
    /// - Throws: SQLite's error.
    init(configuration: RecordingsConfiguration, logger: Logger, metrics: any MetricsFactory) throws {
        let store = try RecordingStore(path: configuration.databasePath)
        let counters = TopicFollower.counters(
            "gatewatch_hub_recordings_total", outcomes: ["stored", "repeated", "unreadable", "deleted"],
            metrics: metrics)
        let bytesGauge = Gauge(label: "gatewatch_hub_recordings_bytes", factory: metrics)
        self.store = store
        follower = TopicFollower(
            .init(
                name: "recordings", records: "recordings", kafka: configuration.kafka, group: configuration.group,
                topic: configuration.topic, databasePath: configuration.databasePath,
                // At most a MiB each, mostly a kilobyte.
                batchRecords: 200),
            logger: logger, lag: Gauge(label: "gatewatch_hub_recordings_lag", factory: metrics)
        ) {
            RecordingSink(
                configuration: configuration, store: store, logger: logger, counters: counters, bytesGauge: bytesGauge)
        }
    }
}

/// Stores recordings as they are read, signs heads of their chain, deletes what is old. Repeats are known by their uid.
private final class RecordingSink: RecordSink {
    private let configuration: RecordingsConfiguration
    private let store: RecordingStore
    private let logger: Logger
    private let counters: [String: Counter]
    private let bytesGauge: Gauge
    private var records = PendingRecords(maximumBytes: Recording.maximumBytes)

    init(
        configuration: RecordingsConfiguration, store: RecordingStore, logger: Logger, counters: [String: Counter],
        bytesGauge: Gauge
    ) {
        self.configuration = configuration
        self.store = store
        self.logger = logger
        self.counters = counters
        self.bytesGauge = bytesGauge
    }

    var pending: Int { records.records.count }

    var chores: [Chore] {
        [
            Chore("recordings cannot be signed", every: 1_000, runsAtEnd: true) { [self] now in
                try sign(now)
                return false
            },
            Chore("old recordings cannot be deleted", every: 600_000) { [self] now in try prune(now) },
        ]
    }

    func starts(of partitions: [TopicPartition]) throws -> [TopicPartition: Int64] {
        let positions = try store.positions(topic: configuration.topic)
        return Dictionary(
            uniqueKeysWithValues: partitions.compactMap { partition in
                positions[partition.partition].map { (partition, $0) }
            })
    }

    func take(_ record: borrowing ConsumerRecord) { records.append(record) }

    func write() throws -> [TopicPartition: Int64] {
        let received = records.records.map {
            ReceivedRecording(topic: $0.topic, partition: $0.partition, offset: $0.offset, payload: $0.payload)
        }
        count(try store.store(received, now: RFC3339.nowMilliseconds()))
        return records.removeAll()
    }

    func letGo(_ partitions: [TopicPartition], isLost: Bool) { records.drop(partitions) }

    private func sign(_ now: Int64) throws {
        guard let key = configuration.key, let head = try store.signIfDue(by: key, now: now) else { return }
        // A copy outside the database: who rewrites that one cannot rewrite this line.
        logger.info(
            "a head of the recordings is signed; check it with gatewatch evidence verify --recordings-head SEQUENCE:HASH",
            metadata: ["sequence": "\(head.sequence)", "hash": "\(head.hash)"])
    }

    /// - Returns: whether there may be more.
    private func prune(_ now: Int64) throws -> Bool {
        let bytes = try store.size().bytes
        bytesGauge.record(bytes)
        // Too large: the oldest thousand, whatever their age.
        let cutoff = bytes > configuration.maximumBytes ? .max : now - configuration.retention
        let deleted = try store.prune(before: cutoff, by: configuration.key, now: now)
        counters["deleted"]?.increment(by: deleted)
        return deleted > 0
    }

    private func count(_ outcome: RecordingStore.Outcome) {
        counters["stored"]?.increment(by: outcome.stored)
        counters["repeated"]?.increment(by: outcome.repeated)
        counters["unreadable"]?.increment(by: outcome.unreadable.count)
        if let first = outcome.unreadable.first {
            logger.error(
                "recordings cannot be read and are passed over",
                metadata: ["records": "\(outcome.unreadable.count)", "first": "\(first)"])
        }
    }
}
