// SPDX-License-Identifier: Apache-2.0

/// What the consumer group has just decided about this consumer's partitions.
package enum RebalanceEvent: Sendable, Equatable {
    /// These partitions are ours from now on; the handler says where to start.
    case assigned([TopicPartition])
    /// These partitions are about to go to another member; offsets can still be committed.
    case revoked([TopicPartition])
    /// These partitions are already gone (session timeout, fenced): another member may be reading them, commits fail.
    case lost([TopicPartition])
}
