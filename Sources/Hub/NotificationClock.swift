// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import GRDB
import Logging
import Metrics
import Routing
import Synchronization
import Telemetry

/// The thread that tells of groups when their time has come, whether or not alerts come in.
final class NotificationClock: Sendable {
    static let counterLabel = "gatewatch_hub_notifications_total"
    /// Clocks may jump, and incidents time out: look at least this often, in milliseconds.
    private static let longestWait: Int64 = 1_000
    private static let sweepInterval: Int64 = 60_000
    /// Waits in milliseconds between tries when SQLite fails.
    private static let backoff: [Int64] = [200, 1_000, 5_000, 15_000]

    private let database: any DatabaseWriter
    private let routing: RoutingEngine
    private let sender: NotificationSender
    private let logger: Logger
    private let notifications: Counter
    private let failure = Mutex<String?>(nil)
    private let wakeUp = DispatchSemaphore(value: 0)
    private let isStopping = Atomic<Bool>(false)
    private let isStarted = Atomic<Bool>(false)
    private let finished = DispatchSemaphore(value: 0)

    init(
        database: any DatabaseWriter, routing: RoutingEngine, sender: NotificationSender, logger: Logger,
        metrics: any MetricsFactory
    ) {
        self.database = database
        self.routing = routing
        self.sender = sender
        self.logger = logger
        notifications = Counter(label: Self.counterLabel, factory: metrics)
    }

    /// Why nothing can be told at present; nil if it can.
    var error: String? { failure.withLock { $0 } }

    func start() {
        isStarted.store(true, ordering: .releasing)
        let thread = Thread { [self] in
            run()
            finished.signal()
        }
        thread.name = "hub notifications"
        thread.start()
    }

    /// Groups may have been made.
    func wake() { wakeUp.signal() }

    /// Ends the thread after the transaction that runs.
    func stop() async {
        guard isStarted.load(ordering: .acquiring) else { return }
        isStopping.store(true, ordering: .releasing)
        wake()
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                self.finished.wait()
                continuation.resume()
            }
        }
    }

    private func run() {
        var failures = 0
        var lastSweep: Int64 = 0
        while !isStopping.load(ordering: .acquiring) {
            let now = RFC3339.nowMilliseconds()
            var wait = Self.longestWait
            do {
                let due = try database.read { db in try routing.due(in: db) }
                if let due, due <= now {
                    let flushed = try database.write { db in try routing.flush(now: now, in: db, sender.send) }
                    notifications.increment(by: flushed.notifications)
                    wait = 0
                } else if now - lastSweep >= Self.sweepInterval {
                    lastSweep = now
                    try database.write { db in try routing.sweep(now: now, in: db) }
                } else if let due {
                    wait = min(wait, due - now)
                }
                if failures > 0 { logger.notice("notifications are made again") }
                failures = 0
                failure.withLock { $0 = nil }
            } catch {
                wait = Self.backoff[min(failures, Self.backoff.count - 1)]
                failures += 1
                failure.withLock { $0 = "\(error)" }
                logger.error(
                    """
                    notifications cannot be made, trying again in \(wait) ms; nothing is lost: check the space and \
                    permissions of the database's disk
                    """, metadata: ["error": "\(error)"])
            }
            if wait > 0 { _ = wakeUp.wait(timeout: .now() + .milliseconds(Int(wait))) }
        }
    }
}
