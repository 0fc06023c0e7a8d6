// SPDX-License-Identifier: Apache-2.0

import Fixtures
import Foundation
import Kafka
import Testing

extension DetectEndToEnd {
    /// `status: experimental`: a rule runs and is counted, and notifies nobody until it is promoted.
    @Suite struct Staging {
        @Test func anExperimentalRuleIsCountedAndRecordedButNotDelivered() async throws {
            try await Receiver.with { receiver in
                try await Stage.with { stage in
                    let day = try Day(stage)
                    let folder = try stage.copyDetectors { _, text in
                        text.replacing(
                            "name: gw_fail_then_succeed\nstatus: stable",
                            with: "name: gw_fail_then_succeed\nstatus: experimental")
                    }
                    _ = try await stage.startBroker()
                    let producer = try stage.makeProducer()
                    let hub = try stage.startHub(receiver.url)
                    let detect = try stage.startDetect([
                        "--detectors", folder, "--identities", day.identities, "--calendar", day.calendar,
                    ])
                    // One insider breaks in, another reads training data, which a stable rule tells.
                    try producer.send(day.events.filter { ["u-0180", "u-0178"].contains($0.identity) })
                    try await eventually("the experimental rule's alert is counted as such") {
                        try await detect.metric(
                            "gatewatch_alerts_total", labels: "rule=\"gw_fail_then_succeed\",status=\"experimental\"")
                            == 1
                    }
                    try await eventually("the hub recorded it and delivered the other") {
                        try await hub.metric("gatewatch_hub_alerts_total", labels: "experimental") == 1
                            && receiver.findings.contains { $0.rule == "gw_training_data_by_inference" }
                    }
                    #expect(!receiver.findings.contains { $0.rule == "gw_fail_then_succeed" })

                    try await stage.waitUntilReading(detect)
                }
            }
        }
    }
}
