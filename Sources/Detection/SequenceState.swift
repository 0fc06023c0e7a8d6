// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma

/// The windows of `temporal` and `temporal_ordered`, also with a condition over rules in which none must be absent.
///
/// Of events older than the watermark only what can still matter is kept: per rule its last event (`temporal`), or the
/// chain that started last and got as far as this rule (`temporal_ordered`; of a condition over rules, for each way in which
/// it can hold). So a key's state is bounded by the number of rules and the events within the lateness, whatever the timespan.
///
/// Bytes per key: 32 an event within the lateness (at least 32 events are kept), and 64 a stage; a chain 24 for each of its
/// events.
final class SequenceState: CorrelationState {
    /// One rule's place: in `temporal_ordered`, in one of the orders that are looked for.
    private struct Stage {
        let source: Int
        let isFirst: Bool
    }

    /// How far the rules have got.
    private struct Progress {
        /// Per stage: when its last event was (`temporal`), or when the latest chain that reaches it began. `.min`: never.
        var times: [Int64]
        /// Per stage the events of that chain, one per stage up to it; for `temporal` only its last event.
        var chains: [[EventID]]
    }

    /// What is known beside the entries.
    private final class Known {
        /// What the entries before the watermark left.
        var base: Progress
        /// That and all entries; nil while these are few, and it costs less to go through them again.
        var current: Progress?

        init(base: Progress) {
            self.base = base
        }
    }

    private struct Window {
        /// Most windows have few entries and nothing before them.
        var known: Known?
        var entries = EntryBuffer()
        var lastTime: Int64 = .min
    }

    private static let few = 4

    /// Entries older than the watermark are folded into `base` once there are so many.
    private static let foldAt = 32

    @exclusivity(unchecked) private var windows: CellMap<Window>
    private let stages: [Stage]
    /// With a condition over rules: the stages of each way in which it can hold.
    private let ways: [Range<Int>]
    /// With such a condition, for `temporal`: the rules of each way.
    private let sets: [[Int]]
    /// What windows begin with.
    private let nothing: Progress

    override init(plan: CorrelationPlan) {
        windows = CellMap(keySpace: plan.keySpace)
        let rules = Array(plan.rule.references.indices)
        sets = plan.rule.expression?.terms.map(\.present) ?? []
        var stages: [Stage] = []
        var ways: [Range<Int>] = []
        for order in plan.rule.kind == .temporalOrdered && !sets.isEmpty ? sets : [rules] {
            ways.append(stages.count..<(stages.count + order.count))
            stages += order.map { Stage(source: $0, isFirst: $0 == order.first) }
        }
        self.stages = stages
        self.ways = ways
        nothing = Progress(
            times: [Int64](repeating: .min, count: stages.count),
            chains: [[EventID]](repeating: [], count: stages.count))
        super.init(plan: plan)
    }

    deinit {
        windows.deallocate { $0.entries.free() }
    }

    override var count: Int { windows.count }
    override var bytes: Int {
        var bytes = windows.bytes
        windows.forEach { _, window in
            bytes += window.entries.bytes
            guard let known = window.known else { return }
            bytes += 48
            for progress in [known.base, known.current].compactMap({ $0 }) {
                bytes += 64 + progress.times.count * 8 + progress.chains.count * 8
                for chain in progress.chains where !chain.isEmpty {
                    bytes += 32 + chain.count * MemoryLayout<EventID>.stride
                }
            }
        }
        return bytes
    }

    override func insert(_ entry: WindowEntry, key: Int32, watermark: Int64, _ fire: (Firing) -> Void) -> Bool {
        let window = windows.make(key, Window())
        let entries = window.pointee.entries
        let count = entries.count
        var place = count
        while place > 0, !WindowEntry.precedes(entries[place - 1], entry, bySource: true) {
            place -= 1
            if WindowEntry.isSame(entries[place], entry) { return false }
        }
        window.pointee.lastTime = max(window.pointee.lastTime, entry.time)
        if place == count {
            window.pointee.entries.append(entry)
            if let known = window.pointee.known, known.current != nil {
                advance(&known.current, entry)
            } else if count >= Self.few {
                known(window).current = progress(of: window.pointee)
            }
            let current = window.pointee.known?.current ?? progress(of: window.pointee)
            judge(window, at: count, current, until: plan.isDeferred ? .min : .max, fire)
            if count < Self.few { window.pointee.known?.current = nil }
        } else {
            window.pointee.entries.insert(entry, at: place)
            replay(window, until: plan.isDeferred ? .min : .max, fire)
        }
        if window.pointee.entries.count > Self.foldAt { fold(window, watermark: watermark) }
        windows.touch(key)
        return true
    }

    override func settle(key: Int32, watermark: Int64, _ fire: (Firing) -> Void) -> Bool {
        guard let window = windows.find(key), let due = due(key: key), due <= watermark else { return false }
        replay(window, until: watermark, fire)
        windows.touch(key)
        return true
    }

    override func due(key: Int32) -> Int64? {
        guard let entries = windows.find(key)?.pointee.entries else { return nil }
        for i in 0..<entries.count where !entries[i].isSettled { return entries[i].time }
        return nil
    }

    private func known(_ window: UnsafeMutablePointer<Window>) -> Known {
        if let known = window.pointee.known { return known }
        let known = Known(base: nothing)
        window.pointee.known = known
        return known
    }

    private func progress(of window: Window) -> Progress {
        var progress = window.known?.base ?? nothing
        for i in 0..<window.entries.count { advance(&progress, window.entries[i]) }
        return progress
    }

    private func advance(_ progress: inout Progress?, _ entry: WindowEntry) {
        // Taken out, so that its arrays are not copied.
        guard var advanced = progress.take() else { return }
        advance(&advanced, entry)
        progress = advanced
    }

