// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import GRDB
package import Kafka
package import Logging
package import Metrics
import Synchronization
package import Telemetry

/// The thread that counts the audit topic: poll, add up, write sums and offsets in one transaction. It reads where the database
/// says; the group's own offsets are for those who watch the lag.
package final class ActivityFollower: Sendable {
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

    private struct Status {
        var isRunning = false
        /// Milliseconds since the epoch.
        var lastPollAt: Int64 = 0
        var partitions = 0
        var lag: Int64 = 0
        var storageError: String?
        var kafkaError: String?
    }

    private static let batchRecords = 2_000
    private static let pollMilliseconds: Int32 = 250
    /// A commit at least so often while events come, ms, and after so many records.
    private static let commitInterval: Int64 = 1_000
    private static let commitRecords = 20_000
    private static let pruneInterval: Int64 = 600_000
    private static let lagInterval: Int64 = 5_000
    /// Waits in milliseconds between tries when SQLite or Kafka fails.
    private static let backoff: [Int64] = [200, 1_000, 5_000, 15_000, 30_000]

    /// The database, for who reads.
    package let store: ActivityStore
    private let configuration: Configuration
    private let database: any DatabaseWriter
    private let logger: Logger
    private let counters: [String: Counter]
    private let lagGauge: Gauge
    private let state = Mutex(Status())
    private let isStopping = Atomic<Bool>(false)
    private let isStarted = Atomic<Bool>(false)
    private let finished = DispatchSemaphore(value: 0)

    /// Opens the database; nothing is read before ``start()``.
    ///
    /// - Parameter metrics: where `gatewatch_hub_activity_events_total{outcome}` and `gatewatch_hub_activity_lag` go.
    /// - Throws: ``ActivityError``.
    package init(configuration: Configuration, logger: Logger, metrics: any MetricsFactory) throws {
        let database = try ActivitySchema.open(path: configuration.databasePath)
        self.database = database
        store = ActivityStore(database)
        self.configuration = configuration
        self.logger = logger
        counters = Dictionary(
            uniqueKeysWithValues: ["counted", "repeated", "unreadable"].map { outcome in
                (
                    outcome,
                    Counter(
                        label: "gatewatch_hub_activity_events_total", dimensions: [("outcome", outcome)],
                        factory: metrics)
                )
            })
        lagGauge = Gauge(label: "gatewatch_hub_activity_lag", factory: metrics)
    }

    /// Starts the thread.
    package func start() {
        isStarted.store(true, ordering: .releasing)
        let thread = Thread { [self] in
            run()
            finished.signal()
        }
        thread.name = "hub activity"
        thread.start()
    }

    /// Ends the thread after its last commit.
    package func stop() async {
        guard isStarted.load(ordering: .acquiring) else { return }
        isStopping.store(true, ordering: .releasing)
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                self.finished.wait()
                continuation.resume()
            }
        }
    }

    /// Is the thread polling, can it write. A hub works without: the check is not required.
    package var health: HealthReport.Check {
        let status = state.withLock { $0 }
        let age = RFC3339.nowMilliseconds() - status.lastPollAt
        if let error = status.storageError {
            return .init("activity", healthy: false, detail: "cannot be written: \(error)", isRequired: false)
        }
        guard status.isRunning, status.lastPollAt > 0, age < 30_000 else {
            return .init(
                "activity", healthy: false,
                detail: "the consumer of audit events is not polling" + (status.kafkaError.map { ": \($0)" } ?? ""),
                isRequired: false)
        }
        return .init(
            "activity", healthy: true, detail: "\(status.partitions) partitions, lag \(status.lag)", isRequired: false)
    }

    private var shouldStop: Bool { isStopping.load(ordering: .acquiring) }

    private func run() {
        state.withLock { $0.isRunning = true }
        defer { state.withLock { $0.isRunning = false } }
        var failures = 0
        while !shouldStop {
            do {
                try follow { failures = 0 }
            } catch let overtaken as ActivityWriter.Overtaken {
                logger.warning("\(overtaken)")
            } catch {
                let wait = Self.backoff[min(failures, Self.backoff.count - 1)]
                failures += 1
                state.withLock { $0.kafkaError = "\(error)" }
                logger.error(
                    "audit events cannot be counted; trying again in \(wait) ms", metadata: ["error": "\(error)"])
                pause(wait)
            }
        }
    }

    /// One consumer's life.
    private func follow(progress: () -> Void) throws {
        let writer = try ActivityWriter(
            database: database, settings: configuration.settings, now: RFC3339.nowMilliseconds())
        let failure = Failure()
        let consumer = try KafkaConsumer(
            properties: configuration.kafka, group: configuration.group, topics: [configuration.topic], logger: logger
        ) { event in
            switch event {
            case .assigned(let partitions):
                do {
                    var starts: [TopicPartition: Int64] = [:]
                    for partition in partitions { starts[partition] = try writer.start(of: partition) }
                    return starts
                } catch {
                    failure.error = error
                }
            case .revoked(let partitions):
                guard failure.error == nil else { break }
                do {
                    try writer.commit()
                } catch {
                    // What was not written is read again, here or elsewhere: offsets and counts go together.
                    failure.error = error
                }
                writer.letGo(partitions)
            case .lost:
                // Whoever has them now may have counted what is added up here.
                failure.error = Lost()
            }
            return [:]
        }
        defer { consumer.close() }
        var last = (commit: RFC3339.nowMilliseconds(), lag: Int64(0), prune: Int64(0))
        var reported = ActivityWriter.Counts()
        while !shouldStop {
            _ = try consumer.poll(
                maxRecords: Self.batchRecords, timeoutMilliseconds: Self.pollMilliseconds
            ) { record in
                guard failure.error == nil else { return }
                writer.take(
                    record.topicPartition, offset: record.offset, timestamp: record.timestampMilliseconds,
                    payload: record.payload)
            }
            if let error = failure.error { throw error }
            let now = RFC3339.nowMilliseconds()
            note(consumer, now)
            if writer.pending >= Self.commitRecords || now - last.commit >= Self.commitInterval || now < last.commit {
                last.commit = now
                try commit(writer, consumer, &reported)
                progress()
            }
            if now - last.lag >= Self.lagInterval || now < last.lag {
                last.lag = now
                let lag = consumer.lag().values.reduce(0, +)
                lagGauge.record(lag)
                state.withLock { $0.lag = lag }
            }
            if now - last.prune >= Self.pruneInterval || now < last.prune {
                last.prune = now
                // One step a round; what is left follows at once, between records.
                if try writer.prune(configuration.retention, now: now) { last.prune = 0 }
            }
        }
        try commit(writer, consumer, &reported)
    }

    /// Writes what is pending, however long it takes, and stays in the group meanwhile.
    private func commit(
        _ writer: ActivityWriter, _ consumer: KafkaConsumer, _ reported: inout ActivityWriter.Counts
    ) throws {
        guard writer.pending > 0 else { return }
        var failures = 0
        while true {
            do {
                try writer.commit()
                break
            } catch let error as DatabaseError {
                let wait = Self.backoff[min(failures, Self.backoff.count - 1)]
                failures += 1
                state.withLock { $0.storageError = "\(error)" }
                logger.error(
                    """
                    activity cannot be written, trying again in \(wait) ms; nothing is lost, the events stay in Kafka: check \
                    the space and permissions of the database's disk
                    """, metadata: ["database": "\(configuration.databasePath)", "error": "\(error)"])
                if shouldStop { return }
                try stayInGroup(consumer, writer, wait)
            }
        }
        if failures > 0 {
            logger.notice("activity is written again")
            state.withLock { $0.storageError = nil }
            try consumer.resume(consumer.assignment)
        }
        report(writer, &reported)
        do {
            try consumer.commit(writer.offsets, wait: false)
        } catch {
            logger.debug("the group's offsets were not committed", metadata: ["error": "\(error)"])
        }
    }

    /// Waits while polling: a consumer that does not poll is put out of its group. What comes all the same is taken.
    private func stayInGroup(_ consumer: KafkaConsumer, _ writer: ActivityWriter, _ milliseconds: Int64) throws {
        let until = RFC3339.nowMilliseconds() + milliseconds
        while !shouldStop, RFC3339.nowMilliseconds() < until {
            try consumer.pause(consumer.assignment)
            _ = try consumer.poll(maxRecords: Self.batchRecords, timeoutMilliseconds: 100) { record in
                writer.take(
                    record.topicPartition, offset: record.offset, timestamp: record.timestampMilliseconds,
                    payload: record.payload)
            }
            note(consumer, RFC3339.nowMilliseconds())
        }
    }

    private func report(_ writer: ActivityWriter, _ reported: inout ActivityWriter.Counts) {
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

    private func note(_ consumer: KafkaConsumer, _ now: Int64) {
        let partitions = consumer.assignment.count
        let error = consumer.lastError.map(\.description)
        state.withLock {
            $0.lastPollAt = now
            $0.partitions = partitions
            $0.kafkaError = error
        }
    }

    private func pause(_ milliseconds: Int64) {
        let until = RFC3339.nowMilliseconds() + milliseconds
        while !shouldStop, RFC3339.nowMilliseconds() < until { Thread.sleep(forTimeInterval: 0.1) }
    }
}

/// What went wrong inside a rebalance, to be thrown outside of it. For the consumer's thread only.
private final class Failure {
    var error: (any Error)?
}

private struct Lost: Error, CustomStringConvertible {
    let description = "the group gave this hub's partitions to another member: it did not poll in time"
}
