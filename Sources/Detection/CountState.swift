// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma

/// The windows of `event_count`, `value_count` and `value_sum`.
///
/// A window belongs to an event and reaches from it back over the timespan, both ends included. In order, an event costs
/// O(1) amortized. An event that comes late changes the windows of those after it; these are judged again.
///
/// Bounds per key, 32 bytes an event: counts keep what can still decide (limit + 1 events beside those within the lateness),
/// distinct counts the last event of each value likewise, both exactly. Sums of more than `maximumSummed` events merge
/// neighbours that are older than the lateness: the sum stays exact, the edge of the window moves by less than the distance
/// of two neighbours. A count with a limit over `maximumExact` is a sum of ones.
///
/// A value below zero takes away from a sum. One that comes late cannot take back what has fired: of `gt` and `gte` over
/// such values only the order of arrival decides.
final class CountState: CorrelationState {
    static let maximumSummed = 4096
    /// The largest limit for which counts keep every event that can decide.
    static let maximumExact = 1 << 18
    /// No key holds more events than this beside those that its limit needs; past it the oldest go.
    static let maximumEntries = 1 << 16

    private struct Window {
        var entries = EntryBuffer()
        /// First entry of the last event's window.
        var start = 0
        var aggregate = Aggregate()
        /// Grows with what a trim had to leave, so that trimming costs O(1) an event.
        var trimAt = 0
    }

    @exclusivity(unchecked) private var windows: CellMap<Window>

    override init(plan: CorrelationPlan) {
        windows = CellMap(keySpace: plan.keySpace)
        super.init(plan: plan)
    }

    deinit {
        windows.deallocate { window in
            window.entries.free()
            window.aggregate.free()
        }
    }

    override var count: Int { windows.count }
    override var bytes: Int {
        var bytes = windows.bytes
        windows.forEach { _, window in bytes += window.entries.bytes + window.aggregate.bytes }
        return bytes
    }

    override func insert(_ entry: WindowEntry, key: Int32, watermark: Int64, _ fire: (Firing) -> Void) -> Bool {
        let window = windows.make(key, Window())
        let count = window.pointee.entries.count
        if count > 0, !WindowEntry.precedes(window.pointee.entries[count - 1], entry, bySource: false) {
            guard insertLate(entry, window, key, fire) else { return false }
        } else {
            append(entry, window, key, fire)
        }
        forget(window, watermark: watermark)
        windows.touch(key)
        return true
    }

    private func append(
        _ entry: WindowEntry, _ window: UnsafeMutablePointer<Window>, _ key: Int32, _ fire: (Firing) -> Void
    ) {
        window.pointee.entries.append(entry)
        let entries = window.pointee.entries
        let oldest = entry.time - plan.timespan
        var start = window.pointee.start
        window.pointee.aggregate.add(plan.kind, entries, from: start, at: entries.count - 1)
        while entries[start].time < oldest {
            window.pointee.aggregate.remove(plan.kind, entries, at: start, to: entries.count - 1)
            start += 1
        }
        window.pointee.start = start
        if plan.isDeferred { return }
        let value = window.pointee.aggregate.value(plan.kind, count: entries.count - start)
        guard plan.holds(value, key: key, at: entry.time) else { return }
        fireOnce(entries, from: start, at: entries.count - 1, value, fire)
    }

    /// An event that two of the rules match, or that has two values, fires once.
    private func fireOnce(
        _ entries: EntryBuffer, from start: Int, at i: Int, _ value: Double, _ fire: (Firing) -> Void
    ) {
        entries[i].isSettled = true
        entries[i].hasFired = true
        var j = i - 1
        while j >= 0, WindowEntry.isSameEvent(entries[j], entries[i]) {
            if entries[j].hasFired { return }
            j -= 1
        }
        j = i + 1
        while j < entries.count, WindowEntry.isSameEvent(entries[j], entries[i]) {
            if entries[j].hasFired { return }
            j += 1
        }
        fire(firing(entries, from: start, at: i, value))
    }

