// SPDX-License-Identifier: Apache-2.0

package import AuditEvent
import Calendar
import Foundation
import HeapModule
import Sigma

/// The detection engine of one partition: windows, sequences, episodes, in event time. It reads no clock and does no I/O; the
/// same events give the same alerts, in whatever order they come within the lateness. For one thread.
package final class Engine {
    package struct Options: Sendable {
        /// How much earlier than the latest event one may be and still count, ms.
        package var lateness: Int64
        /// Whether firings that follow each other are one alert.
        package var suppresses: Bool
        /// Whether alerts are given their identity's risk and incident here; see `AlertRisks`.
        package var notesRisk: Bool
        /// Whether people have said of an alert, by its id, that it is nothing to worry about: then it adds nothing to the risk. The
        /// one thing that alerts depend on beside events.
        package var isDismissed: @Sendable (String) -> Bool

        package init(
            lateness: Int64 = 60_000, suppresses: Bool = true, notesRisk: Bool = true,
            isDismissed: @escaping @Sendable (String) -> Bool = { _ in false }
        ) {
            self.lateness = lateness
            self.suppresses = suppresses
            self.notesRisk = notesRisk
            self.isDismissed = isDismissed
        }
    }

    /// What waits for the watermark.
    struct Timer: Comparable {
        enum Subject: Int { case window, correlationEpisode, detectionEpisode }

        let due: Int64
        let subject: Subject
        let index: Int
        let key: Int32

        static func < (a: Timer, b: Timer) -> Bool {
            (a.due, a.subject.rawValue, a.index, a.key) < (b.due, b.subject.rawValue, b.index, b.key)
        }
    }

    /// By the bytes of the key: its number may be given to another before the change is stored.
    struct DraftKey: Hashable {
        let state: UInt64
        let key: [UInt8]

        init(_ episodes: EpisodeState, _ key: Int32) {
            state = episodes.stateID
            self.key = Array(episodes.keySpace.bytes(of: key))
        }

        init(state: UInt64, key: [UInt8]) {
            self.state = state
            self.key = key
        }
    }

    let plan: DetectorPlan
    /// The plan's; nothing counts references to it for every event.
    private let matcher: Unmanaged<RuleMatcher>
    let options: Options
    let spaces: [KeySpace]
    let correlations: [CorrelationState]
    let detections: [DetectionPlan]
    private let baselines: [BaselineState]
    /// The same; nothing counts references to them.
    let hotBaselines: UnsafeMutableBufferPointer<Unmanaged<BaselineState>>
    /// What all baselines of the engine go by.
    let bucketClock: BucketClock
    /// Per detection, what its matches go through.
    private let roles: UnsafeMutableBufferPointer<Role>
    let knownUses: [KnownUses]
    /// The same; nothing counts references to them.
    let hotUses: UnsafeMutableBufferPointer<Unmanaged<KnownUses>>
    private let hashes: SlotHashes
    let risks: RiskState
    /// What windows of the same keys share.
    private let logs: [EventLog]
    /// The same; nothing counts references to them.
    private let hotLogs: UnsafeMutableBufferPointer<Unmanaged<EventLog>>
    let tables: [Table]
    @exclusivity(unchecked) var timers = Heap<Timer>()
    /// Announcements that wait.
    var drafts: [DraftKey: Alert] = [:]
    var changedDrafts: Set<DraftKey> = []
    var texts: LongEventIDs
    let groupKey = GroupKey()
    @exclusivity(unchecked) var alerts: [Alert] = []
    /// Per alert of the next `takeAlerts`, which detection rule's match it arose at; -1 where time passed.
    package internal(set) var origins: [Int] = []
    @exclusivity(unchecked) var origin = -1

    /// The latest event time seen, ms; `.min` before the first event.
    @exclusivity(unchecked) package internal(set) var newest: Int64 = .min
    /// No event before this is taken any more.
    @exclusivity(unchecked) var watermark: Int64 = .min
    @exclusivity(unchecked) var nextSweep: Int64 = .min
    /// Per table, when it is to be swept next.
    let sweepDues: UnsafeMutableBufferPointer<Int64>
    /// When the first timer is due; `.max` without one.
    @exclusivity(unchecked) var nextDue: Int64 = .max
    /// The event at hand: its number, and its id once somebody asked.
    @exclusivity(unchecked) var event: UInt64 = 0
    /// That of the event that was looked at last.
    @exclusivity(unchecked) private var eventNumber: UInt64 = 0
    /// By place among the events that are looked at together.
    private let looked = UnsafeMutablePointer<Looked>.allocate(capacity: EventDecoder.kept)
    /// By place and rule that matches, its index; and by place and `hotUses`, what the event uses.
    private let matches: UnsafeMutablePointer<Int32>
    private let uses: UnsafeMutablePointer<UInt64?>
    @exclusivity(unchecked) var eventID = EventID.none
    @exclusivity(unchecked) var hasEventID = false
    let feeds: FeedTable

    /// How often, in event time, what is over is let go of, ms.
    package static let sweepInterval: Int64 = 60_000

    package init(plan: DetectorPlan, options: Options = .init()) {
        self.plan = plan
        matcher = .passUnretained(plan.matcher)
        self.options = options
        let build = EngineBuilder(plan: plan, options: options)
        spaces = build.spaces
        correlations = build.correlations.map { correlation in
            if !correlation.rule.kind.isTemporal { return CountState(plan: correlation) }
            return correlation.wait > 0 ? AbsenceState(plan: correlation) : SequenceState(plan: correlation)
        }
        detections = build.detections
        baselines = correlations.compactMap(\.plan.baseline)
        hotBaselines = EventDecoder.lasting(baselines.map { .passUnretained($0) })
        bucketClock = build.bucketClock
        let uses = detections.map { KnownUses(of: $0) }
        knownUses = uses.compactMap { $0 }
        hotUses = EventDecoder.lasting(knownUses.map { .passUnretained($0) })
        var use = -1
        roles = EventDecoder.lasting(
            zip(detections, uses).map { detection, uses in
                if uses != nil { use += 1 }
                return Role(detection, uses, use: use)
            })
        looked.initialize(repeating: Looked(), count: EventDecoder.kept)
        matches = .allocate(capacity: max(1, roles.count * EventDecoder.kept))
        matches.initialize(repeating: 0, count: max(1, roles.count * EventDecoder.kept))
        self.uses = .allocate(capacity: max(1, knownUses.count * EventDecoder.kept))
        self.uses.initialize(repeating: nil, count: max(1, knownUses.count * EventDecoder.kept))
        hashes = SlotHashes(fields: plan.fieldCount, rows: EventDecoder.kept)
        risks = build.risks
        let (plans, places) = LogPlan.make(correlations, detections, lateness: options.lateness)
        logs = plans.map { EventLog(plan: $0) }
        hotLogs = EventDecoder.lasting(logs.map { .passUnretained($0) })
        let shared: [any StoredState] = logs + build.learnings + [risks]
        tables = Self.tables(correlations, detections) + shared.map { Table(state: $0) }
        let longest = plan.rules.correlations.map(\.timespan.milliseconds).max() ?? 0
        texts = LongEventIDs(horizon: longest + options.lateness)
        feeds = FeedTable(
            detections, correlations, hashes, places.map { [logs] place in place.map { (logs[$0.log], $0.channel) } })
        sweepDues = EventDecoder.lasting(tables.map { _ in .min })
    }

    deinit {
        looked.deallocate()
        matches.deallocate()
        uses.deallocate()
        roles.deallocate()
        hotUses.deallocate()
        hotLogs.deallocate()
        hotBaselines.deallocate()
        sweepDues.deallocate()
    }

    // MARK: Events

    /// Takes one event of the plan's decoder. Alerts go to `takeAlerts`.
    ///
    /// - Throws: `EventError.late` when it came later than the lateness allows; it changed nothing.
    package func process(_ view: EventView) throws(EventError) {
        look(view, at: 0)
        try take(view, at: 0)
    }

    /// Takes several events of the plan's decoder, one after the other, as `process` does. That is faster: what an event is
    /// counted in lies all over the memory, and is fetched while others are looked at.
    ///
    /// - Parameters:
    ///   - views: at most `EventDecoder.kept`.
    ///   - body: is called after each event with its place among them; with the error for one that came too late.
    package func process(_ views: UnsafeBufferPointer<EventView>, _ body: (Int, EventError?) -> Void) {
        if views.count > EventDecoder.kept {
            // No decoder gives so many; each still has a place of its own.
            for place in views.indices {
                process(UnsafeBufferPointer(rebasing: views[place..<(place + 1)])) { body(place, $1) }
            }
            return
        }
        for place in views.indices { look(views[place], at: place) }
        for place in views.indices {
            // The events are looked at in steps, each of which needs what the one before has fetched.
            let next = place &+ 2
            if next < views.count, let hash = looked[next].key { feeds.approachEntries(hash) }
            do throws(EventError) {
                try take(views[place], at: place)
                body(place, nil)
            } catch {
                body(place, error)
            }
        }
    }

    /// What is known of an event before it is counted.
    private struct Looked {
        /// Its number.
        var event: UInt64 = 0
        /// The hash of its key (`FeedTable.approach`).
        var key: UInt64?
        /// How many rules it matches.
        var rules = 0
    }

    /// Matches an event, which changes nothing, and fetches what it will be counted in.
    private func look(_ view: EventView, at place: Int) {
        eventNumber &+= 1
        hashes.begin(place)
        let key = feeds.approach(view, event: eventNumber)
        let rules = matcher._withUnsafeGuaranteedRef { $0.matches(of: view) }
        var matched = matches + place &* roles.count
        let used = uses + place &* hotUses.count
        for rule in rules {
            matched.pointee = rule
            matched += 1
            let role = roles.baseAddress.unsafelyUnwrapped + Int(rule)
            guard let uses = role.pointee.uses else { continue }
            uses._withUnsafeGuaranteedRef {
                let use = $0.hash(view, hashes, eventNumber)
                used[role.pointee.use] = use
                if let use { $0.approach(use) }
            }
        }
        if let key { feeds.approachCells(key) }
        looked[place] = Looked(event: eventNumber, key: key, rules: rules.count)
    }

    /// Counts an event that was looked at.
    private func take(_ view: EventView, at place: Int) throws(EventError) {
        if view.time < watermark { throw .late(milliseconds: watermark - view.time) }
        observe(time: view.time)
        let looked = looked[place]
        event = looked.event
        hasEventID = false
        if looked.rules == 0 { return }
        hashes.begin(place)
        if let key = looked.key { feeds.begin(key, event: event) }
        let rules = matches + place &* roles.count
        let uses = uses + place &* hotUses.count
        for index in 0..<looked.rules {
            origin = Int(rules[index])
            matched(origin, view, uses)
        }
        origin = -1
        for log in hotLogs { log._withUnsafeGuaranteedRef { $0.endEvent(watermark: watermark) } }
    }

    /// Moves event time on as an event of this time does, ms. For an engine that shares a stream with others: it sees the times
    /// of all events and takes its own, and so decides everything when one engine for all of them would.
    package func observe(time: Int64) {
        guard time > newest else { return }
        newest = time
        advance(to: time - options.lateness)
    }

    /// Alerts since the last call, in the order in which they arose.
    package func takeAlerts() -> [Alert] {
        if alerts.isEmpty { return [] }
        defer {
            alerts.removeAll(keepingCapacity: true)
            origins.removeAll(keepingCapacity: true)
        }
        return alerts
    }

    /// Whether `takeAlerts` has something.
    package var hasAlerts: Bool { !alerts.isEmpty }

    /// Decides everything that waits for later events, as if none came: at the end of the input.
    package func finish() {
        settle(until: .max)
    }

    /// Decides everything that waits for late events only, as if none came: when a partition has been silent for longer
    /// than the lateness. Windows that are still open stay so.
    package func release() {
        settle(until: newest)
    }

    private func settle(until last: Int64) {
        while let due = timers.min?.due, due <= last, let timer = timers.popMin() {
            nextDue = timers.min?.due ?? .max
            settle(timer)
        }
    }

    @inline(__always)
    private func matched(_ index: Int, _ view: EventView, _ used: UnsafePointer<UInt64?>) {
        let role = roles[index]
        if role.feedsRatios {
            feeds.forEachRatio(of: index) { feed in
                guard let key = feeds.key(feed.key, event: event, view) else { return }
                feed.state._withUnsafeGuaranteedRef {
                    $0.note(key: key, at: view.time, of: feed.isOf, to: feed.isTo, watermark: watermark)
                }
            }
        }
        guard role.isPlain else { return matchedFully(index, role, view, used) }
        counted(index, view, id(of: view))
    }

    private func matchedFully(_ index: Int, _ role: Role, _ view: EventView, _ used: UnsafePointer<UInt64?>) {
        var use: UInt64?
        if let uses = role.uses {
            use = used[role.use]
            if let use, uses._withUnsafeGuaranteedRef({ $0.takes(use, at: view.time) }) { return }
        }
        guard !role.hasCondition || holds(detections[index], view) else { return }
        let id = id(of: view)
        if let firstSeen = role.firstSeen {
            var keys: FeedTable.FirstSeenIDs?
            if let use {
                role.uses?._withUnsafeGuaranteedRef {
                    $0.release(use)
                    keys = $0.keys(use)
                }
            }
            var ids = keys ?? feeds.firstSeenIDs(of: index, event: event, view)
            let isKnown = isNew(firstSeen, index, view, id, &ids) { counted(index, view, id) }
            if isKnown, let use {
                role.uses?._withUnsafeGuaranteedRef { $0.note(use, ids, at: view.time) }
            }
            return
        }
        let detection = detections[index]
        counted(index, view, id)
        guard detection.raisesAlerts else { return }
        guard let episodes = detection.episodes else {
            emit(alert(detection.rule.metadata, view, id, anchor: nil, key: nil, in: nil))
            return
        }
        guard let key = key(detection.episodeFields, in: episodes.keySpace, view) else { return }
        switch episodes.fire(key: key, at: view.time, watermark: watermark) {
        case .known: return
        case .announce(let anchor):
            emit(alert(detection.rule.metadata, view, id, anchor: anchor, key: key, in: episodes.keySpace))
        case .wait:
            draft(
                alert(detection.rule.metadata, view, id, anchor: nil, key: key, in: episodes.keySpace), episodes, key,
                Timer(due: view.time, subject: .detectionEpisode, index: index, key: key))
        }
    }

    /// Whether the past of the event's group has the share that the rule asks, and no calendar covers it.
    private func holds(_ detection: DetectionPlan, _ view: EventView) -> Bool {
        if let (ratio, keyFields) = detection.ratio {
            guard let key = key(keyFields, in: ratio.keySpace, view) else { return false }
            guard ratio.holds(key: key, at: view.time) else {
                ratio.keySpace.dropIfUnheld(key)
                return false
            }
        }
        return detection.calendar?.contains(view.time) != true
    }

    private func id(of view: EventView) -> EventID {
        if hasEventID { return eventID }
        eventID = EventID(view.uid)
        hasEventID = true
        if eventID.kind == .hashed { texts.remember(eventID, view.uid, at: view.time) }
        return eventID
    }

    private func counted(_ detection: Int, _ view: EventView, _ id: EventID) {
        feeds.forEach(of: detection) { feed in
            guard let key = feeds.key(feed.pointee.key, event: event, view) else { return }
            switch feed.pointee.kind {
            case .count: insert(feed, key, view, id, value: 0)
            case .sum, .mean, .order:
                let field = feed.pointee.valueField
                guard let number = field.index < 0 ? 1 : view.firstValue(view[field]).number else {
                    feeds.drop(key, of: feed)
                    return
                }
                insert(feed, key, view, id, value: Self.summand(number))
            case .distinct:
                var left = Self.maximumTuples
                insertTuples(feed, key, view, id, from: feed.pointee.valuesFrom, hash: 0, &left)
                if left == Self.maximumTuples { feeds.drop(key, of: feed) }
            }
        }
    }

    /// The most different tuples of one event that a distinct count takes.
    private static let maximumTuples = 1024

    /// Inserts each tuple of a feed's fields from `index` on: of a field with several values, each one. None where one is
    /// missing.
    private func insertTuples(
        _ feed: UnsafePointer<FeedTable.Feed>, _ key: Int32, _ view: EventView, _ id: EventID, from index: Int,
        hash: UInt64,
        _ left: inout Int
    ) {
        _ = view.anyValue(view[feeds.field(index)]) { value in
            guard left > 0, let hash = value.withText({ stableHash($0, seed: hash) }) else { return false }
            if index + 1 < feed.pointee.valuesTo {
                insertTuples(feed, key, view, id, from: index + 1, hash: hash, &left)
            } else {
                left -= 1
                insert(feed, key, view, id, value: hash)
            }
            return false
        }
    }

    private func insert(
        _ feed: UnsafePointer<FeedTable.Feed>, _ key: Int32, _ view: EventView, _ id: EventID, value: UInt64
    ) {
        let entry = WindowEntry(time: view.time, source: feed.pointee.source, id: id, value: value)
        let isNew =
            if let log = feed.pointee.log {
                log._withUnsafeGuaranteedRef {
                    $0.insert(
                        entry, event: event, channel: feed.pointee.channel, key: key, watermark: watermark
                    ) {
                        join(feed, key, view)
                    } _: {
                        fired($0, key, $1, view)
                    }
                }
            } else {
                feed.pointee.state._withUnsafeGuaranteedRef {
                    join(feed, key, view)
                    return $0.insert(entry, key: key, watermark: watermark) {
                        fired(feed.pointee.correlation, key, $0, view)
                    }
                }
            }
        guard isNew else { return }
        feeds.forEachBaseline(of: feed) { baseline in
            let group = baseline.peerKey < 0 ? nil : feeds.key(baseline.peerKey, event: event, view)
            baseline.state._withUnsafeGuaranteedRef {
                $0.note(key: key, at: view.time, amount: entry.number, group: group ?? -1)
            }
        }
        if feed.pointee.isDeferred {
            feed.pointee.state._withUnsafeGuaranteedRef { wait($0, entry, feed.pointee.correlation, key) }
        }
    }

    /// Tells the baselines which peer group the event names, before it is judged.
    private func join(_ feed: UnsafePointer<FeedTable.Feed>, _ key: Int32, _ view: EventView) {
        feeds.forEachBaseline(of: feed) { baseline in
            guard baseline.peerKey >= 0, let group = feeds.key(baseline.peerKey, event: event, view) else {
                return
            }
            baseline.state._withUnsafeGuaranteedRef { $0.join(key: key, group: group) }
        }
    }

    /// Sets the timer of a window when its first event that waits is this one.
    func wait(_ state: CorrelationState, _ entry: WindowEntry, _ correlation: Int, _ key: Int32) {
        guard let due = state.due(key: key), due == entry.time + state.plan.wait else { return }
        schedule(Timer(due: due, subject: .window, index: correlation, key: key))
    }

    /// A number as a sum can take it; never infinite.
    static func summand(_ number: Double) -> UInt64 {
        min(max(number, -Aggregate.maximumNumber), Aggregate.maximumNumber).bitPattern
    }
}
