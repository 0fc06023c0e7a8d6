// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// Where the matches of detection rules go, and the group keys that an event can have, laid out flat: what every event looks at
/// counts no references. The states and key spaces that it points to must live as long as it does. For one thread.
final class FeedTable {
    /// Something that a detection rule's match is counted in.
    struct Feed {
        let correlation: Int
        let source: Int
        let kind: Aggregate.Kind
        /// `.none` where nothing but the event is counted.
        let valueField: SlotID
        /// The fields of a tuple that is counted: first and last + 1 of the table's.
        let valuesFrom: Int
        let valuesTo: Int
        /// Which of the event's keys this is: feeds with the same fields and key space share one per event.
        let key: Int
        let isDeferred: Bool
        let state: Unmanaged<CorrelationState>
        /// Where several windows share their events: then this feed is that of all of them.
        let log: Unmanaged<EventLog>?
        let channel: Int
        /// The baselines that learn what is counted: first and last + 1 of the table's.
        let baselinesFrom: Int
        let baselinesTo: Int
    }

    struct BaselineFeed {
        let state: Unmanaged<BaselineState>
        /// The key of the peer group; -1 without peers.
        let peerKey: Int
    }

    /// The event's keys for a rule with `first_seen`: of its group, of that with the value, of the peer group, and of that with
    /// the value; -1 for what the rule does not have.
    struct FirstSeenKeys {
        var group = -1
        var value = -1
        var members = -1
        var users = -1
    }

    /// The numbers of these keys for one event; -1 for one that it does not have.
    struct FirstSeenIDs {
        var group: Int32 = -1
        var value: Int32 = -1
        var members: Int32 = -1
        var users: Int32 = -1
        /// Where the group stood among the members and the users last (`FamiliarState.note`).
        var memberPlace: UInt8 = 0
        var userPlace: UInt8 = 0
    }

    /// A `ratio` in which a detection rule's match is counted.
    struct RatioFeed {
        let state: Unmanaged<RatioState>
        let key: Int
        let isOf: Bool
        let isTo: Bool
    }

    /// The key of the event at hand for a list of fields.
    private struct Key {
        let space: Unmanaged<KeySpace>
        /// First and last + 1 in `fields`.
        let from: Int
        let to: Int
        var event: UInt64 = 0
        /// -1: the event has none.
        var id: Int32 = -1
    }

    /// The key that most feeds have, -1 without feeds, and what is kept under it.
    private let approached: Int
    private let approachedLogs: UnsafeMutableBufferPointer<Unmanaged<EventLog>>
    private let approachedBaselines: UnsafeMutableBufferPointer<Unmanaged<BaselineState>>
    private let feeds: UnsafeMutableBufferPointer<Feed>
    /// Per detection rule, where its feeds begin; one more at the end.
    private let starts: UnsafeMutableBufferPointer<Int>
    private let ratioFeeds: UnsafeMutableBufferPointer<RatioFeed>
    /// Per detection rule, where its ratio feeds begin; one more at the end.
    private let ratioStarts: UnsafeMutableBufferPointer<Int>
    private let keys: UnsafeMutableBufferPointer<Key>
    private let fields: UnsafeMutableBufferPointer<SlotID>
    private let firstSeenKeys: UnsafeMutableBufferPointer<FirstSeenKeys>
    private let baselines: UnsafeMutableBufferPointer<BaselineFeed>
    private let buffer = GroupKey()
    private let hashes: Unmanaged<SlotHashes>

