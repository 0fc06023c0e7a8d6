// SPDX-License-Identifier: Apache-2.0
import Foundation
import Notifications
import Testing

@Suite struct FormatTests {
    private let slack = MessageFormat.slack(MessageTemplates())
    private let pagerDuty = MessageFormat.pagerDuty(MessageTemplates())
    private let teams = MessageFormat.teams(MessageTemplates())

    @Test func slackTakesWhateverIsInTheFields() throws {
        for message in hostileMessages {
            let payload = try #require(slack.payload(message))
            #expect(ServiceRules.slack(payload.body) == .init(status: 200, body: "ok"))
            for (key, text) in strings(try json(payload)) where key != "url" && key != "type" {
                // `<` begins every mention and link.
                #expect(!text.contains("<") && !text.contains(">"))
                let entities = text.replacing("&amp;", with: "").replacing("&lt;", with: "").replacing("&gt;", with: "")
                #expect(!entities.contains("&"), "an escape was cut: \(text.suffix(20))")
            }
        }
    }

    @Test func dataInSlackIsNeverMarkup() throws {
        let blocks = try #require(
            try json(slack.payload(message(.firing, [finding(probe: "*b*")], probe: "*b*")))["blocks"] as? [Any])
        #expect(!strings(blocks).contains { $0.text == "mrkdwn" })
        #expect(strings(blocks).contains { $0.text == "Identity: *b*" })
    }

    @Test func slackShowsWhatMatters() throws {
        let all = strings(try json(slack.payload(message()))).map(\.text)
        #expect(all.contains("HIGH Bulk pull of vectors"))
        #expect(all.contains("4,000 vectors in 10 min"))
        #expect(all.contains("Identity: u-0180"))
        #expect(all.contains("Risk: 81 (high): gw_bulk 40.5 (3 alerts) + gw_new 40"))
        #expect(all.contains("Response: lockdown, issued, order ord-1: over the floor"))
        #expect(all.contains("https://gatewatch.example.com/incidents/inc-7"))
        #expect(text(slack.payload(message(.resolved))).contains("[RESOLVED] HIGH"))
        #expect(
            text(slack.payload(message(.firing, (0..<12).map { finding("f-\($0)") }, omitted: 5))).contains(
                "and 7 more"))
    }

    @Test func pagerDutyTakesWhateverIsInTheFields() throws {
        for message in hostileMessages {
            var event = try json(pagerDuty.payload(message))
            #expect(event["routing_key"] == nil, "a secret must not be stored")
            event["routing_key"] = String(repeating: "k", count: 32)
            let body = Array(try JSONSerialization.data(withJSONObject: event))
            #expect(ServiceRules.pagerDuty(body).status == 202, "\(ServiceRules.pagerDuty(body).body)")
        }
    }

    @Test func whatPagerDutyTriggersItResolvesByTheSameKey() throws {
        for id in ["inc-7", String(repeating: "x", count: 255), String(repeating: "x", count: 256), "a\nb"] {
            let keys = try [Message.Status.firing, .acknowledged, .resolved].map { status in
                try json(pagerDuty.payload(message(status, [finding(incident: id)])))
            }
            #expect(keys.map { $0["event_action"] as? String } == ["trigger", "acknowledge", "resolve"])
            let dedup = keys.map { $0["dedup_key"] as? String }
            #expect(Set(dedup).count == 1)
            if id.count <= 255, !id.contains("\n") { #expect(dedup[0] == id) } else { #expect(dedup[0]?.count == 64) }
        }
        let trial = try json(pagerDuty.payload(message(.test)))
        #expect(trial["dedup_key"] as? String == "gatewatch-test")
        #expect((trial["payload"] as? [String: Any])?["severity"] as? String == "info")
    }

    @Test(arguments: zip(0...7, ["info", "info", "info", "warning", "error", "critical", "critical", "info"]))
    func severityInPagerDutysWords(severity: Int, word: String) throws {
        let event = try json(pagerDuty.payload(message(.firing, [finding(severity: severity)])))
        #expect((event["payload"] as? [String: Any])?["severity"] as? String == word)
    }

    @Test func pagerDutysDetailsGiveWayToItsLimit() throws {
        let wide = String(repeating: "\u{1F512}", count: 10_000)
        let event = try json(
            pagerDuty.payload(message(.firing, (0..<60).map { finding("f-\($0)", probe: wide) }, probe: wide)))
        let details = try #require((event["payload"] as? [String: Any])?["custom_details"] as? [String: Any])
        #expect(details.keys.sorted() == ["note"])
        let small = try json(pagerDuty.payload(message(.firing, (0..<60).map { finding("f-\($0)") })))
        let kept = try #require((small["payload"] as? [String: Any])?["custom_details"] as? [String: Any])
        #expect((kept["alerts"] as? [Any])?.count == 50 && kept["more_alerts"] as? Int == 10)
    }

    @Test func teamsTakesWhateverIsInTheFields() throws {
        for message in hostileMessages {
            let payload = try #require(teams.payload(message))
            #expect(payload.body.count <= 27_000)
            #expect(ServiceRules.teams(payload.body).status == 202, "\(ServiceRules.teams(payload.body).body)")
        }
    }

    @Test func dataInACardIsNeverMarkdown() throws {
        let probe = "[x](https://evil.example) *b* `c`"
        let card = try json(teams.payload(message(.firing, [finding(probe: probe)], probe: probe)))
        for (key, text) in strings(card) where key == "value" || key == "title" && text.contains("x") {
            #expect(!text.contains("](") && !text.replacing("\\*", with: "").contains("*"))
        }
        #expect(
            strings(card).contains { $0.key == "value" && $0.text == #"\[x\]\(https://evil.example\) \*b\* \`c\`"# })
    }

    @Test func aWebhookOfOneAlertIsTheFindingAsItCame() throws {
        let finding = Array(
            #"{ "class_uid":2004, "x": 1.10, "finding_info":{"uid":"a","title":"t"},"time":1795000000000}"#.utf8)
        let payload = try #require(MessageFormat.webhook.payload(message(.firing, [finding])))
        #expect(text(payload).hasPrefix(#"{"type":"gatewatch.alert.created","timestamp":"2026-11-18T"#))
        #expect(text(payload).hasSuffix(#","data":"# + String(decoding: finding, as: UTF8.self) + "}"))
        let group = try json(MessageFormat.webhook.payload(message(.resolved, [finding, finding], omitted: 3)))
        let data = try #require(group["data"] as? [String: Any])
        #expect(group["type"] as? String == "gatewatch.notification" && data["status"] as? String == "resolved")
        let alerts = try #require(data["alerts"] as? [[String: Any]])
        #expect(alerts.map { $0["status"] as? String } == ["resolved", "resolved"])
        #expect(
            (alerts[0]["finding"] as? [String: Any])?["x"] as? Double == 1.1 && data["truncatedAlerts"] as? Int == 3)
    }

    @Test func everyWebhookIsJSON() throws {
        for message in hostileMessages { _ = try json(MessageFormat.webhook.payload(message)) }
    }

    @Test func findingsGoOnePerLineWhateverTheirForm() {
        let pretty = Array("{\n \"a\": \"x\\ny\",\r\n \"b\": 1\n}".utf8)
        let payload = MessageFormat.ocsf(.lines).payload(message(.firing, [pretty, pretty]))
        let lines = text(payload).split(separator: "\n")
        #expect(lines.count == 2 && lines[0] == #"{  "a": "x\ny",   "b": 1 }"#)
        #expect(text(MessageFormat.ocsf(.array).payload(message(.firing, [pretty, pretty]))).hasPrefix("[{\n"))
        #expect(MessageFormat.ocsf(.lines).payload(message(.resolved)) == nil)
    }
}
