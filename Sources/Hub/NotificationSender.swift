// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import GRDB
import Incidents
import Notifications
import Routing

/// Puts what routing tells into the outbox, in the form of each receiver's media.
struct NotificationSender: Sendable {
    /// The receiver of the tree that stands in where none is configured.
    static let allReceivers = "all"

    let outbox: DeliveryOutbox
    let receivers: [Receiver]
    /// False where no tree is configured: then every receiver gets every alert by itself.
    let isRouted: Bool
    /// Where people reach the console, without a slash at the end.
    let consoleURL: String?

    /// One delivery per target, or of a SIEM per alert, in the caller's transaction.
    func send(_ notification: Routing.Notification, in db: Database) throws {
        guard isRouted else {
            for alert in notification.alerts {
                guard let id = MessageID.make(alert.id) else { continue }
                let identity = alert.labels["identity"]
                var message = Message(
                    id: id, status: .firing, groupKey: identity.isEmpty ? alert.id : identity,
                    alerts: [MessageAlert(json: alert.finding)], generatedAt: notification.time)
                message.incidentURL = page(message.incident)
                try enqueue(message, to: receivers, key: message.groupKey, in: db)
            }
            return
        }
        var message = Message(notification)
        message.incidentURL = page(message.incident)
        let isTold = try enqueue(
            message, to: receivers.filter { $0.name == notification.receiver },
            key: notification.incident ?? notification.groupKey, in: db)
        if isTold { try note(notification, in: db) }
    }

    /// The incident's page. Ids that a detector makes are UUIDs; another's may need escaping.
    private func page(_ incident: String?) -> String? {
        guard let consoleURL, let incident,
            let part = incident.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(["-", "_", "."]))
        else { return nil }
        return "\(consoleURL)/incidents/\(part)"
    }

    /// A line in the incident's timeline.
    private func note(_ notification: Routing.Notification, in db: Database) throws {
        guard let incident = notification.incident else { return }
        let count = notification.alerts.count + notification.truncatedAlerts
        try TimelineEntry(
            at: notification.time, kind: .notification, who: notification.receiver, reference: notification.id,
            text: "\(notification.status.rawValue), \(count == 1 ? "one alert" : "\(count) alerts")"
        ).add(to: incident, in: db)
    }

    /// False if no medium has anything to say of it.
    @discardableResult
    private func enqueue(_ message: Message, to receivers: [Receiver], key: String, in db: Database) throws -> Bool {
        let deliveries = receivers.flatMap { $0.deliveries(message, orderingKey: key) }
        try outbox.enqueue(deliveries, in: db)
        return !deliveries.isEmpty
    }
}

extension Message {
    /// What a receiver is told of a group.
    init(_ notification: Routing.Notification) {
        let status: Status =
            switch notification.status {
            case .firing: .firing
            case .acknowledged: .acknowledged
            case .resolved: .resolved
            }
        self.init(
            id: notification.id, status: status,
            groupKey: notification.groupKey,
            alerts: notification.alerts.map { alert in
                MessageAlert(json: alert.finding, labels: Self.labels(alert.labels), endsAt: alert.endsAt)
            },
            generatedAt: notification.time, incident: notification.incident,
            groupLabels: Self.labels(notification.groupLabels), commonLabels: Self.labels(notification.commonLabels),
            receiver: notification.receiver, reason: notification.reason.rawValue,
            omitted: notification.truncatedAlerts)
    }

    private static func labels(_ set: LabelSet) -> [Label] { set.labels.map { Label($0.name, $0.value) } }
}
