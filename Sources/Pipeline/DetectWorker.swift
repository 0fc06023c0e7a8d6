// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Detectors
import Foundation
import Kafka
import Logging
import Synchronization

/// One thread of the detector process: a member of the consumer group, and everything of the partitions it owns.
final class DetectWorker {
    /// Records taken between two looks at the clock.
    private static let batch = 500

    private let number: Int
    private let shared: DetectShared
    private let settings: DetectSettings
    private let producer: KafkaProducer
    private let logger: Logger
    private var generation: Int
    private var plan: DetectorPlan
    private var partitions: [TopicPartition: PartitionDetector] = [:]
    private var lastRecord: [TopicPartition: ContinuousClock.Instant] = [:]
    private var failingSince: ContinuousClock.Instant?
    /// The partition of the record before this one and who takes it. A rebalance between two records of one batch ends it.
    private var taking: (partition: TopicPartition, detector: PartitionDetector)?

    init(number: Int, shared: DetectShared, producer: KafkaProducer, logger: Logger) throws {
        self.number = number
        self.shared = shared
        settings = shared.settings
        self.producer = producer
        var logger = logger
        logger[metadataKey: "worker"] = "\(number)"
        self.logger = logger
        let current = shared.generation
        generation = current.number
        plan = try Self.plan(current, settings)
    }

    private static func plan(_ generation: DetectorGeneration, _ settings: DetectSettings) throws -> DetectorPlan {
        try DetectorPlan(
            rules: generation.files.rules, mapping: settings.mapping, directory: settings.directory,
            calendars: generation.files.calendars, limits: .init(maximumBytes: settings.maximumEventBytes))
    }

    /// Runs until the process is asked to stop, then drains, commits and leaves the group.
    func run() throws {
        let consumer = try KafkaConsumer(
            properties: settings.kafka, group: settings.group, topics: [settings.topic], logger: logger
        ) { [unowned self] event in rebalance(event) }
        self.consumer = consumer
        defer { self.consumer = nil }
        var lastCommit = ContinuousClock.now
        var lastReport = ContinuousClock.now
        var lastIdle = ContinuousClock.now
        while !shared.isStopping {
            shared.beat(number)
            let now = ContinuousClock.now
            try poll(consumer, now, timeoutMilliseconds: wait(since: lastCommit, now))
            if shared.generation.number != generation { reload() }
            if now - lastIdle >= .milliseconds(min(1000, settings.lateness)) {
                lastIdle = now
                idle(now)
            }
            let isDue =
                now - lastCommit >= .milliseconds(settings.commitInterval)
                || partitions.values.contains { $0.isUrgent || $0.uncommitted >= settings.commitEvents }
            if isDue, failingSince.map({ now - $0 >= .seconds(1) }) ?? true {
                commit()
                lastCommit = .now
            }
            if now - lastReport >= .seconds(5) {
                report()
                lastReport = now
            }
        }
        // The handler hears that everything is revoked, and commits.
        consumer.close()
    }

    private var consumer: KafkaConsumer?

    private func wait(since lastCommit: ContinuousClock.Instant, _ now: ContinuousClock.Instant) -> Int32 {
        let passed = (now - lastCommit).components
        let milliseconds = passed.seconds * 1000 + passed.attoseconds / 1_000_000_000_000_000
        return Int32(max(1, min(100, settings.commitInterval - milliseconds)))
    }

    private func poll(_ consumer: KafkaConsumer, _ now: ContinuousClock.Instant, timeoutMilliseconds: Int32) throws {
        defer { endTaking() }
        _ = try consumer.poll(
            maxRecords: failingSince == nil ? Self.batch : 1, timeoutMilliseconds: timeoutMilliseconds
        ) { record in
            let partition = record.topicPartition
            if taking?.partition != partition {
                endTaking()
                taking = partitions[partition].map { (partition, $0) }
                lastRecord[partition] = now
            }
            taking?.detector.take(record)
        }
    }

    /// Counts what the partition at hand has taken.
    private func endTaking() {
        taking?.detector.settle()
        taking = nil
    }

    // MARK: Committing

