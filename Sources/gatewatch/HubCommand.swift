// SPDX-License-Identifier: Apache-2.0

import Activity
import ArgumentParser
import Console
import Delivery
import Desk
import Foundation
import Hub
import Kafka
import Logging
import Notifications
import Report
import Routing
import ServiceLifecycle
import Telemetry
import UnixSignals
import Web
import YAMLDocument

struct HubCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hub",
        abstract: "Consumes alerts, stores each once, routes it, delivers it.",
        discussion: """
            gatewatch hub --config /etc/gatewatch.yml
            WEBHOOK_SECRET=whsec_… gatewatch hub --bootstrap-servers kafka:9092 --webhook https://soc.example.com/hook \\
                --secret env:WEBHOOK_SECRET

            Deliveries are signed by Standard Webhooks and tried again until they succeed or the schedule ends; see \
            'gatewatch deliveries'. With hub.route in the file alerts are grouped and sent by its tree, see 'gatewatch routes'; without,
            each goes to every receiver at once.
            """)

    @OptionGroup var kafka: KafkaOptions
    @OptionGroup var log: LogOptions
    @OptionGroup var targets: HubTargets

    @Option(help: "host:port of health and metrics; port 0 takes a free one.")
    var admin: String?

    func run() async throws {
        let metrics = startMetrics()
        let logger = log.logger("gatewatch.hub")
        let file = try kafka.file()
        let node = file.hub
        var configuration = HubConfiguration(
            kafka: try kafka.properties(file), databasePath: try targets.databasePath(file),
            receivers: try targets.receivers(file))
        configuration.routing = try file.routing(receivers: configuration.receivers.map(KnownReceiver.init))
        if let group = try node?["group"]?.text() { configuration.group = group }
        if let topic = try node?["topic"]?.text() { configuration.topic = topic }
        if let topic = try node?["feedback_topic"]?.text() { configuration.feedbackTopic = topic }
        configuration.control = try file.control()
        configuration.activity = try file.activity(
            kafka: configuration.kafka, hubDatabase: configuration.databasePath)
        configuration.evidenceKey = try file.evidenceKey(trusted: configuration.control?.keys)
        configuration.recordings = try file.recordings(
            kafka: configuration.kafka, hubDatabase: configuration.databasePath, key: configuration.evidenceKey)
        let web = try file.console()
        configuration.consoleURL = web?.url
        if configuration.receivers.isEmpty {
            logger.warning("there is no receiver: alerts are stored and nobody is told")
        }
        let service = try HubService(configuration: configuration, logger: logger, metrics: metrics)
        let address = try adminAddress(admin, node, port: 9465)
        let server = AdminServer(
            host: address.host, port: address.port, metrics: metrics, logger: logger,
            onListening: { port in logger.notice("health and metrics on http://\(address.host):\(port)") },
            health: { service.health() })
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
            .init(service: server),
            .init(service: service, failureTerminationBehavior: .gracefullyShutdownGroup),
        ]
        let maker = try file.reportMaker(
            hub: service.database, path: configuration.databasePath, activity: configuration.activity?.databasePath,
            key: configuration.evidenceKey)
        if let web {
            let console = try HubConsole(
                hub: service, settings: web,
                desk: Desk.Settings(
                    detectors: try file.catalogue(logger: logger), key: configuration.evidenceKey),
                reports: ReportPages(maker), logger: logger, metrics: metrics,
                onListening: { origin in logger.notice("the console is at \(origin.text)") })
            services.append(.init(service: console))
        }
        if let schedule = try file.reportSchedule() {
            let sender = try ReportSender(
                maker: maker, schedule: schedule, outbox: service.outbox,
                receivers: file.reportReceivers(configuration.receivers), logger: logger)
            services.append(.init(service: sender))
        }
        let group = ServiceGroup(
            configuration: .init(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }
}

/// Where the hub keeps its state and to whom it delivers.
struct HubTargets: ParsableArguments {
    @Option(help: "Folder of the hub's state.")
    var state: String?

    @Option(help: "Webhook URL, beside those of the file; may be given several times.")
    var webhook: [String] = []

    @Option(help: "Secret of the --webhook in the same place: env:NAME, file:PATH or whsec_….")
    var secret: [String] = []

    @Flag(help: "Let each --webhook be at a private address or on this machine.")
    var allowPrivate = false

    /// The hub's database; its folder is made.
    func databasePath(_ file: ConfigurationFile) throws -> String {
        let folder = try state ?? file.hub?["state"]?.text() ?? "state/hub"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return "\(folder)/hub.sqlite"
    }

    func receivers(_ file: ConfigurationFile) throws -> [Receiver] {
        guard webhook.count == secret.count else {
            throw ValidationError(
                "Each --webhook needs a --secret: \(webhook.count) of one, \(secret.count) of the other.")
        }
        var receivers = try file.receivers()
        for (index, url) in webhook.enumerated() {
            let target = try WebhookTarget(
                name: "webhook-\(index + 1)", url: url,
                secrets: [try WebhookSecret(Secret(reference: secret[index]))],
                options: .init(addresses: AddressPolicy(allowsPrivate: allowPrivate)))
            receivers.append(
                Receiver(
                    name: target.name,
                    integrations: [.init(target: target, format: .webhook, sendsResolved: true)]))
        }
        return receivers
    }
}
