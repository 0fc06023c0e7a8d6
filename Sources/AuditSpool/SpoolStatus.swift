// SPDX-License-Identifier: Apache-2.0

/// What the spool holds and how it fares, at one moment.
package struct SpoolStatus: Sendable, Equatable {
    /// Where the sender stands.
    package enum Phase: String, Sendable {
        /// No broker has told yet where the topic ends, or what Kafka has already is being read.
        case checking
        /// Events are sent as they come.
        case sending
        /// Closed.
        case stopped
    }

    /// Where the sender stands.
    package var phase: Phase
    /// Events that Kafka has not acknowledged.
    package var waitingEvents: Int
    /// Their records' bytes on disk.
    package var waitingBytes: Int
    /// Bytes of all segment files, acknowledged events included until their segment goes.
    package var usedBytes: Int
    /// Milliseconds since the oldest waiting event was appended; nil when none waits.
    package var oldestMilliseconds: Int64?
    /// Events taken since the start.
    package var appended: UInt64
    /// Events acknowledged by Kafka since the start, those found there after a crash included.
    package var acknowledged: UInt64
    /// Events and reservations refused since the start.
    package var refused: UInt64
    /// Events lost to damaged files, found since the start; the log names each place.
    package var damaged: UInt64
    /// Events that Kafka had already after a crash, and which were therefore not sent again.
    package var alreadyInKafka: UInt64
    /// What an operator should look at, as a sentence; nil when all is well.
    package var problem: String?
}
