// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Delivery
import Detectors
import Fixtures
import Foundation
import Hub
import Kafka
import Logging
import Pipeline
import ServiceLifecycle
import Sigma
import Synchronization
import YAMLDocument

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Plays a day with six insiders through everything, on this machine alone.",
        discussion: """
            Starts an embedded Kafka broker, detect, hub and a webhook receiver in one process; plays the fixture day (200
            people and services at normal work, and six insiders) and prints each alert when its signed webhook has arrived.

            gatewatch demo --once                  # ends after the day; status 0 only if all was detected and delivered
            gatewatch demo --speed 600             # ten minutes a second
            """)

    @Flag(
        help:
            "End after the day, with status 0 only if every insider was detected, every alert delivered, and nobody else named."
    )
    var once = false
    @Flag(help: "End with one JSON object that counts what happened.")
    var json = false
    @Option(help: "Seconds of the day per second; 0 plays as fast as it goes.")
    var speed = 4320.0
    @Option(help: "Another seed, another day.")
    var seed: UInt64 = 1
    @Option(help: "Rule files or folders.")
    var detectors = ["detectors"]
    @OptionGroup var log: LogOptions

    func run() async throws {
        guard speed >= 0 else { throw ValidationError("--speed is 0 or more.") }
        _ = startMetrics()
        // The demo speaks for itself; the services' own lines only when asked for.
        let logger = log.logger("gatewatch.demo", default: .critical)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "gatewatch-demo-\(UUID().uuidString)"
        ).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }

        let day = try FixtureDay(seed: seed)
        let calendar = "\(folder)/deployment.ics"
        try day.calendarICS.write(toFile: calendar, atomically: true, encoding: .utf8)
        let files = try DetectorFiles(paths: detectors, calendar: calendar)
        guard files.errors.isEmpty else {
            for error in files.errors { Terminal.error("\(error)") }
            throw ExitCode.foundWrong
        }

        let topics = ["gatewatch.audit", "gatewatch.audit.rejected", "gatewatch.alerts"]
        let broker = try EmbeddedBroker(topics: topics.map { ($0, 4) }, logger: logger)
        defer { broker.close() }
        let kafka = KafkaProperties([
            "bootstrap.servers": broker.bootstrapServers, "session.timeout.ms": "6000", "heartbeat.interval.ms": "500",
        ])
        var settings = DetectSettings(
            kafka: kafka, stateFolder: "\(folder)/detect", mapping: try Mapping.named("ocsf"),
            workers: min(2, ProcessInfo.processInfo.activeProcessorCount))
        settings.directory = try IdentityDirectory(text: day.identitiesCSV, file: "identities.csv")
        // The day is not today's: its records carry the time of their events.
        let detect = DetectService(settings: settings, detectors: files, logger: logger)

        let secret = WebhookSecret.generate()
        let (port, found) = AsyncStream<Int>.makeStream()
        let receiver = WebhookReceiver(
            secret: try WebhookSecret(secret), logger: logger, show: { Self.show($0) }, onListening: { found.yield($0) }
        )
        Terminal.print(
            "\(day.events.count) events of \(day.insiders.count) insiders and 200 people and services at normal work; \(files.rules.metadata.count) rules; Kafka at \(broker.bootstrapServers)"
        )

        let group = ServiceGroup(
            configuration: .init(services: [.init(service: receiver), .init(service: detect)], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            guard let port = await port.first(where: { _ in true }) else { return }
            let target = try WebhookTarget(
                name: "demo", url: "http://127.0.0.1:\(port)/hook", secrets: [try WebhookSecret(secret)])
            let hub = try HubService(
                configuration: HubConfiguration(kafka: kafka, databasePath: "\(folder)/hub.sqlite", targets: [target]),
                logger: logger)
            await group.addServiceUnlessShutdown(hub)

            let began = ContinuousClock.now
            try await play(day, kafka, logger)
            let outcome = await settle(day, detect: detect, receiver: receiver)
            report(day, outcome, took: ContinuousClock.now - began)
            if !once && !json {
                Terminal.print("the day is over; Ctrl-C ends the demo")
                try await tasks.next()
                return
            }
            await group.triggerGracefulShutdown()
            try await tasks.next()
            if !outcome.isRight { throw ExitCode.foundWrong }
        }
    }

    private static func show(_ message: WebhookReceiver.Inbox.Message) {
        let clock = Timestamp.iso8601(message.time).dropFirst(11).prefix(8)
        Terminal.print(
            "\(clock)  \(message.level.uppercased().padding(toLength: 8, withPad: " ", startingAt: 0)) \(message.message)"
        )
    }

    /// Sends the day's events, keyed by identity, with their own times.
    private func play(_ day: FixtureDay, _ kafka: KafkaProperties, _ logger: Logger) async throws {
        let producer = try KafkaProducer(properties: kafka, logger: logger)
        let failure = FirstFailure()
        let first = day.events.first?.timeMilliseconds ?? 0
        let began = ContinuousClock.now
        for event in day.events {
            if speed > 0 {
                let due = began.advanced(by: .milliseconds(Int64(Double(event.timeMilliseconds - first) / speed)))
                if due - .now > .milliseconds(5) { try await Task.sleep(until: due) }
            }
            try producer.send(
                topic: "gatewatch.audit", key: Array(event.identity.utf8), payload: event.json,
                timestampMilliseconds: event.timeMilliseconds
            ) { result in
                if case .failure(let error) = result { failure.note(error) }
            }
        }
        try producer.flush(timeoutMilliseconds: 30_000)
        producer.close()
        if let error = failure.error { throw error }
    }

    private final class FirstFailure: Sendable {
        private let state = Mutex<KafkaError?>(nil)
        var error: KafkaError? { state.withLock { $0 } }
        func note(_ error: KafkaError) { state.withLock { if $0 == nil { $0 = error } } }
    }

    // MARK: Outcome

    private struct Outcome {
        var alerts = 0
        var deliveries = 0
        /// What did not happen, or should not have.
        var faults: [String] = []
        var isRight: Bool { faults.isEmpty }
    }

    /// Waits until all that was sent is detected and delivered, and compares it with what the day holds.
    private func settle(_ day: FixtureDay, detect: DetectService, receiver: WebhookReceiver) async -> Outcome {
        var outcome = Outcome()
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        func wait(_ what: String, _ done: () -> Bool) async {
            while !done() {
                guard ContinuousClock.now < deadline else {
                    outcome.faults.append("after a minute \(what)")
                    return
                }
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
        await wait("not every event was read") { detect.committedRecords >= day.events.count }
        await wait("not every alert was delivered") { receiver.inbox.messages.count >= detect.alertCount }

        let messages = receiver.inbox.messages
        outcome.alerts = detect.alertCount
        outcome.deliveries = messages.count
        if receiver.inbox.refused > 0 { outcome.faults.append("\(receiver.inbox.refused) signatures were wrong") }
        for insider in day.insiders {
            for rule in insider.expected
            where !messages.contains(where: { $0.identity == insider.identity && $0.rule == rule }) {
                outcome.faults.append("\(rule) did not fire for \(insider.identity)")
            }
        }
        let insiders = Set(day.insiders.map(\.identity))
        for message in messages where !insiders.contains(message.identity) {
            outcome.faults.append("\(message.rule) fired for \(message.identity), who did nothing wrong")
        }
        return outcome
    }

    private func report(_ day: FixtureDay, _ outcome: Outcome, took: Duration) {
        for fault in outcome.faults { Terminal.print("WRONG: \(fault)") }
        let seconds = took.components.seconds
        if outcome.isRight {
            Terminal.print(
                "all \(day.insiders.count) insiders were detected, nobody else was; \(outcome.deliveries) of \(outcome.alerts) alerts delivered, every signature verified (\(seconds) s)"
            )
        }
        if json {
            Terminal.print(
                "{\"alerts\":\(outcome.alerts),\"deliveries\":\(outcome.deliveries),\"orders\":0,\"refusals\":0,\"event_to_order_ms\":null}"
            )
        }
    }
}
