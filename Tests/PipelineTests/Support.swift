// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detectors
import Foundation
import Kafka
import Logging
import Pipeline
import Synchronization
import Testing
import YAMLDocument

/// A folder of a test's own, gone with it.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Waits until something holds; fails the test when it does not within three minutes. Beside all other suites, on two cores, one minute has
/// been too short.
func wait(_ what: String, _ condition: () throws -> Bool) async throws {
    let deadline = ContinuousClock.now.advanced(by: .seconds(180))
    while try !condition() {
        try #require(ContinuousClock.now < deadline, "waited three minutes: \(what)")
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// An embedded broker with the pipeline's topics, and what a test does with it.
final class Stage: Sendable {
    let broker: EmbeddedBroker
    let kafka: KafkaProperties
    let producer: KafkaProducer
    let folder: TemporaryFolder

    init(partitions: Int = 4) throws {
        broker = try EmbeddedBroker(topics: [
            ("gatewatch.audit", partitions), ("gatewatch.alerts", 1), ("gatewatch.audit.rejected", 1),
            ("gatewatch.orders", 1), ("gatewatch.feedback", 1),
        ])
        // A member that leaves is missed for this long by the embedded broker.
        kafka = broker.clientProperties.merging(
            KafkaProperties(["session.timeout.ms": "6000", "heartbeat.interval.ms": "500"]))
        producer = try KafkaProducer(properties: kafka, logger: quiet)
        folder = try TemporaryFolder()
    }

    func detectors(_ yaml: String) throws -> DetectorFiles {
        let files = try DetectorFiles(documents: try YAMLReader.documents(text: yaml, file: "test.yml"))
        if let error = files.errors.first { throw error }
        return files
    }

    func service(_ yaml: String, mapping: Mapping = .raw, workers: Int = 1) throws -> DetectService {
        let settings = DetectSettings(
            kafka: kafka, stateFolder: "\(folder.path)/state", mapping: mapping, workers: workers)
        return DetectService(settings: settings, detectors: try detectors(yaml), logger: quiet)
    }

    /// Sends an event of `identity`, `seconds` after a fixed moment, with that record time.
    func send(_ identity: String, _ seconds: Int64, _ op: String = "x", uid: String = UUID().uuidString.lowercased())
        throws
    {
        let time = 1_700_000_000_000 + seconds * 1000
        try send(
            key: identity, #"{"metadata":{"uid":"\#(uid)"},"time":\#(time),"identity":"\#(identity)","op":"\#(op)"}"#,
            time)
    }

    func send(key: String, _ payload: String, _ time: Int64) throws {
        try producer.send(
            topic: "gatewatch.audit", key: Array(key.utf8), payload: Array(payload.utf8), timestampMilliseconds: time
        ) { _ in }
    }
}

/// What a topic holds, read by a group of its own.
final class TopicReader {
    struct Record {
        let key: String
        let value: String
        let headers: [String: String]

        /// `finding_info.uid`, the rule's name and the ids of the events of an alert.
        var finding: (uid: String, rule: String, events: [String])? {
            guard let object = try? JSONSerialization.jsonObject(with: Data(value.utf8)) as? [String: Any],
                let info = object["finding_info"] as? [String: Any], let uid = info["uid"] as? String,
                let analytic = info["analytic"] as? [String: Any], let name = analytic["name"] as? String
            else { return nil }
            let events = info["related_events"] as? [[String: Any]] ?? []
            return (uid, name, events.compactMap { $0["uid"] as? String })
        }
    }

    private let consumer: KafkaConsumer
    private(set) var records: [Record] = []

    init(_ stage: Stage, _ topic: String) throws {
        consumer = try KafkaConsumer(
            properties: stage.kafka, group: "reader-\(UUID().uuidString)", topics: [topic], logger: quiet)
    }

    func poll() throws {
        _ = try consumer.poll(timeoutMilliseconds: 50) { record in
            records.append(
                Record(
                    key: record.key.map { String(decoding: $0, as: UTF8.self) } ?? "",
                    value: record.payload.map { String(decoding: $0, as: UTF8.self) } ?? "",
                    headers: Dictionary(
                        record.allHeaders.map { ($0.0, String(decoding: $0.1, as: UTF8.self)) },
                        uniquingKeysWith: { $1 })))
        }
    }
}

/// Three of `op: x` by one identity within a minute.
let threeRule = """
    title: Use
    name: use
    logsource: { category: test }
    detection:
      selection: { op: x }
      condition: selection
    level: informational
    ---
    title: Three
    name: three
    correlation: { type: event_count, rules: [use], group-by: [identity], timespan: 1m, condition: { gte: 3 } }
    """
