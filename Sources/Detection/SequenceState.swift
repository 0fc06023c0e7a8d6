// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma

/// The windows of `temporal` and `temporal_ordered`.
///
/// Of events older than the watermark only what can still matter is kept: per rule its last event (`temporal`), or the
/// chain that started last and got as far as this rule (`temporal_ordered`). So a key's state is bounded by the number of
/// rules and the events within the lateness, whatever the timespan.
final class SequenceState: CorrelationState {
    /// How far the rules have got.
    private struct Progress {
        /// Per stage: when its last event was (`temporal`), or when the latest chain that reaches it began. `.min`: never.
        var times: [Int64]
        /// Per stage the events of that chain, one per stage up to it; for `temporal` only its last event.
        var chains: [[EventID]]
    }

    private struct Window {
        /// What the entries before the watermark left.
        var base: Progress
        /// That and all entries.
        var current: Progress
        var entries = EntryBuffer()
        var lastTime: Int64 = .min
    }

    /// Entries older than the watermark are folded into `base` once there are so many.
    private static let foldAt = 32

    @exclusivity(unchecked) private var windows: CellMap<Window>
    private let stages: Int
    /// What windows begin with; its arrays are shared by all that got no further.
    private let nothing: Progress

    override init(plan: CorrelationPlan) {
        windows = CellMap(keySpace: plan.keySpace)
        stages = plan.rule.references.count
        nothing = Progress(
            times: [Int64](repeating: .min, count: stages), chains: [[EventID]](repeating: [], count: stages))
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
            for progress in [window.base, window.current] {
                bytes += 64 + progress.times.count * 8
                for chain in progress.chains where !chain.isEmpty {
                    bytes += 32 + chain.count * MemoryLayout<EventID>.stride
                }
            }
        }
        return bytes
    }

    override func insert(_ entry: WindowEntry, key: Int32, watermark: Int64, _ fire: (Firing) -> Void) -> Bool {
        let window = windows.make(key, makeWindow())
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
            advance(&window.pointee.current, entry)
            judge(window, at: count, window.pointee.current, until: plan.isDeferred ? .min : .max, fire)
        } else {
            window.pointee.entries.insert(entry, at: place)
            replay(window, until: plan.isDeferred ? .min : .max, fire)
        }
        if window.pointee.entries.count > Self.foldAt { fold(window, watermark: watermark) }
        windows.touch(key)
        return true
    }

    override func settle(key: Int32, watermark: Int64, _ fire: (Firing) -> Void) {
        guard let window = windows.find(key) else { return }
        replay(window, until: watermark, fire)
        windows.touch(key)
    }

    private func makeWindow() -> Window { Window(base: nothing, current: nothing) }

    private func advance(_ progress: inout Progress, _ entry: WindowEntry) {
        let stage = entry.source
        guard stage < stages else { return }
        if plan.rule.kind == .temporal {
            progress.times[stage] = entry.time
            progress.chains[stage] = [entry.id]
        } else if stage == 0 {
            progress.times[0] = entry.time
            progress.chains[0] = [entry.id]
        } else if progress.times[stage - 1] != .min, progress.times[stage - 1] >= entry.time - plan.timespan,
            progress.times[stage - 1] >= progress.times[stage]
        {
            progress.times[stage] = progress.times[stage - 1]
            progress.chains[stage] = progress.chains[stage - 1] + [entry.id]
        }
    }

    private func replay(_ window: UnsafeMutablePointer<Window>, until: Int64, _ fire: (Firing) -> Void) {
        var progress = window.pointee.base
        for i in 0..<window.pointee.entries.count {
            advance(&progress, window.pointee.entries[i])
            judge(window, at: i, progress, until: until, fire)
        }
        window.pointee.current = progress
    }

    private func judge(
        _ window: UnsafeMutablePointer<Window>, at i: Int, _ progress: Progress, until: Int64, _ fire: (Firing) -> Void
    ) {
        let entry = window.pointee.entries[i]
        if entry.isSettled || entry.time > until { return }
        let oldest = entry.time - plan.timespan
        let reached = progress.times.indices.filter { progress.times[$0] != .min && progress.times[$0] >= oldest }
        let holds: Bool
        if !plan.rule.bounds.isEmpty {
            holds = plan.holds(Double(plan.rule.kind == .temporal ? reached.count : (reached.last ?? -1) + 1))
        } else if plan.rule.kind == .temporal {
            holds = reached.count == stages
        } else {
            holds = reached.last == stages - 1
        }
        if holds || plan.isDeferred { window.pointee.entries[i].isSettled = true }
        guard holds else { return }
        window.pointee.entries[i].hasFired = true
        if hasFiredElsewhere(window.pointee.entries, i) { return }
        var related: [EventID]
        let first: Int64
        if plan.rule.kind == .temporal, !reached.isEmpty {
            let order = reached.sorted { progress.times[$0] < progress.times[$1] }
            related = order.flatMap { progress.chains[$0] }
            first = progress.times[order[0]]
        } else if let last = reached.last {
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

    /// Whether the event of entry `i`, counted for another rule too, has fired there: it fires once.
    private func hasFiredElsewhere(_ entries: EntryBuffer, _ i: Int) -> Bool {
        func isIt(_ j: Int) -> Bool { entries[j].hasFired && WindowEntry.isSameEvent(entries[j], entries[i]) }
        var j = i - 1
        while j >= 0, entries[j].time == entries[i].time {
            if isIt(j) { return true }
            j -= 1
        }
        j = i + 1
        while j < entries.count, entries[j].time == entries[i].time {
            if isIt(j) { return true }
            j += 1
        }
        return false
    }

    private func fold(_ window: UnsafeMutablePointer<Window>, watermark: Int64) {
        let entries = window.pointee.entries
        var gone = 0
        while gone < entries.count, entries[gone].time < watermark {
            advance(&window.pointee.base, entries[gone])
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
        writer.write(window.lastTime)
        writer.write(UInt8(stages))
        for stage in 0..<stages {
            writer.write(window.base.times[stage])
            writer.write(UInt8(window.base.chains[stage].count))
            for id in window.base.chains[stage] { writer.write(id, texts) }
        }
        writer.write(UInt32(window.entries.count))
        for i in 0..<window.entries.count { window.entries[i].write(&writer, texts) }
        return writer.bytes
    }

    override func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        var base = makeWindow().base
        let lastTime: Int64 = try reader.read()
        guard try reader.read(UInt8.self) == UInt8(stages) else { throw ByteReader.Damaged() }
        for stage in 0..<stages {
            base.times[stage] = try reader.read()
            for _ in 0..<(try reader.read(UInt8.self)) { base.chains[stage].append(try reader.readID(&texts)) }
        }
        var entries: [WindowEntry] = []
        let count: UInt32 = try reader.read()
        for _ in 0..<count { entries.append(try WindowEntry(&reader, &texts)) }
        let window = windows.make(key, makeWindow())
        window.pointee.lastTime = lastTime
        window.pointee.base = base
        var progress = base
        for entry in entries {
            window.pointee.entries.append(entry)
            advance(&progress, entry)
        }
        window.pointee.current = progress
        return plan.isDeferred ? entries.lazy.filter { !$0.isSettled }.map(\.time) : []
    }
}
