// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import CPrefetch

/// What most events of a `first_seen` rule come to: the same group used the same value earlier in the same hour, so nothing
/// is new and nobody need be told. Found by a hash of the values, without making the group keys; what would change is the
/// time of the last use, which is noted here and handed on before anybody looks at it.
///
/// An entry is made when the full way has found a value known or announced it, and stands for that hour of event time. For
/// one thread. 2,048 entries of 48 bytes per rule.
final class KnownUses {
    private struct Entry {
        var hash: UInt64 = 0
        /// The hour since the epoch; -1 for no entry.
        var hour: Int32 = -1
        /// Events of the hour from here on, ms: an earlier one could be the first.
        var from: UInt32 = 0
        /// The last use in the hour, ms; its top bit says whether it is later than the state knows.
        var last: UInt32 = 0
        var keys = FeedTable.FirstSeenIDs()
        /// `removals` when the keys were noted.
        var removals: UInt32 = 0
    }

    private static let isLater: UInt32 = 1 << 31

    private static let count = 2048

    private let fields: UnsafeMutableBufferPointer<SlotID>
    private let entries: UnsafeMutablePointer<Entry>
    /// Where the keys are from.
    private let spaces: UnsafeMutableBufferPointer<Unmanaged<KeySpace>>
    /// Belongs to the rule's plan, which the engine holds.
    private let values: Unmanaged<EpisodeState>
    @exclusivity(unchecked) private var later: [Int32] = []

    /// Nil for rules that have no `first_seen`, or in which something else has a say about each event.
    init?(of detection: DetectionPlan) {
        guard let firstSeen = detection.firstSeen, detection.calendar == nil, detection.ratio == nil,
            firstSeen.values.gap >= RatioState.hour
        else { return nil }
        values = .passUnretained(firstSeen.values)
        let others = firstSeen.peers.map { [$0.members.keySpace, $0.users.keySpace] } ?? []
        spaces = EventDecoder.lasting(
            ([firstSeen.groups.keySpace, firstSeen.values.keySpace] + others).map { .passUnretained($0) })
        let fields = firstSeen.keyFields + (firstSeen.peers?.groupFields ?? [])
        self.fields = EventDecoder.lasting(fields)
        entries = .allocate(capacity: Self.count)
        entries.initialize(repeating: Entry(), count: Self.count)
    }

    deinit {
        fields.deallocate()
        entries.deallocate()
        spaces.deallocate()
    }

    /// How many keys have gone so far where the uses have theirs: while none goes, a key's number stays its own.
    @inline(__always)
    private var removals: UInt32 {
        var count: UInt32 = 0
        for space in spaces { count &+= space._withUnsafeGuaranteedRef { $0.removals } }
        return count
    }

    /// The keys of a use that was known in an earlier hour.
    @inline(__always)
    func keys(_ hash: UInt64) -> FeedTable.FirstSeenIDs? {
        let entry = entries + (Int(truncatingIfNeeded: hash) & (Self.count &- 1))
        return entry.pointee.hash == hash && entry.pointee.hour >= 0 && entry.pointee.removals == removals
            ? entry.pointee.keys : nil
    }

    /// The hash of what an event uses; nil when a value is missing: such an event goes the full way.
    @inline(__always)
    func hash(_ view: EventView, _ hashes: SlotHashes, _ event: UInt64) -> UInt64? {
        hashes.hash(of: UnsafeBufferPointer(fields), view, event)
    }

    /// Says that `takes` is about to be asked.
    @inline(__always)
    func approach(_ hash: UInt64) {
        gw_prefetch(entries + (Int(truncatingIfNeeded: hash) & (Self.count &- 1)))
    }

    /// Whether the use is one of a known value in an hour that has been seen to.
    @inline(__always)
    func takes(_ hash: UInt64, at time: Int64) -> Bool {
        let place = Int(truncatingIfNeeded: hash) & (Self.count - 1)
        let entry = entries + place
        guard entry.pointee.hash == hash else { return false }
        let since = time &- Int64(entry.pointee.hour) &* RatioState.hour
        guard since >= Int64(entry.pointee.from), since < RatioState.hour, entry.pointee.hour >= 0 else { return false }
        let last = entry.pointee.last
        if UInt32(truncatingIfNeeded: since) > last & ~Self.isLater {
            entry.pointee.last = UInt32(truncatingIfNeeded: since) | Self.isLater
            if last & Self.isLater == 0 { later.append(Int32(place)) }
        }
        return true
    }

    /// Hands on the last use that an entry holds, before the full way looks at its key.
    func release(_ hash: UInt64) {
        release(place: Int(truncatingIfNeeded: hash) & (Self.count - 1))
    }

