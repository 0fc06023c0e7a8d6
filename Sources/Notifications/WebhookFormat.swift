// SPDX-License-Identifier: Apache-2.0
import AuditEvent
import JSONText

/// The body of a Standard Webhook. One new alert is `gatewatch.alert.created` with the finding as it came for `data`; every other
/// message is `gatewatch.notification.<status>` with the group and its findings.
enum WebhookFormat {
    static func payload(_ message: Message) -> Payload {
        let isOne = message.status == .firing && message.alertCount == 1
        let single = isOne ? message.alerts.first : nil
        var head = JSONWriter(capacity: 512)
        head.object {
            $0.field(
                "type", single == nil ? "gatewatch.notification.\(message.status.rawValue)" : "gatewatch.alert.created")
            $0.field("timestamp", Timestamp.iso8601(single?.time ?? message.generatedAt))
            if single != nil {
                if let incident = message.incident { $0.field("incident", incident) }
                if let url = message.incidentURL { $0.field("incident_url", url) }
                group(&$0, message)
            }
        }
        var body = Array(head.bytes.dropLast()) + Array(",\"data\":".utf8)
        if let single {
            body += single.finding
        } else {
            body += data(message)
        }
        body.append(UInt8(ascii: "}"))
        return .json(body)
    }

    private static func data(_ message: Message) -> [UInt8] {
        var json = JSONWriter(capacity: 512)
        json.object {
            $0.field("status", message.status.rawValue)
            if let incident = message.incident { $0.field("incident", incident) }
            if let url = message.incidentURL { $0.field("incident_url", url) }
            $0.field("group_key", message.groupKey)
            group(&$0, message)
            if let identity = message.identity { $0.field("identity", identity) }
            $0.field("severity_id", message.severity)
            $0.field("title", message.title)
            $0.array("summary", message.summary) { json, words in json.field(nil, words) }
            $0.field("alert_count", message.alertCount)
            $0.field("omitted", message.omitted)
        }
        var bytes = Array(json.bytes.dropLast()) + Array(",\"alerts\":".utf8)
        bytes += OCSFFormat.array(message.alerts)
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private static func group(_ json: inout JSONWriter, _ message: Message) {
        guard !message.groupLabels.isEmpty else { return }
        json.object("group") { for label in message.groupLabels { $0.field(named: label.name, label.value) } }
    }
}
