// SPDX-License-Identifier: Apache-2.0

import Activity
import Approvals
import AsyncHTTPClient
import AuditEvent
import AuditSpool
import Connections
import Console
import Delivery
import Desk
import Detectors
import Fixtures
import Foundation
import Gateway
import Hub
import Kafka
import LocalServices
import Logging
import Notifications
import OIDC
import Orders
import Pipeline
import Recordings
import Report
import ServiceLifecycle
import Sigma
import Signing
import Synchronization
import Telemetry
import Web
import YAMLDocument

/// Everything that the demo starts, wired as in production: processes meet only in Kafka.
final class DemoStage {
    /// The rule files cannot be used.
    struct BadDetectors: Error {
        let errors: [DocumentError]
    }

    /// When orders came into force, ms since the epoch.
    private final class InForce: Sendable {
        private let orders = Mutex<[(order: Order, at: Int64)]>([])
        var all: [(order: Order, at: Int64)] { orders.withLock { $0 } }
        func note(_ order: Order, _ at: Int64) { orders.withLock { $0.append((order, at)) } }
    }

    private let folder: String
    private let logger: Logger
    private let broker: EmbeddedBroker
    private let detectors: [String]
    private let files: DetectorFiles
    private let identities: String
    private let console: (host: String, port: Int)
    private let day: FixtureDay
    private let directory: IdentityDirectory
    private let leaver = "u-0199"
    /// Somebody honest whose request needs an approval.
    private let asking = "u-0002"

    /// - Throws: `BadDetectors`, or what keeps the broker from starting.
    init(
        folder: String, seed: UInt64, detectors: [String], console: (host: String, port: Int), logger: Logger
    ) throws {
        self.folder = folder
        self.console = console
        self.detectors = detectors
        self.logger = logger
        day = try FixtureDay(seed: seed)
        let calendar = "\(folder)/deployment.ics"
        try Self.calendar().write(toFile: calendar, atomically: true, encoding: .utf8)
        files = try DetectorFiles(paths: detectors, calendar: calendar)
        guard files.errors.isEmpty else { throw BadDetectors(errors: files.errors) }
        // The fixture day's people, and one whose last day was the day before yesterday.
        let left = Date(timeIntervalSinceNow: -2 * 86_400).formatted(.iso8601.year().month().day())
        let people =
            day.identitiesCSV + "\(leaver),\(leaver)@example.com,human,sales,analyst,analyst-finance,,\(left)\n"
        directory = try IdentityDirectory(text: people, file: "identities.csv")
        // For the report, which reads files as in production.
        identities = "\(folder)/identities.csv"
        try people.write(toFile: identities, atomically: true, encoding: .utf8)
        let topics = [
            "gatewatch.audit", "gatewatch.audit.rejected", "gatewatch.alerts", "gatewatch.orders",
            "gatewatch.approvals", "gatewatch.feedback",
        ]
        broker = try EmbeddedBroker(topics: topics.map { ($0, 4) }, logger: logger)
    }

    func close() { broker.close() }

    var introduction: String {
        "200 people and services at normal work and \(parts.count) insiders; \(files.rules.metadata.count) rules; Kafka at \(broker.bootstrapServers)"
    }

    /// Who does what. The people are the fixture day's insiders.
    private var parts: [DemoStory.Part] {
        var parts = day.insiders.map { insider in
            switch insider.signal {
            case .bulkRequests: DemoStory.bulkPull(insider.identity)
            case .checkpointDownload: DemoStory.checkpoints(insider.identity)
            case .trainingData: DemoStory.trainingData(insider.identity)
            case .offWindowChange: DemoStory.offWindow(insider.identity)
            case .failThenSucceed: DemoStory.failThenSucceed(insider.identity)
            case .chain: DemoStory.chain(insider.identity)
            }
        }
        parts.append(DemoStory.leaver(leaver))
        return parts
    }

