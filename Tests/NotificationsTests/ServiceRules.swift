// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What Slack, PagerDuty and Teams refuse, by their documentation: the answer to a body.
enum ServiceRules {
    struct Answer: Sendable, Equatable {
        var status: Int
        var body: String
    }

    private static func object(_ body: [UInt8]) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any]
    }

    /// docs.slack.dev: reference/block-kit/blocks, messaging/sending-messages-using-incoming-webhooks.
    static func slack(_ body: [UInt8]) -> Answer {
        func refused(_ why: String) -> Answer { Answer(status: 400, body: why) }
        guard let message = object(body) else { return refused("invalid_payload") }
        guard let fallback = message["text"] as? String, !fallback.isEmpty else { return refused("no_text") }
        let blocks = message["blocks"] as? [[String: Any]] ?? []
        guard blocks.count <= 50 else { return refused("msg_blocks_too_long") }
        var total = fallback.count
        func check(_ text: Any?, _ limit: Int, types: Set<String> = ["plain_text", "mrkdwn"]) -> Bool {
            guard let object = text as? [String: Any], let type = object["type"] as? String, types.contains(type),
                let words = object["text"] as? String, !words.isEmpty, words.utf16.count <= limit
            else { return false }
            total += words.utf16.count
            return type == "plain_text" || object["emoji"] == nil
        }
        for block in blocks {
            switch block["type"] as? String {
            case "header":
                guard check(block["text"], 150, types: ["plain_text"]) else { return refused("invalid_blocks: header") }
            case "section":
                let fields = block["fields"] as? [Any]
                guard block["text"] != nil || fields != nil else { return refused("invalid_blocks: section") }
                if block["text"] != nil, !check(block["text"], 3_000) { return refused("invalid_blocks: text") }
                guard (fields ?? []).count <= 10, (fields ?? []).allSatisfy({ check($0, 2_000) }),
                    fields?.isEmpty != true
                else { return refused("invalid_blocks: fields") }
            case "actions":
                let elements = block["elements"] as? [[String: Any]] ?? []
                guard (1...25).contains(elements.count) else { return refused("invalid_blocks: actions") }
                for element in elements {
                    guard check(element["text"], 75, types: ["plain_text"]), let url = element["url"] as? String,
                        url.hasPrefix("http"), url.count <= 3_000
                    else { return refused("invalid_blocks: button") }
                }
            default: return refused("invalid_blocks: type")
            }
        }
        guard total <= 13_000 else { return refused("msg_blocks_too_long") }
        return Answer(status: 200, body: "ok")
    }

    /// developer.pagerduty.com: Events API v2, "Send an alert event".
    static func pagerDuty(_ body: [UInt8]) -> Answer {
        func refused(_ why: String) -> Answer {
            Answer(
                status: 400,
                body: #"{"status":"invalid event","message":"Event object is invalid","errors":["\#(why)"]}"#)
        }
        guard body.count <= 512_000 else { return Answer(status: 413, body: "") }
        guard let event = object(body) else { return refused("not JSON") }
        guard (event["routing_key"] as? String)?.count == 32 else { return refused("routing_key") }
        guard let action = event["event_action"] as? String, ["trigger", "acknowledge", "resolve"].contains(action)
        else {
            return refused("event_action")
        }
        let key = event["dedup_key"] as? String ?? ""
        guard key.count <= 255, action == "trigger" || !key.isEmpty else { return refused("dedup_key") }
        if action == "trigger" {
            guard let payload = event["payload"] as? [String: Any] else { return refused("payload") }
            guard let summary = payload["summary"] as? String, (1...1_024).contains(summary.utf16.count) else {
                return refused("summary")
            }
            guard let source = payload["source"] as? String, !source.isEmpty else { return refused("source") }
            guard ["critical", "error", "warning", "info"].contains(payload["severity"] as? String) else {
                return refused("severity")
            }
            let formatter = ISO8601DateFormatter()
            formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
            guard formatter.date(from: payload["timestamp"] as? String ?? "") != nil else {
                return refused("timestamp")
            }
            for link in event["links"] as? [[String: Any]] ?? [] where link["href"] as? String == nil {
                return refused("links")
            }
        }
        return Answer(
            status: 202, body: #"{"status":"success","message":"Event processed","dedup_key":"\#(key.count)"}"#)
    }

    /// learn.microsoft.com: "Create incoming webhooks with Workflows for Microsoft Teams"; adaptivecards.io's schema 1.4.
    static func teams(_ body: [UInt8]) -> Answer {
        guard body.count <= 28_000 else { return Answer(status: 413, body: "Request Entity Too Large") }
        func refused(_ why: String) -> Answer { Answer(status: 400, body: why) }
        guard let message = object(body), message["type"] as? String == "message",
            let attachment = (message["attachments"] as? [[String: Any]])?.first,
            attachment["contentType"] as? String == "application/vnd.microsoft.card.adaptive",
            let card = attachment["content"] as? [String: Any], card["type"] as? String == "AdaptiveCard",
            let version = Double(card["version"] as? String ?? ""), (1.0...1.5).contains(version)
        else { return refused("card") }
        for element in card["body"] as? [[String: Any]] ?? [] {
            switch element["type"] as? String {
            case "TextBlock":
                guard element["text"] is String,
                    ["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"].contains(
                        element["color"] as? String ?? "Default")
                else { return refused("TextBlock") }
            case "FactSet":
                guard let facts = element["facts"] as? [[String: Any]], !facts.isEmpty,
                    facts.allSatisfy({ $0["title"] is String && $0["value"] is String })
                else { return refused("FactSet") }
            case "RichTextBlock":
                guard let runs = element["inlines"] as? [[String: Any]],
                    runs.allSatisfy({ $0["type"] as? String == "TextRun" && $0["text"] is String })
                else { return refused("RichTextBlock") }
            default: return refused("element")
            }
        }
        for action in card["actions"] as? [[String: Any]] ?? [] {
            guard action["type"] as? String == "Action.OpenUrl", let url = action["url"] as? String,
                url.hasPrefix("http")
            else { return refused("action") }
        }
        return Answer(status: 202, body: "")
    }
}
