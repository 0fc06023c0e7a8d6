// SPDX-License-Identifier: Apache-2.0

import Fixtures
import Foundation
import Testing

private let kcat = Project.program("kcat")

extension DetectEndToEnd {
    @Suite struct OtherClients {
        @Test(.enabled(if: kcat != nil, "kcat is not on PATH"))
        func kcatProducesEventsAndConsumesTheirAlerts() async throws {
            let kcat = try #require(kcat)
            try await Stage.with { stage in
                let day = try Day(stage)
                let insider = "u-0180"
                let events = day.events.filter { $0.identity == insider }
                try #require(!events.isEmpty)
                let lines = events.map { "\(insider)|\(String(decoding: $0.json, as: UTF8.self))\n" }.joined()
                let file = try stage.write("events.txt", lines)
                _ = try await stage.startBroker()
                let produced = try await stage.run(
                    ["-b", stage.bootstrapServers, "-P", "-t", Stage.auditTopic, "-K", "|", "-l", file], program: kcat)
                #expect(produced.status == 0, "\(produced.errors)")
                let detect = try stage.startDetect(day.arguments)
                try await eventually("the alert arose") {
                    try await detect.metric("gatewatch_alerts_total", labels: "gw_fail_then_succeed") == 1
                }
                try await stage.waitUntilReading(detect)
                try await detect.terminate()
                let consumed = try await stage.run(
                    [
                        "-b", stage.bootstrapServers, "-C", "-t", Stage.alertsTopic, "-o", "beginning", "-e", "-q",
                        "-K", "|",
                    ],
                    program: kcat)
                #expect(consumed.status == 0, "\(consumed.errors)")
                let parts = consumed.output.split(separator: "|", maxSplits: 1)
                #expect(parts.first.map(String.init) == insider)
                let finding = try Finding(Array(try #require(parts.last).utf8))
                #expect(finding.rule == "gw_fail_then_succeed" && finding.identity == insider)
                let expected = try await day.backtest(stage, events)
                #expect(expected == [finding])
            }
        }
    }
}