    private func insertLate(
        _ entry: WindowEntry, _ window: UnsafeMutablePointer<Window>, _ key: Int32, _ fire: (Firing) -> Void
    ) -> Bool {
        let entries = window.pointee.entries
        var place = entries.count
        while place > 0, !WindowEntry.precedes(entries[place - 1], entry, bySource: false) {
            place -= 1
            // The same event again: redelivered by the broker or sent twice.
            if WindowEntry.isSame(entries[place], entry) { return false }
        }
        window.pointee.entries.insert(entry, at: place)
        var aggregate = judge(
            window.pointee.entries, key, from: place, until: plan.isDeferred ? .min : .max, fire)
        swap(&window.pointee.aggregate, &aggregate.aggregate)
        aggregate.aggregate.free()
        window.pointee.start = aggregate.start
        return true
    }

    override func settle(key: Int32, watermark: Int64, _ fire: (Firing) -> Void) {
        guard let window = windows.find(key) else { return }
        let entries = window.pointee.entries
        // What is settled stands before what is not: only events after the watermark still come.
        var first = 0
        var end = entries.count
        while first < end {
            let middle = (first + end) / 2
            if entries[middle].isSettled { first = middle + 1 } else { end = middle }
        }
        guard first < entries.count, entries[first].time <= watermark else { return }
        var last = first
        while last + 1 < entries.count, entries[last + 1].time <= watermark { last += 1 }
        var judged = judge(entries, key, from: first, to: last, until: watermark, fire)
        judged.aggregate.free()
        windows.touch(key)
    }

    /// Goes through the windows of the entries from `place` on, up to entry `last`; those not settled and not later than
    /// `until` are judged. Returns the window of the last one.
    private func judge(
        _ entries: EntryBuffer, _ key: Int32, from place: Int, to last: Int? = nil, until: Int64,
        _ fire: (Firing) -> Void
    ) -> (start: Int, aggregate: Aggregate) {
        var aggregate = Aggregate()
        var start = firstEntry(entries, notBefore: entries[place].time - plan.timespan, upTo: place)
        // A count is where its window begins and ends, so a late event of a busy key need not go through all of it.
        if plan.kind != .count {
            for i in start..<place { aggregate.add(plan.kind, entries, from: start, at: i) }
        }
        for i in place...(last ?? entries.count - 1) {
            aggregate.add(plan.kind, entries, from: start, at: i)
            while entries[start].time < entries[i].time - plan.timespan {
                aggregate.remove(plan.kind, entries, at: start, to: i)
                start += 1
            }
            if entries[i].isSettled || entries[i].time > until { continue }
            let value = aggregate.value(plan.kind, count: i - start + 1)
            let holds = plan.holds(value, key: key, at: entries[i].time)
            if plan.isDeferred { entries[i].isSettled = true }
            if holds { fireOnce(entries, from: start, at: i, value, fire) }
        }
        return (start, aggregate)
    }

    private func firstEntry(_ entries: EntryBuffer, notBefore oldest: Int64, upTo place: Int) -> Int {
        var first = 0
        var end = place
        while first < end {
            let middle = (first + end) / 2
            if entries[middle].time < oldest { first = middle + 1 } else { end = middle }
        }
        return first
    }

    private func firing(_ entries: EntryBuffer, from start: Int, at i: Int, _ value: Double) -> Firing {
        var related: [EventID] = []
        for j in max(start, i - Firing.maximumRelated + 1)...i where related.last != entries[j].id {
            related.append(entries[j].id)
        }
        return Firing(
            time: entries[i].time, firstTime: entries[start].time, id: entries[i].id, value: value, related: related)
    }

    // MARK: Bounds

