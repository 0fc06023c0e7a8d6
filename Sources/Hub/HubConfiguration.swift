// SPDX-License-Identifier: Apache-2.0
package import Activity
package import Delivery
package import Kafka
package import Notifications
package import Routing
package import Signing

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
    /// What orders and approvals are read for the timelines of incidents; nil to read none.
    package var control: ControlTopics?
    /// The compacted topic of what people say of alerts.
    package var feedbackTopic = "gatewatch.feedback"
    /// Where people reach the console, without a slash at the end, such as `https://gatewatch.example.com`: messages link to their
    /// incident's page there. Nil for no link.
    package var consoleURL: String?
    /// Signs the heads of the evidence chain; nil to sign none.
    package var evidenceKey: SigningKey?
    /// Where recordings are kept; nil to keep none.
    package var recordings: RecordingsConfiguration?
    /// How the topic of audit events is counted; nil to count nothing.
    package var activity: ActivityFollower.Configuration?

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

/// The topics of orders and approvals, and whose records are believed there.
package struct ControlTopics: Sendable {
    package var keys: TrustedKeys
    /// Who is who, as the gateways know it.
    package var aliases: IdentityAliases
    package var orders: String
    package var approvals: String

    package init(
        keys: TrustedKeys, aliases: IdentityAliases = IdentityAliases(), orders: String = "gatewatch.orders",
        approvals: String = "gatewatch.approvals"
    ) {
        self.keys = keys
        self.aliases = aliases
        self.orders = orders
        self.approvals = approvals
    }
}
