// SPDX-License-Identifier: Apache-2.0

import Delivery
import GRDB
import JSONText
import Routing
import Telemetry

/// Puts what routing tells into the outbox.
struct NotificationSender: Sendable {
    /// The receiver of the tree that stands in where none is configured.
    static let allTargets = "webhooks"

    let outbox: DeliveryOutbox
    /// The targets behind each receiver; nil where no tree is configured: then every target gets every alert by itself.
    let receivers: [String: [String]]?

    /// One delivery per target, in the caller's transaction.
    func send(_ notification: Routing.Notification, in db: Database) throws {
        guard let receivers else {
            for alert in notification.alerts {
                guard let id = MessageID.make(alert.id) else { continue }
                let identity = alert.labels["identity"]
                try enqueue(
                    id, outbox.targetNames, key: identity.isEmpty ? alert.id : identity, Self.body(of: alert), in: db)
            }
            return
        }
        try enqueue(
            notification.id, receivers[notification.receiver] ?? [],
            key: notification.incident ?? notification.groupKey, Self.body(of: notification), in: db)
    }

    private func enqueue(_ id: String, _ targets: [String], key: String, _ body: [UInt8], in db: Database) throws {
        try outbox.enqueue(
            targets.map { NewDelivery(messageID: id, target: $0, orderingKey: key, body: body) }, in: db)
    }

    /// The body by Standard Webhooks: type, the event's time in ISO 8601, and the finding as it came.
    private static func body(of alert: Routing.Notification.Alert) -> [UInt8] {
        let time = RFC3339.string(milliseconds: alert.startsAt)
        let head = "{\"type\":\"gatewatch.alert.created\",\"timestamp\":\"\(time)\",\"data\":"
        return Array(head.utf8) + alert.finding + Array("}".utf8)
    }

    /// The body of a group: named as in Alertmanager's webhook, with the findings as they came.
    private static func body(of notification: Routing.Notification) -> [UInt8] {
        var json = JSONWriter(capacity: 1024)
        json.object {
            $0.field("receiver", notification.receiver)
            $0.field("status", notification.status.rawValue)
            $0.field("notificationReason", notification.reason.rawValue)
            if let incident = notification.incident { $0.field("incident", incident) }
            $0.field("groupKey", notification.groupKey)
            $0.object("groupLabels") { labels(notification.groupLabels, &$0) }
            $0.object("commonLabels") { labels(notification.commonLabels, &$0) }
            $0.field("truncatedAlerts", notification.truncatedAlerts)
        }
        let time = RFC3339.string(milliseconds: notification.time)
        var body = Array("{\"type\":\"gatewatch.notification\",\"timestamp\":\"\(time)\",\"data\":".utf8)
        body += json.bytes.dropLast() + Array(",\"alerts\":[".utf8)
        for (index, alert) in notification.alerts.enumerated() {
            var json = JSONWriter(capacity: 512)
            json.object {
                $0.field("status", alert.endsAt == nil ? "firing" : "resolved")
                $0.object("labels") { labels(alert.labels, &$0) }
                $0.field("startsAt", RFC3339.string(milliseconds: alert.startsAt))
                if let end = alert.endsAt { $0.field("endsAt", RFC3339.string(milliseconds: end)) }
            }
            if index > 0 { body.append(UInt8(ascii: ",")) }
            body += json.bytes.dropLast() + Array(",\"finding\":".utf8) + alert.finding + [UInt8(ascii: "}")]
        }
        return body + Array("]}}".utf8)
    }

    private static func labels(_ set: LabelSet, _ json: inout JSONWriter) {
        for label in set.labels { json.field(named: label.name, label.value) }
    }
}
