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
    private var groups: [Int32: (first: Int64, lastHour: Int64)] = [:]
    private var changed: Set<Int32> = []
    private var removedKeys: [[UInt8]] = []
    private var nextSweep: Int64 = .min
    var sweepDue: Int64 { nextSweep }

    init(stateID: UInt64, keySpace: KeySpace, learning: Int64, history: Int64, lateness: Int64) {
        self.stateID = stateID
        self.keySpace = keySpace
        self.learning = max(learning, lateness + 1)
        self.history = history
    }

    var count: Int { groups.count }
    var bytes: Int { groups.capacity * 32 }

    /// Notes an event of the group and tells whether it has learned long enough.
    func standing(key: Int32, at time: Int64, watermark: Int64) -> Standing {
        let hour = time / Self.hour
        guard let known = groups[key], time <= end(known.lastHour) else {
            if groups.updateValue((time, hour), forKey: key) == nil { keySpace.hold(key) }
            changed.insert(key)
            return .learning
        }
        if time < known.first || hour > known.lastHour {
            groups[key] = (min(time, known.first), max(hour, known.lastHour))
            changed.insert(key)
        }
        if time < known.first + learning { return .learning }
        return watermark >= known.first + learning ? .learned : .uncertain
    }

    /// Until when the group is remembered. Twice the history: who comes back after one has nothing that is known, and does
    /// not get a learning period for it.
    private func end(_ lastHour: Int64) -> Int64 { (lastHour + 1) * Self.hour + 2 * history }

    func sweep(watermark: Int64) {
        guard watermark >= nextSweep else { return }
        nextSweep = watermark + max(60_000, history / 4)
        for (key, group) in groups where end(group.lastHour) < watermark {
            removedKeys.append(Array(keySpace.bytes(of: key)))
            groups[key] = nil
            changed.remove(key)
            keySpace.release(key)
        }
        if groups.capacity > 1024, groups.count < groups.capacity / 8 { groups = shrunk(groups) }
    }

    func takeChanges(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        for key in removedKeys { key.withUnsafeBytes { body($0, nil) } }
        removedKeys.removeAll(keepingCapacity: true)
        for key in changed.sorted() {
            guard let group = groups[key] else { continue }
            body(keySpace.bytes(of: key), encode(group))
        }
        changed.removeAll(keepingCapacity: true)
    }

    func discardChanges() {
        removedKeys = []
        changed = []
    }

    func forEach(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        for (key, group) in groups { body(keySpace.bytes(of: key), encode(group)) }
    }

    private func encode(_ group: (first: Int64, lastHour: Int64)) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(group.first)
        writer.write(group.lastHour)
        return writer.bytes
    }

    func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        let group: (Int64, Int64) = (try reader.read(), try reader.read())
        if groups.updateValue(group, forKey: key) == nil { keySpace.hold(key) }
        return []
    }
}

/// The same in memory that fits: a dictionary does not give back what it has once taken.
func shrunk<Value>(_ dictionary: [Int32: Value]) -> [Int32: Value] {
    var smaller: [Int32: Value] = [:]
    smaller.reserveCapacity(dictionary.count)
    for (key, value) in dictionary { smaller[key] = value }
    return smaller
}
