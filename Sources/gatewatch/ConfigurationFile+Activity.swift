// SPDX-License-Identifier: Apache-2.0

import Activity
import AuditEvent
import Foundation
import Hub
import Kafka
import Sigma
import YAMLDocument

extension ConfigurationFile {
    /// How the hub counts the audit topic, by `hub.activity`; nil where that is `false`.
    ///
    /// Mapping, directory and limits of events are the detectors' where this file has them: identities are the same then.
    func activity(
        kafka: KafkaProperties, hubDatabase: String
    ) throws -> ActivityFollower.Configuration? {
        let node = hub?["activity"]
        if let node, case .scalar = node.content, try !node.boolean() { return nil }
        let keys = node.flatMap { if case .mapping = $0.content { $0 } else { nil } }
        try keys?.refuseKeys(except: ["topic", "group", "mapping", "identities", "retention", "session_retention"])
        var settings = ActivitySettings(
            mapping: try Mapping.named(keys?["mapping"]?.text() ?? detect?["mapping"]?.text() ?? "ocsf"))
        let identities = try
            (keys?["identities"] ?? hub?["identities"] ?? detect?["identities"] ?? gateway?["identities"])?
            .text()
        settings.directory = try identities.map { try IdentityDirectory(path: $0) }
        if let value = detect?["maximum_ahead"] { settings.maximumAhead = try Timespan(value).milliseconds }
        if let value = try detect?["maximum_event_bytes"]?.integer() { settings.maximumEventBytes = value }
        var configuration = ActivityFollower.Configuration(
            kafka: kafka, databasePath: Self.activityDatabase(beside: hubDatabase), settings: settings)
        if let topic = try (keys?["topic"] ?? detect?["topic"])?.text() { configuration.topic = topic }
        if let group = try keys?["group"]?.text() { configuration.group = group }
        if let value = keys?["retention"] { configuration.retention.days = try Self.days(value) }
        if let value = keys?["session_retention"] { configuration.retention.sessionDays = try Self.days(value) }
        return configuration
    }

    /// `activity.sqlite` lies in the folder of the hub's database.
    static func activityDatabase(beside hubDatabase: String) -> String {
        URL(fileURLWithPath: hubDatabase).deletingLastPathComponent().appendingPathComponent("activity.sqlite").path
    }

    private static func days(_ node: YAMLNode) throws(DocumentError) -> Int {
        let days = try Timespan(node).milliseconds / 86_400_000
        guard days >= 1 else { throw node.error("is shorter than a day. Write at least 1d.") }
        return Int(days)
    }
}
