// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka

/// Something that keeps a figure from being taken.
struct BenchError: Error, CustomStringConvertible {
    let description: String
}

/// `gatewatch broker` as a process of its own, so that its work is not counted.
final class BrokerProcess {
    private let process = Process()
    let properties: KafkaProperties

    init(topics: [String], partitions: Int = 4) throws {
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("gatewatch")
        process.arguments = ["broker"] + topics.flatMap { ["--topic", "\($0):\(partitions)"] }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        guard
            let line = String(data: output.fileHandleForReading.availableData, encoding: .utf8)?.split(separator: "\n")
                .first
        else { throw BenchError(description: "the broker did not say where it is") }
        properties = KafkaProperties([
            "bootstrap.servers": String(line), "fetch.wait.max.ms": "5", "session.timeout.ms": "6000",
            "heartbeat.interval.ms": "500",
        ])
    }

    func stop() { process.terminate() }
}
