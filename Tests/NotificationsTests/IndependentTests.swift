// SPDX-License-Identifier: Apache-2.0
import Delivery
import Foundation
import Independent
import Notifications
import Testing

/// What is sent, read by programs and published schemas that are not ours: docs/notifications.md lists which.
@Suite struct IndependentTests {
    /// Messages that are accepted: what people get, and what attackers put into it, in every status.
    private static let messages =
        [
            message(), message(.acknowledged), message(.resolved), message(.test),
            message(.firing, (0..<12).map { finding("f-\($0)") }, omitted: 5),
            message(.firing, (0..<7).map { finding("s-\($0)", severity: $0) }, url: nil),
        ] + hostileMessages

    /// Messages of a format that are accepted, and the first one broken in each of some ways, which is refused.
    private func compare(
        _ check: [String], _ messages: [[String: Any]], broken: [(String, (inout [String: Any]) -> Void)]
    ) throws {
        for (answer, message) in zip(try Python.check(check, messages), messages) {
            #expect(answer.result != nil, "\(answer.error ?? ""): \(String(describing: message).prefix(2_000))")
        }
        let wrong = broken.map { _, change in
            var copy = messages[0]
            change(&copy)
            return copy
        }
        for (answer, (name, _)) in zip(try Python.check(check, wrong), broken) {
            #expect(answer.error != nil, "it is accepted: \(name)")
        }
    }

    @Test(.enabled(if: Python.has("standardwebhooks"), "\(Python.reason)"))
    func theStandardWebhooksPackageAcceptsWhatWeSignAndNothingElse() throws {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        let webhooks = StandardWebhooks(secrets: [try WebhookSecret(Secret(secret))])
        for probe in ["<script>\r\n|=", String(repeating: "é", count: 10_000)] {
            let hostile = message(.firing, [finding(probe: probe), finding("f-2")], probe: probe)
            let body = try #require(MessageFormat.webhook.payload(hostile)).body
            let now = Int64(Date().timeIntervalSince1970)
            let headers = Dictionary(
                uniqueKeysWithValues: webhooks.headers(id: "ntf_1", timestampSeconds: now, body: body).map {
                    ($0.name, $0.value)
                })
            let input = ["body": String(decoding: body, as: UTF8.self), "headers": headers] as [String: Any]
            let altered = headers.merging(["webhook-id": "ntf_2"]) { $1 }
            let answers = try Python.check(["webhook", secret], [input, input.merging(["headers": altered]) { $1 }])
            #expect(answers[0].result?["type"] as? String == "gatewatch.notification", "\(answers[0].error ?? "")")
            #expect(answers[1].error?.contains("WebhookVerificationError") == true)
        }
    }

    @Test(.enabled(if: Python.has("ocsf_json_schema", "py_ocsf_models", "jsonschema"), "\(Python.reason)"))
    func theFindingsThatAreTriedFitThePublishedSchema() throws {
        let findings = try [
            message(.firing, [finding(title: "a|b=c\n<x>", message: "\u{202E}")]),
            Message.trial(id: "a", receiver: "soc", now: 1),
        ]
        .map { try json(MessageFormat.ocsf(.lines).payload($0)) }
        func info(_ change: @escaping (inout [String: Any]) -> Void) -> (inout [String: Any]) -> Void {
            { message in
                var info = message["finding_info"] as? [String: Any] ?? [:]
                change(&info)
                message["finding_info"] = info
            }
        }
        try compare(
            ["ocsf"], findings,
            broken: [
                ("no finding_info", { $0["finding_info"] = nil }), ("a time of words", { $0["time"] = "yesterday" }),
                ("a severity that there is not", { $0["severity_id"] = 17 }),
                ("a severity of another name", { $0["severity"] = "Low" }),
                ("an attribute that there is not", { $0["incident"] = "i" }),
                ("another type", { $0["type_uid"] = 200_402 }),
                ("no id", info { $0["uid"] = nil }),
                ("a tag without a value", info { $0["tags"] = [["name": "x"]] }),
                ("a technique without name and uid", info { $0["attacks"] = [["technique": [String: Any]()]] }),
            ])
    }

    @Test(.enabled(if: Python.has("slack_sdk"), "\(Python.reason)"))
    func slacksOwnModelsReadEveryMessage() throws {
        let format = MessageFormat.slack(MessageTemplates())
        func block(_ index: Int, _ change: @escaping (inout [String: Any]) -> Void) -> (inout [String: Any]) -> Void {
            { message in
                var blocks = message["blocks"] as? [[String: Any]] ?? []
                change(&blocks[index])
                message["blocks"] = blocks
            }
        }
        func text(_ text: String) -> [String: Any] { ["type": "plain_text", "text": text, "emoji": false] }
        try compare(
            ["slack"], try Self.messages.filter { $0.status != .acknowledged }.map { try json(format.payload($0)) },
            broken: [
                ("no text", { $0["text"] = nil }), ("a key that there is not", { $0["channel"] = "x" }),
                ("a block that there is not", block(0) { $0["type"] = "heading" }),
                ("a heading that is too long", block(0) { $0["text"] = text(String(repeating: "x", count: 151)) }),
                ("a section that is too long", block(1) { $0["text"] = text(String(repeating: "x", count: 3_001)) }),
                ("an empty section", block(1) { $0["text"] = nil }),
                ("an empty text", block(1) { $0["text"] = text("") }),
                ("eleven fields", block(2) { $0["fields"] = Array(repeating: text("x"), count: 11) }),
                ("a key of a block that there is not", block(1) { $0["color"] = "red" }),
            ])
    }