    /// - Parameters:
    ///   - hashes: must live as long as this.
    ///   - logs: per correlation, the log and the channel in which its events are kept; nil where it keeps them itself.
    init(
        _ detections: [DetectionPlan], _ correlations: [CorrelationState], _ hashes: SlotHashes,
        _ logs: [(log: EventLog, channel: Int)?]
    ) {
        var baselines: [BaselineFeed] = []
        var firstSeenKeys: [FirstSeenKeys] = []
        var feeds: [Feed] = []
        var starts = [0]
        var ratioFeeds: [RatioFeed] = []
        var ratioStarts = [0]
        var keys: [Key] = []
        var fields: [SlotID] = []
        func key(_ names: [SlotID], _ space: KeySpace) -> Int {
            let space = Unmanaged.passUnretained(space)
            let known = keys.firstIndex {
                $0.space.toOpaque() == space.toOpaque() && Array(fields[$0.from..<$0.to]) == names
            }
            if let known { return known }
            keys.append(Key(space: space, from: fields.count, to: fields.count + names.count))
            fields += names
            return keys.count - 1
        }
        for detection in detections {
            var channels: Set<[Int]> = []
            for feed in detection.feeds {
                let state = correlations[feed.correlation]
                let place = logs[feed.correlation]
                if let place {
                    // Its other windows come along.
                    guard channels.insert([ObjectIdentifier(place.log).hashValue, place.channel]).inserted else {
                        continue
                    }
                }
                let together = place.map { $0.log.plan.channels[$0.channel].windows.map(\.correlation) }
                let baselinesFrom = baselines.count
                for other in detection.feeds where (together ?? [feed.correlation]).contains(other.correlation) {
                    guard let baseline = correlations[other.correlation].plan.baseline else { continue }
                    baselines.append(
                        BaselineFeed(
                            state: .passUnretained(baseline),
                            peerKey: baseline.peers.map { key(other.peerFields, $0.keySpace) } ?? -1))
                }
                let valuesFrom = fields.count
                fields += feed.valueFields
                feeds.append(
                    Feed(
                        correlation: feed.correlation, source: feed.source,
                        kind: place != nil && state.plan.kind == .count ? .sum : state.plan.kind,
                        valueField: feed.valueFields.first ?? .none, valuesFrom: valuesFrom,
                        valuesTo: valuesFrom + feed.valueFields.count, key: key(feed.keyFields, state.keySpace),
                        isDeferred: state.plan.isDeferred, state: .passUnretained(state),
                        log: place.map { .passUnretained($0.log) }, channel: place?.channel ?? 0,
                        baselinesFrom: baselinesFrom, baselinesTo: baselines.count))
            }
            starts.append(feeds.count)
            for feed in detection.ratioFeeds {
                ratioFeeds.append(
                    RatioFeed(
                        state: .passUnretained(feed.state), key: key(feed.keyFields, feed.state.keySpace),
                        isOf: feed.isOf, isTo: feed.isTo))
            }
            ratioStarts.append(ratioFeeds.count)
            firstSeenKeys.append(
                detection.firstSeen.map {
                    FirstSeenKeys(
                        group: key($0.groupFields, $0.groups.keySpace), value: key($0.keyFields, $0.values.keySpace),
                        members: $0.peers.map { key($0.groupFields, $0.members.keySpace) } ?? -1,
                        users: $0.peers.map { key($0.valueFields, $0.users.keySpace) } ?? -1)
                } ?? FirstSeenKeys())
        }
        let counts = keys.indices.map { key in feeds.count { $0.key == key } }
        approached = counts.indices.max { counts[$0] < counts[$1] } ?? -1
        var approachedLogs: [Unmanaged<EventLog>] = []
        var approachedBaselines: [Unmanaged<BaselineState>] = []
        for feed in feeds where feed.key == approached {
            if let log = feed.log, !approachedLogs.contains(where: { $0.toOpaque() == log.toOpaque() }) {
                approachedLogs.append(log)
            }
            for baseline in baselines[feed.baselinesFrom..<feed.baselinesTo]
            where !approachedBaselines.contains(where: { $0.toOpaque() == baseline.state.toOpaque() }) {
                approachedBaselines.append(baseline.state)
            }
        }
        self.approachedLogs = EventDecoder.lasting(approachedLogs)
        self.approachedBaselines = EventDecoder.lasting(approachedBaselines)
        self.hashes = .passUnretained(hashes)
        self.baselines = EventDecoder.lasting(baselines)
        self.firstSeenKeys = EventDecoder.lasting(firstSeenKeys)
        self.ratioFeeds = EventDecoder.lasting(ratioFeeds)
        self.ratioStarts = EventDecoder.lasting(ratioStarts)
        self.feeds = EventDecoder.lasting(feeds)
        self.starts = EventDecoder.lasting(starts)
        self.keys = EventDecoder.lasting(keys)
        self.fields = EventDecoder.lasting(fields)
    }

    deinit {
        approachedLogs.deallocate()
        approachedBaselines.deallocate()
        feeds.deallocate()
        starts.deallocate()
        baselines.deallocate()
        firstSeenKeys.deallocate()
        ratioFeeds.deallocate()
        ratioStarts.deallocate()
        keys.deallocate()
        fields.deallocate()
    }

    /// Calls `body` with each feed of a detection rule.
    @inline(__always)
    func forEach(of detection: Int, _ body: (UnsafePointer<Feed>) -> Void) {
        guard let feeds = feeds.baseAddress else { return }
        var at = starts[detection]
        let end = starts[detection &+ 1]
        while at < end {
            body(UnsafePointer(feeds + at))
            at &+= 1
        }
    }

    /// One of the fields that `Feed.valuesFrom` and `valuesTo` name.
    @inline(__always)
    func field(_ index: Int) -> SlotID { fields[index] }

