// SPDX-License-Identifier: Apache-2.0

/// A topic as it should be.
package struct TopicSpecification: Sendable, Equatable {
    /// The topic's name.
    package var name: String
    /// How many partitions it is made with. An existing topic keeps what it has.
    package var partitions: Int32
    /// Copies of each partition; -1 is the cluster's default (Kafka 2.4 and later).
    package var replicationFactor: Int32
    /// Topic settings such as `cleanup.policy`, by Kafka's names.
    package var configuration: [String: String]

    /// Describes a topic; nothing is made yet.
    package init(
        name: String, partitions: Int32, replicationFactor: Int32 = -1, configuration: [String: String] = [:]
    ) {
        self.name = name
        self.partitions = partitions
        self.replicationFactor = replicationFactor
        self.configuration = configuration
    }
}
