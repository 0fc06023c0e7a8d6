// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Baseline

/// What the members of each peer group usually have in a window of one correlation.
///
/// Only whole periods count, and for an event in period p only those up to p - 2: these are complete whenever such an event can
/// come, so the order of events does not matter. Two versions are kept, for events of the watermark's period and of the next.
///
/// Peers are those of the same partition. About 4 kB per group and 24 bytes per member and window of the last two periods.
final class PeerState: StoredState {
    /// One member's total of a closed bucket.
    private struct Total {
        let value: Double
        let member: UInt64
        let bucket: Int64
    }

    private struct Group {
        /// The watermark's period.
        var period: Int64
        /// All up to `period - 2`, and all up to `period - 1`.
        var current = PeerSketch()
        var next = PeerSketch()
        /// Of later periods.
        var waiting: [Total] = []
    }

    let stateID: UInt64
    let keySpace: KeySpace
    /// ms.
    private let bucket: Int64
    private let period: Int64
    /// In buckets.
    private let history: Int64
    @exclusivity(unchecked) private var groups: CellMap<Group>
    private var nextSweep: Int64 = .min
    var sweepDue: Int64 { nextSweep }

    /// - Parameters:
    ///   - bucket: the length of a bucket, ms.
    ///   - history: the half-life, ms.
    init(stateID: UInt64, keySpace: KeySpace, bucket: Int64, history: Int64, lateness: Int64) {
        self.stateID = stateID
        self.keySpace = keySpace
        self.bucket = bucket
        // A bucket closes up to two buckets and the lateness after its end; all of a period must be closed when the first
        // event of the next but one comes, which is up to the lateness before the watermark gets there.
        let least = max(3_600_000, 2 * bucket + 2 * lateness)
        period = (least + bucket - 1) / bucket * bucket
        self.history = max(1, history / bucket)
        groups = CellMap(keySpace: keySpace)
    }

    deinit {
        groups.deallocate { _ in }
    }

    var count: Int { groups.count }
    var bytes: Int {
        var bytes = groups.bytes
        groups.forEach { _, group in bytes += 2 * group.current.byteCount + group.waiting.capacity * 24 }
        return bytes
    }

    /// Takes a member's closed bucket.
    func add(_ value: Double, member: UInt64, bucket number: Int64, group key: Int32, watermark: Int64) {
        let now = watermark / period
        let group = groups.make(key, Group(period: now))
        if now > group.pointee.period { rotate(&group.pointee, to: now) }
        let total = Total(value: value, member: member, bucket: number)
        let period = number * bucket / period
        if period <= group.pointee.period - 2 { add(total, to: &group.pointee.current) }
        if period <= group.pointee.period - 1 {
            add(total, to: &group.pointee.next)
        } else {
            group.pointee.waiting.append(total)
        }
        groups.touch(key)
    }

    /// The sketch that counts for an event at a time.
    func sketch(group key: Int32, at time: Int64, watermark: Int64) -> PeerSketch? {
        guard let group = groups.find(key) else { return nil }
        if group.pointee.period < watermark / period {
            rotate(&group.pointee, to: watermark / period)
            groups.touch(key)
        }
        return time / period <= group.pointee.period ? group.pointee.current : group.pointee.next
    }

    private func rotate(_ group: inout Group, to period: Int64) {
        guard period > group.period else { return }
        if period > group.period + 1 { release(&group, upTo: period - 2) }
        group.current = group.next
        release(&group, upTo: period - 1)
        group.period = period
    }

    private func release(_ group: inout Group, upTo last: Int64) {
        for total in group.waiting where total.bucket * bucket / period <= last { add(total, to: &group.next) }
        group.waiting.removeAll { $0.bucket * bucket / period <= last }
    }

    private func add(_ total: Total, to sketch: inout PeerSketch) {
        sketch.add(total.value, member: total.member, bucket: total.bucket, history: history)
    }

    /// Groups are few, and who belongs to one is not known here: a group without news for ten half-lives goes.
    func sweep(watermark: Int64) {
        guard watermark >= nextSweep else { return }
        nextSweep = watermark + period
        groups.sweep { group in
            (watermark / self.period - group.period) * self.period > 10 * self.history * self.bucket
        }
    }

    // MARK: Storing

    func takeChanges(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        groups.takeChanges({ encode($0) }, body)
    }

    func discardChanges() {
        groups.discardChanges()
    }

    func forEach(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        groups.forEach { key, group in body(keySpace.bytes(of: key), encode(group)) }
    }

    private func encode(_ group: Group) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(group.period)
        for sketch in [group.current, group.next] {
            var bytes: [UInt8] = []
            sketch.encode(into: &bytes)
            writer.write(block: bytes)
        }
        writer.write(UInt32(group.waiting.count))
        for total in group.waiting {
            writer.write(total.value)
            writer.write(total.member)
            writer.write(total.bucket)
        }
        return writer.bytes
    }

    func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        var group = Group(period: try reader.read())
        guard let current = try reader.readBlock().withUnsafeBytes({ PeerSketch(decoding: $0) }) else {
            throw ByteReader.Damaged()
        }
        guard let next = try reader.readBlock().withUnsafeBytes({ PeerSketch(decoding: $0) }) else {
            throw ByteReader.Damaged()
        }
        (group.current, group.next) = (current, next)
        for _ in 0..<(try reader.read(UInt32.self)) {
            group.waiting.append(
                Total(value: try reader.readDouble(), member: try reader.read(), bucket: try reader.read()))
        }
        groups.make(key, group).pointee = group
        return []
    }
}
