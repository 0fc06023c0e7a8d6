// SPDX-License-Identifier: Apache-2.0

import AuditSpool
import Foundation
import Kafka
import Logging
import Synchronization
import Testing

/// Everything that opens a spool. One after the other: each test runs a cluster and several clients on few cores.
@Suite(.serialized) struct SpoolTests {}

/// How long a condition may take before the test fails. Generous: shared machines are slow.
let patience: TimeInterval = 60

struct Impatient: Error, CustomStringConvertible {
    let description: String
}

/// Repeats `attempt` until it is true.
func until(_ what: String, _ attempt: () throws -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: patience)
    while try !attempt() {
        if Date() > deadline { throw Impatient(description: "not within \(Int(patience)) s: \(what)") }
        Thread.sleep(forTimeInterval: 0.01)
    }
}

/// Log lines as a test can ask for them.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    func count(containing text: String) -> Int {
        lines.withLock { lines in lines.count { $0.contains(text) } }
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.lines.withLock { $0.append("\(event.message)") }
        }
    }
}

/// A folder that goes away at the end of the process: a spool that a test has let go of may still be ending in it.
final class Folder: Sendable {
    private static let all = Mutex<[String]>([])
    let path: String

    init() {
        path = NSTemporaryDirectory() + "audit-spool-" + UUID().uuidString
        Self.all.withLock { all in
            if all.isEmpty { atexit { Folder.removeAll() } }
            all.append(path)
        }
    }

    private static func removeAll() {
        for path in all.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) }
    }

    /// What the disk holds now: what another process would find if this one were killed at this moment.
    ///
    /// The position first, and what vanishes meanwhile is left out: a copy takes its time, during which a position goes
    /// on and segments are deleted, but a kill would find no position that is ahead of the segments.
    func copy() throws -> Folder {
        let copy = Folder()
        let files = FileManager.default
        try files.createDirectory(atPath: copy.path, withIntermediateDirectories: true)
        let names = try files.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".segment") }.sorted()
        for name in ["position.json"] + names where files.fileExists(atPath: path + "/" + name) {
            do {
                try files.copyItem(atPath: path + "/" + name, toPath: copy.path + "/" + name)
            } catch  where !files.fileExists(atPath: path + "/" + name) {}
        }
        return copy
    }

    /// Paths of the segment files, in their order.
    var segments: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasSuffix(".segment") }.sorted().map { path + "/" + $0 }
    }

    func bytes(_ file: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: file))) }

    func write(_ bytes: [UInt8], to file: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: file))
    }
}

/// An event as Kafka has it.
struct Received: Equatable {
    let partition: Int32
    let key: String
    let uid: String
    let payload: String
}

/// Nobody listens there.
let nowhere = KafkaProperties(["bootstrap.servers": "127.0.0.1:1"])

extension EmbeddedBroker {
    /// Everything that is in the topic, partition by partition in order.
    func events(_ topic: String = "audit") throws -> [Received] {
        let reader = try KafkaTopicReader(
            properties: clientProperties, topics: [topic], logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() })
        defer { reader.close() }
        var events: [Received] = []
        try until("the topic is read") {
            _ = try reader.poll(timeoutMilliseconds: 50) { record in
                events.append(
                    Received(
                        partition: record.topicPartition.partition,
                        key: String(decoding: record.key ?? .init(start: nil, count: 0), as: UTF8.self),
                        uid: String(decoding: record.header(AuditSpool.uidHeader) ?? [], as: UTF8.self),
                        payload: String(decoding: record.payload ?? .init(start: nil, count: 0), as: UTF8.self)))
            }
            return reader.isCaughtUp
        }
        return events
    }

    func spool(
        _ folder: Folder, limits: SpoolLimits = SpoolLimits(), _ more: [String: String] = [:],
        lines: LogLines = LogLines()
    ) throws -> AuditSpool {
        try AuditSpool(
            folder: folder.path, topic: "audit",
            properties: clientProperties.merging(KafkaProperties(["reconnect.backoff.max.ms": "200"]))
                .merging(KafkaProperties(more)),
            limits: limits, logger: lines.logger)
    }
}

extension AuditSpool {
    /// Appends an event whose uid is the number, of one of five people.
    func append(_ number: Int, padding: Int = 0, isReserved: Bool = false) throws(SpoolError) {
        try append(
            key: Array(person(number).utf8), uid: Array("\(number)".utf8),
            payload: Array("event \(number)\(String(repeating: " ", count: padding))".utf8), isReserved: isReserved)
    }

    func append(_ numbers: Range<Int>) throws {
        for number in numbers { try append(number) }
    }

    /// Waits until everything is acknowledged.
    func settle() throws {
        try #require(flush(timeoutMilliseconds: Int(patience * 1000)), "\(status)")
    }
}

func person(_ number: Int) -> String { ["alice", "bob", "ana", "eve", "dan"][number % 5] }

/// Each number once, and per person in order.
func expectOnce(
    _ events: [Received], _ numbers: some Collection<Int>, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(events.count == numbers.count, sourceLocation: sourceLocation)
    let got = events.compactMap { Int($0.uid) }
    #expect(Set(got) == Set(numbers), sourceLocation: sourceLocation)
    for (_, own) in Dictionary(grouping: events, by: \.key) {
        let order = own.compactMap { Int($0.uid) }
        #expect(order == order.sorted(), sourceLocation: sourceLocation)
    }
}
