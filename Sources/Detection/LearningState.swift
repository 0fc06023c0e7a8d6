// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// Since when group keys are known: for how long rules with `first_seen` only learn. Rules that group by the same fields share
/// it: most of them know the same groups.
///
/// Bytes per group: 4 and 8 for each rule.
final class LearningTable: StoredState {
    let stateID: UInt64
    let keySpace: KeySpace
    /// A rule's name on disk, and its history, ms.
    typealias Rule = (id: UInt64, history: Int64)

    /// In order of their places in a row.
    private var rules: [Rule] = []
    /// Places in `slab`.
    @exclusivity(unchecked) private var rows: CellMap<Int32>
    /// Per rule the first use and the last one (`LearningState.Group`); 0 for a group that the rule does not know.
    @exclusivity(unchecked) private var slab = RowSlab<UInt64>(width: 0)
    private var nextSweep: Int64 = .min
    var sweepDue: Int64 { nextSweep }

    init(keySpace: KeySpace) {
        stateID = Detection.stateID(["learning"] + keySpace.fields)
        self.keySpace = keySpace
        rows = CellMap(keySpace: keySpace)
    }

    deinit {
        rows.deallocate { _ in }
        slab.deallocate()
    }

    /// Adds a rule, before the first event. Returns its place.
    func add(_ rule: Rule) -> Int {
        rules.append(rule)
        slab.deallocate()
        slab = RowSlab(width: rules.count)
        return rules.count - 1
    }

    var count: Int { rows.count }
    var bytes: Int { rows.bytes + slab.bytes }

    /// What a rule knows of a group, for reading and writing.
    @inline(__always)
    func group(_ key: Int32, rule: Int) -> UnsafeMutablePointer<UInt64> {
        // First, because a new row may move the others.
        let row = rows.make(key, slab.take(repeating: 0)).pointee
        return slab[row] + rule
    }

    func touch(_ key: Int32) {
        rows.touch(key)
    }

    func sweep(watermark: Int64) {
        guard watermark >= nextSweep else { return }
        nextSweep = watermark + max(60_000, (rules.map(\.history).min() ?? 0) / 4)
        rows.sweep { row in
            guard rules.indices.allSatisfy({ LearningState.isOver(slab[row][$0], rules[$0].history, watermark) }) else {
                return false
            }
            slab.free(row)
            return true
        }
        if rows.count == 0 { slab.reset() }
    }

    // MARK: Storing

    func takeChanges(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        rows.takeChanges({ encode(slab[$0]) }, body)
    }

    func discardChanges() {
        rows.discardChanges()
    }

    func forEach(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        rows.forEach { key, row in body(keySpace.bytes(of: key), encode(slab[row])) }
    }

    /// By the rules' names: one that is added or goes costs the others nothing.
    private func encode(_ row: UnsafeMutablePointer<UInt64>) -> [UInt8] {
        var writer = ByteWriter()
        for (place, rule) in rules.enumerated() where row[place] != 0 {
            writer.write(rule.id)
            writer.write(row[place])
        }
        return writer.bytes
    }

    func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        var found: [(Int, UInt64)] = []
        while !reader.isAtEnd {
            let (id, group): (UInt64, UInt64) = (try reader.read(), try reader.read())
            if let place = rules.firstIndex(where: { $0.id == id }) { found.append((place, group)) }
        }
        let row = rows.make(key, slab.take(repeating: 0)).pointee
        for (place, group) in found { slab[row][place] = group }
        return []
    }
}

/// One rule's part of a learning table.
final class LearningState {
    enum Standing {
        case learning, learned
        /// The value was first seen after the learning period, but an earlier event that may still come could lie within.
        case uncertain
    }

    /// First use, ms since the epoch in 44 bits (to the year 2527), and how many hours later the last one was: an hour's grain
    /// saves writing it with every event.
    struct Group {
        private static let hours: UInt64 = (1 << 20) - 1

        var bits: UInt64

        init(bits: UInt64) {
            self.bits = bits
        }

        init(first: Int64, lastHour: Int64) {
            // Never 0: an event at the epoch itself counts as one a millisecond later.
            let time = min(max(first, 1), (1 << 44) - 1)
            bits = UInt64(time) << 20 | min(UInt64(clamping: lastHour - time / LearningState.hour), Self.hours)
        }

        var first: Int64 { Int64(bits >> 20) }
        var lastHour: Int64 { first / LearningState.hour + Int64(bits & Self.hours) }
    }

    private static let hour: Int64 = 3_600_000

    let table: LearningTable
    /// The same; nothing counts references to it.
    private let hotTable: Unmanaged<LearningTable>
    var keySpace: KeySpace { table.keySpace }
    private let place: Int
    /// ms; more than the lateness, so that a late first event cannot end it for one that was judged already.
    private let learning: Int64
    /// ms.
    private let history: Int64

    init(id: UInt64, table: LearningTable, learning: Int64, history: Int64, lateness: Int64) {
        self.table = table
        hotTable = .passUnretained(table)
        self.learning = max(learning, lateness + 1)
        self.history = history
        place = table.add((id, history))
    }

    /// A group as its peers know it: a hash of its key.
    @inline(__always)
    func member(_ key: Int32) -> UInt64 {
        hotTable._withUnsafeGuaranteedRef { stableHash($0.keySpace.bytes(of: key)) }
    }

    /// Notes an event of the group and tells whether it has learned long enough.
    func standing(key: Int32, at time: Int64, watermark: Int64) -> Standing {
        hotTable._withUnsafeGuaranteedRef { standing(in: $0, key: key, at: time, watermark: watermark) }
    }

    @inline(__always)
    private func standing(in table: LearningTable, key: Int32, at time: Int64, watermark: Int64) -> Standing {
        let hour = time / Self.hour
        let row = table.group(key, rule: place)
        var group = Group(bits: row.pointee)
        if row.pointee == 0 || time > Self.end(group.lastHour, history) {
            row.pointee = Group(first: time, lastHour: hour).bits
            table.touch(key)
            return .learning
        }
        if time < group.first || hour > group.lastHour {
            group = Group(first: min(time, group.first), lastHour: max(hour, group.lastHour))
            row.pointee = group.bits
            table.touch(key)
        }
        let learned = group.first + learning
        if time < learned { return .learning }
        return watermark >= learned ? .learned : .uncertain
    }

    /// Until when the group is remembered. Twice the history: who comes back after one has nothing that is known, and does
    /// not get a learning period for it.
    private static func end(_ lastHour: Int64, _ history: Int64) -> Int64 { (lastHour + 1) * hour + 2 * history }

    /// Whether a group need not be remembered.
    static func isOver(_ bits: UInt64, _ history: Int64, _ watermark: Int64) -> Bool {
        bits == 0 || end(Group(bits: bits).lastHour, history) < watermark
    }
}
