// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import CPrefetch

/// The events that windows of the same group keys look back on, kept once for all of them while none of them is near its limit.
///
/// A window in which no more than half of its limit has been counted needs no state of its own. Per channel (events of the same
/// detection rules with the same value) it is known how much must come before any of its windows can have reached its limit:
/// nothing looks at the windows before. Then they are looked at; one in which there is more than half of the limit is given
/// its events (`CountState`) and is counted exactly from then on, event by event. So what fires is what would fire if each
/// window had kept its own events from the start.
///
/// The bound: at a look, u is what stands in all events since the watermark less the timespan. Every window that is judged
/// later, also again because of a late event, holds at most u and what comes after the look.
///
/// Bytes per key: 56, 2 a channel, and 22 to 70 an event; at most `maximumEvents` events, past which the windows keep their own.
final class EventLog: StoredState {
    private struct Cell {
        var entries = LogEntries()
        /// Windows that keep their own events, beside these here: bits by place in `windows`.
        var exact: UInt32 = 0
        /// Channels whose events are not kept here, because one of them does not fit.
        var own: UInt32 = 0
        /// The place of its row in `slacks`.
        var slack: Int32
    }

    /// A whole limit in units of `Cell.slack`.
    static let whole: Double = 32_768
    /// A key with more events is not shared any more.
    static let maximumEvents = 4096
    /// How many events a look at different values may cost for each that can come before the next look.
    private static let dearLook = 32

    let plan: LogPlan
    let stateID: UInt64
    let keySpace: KeySpace
    @exclusivity(unchecked) private var cells: CellMap<Cell>
    /// Per channel what may still come before its windows must be looked at, in `whole`ths of the nearest limit.
    @exclusivity(unchecked) private var slacks: RowSlab<UInt16>
    private let shapes = LogShapes()
    /// Where the windows of each channel begin in `Cell.exact`; one more at the end.
    private let firstBit: [Int]
    private let channels: UnsafeMutableBufferPointer<Hot>
    private let longest: Int64
    /// The shortest horizon of a channel, ms.
    private let shortest: Int64
    @exclusivity(unchecked) private var nextSweep: Int64 = .min
    var sweepDue: Int64 { nextSweep }
    /// The event at hand, while its channels are gathered: it mostly counts in several of one key, and is then written once.
    @exclusivity(unchecked) private var draft = Draft()
    /// The draft's value in each lane that it has.
    private let draftValues = UnsafeMutablePointer<UInt64>.allocate(capacity: LogEntries.lanes)

    private struct Draft {
        var event: UInt64 = 0
        var key: Int32 = -1
        var cell: UnsafeMutablePointer<Cell>?
        var time: Int64 = 0
        var id = EventID.none
        /// Where it belongs among the key's entries; -1 when it stands there already.
        var place = -1
        var channels: UInt32 = 0
        var lanes: UInt8 = 0
    }

    /// A channel as every event looks at it: no references to count.
    private struct Hot {
        let lane: Int
        let perEvent: Float
        let perUnit: Float
        let exactBits: UInt32
        let horizon: Int64
        /// The shortest timespan of its windows, ms.
        let shortest: Int64
    }

    init(plan: LogPlan) {
        self.plan = plan
        keySpace = plan.keySpace
        stateID = Detection.stateID(["log"] + plan.keySpace.fields)
        cells = CellMap(keySpace: plan.keySpace)
        slacks = RowSlab(width: plan.channels.count)
        longest = plan.channels.map(\.horizon).max() ?? 0
        shortest = plan.channels.map(\.horizon).min() ?? 0
        var firstBit = [0]
        for channel in plan.channels { firstBit.append(firstBit[firstBit.count - 1] + channel.windows.count) }
        self.firstBit = firstBit
        channels = EventDecoder.lasting(
            plan.channels.enumerated().map { index, channel in
                let (from, to) = (firstBit[index], firstBit[index + 1])
                return Hot(
                    lane: channel.lane, perEvent: channel.perEvent, perUnit: channel.perUnit,
                    exactBits: UInt32(truncatingIfNeeded: (1 << UInt64(to)) - (1 << UInt64(from))),
                    horizon: channel.horizon,
                    shortest: channel.windows.map { $0.state.plan.timespan }.min() ?? 0)
            })
    }

