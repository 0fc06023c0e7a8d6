import AuditEvent
// SPDX-License-Identifier: Apache-2.0
import Finding
import JSONText

/// The body of a Standard Webhook. An alert that was not routed is `gatewatch.alert.created` with the finding as it came for `data`;
/// every other message is `gatewatch.notification`, named as in Alertmanager's webhook, with the findings as they came.
enum WebhookFormat {
    static func payload(_ message: Message) -> Payload {
        if message.status == .firing, message.reason == nil, message.alertCount == 1, let alert = message.alerts.first {
            return payload("gatewatch.alert.created", alert.time, alert.finding) { json in
                if let incident = message.incident { json.field("incident", cut(incident)) }
                if let url = message.incidentURL { json.field("incidentURL", url) }
            }
        }
        return payload("gatewatch.notification", message.generatedAt, data(message)) { _ in }
    }

    private static func payload(
        _ type: String, _ time: Int64, _ data: [UInt8], _ more: (inout JSONWriter) -> Void
    ) -> Payload {
        var json = JSONWriter(capacity: 512)
        json.object {
            $0.field("type", type)
            $0.field("timestamp", Timestamp.iso8601(time))
            more(&$0)
        }
        return .json(spliced(json, "data", data))
    }

    /// An object with one more member, whose bytes stay as they are.
    private static func spliced(_ json: JSONWriter, _ key: String, _ value: [UInt8]) -> [UInt8] {
        json.bytes.dropLast() + Array(",\"\(key)\":".utf8) + value + [UInt8(ascii: "}")]
    }

    private static func data(_ message: Message) -> [UInt8] {
        var json = JSONWriter(capacity: 512)
        json.object {
            $0.field("receiver", message.receiver)
            $0.field("status", message.status.rawValue)
            if let reason = message.reason { $0.field("notificationReason", reason) }
            if let incident = message.incident { $0.field("incident", cut(incident)) }
            if let url = message.incidentURL { $0.field("incidentURL", url) }
            if let identity = message.identity { $0.field("identity", cut(identity)) }
            $0.field("severity", Severity.word(message.severity))
            $0.field("title", cut(message.title))
            $0.array("summary", Array(message.summary.prefix(10))) { json, words in json.field(nil, cut(words)) }
            $0.field("groupKey", cut(message.groupKey))
            labels("groupLabels", message.groupLabels, &$0)
            labels("commonLabels", message.commonLabels, &$0)
            $0.field("truncatedAlerts", message.omitted)
        }
        var alerts = [UInt8(ascii: "[")]
        for alert in message.alerts {
            var json = JSONWriter(capacity: 512)
            json.object {
                $0.field("status", alert.isResolved || message.status == .resolved ? "resolved" : "firing")
                labels("labels", alert.labels, &$0)
                $0.field("startsAt", Timestamp.iso8601(alert.time))
                if let end = alert.endsAt { $0.field("endsAt", Timestamp.iso8601(end)) }
            }
            if alerts.count > 1 { alerts.append(UInt8(ascii: ",")) }
            alerts += spliced(json, "finding", alert.finding)
        }
        alerts.append(UInt8(ascii: "]"))
        return spliced(json, "alerts", alerts)
    }

    private static func labels(_ key: StaticString, _ labels: [Message.Label], _ json: inout JSONWriter) {
        json.object(key) { for label in labels { $0.field(named: cut(label.name), cut(label.value)) } }
    }

    /// What stands beside the findings; in them it is whole.
    private static func cut(_ text: String) -> String { Escaping.plain(text, limit: 4_000, keepsLines: true) }
}
