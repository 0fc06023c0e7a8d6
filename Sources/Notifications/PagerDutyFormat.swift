import AuditEvent
import Crypto
// SPDX-License-Identifier: Apache-2.0
import Finding
import Foundation
import JSONText

/// PagerDuty Events API v2 (https://developer.pagerduty.com/docs/send-alert-event). The routing key is not in it: it is a
/// secret, and the target puts it in when it sends.
enum PagerDutyFormat {
    enum Limit {
        static let summary = 1_024
        static let dedupKey = 255
        /// The whole event, with room for the routing key that is put in later.
        static let bytes = 512_000 - 100
    }

    /// Alerts in `custom_details`.
    private static let alerts = 50

    static func payload(_ message: Message, _ templates: MessageTemplates = MessageTemplates()) -> Payload {
        let whole = render(message, templates, details: true)
        return .json(whole.count <= Limit.bytes ? whole : render(message, templates, details: false))
    }

    private static func render(_ message: Message, _ templates: MessageTemplates, details: Bool) -> [UInt8] {
        let escape = Escaping.plain
        var json = JSONWriter(capacity: 8192)
        json.object {
            $0.field("event_action", action(message.status))
            $0.field("dedup_key", dedupKey(message))
            guard message.status == .firing || message.status == .test else { return }
            $0.object("payload") {
                $0.field(
                    "summary",
                    templates.title?(message, escape, limit: Limit.summary, keepsLines: false)
                        ?? escape("\(message.heading): \(message.summary.first ?? "")", limit: Limit.summary))
                $0.field("source", escape(message.identity ?? "gatewatch", limit: 500))
                $0.field("severity", message.status == .test ? "info" : Severity.pagerDuty(message.severity))
                $0.field("timestamp", Timestamp.iso8601(message.alerts.map(\.time).max() ?? message.generatedAt))
                if let service = message.alerts.first?.service { $0.field("component", escape(service, limit: 500)) }
                $0.field("group", escape(message.threadKey, limit: 500))
                if let rule = message.alerts.first?.rule { $0.field("class", escape(rule, limit: 500)) }
                $0.object("custom_details") {
                    guard details else {
                        $0.field("note", "The details are left out: the event would be over PagerDuty's 512 kB.")
                        return
                    }
                    self.details(&$0, message, templates)
                }
            }
            $0.field("client", "Gatewatch")
            if let url = message.link {
                $0.field("client_url", url)
                $0.array("links") { json in
                    json.object {
                        $0.field("href", url)
                        $0.field("text", "Incident")
                    }
                }
            }
        }
        return json.bytes
    }

    private static func details(_ json: inout JSONWriter, _ message: Message, _ templates: MessageTemplates) {
        let escape = Escaping.plain
        if let text = templates.text { json.field("text", text(message, escape, limit: 100_000)) }
        for fact in message.facts {
            json.field(named: escape(fact.name, limit: 200), escape(fact.value, limit: 5_000))
        }
        json.array("alerts") { json in
            for alert in message.alerts.prefix(alerts) {
                json.object {
                    $0.field("id", escape(alert.id, limit: 200))
                    $0.field("rule", escape(alert.rule, limit: 500))
                    $0.field("severity", Severity.word(alert.severity))
                    $0.field("time", Timestamp.iso8601(alert.time))
                    $0.field("title", escape(alert.title, limit: 1_000))
                    $0.field("message", escape(alert.message, limit: 5_000))
                }
            }
        }
        let rest = message.alertCount - min(message.alerts.count, alerts)
        if rest > 0 { json.field("more_alerts", rest) }
    }

    private static func action(_ status: Message.Status) -> String {
        switch status {
        case .firing, .test: "trigger"
        case .acknowledged: "acknowledge"
        case .resolved: "resolve"
        }
    }

    /// The incident's id; one too long by its hash, so that resolve still finds trigger.
    static func dedupKey(_ message: Message) -> String {
        let key = message.status == .test ? "gatewatch-test" : message.threadKey
        guard key.unicodeScalars.count > Limit.dedupKey || key.utf8.contains(where: { $0 < 0x20 }) else { return key }
        return sha256(key)
    }

    /// In hex digits.
    static func sha256(_ text: String) -> String {
        SHA256.hash(data: Data(text.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
