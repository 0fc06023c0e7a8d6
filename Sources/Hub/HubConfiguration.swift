// SPDX-License-Identifier: Apache-2.0
package import Delivery
package import Kafka
package import Notifications
package import Routing

/// What a hub needs to know. The executable reads it from the configuration; the hub reads no file of settings.
package struct HubConfiguration: Sendable {
    /// librdkafka properties, at least `bootstrap.servers`.
    package var kafka: KafkaProperties
    /// The consumer group; its offsets say which alerts were stored.
    package var group: String
    /// The topic of alerts: OCSF Detection Findings, keyed by identity.
    package var topic: String
    /// The SQLite file of alerts and deliveries; its folder must exist.
    package var databasePath: String
    /// To whom is delivered.
    package var receivers: [Receiver]
    /// The tree of routes; nil to deliver every alert by itself, at once, to every receiver.
    package var routing: RoutingConfiguration?
    /// When deliveries are attempted.
    package var schedule: RetrySchedule
    /// How long an attempt that runs may go on when the hub stops, in milliseconds.
    package var stopGraceMilliseconds: Int
    /// How long delivered deliveries are remembered, in milliseconds.
    package var deliveredRetentionMilliseconds: Int64

    package init(
        kafka: KafkaProperties, databasePath: String, receivers: [Receiver], routing: RoutingConfiguration? = nil,
        group: String = "gatewatch-hub",
        topic: String = "gatewatch.alerts", schedule: RetrySchedule = .standard, stopGraceMilliseconds: Int = 5_000,
        deliveredRetentionMilliseconds: Int64 = 30 * 86_400_000
    ) {
        self.kafka = kafka
        self.databasePath = databasePath
        self.routing = routing
        self.receivers = receivers
        self.group = group
        self.topic = topic
        self.schedule = schedule
        self.stopGraceMilliseconds = stopGraceMilliseconds
        self.deliveredRetentionMilliseconds = deliveredRetentionMilliseconds
    }
}
