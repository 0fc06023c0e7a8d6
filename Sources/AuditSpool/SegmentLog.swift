// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// The segments of a folder as one log: appended at the end by any thread, read by the sender, removed from the front.
final class SegmentLog: Sendable {
    struct Segment {
        let first: UInt64
        let file: SegmentFile
        var length: Int
    }

    struct State {
        var segments: [Segment]
        /// The last segment is the one that is written. After a start none is: old ones are never written again.
        var isWriting = false
        var next: UInt64
        var usedBytes: Int
        var reservations = 0
        var isClosed = false
        /// The disk's last refusal, until it takes an event or a probe.
        var trouble: SpoolError?
        var appended: UInt64 = 0
        var refused: UInt64 = 0
        var appendedBytes = 0
        /// When the event was appended at which the sender last had read all before it, milliseconds since the epoch.
        var unreadTime: Int64?
        /// Written, and not forced to the disk since.
        var unsynchronised: [SegmentFile] = []
    }

    /// How far a segment can be read now.
    struct Extent {
        let file: SegmentFile
        let length: Int
        /// The sequence number that follows the segment's last one; nil while it is still written.
        let end: UInt64?
        /// The sequence number that the next event will get.
        let next: UInt64
    }

    let limits: SpoolLimits
    let folder: SpoolFolder
    private let state: Mutex<State>
    private let readThrough: Atomic<UInt64>

    init(folder: SpoolFolder, limits: SpoolLimits, recovered: RecoveredLog) {
        self.folder = folder
        self.limits = limits
        state = Mutex(
            State(
                segments: recovered.segments, next: recovered.next,
                usedBytes: recovered.segments.reduce(0) { $0 + $1.length }, unreadTime: recovered.oldestTime))
        readThrough = Atomic(recovered.oldestTime == nil ? recovered.next : 0)
    }

    func read<R: Sendable>(_ body: (State) -> R) -> R { state.withLock { body($0) } }

    // MARK: Writing

    /// Writes one event at the end.
    ///
    /// - Parameter isReserved: the caller holds a reservation, whose room is for this event.
    func append(
        key: [UInt8], uid: [UInt8], payload: UnsafeRawBufferPointer, time: Int64, isReserved: Bool
    ) throws(SpoolError) {
        let size = key.count + uid.count + payload.count
        guard size <= limits.maximumEventBytes, key.count <= Int(UInt16.max), uid.count <= Int(UInt8.max) else {
            state.withLock { $0.refused += 1 }
            throw .tooLarge(bytes: size, maximum: limits.maximumEventBytes)
        }
        var (bytes, checksum) = RecordFormat.encode(key: key, uid: uid, payload: payload, time: time)
        let (file, failure) = state.withLock { state -> (SegmentFile?, SpoolError?) in
            do throws(SpoolError) {
                let isFirst = state.next == readThrough.load(ordering: .relaxed)
                let file = try write(&bytes, checksum, isReserved, &state)
                if isFirst { state.unreadTime = time }
                return (file, nil)
            } catch {
                state.refused += 1
                if case .storage = error { state.trouble = error }
                return (nil, error)
            }
        }
        if let failure { throw failure }
        if limits.synchronisation == .everyEvent { try file?.synchronise() }
    }

    private func write(
        _ bytes: inout [UInt8], _ checksum: UInt32, _ isReserved: Bool, _ state: inout State
    ) throws(SpoolError) -> SegmentFile {
        if state.isClosed { throw .closed }
        let held = isReserved ? 0 : state.reservations * limits.maximumRecordBytes
        guard state.usedBytes + held + bytes.count <= limits.totalBytes else {
            throw .full(folder: folder.path, totalBytes: limits.totalBytes)
        }
        if !state.isWriting || state.segments[state.segments.count - 1].length + bytes.count > limits.segmentBytes {
            try begin(&state)
        }
        let last = state.segments.count - 1
        let segment = state.segments[last]
        RecordFormat.finish(&bytes, checksum: checksum, sequence: state.next)
        // After a failure in the middle the length stays, so the next event overwrites what is there of this one.
        try segment.file.write(bytes, at: segment.length)
        state.segments[last].length += bytes.count
        state.usedBytes += bytes.count
        state.appendedBytes += bytes.count
        state.next += 1
        state.appended += 1
        state.trouble = nil
        if state.unsynchronised.last !== segment.file { state.unsynchronised.append(segment.file) }
        return segment.file
    }

