// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
package import Kafka
import Logging
import Metrics
import Recordings
package import Signing
import Synchronization
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

/// The thread that keeps recordings: poll, store them with the place in Kafka in one transaction, sign, delete what is old. It reads
/// where the database says; the group's own offsets are for those who watch the lag.
final class RecordingsFollower: Sendable {
    private struct Status {
        var isRunning = false
        /// ms since the epoch.
        var lastPollAt: Int64 = 0
        var partitions = 0
        var lag: Int64 = 0
        /// What cannot be done at present, by what it is.
        var problems: [String: String] = [:]
    }

    /// At most a MiB each, mostly a kilobyte.
    private static let batchRecords = 200
    private static let pollMilliseconds: Int32 = 250
    private static let lagInterval: Int64 = 5_000
    private static let signInterval: Int64 = 1_000
    private static let pruneInterval: Int64 = 600_000
    /// Until a chain that does not fit is walked again.
    private static let retryInterval: Int64 = 60_000
    /// Waits in milliseconds between tries when SQLite or Kafka fails.
    private static let backoff: [Int64] = [200, 1_000, 5_000, 15_000, 30_000]

    /// The database, for who reads.
    let store: RecordingStore
    private let configuration: RecordingsConfiguration
    private let logger: Logger
    private let counters: [String: Counter]
    private let lagGauge: Gauge
    private let bytesGauge: Gauge
    private let state = Mutex(Status())
    private let isStopping = Atomic<Bool>(false)
    private let isStarted = Atomic<Bool>(false)
    private let finished = DispatchSemaphore(value: 0)

    /// Opens the database; nothing is read before ``start()``.
    ///
    /// - Throws: SQLite's error.
    init(configuration: RecordingsConfiguration, logger: Logger, metrics: any MetricsFactory) throws {
        store = try RecordingStore(path: configuration.databasePath)
        self.configuration = configuration
        self.logger = logger
        counters = Dictionary(
            uniqueKeysWithValues: ["stored", "repeated", "unreadable", "deleted"].map { outcome in
                (
                    outcome,
                    Counter(
                        label: "gatewatch_hub_recordings_total", dimensions: [("outcome", outcome)], factory: metrics)
                )
            })
        lagGauge = Gauge(label: "gatewatch_hub_recordings_lag", factory: metrics)
        bytesGauge = Gauge(label: "gatewatch_hub_recordings_bytes", factory: metrics)
    }

    func start() {
        isStarted.store(true, ordering: .releasing)
        let thread = Thread { [self] in
            run()
            finished.signal()
        }
        thread.name = "hub recordings"
        thread.start()
    }

