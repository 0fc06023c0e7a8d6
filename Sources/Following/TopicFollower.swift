// SPDX-License-Identifier: Apache-2.0

import Foundation
package import Kafka
package import Logging
package import Metrics
import Synchronization
package import Telemetry

/// A thread that reads a topic into a database: poll, write records in one transaction, then commit the group's offsets. It tries
/// on until it is stopped, whatever fails, and stays in its group meanwhile. At least once: a sink knows repeats.
package final class TopicFollower: Sendable {
    /// What a follower needs to know.
    package struct Settings: Sendable {
        /// The health check's name, and the thread's: `recordings`.
        package var name: String
        /// What the records are called in messages: `audit events`.
        package var records: String
        /// librdkafka properties, at least `bootstrap.servers`.
        package var kafka: KafkaProperties
        package var group: String
        package var topic: String
        /// The SQLite file, for messages.
        package var databasePath: String
        /// The process is of no use without: its health fails, and a first consumer that cannot even be made ends it.
        package var isRequired: Bool
        /// Records of one poll.
        package var batchRecords: Int
        /// What is pending is written after so long, ms, and after so many records.
        package var writeInterval: Int64
        package var writeRecords: Int

        package init(
            name: String, records: String, kafka: KafkaProperties, group: String, topic: String, databasePath: String,
            isRequired: Bool = false, batchRecords: Int, writeInterval: Int64 = 0, writeRecords: Int = 1
        ) {
            self.name = name
            self.records = records
            self.kafka = kafka
            self.group = group
            self.topic = topic
            self.databasePath = databasePath
            self.isRequired = isRequired
            self.batchRecords = batchRecords
            self.writeInterval = writeInterval
            self.writeRecords = writeRecords
        }
    }

    private struct State {
        var reading: Task<Void, any Error>?
        var isRunning = false
        var hadConsumer = false
        /// Milliseconds since the epoch.
        var lastPollAt: Int64 = 0
        var partitions = 0
        var lag: Int64 = 0
        /// What cannot be done at present, by what it is.
        var problems: [String: String] = [:]
        var lastKafkaError: String?
    }

    private static let pollMilliseconds: Int32 = 250
    private static let lagInterval: Int64 = 5_000
    /// Until a chore that failed is tried again.
    private static let choreRetryInterval: Int64 = 60_000
    /// Waits in milliseconds between tries when SQLite or Kafka fails.
    private static let backoff: [Int64] = [200, 1_000, 5_000, 15_000, 30_000]

    private let settings: Settings
    private let logger: Logger
    private let lagGauge: Gauge
    private let makeSink: @Sendable () throws -> any RecordSink
    private let state = Mutex(State())
    private let isStopping = Atomic<Bool>(false)
    private let cannotRead: String
    private let cannotWrite: String

    /// Nothing is read before ``start()``.
    package init(
        _ settings: Settings, logger: Logger, lag: Gauge, sink: @escaping @Sendable () throws -> any RecordSink
    ) {
        self.settings = settings
        self.logger = logger
        lagGauge = lag
        makeSink = sink
        cannotRead = "\(settings.records) cannot be read"
        cannotWrite =
            "\(settings.records) cannot be written and stay in Kafka: check the space and permissions of the database's disk"
    }

    /// One counter for each outcome of a record: `label{outcome}`.
    package static func counters(
        _ label: String, outcomes: [String], metrics: any MetricsFactory
    ) -> [String: Counter] {
        Dictionary(
            uniqueKeysWithValues: outcomes.map {
                ($0, Counter(label: label, dimensions: [("outcome", $0)], factory: metrics))
            })
    }

    // MARK: From outside

    /// Starts the thread; for once.
    ///
    /// - Returns: its end. It throws `KafkaError` if the first consumer of a follower that is required cannot be made: the
    ///   configuration is wrong.
    @discardableResult
    package func start() -> Task<Void, any Error> {
        let reading = Task {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let thread = Thread { [self] in continuation.resume(with: Result { try run() }) }
                thread.name = "hub \(settings.name)"
                thread.start()
            }
        }
        state.withLock { $0.reading = reading }
        return reading
    }

    package func requestStop() { isStopping.store(true, ordering: .releasing) }

    /// Ends the thread after the transaction that runs.
    package func stop() async {
        requestStop()
        _ = await state.withLock { $0.reading }?.result
    }

    /// Is the thread polling, and what cannot be done. Of a required one only what keeps records from the database.
    package var health: HealthReport.Check {
        let state = state.withLock { $0 }
        let age = RFC3339.nowMilliseconds() - state.lastPollAt
        var details = state.problems.filter { !settings.isRequired || $0.key == cannotWrite }
            .sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        if !state.isRunning || state.lastPollAt == 0 || age >= 30_000 {
            details.append("the consumer of \(settings.records) is not polling")
        }
        return HealthReport.Check(
            settings.name, healthy: details.isEmpty,
            detail: details.isEmpty
                ? "\(state.partitions) partitions, lag \(state.lag)" : details.joined(separator: "; "),
            isRequired: settings.isRequired)
    }

    /// The client remembers its last error for good, so it says nothing about now.
    package var lastKafkaError: String? { state.withLock { $0.lastKafkaError } }

    // MARK: The thread

    private var shouldStop: Bool { isStopping.load(ordering: .acquiring) }

    private func run() throws {
        state.withLock { $0.isRunning = true }
        defer { state.withLock { $0.isRunning = false } }
        var failures = 0
        while !shouldStop {
            do {
                try follow { failures = 0 }
            } catch let error as ReadAnew {
                logger.warning("\(error)")
            } catch {
                if settings.isRequired, !state.withLock({ $0.hadConsumer }) { throw error }
                state.withLock { $0.lastKafkaError = "\(error)" }
                trouble(cannotRead, error)
                pause(Self.wait(after: &failures))
            }
        }
    }

    /// One consumer's life.
    private func follow(progress: () -> Void) throws {
        let sink = try makeSink()
        let rebalance = Rebalance()
        let consumer = try KafkaConsumer(
            properties: settings.kafka, group: settings.group, topics: [settings.topic], logger: logger
        ) { event in
            guard rebalance.failure == nil else { return [:] }
            do {
                switch event {
                case .assigned(let partitions): return try sink.starts(of: partitions)
                case .revoked(let partitions): try sink.letGo(partitions, isLost: false)
                case .lost(let partitions): try sink.letGo(partitions, isLost: true)
                }
            } catch {
                rebalance.failure = error
            }
            return [:]
        }
        defer { consumer.close() }
        state.withLock { $0.hadConsumer = true }
        func poll(_ records: Int, _ timeout: Int32) throws {
            _ = try consumer.poll(maxRecords: records, timeoutMilliseconds: timeout) { record in
                if rebalance.failure == nil { sink.take(record) }
            }
            if let failure = rebalance.failure { throw failure }
            note(consumer)
        }
        let chores =
            [Chore("the lag cannot be read", every: Self.lagInterval) { [self] _ in noteLag(consumer) }] + sink.chores
        var dueAt = chores.map { _ in Int64(0) }
        var writtenAt = RFC3339.nowMilliseconds()
        while !shouldStop {
            try poll(settings.batchRecords, Self.pollMilliseconds)
            if !consumer.assignment.isEmpty {
                settled(cannotRead)
                progress()
            }
            let now = RFC3339.nowMilliseconds()
            if sink.pending >= settings.writeRecords || now - writtenAt >= settings.writeInterval || now < writtenAt {
                writtenAt = now
                try write(sink, consumer, poll)
            }
            for (index, chore) in chores.enumerated() {
                // A clock that was set back must not stop the work.
                let isAhead = dueAt[index] - now > max(chore.interval, Self.choreRetryInterval)
                if now >= dueAt[index] || isAhead { dueAt[index] = now + run(chore, now) }
            }
        }
        try write(sink, consumer, poll)
        for chore in chores where chore.runsAtEnd { _ = run(chore, RFC3339.nowMilliseconds()) }
    }

    /// Writes what is pending, however long it takes, and stays in the group meanwhile. Gives up only when stopped: then nothing is
    /// committed and the records come again.
    private func write(_ sink: any RecordSink, _ consumer: KafkaConsumer, _ poll: (Int, Int32) throws -> Void) throws {
        var failures = 0
        while sink.pending > 0 {
            let offsets: [TopicPartition: Int64]
            do {
                offsets = try sink.write()
            } catch let error as ReadAnew {
                throw error
            } catch {
                trouble(cannotWrite, error)
                if shouldStop { return }
                // A consumer that does not poll is put out of its group. What comes all the same, of a partition that was assigned
                // meanwhile, is kept.
                let until = RFC3339.nowMilliseconds() + Self.wait(after: &failures)
                while !shouldStop, RFC3339.nowMilliseconds() < until {
                    try consumer.pause(consumer.assignment)
                    try poll(1, 100)
                }
                continue
            }
            do {
                // Not waited for: should it be lost, the repeats are known.
                try consumer.commit(offsets, wait: false)
            } catch {
                logger.warning(
                    "the group's offsets were not committed; the next commit covers them",
                    metadata: ["group": "\(settings.group)", "error": "\(error)"])
            }
        }
        settled(cannotWrite)
        if failures > 0 { try consumer.resume(consumer.assignment) }
    }

    /// - Returns: ms until it is due again.
    private func run(_ chore: Chore, _ now: Int64) -> Int64 {
        do {
            let isMore = try chore.work(now)
            settled(chore.complaint)
            return isMore ? 0 : chore.interval
        } catch {
            trouble(chore.complaint, error)
            return Self.choreRetryInterval
        }
    }

    private func note(_ consumer: KafkaConsumer) {
        let partitions = consumer.assignment.count
        let error = consumer.lastError.map(\.description)
        state.withLock {
            $0.lastPollAt = RFC3339.nowMilliseconds()
            $0.partitions = partitions
            $0.lastKafkaError = error
        }
    }

    private func noteLag(_ consumer: KafkaConsumer) -> Bool {
        let lag = consumer.lag().values.reduce(0, +)
        lagGauge.record(lag)
        state.withLock { $0.lag = lag }
        return false
    }

    private func trouble(_ complaint: String, _ error: any Error) {
        let isNew = state.withLock { $0.problems.updateValue("\(error)", forKey: complaint) != "\(error)" }
        guard isNew else { return }
        logger.error(
            "\(complaint); trying again", metadata: ["database": "\(settings.databasePath)", "error": "\(error)"])
    }

    private func settled(_ complaint: String) {
        let was = state.withLock { $0.problems.removeValue(forKey: complaint) }
        if was != nil { logger.notice("done again", metadata: ["before": "\(complaint)"]) }
    }

    private static func wait(after failures: inout Int) -> Int64 {
        defer { failures += 1 }
        return backoff[min(failures, backoff.count - 1)]
    }

    private func pause(_ milliseconds: Int64) {
        let until = RFC3339.nowMilliseconds() + milliseconds
        while !shouldStop, RFC3339.nowMilliseconds() < until { Thread.sleep(forTimeInterval: 0.1) }
    }
}

/// What went wrong inside a rebalance, to be thrown outside of it. For the consumer's thread only.
private final class Rebalance {
    var failure: (any Error)?
}
