// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import Testing

extension EndToEnd {
    /// `gatewatch routes` and `gatewatch silences`.
    @Suite struct RoutesByHand {
        private let file = """
            hub:
              state: STATE
              receivers:
                - name: chat
                  slack_configs: [{ api_url: "https://hooks.slack.com/services/T/B/X" }]
                - name: pager
                  webhook_configs: [{ url: "http://127.0.0.1:1/", secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw] }]
              route:
                receiver: chat
                routes: [{ matchers: ['severity="critical"'], receiver: pager, group_wait: 0s, mute_time_intervals: [sundays] }]
              time_intervals: [{ name: sundays, time_intervals: [{ weekdays: [sunday] }] }]
            """

        @Test func theTreeIsDrawnAndAnAlertsWayIsTold() async throws {
            try await Stage.with { stage in
                try stage.write("gatewatch.yml", file.replacing("STATE", with: stage.path("hub")))
                let common = ["--config", stage.path("gatewatch.yml")]
                let tree = try await stage.run(["routes", "show"] + common)
                #expect(
                    tree.output == """
                        all → chat  by incident, group_wait 30s, group_interval 5m, repeat_interval 4h
                          {severity="critical"} → pager  by incident, group_wait 0s, group_interval 5m, repeat_interval 4h, muted in sundays

                        """)
                let test = ["routes", "test"] + common
                let critical = try await stage.run(
                    test + ["--at", "2026-11-21T12:00:00Z", "--expect", "pager", "severity=critical", "incident=i1"])
                #expect(critical.status == 0 && critical.errors.contains("no database of a hub"))
                #expect(
                    critical.output == """
                        receiver  pager
                        route     {}/{severity="critical"}
                        group     {incident="i1"}
                        times     group_wait 0s, group_interval 5m, repeat_interval 4h
                        held      no

                        """)
                let sunday = try await stage.run(test + ["--at", "2026-11-22T12:00:00Z", "severity=critical"])
                #expect(sunday.output.contains("held      muted: time interval sundays"))
                #expect(try await stage.run(test + ["--expect", "pager", "severity=high"]).status == 1)
                try stage.write("bad.json", "{}")
                #expect(try await stage.run(test + ["--alert", stage.path("bad.json")]).status == 3)
                let finding = #"{"time":1,"severity_id":5,"finding_info":{"uid":"a","title":"t"}}"#
                try stage.write("finding.json", finding)
                let read = try await stage.run(test + ["--alert", stage.path("finding.json"), "--expect", "pager"])
                #expect(read.status == 0, "\(read.errors)")
            }
        }

        @Test func aSilenceIsMadeSeenObeyedAndEnded() async throws {
            try await Stage.with { stage in
                try stage.write("gatewatch.yml", file.replacing("STATE", with: stage.path("hub")))
                try FileManager.default.createDirectory(atPath: stage.path("hub"), withIntermediateDirectories: true)
                try OutboxSchema.migrate(OutboxSchema.open(path: stage.path("hub/hub.sqlite")))
                let common = ["--config", stage.path("gatewatch.yml")]
                #expect(try await stage.run(["silences", "list"] + common).output == "there is no silence\n")
                let made = try await stage.run(
                    [
                        "silences", "add", #"identity=~"ana|ben""#, "--duration", "1h", "--comment", "a move",
                        "--created-by", "cleo",
                    ]
                        + common)
                #expect(made.status == 0, "\(made.errors)")
                let id = made.output.trimmingCharacters(in: .newlines)
                let list = try await stage.run(["silences", "list"] + common)
                for word in [id, "active", "cleo", #"{identity=~"ana|ben"}"#, "a move"] {
                    #expect(list.output.contains(word))
                }
                let held = try await stage.run(["routes", "test", "identity=ana"] + common)
                #expect(
                    held.output.contains("held      silenced: \(id) until ") && held.output.contains("by cleo: a move"))
                #expect(
                    try await stage.run(["routes", "test", "identity=eve"] + common).output.contains("held      no"))
                #expect(try await stage.run(["silences", "expire", id] + common).output == "the silence is over\n")
                #expect(try await stage.run(["silences", "list"] + common).output == "there is no silence\n")
                #expect(try await stage.run(["silences", "list", "--expired"] + common).output.contains(id))
                let unknown = try await stage.run(["silences", "expire", "nobody"] + common)
                #expect(unknown.status == 1 && unknown.errors.contains("there is no silence nobody"))
                let all = try await stage.run(
                    ["silences", "add", #"identity=~".*""#, "--duration", "1h", "--comment", "c"] + common)
                #expect(all.status == 1 && all.errors.contains("silence everything"))
            }
        }
    }
}
