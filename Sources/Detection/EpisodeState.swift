// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// One alert per episode: firings of one rule and group key that follow each other within `gap` are one.
///
/// An episode has the same id in whatever order its events come (within the lateness), and is announced with its first
/// known firing. The id is made of an anchor that no late event can change: the last firing of the episode before, or, when
/// none is remembered, the day (of the key's own phase) of the first firing. In the rare moment when a late event could
/// still change the anchor — a firing less than the lateness after the gap, or after the turn of that day — the
/// announcement waits until none can come.
final class EpisodeState {
    struct Episode {
        /// First and last firing, ms.
        var first: Int64
        var last: Int64
        /// Firings that may be an episode of their own; `.max` when there are none.
        var waitingFirst: Int64 = .max
        var waitingLast: Int64 = .min
        /// The episode before this one, `.min` when none is remembered.
        var before: Int64
    }

    enum Decision: Equatable {
        case announce(anchor: Anchor)
        case known
        /// Ask `settle` when the watermark has reached the firing's time.
        case wait
    }

    /// What tells the episodes of one key apart.
    enum Anchor: Equatable {
        case after(Int64)
        case day(Int64)

        var text: String {
            switch self {
            case .after(let time): "after \(time)"
            case .day(let number): "day \(number)"
            }
        }
    }

    static let day: Int64 = 86_400_000

    let stateID: UInt64
    let keySpace: KeySpace
    /// ms; at least the lateness.
    let gap: Int64
    private let lateness: Int64
    private var episodes: [Int32: Episode] = [:]
    private var changed: Set<Int32> = []
    private var removedKeys: [[UInt8]] = []
    private var nextSweep: Int64 = .min

    init(stateID: UInt64, keySpace: KeySpace, gap: Int64, lateness: Int64) {
        self.stateID = stateID
        self.keySpace = keySpace
        self.gap = max(gap, lateness)
        self.lateness = lateness
    }

    var count: Int { episodes.count }
    var bytes: Int { episodes.capacity * (MemoryLayout<Episode>.stride + 8) }

    /// Notes a firing. `newest` is the latest event time seen.
    func fire(key: Int32, at time: Int64, newest: Int64) -> Decision {
        guard var episode = episodes[key] else {
            keySpace.hold(key)
            episodes[key] = Episode(first: time, last: time, before: .min)
            changed.insert(key)
            if day(key, time) == day(key, min(time, newest - lateness)) { return .announce(anchor: .day(day(key, time))) }
            episodes[key] = Episode(first: time, last: .min, waitingFirst: time, waitingLast: time, before: .min)
            return .wait
        }
        defer {
            episodes[key] = episode
            changed.insert(key)
        }
        if episode.last == .min || time > episode.last + gap {
            if episode.last != .min, episode.waitingFirst == .max, newest - lateness > episode.last + gap {
                let before = episode.last
                episode = Episode(first: time, last: time, before: before)
                return .announce(anchor: .after(before))
            }
            let isFirst = episode.waitingFirst == .max
            episode.waitingFirst = min(episode.waitingFirst, time)
            episode.waitingLast = max(episode.waitingLast, time)
            return isFirst || time == episode.waitingFirst ? .wait : .known
        }
        episode.first = min(episode.first, time)
        episode.last = max(episode.last, time)
        return .known
    }

    /// Decides about the firings that waited, now that the watermark has reached `watermark`.
    func settle(key: Int32, watermark: Int64) -> Decision {
        guard var episode = episodes[key], episode.waitingFirst <= watermark else { return .known }
        let first = episode.waitingFirst
        let last = episode.waitingLast
        let before = episode.last
        changed.insert(key)
        if before != .min, first <= before + gap {
            episode.last = max(before, last)
            episode.waitingFirst = .max
            episode.waitingLast = .min
            episodes[key] = episode
            return .known
        }
        episodes[key] = Episode(first: first, last: last, before: before)
        return .announce(anchor: before == .min ? .day(day(key, first)) : .after(before))
    }

    /// Forgets episodes that are over for so long that their id cannot come again.
    func sweep(watermark: Int64) {
        guard watermark >= nextSweep else { return }
        nextSweep = watermark + max(60_000, gap / 4)
        let oldest = watermark - gap - Self.day
        for (key, episode) in episodes where episode.last < oldest && episode.waitingFirst == .max {
            removedKeys.append(Array(keySpace.bytes(of: key)))
            episodes[key] = nil
            changed.remove(key)
            keySpace.release(key)
        }
    }

