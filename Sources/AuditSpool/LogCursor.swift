// SPDX-License-Identifier: Apache-2.0

/// Reads the log event by event, from a sequence number on. Used by the sender's thread.
struct LogCursor {
    enum Step {
        case record(SpoolRecord)
        /// No event is there that has not been read.
        case end
    }

    /// A place where events could not be read.
    struct Damage: Equatable {
        let file: String
        let events: UInt64
        let firstSequence: UInt64
    }

    private let log: SegmentLog
    private var segment: UInt64?
    private var scan: SegmentScan?
    /// The sequence number of the event that is due.
    private(set) var expected: UInt64
    /// What has been found damaged since it was last taken.
    private var damages: [Damage] = []

    init(log: SegmentLog, from sequence: UInt64) {
        self.log = log
        expected = sequence
    }

    /// The next event that is whole.
    mutating func next() throws(SpoolError) -> Step {
        while true {
            guard let segment = segment ?? log.segment(for: expected), let extent = log.extent(of: segment) else {
                // Its file is gone because everything in it was acknowledged; or nothing was ever written.
                if self.segment == nil { return .end }
                (self.segment, scan) = (nil, nil)
                continue
            }
            if self.segment == nil {
                self.segment = segment
                scan = SegmentScan(file: extent.file, expected: segment, limits: log.limits)
            }
            guard let step = try scan?.next(length: extent.length) else { return .end }
            switch step {
            case .record(let record):
                if record.sequence < expected { continue }
                passDamage(to: record.sequence, extent)
                expected = record.sequence + 1
                return .record(record)
            case .end(let damagedBytes):
                if damagedBytes > 0 || extent.end != nil {
                    let end = extent.end ?? extent.next
                    passDamage(to: end, extent)
                    scan?.skip(to: extent.length, sequence: end)
                }
                // The next segment begins where this one ends; it is not there before its first event.
                guard let end = extent.end, let following = log.extent(of: end) else { return .end }
                self.segment = end
                scan = SegmentScan(file: following.file, expected: end, limits: log.limits)
            }
        }
    }

    mutating func takeDamages() -> [Damage] {
        defer { damages = [] }
        return damages
    }

    private mutating func passDamage(to sequence: UInt64, _ extent: SegmentLog.Extent) {
        if sequence > expected {
            damages.append(
                Damage(file: extent.file.path, events: sequence - expected, firstSequence: expected))
            expected = sequence
        }
    }
}
