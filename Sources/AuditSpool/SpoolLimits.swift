// SPDX-License-Identifier: Apache-2.0

/// How much the spool may hold, and how sure it makes of it.
package struct SpoolLimits: Sendable, Equatable {
    /// When events are forced from the system's memory to the disk (`fdatasync`).
    ///
    /// What is written survives the end of the process by any signal in every case; this is about the machine losing
    /// power.
    package enum Synchronisation: Sendable, Equatable {
        /// When the operating system likes to.
        case never
        /// Once a second, and when a segment is full.
        case everySecond
        /// Before `append` returns: costs one disk write per event.
        case everyEvent
    }

    /// Bytes of one segment file; a whole one is deleted when all its events are acknowledged.
    package var segmentBytes: Int
    /// Bytes of all segment files together. At least two segments.
    package var totalBytes: Int
    /// Bytes of one event: key, uid and payload together.
    package var maximumEventBytes: Int
    /// Events handed to the Kafka client and not acknowledged: bounds its memory.
    package var inFlightEvents: Int
    /// How often the acknowledged position is written, in milliseconds.
    package var positionMilliseconds: Int
    /// When events are forced to the disk.
    package var synchronisation: Synchronisation

    /// Limits; the defaults are 16 MiB, 1 GiB, 256 KiB, 10 000 events, 200 ms and once a second.
    package init(
        segmentBytes: Int = 16 << 20, totalBytes: Int = 1 << 30, maximumEventBytes: Int = 256 << 10,
        inFlightEvents: Int = 10_000, positionMilliseconds: Int = 200, synchronisation: Synchronisation = .everySecond
    ) {
        self.segmentBytes = segmentBytes
        self.totalBytes = totalBytes
        self.maximumEventBytes = maximumEventBytes
        self.inFlightEvents = inFlightEvents
        self.positionMilliseconds = positionMilliseconds
        self.synchronisation = synchronisation
    }

    /// Events sent since the position on disk: what a start after a crash looks for in Kafka is bounded by it.
    var unsettledEvents: Int { 2 * inFlightEvents }

    /// The largest record on disk, in bytes.
    var maximumRecordBytes: Int { maximumEventBytes + RecordFormat.overhead }

    func check() throws(SpoolError) {
        guard (1...(8 << 20)).contains(maximumEventBytes) else {
            throw .limits("an event may have 1 byte to 8 MiB, not \(maximumEventBytes)")
        }
        guard segmentBytes >= SegmentFile.headerBytes + maximumRecordBytes, segmentBytes <= 1 << 30 else {
            throw .limits(
                "a segment must hold the largest event (\(maximumEventBytes) bytes) and be at most 1 GiB; it has "
                    + "\(segmentBytes) bytes")
        }
        guard totalBytes >= 2 * segmentBytes else {
            throw .limits(
                "in all there must be room for two segments of \(segmentBytes) bytes, not \(totalBytes) bytes")
        }
        guard (1...100_000).contains(inFlightEvents), (1...3_600_000).contains(positionMilliseconds) else {
            throw .limits("events in flight are 1 to 100000, the position's interval 1 ms to 1 h")
        }
    }
}
