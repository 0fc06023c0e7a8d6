// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// One alert per episode: firings of one rule and group key that follow each other within `gap` are one.
///
/// An episode has the same id in whatever order its events come (within the lateness), and is announced with its first
/// known firing. The id is made of an anchor that no late event can change: the last firing of the episode before, or, when
/// that is longer ago than the gap and a day, or there was none, the day (of the key's own phase) of the first firing. In the
/// rare moment when a late event could still change the anchor — a firing less than the lateness after the gap, or after
/// the turn of that day — the announcement waits until none can come.
final class EpisodeState: StoredState {
    struct Episode {
        /// Last firing, ms; `.min` when none counts yet.
        var last: Int64 = .min
        /// Firings that may be an episode of their own; `.max` and `.min` when there are none.
        var waitingFirst: Int64 = .max
        var waitingLast: Int64 = .min
    }

    /// What nearly all episodes are: the last firing. Whatever waits stands beside it, for few keys at a time.
    private struct Cell {
        private var bits: Int64

        init(last: Int64, isWaiting: Bool) {
            // Before the year -146 million and after as many, times are as far away as these.
            bits = min(max(last, .min >> 1), .max >> 1) << 1 | (isWaiting ? 1 : 0)
        }

        var last: Int64 { bits >> 1 == .min >> 1 ? .min : bits >> 1 }
        var isWaiting: Bool { bits & 1 != 0 }
    }

    enum Decision: Equatable {
        case announce(anchor: Anchor)
        case known
        /// Ask `settle` when the watermark has passed the firing's time.
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
    /// ms; at least the lateness, so that firings which wait together are one episode.
    let gap: Int64
    @exclusivity(unchecked) private var episodes: CellMap<Cell>
    /// First and last firing that wait, by key.
    @exclusivity(unchecked) private var waiting: [Int32: (first: Int64, last: Int64)] = [:]
    private var nextSweep: Int64 = .min
    var sweepDue: Int64 { nextSweep }

    init(stateID: UInt64, keySpace: KeySpace, gap: Int64, lateness: Int64) {
        self.stateID = stateID
        self.keySpace = keySpace
        self.gap = max(gap, lateness)
        episodes = CellMap(keySpace: keySpace)
    }

    deinit {
        episodes.deallocate { _ in }
    }

    var count: Int { episodes.count }
    var bytes: Int { episodes.bytes + waiting.capacity * 24 }

    @inline(__always)
    private func episode(_ key: Int32, _ cell: Cell) -> Episode {
        guard cell.isWaiting, let firings = waiting[key] else { return Episode(last: cell.last) }
        return Episode(last: cell.last, waitingFirst: firings.first, waitingLast: firings.last)
    }

    private func set(_ episode: Episode, _ key: Int32, _ cell: UnsafeMutablePointer<Cell>) {
        let isWaiting = episode.waitingFirst != .max
        if isWaiting {
            waiting[key] = (episode.waitingFirst, episode.waitingLast)
        } else if cell.pointee.isWaiting {
            waiting[key] = nil
        }
        cell.pointee = Cell(last: episode.last, isWaiting: isWaiting)
    }

    /// Notes a firing. None before `watermark` comes any more. With `mustWait` the firing is not certain yet.
    func fire(key: Int32, at time: Int64, watermark: Int64, mustWait: Bool = false) -> Decision {
        let cell = episodes.make(key, Cell(last: .min, isWaiting: false))
        defer { episodes.touch(key) }
        var episode = episode(key, cell.pointee)
        if episode.last != .min, time <= episode.last + gap {
            episode.last = max(episode.last, time)
            set(episode, key, cell)
            return .known
        }
        if episode.waitingFirst != .max {
            let isEarliest = time <= episode.waitingFirst
            episode.waitingFirst = min(episode.waitingFirst, time)
            episode.waitingLast = max(episode.waitingLast, time)
            set(episode, key, cell)
            return isEarliest ? .wait : .known
        }
        let isOver = episode.last == .min || watermark > episode.last + gap
        let anchor = anchor(key, time, after: episode.last)
        if isOver, !mustWait, anchor == self.anchor(key, min(time, watermark), after: episode.last) {
            set(Episode(last: time), key, cell)
            return .announce(anchor: anchor)
        }
        episode.waitingFirst = time
        episode.waitingLast = time
        set(episode, key, cell)
        return .wait
    }

    /// Notes a later firing of an episode that is known to go on.
    func note(key: Int32, last: Int64) {
        guard let cell = episodes.find(key), last > cell.pointee.last else { return }
        cell.pointee = Cell(last: last, isWaiting: cell.pointee.isWaiting)
        episodes.touch(key)
    }

    /// Decides about the firings that waited, now that the watermark has passed `time`.
    func settle(key: Int32, at time: Int64) -> Decision {
        guard let cell = episodes.find(key), case let episode = episode(key, cell.pointee),
            episode.waitingFirst <= time
        else {
            return .known
        }
        let first = episode.waitingFirst
        episodes.touch(key)
        set(Episode(last: max(episode.last, episode.waitingLast)), key, cell)
        if episode.last != .min, first <= episode.last + gap { return .known }
        return .announce(anchor: anchor(key, first, after: episode.last))
    }

    /// Whether a decision about the key is open.
    func isWaiting(key: Int32) -> Bool { episodes.find(key)?.pointee.isWaiting ?? false }

    /// Forgets episodes that no anchor can name any more.
    func sweep(watermark: Int64) {
        guard watermark >= nextSweep else { return }
        // An episode is kept for that long; it is over by an eighth of it later at most.
        nextSweep = watermark + max(60_000, (gap + Self.day) / 8)
        let oldest = watermark - gap - Self.day
        episodes.sweep { $0.last < oldest && !$0.isWaiting }
    }

    /// Depends on the firings' times only, never on what a sweep has left.
    private func anchor(_ key: Int32, _ time: Int64, after last: Int64) -> Anchor {
        if last != .min, time <= last + gap + Self.day { return .after(last) }
        // Days begin at another moment for each key, so that no moment makes all of them wait.
        let phase = Int64(stableHash(keySpace.bytes(of: key)) % UInt64(Self.day))
        return .day((max(0, time) + phase) / Self.day)
    }

    // MARK: Storing

    func takeChanges(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        episodes.takeChanges({ encode(episode($0, $1)) }, body)
    }

    func discardChanges() {
        episodes.discardChanges()
    }

    func forEach(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        episodes.forEach { key, cell in body(keySpace.bytes(of: key), encode(episode(key, cell))) }
    }

    private func encode(_ episode: Episode) -> [UInt8] {
        var writer = ByteWriter()
        for time in [episode.last, episode.waitingFirst, episode.waitingLast] { writer.write(time) }
        return writer.bytes
    }

    func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        let episode = Episode(
            last: try reader.read(), waitingFirst: try reader.read(), waitingLast: try reader.read())
        set(episode, key, episodes.make(key, Cell(last: .min, isWaiting: false)))
        return episode.waitingFirst == .max ? [] : [episode.waitingFirst]
    }
}
