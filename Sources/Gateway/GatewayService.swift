// SPDX-License-Identifier: Apache-2.0

package import Addresses
import Approvals
import AsyncHTTPClient
package import AuditSpool
import Foundation
package import Kafka
package import Logging
import Metrics
package import OIDC
package import Orders
import ServiceLifecycle
package import Signing
import Synchronization
package import Telemetry

/// What `gatewatch gateway` needs to know and does not change while it runs.
package struct GatewaySettings: Sendable {
    package var listen: ListenSettings
    package var kafka: KafkaProperties
    /// Folder of the spool and of the orders in force.
    package var stateFolder: String
    package var issuers: [IssuerSettings]
    /// Whose records of orders and approvals count.
    package var trustedKeys: TrustedKeys
    /// Signs requests for approval; its name is among the trusted keys, with the role gateway.
    package var key: SigningKey
    /// What automation may do here, whatever the detectors issue.
    package var safety = OrderSafety.Settings(
        mode: .enforce, ordersPerHour: 1000, sharePerHour: 0.1, shareFloor: 100, maximumTTL: Order.maximumTTL)
    package var limits = GatewayLimits()
    /// What stands in front of it and tells where requests come from.
    package var trustedProxies = TrustedProxies()
    /// An event of the gateway is bounded by its own cuts, far below the spool's default; each running request has room for one
    /// reserved.
    package var spool = SpoolLimits(maximumEventBytes: 64 << 10)
    package var recordings = RecordingSettings()
    /// How long the start waits for orders to be read from Kafka.
    package var catchUp = Duration.seconds(5)
    package var auditTopic = "gatewatch.audit"
    package var ordersTopic = "gatewatch.orders"
    package var approvalsTopic = "gatewatch.approvals"

    package init(
        listen: ListenSettings, kafka: KafkaProperties, stateFolder: String, issuers: [IssuerSettings],
        trustedKeys: TrustedKeys, key: SigningKey
    ) {
        self.listen = listen
        self.kafka = kafka
        self.stateFolder = stateFolder
        self.issuers = issuers
        self.trustedKeys = trustedKeys
        self.key = key
    }
}

