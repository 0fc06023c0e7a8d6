// SPDX-License-Identifier: Apache-2.0

import Fixtures
import Foundation
import Kafka
import Synchronization
import TestSupport

/// A temporary folder and the processes of one test. At its end every process is killed and the folder is removed.
final class Stage: Sendable {
    static let auditTopic = "gatewatch.audit"
    static let alertsTopic = "gatewatch.alerts"
    static let rejectedTopic = "gatewatch.audit.rejected"

    let folder: URL
    private let children = Mutex<[Child]>([])
    private let readers = Mutex<[TopicReader]>([])
    private let producers = Mutex<[KafkaProducer]>([])
    private let address = Mutex("")

    private init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "gatewatch-e2e-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    static func with(_ body: (Stage) async throws -> Void) async throws {
        let stage = try Stage()
        do {
            try await body(stage)
        } catch {
            // What the processes said is gone with the folder.
            let said = stage.children.withLock { $0 }.suffix(4).map { "--- \($0.name): \($0.tail)" }
            await stage.close()
            throw Missing("\(error)\n\(said.joined(separator: "\n"))")
        }
        await stage.close()
    }

    private func close() async {
        for reader in readers.withLock({ $0 }) { await reader.stop() }
        for producer in producers.withLock({ $0 }) { producer.close(flushMilliseconds: 0) }
        for child in children.withLock({ $0 }) {
            child.signal(SIGCONT)
            child.signal(SIGKILL)
            _ = try? await child.waitForExit()
        }
        try? FileManager.default.removeItem(at: folder)
    }

    /// The path of a file in the folder.
    func path(_ name: String) -> String { folder.appending(path: name).path }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        try write(name, Array(text.utf8))
    }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = folder.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
        return file.path
    }

    // MARK: Processes

    func start(
        _ name: String, _ arguments: [String], program: URL = Project.binary, environment: [String: String] = [:],
        input: URL? = nil
    ) throws -> Child {
        try children.withLock { children in
            let child = try Child(
                "\(name)-\(children.count)", arguments, in: folder, program: program, environment: environment,
                input: input)
            children.append(child)
            return child
        }
    }

    /// Runs a command to its end.
    func run(
        _ arguments: [String], program: URL = Project.binary, input: URL? = nil
    ) async throws -> CommandResult {
        let child = try start("run", arguments, program: program, input: input)
        guard case .status(let status) = try await child.waitForExit() else {
            throw Missing("\(arguments) died: \(child.tail)")
        }
        return CommandResult(status: status, output: child.output, errors: child.errors)
    }

    /// Starts the embedded broker in a process of its own.
    func startBroker() async throws -> Child {
        let broker = try start("broker", ["broker"])
        try await eventually("the broker prints its address: \(broker.tail)") { broker.output.hasSuffix("\n") }
        address.withLock { $0 = broker.output.trimmingCharacters(in: .whitespacesAndNewlines) }
        return broker
    }

    var bootstrapServers: String { address.withLock { $0 } }

    /// On the embedded broker a new member of a group waits until the session of one that was killed is over.
    private func kafkaArguments(sessionMilliseconds: Int) -> [String] {
        [
            "--bootstrap-servers", bootstrapServers, "-X", "session.timeout.ms=\(sessionMilliseconds)", "-X",
            "heartbeat.interval.ms=500", "--admin", "127.0.0.1:0",
        ]
    }

    func startDetect(_ more: [String], state: String = "detect", sessionMilliseconds: Int = 6000) throws -> Child {
        try start(
            "detect",
            ["detect"] + kafkaArguments(sessionMilliseconds: sessionMilliseconds) + [
                "--state", path(state), "--workers", "2",
            ] + more)
    }

    /// A hub that delivers to one webhook.
    func startHub(_ webhook: String, sessionMilliseconds: Int = 6000) throws -> Child {
        try start(
            "hub",
            ["hub"] + kafkaArguments(sessionMilliseconds: sessionMilliseconds)
                + ["--state", path("hub"), "--webhook", webhook, "--secret", "env:E2E_SECRET", "--allow-private"],
            environment: ["E2E_SECRET": LocalReceiver.secret])
    }

    /// Waits until a detector owns all four partitions and each of its two workers has some.
    ///
    /// Before a test ends a detector by SIGTERM it waits for this: librdkafka before 2.3 aborts when a member is closed
    /// between joining its group and its first assignment (confluentinc/librdkafka#4312).
    func waitUntilReading(_ detect: Child) async throws {
        try await eventually("\(detect.name) reads four partitions: \(detect.tail)") {
            if let exit = detect.exit { throw Missing("\(detect.name) ended: \(exit)") }
            let log = detect.errors
            let workers = (0..<2).filter { isAssigned($0, log) }
            return workers.count == 2
                && log.ranges(of: "has no state here yet").count + log.ranges(of: "goes on at offset").count >= 4
        }
    }

    private func isAssigned(_ worker: Int, _ log: String) -> Bool {
        log.split(separator: "\n").contains { $0.contains("partitions assigned") && $0.hasSuffix("worker=\(worker)") }
    }

    // MARK: Kafka

    func makeProducer() throws -> KafkaProducer {
        let producer = try KafkaProducer(
            properties: KafkaProperties(["bootstrap.servers": bootstrapServers]), logger: quiet)
        producers.withLock { $0.append(producer) }
        return producer
    }

    /// Reads topics from their beginning.
    func read(
        _ topics: [String], onRecord: @escaping @Sendable (TopicReader.Record) -> Void = { _ in }
    ) -> TopicReader {
        let reader = TopicReader(bootstrapServers: bootstrapServers, topics: topics, onRecord: onRecord)
        readers.withLock { $0.append(reader) }
        return reader
    }
}

/// What a command that ended by itself left.
struct CommandResult: Equatable, Sendable {
    let status: Int32
    let output: String
    let errors: String
}