    /// Drops what no window to come can reach, and keeps the rest within bounds.
    private func forget(_ window: UnsafeMutablePointer<Window>, watermark: Int64) {
        let entries = window.pointee.entries
        var gone = 0
        let oldest = watermark - plan.timespan
        while gone < window.pointee.start, entries[gone].time < oldest { gone += 1 }
        if gone > 0 {
            window.pointee.entries.removeFirst(gone)
            window.pointee.start -= gone
        }
        if window.pointee.entries.count > max(window.pointee.trimAt, plan.trimAt) {
            trim(window, watermark: watermark)
            window.pointee.trimAt = window.pointee.entries.count * 3 / 2
        }
    }

    private func trim(_ window: UnsafeMutablePointer<Window>, watermark: Int64) {
        let entries = window.pointee.entries
        var fixed = 0
        while fixed < entries.count, entries[fixed].time < watermark { fixed += 1 }
        var keep = [Bool](repeating: true, count: entries.count)
        switch plan.kind {
        case .count:
            for i in 0..<max(0, fixed - plan.keep) { keep[i] = false }
        case .distinct:
            var seen: Set<UInt64> = []
            for i in stride(from: fixed - 1, through: 0, by: -1) {
                keep[i] = seen.count < plan.keep && seen.insert(entries[i].value).inserted
            }
        case .sum:
            var i = 0
            while i + 1 < fixed {
                var merged = entries[i + 1]
                merged.value = (entries[i].number + entries[i + 1].number).bitPattern
                entries[i + 1] = merged
                keep[i] = false
                i += 2
            }
        }
        let excess = keep.count { $0 } - Self.maximumEntries - plan.keep
        if excess > 0 {
            var dropped = 0
            for i in keep.indices where keep[i] && dropped < excess {
                keep[i] = false
                dropped += 1
            }
        }
        guard keep.contains(false) else { return }
        window.pointee.entries.filter { keep[$0] }
        window.pointee.start = 0
        rebuild(window)
    }

    private func rebuild(_ window: UnsafeMutablePointer<Window>) {
        let count = window.pointee.entries.count
        guard count > 0 else { return }
        let entries = window.pointee.entries
        var start = count - 1
        while start > 0, entries[start - 1].time >= entries[count - 1].time - plan.timespan { start -= 1 }
        window.pointee.aggregate.free()
        window.pointee.aggregate = Aggregate()
        for i in start..<count { window.pointee.aggregate.add(plan.kind, entries, from: start, at: i) }
        window.pointee.start = start
    }

    override func forget(watermark: Int64) {
        let oldest = watermark - plan.timespan
        windows.sweep { window in
            let entries = window.entries
            guard entries.count == 0 || entries[entries.count - 1].time < oldest else { return false }
            window.entries.free()
            window.aggregate.free()
            return true
        } _: {
            self.removedKeys.append(Array($0))
        }
    }

    // MARK: Storing

    override func takeChanges(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        takeRemoved(body)
        for key in windows.takeChanged() {
            guard let window = windows.find(key) else { continue }
            body(plan.keySpace.bytes(of: key), encode(window.pointee, texts))
        }
    }

    override func discardChanges() {
        super.discardChanges()
        _ = windows.takeChanged()
    }

    override func forEach(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        windows.forEach { key, window in body(plan.keySpace.bytes(of: key), encode(window, texts)) }
    }

    private func encode(_ window: Window, _ texts: LongEventIDs) -> [UInt8] {
        var writer = ByteWriter()
        let entries = window.entries
        writer.write(UInt32(entries.count))
        for i in 0..<entries.count { entries[i].write(&writer, texts) }
        return writer.bytes
    }

    override func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        var entries: [WindowEntry] = []
        let count: UInt32 = try reader.read()
        for _ in 0..<count { entries.append(try WindowEntry(&reader, &texts)) }
        let window = windows.make(key, Window())
        for entry in entries { window.pointee.entries.append(entry) }
        rebuild(window)
        return plan.isDeferred ? entries.lazy.filter { !$0.isSettled }.map(\.time) : []
    }
}