    private func commit() {
        var offsets: [TopicPartition: Int64] = [:]
        do {
            for (partition, detector) in partitions {
                do {
                    try detector.commit()
                    offsets[partition] = detector.committedOffset
                } catch let fenced as PartitionStore.Fenced {
                    logger.error("\(fenced)")
                    partitions[partition] = nil
                    detector.close()
                }
            }
            if failingSince != nil {
                failingSince = nil
                shared.storeError = nil
                logger.notice("the state can be written again; reading goes on")
                try consumer?.resume(Array(partitions.keys))
            }
        } catch {
            fail(error)
        }
        do {
            if !offsets.isEmpty { try consumer?.commit(offsets, wait: false) }
        } catch {
            logger.warning("the group's offsets were not committed (the state has its own): \(error)")
        }
    }

    /// The disk is full, or gone: nothing more is read until it can be written again. Nothing is lost meanwhile.
    private func fail(_ error: any Error) {
        shared.metrics.commitFailed()
        if failingSince == nil {
            logger.critical(
                "the state cannot be written, reading stops until it can: \(error). Free space in \(settings.stateFolder)."
            )
        }
        do {
            // Each time: a rebalance may have brought partitions since.
            try consumer?.pause(Array(partitions.keys))
        } catch {
            logger.warning("reading could not be stopped; it goes on slowly: \(error)")
        }
        shared.storeError = "\(error)"
        failingSince = .now
    }

    /// Decides what waits in partitions that have been silent for longer than the lateness. A broker that is away is not
    /// silence: its records may hold late events.
    private func idle(_ now: ContinuousClock.Instant) {
        let silent = partitions.filter { partition, detector in
            guard detector.isWaiting, let last = lastRecord[partition] else { return false }
            return now - last >= .milliseconds(settings.lateness)
        }
        guard !silent.isEmpty, failingSince == nil else { return }
        let lag = consumer?.lag() ?? [:]
        do {
            _ = try consumer?.committed(Array(silent.keys), timeoutMilliseconds: 1000)
        } catch {
            for partition in silent.keys { lastRecord[partition] = .now }
            return
        }
        for (partition, detector) in silent where lag[partition] ?? 0 == 0 { detector.idle() }
    }

    private func report() {
        for detector in partitions.values { detector.reportSize() }
        for (partition, lag) in consumer?.lag() ?? [:] where partitions[partition] != nil {
            shared.metrics.lag(partition, lag)
        }
    }

    private func reload() {
        let current = shared.generation
        generation = current.number
        do {
            let plan = try Self.plan(current, settings)
            for detector in partitions.values { detector.reload(plan) }
            self.plan = plan
        } catch {
            logger.error("the new detectors cannot be used, the old ones stay: \(error)")
        }
    }

    // MARK: Partitions

    /// Runs on this thread, inside `poll` and `close`.
    private func rebalance(_ event: RebalanceEvent) -> [TopicPartition: Int64] {
        endTaking()
        switch event {
        case .assigned(let assigned):
            var starts: [TopicPartition: Int64] = [:]
            for partition in assigned {
                do {
                    let detector = try PartitionDetector(
                        partition, plan: plan, settings: settings, producer: producer, responder: shared.responder,
                        dismissals: shared.dismissals, metrics: shared.metrics, logger: logger
                    ) { [shared] records, alerts in
                        shared.committedRecords.add(records, ordering: .releasing)
                        shared.alertCount.add(alerts, ordering: .releasing)
                    }
                    partitions[partition] = detector
                    lastRecord[partition] = .now
                    // Without state here the group's offset would skip what the windows need: begin at the beginning. Alerts
                    // that arise again have the ids they had.
                    let resets = settings.kafka["auto.offset.reset"] ?? "earliest"
                    if let start = detector.start ?? (resets == "earliest" ? 0 : nil) {
                        starts[partition] = start
                    }
                } catch {
                    logger.critical("\(error)")
                    shared.fail(error)
                }
            }
            return starts
        case .revoked(let revoked):
            for partition in revoked { release(partition, commits: true) }
        case .lost(let lost):
            // Someone else may own them already, and has the state of our last commit.
            for partition in lost { release(partition, commits: false) }
        }
        return [:]
    }

    private func release(_ partition: TopicPartition, commits: Bool) {
        guard let detector = partitions.removeValue(forKey: partition) else { return }
        lastRecord[partition] = nil
        if commits {
            do {
                try detector.commit()
                try consumer?.commit([partition: detector.committedOffset], wait: false)
                try producer.flush(timeoutMilliseconds: 5000)
                try detector.commit()
            } catch {
                logger.error(
                    "\(partition) was given up without its last commit; its next owner reads those events again: \(error)"
                )
            }
        }
        detector.close()
    }
}
