// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Detectors
import Foundation
import Kafka
import Logging
import Orders
import Pipeline
import ServiceLifecycle
import Sigma
import Signing
import Telemetry
import UnixSignals
import YAMLDocument

struct Detect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Consumes audit events, runs the detectors, emits alerts.",
        discussion: """
            gatewatch detect --bootstrap-servers kafka:9092 --detectors detectors --identities people.csv
            gatewatch detect --config /etc/gatewatch.yml

            SIGTERM drains and commits; SIGHUP reads the detectors anew (a bad set is refused, the old one stays).
            /healthz and /metrics are on the admin address.
            """)

    @OptionGroup var kafka: KafkaOptions
    @OptionGroup var log: LogOptions

    @Option(parsing: .upToNextOption, help: "Rule files or folders; ./detectors without.")
    var detectors: [String] = []
    @OptionGroup var rules: RuleOptions
    @OptionGroup var events: EventOptions
    @Option(help: "Topic of audit events.")
    var topic: String?
    @Option(help: "Folder of the state.")
    var state: String?
    @Option(help: "Threads; each owns the partitions that it is given.")
    var workers: Int?
    @Option(help: "host:port of health and metrics; port 0 takes a free one.")
    var admin: String?

    func run() async throws {
        let metrics = startMetrics()
        let logger = log.logger("gatewatch.detect")
        let file = try kafka.file()
        let node = file.detect
        let settings = try settings(file)
        let load = try loader(node)
        let first = try load()
        guard first.errors.isEmpty else {
            for error in first.errors { Terminal.error("\(error)") }
            throw ExitCode.foundWrong
        }
        logger.notice(
            "\(counted(first.rules.detections.count, "detection")) and \(counted(first.rules.correlations.count, "correlation")) of \(counted(first.fileCount, "file"))"
        )
        warnAboutGroups(first, logger)
        switch settings.enforcement?.safety.mode {
        case nil: logger.notice("orders are not issued: there is no enforcement in the configuration")
        case .observe:
            logger.notice("orders are not issued: enforcement observes only, alerts tell what would have been done")
        case .enforce: logger.notice("orders are issued where a rule says respond")
        }
        try makeTopics(settings, partitions: try node?["partitions"]?.integer() ?? 4, logger)

        let service = DetectService(settings: settings, detectors: first, logger: logger)
        let address = try adminAddress(admin, node, port: 9464)
        let server = AdminServer(
            host: address.host, port: address.port, metrics: metrics, logger: logger,
            onListening: { port in logger.notice("health and metrics on http://\(address.host):\(port)") },
            health: { service.health() })
        let reload = OnHangup(logger: logger) {
            let files = try load()
            guard files.errors.isEmpty else { throw DocumentErrors(files.errors) }
            service.reload(files)
        }
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: server), .init(service: reload),
                    .init(service: service, failureTerminationBehavior: .gracefullyShutdownGroup),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }

    private func settings(_ file: ConfigurationFile) throws -> DetectSettings {
        let node = file.detect
        var mapping = try Mapping.named(try events.mapping ?? node?["mapping"]?.text() ?? "ocsf")
        if mapping.name == "raw" { mapping = Mapping.raw }
        var settings = DetectSettings(
            kafka: try kafka.properties(file), stateFolder: try state ?? node?["state"]?.text() ?? "state/detect",
            mapping: mapping,
            workers: try workers ?? node?["workers"]?.integer() ?? ProcessInfo.processInfo.activeProcessorCount)
        guard (1...1024).contains(settings.workers) else { throw ValidationError("--workers is 1 to 1024.") }
        settings.directory = try (events.identities ?? node?["identities"]?.text()).map {
            try IdentityDirectory(path: $0)
        }
        if let value = try topic ?? node?["topic"]?.text() { settings.topic = value }
        if let value = try node?["group"]?.text() { settings.group = value }
        if let value = try node?["alerts_topic"]?.text() { settings.alertsTopic = value }
        if let value = try node?["rejected_topic"]?.text() { settings.rejectedTopic = value }
        if let value = try node?["feedback_topic"]?.text() { settings.feedbackTopic = value }
        if let value = node?["lateness"] { settings.lateness = try Timespan(value).milliseconds }
        if let value = node?["commit_interval"] { settings.commitInterval = try Timespan(value).milliseconds }
        if let value = try node?["commit_events"]?.integer() { settings.commitEvents = max(1, value) }
        if let value = node?["maximum_ahead"] { settings.maximumAhead = try Timespan(value).milliseconds }
        if let value = try node?["maximum_event_bytes"]?.integer() { settings.maximumEventBytes = value }
        if let value = node?["enforcement"] { settings.enforcement = try Self.enforcement(value, settings.directory) }
        return settings
    }

    private static func enforcement(_ node: YAMLNode, _ directory: IdentityDirectory?) throws -> EnforcementSettings {
        try node.refuseKeys(except: ["key", "orders_topic", "safety"])
        var settings = EnforcementSettings(
            key: try ConfigurationFile.key(node.required("key")), knownIdentities: directory?.entries.count ?? 0,
            aliases: IdentityAliases((directory?.entries ?? []).map { [$0.uid] + $0.aliases }))
        if let safety = node["safety"] { settings.safety = try ConfigurationFile.safety(safety, settings.safety) }
        if let topic = try node["orders_topic"]?.text() { settings.ordersTopic = topic }
        return settings
    }

    private func loader(_ node: YAMLNode?) throws -> @Sendable () throws -> DetectorFiles {
        let configured = try node?["detectors"]?.texts() ?? ["detectors"]
        let paths = detectors.isEmpty ? configured : detectors
        let calendar = try rules.calendar ?? node?["calendar"]?.text()
        let lists = try rules.lists ?? node?["lists"]?.text()
        return { try DetectorFiles(paths: paths, calendar: calendar, lists: lists) }
    }

    /// Windows live in the partition of their events. Events are keyed by identity, so a group without it sees only the part
    /// of its events that fell into the same partition.
    private func warnAboutGroups(_ files: DetectorFiles, _ logger: Logger) {
        for rule in files.rules.correlations where !rule.groupBy.contains("identity") {
            logger.warning(
                "\(rule.metadata.label) does not group by identity, so it counts within each partition of the topic by itself"
            )
        }
    }

    private func makeTopics(_ settings: DetectSettings, partitions: Int, _ logger: Logger) throws {
        let admin = try KafkaAdmin(properties: settings.kafka, logger: logger)
        do {
            try admin.createTopics([
                TopicSpecification(name: settings.topic, partitions: Int32(partitions)),
                TopicSpecification(name: settings.alertsTopic, partitions: Int32(partitions)),
                TopicSpecification(name: settings.rejectedTopic, partitions: Int32(partitions)),
            ])
            let compacted = [settings.feedbackTopic, settings.enforcement?.ordersTopic].compactMap(\.self)
            try admin.createTopics(
                compacted.map {
                    TopicSpecification(name: $0, partitions: 4, configuration: ["cleanup.policy": "compact"])
                })
        } catch {
            // A broker that is away comes back, and the rights to make topics may be someone else's.
            logger.warning("topics were not made: \(error)")
        }
    }
}