    /// Ends the segment that is written and makes the next one.
    private func begin(_ state: inout State) throws(SpoolError) {
        let file = try SegmentFile(
            creating: folder.segmentPath(first: state.next), first: state.next, bytes: limits.segmentBytes)
        // Gives back what was promised and not used, and no event depends on it.
        if state.isWriting, let last = state.segments.last { try? last.file.cut(to: last.length) }
        state.segments.append(Segment(first: state.next, file: file, length: SegmentFile.headerBytes))
        state.usedBytes += SegmentFile.headerBytes
        state.isWriting = true
    }

    /// Sets room for one event aside; false when there is none.
    func reserve() -> Bool {
        state.withLock { state in
            guard Self.hasRoom(state, limits) else {
                state.refused += 1
                return false
            }
            state.reservations += 1
            return true
        }
    }

    func release() {
        state.withLock { $0.reservations = max(0, $0.reservations - 1) }
    }

    var hasRoom: Bool { state.withLock { Self.hasRoom($0, limits) } }

    private static func hasRoom(_ state: State, _ limits: SpoolLimits) -> Bool {
        // A reservation may be the one that begins a new segment: its header is counted with it.
        let each = limits.maximumRecordBytes + SegmentFile.headerBytes
        return !state.isClosed && state.trouble == nil
            && state.usedBytes + (state.reservations + 1) * each <= limits.totalBytes
    }

    func close() { state.withLock { $0.isClosed = true } }

    // MARK: Care

    /// Tries whether a disk that refused takes events again.
    func probe() {
        state.withLock { state in
            guard state.trouble != nil, !state.isClosed else { return }
            do throws(SpoolError) {
                if state.isWriting, let last = state.segments.last {
                    try last.file.reserve(min(last.length + limits.maximumRecordBytes, limits.segmentBytes))
                } else {
                    try begin(&state)
                }
                state.trouble = nil
            } catch {
                state.trouble = error
            }
        }
    }

    /// Forces what was written to the disk; may take its time, and holds nobody up.
    func synchronise() throws(SpoolError) {
        let files = state.withLock { state in
            defer { state.unsynchronised = [] }
            return state.unsynchronised
        }
        for file in files { try file.synchronise() }
    }

    /// Deletes the segments whose events are all before `acknowledged`; with `isLast`, also the one that is written.
    func remove(before acknowledged: UInt64, isLast: Bool = false) throws(SpoolError) {
        let gone = state.withLock { state in
            var count = 0
            while count < state.segments.count {
                let isFinal = count + 1 == state.segments.count
                let end = isFinal ? state.next : state.segments[count + 1].first
                if end > acknowledged || (isFinal && state.isWriting && !isLast) { break }
                count += 1
            }
            let gone = Array(state.segments.prefix(count))
            state.segments.removeFirst(count)
            if state.segments.isEmpty { state.isWriting = false }
            for segment in gone { state.usedBytes -= segment.length }
            return gone
        }
        for segment in gone { try folder.remove(segment.file.path) }
    }

    // MARK: Reading

    /// The sender has read everything before this sequence number.
    func noteRead(through sequence: UInt64) { readThrough.store(sequence, ordering: .relaxed) }

    /// The first sequence number of the segment in which `sequence` stands, or of the first one after it; nil when no
    /// segment has it yet.
    func segment(for sequence: UInt64) -> UInt64? {
        state.withLock { state in
            let index = state.segments.lastIndex { $0.first <= sequence } ?? 0
            return index < state.segments.count ? state.segments[index].first : nil
        }
    }

    func extent(of first: UInt64) -> Extent? {
        state.withLock { state in
            guard let index = state.segments.firstIndex(where: { $0.first == first }) else { return nil }
            let isFinal = index + 1 == state.segments.count
            return Extent(
                file: state.segments[index].file, length: state.segments[index].length,
                end: isFinal ? (state.isWriting ? nil : state.next) : state.segments[index + 1].first,
                next: state.next)
        }
    }
}