    @Test(.enabled(if: Python.has("adaptive_cards", "jsonschema"), "\(Python.reason)"))
    func theCardsFitThePublishedSchema() throws {
        let format = MessageFormat.teams(MessageTemplates())
        func card(_ change: @escaping (inout [String: Any]) -> Void) -> (inout [String: Any]) -> Void {
            { message in
                var attachment = (message["attachments"] as? [[String: Any]])?.first ?? [:]
                var card = attachment["content"] as? [String: Any] ?? [:]
                change(&card)
                attachment["content"] = card
                message["attachments"] = [attachment]
            }
        }
        func first(_ key: String, _ value: Any?) -> (inout [String: Any]) -> Void {
            card { card in
                var body = card["body"] as? [[String: Any]] ?? []
                body[0][key] = value
                card["body"] = body
            }
        }
        try compare(
            ["teams"], try Self.messages.filter { $0.status != .acknowledged }.map { try json(format.payload($0)) },
            broken: [
                ("another type", card { $0["type"] = "MessageCard" }),
                ("a key of its own", card { $0["colour"] = "red" }),
                ("a version of number", card { $0["version"] = 1.4 }), ("an element without text", first("text", nil)),
                ("a colour that there is not", first("color", "Red")),
                ("a size that there is not", first("size", "Huge")),
                ("an element that there is not", first("type", "Heading")),
                ("a key of an element", first("bold", true)),
                ("an action without an address", card { $0["actions"] = [["type": "Action.OpenUrl", "title": "x"]] }),
            ])
    }

    /// As they are when the target has put the routing key in.
    private func pagerDutyEvents() throws -> [[String: Any]] {
        try Self.messages.map { message in
            var event = try json(MessageFormat.pagerDuty(MessageTemplates()).payload(message))
            event["routing_key"] = String(repeating: "k", count: 32)
            return event
        }
    }

    private func payload(_ key: String, _ value: Any?) -> (inout [String: Any]) -> Void {
        { event in
            var payload = event["payload"] as? [String: Any] ?? [:]
            payload[key] = value
            event["payload"] = payload
        }
    }

    private var brokenEvents: [(String, (inout [String: Any]) -> Void)] {
        [
            ("an action that there is not", { $0["event_action"] = "ack" }),
            ("no routing key", { $0["routing_key"] = nil }),
            ("no payload", { $0["payload"] = nil }), ("no summary", payload("summary", nil)),
            ("no source", payload("source", nil)), ("no severity", payload("severity", nil)),
        ]
    }

    @Test(.enabled(if: Python.has("pagerduty"), "\(Python.reason)"))
    func pagerDutysOwnClientMakesTheSameEvents() throws {
        try compare(
            ["pagerduty"], try pagerDutyEvents(),
            broken: brokenEvents + [
                ("an acknowledgement of nothing", { $0 = ["routing_key": "k", "event_action": "acknowledge"] }),
                ("an acknowledgement with a payload", { $0["event_action"] = "acknowledge" }),
                ("a key of its own", { $0["colour"] = "red" }),
            ])
    }

    /// PagerDuty publishes its schema on GitHub alone: PagerDuty/api-schema, reference/events-v2/openapiv3.json.
    @Test(
        .enabled(
            if: schema != nil && Python.has("openapi_schema_validator"),
            "GATEWATCH_PAGERDUTY_SCHEMA does not name PagerDuty's openapiv3.json of Events v2"))
    func theEventsFitPagerDutysSchema() throws {
        try compare(
            ["pagerduty-schema", Self.schema ?? ""], try pagerDutyEvents(),
            // An event without a payload is one that acknowledges.
            broken: brokenEvents.filter { $0.0 != "no payload" } + [
                ("a summary of number", payload("summary", 7)),
                ("a severity that there is not", payload("severity", "high")),
                ("details that are a list", payload("custom_details", [1])),
                ("a link to nowhere", { $0["links"] = [["text": "x"]] }),
            ])
    }

    private static let schema = ProcessInfo.processInfo.environment["GATEWATCH_PAGERDUTY_SCHEMA"]

    @Test(.enabled(if: Python.has("pycef", "cefevent"), "\(Python.reason)"))
    func cefPackagesReadOurLines() throws {
        let format = MessageFormat.cef(CEFFormat(host: "hub-1", version: "0.1.0"))
        func line(_ finding: [UInt8]) throws -> [String: Any] {
            let frame = payloadText(format.payload(message(.firing, [finding])))
            let line = try #require(frame.range(of: "CEF:0").map { String(frame[$0.lowerBound...]) })
            let labels = line.matches(of: /(cs\dLabel|cfp\dLabel|c6a\dLabel)=(.*?)(?= [A-Za-z0-9]+=|$)/)
            return ["line": line, "labels": labels.map { "\($0.1)=\($0.2)" }]
        }
        let plain = try line(finding())
        let answer = try Python.check(["cef"], one: plain)
        let read = try #require(answer.result as? [String: String], "\(answer.error ?? "")")
        #expect(
            read["DeviceEventClassID"] == "gw_bulk_vectors" && read["Severity"] == "8" && read["src"] == "192.0.2.7")
        #expect(read["msg"] == "4,000 vectors in 10 min" && read["Incident"] == "inc-7" && read["Risk"] == "81.0")
        func change(_ old: String, _ new: String) -> (String, (inout [String: Any]) -> Void) {
            (new, { $0["line"] = ($0["line"] as? String ?? "").replacing(old, with: new) })
        }
        try compare(
            ["cef"], [plain] + (0...6).map { try line(finding("f", severity: $0)) },
            broken: [
                change("CEF:0|Gatewatch|", "CEF:0||"), change("|8|", "|11|"), change("suser=", "user="),
                change("192.0.2.7", "192.0.2.700"), change("cnt=2", "cnt=two"),
                change("4,000 vectors", String(repeating: "x", count: 1_024)), change("CEF:0", "LEEF:2.0"),
            ])
    }
}
