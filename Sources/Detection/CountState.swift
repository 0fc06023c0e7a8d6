// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma

/// The windows of `event_count`, `value_count`, `value_sum`, `value_avg`, `value_percentile` and `value_median`.
///
/// A window belongs to an event and reaches from it back over the timespan, both ends included. In order, an event costs
/// O(1) amortized, with a percentile O(log n). An event that comes late changes the windows of those after it; these are
/// judged again. A condition that a late event can undo is judged when the watermark has passed: then nothing is judged twice.
///
/// Bounds per key, 32 bytes an event beside 64 for the key:
/// - A count keeps limit + 2 events beside those within the lateness, a distinct count the last event of as many values, both
///   exactly; a distinct count of more than 16 also a table of 32 to 64 bytes a value.
/// - A sum is exact while there are at most `maximumSummed` events; past that, of the events older than the lateness those of
///   1/1024 of the timespan are merged, and the window begins where that part of its edge begins. Both depend on the events
///   only, not on their order. A count with a limit over `maximumExact` is a sum of ones.
/// - A mean and a percentile are of the newest `maximumSummed` events of the window; a percentile takes 32 to 64 bytes more
///   an event.
///
/// A value below zero takes away from a sum. One that comes late cannot take back what has fired: of `gt` and `gte` over
/// such values the order of arrival decides, unless the condition has an upper limit as well, which makes it wait.
final class CountState: CorrelationState {
    static let maximumSummed = 4096
    /// The largest limit for which counts keep every event that can decide.
    static let maximumExact = 1 << 18
    /// No key holds more events than this beside those that its limit needs; past it the oldest go, those of a sum merge.
    static let maximumEntries = 1 << 16
    /// Into how many cells of time a window's old events are merged.
    static let cells: Int64 = 1024

    private struct Window {
        var entries = EntryBuffer()
        /// The window at hand: from its first entry to before the next one to be judged.
        var start: Int32 = 0
        var next: Int32 = 0
        /// Grows with what a trim had to leave, so that trimming costs O(1) an event.
        var trimAt: Int32 = 0
        var aggregate: Aggregate
    }

    @exclusivity(unchecked) private var windows: CellMap<Window>
    /// The plan's, at hand: nothing counts references to the plan for every event.
    private let kind: Aggregate.Kind
    private let timespan: Int64
    private let isDeferred: Bool
    private let newest: Int
    private let cell: Int64
    private let trimAt: Int
    private let hotPlan: Unmanaged<CorrelationPlan>
    /// Below this the condition does not hold: most windows need no closer look.
    let least: Double
    /// No window's last entry was before this when last looked at, nor is any that was made since, ms.
    @exclusivity(unchecked) private var oldestLast: Int64 = .min

    override init(plan: CorrelationPlan) {
        kind = plan.kind
        timespan = plan.timespan
        isDeferred = plan.isDeferred
        newest = plan.newest
        cell = plan.cell
        trimAt = plan.trimAt
        hotPlan = .passUnretained(plan)
        least = plan.rule.bounds.reduce(-Double.infinity) {
            $1.comparison == .gte || $1.comparison == .gt ? max($0, $1.limit) : $0
        }
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
        let window = windows.make(key, Window(aggregate: Aggregate(kind)))
        let entries = window.pointee.entries
        var place = entries.count
        while place > 0, !WindowEntry.precedes(entries[place - 1], entry, bySource: false) {
            place -= 1
            // The same event again: redelivered by the broker or sent twice.
            if WindowEntry.isSame(entries[place], entry) { return false }
        }
        if entries.count == 0 { oldestLast = min(oldestLast, entry.time) }
        if place == entries.count {
            window.pointee.entries.append(entry)
        } else {
            window.pointee.entries.insert(entry, at: place)
        }
        if place < window.pointee.next { rewind(window, to: place) }
        if !isDeferred { advance(window, key, until: .max, fire) }
        forget(window, watermark: watermark)
        windows.touch(key)
        return true
    }

    /// Whether the key has a window.
    func hasWindow(_ key: Int32) -> Bool { windows.find(key) != nil }

    /// Makes the window of a key that has none, from events in order that are judged already.
    func open(key: Int32, _ entries: [WindowEntry]) {
        guard let last = entries.last else { return }
        let window = windows.make(key, Window(aggregate: Aggregate(kind)))
        for entry in entries { window.pointee.entries.append(entry) }
        oldestLast = min(oldestLast, last.time)
        rewind(window, to: entries.count)
        windows.touch(key)
    }

