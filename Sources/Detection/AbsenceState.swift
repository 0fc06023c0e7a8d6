// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma

/// The windows of `temporal` and `temporal_ordered` whose condition says that a rule must not match: `a and b and not c`.
///
/// Each match of a rule that the condition names without `not` opens a window from there over the timespan, both ends
/// included. When no event can come into it any more, the condition is asked about what matched in it; in `temporal_ordered`
/// the rules without `not` must have matched in order, the first of them with the match that opened the window. It fires at
/// the end of the window.
///
/// Bytes per key: 32 a match that lies in an open window, 4 a rule, and 64. Of the matches of one rule within 1/64 of the
/// timespan the first 15 and the last are kept once they are older than the lateness, so at most 1,040 a rule: 33 kB. Of more,
/// only these open windows and are steps of an order; which rules matched in a window stays exact.
final class AbsenceState: CorrelationState {
    private struct Window {
        var entries = EntryBuffer()
        /// The first entry that waits, and the first one whose cell of time is not over.
        var next: Int32 = 0
        var thinned: Int32 = 0
        /// Grows with what thinning had to leave.
        var trimAt: Int32 = 64
        /// Which entries `counts` counts; -1: it is to be counted anew.
        var start: Int32 = 0
        var end: Int32 = -1
        /// Matches of each rule in the window at hand.
        let counts: UnsafeMutablePointer<Int32>
    }

    /// Into how many cells a timespan is divided, and how many matches of a rule one keeps.
    private static let cells: Int64 = 64
    private static let crowd = 16

    @exclusivity(unchecked) private var windows: CellMap<Window>
    private let rules: Int
    private let terms: [RuleExpression.Term]
    private let opens: [Bool]
    private let isOrdered: Bool
    private let cell: Int64

    override init(plan: CorrelationPlan) {
        windows = CellMap(keySpace: plan.keySpace)
        rules = plan.rule.references.count
        terms = plan.rule.expression?.terms ?? []
        let terms = terms
        opens = plan.rule.references.indices.map { rule in terms.contains { $0.present.contains(rule) } }
        isOrdered = plan.rule.kind == .temporalOrdered
        cell = max(1, plan.timespan / Self.cells)
        super.init(plan: plan)
    }

    deinit {
        windows.deallocate { window in
            window.entries.free()
            window.counts.deallocate()
        }
    }

    override var count: Int { windows.count }
    override var bytes: Int {
        var bytes = windows.bytes
        windows.forEach { _, window in bytes += window.entries.bytes + rules * 4 }
        return bytes
    }

    private func makeWindow() -> Window {
        let counts = UnsafeMutablePointer<Int32>.allocate(capacity: rules)
        counts.initialize(repeating: 0, count: rules)
        return Window(counts: counts)
    }

    override func insert(_ entry: WindowEntry, key: Int32, watermark: Int64, _ fire: (Firing) -> Void) -> Bool {
        let window = windows.make(key, makeWindow())
        let entries = window.pointee.entries
        var place = entries.count
        while place > 0, !WindowEntry.precedes(entries[place - 1], entry, bySource: true) {
            place -= 1
            if WindowEntry.isSame(entries[place], entry) { return false }
        }
        if place == entries.count {
            window.pointee.entries.append(entry)
        } else {
            window.pointee.entries.insert(entry, at: place)
            if place < window.pointee.end { window.pointee.end = -1 }
            if place < window.pointee.thinned { window.pointee.thinned = 0 }
        }
        if opens[entry.source] {
            window.pointee.next = min(window.pointee.next, Int32(place))
        } else if place < window.pointee.next {
            window.pointee.next += 1
        }
        skip(window)
        if window.pointee.entries.count > Int(window.pointee.trimAt) {
            trim(window, watermark: watermark)
            window.pointee.trimAt = Int32(max(64, window.pointee.entries.count * 3 / 2))
        }
        windows.touch(key)
        return true
    }

    /// Moves on to the next entry that waits.
    private func skip(_ window: UnsafeMutablePointer<Window>) {
        let entries = window.pointee.entries
        var next = Int(window.pointee.next)
        while next < entries.count, entries[next].isSettled || !opens[entries[next].source] { next += 1 }
        window.pointee.next = Int32(next)
    }

    override func settle(key: Int32, watermark: Int64, _ fire: (Firing) -> Void) -> Bool {
        guard let window = windows.find(key), let due = due(key: key), due <= watermark else { return false }
        thin(window, watermark: watermark)
        let entries = window.pointee.entries
        while case let next = Int(window.pointee.next), next < entries.count,
            entries[next].time + plan.timespan <= watermark
        {
            entries[next].isSettled = true
            judge(window, at: next, fire)
            skip(window)
        }
        windows.touch(key)
        return true
    }

    override func due(key: Int32) -> Int64? {
        guard let window = windows.find(key), Int(window.pointee.next) < window.pointee.entries.count else {
            return nil
        }
        return window.pointee.entries[Int(window.pointee.next)].time + plan.timespan
    }

    // MARK: Judging

    private func judge(_ window: UnsafeMutablePointer<Window>, at i: Int, _ fire: (Firing) -> Void) {
        let entries = window.pointee.entries
        count(window, at: i)
        let counts = window.pointee.counts
        for term in terms
        where term.present.allSatisfy({ counts[$0] > 0 }) && term.absent.allSatisfy({ counts[$0] == 0 }) {
            guard let steps = isOrdered ? chain(window, term.present, from: i) : first(window, term.present, i)
            else {
                continue
            }
            entries[i].hasFired = true
            if entries.hasFiredElsewhere(i) { return }
            var related: [EventID] = []
            for step in steps where !related.contains(entries[step].id) { related.append(entries[step].id) }
            fire(
                Firing(
                    time: entries[i].time + plan.timespan, firstTime: entries[i].time, id: entries[i].id,
                    value: Double(term.present.count), related: Array(related.prefix(Firing.maximumRelated))))
            return
        }
    }