    deinit {
        cells.deallocate { $0.entries.free() }
        slacks.deallocate()
        shapes.deallocate()
        channels.deallocate()
        draftValues.deallocate()
    }

    var count: Int { cells.count }
    var bytes: Int {
        var bytes = cells.bytes + slacks.bytes + shapes.bytes
        cells.forEach { _, cell in bytes += cell.entries.bytes }
        return bytes
    }

    /// Without slack: the first event of a channel looks whether its windows have events of their own already.
    private func makeCell() -> Cell { Cell(slack: slacks.take(repeating: 0)) }

    // MARK: Events

    /// Says that an event of a key is about to be counted.
    @inline(__always)
    func approach(_ key: Int32) {
        cells.approach(key)
    }

    /// The same a step later.
    @inline(__always)
    func approachEntries(_ key: Int32) {
        guard let cell = cells.find(key) else { return }
        gw_prefetch(slacks[cell.pointee.slack])
        cell.pointee.entries.approach()
    }

    /// Counts an event in the windows of a channel. False when it is counted there already.
    ///
    /// - Parameters:
    ///   - event: its number, for the engine's lifetime; nothing is swept and the watermark stays until `endEvent`.
    ///   - prepare: is called before a window is judged; most events come to none.
    ///   - fire: is called with the correlation, as `CorrelationState.insert` does.
    @inline(__always)
    func insert(
        _ entry: WindowEntry, event: UInt64, channel: Int, key: Int32, watermark: Int64, prepare: () -> Void,
        _ fire: (Int, Firing) -> Void
    ) -> Bool {
        if draft.event != event || draft.key != key { begin(entry, event, key, watermark) }
        let cell = draft.cell.unsafelyUnwrapped
        let hot = channels.baseAddress.unsafelyUnwrapped + channel
        guard cell.pointee.own & 1 &<< UInt32(truncatingIfNeeded: channel) == 0 else {
            prepare()
            return insertExact(entry, channel, key, watermark, ~0, fire)
        }
        let lane = hot.pointee.lane
        var value: UInt64 = 0
        if lane >= 0 {
            value = entry.value
            if lane < LogEntries.numberLanes {
                let number = entry.number
                // Not NaN, not below zero, whole, and in 32 bits: nearly all.
                guard number >= 0, number <= 4_294_967_295, case let whole = UInt32(number), Double(whole) == number
                else {
                    write(watermark)
                    leave(cell, channel, key, watermark)
                    // Its place may be another by now.
                    draft.place = -1
                    prepare()
                    return insertExact(entry, channel, key, watermark, ~0, fire)
                }
                value = UInt64(whole)
            }
        }
        let slack = slacks[cell.pointee.slack] + channel
        if !(lane >= LogEntries.numberLanes && slack.pointee > 0
            && cell.pointee.entries.endsWith(
                value, lane: lane, channel: channel, since: watermark - hot.pointee.shortest, shapes))
        {
            let taken = hot.pointee.perEvent + hot.pointee.perUnit * Float(value) + 1
            if taken >= Float(slack.pointee) {
                // Another value of the event counts there already.
                if draft.channels & 1 &<< UInt32(truncatingIfNeeded: channel) != 0 { write(watermark) }
                look(cell, channel, key, value, entry.value, watermark)
            } else {
                slack.pointee -= UInt16(taken)
            }
        }
        guard keep(entry, channel, lane, value, watermark) else { return false }
        let exact = cell.pointee.exact & hot.pointee.exactBits
        if exact == 0 { return true }
        prepare()
        // What they know is not always here: while a channel was on its own they alone kept its events.
        return insertExact(entry, channel, key, watermark, exact, fire)
    }

