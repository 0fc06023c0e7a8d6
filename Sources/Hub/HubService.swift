// SPDX-License-Identifier: Apache-2.0
package import Activity
package import Delivery
import Following
import Foundation
package import GRDB
package import Incidents
package import Logging
package import Metrics
import Notifications
import Paging
package import Recordings
import Routing
import ServiceLifecycle
package import Telemetry

/// The hub: reads alerts from Kafka, stores each once, routes it, and delivers what is to be told from the durable outbox.
///
/// It runs until graceful shutdown (inside a `ServiceGroup`) or until its task is cancelled; then it stops reading, lets the
/// attempts that run finish within the configured grace, and closes. What was not delivered is delivered by the next run.
package final class HubService: Service {
    /// The deliveries, for replay and for looking.
    package let outbox: DeliveryOutbox
    /// What it was made with.
    package let configuration: HubConfiguration
    /// The hub's tables, for who looks at them and acts beside its threads.
    package let database: any DatabaseWriter
    /// What people do to incidents, as the hub's routing hears of it.
    package let incidents: IncidentStore
    /// Orders and approvals as the hub has read them; nil where it reads none.
    package let books: ControlBooks?
    private let alerts: TopicFollower
    private let clock: NotificationClock
    private let routing: RoutingEngine
    private let keeper: IncidentKeeper
    private let recorded: RecordingsFollower?
    private let counted: ActivityFollower?
    private let logger: Logger

    /// Opens the database and creates its tables; nothing is read or sent before ``run()``.
    ///
    /// - Parameter metrics: where `gatewatch_hub_alerts_total{outcome}`, `gatewatch_hub_notifications_total`,
    ///   `gatewatch_hub_lag` and the outbox's metrics go.
    /// - Throws: ``HubError`` or `ActivityError` if a database cannot be opened; `DeliveryError` if two targets have one name.
    package init(
        configuration: HubConfiguration, logger: Logger, metrics: any MetricsFactory = MetricsSystem.factory
    ) throws {
        do {
            database = try OutboxSchema.open(path: configuration.databasePath)
            outbox = try DeliveryOutbox(
                database: database, targets: configuration.receivers.flatMap(\.integrations).map(\.target),
                schedule: configuration.schedule, logger: logger,
                metrics: metrics)
            try HubSchema.migrate(database)
            routing = try RoutingEngine(
                database: database,
                configuration: configuration.routing ?? .eachAlert(to: NotificationSender.allReceivers),
                now: RFC3339.nowMilliseconds())
        } catch let error as DatabaseError {
            throw HubError(databasePath: configuration.databasePath, reason: "\(error)")
        }
        do {
            recorded = try configuration.recordings.map {
                try RecordingsFollower(configuration: $0, logger: logger, metrics: metrics)
            }
        } catch let error as DatabaseError {
            throw HubError(databasePath: configuration.recordings?.databasePath ?? "", reason: "\(error)")
        }
        self.configuration = configuration
        self.logger = logger
        counted = try configuration.activity.map {
            try ActivityFollower(configuration: $0, logger: logger, metrics: metrics)
        }
        let sender = NotificationSender(
            outbox: outbox, receivers: configuration.receivers, isRouted: configuration.routing != nil,
            consoleURL: configuration.consoleURL)
        clock = NotificationClock(
            database: database, routing: routing, sender: sender, logger: logger, metrics: metrics)
        incidents = .routed
        books = configuration.control.map { ControlBooks(keys: $0.keys, aliases: $0.aliases) }
        keeper = IncidentKeeper(
            configuration: configuration, database: database, incidents: incidents, books: books, clock: clock,
            logger: logger)
        alerts = AlertSink.follower(
            configuration: configuration,
            store: AlertStore(database: database, routing: routing, incidents: incidents, sender: sender),
            outbox: outbox, clock: clock, logger: logger, metrics: metrics)
    }

    /// Runs once; a service that ended is not run again.
    ///
    /// - Throws: `KafkaError` if the Kafka properties are wrong; ``HubError`` if the outbox cannot be read.
    package func run() async throws {
        do {
            try outbox.start()
        } catch {
            throw HubError(databasePath: configuration.databasePath, reason: "\(error)")
        }
        clock.start()
        keeper.start()
        recorded?.follower.start()
        counted?.follower.start()
        logger.info(
            "the hub reads alerts",
            metadata: [
                "topic": .string(configuration.topic), "group": .string(configuration.group),
                "targets": .array(outbox.targetNames.map { .string($0) }),
            ])
        let reading = alerts.start()
        let result = await withTaskCancellationOrGracefulShutdownHandler {
            await reading.result
        } onCancelOrGracefulShutdown: { [alerts] in
            alerts.requestStop()
        }
        await keeper.stop()
        await recorded?.follower.stop()
        await counted?.follower.stop()
        await clock.stop()
        await outbox.shutdown(graceMilliseconds: configuration.stopGraceMilliseconds)
        logger.info("the hub has stopped")
        try result.get()
    }

    /// Groups may be due: somebody closed an incident, or changed what is silenced.
    package func wake() { clock.wake() }

    /// An incident is over: the receivers that were told of its alerts hear so at their groups' next `group_interval`.
    ///
    /// - Returns: how many alerts of it were still firing.
    /// - Throws: SQLite's error.
    @discardableResult
    package func resolve(incident: String) throws -> Int {
        let now = RFC3339.nowMilliseconds()
        return try database.write { db in try RoutingEngine.resolve(incident: incident, now: now, in: db) }
    }

    /// Is the consumer polling, can alerts be stored, how is each target. A target that fails only degrades the report: a
    /// restart of the hub would not mend it.
    package func health() -> HealthReport {
        var checks = [alerts.health]
        if let error = clock.error {
            checks.append(.init("routing", healthy: false, detail: error))
        }
        if let error = keeper.error {
            checks.append(.init("incidents", healthy: false, detail: error, isRequired: false))
        }
        if let recorded { checks.append(recorded.follower.health) }
        if let counted { checks.append(counted.follower.health) }
        if let error = alerts.lastKafkaError {
            checks.append(.init("kafka", healthy: true, detail: "last error: \(error)"))
        }
        do {
            let targets = try outbox.health()
            let pending = targets.reduce(0) { $0 + $1.pending }
            let dead = targets.reduce(0) { $0 + $1.dead }
            checks.append(.init("outbox", healthy: true, detail: "\(pending) pending, \(dead) dead"))
            for target in targets {
                checks.append(
                    .init(
                        "target \(target.name)", healthy: target.isHealthy, detail: Self.words(target),
                        isRequired: false))
            }
        } catch {
            checks.append(.init("outbox", healthy: false, detail: "the outbox cannot be read: \(error)"))
        }
        return HealthReport(checks)
    }

    /// What identities did; nil where events are not counted.
    package var activity: ActivityStore? { counted?.store }

    /// What the gateways recorded; nil where recordings are not kept.
    package var recordings: RecordingStore? { recorded?.store }

    /// Alerts that were stored, the latest `limit` by their time, oldest first.
    ///
    /// - Throws: SQLite's error.
    package func alerts(limit: Int = 1_000) throws -> [StoredAlert] {
        try database.read { db in try StoredAlerts.list(limit: limit, in: db).items }.reversed()
    }

    /// How many alerts are kept as unreadable.
    ///
    /// - Throws: SQLite's error.
    package func unreadableCount() throws -> Int {
        try database.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM unreadable_alerts") ?? 0 }
    }

    private static func words(_ target: TargetHealth) -> String {
        var words = "\(target.pending) pending, \(target.dead) dead"
        if let reason = target.disabledReason { words += ", disabled: \(reason)" }
        if target.failuresInARow > 0 {
            words += ", \(target.failuresInARow) failures in a row: \(target.lastError ?? "")"
        }
        return words
    }
}

/// The hub cannot use its database.
package struct HubError: Error, Sendable, CustomStringConvertible {
    /// The file.
    package let databasePath: String
    /// What SQLite said.
    package let reason: String

    package var description: String {
        "the hub cannot use its database \(databasePath): \(reason). Check that the folder exists, that it may be written, and that the disk has space."
    }
}
