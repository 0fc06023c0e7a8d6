// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Foundation
import Kafka
import Logging
import Pipeline

/// The detector process from Kafka to committed state, against the engine alone. The embedded broker runs in a process of its
/// own, so that its work is not counted.
enum KafkaBench {
    private static let partitions = 32
    /// The embedded broker keeps about 5 MB per partition and drops the rest, so the topic must not hold more than this.
    private static let days = 6

    static func run(_ workload: Workload, engineNanoseconds: Double) async throws {
        let broker = try BrokerProcess(
            topics: ["gatewatch.audit", "gatewatch.alerts", "gatewatch.audit.rejected"], partitions: partitions)
        defer { broker.stop() }
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let kafka = broker.properties
        let line = kafka["bootstrap.servers"] ?? ""

        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-bench-\(getpid())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var settings = DetectSettings(kafka: kafka, stateFolder: folder, mapping: try Mapping.named("ocsf"), workers: 1)
        settings.directory = workload.directory
        let service = DetectService(settings: settings, detectors: workload.files, logger: logger)
        let task = Task { try await service.run() }
        // The first day joins the group, makes the files and fills the tables.
        let day = workload.events.count
        try feed(line, from: 1, days: 1)
        try await wait(service, day)
        let start = processNanoseconds()
        try feed(line, from: 2, days: days - 1)
        try await wait(service, day * days)
        let cpu = Double(processNanoseconds() - start) / Double(day * (days - 1))
        task.cancel()
        try? await task.value
        say(
            "Kafka in, one worker, \(day * (days - 1)) records in \(partitions) partitions, state committed every second"
        )
        row("  CPU per event, all threads of the process", "\(format(cpu)) ns")
        row("  against the engine alone", "\(format(cpu / engineNanoseconds, 2)) ×  (budget 2 ×)")
    }

    private static func wait(_ service: DetectService, _ total: Int) async throws {
        var last = (count: -1, at: ContinuousClock.now)
        while service.committedRecords < total {
            try await Task.sleep(for: .milliseconds(50))
            if service.committedRecords > last.count { last = (service.committedRecords, .now) }
            guard ContinuousClock.now - last.at < .seconds(30) else {
                say("only \(service.committedRecords) of \(total) records came through Kafka; no figure")
                exit(1)
            }
        }
    }

    /// Sends days of the fixture from a process of its own, whose work is not counted either.
    private static func feed(_ servers: String, from first: Int, days: Int) throws {
        let feeder = Process()
        feeder.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        feeder.arguments = ["feed", servers, String(first), String(days)]
        try feeder.run()
        feeder.waitUntilExit()
    }

    /// `gatewatch-bench feed SERVERS FIRST DAYS`, for `run`.
    static func feed(_ workload: Workload, _ arguments: [String]) throws {
        guard arguments.count == 3, let first = Int(arguments[1]), let days = Int(arguments[2]) else { return }
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let producer = try KafkaProducer(
            properties: KafkaProperties(["bootstrap.servers": arguments[0]]), logger: logger)
        let place = spread(workload)
        while workload.day < first + days - 1 {
            workload.nextDay()
            if workload.day < first { continue }
            for event in workload.events {
                try producer.send(
                    topic: "gatewatch.audit", key: Array(event.identity.utf8), payload: Array(workload.text(event)),
                    partition: place[event.identity],
                    timestampMilliseconds: event.milliseconds + Int64(workload.day) * 86_400_000
                ) { _ in }
            }
            try producer.flush(timeoutMilliseconds: 60_000)
        }
        producer.close()
    }

    /// Identities over the partitions, the busiest first and each to the emptiest, so that none holds more than the broker keeps.
    private static func spread(_ workload: Workload) -> [String: Int32] {
        var bytes: [String: Int] = [:]
        for event in workload.events { bytes[event.identity, default: 0] += event.count }
        var load = [Int](repeating: 0, count: partitions)
        var place: [String: Int32] = [:]
        for (identity, size) in bytes.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            let emptiest = load.indices.min { load[$0] < load[$1] } ?? 0
            load[emptiest] += size
            place[identity] = Int32(emptiest)
        }
        return place
    }
}