    /// Begins to gather an event's channels under a key.
    private func begin(_ entry: WindowEntry, _ event: UInt64, _ key: Int32, _ watermark: Int64) {
        write(watermark)
        let cell = cells.make(key, makeCell())
        // First, so that what is left lies close enough together for another.
        cell.pointee.entries.drop(before: watermark - longest, shapes)
        cells.touch(key)
        let id = entry.id
        draft = Draft(
            event: event, key: key, cell: cell, time: entry.time, id: id,
            place: cell.pointee.entries.place(of: id, at: entry.time, shapes) ?? -1)
    }

    /// Adds a channel to the event at hand, with its value in a lane (-1 without one). False when it is there already.
    @inline(__always)
    private func keep(_ entry: WindowEntry, _ channel: Int, _ lane: Int, _ value: UInt64, _ watermark: Int64) -> Bool {
        let channelBit = UInt32(1) &<< UInt32(truncatingIfNeeded: channel)
        let laneBit = lane < 0 ? 0 : UInt8(1) &<< UInt8(truncatingIfNeeded: lane)
        let hasLane = draft.lanes & laneBit != 0
        guard draft.place >= 0, draft.channels & channelBit == 0, !hasLane || draftValues[lane] == value else {
            return keepAgain(entry, channel, lane, value, watermark)
        }
        draft.channels |= channelBit
        if laneBit != 0 {
            draft.lanes |= laneBit
            draftValues[lane] = value
        }
        return true
    }

    /// The same for an event that stands among the entries already, or counts in one channel more than once.
    private func keepAgain(
        _ entry: WindowEntry, _ channel: Int, _ lane: Int, _ value: UInt64, _ watermark: Int64
    ) -> Bool {
        write(watermark)
        guard let cell = draft.cell, cell.pointee.own & 1 << UInt32(channel) == 0 else { return true }
        let isNew = cell.pointee.entries.keep(
            entry.id, at: entry.time, channel: channel, lane: lane, value, shapes)
        if Int(cell.pointee.entries.count) > Self.maximumEvents { leaveAll(cell, draft.key, watermark) }
        return isNew
    }

    /// Ends the event at hand.
    @inline(__always)
    func endEvent(watermark: Int64) {
        if draft.channels != 0 { write(watermark) }
        draft.event = 0
    }

    /// Puts what was gathered among the key's entries.
    private func write(_ watermark: Int64) {
        guard draft.channels != 0, let cell = draft.cell else { return }
        cell.pointee.entries.insert(
            draft.id, at: draft.time, channels: draft.channels, lanes: draft.lanes, draftValues, place: draft.place,
            shapes)
        draft.channels = 0
        draft.lanes = 0
        draft.place = -1
        if Int(cell.pointee.entries.count) > Self.maximumEvents { leaveAll(cell, draft.key, watermark) }
    }

    /// Counts an event in those windows of a channel that keep their own events. Returns whether it is new in one.
    private func insertExact(
        _ entry: WindowEntry, _ channel: Int, _ key: Int32, _ watermark: Int64, _ bits: UInt32,
        _ fire: (Int, Firing) -> Void
    ) -> Bool {
        var isNew = false
        var bit = firstBit[channel]
        for window in plan.channels[channel].windows {
            defer { bit += 1 }
            guard bits & 1 << UInt32(bit) != 0 else { continue }
            var entry = entry
            entry.value = window.value(entry.value)
            if window.state.insert(entry, key: key, watermark: watermark, { fire(window.correlation, $0) }) {
                isNew = true
            }
        }
        return isNew
    }

    // MARK: Looking at the windows

