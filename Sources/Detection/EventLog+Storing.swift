// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// How a log's rows stand on disk: which channels and lanes the events have, by name, and the events (`StoredEntry`). So a
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
        takeChanged({ encode($0, $1, texts) }, body)
    }

    func forEach(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        forEachEntries { key, entries, shapes in body(keySpace.bytes(of: key), encode(entries, shapes, texts)) }
    }

    private func encode(_ entries: LogEntries, _ shapes: LogShapes, _ texts: LongEventIDs) -> [UInt8] {
        var used: UInt32 = 0
        var hashed: [EventID] = []
        entries.forEach(shapes) { entry in
            used |= entry.channels
            if case let id = entry.id, id.kind == .hashed { hashed.append(id) }
        }
        var writer = ByteWriter()
        writer.write(used)
        for (index, channel) in plan.channels.enumerated() where used & 1 << UInt32(index) != 0 {
            writer.write(channel.id)
            writer.write(Int8(channel.lane))
        }
        let base = entries.first(shapes).map { entries.time($0) } ?? 0
        writer.write(base)
        writer.write(block: StoredEntry.row(entries, base: base, shapes))
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
        let block = try reader.readBlock()
        let whole = block.withUnsafeBytes { stored in
            StoredEntry.isWhole(stored, channels: used) && hasLanes(stored, moved)
        }
        guard whole else { throw ByteReader.Damaged() }
        var ids: [EventID] = []
        block.withUnsafeBytes { StoredEntry.forEach($0) { if $0.id.kind == .hashed { ids.append($0.id) } } }
        for id in ids { texts.remember(id, text: try reader.readText()) }
        block.withUnsafeBytes { stored in
            if moved.allSatisfy({ $0.from == $0.to && $0.lane == plan.channels[$0.from].lane }) {
                put(key: key) { LogEntries(stored, base: base, $0) }
            } else {
                move(key, stored, base, moved)
            }
        }
        return []
    }

    /// Takes over the events of other channels or lanes.
    private func move(_ key: Int32, _ stored: UnsafeRawBufferPointer, _ base: Int64, _ moved: [Moved]) {
        // The windows of a channel that is not shared any more; one that has a row of its own knows better.
        for channel in moved {
            for window in plan.others[channel.id] ?? []
            where !window.state.hasWindow(key) && (channel.lane < 0) == (window.kind == .ones)
                && (channel.lane >= LogEntries.numberLanes) == (window.kind == .distinct)
            {
                var own: [WindowEntry] = []
                StoredEntry.forEach(stored) { entry in
                    guard entry.bits & 1 << UInt32(channel.from) != 0 else { return }
                    let value = channel.lane < 0 ? 0 : entry.value(channel.lane)
                    own.append(window.entry(entry.id, at: base + Int64(entry.offset), lane: channel.lane, value))
                }
                open(window, key, own)
            }
        }
        put(key: key) { shapes in
            var mapped = LogEntries()
            StoredEntry.forEach(stored) { entry in
                for channel in moved where entry.bits & 1 << UInt32(channel.from) != 0 {
                    guard let to = channel.to else { continue }
                    let value = channel.lane < 0 ? 0 : entry.value(channel.lane)
                    mapped.keep(
                        entry.id, at: base + Int64(entry.offset), channel: to, lane: plan.channels[to].lane, value,
                        shapes)
                }
            }
            return mapped
        }
    }

    /// Every event must have the value of each channel that it is counted in.
    private func hasLanes(_ stored: UnsafeRawBufferPointer, _ moved: [Moved]) -> Bool {
        var isWhole = true
        StoredEntry.forEach(stored) { entry in
            for channel in moved where entry.bits & 1 << UInt32(channel.from) != 0 && channel.lane >= 0 {
                if !entry.has(channel.lane) { isWhole = false }
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
        return isWhole
    }
}