    /// A deployment window of one hour a week, half a week from now: no change of the demo is inside.
    private static func calendar() -> String {
        let start = Date(timeIntervalSinceNow: 3.5 * 86_400)
        let text = start.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: false))
            .filter { $0.isNumber || $0 == "T" }.prefix(15)
        return [
            "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Gatewatch//Demo//EN", "BEGIN:VEVENT", "UID:demo-window",
            "DTSTAMP:20260101T000000Z", "DTSTART:\(text)Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY",
            "SUMMARY:Deployment window",
            "END:VEVENT", "END:VCALENDAR", "",
        ].joined(separator: "\r\n")
    }

    // MARK: Playing

    /// Starts all services, plays, and reports; then ends them, or waits for Ctrl-C.
    func play(waitsAfterwards: Bool, report: (DemoOutcome) -> Void) async throws -> DemoOutcome {
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        do {
            let outcome = try await play(client, waitsAfterwards, report)
            try await client.shutdown()
            return outcome
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    private func play(
        _ client: HTTPClient, _ waitsAfterwards: Bool, _ report: (DemoOutcome) -> Void
    ) async throws -> DemoOutcome {
        let kafka = KafkaProperties(["session.timeout.ms": "6000", "heartbeat.interval.ms": "500"]).merging(
            broker.clientProperties)
        let detectKey = try SigningKey.generate(name: "detect-1")
        let gatewayKey = try SigningKey.generate(name: "gateway-1")
        let approverKey = try SigningKey.generate(name: "sam")
        let hubKey = try SigningKey.generate(name: "hub-1")
        let trusted = try TrustedKeys([
            TrustedKey(
                name: "sam", role: .person, identity: "sam@example.com", groups: ["security"], may: [.approve],
                publicText: approverKey.publicText),
            TrustedKey(name: "detect-1", role: .automation, may: [.issue], publicText: detectKey.publicText),
            TrustedKey(name: "gateway-1", role: .gateway, may: [], publicText: gatewayKey.publicText),
            TrustedKey(name: "hub-1", role: .hub, may: [.approve, .issue, .lift], publicText: hubKey.publicText),
        ])
        var detectSettings = DetectSettings(
            kafka: kafka, stateFolder: "\(folder)/detect", mapping: try Mapping.named("ocsf"),
            workers: min(2, ProcessInfo.processInfo.activeProcessorCount))
        detectSettings.directory = directory
        // Consumers of another broker that is gone may find this one at its port; they must not be members of these groups.
        let run = UUID().uuidString.lowercased().prefix(8)
        detectSettings.group += "-\(run)"
        let aliases = IdentityAliases(directory.entries.map { [$0.uid] + $0.aliases })
        detectSettings.enforcement = EnforcementSettings(
            key: detectKey, safety: OrderSafety.Settings(mode: .enforce, shareFloor: 10),
            knownIdentities: directory.entries.count, aliases: aliases)
        let detect = DetectService(settings: detectSettings, detectors: files, logger: logger)

        let secret = WebhookSecret.generate()
        let (receiverPort, receiverFound) = AsyncStream<Int>.makeStream()
        let (issuerPort, issuerFound) = AsyncStream<Int>.makeStream()
        let (upstreamPort, upstreamFound) = AsyncStream<Int>.makeStream()
        let receiver = WebhookReceiver(
            secret: try WebhookSecret(secret), logger: logger, show: { Self.show($0) },
            onListening: { receiverFound.yield($0) })
        let issuer = LocalIssuer(people: DemoConsole.people, logger: logger) { issuerFound.yield($0) }
        let upstream = LocalUpstream(logger: logger) { upstreamFound.yield($0) }
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: receiver), .init(service: issuer), .init(service: upstream), .init(service: detect),
                ],
                logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            guard let receiverPort = await receiverPort.first(where: { _ in true }),
                let issuerPort = await issuerPort.first(where: { _ in true }),
                let upstreamPort = await upstreamPort.first(where: { _ in true })
            else { return DemoOutcome(faults: ["the demo's services did not start"]) }
            let target = try WebhookTarget(
                name: "demo", url: "http://127.0.0.1:\(receiverPort)/hook", secrets: [try WebhookSecret(secret)],
                options: .init(addresses: .allowingPrivate))
            var hubConfiguration = HubConfiguration(
                kafka: kafka, databasePath: "\(folder)/hub.sqlite",
                receivers: [
                    Receiver(
                        name: "demo", integrations: [.init(target: target, format: .webhook, sendsResolved: true)])
                ])
            hubConfiguration.group += "-\(run)"
            hubConfiguration.activity = ActivityFollower.Configuration(
                kafka: kafka, databasePath: "\(folder)/activity.sqlite",
                settings: ActivitySettings(mapping: detectSettings.mapping, directory: directory))
            hubConfiguration.recordings = RecordingsConfiguration(
                kafka: kafka, databasePath: "\(folder)/recordings.sqlite")
            hubConfiguration.control = ControlTopics(keys: trusted, aliases: aliases)
            hubConfiguration.evidenceKey = hubKey
            let hub = try HubService(configuration: hubConfiguration, logger: logger)
            await group.addServiceUnlessShutdown(hub)
            if waitsAfterwards {
                let maker = try ConfigurationFile.empty.reportMaker(
                    hub: hub.database, path: hubConfiguration.databasePath,
                    activity: hubConfiguration.activity?.databasePath, key: hubKey, detectors: detectors,
                    identities: identities)
                let console = try HubConsole(
                    hub: hub, settings: DemoConsole.settings(issuerPort: issuerPort, address: console),
                    desk: Desk.Settings(detectors: DetectorCatalogue.entries(files), key: hubKey),
                    reports: ReportPages(maker), logger: logger,
                    onListening: { Terminal.print(DemoConsole.welcome($0.text)) })
                await group.addServiceUnlessShutdown(console)
            }

            let inForce = InForce()
            let (gatewayPort, gatewayFound) = AsyncStream<Int>.makeStream()
            let gateway = try gateway(
                kafka: kafka, issuerPort: issuerPort, upstreamPort: upstreamPort, trusted: trusted, key: gatewayKey,
                onListening: { gatewayFound.yield($0) }, onOrder: { inForce.note($0, $1) })
            await group.addServiceUnlessShutdown(gateway)
            guard let port = await gatewayPort.first(where: { _ in true }) else {
                return DemoOutcome(faults: ["the gateway did not start"])
            }
            let cast = DemoCast(
                directory: directory, gateway: "http://127.0.0.1:\(port)", issuer: issuer, issuerPort: issuerPort,
                client: client)
            try await warmUp(cast, gateway: gateway, detect: detect)
            let approvals = try KafkaProducer(
                properties: KafkaProperties(["linger.ms": "0"]).merging(kafka), logger: logger)
            defer { approvals.close() }
            let honest = DemoStory.approved(asking) { request in
                let now = Int64(Date().timeIntervalSince1970 * 1000)
                let record = try ApprovalDecision(
                    requestID: request, by: "sam@example.com", verdict: .approve, validUntil: now + 600_000,
                    reason: "quarterly review", at: now
                ).signed(by: approverKey)
                _ = try await approvals.send(
                    topic: "gatewatch.approvals", key: Array(record.key.utf8), payload: record.value)
            }
            let began = ContinuousClock.now
            var outcome = await perform(cast, honest)
            outcome.took = ContinuousClock.now - began
            await settle(
                &outcome, gateway: gateway, detect: detect, hub: hub, receiver: receiver, inForce: inForce)
            report(outcome)
            if waitsAfterwards {
                let week = try ReportPeriod(containing: Int64(Date().timeIntervalSince1970 * 1000)).name
                Terminal.print(DemoConsole.reports(week))
                Terminal.print("the gateway listens on http://127.0.0.1:\(port); Ctrl-C ends the demo")
                try await tasks.next()
                return outcome
            }
            await group.triggerGracefulShutdown()
            try await tasks.next()
            return outcome
        }
    }

    private func gateway(
        kafka: KafkaProperties, issuerPort: Int, upstreamPort: Int, trusted: TrustedKeys, key: SigningKey,
        onListening: @escaping @Sendable (Int) -> Void, onOrder: @escaping @Sendable (Order, Int64) -> Void
    ) throws -> GatewayService {
        let base = "http://127.0.0.1:\(upstreamPort)"
        let connections = """
            connections:
              - { name: embeddings-prod, preset: openai, path: /embeddings, upstream: "\(base)/embeddings" }
              - name: vectors-prod
                preset: qdrant
                path: /vectors
                upstream: "\(base)/vectors"
                policy: { approval: { items: 4000, operations: [vectors.export], needed: 1, approvers: [security] } }
              - { name: model-registry, preset: mlflow, path: /registry, upstream: "\(base)/registry" }
              - { name: training-corpus, preset: s3, path: /corpus, upstream: "\(base)/corpus" }
              - name: pipeline
                path: /pipeline
                upstream: "\(base)/pipeline"
                routes:
                  - { match: "PATCH /config/{name}", operation: config.change, resource: { type: pipeline_config, name: "{name}" } }
            """
        let settings = GatewaySettings(
            listen: ListenSettings(host: "127.0.0.1", port: 0), kafka: kafka, stateFolder: "\(folder)/gateway",
            issuers: [
                IssuerSettings(
                    issuer: LocalIssuer.url(port: issuerPort), audiences: [LocalIssuer.audience], algorithms: ["ES256"])
            ], trustedKeys: trusted, key: key)
        return try GatewayService(
            settings: settings,
            configuration: GatewayConfiguration(
                connections: ConnectionSet(YAMLReader.documents(text: connections, file: "demo.yml")),
                directory: directory),
            logger: logger, onListening: onListening, onOrder: onOrder)
    }

    /// Waits until events of every partition come through: joining a consumer group takes seconds, and the times that the demo prints
    /// are of the loop, not of its start.
    private func warmUp(_ cast: DemoCast, gateway: GatewayService, detect: DetectService) async throws {
        for entry in directory.entries.prefix(12) {
            guard let person = cast.person(entry.uid) else { continue }
            _ = try await person.embed(1, person.token(session: "\(entry.uid)-morning"))
        }
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            let sent = Int(gateway.spool.acknowledged)
            if gateway.spool.waitingEvents == 0, detect.committedRecords >= sent, gateway.health.allSatisfy(\.healthy) {
                return
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Everyone at once.
    private func perform(_ cast: DemoCast, _ honest: DemoStory.Part) async -> DemoOutcome {
        var outcome = DemoOutcome()
        outcome.insiders = parts.count
        let played = parts + [honest]
        let normal = directory.entries.filter { entry in !played.contains { $0.uid == entry.uid } }
        await withTaskGroup(of: (requests: Int, refusals: Int, faults: [String]).self) { tasks in
            for part in played {
                tasks.addTask {
                    guard let person = cast.person(part.uid) else { return (0, 0, ["nobody is called \(part.uid)"]) }
                    Terminal.print("\(part.uid)  \(part.deed)")
                    do {
                        let faults = try await part.play(
                            person, DemoStory.Narrator(uid: part.uid) { Terminal.print($0) })
                        return (person.requests, part.rules.isEmpty ? 0 : person.refusals, faults)
                    } catch {
                        return (person.requests, 0, ["\(part.uid) could not play: \(error)"])
                    }
                }
            }
            tasks.addTask { await cast.normalWork(normal.map(\.uid)) }
            for await result in tasks {
                outcome.requests += result.requests
                outcome.refusals += result.refusals
                outcome.faults += result.faults
            }
        }
        return outcome
    }

    // MARK: Outcome

    private static func show(_ message: WebhookReceiver.Inbox.Message) {
        let clock = Timestamp.iso8601(message.time).dropFirst(11).prefix(8)
        Terminal.print(
            "\(clock)  \(message.level.uppercased().padding(toLength: 8, withPad: " ", startingAt: 0)) \(message.message)"
        )
    }

    /// Waits until all that happened is detected and delivered, and compares it with what was played.
    private func settle(
        _ outcome: inout DemoOutcome, gateway: GatewayService, detect: DetectService, hub: HubService,
        receiver: WebhookReceiver, inForce: InForce
    ) async {
        var faults: [String] = []
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        func wait(_ what: String, _ done: () -> Bool) async {
            while !done() {
                guard ContinuousClock.now < deadline else { return faults.append("after a minute \(what)") }
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
        await wait("not every event was sent") { gateway.spool.waitingEvents == 0 }
        await wait("not every event was read") { detect.committedRecords >= Int(gateway.spool.acknowledged) }
        await wait("not every exchange was recorded") {
            let kept = (try? hub.recordings?.size().recordings) ?? 0
            return gateway.recordings.map { $0.waitingEvents == 0 && kept >= Int64($0.acknowledged) } ?? false
        }
        await wait("not every alert was delivered") { receiver.inbox.messages.count >= detect.alertCount }

        let messages = receiver.inbox.messages
        outcome.alerts = detect.alertCount
        outcome.deliveries = messages.count
        outcome.faults += faults
        if receiver.inbox.refused > 0 { outcome.faults.append("\(receiver.inbox.refused) signatures were wrong") }
        var missed: Set<String> = []
        for part in parts {
            for rule in part.rules
            where !messages.contains(where: { $0.identity == part.uid && $0.rule == rule }) {
                outcome.faults.append("\(rule) did not fire for \(part.uid)")
                missed.insert(part.uid)
            }
        }
        if !missed.isEmpty {
            outcome.witnessed = DemoWitness.lines(of: missed, kafka: broker.clientProperties, logger: logger)
        }
        let insiders = Set(parts.map(\.uid))
        for message in messages where !insiders.contains(message.identity) {
            outcome.faults.append("\(message.rule) fired for \(message.identity), who did nothing wrong")
        }
        let times = Dictionary(messages.map { ($0.alert, $0.time) }, uniquingKeysWith: { first, _ in first })
        for (order, at) in inForce.all {
            outcome.orders += 1
            if !insiders.contains(order.subject.value) {
                outcome.faults.append("an order was issued on \(order.subject.value), who did nothing wrong")
            }
            if let alert = order.alertUID, let time = times[alert] { outcome.eventToOrder.append(max(0, at - time)) }
        }
    }
}