    /// Finds out how far the windows of a channel are from their limits, an event with this value included; gives those their
    /// events that are half way there.
    private func look(
        _ cell: UnsafeMutablePointer<Cell>, _ channel: Int, _ key: Int32, _ number: UInt64, _ hash: UInt64,
        _ watermark: Int64
    ) {
        var slack = Double(UInt16.max)
        var bit = firstBit[channel]
        for window in plan.channels[channel].windows {
            defer { bit += 1 }
            let mask = UInt32(1) << UInt32(bit)
            if cell.pointee.exact & mask != 0 { continue }
            if window.state.hasWindow(key) {
                cell.pointee.exact |= mask
                continue
            }
            let oldest = watermark - window.state.plan.timespan
            let counted =
                window.kind == .distinct
                ? different(cell.pointee.entries, channel, window, hash, oldest)
                : total(cell.pointee.entries, channel, window, number, oldest)
            if let counted, counted <= window.limit / 2 {
                slack = min(slack, (1 - counted / window.limit) * Self.whole)
            } else {
                open(cell, channel, window, key, watermark)
                cell.pointee.exact |= mask
            }
        }
        slacks[cell.pointee.slack][channel] = UInt16(slack)
    }

    /// What stands in the events since `oldest` and one more.
    private func total(
        _ entries: LogEntries, _ channel: Int, _ window: LogPlan.Window, _ number: UInt64, _ oldest: Int64
    ) -> Double {
        let isCount = window.kind == .ones
        let lane = plan.channels[channel].lane
        var total = isCount ? 1 : Double(number)
        walkBack(entries, channel, to: oldest) {
            total += isCount ? 1 : Double($0.value(lane))
            return total <= window.limit / 2
        }
        return total
    }

    /// How many different values the events since `oldest` and one more have; nil when that was dear to find out.
    private func different(
        _ entries: LogEntries, _ channel: Int, _ window: LogPlan.Window, _ hash: UInt64, _ oldest: Int64
    ) -> Double? {
        let lane = plan.channels[channel].lane
        let enough = Int(min(window.limit / 2, 64)) + 1
        var values = [hash]
        var looked = 0
        walkBack(entries, channel, to: oldest) {
            let value = $0.value(lane)
            looked += 1
            if !values.contains(value) { values.append(value) }
            return values.count < enough
        }
        if values.count >= enough || Double(looked) > Double(Self.dearLook) * (window.limit - Double(values.count)) {
            return nil
        }
        return Double(values.count)
    }

    private func walkBack(
        _ entries: LogEntries, _ channel: Int, to oldest: Int64, _ goesOn: (LogEntries.Entry) -> Bool
    ) {
        if entries.isEmpty { return }
        var at = entries.last(shapes)
        while entries.time(at) >= oldest {
            if at.bits & 1 << UInt32(channel) != 0, !goesOn(at) { return }
            if entries.isFirst(at) { return }
            at = entries.entry(before: at, shapes)
        }
    }

    /// Gives a window its events.
    private func open(
        _ cell: UnsafeMutablePointer<Cell>, _ channel: Int, _ window: LogPlan.Window, _ key: Int32, _ watermark: Int64
    ) {
        let (lane, oldest) = (plan.channels[channel].lane, watermark - plan.channels[channel].horizon)
        let entries = cell.pointee.entries
        var own: [WindowEntry] = []
        entries.forEach(shapes) { entry in
            guard entry.bits & 1 << UInt32(channel) != 0, entries.time(entry) >= oldest else { return }
            let value = lane < 0 ? 0 : entry.value(lane)
            own.append(window.entry(entry.id, at: entries.time(entry), lane: lane, value))
        }
        open(window, key, own)
    }

    /// The same with these, in whatever order.
    func open(_ window: LogPlan.Window, _ key: Int32, _ own: [WindowEntry]) {
        window.state.open(key: key, own.sorted { WindowEntry.precedes($0, $1, bySource: false) })
    }