    override func settle(key: Int32, watermark: Int64, _ fire: (Firing) -> Void) -> Bool {
        guard let window = windows.find(key), advance(window, key, until: watermark, fire) else { return false }
        windows.touch(key)
        return true
    }

    override func due(key: Int32) -> Int64? {
        guard let window = windows.find(key), Int(window.pointee.next) < window.pointee.entries.count else {
            return nil
        }
        return window.pointee.entries[Int(window.pointee.next)].time
    }

    // MARK: The window at hand

    /// Moves the window on, entry by entry, and judges each. Returns whether there was one not later than `until`.
    @discardableResult
    private func advance(
        _ window: UnsafeMutablePointer<Window>, _ key: Int32, until: Int64, _ fire: (Firing) -> Void
    ) -> Bool {
        let entries = window.pointee.entries
        let aggregate = window.pointee.aggregate
        let first = Int(window.pointee.next)
        var i = first
        var start = Int(window.pointee.start)
        while i < entries.count, entries[i].time <= until {
            aggregate.add(entries, from: start, at: i)
            let oldest = entries[i].time - timespan
            while entries[start].time < oldest || i - start >= newest {
                aggregate.remove(entries, at: start, to: i)
                start += 1
            }
            if kind == .sum, case .sum(let sum) = aggregate, entries[sum.pointee.coarseStart].time < oldest {
                sum.pointee.moveCoarse(entries, to: cellStart(cell, of: oldest), last: i)
            }
            window.pointee.start = Int32(start)
            window.pointee.next = Int32(i + 1)
            if !entries[i].isSettled {
                if isDeferred { entries[i].isSettled = true }
                let value = value(aggregate, count: i - start + 1)
                if !(value < least), holds(value, key: key, at: entries[i].time) {
                    fireOnce(entries, from: start, at: i, value, fire)
                }
            }
            i += 1
        }
        return i > first
    }

    private func holds(_ value: Double, key: Int32, at time: Int64) -> Bool {
        hotPlan._withUnsafeGuaranteedRef { $0.holds(value, key: key, at: time) }
    }

    private func value(_ aggregate: Aggregate, count: Int) -> Double {
        switch aggregate {
        case .count: Double(count)
        case .sum(let sum):
            kind == .mean ? sum.pointee.mean(of: count) : sum.pointee.value(maximumExact: Self.maximumSummed)
        case .distinct(let values): Double(values.pointee.count)
        case .order(let tree): tree.pointee.percentile(plan.rule.percentile ?? 50)
        }
    }