    /// Makes the window at hand the one that entry `i` opened.
    private func count(_ window: UnsafeMutablePointer<Window>, at i: Int) {
        let entries = window.pointee.entries
        let counts = window.pointee.counts
        let time = entries[i].time
        if window.pointee.end < 0 {
            counts.update(repeating: 0, count: rules)
            var start = i
            while start > 0, entries[start - 1].time >= time { start -= 1 }
            window.pointee.start = Int32(start)
            window.pointee.end = Int32(start)
        }
        var start = Int(window.pointee.start)
        var end = Int(window.pointee.end)
        while end < entries.count, entries[end].time <= time + plan.timespan {
            counts[entries[end].source] += 1
            end += 1
        }
        while entries[start].time < time {
            counts[entries[start].source] -= 1
            start += 1
        }
        window.pointee.start = Int32(start)
        window.pointee.end = Int32(end)
    }

    /// Entry `opening`, and of each other rule the first match in the window at hand, in order of time.
    private func first(_ window: UnsafeMutablePointer<Window>, _ rules: [Int], _ opening: Int) -> [Int]? {
        let entries = window.pointee.entries
        var steps = [opening]
        var left = Set(rules)
        left.remove(entries[opening].source)
        var i = Int(window.pointee.start)
        while !left.isEmpty, i < Int(window.pointee.end) {
            if left.remove(entries[i].source) != nil { steps.append(i) }
            i += 1
        }
        return steps
    }

    /// The earliest matches of the rules, one after the other, from entry `i` on; nil where there are none.
    private func chain(_ window: UnsafeMutablePointer<Window>, _ rules: [Int], from i: Int) -> [Int]? {
        let entries = window.pointee.entries
        guard entries[i].source == rules[0] else { return nil }
        var steps = [i]
        var j = i + 1
        while steps.count < rules.count, j < Int(window.pointee.end) {
            if entries[j].source == rules[steps.count] { steps.append(j) }
            j += 1
        }
        return steps.count == rules.count ? steps : nil
    }

    // MARK: Bounds

    /// Drops what no window to come can reach, and thins out what is crowded.
    private func trim(_ window: UnsafeMutablePointer<Window>, watermark: Int64) {
        thin(window, watermark: watermark)
        let entries = window.pointee.entries
        let next = Int(window.pointee.next)
        // Whole cells, so that what `thin` leaves of one does not depend on when it is asked.
        let oldest = cellStart(cell, of: next < entries.count ? min(watermark, entries[next].time) : watermark)
        var gone = 0
        while gone < next, entries[gone].time < oldest { gone += 1 }
        guard gone > 0 else { return }
        window.pointee.entries.removeFirst(gone)
        window.pointee.next -= Int32(gone)
        window.pointee.thinned = max(0, window.pointee.thinned - Int32(gone))
        if window.pointee.end >= 0, Int(window.pointee.start) >= gone {
            window.pointee.start -= Int32(gone)
            window.pointee.end -= Int32(gone)
        } else {
            window.pointee.end = -1
        }
    }

    /// Of the matches of one rule in one cell keeps the first 15 and the last, those from `watermark` on aside. Depends on the
    /// events and the watermark only: thinned twice is thinned once.
    private func thin(_ window: UnsafeMutablePointer<Window>, watermark: Int64) {
        let entries = window.pointee.entries
        let first = Int(window.pointee.thinned)
        guard entries.count - first > Self.crowd else { return }
        var gone: [Int] = []
        var last = [Int](repeating: -1, count: rules)
        var kept = [Int](repeating: 0, count: rules)
        var cellEnd = Int64.min
        var i = first
        var open = first
        while i < entries.count, entries[i].time < watermark {
            if entries[i].time >= cellEnd {
                cellEnd = cellStart(cell, of: entries[i].time) + cell
                open = i
                for rule in 0..<rules { kept[rule] = 0 }
            }
            let rule = entries[i].source
            kept[rule] += 1
            if kept[rule] > Self.crowd { gone.append(last[rule]) }
            last[rule] = i
            i += 1
        }
        if cellEnd <= watermark { open = i }
        window.pointee.thinned = Int32(open)
        guard !gone.isEmpty else { return }
        let gones = Set(gone)
        func shifted(_ index: Int32) -> Int32 { index - Int32(gones.count { $0 < index }) }
        window.pointee.next = shifted(window.pointee.next)
        window.pointee.thinned = shifted(window.pointee.thinned)
        window.pointee.end = -1
        window.pointee.entries.filter { !gones.contains($0) }
        skip(window)
    }

    override func forget(watermark: Int64) {
        let oldest = watermark - plan.timespan
        windows.sweep { window in
            let entries = window.entries
            guard entries.count == 0 || entries[entries.count - 1].time < oldest else { return false }
            window.entries.free()
            window.counts.deallocate()
            return true
        }
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
        guard entries.allSatisfy({ $0.source < rules }) else { throw ByteReader.Damaged() }
        let window = windows.make(key, makeWindow())
        for entry in entries { window.pointee.entries.append(entry) }
        skip(window)
        return due(key: key).map { [$0] } ?? []
    }
}
