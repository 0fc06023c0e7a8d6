// SPDX-License-Identifier: Apache-2.0
import Dispatch
package import GRDB
package import Logging
package import Metrics
import Synchronization

/// The durable outbox: what is put in is delivered at least once to each target, in order per ordering key, or ends as a
/// dead letter that can be replayed.
///
/// A crash between a POST and its note in SQLite repeats the POST with the same `webhook-id`.
package final class DeliveryOutbox: Sendable {
    /// Bytes that a body may have.
    package static let maximumBodyBytes = 2 * 1024 * 1024

    private enum Phase {
        case idle, running, stopped
    }

    /// The database that holds the outbox; a transaction of the caller's may span it and the caller's own tables.
    package let database: any DatabaseWriter
    private let dispatchers: [Dispatcher]
    private let logger: Logger
    private let phase = Mutex(Phase.idle)

    /// Opens the outbox and creates its tables if they are missing. Nothing is sent before ``start()``.
    ///
    /// - Parameters:
    ///   - database: an own file (``OutboxSchema/open(path:)``) or the hub's.
    ///   - targets: to whom to deliver; empty to only look and replay.
    ///   - schedule: when attempts are made.
    ///   - metrics: where `gatewatch_deliveries_total{target,outcome}` and `gatewatch_delivery_pending{target}` go.
    /// - Throws: ``DeliveryError/duplicateTarget(name:)``, or SQLite's error.
    package init(
        database: any DatabaseWriter, targets: [any DeliveryTarget], schedule: RetrySchedule = .standard,
        logger: Logger, metrics: any MetricsFactory = MetricsSystem.factory
    ) throws {
        var names: Set<String> = []
        for target in targets where !names.insert(target.name).inserted {
            throw DeliveryError.duplicateTarget(name: target.name)
        }
        try OutboxSchema.migrate(database)
        self.database = database
        self.logger = logger
        dispatchers = targets.map { target in
            Dispatcher(target: target, database: database, schedule: schedule, logger: logger, metrics: metrics)
        }
    }

    /// The configured targets' names.
    package var targetNames: [String] { dispatchers.map(\.target.name) }

    /// Starts one thread per target. A second call does nothing.
    ///
    /// - Throws: SQLite's error.
    package func start() throws {
        let shouldStart = phase.withLock { phase in
            defer { if phase == .idle { phase = .running } }
            return phase == .idle
        }
        guard shouldStart else { return }
        let names = Set(targetNames)
        for orphan in try database.read({ db in try OutboxStore.targetsWithPending(in: db) })
        where !names.contains(orphan) {
            logger.warning(
                "deliveries are pending for a target that is not configured; they wait until it is",
                metadata: ["target": .string(orphan)])
        }
        for dispatcher in dispatchers { dispatcher.start() }
    }

    /// Ends the threads: a running attempt may take `graceMilliseconds` more, then it is broken off and stays pending.
    /// Blocks until the threads have ended, at most a few seconds longer than the grace. Not to be called from a task.
    package func stop(graceMilliseconds: Int = 5_000) {
        let wasRunning = phase.withLock { phase in
            defer { phase = .stopped }
            return phase == .running
        }
        guard wasRunning else { return }
        for dispatcher in dispatchers { dispatcher.requestStop() }
        let deadline = DispatchTime.now() + .milliseconds(graceMilliseconds)
        let late = dispatchers.filter { !$0.waitUntilFinished(deadline) }
        for dispatcher in late { dispatcher.cancelAttempt() }
        let last = DispatchTime.now() + .seconds(20)
        for dispatcher in late where !dispatcher.waitUntilFinished(last) {
            logger.warning("a delivery thread does not end", metadata: ["target": .string(dispatcher.target.name)])
        }
    }

    /// ``stop(graceMilliseconds:)`` for tasks: waits without holding a thread of the cooperative pool.
    package func shutdown(graceMilliseconds: Int = 5_000) async {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                self.stop(graceMilliseconds: graceMilliseconds)
                continuation.resume()
            }
        }
    }

    /// Puts deliveries in, in one transaction. One that is there already (same message and target) is passed over.
    ///
    /// - Returns: how many were new.
    /// - Throws: ``DeliveryError``, or SQLite's error; then none is in.
    @discardableResult
    package func enqueue(_ deliveries: [NewDelivery]) throws -> Int {
        try database.write { db in try self.enqueue(deliveries, in: db) }
    }

    /// The same inside the caller's transaction; the threads wake when it commits.
    @discardableResult
    package func enqueue(_ deliveries: [NewDelivery], in db: Database) throws -> Int {
        let names = Set(targetNames)
        let now = DeliveryClock.now()
        var new = 0
        for delivery in deliveries {
            guard names.contains(delivery.target) else { throw DeliveryError.unknownTarget(name: delivery.target) }
            guard Self.isMessageID(delivery.messageID) else { throw DeliveryError.badMessageID(delivery.messageID) }
            guard delivery.body.count <= Self.maximumBodyBytes else {
                throw DeliveryError.bodyTooLarge(
                    messageID: delivery.messageID, bytes: delivery.body.count, limit: Self.maximumBodyBytes)
            }
            if try OutboxStore.insert(delivery, now: now, in: db) { new += 1 }
        }
        if new > 0 { db.afterNextTransaction { _ in self.wake() } }
        return new
    }

    /// Makes dead (or delivered) deliveries pending again, with a fresh schedule and the same `webhook-id`.
    ///
    /// - Returns: how many.
    /// - Throws: SQLite's error.
    @discardableResult
    package func replay(_ selection: ReplaySelection) throws -> Int {
        try database.write { db in try replay(selection, in: db) }
    }

    /// The same inside the caller's transaction; the threads wake when it commits.
    @discardableResult
    package func replay(_ selection: ReplaySelection, in db: Database) throws -> Int {
        let count = try OutboxStore.replay(selection, now: DeliveryClock.now(), in: db)
        if count > 0 { db.afterNextTransaction { _ in self.wake() } }
        return count
    }

    /// Enables a target that answered 410, and by default revives what waited for it.
    ///
    /// - Returns: how many deliveries were revived.
    /// - Throws: SQLite's error.
    @discardableResult
    package func enableTarget(_ name: String, revive: Bool = true) throws -> Int {
        try database.write { db in try enableTarget(name, revive: revive, in: db) }
    }

    /// The same inside the caller's transaction; the threads wake when it commits.
    @discardableResult
    package func enableTarget(_ name: String, revive: Bool = true, in db: Database) throws -> Int {
        let count = try OutboxStore.enable(target: name, revive: revive, now: DeliveryClock.now(), in: db)
        db.afterNextTransaction { _ in self.wake() }
        return count
    }

    /// Stops sending to a target until it is enabled; its pending deliveries die, replayable.
    ///
    /// - Returns: how many deliveries died.
    /// - Throws: SQLite's error.
    @discardableResult
    package func disableTarget(_ name: String, reason: String) throws -> Int {
        let now = DeliveryClock.now()
        return try database.write { db in
            try OutboxStore.disable(target: name, reason: reason, now: now, in: db)
        }
    }

    /// The state of every configured target, in the configuration's order.
    ///
    /// - Throws: SQLite's error.
    package func health() throws -> [TargetHealth] {
        try database.read { db in try health(in: db) }
    }

    /// The same inside the caller's transaction.
    package func health(in db: Database) throws -> [TargetHealth] {
        try targets.map { try OutboxStore.health(target: $0.name, endpoint: $0.endpoint, in: db) }
    }

    /// Deliveries in the order in which they were put in.
    ///
    /// - Throws: SQLite's error.
    package func deliveries(
        target: String? = nil, state: Delivery.State? = nil, limit: Int = 1_000
    ) throws -> [Delivery] {
        try database.read { db in
            try OutboxStore.list(
                target: target, state: state, before: nil, isNewestFirst: false, limit: limit, in: db)
        }
    }

    /// Deliveries, the latest first, in the caller's transaction.
    ///
    /// - Parameter id: the row before which the list begins; nil for its beginning.
    /// - Throws: SQLite's error.
    package static func latest(
        target: String? = nil, state: Delivery.State? = nil, before id: Int64? = nil, limit: Int, in db: Database
    ) throws -> [Delivery] {
        try OutboxStore.list(target: target, state: state, before: id, isNewestFirst: true, limit: limit, in: db)
    }

    /// The configured targets and where they are, in the configuration's order.
    package var targets: [(name: String, endpoint: String)] {
        dispatchers.map { ($0.target.name, $0.target.endpoint) }
    }

    /// Forgets delivered deliveries older than a time (milliseconds since the epoch); dead ones stay.
    ///
    /// - Returns: how many.
    /// - Throws: SQLite's error.
    @discardableResult
    package func prune(deliveredBefore time: Int64) throws -> Int {
        try database.write { db in try OutboxStore.prune(deliveredBefore: time, in: db) }
    }

    private func wake() {
        for dispatcher in dispatchers { dispatcher.wake() }
    }

    /// `webhook-id` is part of what is signed, between dots: it may have none of its own.
    private static func isMessageID(_ id: String) -> Bool {
        (1...200).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
