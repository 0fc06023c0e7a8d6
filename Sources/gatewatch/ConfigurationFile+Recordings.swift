// SPDX-License-Identifier: Apache-2.0

import Connections
import Foundation
import Gateway
import Hub
import Kafka
import Sigma
import Signing
import YAMLDocument

extension ConfigurationFile {
    static let recordingKeys = ["recordings_topic", "record", "record_required", "record_bytes", "recordings_spool"]

    /// How the gateway records.
    static func recordings(_ node: YAMLNode) throws(DocumentError) -> RecordingSettings {
        var settings = RecordingSettings()
        if let topic = try node["recordings_topic"]?.text() { settings.topic = topic }
        if let mode = node["record"] {
            guard let value = ConnectionSettings.Recorded(rawValue: try mode.text()) else {
                throw mode.error("'\(try mode.text())' is no way to record. Write off, metadata or bodies.")
            }
            settings.mode = value
        }
        if let required = try node["record_required"]?.boolean() { settings.isRequired = required }
        if let bytes = node["record_bytes"] {
            settings.bodyBytes = try bytes.integer()
            guard RecordingSettings.bodyRange.contains(settings.bodyBytes) else {
                throw bytes.error(
                    "is \(RecordingSettings.bodyRange.lowerBound) to \(RecordingSettings.bodyRange.upperBound) bytes of a body."
                )
            }
        }
        if let spool = node["recordings_spool"] { settings.spool = try Self.spool(spool, settings.spool) }
        return settings
    }

    /// What the hub keeps, by `hub.recordings`; nil where that is `false`.
    func recordings(
        kafka: KafkaProperties, hubDatabase: String, key: SigningKey?
    ) throws(DocumentError) -> RecordingsConfiguration? {
        let node = hub?["recordings"]
        if let node, case .scalar = node.content, try !node.boolean() { return nil }
        let keys = node.flatMap { if case .mapping = $0.content { $0 } else { nil } }
        try keys?.refuseKeys(except: ["topic", "group", "retention", "maximum_bytes"])
        var configuration = RecordingsConfiguration(
            kafka: kafka, databasePath: Self.recordingsDatabase(beside: hubDatabase), key: key)
        if let topic = try (keys?["topic"] ?? gateway?["recordings_topic"])?.text() { configuration.topic = topic }
        if let group = try keys?["group"]?.text() { configuration.group = group }
        if let retention = keys?["retention"] { configuration.retention = try Timespan(retention).milliseconds }
        if let bytes = keys?["maximum_bytes"] {
            let value = try bytes.integer()
            guard value >= 1 << 20 else { throw bytes.error("is 1048576 (1 MiB) or more.") }
            configuration.maximumBytes = Int64(value)
        }
        return configuration
    }

    /// `recordings.sqlite` lies in the folder of the hub's database.
    static func recordingsDatabase(beside hubDatabase: String) -> String {
        URL(fileURLWithPath: hubDatabase).deletingLastPathComponent().appendingPathComponent("recordings.sqlite").path
    }
}