/// The gateway: the data path with everything that it asks.
package final class GatewayService: Service {
    private let settings: GatewaySettings
    private let core: GatewayCore
    private let store: ControlStore
    private let producer: KafkaProducer
    private let follower: ControlFollower
    private let client: HTTPClient
    private let onListening: @Sendable (Int) -> Void

    /// Opens the state folder and reads back what was in force; connects to nothing yet.
    ///
    /// - Parameters:
    ///   - onListening: told the port when clients can connect.
    ///   - onOrder: told of each order when it is in force, with the time, ms since the epoch.
    /// - Throws: what is wrong with the settings or the folder.
    package init(
        settings: GatewaySettings, configuration: GatewayConfiguration, logger: Logger,
        onListening: @escaping @Sendable (Int) -> Void = { _ in },
        onOrder: @escaping @Sendable (Order, Int64) -> Void = { _, _ in }
    ) throws {
        self.settings = settings
        self.onListening = onListening
        try FileManager.default.createDirectory(
            atPath: settings.stateFolder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: HTTPClient.Configuration(redirectConfiguration: .disallow))
        let low = KafkaProperties(["linger.ms": "0"])
        producer = try KafkaProducer(properties: low.merging(settings.kafka), logger: logger)
        store = try ControlStore(path: "\(settings.stateFolder)/control.sqlite")
        let topics = Enforcement.Topics(orders: settings.ordersTopic, approvals: settings.approvalsTopic)
        let aliases = configuration.identities.aliases
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        let enforcement = try Enforcement(
            orders: OrderBook(
                keys: settings.trustedKeys, aliases: aliases, safety: OrderSafety(settings: settings.safety),
                knownIdentities: configuration.identities.count),
            approvals: ApprovalBook(keys: settings.trustedKeys, aliases: aliases), store: store, key: settings.key,
            producer: producer, topics: topics, now: now, logger: logger)
        let tokens: TokenGuard
        let spool: AuditSpool
        let recorder: Recorder
        do {
            tokens = try TokenGuard(issuers: settings.issuers, httpClient: client, logger: logger)
            spool = try AuditSpool(
                folder: "\(settings.stateFolder)/spool", topic: settings.auditTopic, properties: settings.kafka,
                limits: settings.spool, logger: logger)
            recorder = try Recorder(
                folder: "\(settings.stateFolder)/recordings", settings: settings.recordings,
                properties: settings.kafka, logger: logger)
        } catch {
            // An HTTP client that is dropped without this stops the process.
            try? client.syncShutdown()
            throw error
        }
        let core = GatewayCore(
            limits: settings.limits, proxies: settings.trustedProxies, configuration: configuration, tokens: tokens,
            enforcement: enforcement,
            spool: spool, recorder: recorder, logger: logger)
        self.core = core
        follower = ControlFollower(core: core, properties: settings.kafka, topics: topics) { applied in
            for order in applied.orders {
                core.metrics.orders.increment()
                onOrder(order, core.now())
            }
            core.record(applied)
        }
    }

    /// Serves until graceful shutdown, lets running exchanges end, and sends what the spool holds as far as Kafka takes it.
    package func run() async throws {
        follower.start()
        await catchUp()
        let refresh = Task { await core.tokens.run() }
        let (stopped, stop) = AsyncStream<Void>.makeStream()
        let result: Result<Void, any Error>
        do {
            try await withTaskCancellationOrGracefulShutdownHandler {
                try await GatewayServer(core: core, settings: settings.listen).run(onListening: onListening) {
                    for await _ in stopped {}
                }
            } onCancelOrGracefulShutdown: {
                stop.finish()
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        refresh.cancel()
        follower.stop()
        await refresh.value
        let (spool, recorder, producer) = (core.spool, core.recorder, producer)
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            // All block until Kafka has what it takes.
            let group = DispatchGroup()
            DispatchQueue.global().async(group: group) { recorder?.close() }
            DispatchQueue.global().async(group: group) {
                spool.close()
                producer.close(flushMilliseconds: 2000)
            }
            group.notify(queue: .global()) { done.resume() }
        }
        store.close()
        try? await client.shutdown()
        try result.get()
    }

    /// Waits for the orders that were issued while this gateway was away, or before it ever ran: until they are read, those of the disk
    /// are in force. Not for long, as Kafka may be away.
    private func catchUp() async {
        let deadline = ContinuousClock.now + settings.catchUp
        while !follower.isCaughtUp, ContinuousClock.now < deadline {
            guard (try? await Task.sleep(for: .milliseconds(20))) != nil else { return }
        }
        if !follower.isCaughtUp {
            core.logger.warning(
                "orders could not be read from Kafka in time; requests are served with the \(activeOrders) of the disk")
        }
    }

    /// Goes by other connections, policies and identities from the next request on; other trusted keys, and what they have signed, are in
    /// force a moment later. Running exchanges are judged again.
    package func reload(_ configuration: GatewayConfiguration, trustedKeys: TrustedKeys? = nil) {
        core.replace(configuration)
        let (core, keys) = (core, trustedKeys ?? settings.trustedKeys)
        follower.perform {
            do {
                try core.enforcement.replace(
                    keys: keys, aliases: configuration.identities.aliases,
                    knownIdentities: configuration.identities.count, now: core.now())
                core.reviewRunning()
                core.reviewWaiting()
            } catch {
                core.logger.error(
                    "the trusted keys of before stay in force, as the orders on disk cannot be read: \(error)")
            }
        }
    }

    /// Orders in force.
    package var activeOrders: Int { core.enforcement.activeOrders(now: core.now()) }

    /// How the spool stands.
    package var spool: SpoolStatus { core.spool.status }

    /// How the spool of recordings stands.
    package var recordings: SpoolStatus? { core.recorder?.status }

    /// For `/healthz`.
    package var health: [HealthReport.Check] {
        let spool = core.spool.status
        var checks = [
            HealthReport.Check(
                "spool", healthy: core.spool.hasRoom,
                detail: "\(spool.waitingEvents) events wait for Kafka" + (spool.problem.map { ": \($0)" } ?? "")),
            HealthReport.Check(
                "orders", healthy: follower.isCaughtUp,
                detail: "\(activeOrders) in force" + (follower.lastError.map { ": \($0)" } ?? ""), isRequired: false),
        ]
        if let recorder = core.recorder {
            let status = recorder.status
            checks.append(
                HealthReport.Check(
                    "recordings", healthy: recorder.hasRoom,
                    detail: "\(status.waitingEvents) wait for Kafka" + (status.problem.map { ": \($0)" } ?? ""),
                    isRequired: recorder.settings.isRequired))
        }
        for issuer in core.tokens.health {
            checks.append(
                HealthReport.Check(
                    "issuer \(issuer.issuer)", healthy: issuer.isUsable,
                    detail: "\(issuer.keyCount) keys" + (issuer.lastError.map { ": \($0)" } ?? ""), isRequired: false))
        }
        return checks
    }
}