    private func advance(_ progress: inout Progress, _ entry: WindowEntry) {
        if plan.rule.kind == .temporal {
            guard entry.source < stages.count else { return }
            progress.times[entry.source] = entry.time
            progress.chains[entry.source] = [entry.id]
            return
        }
        for stage in stages.indices where stages[stage].source == entry.source { advance(&progress, stage, entry) }
    }

    private func advance(_ progress: inout Progress, _ stage: Int, _ entry: WindowEntry) {
        if stages[stage].isFirst {
            progress.times[stage] = entry.time
            progress.chains[stage] = [entry.id]
        } else if progress.times[stage - 1] != .min, progress.times[stage - 1] >= entry.time - plan.timespan,
            progress.times[stage - 1] >= progress.times[stage]
        {
            progress.times[stage] = progress.times[stage - 1]
            progress.chains[stage] = progress.chains[stage - 1] + [entry.id]
        }
    }

    private func replay(_ window: UnsafeMutablePointer<Window>, until: Int64, _ fire: (Firing) -> Void) {
        var progress = window.pointee.known?.base ?? nothing
        for i in 0..<window.pointee.entries.count {
            advance(&progress, window.pointee.entries[i])
            judge(window, at: i, progress, until: until, fire)
        }
        if window.pointee.entries.count > Self.few {
            known(window).current = progress
        } else {
            window.pointee.known?.current = nil
        }
    }

    private func judge(
        _ window: UnsafeMutablePointer<Window>, at i: Int, _ progress: Progress, until: Int64, _ fire: (Firing) -> Void
    ) {
        let entry = window.pointee.entries[i]
        if entry.isSettled || entry.time > until { return }
        let oldest = entry.time - plan.timespan
        let reached = progress.times.indices.filter { progress.times[$0] != .min && progress.times[$0] >= oldest }
        let isTemporal = plan.rule.kind == .temporal
        // What holds, as stages.
        var held: [Int]?
        if !plan.rule.bounds.isEmpty {
            if plan.holds(Double(isTemporal ? reached.count : (reached.last ?? -1) + 1)) { held = reached }
        } else if isTemporal {
            held =
                sets.isEmpty
                ? (reached.count == stages.count ? reached : nil) : sets.first { $0.allSatisfy(reached.contains) }
        } else {
            held = ways.first { reached.contains($0.upperBound - 1) }.map { [$0.upperBound - 1] }
        }
        let holds = held != nil
        if holds || plan.isDeferred { window.pointee.entries[i].isSettled = true }
        guard holds else { return }
        window.pointee.entries[i].hasFired = true
        if window.pointee.entries.hasFiredElsewhere(i) { return }
        var related: [EventID]
        let first: Int64
        if isTemporal, let held, !held.isEmpty {
            let order = held.sorted { progress.times[$0] < progress.times[$1] }
            related = order.flatMap { progress.chains[$0] }
            first = progress.times[order[0]]
        } else if let last = held?.last {
            related = progress.chains[last]
            first = progress.times[last]
        } else {
            related = []
            first = entry.time
        }
        related.removeAll { $0 == entry.id }
        related.append(entry.id)
        fire(
            Firing(
                time: entry.time, firstTime: first, id: entry.id, value: Double(reached.count),
                related: Array(related.suffix(Firing.maximumRelated))))
    }

    private func fold(_ window: UnsafeMutablePointer<Window>, watermark: Int64) {
        let entries = window.pointee.entries
        var gone = 0
        while gone < entries.count, entries[gone].time < watermark {
            advance(&known(window).base, entries[gone])
            gone += 1
        }
        window.pointee.entries.removeFirst(gone)
    }

    override func forget(watermark: Int64) {
        let oldest = watermark - plan.timespan
        windows.sweep { window in
            guard window.lastTime < oldest else { return false }
            window.entries.free()
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
        writer.write(window.lastTime)
        writer.write(UInt16(stages.count))
        let base = window.known?.base ?? nothing
        for stage in stages.indices {
            writer.write(base.times[stage])
            writer.write(UInt8(base.chains[stage].count))
            for id in base.chains[stage] { writer.write(id, texts) }
        }
        window.entries.write(&writer, texts)
        return writer.bytes
    }

    override func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        var base = nothing
        var isNothing = true
        let lastTime: Int64 = try reader.read()
        guard Int(try reader.read(UInt16.self)) == stages.count else { throw ByteReader.Damaged() }
        for stage in stages.indices {
            let (time, count): (Int64, UInt8) = (try reader.read(), try reader.read())
            if time == .min, count == 0 { continue }
            isNothing = false
            base.times[stage] = time
            for _ in 0..<count { base.chains[stage].append(try reader.readID(&texts)) }
        }
        let entries = try EntryBuffer.read(&reader, &texts)
        let window = windows.make(key, Window())
        window.pointee.lastTime = lastTime
        if !isNothing { window.pointee.known = Known(base: base) }
        for entry in entries { window.pointee.entries.append(entry) }
        if entries.count > Self.few { known(window).current = progress(of: window.pointee) }
        return plan.isDeferred ? due(key: key).map { [$0] } ?? [] : []
    }
}

extension EntryBuffer {
    /// Whether the event of entry `i`, counted for another rule too, has fired there: it fires once.
    func hasFiredElsewhere(_ i: Int) -> Bool {
        func isIt(_ j: Int) -> Bool { self[j].hasFired && WindowEntry.isSameEvent(self[j], self[i]) }
        var j = i - 1
        while j >= 0, self[j].time == self[i].time {
            if isIt(j) { return true }
            j -= 1
        }
        j = i + 1
        while j < count, self[j].time == self[i].time {
            if isIt(j) { return true }
            j += 1
        }
        return false
    }
}
