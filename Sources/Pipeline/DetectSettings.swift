// SPDX-License-Identifier: Apache-2.0

package import AuditEvent
package import Detectors
package import Kafka

/// What `gatewatch detect` needs to know.
package struct DetectSettings: Sendable {
    package var kafka: KafkaProperties
    package var group = "gatewatch-detect"
    package var topic = "gatewatch.audit"
    package var alertsTopic = "gatewatch.alerts"
    package var rejectedTopic = "gatewatch.audit.rejected"
    /// The compacted topic of what people say of alerts.
    package var feedbackTopic = "gatewatch.feedback"
    /// Folder of the partitions' state, one SQLite file each.
    package var stateFolder: String
    package var mapping: Mapping
    package var directory: IdentityDirectory?
    /// Threads; each is a member of the consumer group and owns the partitions that it is given.
    package var workers: Int
    /// How much earlier than the latest event of its partition one may be and still count, ms.
    package var lateness: Int64 = 60_000
    /// Commit at least so often, ms.
    package var commitInterval: Int64 = 1000
    /// Commit after so many events.
    package var commitEvents = 50_000
    /// An event whose time is further than this after the time of its record is rejected, ms: it would make every other
    /// event late.
    package var maximumAhead: Int64 = 600_000
    package var maximumEventBytes = 1 << 20
    /// What may be done by itself; nil: rules only alert.
    package var enforcement: EnforcementSettings?

    package init(kafka: KafkaProperties, stateFolder: String, mapping: Mapping, workers: Int) {
        self.kafka = kafka
        self.stateFolder = stateFolder
        self.mapping = mapping
        self.workers = workers
    }
}

/// The detectors in force, replaced as a whole on reload.
package struct DetectorGeneration: Sendable {
    package let number: Int
    package let files: DetectorFiles
}
