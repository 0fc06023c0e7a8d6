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
    private static let partitions = 16
    /// The embedded broker keeps about 5 MB per partition and drops the rest, so the topic must not hold more than this.
    private static let days = 2

    static func run(_ workload: Workload, engineNanoseconds: Double) async throws {
        let broker = Process()
        broker.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("gatewatch")
        broker.arguments = [
            "broker", "--topic", "gatewatch.audit:\(partitions)", "--topic", "gatewatch.alerts:4", "--topic",
            "gatewatch.audit.rejected:4",
        ]
        let output = Pipe()
        broker.standardOutput = output
        broker.standardError = FileHandle.nullDevice
        try broker.run()
        defer { broker.terminate() }
        guard let line = String(data: output.fileHandleForReading.availableData, encoding: .utf8)?.split(separator: "\n").first
        else { return }
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let kafka = KafkaProperties(["bootstrap.servers": String(line)])

        let producer = try KafkaProducer(properties: kafka, logger: logger)
        let total = workload.events.count * days
        for _ in 0..<days {
            workload.nextDay()
            for event in workload.events {
                try producer.send(
                    topic: "gatewatch.audit", key: Array(event.identity.utf8), payload: Array(workload.text(event)),
                    timestampMilliseconds: event.milliseconds + Int64(workload.day) * 86_400_000
                ) { _ in }
            }
            try producer.flush(timeoutMilliseconds: 60_000)
        }
        producer.close()

        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-bench-\(getpid())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var settings = DetectSettings(kafka: kafka, stateFolder: folder, mapping: try Mapping.named("ocsf"), workers: 1)
        settings.directory = workload.directory
        let service = DetectService(settings: settings, detectors: workload.files, logger: logger)
        let task = Task { try await service.run() }
        while service.committedRecords == 0 { try await Task.sleep(for: .milliseconds(1)) }
        let first = service.committedRecords
        let start = processNanoseconds()
        let began = ContinuousClock.now
        var last = (count: first, at: began)
        while service.committedRecords < total, ContinuousClock.now - last.at < .seconds(10) {
            try await Task.sleep(for: .milliseconds(2))
            if service.committedRecords > last.count { last = (service.committedRecords, .now) }
        }
        guard service.committedRecords == total else {
            say("only \(service.committedRecords) of \(total) records came through Kafka; no figure")
            exit(1)
        }
        let took = ContinuousClock.now - began
        let cpu = Double(processNanoseconds() - start) / Double(total - first)
        task.cancel()
        try? await task.value
        let seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
        say("Kafka in, one worker, \(total) records in \(partitions) partitions, state committed every second")
        row("  CPU per event, all threads of the process", "\(format(cpu)) ns")
        row("  against the engine alone", "\(format(cpu / engineNanoseconds, 2)) ×  (budget 2 ×)")
        row("  throughput", "\(format(Double(total - first) / seconds, 0)) events/s")
    }
}
