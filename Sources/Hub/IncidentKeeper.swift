// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import GRDB
import Incidents
import Kafka
import Logging
import Signing
import Synchronization
import Telemetry

/// The thread that keeps the life of incidents: closes those that are quiet, puts orders and approvals into their timelines, sends
/// dispositions to Kafka, signs heads of the evidence chain.
final class IncidentKeeper: Sendable {
    private static let closingInterval: Int64 = 1_000
    private static let feedbackInterval: Int64 = 200
    private static let signingInterval: Int64 = 60_000
    private static let pollMilliseconds: Int32 = 200
    private static let batchRecords = 500
    /// Waits in milliseconds between tries when SQLite or Kafka fails.
    private static let backoff: [Int64] = [200, 1_000, 5_000, 15_000]

    private let configuration: HubConfiguration
    private let database: any DatabaseWriter
    private let incidents: IncidentStore
    private let books: ControlBooks?
    private let clock: NotificationClock
    private let logger: Logger
    private let failure = Mutex<[String: String]>([:])
    private let wakeUp = DispatchSemaphore(value: 0)
    private let isStopping = Atomic<Bool>(false)
    private let isStarted = Atomic<Bool>(false)
    private let finished = DispatchSemaphore(value: 0)

    init(
        configuration: HubConfiguration, database: any DatabaseWriter, incidents: IncidentStore,
        books: ControlBooks?, clock: NotificationClock, logger: Logger
    ) {
        self.configuration = configuration
        self.database = database
        self.incidents = incidents
        self.books = books
        self.clock = clock
        self.logger = logger
    }

    /// What cannot be done at present; nil if all can.
    var error: String? {
        let failures = failure.withLock { $0 }
        return failures.isEmpty ? nil : failures.sorted { $0.key < $1.key }.map(\.value).joined(separator: "; ")
    }

    func start() {
        isStarted.store(true, ordering: .releasing)
        let thread = Thread { [self] in
            run()
            finished.signal()
        }
        thread.name = "hub incidents"
        thread.start()
    }

    /// Ends the thread after the transaction that runs. What waits for Kafka is sent by the next run.
    func stop() async {
        guard isStarted.load(ordering: .acquiring) else { return }
        isStopping.store(true, ordering: .releasing)
        wakeUp.signal()
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                self.finished.wait()
                continuation.resume()
            }
        }
    }

    private func run() {
        var steps = [
            Step("incidents cannot be closed"), Step("orders and approvals cannot be read"),
            Step("dispositions cannot be sent to Kafka; they wait"), Step("the evidence cannot be signed"),
        ]
        var follower = ControlFollower(
            configuration: configuration, books: books, database: database, logger: logger)
        var feedback = FeedbackSender(configuration: configuration, database: database, logger: logger)
        defer {
            follower.close()
            feedback.close()
        }
        while !isStopping.load(ordering: .acquiring) {
            let now = RFC3339.nowMilliseconds()
            attempt(&steps[0], now, every: Self.closingInterval) { try close(now) }
            attempt(&steps[1], now, every: 0) {
                do {
                    try follower.step(now, maxRecords: Self.batchRecords, timeout: Self.pollMilliseconds)
                } catch {
                    // The books may be ahead of the database now.
                    follower.close()
                    throw error
                }
            }
            attempt(&steps[2], now, every: Self.feedbackInterval) { try feedback.step() }
            attempt(&steps[3], now, every: Self.signingInterval) { try sign(now) }
            if !follower.isReading { _ = wakeUp.wait(timeout: .now() + .milliseconds(Int(Self.pollMilliseconds))) }
        }
    }

    private func close(_ now: Int64) throws {
        // Mostly there is nothing: then nobody waits for the only writer.
        while !isStopping.load(ordering: .acquiring),
            let due = try database.read({ db in try IncidentStore.nextClosing(in: db) }), due <= now
        {
            _ = try database.write { db in try incidents.closeQuiet(now: now, in: db) }
            clock.wake()
        }
    }

    private func sign(_ now: Int64) throws {
        guard let key = configuration.evidenceKey else { return }
        let head = try database.write { db in try EvidenceHead.signIfDue(by: key, now: now, in: db) }
        guard let head else { return }
        // A copy outside the database: who rewrites that one cannot rewrite this line.
        logger.notice(
            "a head of the evidence is signed; check it with gatewatch evidence verify --head SEQUENCE:HASH",
            metadata: ["sequence": "\(head.sequence)", "hash": "\(head.hash)"])
    }

    /// One of the thread's works, and when to do it next.
    private struct Step {
        let complaint: String
        var next: Int64 = 0
        var failures = 0

        init(_ complaint: String) { self.complaint = complaint }
    }

    private func attempt(_ step: inout Step, _ now: Int64, every interval: Int64, _ work: () throws -> Void) {
        // A clock that was set back must not stop the work.
        guard now >= step.next || step.next - now > 2 * Self.signingInterval else { return }
        let complaint = step.complaint
        do {
            try work()
            step.next = now + interval
            if step.failures > 0 {
                logger.notice("done again", metadata: ["before": "\(complaint)"])
                failure.withLock { $0[complaint] = nil }
            }
            step.failures = 0
        } catch {
            let wait = Self.backoff[min(step.failures, Self.backoff.count - 1)]
            step.next = now + wait
            let isNew = failure.withLock { failures in
                defer { failures[complaint] = "\(complaint): \(error)" }
                return failures[complaint] != "\(complaint): \(error)"
            }
            step.failures += 1
            if isNew { logger.error("\(complaint); trying again", metadata: ["error": "\(error)"]) }
        }
    }
}