    /// Ends the thread after the transaction that runs.
    func stop() async {
        guard isStarted.load(ordering: .acquiring) else { return }
        isStopping.store(true, ordering: .releasing)
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                self.finished.wait()
                continuation.resume()
            }
        }
    }

    /// Is the thread polling, can it write, does the chain fit. A hub tells of alerts without: the check is not required.
    var health: HealthReport.Check {
        let status = state.withLock { $0 }
        let age = RFC3339.nowMilliseconds() - status.lastPollAt
        let isAlive = status.isRunning && status.lastPollAt > 0 && age < 30_000
        var details = status.problems.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        if !isAlive { details.append("the consumer of recordings is not polling") }
        return HealthReport.Check(
            "recordings", healthy: details.isEmpty,
            detail: details.isEmpty
                ? "\(status.partitions) partitions, lag \(status.lag)" : details.joined(separator: "; "),
            isRequired: false)
    }

    private var shouldStop: Bool { isStopping.load(ordering: .acquiring) }

    private func run() {
        state.withLock { $0.isRunning = true }
        defer { state.withLock { $0.isRunning = false } }
        var failures = 0
        while !shouldStop {
            do {
                try follow { failures = 0 }
            } catch {
                let wait = Self.backoff[min(failures, Self.backoff.count - 1)]
                failures += 1
                trouble("recordings cannot be read", error)
                pause(wait)
            }
        }
    }

    /// One consumer's life.
    private func follow(progress: () -> Void) throws {
        let pending = PendingRecordings()
        let consumer = try KafkaConsumer(
            properties: configuration.kafka, group: configuration.group, topics: [configuration.topic], logger: logger
        ) { [store, topic = configuration.topic] event in
            switch event {
            case .assigned(let partitions):
                do {
                    let positions = try store.positions(topic: topic)
                    return Dictionary(
                        uniqueKeysWithValues: partitions.compactMap { partition in
                            positions[partition.partition].map { (partition, $0) }
                        })
                } catch {
                    pending.failure = error
                }
            // Not stored yet: whoever has the partition next reads them again, and knows repeats by their uid.
            case .revoked(let partitions), .lost(let partitions): pending.drop(partitions)
            }
            return [:]
        }
        defer { consumer.close() }
        // A clock that was set back must not stop the work: no pause is longer than that of pruning.
        var next = (lag: Int64(0), sign: Int64(0), prune: Int64(0))
        func isDue(_ time: Int64, _ now: Int64) -> Bool { now >= time || time - now > Self.pruneInterval }
        while !shouldStop {
            _ = try consumer.poll(maxRecords: Self.batchRecords, timeoutMilliseconds: Self.pollMilliseconds) {
                pending.append($0)
            }
            if let failure = pending.failure { throw failure }
            let now = RFC3339.nowMilliseconds()
            note(consumer, now)
            if !pending.records.isEmpty {
                try storeAll(consumer, pending)
                progress()
            }
            if isDue(next.lag, now) {
                next.lag = now + Self.lagInterval
                let lag = consumer.lag().values.reduce(0, +)
                lagGauge.record(lag)
                state.withLock { $0.lag = lag }
            }
            if isDue(next.sign, now) {
                let isDone = attempt("recordings cannot be signed") { try sign(now) }
                next.sign = now + (isDone ? Self.signInterval : Self.retryInterval)
            }
            if isDue(next.prune, now) {
                next.prune = now + Self.pruneInterval
                // One step a round; what is left follows at once, between records.
                attempt("old recordings cannot be deleted") { if try prune(now) { next.prune = now } }
            }
        }
        attempt("recordings cannot be signed") { try sign(RFC3339.nowMilliseconds()) }
    }

    /// Stores what is pending, however long it takes, and stays in the group meanwhile.
    private func storeAll(_ consumer: KafkaConsumer, _ pending: PendingRecordings) throws {
        var failures = 0
        while !pending.records.isEmpty {
            let outcome: RecordingStore.Outcome
            do {
                outcome = try store.store(pending.records, now: RFC3339.nowMilliseconds())
            } catch {
                trouble("recordings cannot be stored, they stay in Kafka", error)
                let wait = Self.backoff[min(failures, Self.backoff.count - 1)]
                failures += 1
                if shouldStop { return }
                try stayInGroup(consumer, milliseconds: wait)
                if let failure = pending.failure { throw failure }
                continue
            }
            if failures > 0 { try consumer.resume(consumer.assignment) }
            settled("recordings cannot be stored, they stay in Kafka")
            settled("recordings cannot be read")
            count(outcome)
            let offsets = pending.nextOffsets
            pending.removeAll()
            do {
                try consumer.commit(offsets, wait: false)
            } catch {
                logger.debug("the group's offsets were not committed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Waits while polling: a consumer that does not poll is put out of its group. All partitions are paused, so nothing comes.
    private func stayInGroup(_ consumer: KafkaConsumer, milliseconds: Int64) throws {
        let until = RFC3339.nowMilliseconds() + milliseconds
        try consumer.pause(consumer.assignment)
        while !shouldStop, RFC3339.nowMilliseconds() < until {
            _ = try consumer.poll(maxRecords: 1, timeoutMilliseconds: 100) { _ in throw UnexpectedRecord() }
            note(consumer, RFC3339.nowMilliseconds())
        }
    }

    /// A partition was assigned meanwhile: the consumer is made anew and reads from where the database says.
    private struct UnexpectedRecord: Error, CustomStringConvertible {
        let description = "a record came while nothing could be stored"
    }

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

    private func note(_ consumer: KafkaConsumer, _ now: Int64) {
        let partitions = consumer.assignment.count
        state.withLock {
            $0.lastPollAt = now
            $0.partitions = partitions
        }
    }

    // MARK: Problems

    @discardableResult
    private func attempt(_ complaint: String, _ work: () throws -> Void) -> Bool {
        do {
            try work()
            settled(complaint)
            return true
        } catch {
            trouble(complaint, error)
            return false
        }
    }

    private func trouble(_ complaint: String, _ error: any Error) {
        let isNew = state.withLock { $0.problems.updateValue("\(error)", forKey: complaint) != "\(error)" }
        guard isNew else { return }
        logger.error(
            "\(complaint); trying again",
            metadata: ["database": "\(configuration.databasePath)", "error": "\(error)"])
    }

    private func settled(_ complaint: String) {
        let was = state.withLock { $0.problems.removeValue(forKey: complaint) }
        if was != nil { logger.notice("done again", metadata: ["before": "\(complaint)"]) }
    }

    private func pause(_ milliseconds: Int64) {
        let until = RFC3339.nowMilliseconds() + milliseconds
        while !shouldStop, RFC3339.nowMilliseconds() < until { Thread.sleep(forTimeInterval: 0.1) }
    }
}

/// Records that were read and not stored yet; used on the consumer's thread only.
private final class PendingRecordings {
    private(set) var records: [ReceivedRecording] = []
    /// What went wrong inside a rebalance, to be thrown outside of it.
    var failure: (any Error)?

    /// Per partition the next offset to read once these records are stored.
    var nextOffsets: [TopicPartition: Int64] {
        var offsets: [TopicPartition: Int64] = [:]
        for record in records {
            offsets[TopicPartition(topic: record.topic, partition: record.partition)] = record.offset + 1
        }
        return offsets
    }

    func append(_ record: borrowing ConsumerRecord) {
        // One byte over the limit is enough to see that it is over.
        let payload = record.payload.map { Array($0.prefix(Recording.maximumBytes + 1)) }
        records.append(
            ReceivedRecording(
                topic: record.topicPartition.topic, partition: record.topicPartition.partition, offset: record.offset,
                payload: payload))
    }

    func drop(_ partitions: [TopicPartition]) {
        let gone = Set(partitions)
        records.removeAll { gone.contains(TopicPartition(topic: $0.topic, partition: $0.partition)) }
    }

    func removeAll() { records.removeAll(keepingCapacity: true) }
}
