// SPDX-License-Identifier: Apache-2.0

/// Since when a group key is known: for how long `first_seen` only learns.
final class LearningState: StoredState {
    enum Standing {
        case learning, learned
        /// The value was first seen after the learning period, but an earlier event that may still come could lie within.
        case uncertain
    }

    private static let hour: Int64 = 3_600_000

    let stateID: UInt64
    let keySpace: KeySpace
    /// ms; more than the lateness, so that a late first event cannot end it for one that was judged already.
    private let learning: Int64
    private let history: Int64
    /// First use, ms, and the hour of the last one: an hour's grain saves writing it with every event.
    private struct Group {
        var first: Int64
        var lastHour: Int32
    }

    @exclusivity(unchecked) private var groups: CellMap<Group>
    private var nextSweep: Int64 = .min
    var sweepDue: Int64 { nextSweep }

    init(stateID: UInt64, keySpace: KeySpace, learning: Int64, history: Int64, lateness: Int64) {
        self.stateID = stateID
        self.keySpace = keySpace
        self.learning = max(learning, lateness + 1)
        self.history = history
        groups = CellMap(keySpace: keySpace)
    }

    deinit {
        groups.deallocate { _ in }
    }

    var count: Int { groups.count }
    var bytes: Int { groups.bytes }

    /// Notes an event of the group and tells whether it has learned long enough.
    func standing(key: Int32, at time: Int64, watermark: Int64) -> Standing {
        let hour = Int32(clamping: time / Self.hour)
        let isNew = groups.find(key) == nil
        let group = groups.make(key, Group(first: time, lastHour: hour))
        if isNew || time > end(group.pointee.lastHour) {
            group.pointee = Group(first: time, lastHour: hour)
            groups.touch(key)
            return .learning
        }
        if time < group.pointee.first || hour > group.pointee.lastHour {
            group.pointee.first = min(time, group.pointee.first)
            group.pointee.lastHour = max(hour, group.pointee.lastHour)
            groups.touch(key)
        }
        let learned = group.pointee.first + learning
        if time < learned { return .learning }
        return watermark >= learned ? .learned : .uncertain
    }

    /// Until when the group is remembered. Twice the history: who comes back after one has nothing that is known, and does
    /// not get a learning period for it.
    private func end(_ lastHour: Int32) -> Int64 { (Int64(lastHour) + 1) * Self.hour + 2 * history }

    func sweep(watermark: Int64) {
        guard watermark >= nextSweep else { return }
        nextSweep = watermark + max(60_000, history / 4)
        groups.sweep { self.end($0.lastHour) < watermark }
    }

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
        writer.write(group.first)
        writer.write(Int64(group.lastHour))
        return writer.bytes
    }

    func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        let first: Int64 = try reader.read()
        let group = Group(first: first, lastHour: Int32(clamping: try reader.read(Int64.self)))
        groups.make(key, group).pointee = group
        return []
    }
}