    /// Makes the window one that has not seen entry `place` and those after it.
    private func rewind(_ window: UnsafeMutablePointer<Window>, to place: Int) {
        let entries = window.pointee.entries
        window.pointee.next = Int32(place)
        // The window of the entry before: one that comes late may yet stand between it and the next.
        let oldest = place > 0 ? entries[place - 1].time - timespan : 0
        let start = max(firstEntry(entries, notBefore: oldest, upTo: place), place - min(place, newest))
        window.pointee.start = Int32(start)
        // A count is where its window begins and ends, so a late event of a busy key need not go through all of it.
        if case .count = window.pointee.aggregate { return }
        window.pointee.aggregate.free()
        let aggregate = Aggregate(kind)
        window.pointee.aggregate = aggregate
        if kind == .sum, case .sum(let sum) = aggregate {
            let coarse = firstEntry(entries, notBefore: cellStart(cell, of: oldest), upTo: place)
            sum.pointee.coarseStart = coarse
            for i in start..<place { sum.pointee.addExact(entries[i]) }
            for i in coarse..<place { sum.pointee.addCoarse(entries[i]) }
        } else {
            for i in start..<place { aggregate.add(entries, from: start, at: i) }
        }
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

    private func firing(_ entries: EntryBuffer, from start: Int, at i: Int, _ value: Double) -> Firing {
        var related: [EventID] = []
        for j in max(start, i - Firing.maximumRelated + 1)...i
        where related.last != entries[j].id && entries[j].weight == 1 {
            related.append(entries[j].id)
        }
        return Firing(
            time: entries[i].time, firstTime: entries[start].time, id: entries[i].id, value: value, related: related)
    }

    // MARK: Bounds

    /// Drops what no window to come can reach, and keeps the rest within bounds.
    private func forget(_ window: UnsafeMutablePointer<Window>, watermark: Int64) {
        let entries = window.pointee.entries
        if entries.count > 0, entries[0].time < watermark - timespan { dropFirst(window, before: watermark - timespan) }
        if window.pointee.entries.count > max(Int(window.pointee.trimAt), trimAt) {
            trim(window, watermark: watermark)
            window.pointee.trimAt = Int32(window.pointee.entries.count * 3 / 2)
        }
    }

    /// Drops entries before a time; a sum keeps those of the cell in which it lies.
    private func dropFirst(_ window: UnsafeMutablePointer<Window>, before time: Int64) {
        let entries = window.pointee.entries
        var oldest = time
        var reached = Int(window.pointee.start)
        if kind == .sum, case .sum(let sum) = window.pointee.aggregate {
            reached = min(reached, sum.pointee.coarseStart)
            oldest = cellStart(cell, of: oldest)
        }
        var gone = 0
        while gone < reached, entries[gone].time < oldest { gone += 1 }
        if gone == 0 { return }
        window.pointee.entries.removeFirst(gone)
        window.pointee.start -= Int32(gone)
        window.pointee.next -= Int32(gone)
        if kind == .sum, case .sum(let sum) = window.pointee.aggregate { sum.pointee.coarseStart -= gone }
    }

    private func trim(_ window: UnsafeMutablePointer<Window>, watermark: Int64) {
        let entries = window.pointee.entries
        let next = Int(window.pointee.next)
        var fixed = 0
        while fixed < next, entries[fixed].time < watermark { fixed += 1 }
        let unjudged = entries.count - next
        if plan.kind == .sum {
            window.pointee.entries.merge(cell: plan.cell, before: fixed, keep: Self.maximumSummed)
            if window.pointee.entries.count > Self.maximumEntries + plan.keep {
                window.pointee.entries.merge(
                    cell: plan.cell, before: window.pointee.entries.count - unjudged, keep: Self.maximumSummed)
            }
            rewind(window, to: window.pointee.entries.count - unjudged)
            return
        }
        var keep = [Bool](repeating: true, count: entries.count)
        if plan.kind == .distinct {
            var seen: Set<UInt64> = []
            for i in stride(from: fixed - 1, through: 0, by: -1) {
                keep[i] = seen.count < plan.keep && seen.insert(entries[i].value).inserted
            }
        } else {
            for i in 0..<max(0, fixed - plan.keep) { keep[i] = false }
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
        let judged = keep[..<next].count { $0 }
        window.pointee.entries.filter { keep[$0] }
        rewind(window, to: judged)
    }

    override func forget(watermark: Int64) {
        let oldest = watermark - timespan
        guard oldestLast < oldest else { return }
        var oldestLeft = watermark
        windows.sweep { window in
            let entries = window.entries
            guard entries.count == 0 || entries[entries.count - 1].time < oldest else {
                oldestLeft = min(oldestLeft, entries[entries.count - 1].time)
                return false
            }
            window.entries.free()
            window.aggregate.free()
            return true
        }
        oldestLast = oldestLeft
    }

    // MARK: Storing

    override func takeChanges(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        windows.takeChanges({ encode($0, texts) }, body)
    }

    override func discardChanges() {
        windows.discardChanges()
    }

    override func forEach(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        windows.forEach { key, window in body(plan.keySpace.bytes(of: key), encode(window, texts)) }
    }

    private func encode(_ window: Window, _ texts: LongEventIDs) -> [UInt8] {
        var writer = ByteWriter()
        window.entries.write(&writer, texts)
        return writer.bytes
    }

    override func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        let entries = try EntryBuffer.read(&reader, &texts)
        let window = windows.make(key, Window(aggregate: Aggregate(kind)))
        oldestLast = .min
        // In place of what a log that no longer shares them has given it (`EventLog.restore`).
        window.pointee.entries.free()
        for entry in entries { window.pointee.entries.append(entry) }
        let unjudged = plan.isDeferred ? entries.firstIndex { !$0.isSettled } : nil
        rewind(window, to: unjudged ?? entries.count)
        return due(key: key).map { [$0] } ?? []
    }
}
