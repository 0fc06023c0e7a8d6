// SPDX-License-Identifier: Apache-2.0

/// Reads one segment from a place on, over damaged bytes to the next record that is whole.
///
/// A record is believed when its checksum is right and its sequence number is not before the one that is due. Content
/// cannot pass for a record: a sequence number holds zero bytes, which JSON cannot.
struct SegmentScan {
    enum Step {
        case record(SpoolRecord)
        /// No whole record up to the length given. `damagedBytes` of them are not the beginning of one either.
        case end(damagedBytes: Int)
    }

    /// A sequence number further from the one that is due than this is not believed.
    private static let furthest: UInt64 = 1 << 32

    private let file: SegmentFile
    private let limits: SpoolLimits
    private var chunk: [UInt8] = []
    private var chunkStart = 0
    /// The place after the last record.
    private(set) var offset: Int
    /// Sequence number that is due.
    private(set) var expected: UInt64

    init(file: SegmentFile, expected: UInt64, limits: SpoolLimits) {
        self.file = file
        self.limits = limits
        self.expected = expected
        offset = SegmentFile.headerBytes
    }

    /// The next whole record before `length`, the segment's end for now.
    mutating func next(length: Int) throws(SpoolError) -> Step {
        var place = offset
        while place < length {
            try fill(from: place, length: length)
            let reading = chunk.withUnsafeBytes {
                RecordFormat.read($0, at: place - chunkStart, maximumRecordBytes: limits.maximumRecordBytes)
            }
            if case .record(let record) = reading, record.sequence >= expected,
                record.sequence - expected < Self.furthest
            {
                offset = place + record.recordBytes
                expected = record.sequence + 1
                return .record(record)
            }
            place += 1
        }
        return .end(damagedBytes: length - offset)
    }

    /// Goes on after what cannot be read, at `place` with `sequence`.
    mutating func skip(to place: Int, sequence: UInt64) {
        offset = place
        expected = sequence
    }

    /// Makes sure that the largest record at `place` would be in the chunk, as far as the segment goes.
    private mutating func fill(from place: Int, length: Int) throws(SpoolError) {
        let end = chunkStart + chunk.count
        if place >= chunkStart, place + limits.maximumRecordBytes <= end || end >= length, place < end { return }
        // A record that ends within the chunk needs no more of the file.
        if place >= chunkStart, place + RecordFormat.prefix <= end {
            let size = chunk.withUnsafeBytes {
                UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: place - chunkStart, as: UInt32.self))
            }
            if place + RecordFormat.prefix + Int(size) <= end { return }
        }
        let count = min(length - place, limits.maximumRecordBytes + (1 << 20))
        chunk = try file.read(at: place, count: count)
        chunkStart = place
    }
}