    private func release(place: Int) {
        let entry = entries + place
        guard entry.pointee.last & Self.isLater != 0 else { return }
        entry.pointee.last &= ~Self.isLater
        values._withUnsafeGuaranteedRef {
            $0.note(
                key: entry.pointee.keys.value,
                last: Int64(entry.pointee.hour) * RatioState.hour + Int64(entry.pointee.last))
        }
    }

    /// Notes what the full way has found known.
    func note(_ hash: UInt64, _ keys: FeedTable.FirstSeenIDs, at time: Int64) {
        let place = Int(truncatingIfNeeded: hash) & (Self.count - 1)
        release(place: place)
        let hour = time / RatioState.hour
        let since = UInt32(truncatingIfNeeded: time - hour * RatioState.hour)
        (entries + place).pointee = Entry(
            hash: hash, hour: Int32(clamping: hour), from: since, last: since, keys: keys, removals: removals)
    }

    /// When the state that the uses are of is swept next, ms: they must be known to it by then.
    var sweepDue: Int64 { values._withUnsafeGuaranteedRef { $0.sweepDue } }

    /// Hands on all last uses: the state is about to be stored or swept.
    func flush() {
        for place in later { release(place: Int(place)) }
        later.removeAll(keepingCapacity: true)
    }
}

/// Hashes of the event's values by field, each made once per event. For one thread.
final class SlotHashes {
    private let seed = ValueHash.seed
    private let rows: UnsafeMutablePointer<(event: UInt64, hash: UInt64, isThere: Bool)>
    /// The row of the event at hand.
    @exclusivity(unchecked) private var known: UnsafeMutablePointer<(event: UInt64, hash: UInt64, isThere: Bool)>
    private let fields: Int

    /// - Parameter rows: of so many events the hashes stay.
    init(fields: Int, rows: Int) {
        self.fields = fields
        self.rows = .allocate(capacity: max(1, fields * rows))
        self.rows.initialize(repeating: (0, 0, false), count: max(1, fields * rows))
        known = self.rows
    }

    deinit {
        rows.deallocate()
    }

    /// Turns to the event that has a row.
    @inline(__always)
    func begin(_ row: Int) {
        known = rows + row &* fields
    }

    /// The hash of the event's values of several fields; nil when one is missing.
    @inline(__always)
    func hash(of fields: UnsafeBufferPointer<SlotID>, _ view: EventView, _ event: UInt64) -> UInt64? {
        var hash = ValueHash.none
        for field in fields {
            guard let part = self.hash(field, view, event) else { return nil }
            hash.add(part)
        }
        return hash.bits
    }

    @inline(__always)
    private func hash(_ field: SlotID, _ view: EventView, _ event: UInt64) -> UInt64? {
        let entry = known + Int(field.index)
        if entry.pointee.event != event { make(field, view, event) }
        return entry.pointee.isThere ? entry.pointee.hash : nil
    }

    @inline(__always)
    private func make(_ field: SlotID, _ view: EventView, _ event: UInt64) {
        let slot = view[field]
        if slot.kind == .string {
            known[Int(field.index)] = (event, ValueHash.of(slot.bytes, seed), true)
        } else {
            makeOther(field, view, event)
        }
    }

    @inline(never)
    private func makeOther(_ field: SlotID, _ view: EventView, _ event: UInt64) {
        let hash = view.firstValue(view[field]).withText { ValueHash.of($0, seed) }
        known[Int(field.index)] = (event, hash ?? 0, hash != nil)
    }
}

/// What the matches of a detection rule go through, flat.
struct Role {
    /// Whether they are only counted by correlations: what most events of building blocks do.
    let isPlain: Bool
    let feedsRatios: Bool
    /// Whether something besides has a say about each match: the rule's own `ratio`, a calendar.
    let hasCondition: Bool
    let firstSeen: Unmanaged<DetectionPlan.FirstSeen>?
    let uses: Unmanaged<KnownUses>?
    /// Which of the engine's uses these are.
    let use: Int

    init(_ detection: DetectionPlan, _ uses: KnownUses?, use: Int) {
        self.use = use
        isPlain =
            detection.calendar == nil && detection.firstSeen == nil && detection.ratio == nil && !detection.raisesAlerts
        hasCondition = detection.calendar != nil || detection.ratio != nil
        firstSeen = detection.firstSeen.map { .passUnretained($0) }
        feedsRatios = !detection.ratioFeeds.isEmpty
        self.uses = uses.map { .passUnretained($0) }
    }
}
