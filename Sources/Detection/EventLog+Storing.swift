// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// How a log's rows stand on disk: which channels and lanes the events have, by name, and the events as they lie in memory. So a
/// rule that is added or changed costs the others nothing.
extension EventLog {
    /// A channel of a stored row: where it stood, which of ours it is, and in which lane its values stand.
    private struct Moved {
        let id: UInt32
        let from: Int
        let to: Int?
        let lane: Int
    }

    func takeChanges(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        takeChanged({ encode($0, texts) }, body)
    }

    func forEach(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        forEachEntries { key, entries in body(keySpace.bytes(of: key), encode(entries, texts)) }
    }

    private func encode(_ entries: LogEntries, _ texts: LongEventIDs) -> [UInt8] {
        var used: UInt32 = 0
        var hashed: [EventID] = []
        entries.forEach { entry in
            used |= entry.channels
            if case let id = entry.id, id.kind == .hashed { hashed.append(id) }
        }
        var writer = ByteWriter()
        writer.write(used)
        for (index, channel) in plan.channels.enumerated() where used & 1 << UInt32(index) != 0 {
            writer.write(channel.id)
            writer.write(Int8(channel.lane))
        }
        writer.write(entries.base)
        writer.write(block: entries.bytes)
        for id in hashed { writer.write(text: texts.text(id)) }
        return writer.bytes
    }

    func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        let used: UInt32 = try reader.read()
        guard used & ~LogEntries.channelBits == 0 else { throw ByteReader.Damaged() }
        var moved: [Moved] = []
        for from in 0..<LogPlan.maximumChannels where used & 1 << UInt32(from) != 0 {
            let id: UInt32 = try reader.read()
            let lane = Int(try reader.read(Int8.self))
            guard (-1..<LogEntries.lanes).contains(lane) else { throw ByteReader.Damaged() }
            moved.append(Moved(id: id, from: from, to: plan.channels.firstIndex { $0.id == id }, lane: lane))
        }
        let base: Int64 = try reader.read()
        guard (0...Timestamp.maximum).contains(base) else { throw ByteReader.Damaged() }
        let stored = try reader.readBlock()
        var entries = LogEntries()
        guard stored.withUnsafeBytes({ entries.take($0, base: base, channels: used) }) else {
            entries.free()
            throw ByteReader.Damaged()
        }
        do throws(ByteReader.Damaged) {
            try checkLanes(entries, moved)
            var ids: [EventID] = []
            entries.forEach { entry in if entry.id.kind == .hashed { ids.append(entry.id) } }
            for id in ids { texts.remember(id, text: try reader.readText()) }
        } catch {
            entries.free()
            throw error
        }
        if moved.allSatisfy({ $0.from == $0.to && $0.lane == plan.channels[$0.from].lane }) {
            put(entries, key: key)
        } else {
            // The windows of a channel that is not shared any more; one that has a row of its own knows better.
            for channel in moved {
                for window in plan.others[channel.id] ?? []
                where !window.state.hasWindow(key) && (channel.lane < 0) == (window.kind == .ones)
                    && (channel.lane >= LogEntries.numberLanes) == (window.kind == .distinct)
                {
                    open(entries, channel.from, lane: channel.lane, window, key, since: .min)
                }
            }
            var mapped = LogEntries()
            entries.forEach { entry in
                for channel in moved where entry.bits & 1 << UInt32(channel.from) != 0 {
                    guard let to = channel.to else { continue }
                    let value = channel.lane < 0 ? 0 : entry.value(channel.lane)
                    mapped.keep(entry.id, at: entries.time(entry), channel: to, lane: plan.channels[to].lane, value)
                }
            }
            entries.free()
            put(mapped, key: key)
        }
        return []
    }

    /// Every event must have the value of each channel that it is counted in.
    private func checkLanes(
        _ entries: LogEntries, _ moved: [Moved]
    ) throws(ByteReader.Damaged) {
        var isWhole = true
        entries.forEach { entry in
            for channel in moved where entry.bits & 1 << UInt32(channel.from) != 0 && channel.lane >= 0 {
                if entry.lanes & 1 << UInt8(channel.lane) == 0 { isWhole = false }
            }
        }
        for channel in moved {
            guard let to = channel.to, case let lane = plan.channels[to].lane else { continue }
            if (lane < 0) != (channel.lane < 0)
                || (lane >= LogEntries.numberLanes) != (channel.lane >= LogEntries.numberLanes)
            {
                isWhole = false
            }
        }
        guard isWhole else { throw ByteReader.Damaged() }
    }
}