    /// Days begin at another moment for each key, so that no moment makes all of them wait.
    private func day(_ key: Int32, _ time: Int64) -> Int64 {
        let phase = Int64(stableHash(keySpace.bytes(of: key)) % UInt64(Self.day))
        return (max(0, time) + phase) / Self.day
    }

    // MARK: Storing

    func takeChanges(_ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        for key in removedKeys { key.withUnsafeBytes { body($0, nil) } }
        removedKeys.removeAll(keepingCapacity: true)
        for key in changed.sorted() {
            guard let episode = episodes[key] else { continue }
            body(keySpace.bytes(of: key), encode(episode))
        }
        changed.removeAll(keepingCapacity: true)
    }

    func forEach(_ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        for (key, episode) in episodes { body(keySpace.bytes(of: key), encode(episode)) }
    }

    private func encode(_ episode: Episode) -> [UInt8] {
        var writer = ByteWriter()
        for time in [episode.first, episode.last, episode.waitingFirst, episode.waitingLast, episode.before] {
            writer.write(time)
        }
        return writer.bytes
    }

    /// Returns the time at which to settle it, if something waits.
    func restore(key: Int32, _ reader: inout ByteReader) throws(ByteReader.Damaged) -> Int64? {
        let episode = Episode(
            first: try reader.read(), last: try reader.read(), waitingFirst: try reader.read(),
            waitingLast: try reader.read(), before: try reader.read())
        if episodes.updateValue(episode, forKey: key) == nil { keySpace.hold(key) }
        return episode.waitingFirst == .max ? nil : episode.waitingFirst
    }
}

/// Since when a group key is known: for how long `first_seen` only learns.
final class LearningState {
    let stateID: UInt64
    let keySpace: KeySpace
    let learning: Int64
    private let history: Int64
    private var groups: [Int32: (first: Int64, last: Int64)] = [:]
    private var changed: Set<Int32> = []
    private var removedKeys: [[UInt8]] = []
    private var nextSweep: Int64 = .min

    init(stateID: UInt64, keySpace: KeySpace, learning: Int64, history: Int64) {
        self.stateID = stateID
        self.keySpace = keySpace
        self.learning = learning
        self.history = history
    }

    var count: Int { groups.count }
    var bytes: Int { groups.capacity * 32 }

    /// Whether the group has learned long enough by `time`.
    func hasLearned(key: Int32, at time: Int64) -> Bool {
        guard let known = groups[key] else {
            keySpace.hold(key)
            groups[key] = (time, time)
            changed.insert(key)
            return learning == 0
        }
        // The last use is only for expiry, so an hour's grain saves writing it with every event.
        if time < known.first || time > known.last + 3_600_000 {
            groups[key] = (min(time, known.first), max(time, known.last))
            changed.insert(key)
        }
        return time >= known.first + learning
    }

    func sweep(watermark: Int64) {
        guard watermark >= nextSweep else { return }
        nextSweep = watermark + max(60_000, history / 4)
        for (key, group) in groups where group.last < watermark - history - 3_600_000 {
            removedKeys.append(Array(keySpace.bytes(of: key)))
            groups[key] = nil
            changed.remove(key)
            keySpace.release(key)
        }
    }

    func takeChanges(_ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        for key in removedKeys { key.withUnsafeBytes { body($0, nil) } }
        removedKeys.removeAll(keepingCapacity: true)
        for key in changed.sorted() {
            guard let group = groups[key] else { continue }
            body(keySpace.bytes(of: key), encode(group))
        }
        changed.removeAll(keepingCapacity: true)
    }

    func forEach(_ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        for (key, group) in groups { body(keySpace.bytes(of: key), encode(group)) }
    }

    private func encode(_ group: (first: Int64, last: Int64)) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(group.first)
        writer.write(group.last)
        return writer.bytes
    }

    func restore(key: Int32, _ reader: inout ByteReader) throws(ByteReader.Damaged) {
        let group: (Int64, Int64) = (try reader.read(), try reader.read())
        if groups.updateValue(group, forKey: key) == nil { keySpace.hold(key) }
    }
}
