// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import GRDB
import Logging
import Metrics
import Synchronization

/// The thread of one target: takes what is due, sends it, writes down what came of it. A target that hangs holds only
/// its own thread.
final class Dispatcher: Sendable {
    /// Another process may put in or replay deliveries, and clocks may jump: look at least this often (milliseconds).
    private static let longestWait: Int64 = 2_000
    /// Waits in milliseconds between tries when SQLite fails.
    private static let storageBackoff: [Int] = [100, 500, 1_000, 5_000, 15_000]

    let target: any DeliveryTarget
    private let database: any DatabaseWriter
    private let schedule: RetrySchedule
    private let logger: Logger
    private let outcomes: [String: Counter]
    private let pendingGauge: Gauge
    private let wakeUp = DispatchSemaphore(value: 0)
    private let isSignalled = Atomic<Bool>(false)
    private let isStopping = Atomic<Bool>(false)
    private let finished = DispatchSemaphore(value: 0)
    private let cancellation = CurlCancellation()

    init(
        target: any DeliveryTarget, database: any DatabaseWriter, schedule: RetrySchedule, logger: Logger,
        metrics: any MetricsFactory
    ) {
        self.target = target
        self.database = database
        self.schedule = schedule
        var logger = logger
        logger[metadataKey: "target"] = .string(target.name)
        self.logger = logger
        outcomes = Dictionary(
            uniqueKeysWithValues: ["delivered", "retry", "dead", "disabled"].map { outcome in
                (
                    outcome,
                    Counter(
                        label: "gatewatch_deliveries_total",
                        dimensions: [("target", target.name), ("outcome", outcome)], factory: metrics)
                )
            })
        pendingGauge = Gauge(
            label: "gatewatch_delivery_pending", dimensions: [("target", target.name)], factory: metrics)
    }

    func start() {
        let thread = Thread { [self] in
            run()
            finished.signal()
        }
        thread.name = "deliver \(target.name)"
        thread.start()
    }

    /// Something may be due.
    func wake() {
        // One signal is enough however many deliveries come in before the thread looks.
        if !isSignalled.exchange(true, ordering: .acquiringAndReleasing) { wakeUp.signal() }
    }

    /// Asks the thread to end after the attempt that runs.
    func requestStop() {
        isStopping.store(true, ordering: .releasing)
        wake()
    }

    /// Breaks off the attempt that runs; its delivery stays pending.
    func cancelAttempt() { cancellation.cancel() }

    /// True if the thread ended before the deadline.
    func waitUntilFinished(_ deadline: DispatchTime) -> Bool {
        guard finished.wait(timeout: deadline) == .success else { return false }
        finished.signal()
        return true
    }

    private func run() {
        let connection: any DeliveryConnection
        do {
            connection = try target.connect(cancellation, logger: logger)
        } catch {
            logger.critical("deliveries cannot be sent and wait for a better configuration: \(error)")
            let (name, reason) = (target.name, "it cannot be used: \(error)")
            _ = retryingStorage(
                "note the target's state", { db in try OutboxStore.markUnusable(target: name, error: reason, in: db) })
            return
        }
        var lastCount: Int64 = 0
        while !isStopping.load(ordering: .acquiring) {
            // Cleared before looking: what comes in afterwards signals again.
            isSignalled.store(false, ordering: .releasing)
            let now = DeliveryClock.now()
            guard
                let next = retryingStorage(
                    "read the outbox", { db in try OutboxStore.next(target: self.target.name, now: now, in: db) })
            else { return }
            if case .deliver(let due) = next {
                if now - lastCount >= 1_000 {
                    updatePending()
                    lastCount = now
                }
                deliver(due, connection)
            } else if case .wait(let until) = next {
                updatePending()
                let wait = min(Self.longestWait, max(1, (until ?? Int64.max) - now))
                _ = wakeUp.wait(timeout: .now() + .milliseconds(Int(wait)))
            }
        }
    }