    /// The event's keys for a detection rule with `first_seen`. Nothing but the group is looked for in an event without a group.
    func firstSeenIDs(of detection: Int, event: UInt64, _ view: EventView) -> FirstSeenIDs {
        let keys = firstSeenKeys[detection]
        var ids = FirstSeenIDs()
        guard let group = key(keys.group, event: event, view) else { return ids }
        ids.group = group
        if keys.members >= 0, let members = key(keys.members, event: event, view) {
            ids.members = members
            ids.users = key(keys.users, event: event, view) ?? -1
        }
        ids.value = key(keys.value, event: event, view) ?? -1
        return ids
    }

    /// Calls `body` with each baseline of a feed.
    @inline(__always)
    func forEachBaseline(of feed: UnsafePointer<Feed>, _ body: (BaselineFeed) -> Void) {
        var at = feed.pointee.baselinesFrom
        let end = feed.pointee.baselinesTo
        while at < end {
            body(baselines[at])
            at &+= 1
        }
    }

    /// Calls `body` with each ratio feed of a detection rule.
    @inline(__always)
    func forEachRatio(of detection: Int, _ body: (RatioFeed) -> Void) {
        var at = ratioStarts[detection]
        let end = ratioStarts[detection &+ 1]
        while at < end {
            body(ratioFeeds[at])
            at &+= 1
        }
    }

    /// A key of the event at hand (`Feed.key`, `Feed.peerKey`), made once per event; nil when it belongs to no group.
    @inline(__always)
    func key(_ index: Int, event: UInt64, _ view: EventView) -> Int32? {
        if keys[index].event == event, case let id = keys[index].id { return id < 0 ? nil : id }
        return make(index, event, view)
    }

    /// The hash of the key under which an event is mostly counted, whose place in its key space is fetched; nil when it has none.
    @inline(__always)
    func approach(_ view: EventView, event: UInt64) -> UInt64? {
        guard approached >= 0, case let key = keys[approached] else { return nil }
        let names = UnsafeBufferPointer(rebasing: fields[key.from..<key.to])
        guard let hash = hashes._withUnsafeGuaranteedRef({ $0.hash(of: names, view, event) }) else { return nil }
        key.space._withUnsafeGuaranteedRef { $0.approach(hash) }
        return hash
    }

    /// Fetches what is kept under the key that has this hash.
    @inline(__always)
    func approachCells(_ hash: UInt64) {
        let id = keys[approached].space._withUnsafeGuaranteedRef { $0.known(hash) }
        if id < 0 { return }
        for log in approachedLogs { log._withUnsafeGuaranteedRef { $0.approach(id) } }
        for baseline in approachedBaselines { baseline._withUnsafeGuaranteedRef { $0.approach(id) } }
    }

    /// Begins with the event whose key has this hash, when the key is known: then nobody need look for it.
    @inline(__always)
    func begin(_ hash: UInt64, event: UInt64) {
        let key = keys.baseAddress.unsafelyUnwrapped + approached
        let id = key.pointee.space._withUnsafeGuaranteedRef { $0.known(hash) }
        if id < 0 { return }
        key.pointee.event = event
        key.pointee.id = id
    }

    /// The same a step later.
    @inline(__always)
    func approachEntries(_ hash: UInt64) {
        let id = keys[approached].space._withUnsafeGuaranteedRef { $0.known(hash) }
        if id < 0 { return }
        for log in approachedLogs { log._withUnsafeGuaranteedRef { $0.approachEntries(id) } }
    }

    @inline(never)
    private func make(_ index: Int, _ event: UInt64, _ view: EventView) -> Int32? {
        let key = keys[index]
        let names = UnsafeBufferPointer(rebasing: fields[key.from..<key.to])
        var id: Int32 = -1
        if let hash = hashes._withUnsafeGuaranteedRef({ $0.hash(of: names, view, event) }) {
            id = key.space._withUnsafeGuaranteedRef { $0.known(hash) }
            if id < 0 { id = write(key, hash, view) }
        }
        keys[index].event = event
        keys[index].id = id
        return id < 0 ? nil : id
    }

    private func write(_ key: Key, _ hash: UInt64, _ view: EventView) -> Int32 {
        buffer.clear()
        var isWhole = true
        for at in key.from..<key.to {
            let value = view.firstValue(view[fields[at]])
            guard buffer.add(value) else { return -1 }
            // A value that was cut has another hash in the event than in the key.
            if value.kind == .string, value.bytes.count > GroupKey.maximumValue { isWhole = false }
        }
        return key.space._withUnsafeGuaranteedRef { space in
            let id = buffer.withBytes { space.intern($0) }
            if isWhole { space.note(hash, id) }
            return id
        }
    }

    /// Lets go of a key that nothing was counted under.
    func drop(_ id: Int32, of feed: UnsafePointer<Feed>) {
        let space = keys[feed.pointee.key].space
        space._withUnsafeGuaranteedRef { $0.dropIfUnheld(id) }
        for index in keys.indices where keys[index].id == id && keys[index].space.toOpaque() == space.toOpaque() {
            keys[index].event = 0
        }
    }
}