    /// From now on the windows of a channel alone keep its events.
    private func leave(_ cell: UnsafeMutablePointer<Cell>, _ channel: Int, _ key: Int32, _ watermark: Int64) {
        for window in plan.channels[channel].windows where !window.state.hasWindow(key) {
            open(cell, channel, window, key, watermark)
        }
        cell.pointee.own |= 1 << UInt32(channel)
        cell.pointee.exact |= channels[channel].exactBits
        cell.pointee.entries.narrow(shapes) { $0.channels & ~(1 << UInt32(channel)) }
        cells.touch(key)
    }

    private func leaveAll(_ cell: UnsafeMutablePointer<Cell>, _ key: Int32, _ watermark: Int64) {
        for channel in channels.indices where cell.pointee.own & 1 << UInt32(channel) == 0 {
            leave(cell, channel, key, watermark)
        }
        cell.pointee.entries.free()
    }

    // MARK: Storing

    func discardChanges() {
        cells.discardChanges()
    }

    func takeChanged(
        _ encode: (LogEntries, LogShapes) -> [UInt8], _ body: (_ key: UnsafeRawBufferPointer, _ value: [UInt8]?) -> Void
    ) {
        cells.takeChanges({ encode($0.entries, shapes) }, body)
    }

    func forEachEntries(_ body: (Int32, LogEntries, LogShapes) -> Void) {
        cells.forEach { body($0, $1.entries, shapes) }
    }

    /// Gives a key its events.
    func put(key: Int32, _ make: (LogShapes) -> LogEntries) {
        let cell = cells.make(key, makeCell())
        cell.pointee.entries.free()
        cell.pointee.entries = make(shapes)
    }

    // MARK: Forgetting

    func sweep(watermark: Int64) {
        guard watermark >= nextSweep else { return }
        nextSweep = watermark + max(60_000, longest)
        var changed: [Int32] = []
        cells.sweep { key, cell in
            let before = cell.entries.count
            forget(&cell, key, watermark)
            guard cell.entries.isEmpty else {
                if cell.entries.count < before { changed.append(key) }
                return false
            }
            // What is left is what the windows know themselves.
            cell.entries.free()
            slacks.free(cell.slack)
            return true
        }
        for key in changed { cells.touch(key) }
        if cells.count == 0 { slacks.reset() }
    }

    /// Forgets what no window to come can reach, and which windows had events of their own that are gone by now.
    private func forget(_ cell: inout Cell, _ key: Int32, _ watermark: Int64) {
        let entries = cell.entries
        if let first = entries.first(shapes), entries.time(first) < watermark - shortest {
            cell.entries.filter(shapes) { entry in
                let age = watermark - entries.time(entry)
                if age <= shortest { return true }
                var bits = entry.channels
                while bits != 0 {
                    if age <= channels[bits.trailingZeroBitCount].horizon { return true }
                    bits &= bits &- 1
                }
                return false
            }
        }
        guard cell.exact != 0 else { return }
        for channel in channels.indices {
            var bit = firstBit[channel]
            for window in plan.channels[channel].windows {
                let mask = UInt32(1) << UInt32(bit)
                bit += 1
                guard cell.exact & mask != 0, !window.state.hasWindow(key) else { continue }
                cell.exact &= ~mask
                slacks[cell.slack][channel] = 0
            }
            if cell.exact & channels[channel].exactBits == 0 { cell.own &= ~(1 << UInt32(channel)) }
        }
    }
}

extension LogPlan.Window {
    /// An event with the value of a lane, -1 for none, as this window counts it.
    func entry(_ id: EventID, at time: Int64, lane: Int, _ value: UInt64) -> WindowEntry {
        let isNumber = lane >= 0 && lane < LogEntries.numberLanes
        return WindowEntry(
            time: time, source: 0, id: id, value: self.value(isNumber ? Double(value).bitPattern : value))
    }

    /// The value of an event as this window counts it.
    func value(_ value: UInt64) -> UInt64 {
        switch kind {
        case .ones: state.plan.kind == .count ? 0 : 1.0.bitPattern
        case .values, .distinct: value
        }
    }
}