    private func deliver(_ due: OutboxStore.Due, _ connection: any DeliveryConnection) {
        let attempt = connection.attempt(
            OutgoingMessage(
                id: due.messageID, orderingKey: due.orderingKey, body: due.body,
                nowSeconds: DeliveryClock.now() / 1000))
        let now = DeliveryClock.now()
        let name = target.name
        switch attempt {
        case .cancelled:
            return
        case .delivered(let status):
            guard
                retryingStorage(
                    "mark a delivery",
                    { db in try OutboxStore.markDelivered(due, target: name, status: status, now: now, in: db) }) != nil
            else { return }
            outcomes["delivered"]?.increment()
            logger.debug("delivered", metadata: ["webhook-id": .string(due.messageID), "status": "\(status ?? 0)"])
        case .gone:
            let reason = "the target answered 410 Gone"
            guard
                let dead = retryingStorage(
                    "disable the target",
                    { db in
                        try OutboxStore.markFailed(
                            due, target: name, status: 410, error: reason, nextAttemptAt: nil, holdUntil: nil, now: now,
                            in: db)
                        // Revived with the others when the target is enabled.
                        try db.execute(
                            sql: "UPDATE deliveries SET last_error = ? WHERE id = ?",
                            arguments: [OutboxStore.targetDisabled, due.id])
                        return try OutboxStore.disable(target: name, reason: reason, now: now, in: db)
                    })
            else { return }
            outcomes["disabled"]?.increment(by: dead + 1)
            logger.error(
                "the target answered 410 Gone and is disabled; its deliveries are kept. Enable it once the receiver is back",
                metadata: ["endpoint": .string(target.endpoint), "dead": "\(dead + 1)"])
        case .failed(let failure):
            plan(due, failure, now)
        }
    }

    private func plan(_ due: OutboxStore.Due, _ failure: Attempt.Failure, _ now: Int64) {
        let retryAfter = failure.retryAfterSeconds.map { seconds in
            now + min(seconds, RetrySchedule.maximumRetryAfterMilliseconds / 1000) * 1000
        }
        let (name, schedule) = (target.name, schedule)
        let planned = retryingStorage("mark a delivery") { db -> (next: Int64?, isDown: Bool) in
            let failures = try OutboxStore.failuresInARow(of: name, in: db) + 1
            let isDown = failures >= RetrySchedule.failuresOfTargetDown
            let delay =
                failure.isPermanent
                ? nil
                : schedule.delay(
                    afterAttempts: due.attempts + 1, age: now - due.createdAt, failuresInARow: failures)
            let next = delay.map { max(now + $0, retryAfter ?? 0) }
            // The others are not tried either: one at a time asks whether it is back.
            let hold = isDown && failure.isOfTarget ? next : failure.throttles ? retryAfter : nil
            try OutboxStore.markFailed(
                due, target: name, status: failure.status, error: failure.error, nextAttemptAt: next,
                holdUntil: hold, now: now, in: db)
            return (next, isDown)
        }
        guard let (next, isDown) = planned else { return }
        outcomes[next == nil ? "dead" : "retry"]?.increment()
        let details: Logger.Metadata = [
            "webhook-id": .string(due.messageID), "attempt": "\(due.attempts + 1)", "reason": .string(failure.error),
            "endpoint": .string(target.endpoint),
        ]
        if let next {
            logger.warning(
                "\(isDown ? "the target is down" : "a delivery failed"); next attempt in \(max(0, next - now)) ms",
                metadata: details)
        } else {
            logger.error(
                failure.isPermanent
                    ? "a delivery was refused for good and is a dead letter; replay it once the cause is mended"
                    : "a delivery failed for the last time and is a dead letter; replay it once the receiver is well",
                metadata: details)
        }
    }

    private func updatePending() {
        // Only a gauge: a failure here shows at the next real access.
        if let count = try? database.read({ db in try OutboxStore.pending(target: self.target.name, in: db) }) {
            pendingGauge.record(count)
        }
    }

    /// Runs a transaction until it works. A full disk or a lock must not lose what an attempt came to. Nil when stopped.
    private func retryingStorage<Value: Sendable>(
        _ what: String, _ body: @escaping @Sendable (Database) throws -> Value
    ) -> Value? {
        var failures = 0
        while true {
            do {
                return try database.write(body)
            } catch {
                let wait = Self.storageBackoff[min(failures, Self.storageBackoff.count - 1)]
                failures += 1
                logger.error(
                    "cannot \(what), trying again in \(wait) ms: check the disk's space and the file's permissions",
                    metadata: ["error": "\(error)"])
                // Not on `wakeUp`: a stop is seen at the latest after the wait, and one last try was made.
                if isStopping.load(ordering: .acquiring) { return nil }
                Thread.sleep(forTimeInterval: Double(wait) / 1000)
            }
        }
    }
}
