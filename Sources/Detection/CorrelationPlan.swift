// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar
import Crypto
import Sigma

/// A correlation rule prepared for one engine. A class, like the other plans, because the hot path only looks at it.
final class CorrelationPlan {
    /// A correlation over this one, and how to make its group key of ours.
    struct Parent {
        let correlation: Int
        let source: Int
        /// Per field of the parent's key, which of our group values.
        let keyValues: [Int]
        /// Which of our group values it counts or sums.
        let values: [Int]
    }

    let rule: CorrelationRule
    /// The titles of the rules that it refers to.
    let steps: [String]
    /// Names the state of this rule on disk: changes when the rule counts something else.
    let stateID: UInt64
    let keySpace: KeySpace
    let kind: Aggregate.Kind
    /// ms.
    let timespan: Int64
    /// Whether an event that comes late can undo that the condition held (`lt`, `lte`, `eq`, `neq`; a mean or a percentile
    /// of any limit; a rule that must not match): judged when none can.
    let isDeferred: Bool
    /// How long after its time an event is judged beside the lateness, ms: the timespan, where a rule must not match.
    let wait: Int64
    /// How many events older than the lateness can still decide.
    let keep: Int
    /// Windows with more entries are trimmed.
    let trimAt: Int
    /// How many events of a window are looked at, the newest ones; `.max` for all.
    let newest: Int
    /// The length of the cells in which old events of sums are merged, ms.
    let cell: Int64
    let raisesAlerts: Bool
    /// Nil: an alert at every event at which the condition holds.
    let episodes: EpisodeState?
    /// Per reference, as which source its matches are counted.
    let sources: [Int]
    let calendar: ICalendar?
    /// Nil: the condition alone decides.
    let baseline: BaselineState?
    var parents: [Parent] = []

    init(
        rule: CorrelationRule,
        steps: [String],
        stateID: UInt64,
        keySpace: KeySpace,
        kind: Aggregate.Kind,
        timespan: Int64,
        isDeferred: Bool,
        wait: Int64,
        keep: Int,
        trimAt: Int,
        raisesAlerts: Bool,
        episodes: EpisodeState?,
        sources: [Int],
        calendar: ICalendar?,
        baseline: BaselineState?
    ) {
        self.rule = rule
        self.baseline = baseline
        self.steps = steps
        self.stateID = stateID
        self.keySpace = keySpace
        self.kind = kind
        self.timespan = timespan
        self.isDeferred = isDeferred
        self.wait = wait
        self.keep = keep
        newest = kind == .mean || kind == .order ? CountState.maximumSummed : .max
        cell = max(1, timespan / CountState.cells)
        self.trimAt = trimAt
        self.raisesAlerts = raisesAlerts
        self.episodes = episodes
        self.sources = sources
        self.calendar = calendar
    }

    func holds(_ value: Double) -> Bool {
        for bound in rule.bounds where !bound.holds(value) { return false }
        return true
    }

    /// Whether a window's value keeps the condition and stands out from what is usual.
    func holds(_ value: Double, key: Int32, at time: Int64) -> Bool {
        guard holds(value) else { return false }
        return baseline?.judge(key: key, value: value, at: time).standsOut ?? true
    }
}

/// A detection rule prepared for one engine.
final class DetectionPlan {
    /// Something that a match is counted in; `FeedTable` is what the engine looks at.
    struct Feed {
        let correlation: Int
        let source: Int
        let keyFields: [SlotID]
        let valueFields: [SlotID]
        /// The fields that name the peer group; none without peers.
        let peerFields: [SlotID]
    }

    /// A class for the same reason.
    final class FirstSeen {
        let groupFields: [SlotID]
        let groups: LearningState
        let keyFields: [SlotID]
        let values: EpisodeState
        let peers: Peers?
        /// The same; nothing counts references to them for every event.
        let hotGroups: Unmanaged<LearningState>
        let hotValues: Unmanaged<EpisodeState>
        let hotPeers: Unmanaged<Peers>?

        init(
            groupFields: [SlotID], groups: LearningState, keyFields: [SlotID], values: EpisodeState, peers: Peers?
        ) {
            self.groupFields = groupFields
            self.groups = groups
            self.keyFields = keyFields
            self.values = values
            self.peers = peers
            hotGroups = .passUnretained(groups)
            hotValues = .passUnretained(values)
            hotPeers = peers.map { .passUnretained($0) }
        }
    }

    /// What the peers make of a value.
    final class Peers {
        let rule: RuleExtension.FirstSeen.Peers
        let groupFields: [SlotID]
        /// Who has had any value, by peer group.
        let members: FamiliarState
        /// Who has had this one, by peer group and value.
        let valueFields: [SlotID]
        let users: FamiliarState
        /// The same; nothing counts references to them for every event.
        let hotMembers: Unmanaged<FamiliarState>
        let hotUsers: Unmanaged<FamiliarState>

        init(
            rule: RuleExtension.FirstSeen.Peers, groupFields: [SlotID], members: FamiliarState, valueFields: [SlotID],
            users: FamiliarState
        ) {
            self.rule = rule
            self.groupFields = groupFields
            self.members = members
            self.valueFields = valueFields
            self.users = users
            hotMembers = .passUnretained(members)
            hotUsers = .passUnretained(users)
        }
    }

    /// A `ratio` to whose counts the rule's matches belong.
    struct RatioFeed {
        let state: RatioState
        let keyFields: [SlotID]
        let isOf: Bool
        let isTo: Bool
    }

    let rule: DetectionRule
    let feeds: [Feed]
    let raisesAlerts: Bool
    let calendar: ICalendar?
    let firstSeen: FirstSeen?
    /// The rule's own `ratio`.
    let ratio: (state: RatioState, keyFields: [SlotID])?
    var ratioFeeds: [RatioFeed] = []
    /// With `suppress`: whose episodes.
    let episodeFields: [SlotID]
    let episodes: EpisodeState?

    init(
        rule: DetectionRule,
        feeds: [Feed],
        raisesAlerts: Bool,
        calendar: ICalendar?,
        firstSeen: FirstSeen?,
        ratio: (state: RatioState, keyFields: [SlotID])?,
        episodeFields: [SlotID],
        episodes: EpisodeState?
    ) {
        self.rule = rule
        self.feeds = feeds
        self.raisesAlerts = raisesAlerts
        self.calendar = calendar
        self.firstSeen = firstSeen
        self.ratio = ratio
        self.episodeFields = episodeFields
        self.episodes = episodes
    }
}

/// The first eight bytes of SHA-256: names that must never collide by accident.
func stateID(_ parts: [String]) -> UInt64 {
    var hash = SHA256()
    for part in parts {
        hash.update(data: Array(part.utf8))
        hash.update(data: [0])
    }
    return hash.finalize().prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
}
