// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Testing

/// A recorded log of a real product.
struct RealLog: Sendable, CustomTestStringConvertible {
    let mapping: String
    let path: String
    let timeField: String

    var testDescription: String { mapping }

    static let all = [
        RealLog(mapping: "cloudtrail", path: "cloudtrail-stratus/detonation_events.jsonl.gz", timeField: "eventTime"),
        RealLog(mapping: "teleport", path: "teleport-samples/audit_events.jsonl", timeField: "time"),
    ]

    static var areThere: Bool { all.allSatisfy { Project.sharedData($0.path) != nil } }
}

extension DetectEndToEnd {
    @Suite(.enabled(if: RealLog.areThere, "the folder ../shared/data is not there")) struct RealLogs {
        @Test(arguments: RealLog.all) func everyEventIsParsedAndNoneRefusedButForItsOrder(_ log: RealLog) async throws {
            try await Stage.with { stage in
                let lines = try await lines(log, stage)
                let arguments = ["backtest", "--detectors", Project.detectors, "--mapping", log.mapping, "--input"]
                let inFileOrder = try await stage.run(arguments + [try stage.write("file.ndjson", joined(lines))])
                #expect(inFileOrder.status == 0, "\(inFileOrder.errors)")
                let late = try lateCount(inFileOrder.errors)
                #expect(try eventCount(inFileOrder.errors) + late == lines.count)

                let sorted = try await stage.run(
                    arguments + [try stage.write("sorted.ndjson", joined(try byTime(lines, log)))])
                #expect(sorted.status == 0)
                #expect(try eventCount(sorted.errors) == lines.count, "\(sorted.errors)")
                #expect(!sorted.errors.contains("were not taken"), "\(sorted.errors)")
            }
        }

        @Test(arguments: RealLog.all) func theyGoThroughKafkaAsTheyGoThroughBacktest(_ log: RealLog) async throws {
            try await Stage.with { stage in
                let lines = try await lines(log, stage)
                let file = try stage.write("file.ndjson", joined(lines))
                let rules = ["--detectors", Project.detectors, "--mapping", log.mapping]
                let expected = try await stage.run(["backtest", "--input", file, "--format", "ocsf"] + rules)
                _ = try await stage.startBroker()
                let reader = stage.read([Stage.alertsTopic, Stage.rejectedTopic])
                let producer = try stage.makeProducer()
                let detect = try stage.startDetect(rules)
                for line in lines {
                    _ = try await producer.send(topic: Stage.auditTopic, key: Array("log".utf8), payload: line)
                }
                try await eventually("all are read") {
                    try await detect.metric("gatewatch_events_total") == Double(lines.count)
                }
                try await stage.waitUntilReading(detect)
                try await detect.terminate()
                try await reader.waitForEnd(of: [Stage.alertsTopic, Stage.rejectedTopic], producer)
                let records = try reader.records()
                let rejected = records.filter { $0.topic == Stage.rejectedTopic }
                #expect(rejected.count == (try lateCount(expected.errors)))
                #expect(rejected.allSatisfy { $0.headers["gatewatch.reason"] == "late" })
                #expect(
                    rejected.allSatisfy {
                        $0.headers["gatewatch.detail"]?.contains("later than the allowed lateness") == true
                    })
                let findings = try expected.output.split(separator: "\n").map { try Finding(Array($0.utf8)) }
                #expect(try records.findings().sorted() == findings.sorted())
            }
        }

        private func lines(_ log: RealLog, _ stage: Stage) async throws -> [[UInt8]] {
            let path = try #require(Project.sharedData(log.path))
            let text: String
            if path.hasSuffix(".gz") {
                let gzip = try #require(Project.program("gzip"))
                text = try await stage.run(["-dc", path], program: gzip).output
            } else {
                text = try String(contentsOfFile: path, encoding: .utf8)
            }
            let lines = text.split(separator: "\n").map { Array($0.utf8) }
            try #require(lines.count > 20)
            return lines
        }

        private func joined(_ lines: [[UInt8]]) -> [UInt8] { Array(lines.joined(separator: [0x0A])) }

        /// As a collector would have delivered them. Times of one log have one form, which sorts as text.
        private func byTime(_ lines: [[UInt8]], _ log: RealLog) throws -> [[UInt8]] {
            let timed = try lines.map { line in
                let object = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
                // Some logs wrap their events.
                let event = object?["event"] as? [String: Any] ?? object
                return (try #require(event?[log.timeField] as? String), line)
            }
            return timed.sorted { $0.0 < $1.0 }.map(\.1)
        }

        private func eventCount(_ summary: String) throws -> Int {
            let match = try #require(summary.firstMatch(of: /^([0-9]+) events/))
            return try #require(Int(match.output.1))
        }

        /// Events refused for their order; throws when any was refused for something else.
        private func lateCount(_ summary: String) throws -> Int {
            guard summary.contains("were not taken") else { return 0 }
            let match = try #require(
                summary.firstMatch(of: /([0-9]+) events were not taken: ([0-9]+) late\n/), "\(summary)")
            #expect(match.output.1 == match.output.2)
            return try #require(Int(match.output.1))
        }
    }
}
