// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `gatewatch notify`.
    @Suite struct NotifyByHand {
        private func file(_ url: String, _ more: String = "") -> String {
            """
            hub:
              receivers:
                - name: soc
                  webhook_configs: [{ url: "\(url)", secrets: ["\(LocalReceiver.secret)"]\(more) }]
                  pagerduty_configs: [{ routing_key: 0123456789abcdef0123456789abcdef, url: "http://127.0.0.1:1/", allow_private: true }]
                - name: chat
                  slack_configs: [{ api_url: "http://127.0.0.1:1/secret-path", allow_private: true }]
            """
        }

        @Test func aTestIsSentToTheRealTargetAndEachReplyIsTold() async throws {
            try await Receiver.with { receiver in
                try await Stage.with { stage in
                    try stage.write("gatewatch.yml", file(receiver.url, ", allow_private: true"))
                    let test = ["notify", "test", "--config", stage.path("gatewatch.yml")]
                    let all = try await stage.run(test)
                    #expect(all.status == 1 && !all.output.contains("secret-path"), "\(all.errors)")
                    let lines = all.output.split(separator: "\n")
                    #expect(lines.count == 3)
                    #expect(lines.first?.hasPrefix("soc-webhook  http://127.0.0.1:") == true)
                    #expect(lines.filter { $0.contains("failed: ") && $0.contains("http://127.0.0.1:1 ") }.count == 2)
                    // Without the setting, this machine is no target.
                    try stage.write("gatewatch.yml", file(receiver.url))
                    let refused = try await stage.run(test + ["soc"])
                    #expect(
                        refused.output.contains("127.0.0.1 is not a public address")
                            && refused.output.contains("allow_private: true"))
                    #expect(
                        try await stage.run(test + ["sock"]).errors.contains(
                            "Did you mean 'soc'?"))
                }
            }
        }

        @Test func whatWouldBeSentIsShownWithoutSecrets() async throws {
            try await Stage.with { stage in
                try stage.write("gatewatch.yml", file("https://soc.example.com/hook"))
                let finding =
                    #"{"time":1795000000000,"severity_id":5,"message":"<!channel>","finding_info":{"uid":"a","title":"t"}}"#
                try stage.write("finding.json", finding)
                let show = [
                    "notify", "show", "--config", stage.path("gatewatch.yml"), "--alert", stage.path("finding.json"),
                ]
                let soc = try await stage.run(show + ["soc"])
                #expect(soc.status == 0, "\(soc.errors)")
                #expect(
                    soc.output.contains("\"data\":\(finding)}") && soc.output.contains("\"event_action\":\"trigger\""))
                #expect(!soc.output.contains("0123456789abcdef") && !soc.output.contains("whsec_"))
                let chat = try await stage.run(show + ["chat"])
                #expect(chat.output.contains("&lt;!channel&gt;"))
                let over = try await stage.run(show + ["chat", "--status", "resolved"])
                #expect(over.output.contains("nothing is sent"))
                // What sends nothing reads no secret: not of the receivers, not of Kafka.
                try stage.write(
                    "gatewatch.yml",
                    """
                    kafka: { bootstrap.servers: "127.0.0.1:1", sasl.password: env:GW_NOT_SET }
                    hub:
                      receivers:
                        - { name: chat, slack_configs: [{ api_url: env:GW_NOT_SET }] }
                      route: { receiver: chat }
                    """)
                let unset = try await stage.run(show + ["chat"])
                #expect(unset.status == 0 && unset.output.contains("https://not-read.invalid"), "\(unset.errors)")
                let config = ["--config", stage.path("gatewatch.yml")]
                let way = try await stage.run(["routes", "test"] + config + ["--expect", "chat", "severity=high"])
                #expect(way.status == 0, "\(way.errors)")
                let sent = try await stage.run(["notify", "test"] + config)
                #expect(sent.status == 3 && sent.errors.contains("GW_NOT_SET"), "\(sent.errors)")
            }
        }
    }
}
