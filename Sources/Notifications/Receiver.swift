// SPDX-License-Identifier: Apache-2.0
package import Delivery

/// Somebody who is told, by one medium or several: Alertmanager's receiver.
package struct Receiver: Sendable {
    /// One medium of a receiver.
    package struct Integration: Sendable {
        package let target: any DeliveryTarget
        package let format: MessageFormat
        /// Whether it hears that an incident is over.
        package let sendsResolved: Bool

        package init(target: any DeliveryTarget, format: MessageFormat, sendsResolved: Bool) {
            self.target = target
            self.format = format
            self.sendsResolved = sendsResolved
        }

        /// What is sent of a message; nothing if it is not for this medium. A SIEM gets each alert for itself, under an id of
        /// the alert's own: one that is in several notifications goes there once.
        package func payloads(_ message: Message) -> [(id: String, payload: Payload)] {
            if message.status == .resolved, !sendsResolved { return [] }
            if message.status == .acknowledged, !format.hearsAcknowledged { return [] }
            var message = message
            guard format.isPerAlert else {
                return whole(message)
            }
            let alerts = message.alerts
            return alerts.enumerated().compactMap { index, alert in
                message.alerts = [alert]
                let id = message.status == .test ? "\(message.id)-\(index)" : "alert_\(MailHeader.idText(alert.id))"
                return format.payload(message).map { (id, $0) }
            }
        }

        /// As many of the alerts as the outbox takes; the others are counted. It must take every message: one that it refused
        /// would be tried again for ever, and hold up all others.
        private func whole(_ message: Message) -> [(id: String, payload: Payload)] {
            var count = Self.fitting(message.alerts)
            while true {
                var part = message
                part.alerts = Array(message.alerts.prefix(count))
                part.omitted += message.alerts.count - count
                guard let payload = format.payload(part) else { return [] }
                if payload.body.count <= DeliveryOutbox.maximumBodyBytes { return [(message.id, payload)] }
                guard count > 0 else { return [] }
                count /= 2
            }
        }

        /// How many alerts have a place in one delivery, with some room beside their findings.
        private static func fitting(_ alerts: [MessageAlert]) -> Int {
            var bytes = 0
            return alerts.prefix { alert in
                bytes += alert.finding.count + 1
                return bytes <= DeliveryOutbox.maximumBodyBytes * 3 / 4
            }.count
        }
    }

    /// 1 to 40 of `[A-Za-z0-9_-]`; routes name it, and its targets' names begin with it.
    package let name: String
    package let integrations: [Integration]

    package init(name: String, integrations: [Integration]) {
        self.name = name
        self.integrations = integrations
    }

    /// What goes into the outbox for a message, in the order of the integrations.
    ///
    /// - Parameter orderingKey: messages of one key reach each target in order: the incident, or the group.
    package func deliveries(_ message: Message, orderingKey: String) -> [NewDelivery] {
        integrations.flatMap { integration in
            integration.payloads(message).map { id, payload in
                NewDelivery(
                    messageID: id, target: integration.target.name, orderingKey: orderingKey, body: payload.body)
            }
        }
    }
}
