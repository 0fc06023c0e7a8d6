// SPDX-License-Identifier: Apache-2.0

import Logging

/// What a folder holds when it is opened.
struct RecoveredLog {
    private(set) var segments: [SegmentLog.Segment] = []
    /// The sequence number for the next event.
    private(set) var next: UInt64
    /// Bytes of a record that was being written when the process ended, cut off.
    private(set) var tornBytes = 0
    /// Bytes of the records that are still to be sent, and the time of the first one.
    private(set) var waitingBytes = 0
    private(set) var oldestTime: Int64?

    /// Opens the segments, deletes those that are acknowledged, and finds the end of the last one. The others are
    /// checked record by record when they are read.
    init(folder: SpoolFolder, acknowledged: UInt64, limits: SpoolLimits, logger: Logger) throws(SpoolError) {
        next = acknowledged
        let firsts = try folder.segments()
        for (index, first) in firsts.enumerated() {
            let path = folder.segmentPath(first: first)
            if index + 1 < firsts.count, firsts[index + 1] <= acknowledged {
                try folder.remove(path)
                continue
            }
            let file = try SegmentFile(opening: path)
            var length = try file.length()
            if length >= SegmentFile.headerBytes, try !file.hasGoodHeader(first: first) {
                logger.error(
                    "a segment of the spool has a damaged header; its events are read all the same",
                    metadata: ["file": "\(path)"])
            }
            if index + 1 == firsts.count {
                let end = try Self.end(of: file, first: first, length: length, limits: limits)
                tornBytes = max(0, length - max(end.length, SegmentFile.headerBytes))
                try file.cut(to: end.length)
                length = end.length
                next = max(next, end.next)
            }
            // Nothing in it, or nothing that is still to be sent.
            if length <= SegmentFile.headerBytes || (index + 1 == firsts.count && next <= acknowledged) {
                try folder.remove(path)
                continue
            }
            segments.append(SegmentLog.Segment(first: first, file: file, length: length))
        }
        for segment in segments { waitingBytes += segment.length - SegmentFile.headerBytes }
        if let head = segments.first {
            var scan = SegmentScan(file: head.file, expected: head.first, limits: limits)
            while case .record(let record) = try scan.next(length: head.length) {
                if record.sequence >= acknowledged {
                    oldestTime = record.time
                    break
                }
                waitingBytes -= record.recordBytes
            }
        }
        if tornBytes > limits.maximumRecordBytes {
            logger.error(
                "the end of the spool is damaged, and the events in it are lost: check the disk",
                metadata: ["bytes": "\(tornBytes)", "before": "\(next)"])
        } else if tornBytes > 0 {
            logger.warning(
                "the spool ended in the middle of an event: no answer was given for it, and it is dropped",
                metadata: ["bytes": "\(tornBytes)"])
        }
    }

    /// Where the last whole record of a segment ends, and the sequence number after it.
    private static func end(
        of file: SegmentFile, first: UInt64, length: Int, limits: SpoolLimits
    ) throws(SpoolError) -> (length: Int, next: UInt64) {
        var scan = SegmentScan(file: file, expected: first, limits: limits)
        var end = (length: min(length, SegmentFile.headerBytes), next: first)
        while case .record(let record) = try scan.next(length: length) {
            end = (scan.offset, record.sequence + 1)
        }
        return end
    }
}
