// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Baseline
import Sigma

/// Makes the key spaces and empty states of one engine from its plan.
struct EngineBuilder {
    private(set) var spaces: [KeySpace] = []
    private(set) var correlations: [CorrelationPlan] = []
    private(set) var detections: [DetectionPlan] = []
    private(set) var learnings: [LearningTable] = []
    let risks: RiskState
    let bucketClock = BucketClock()

    init(plan: DetectorPlan, options: Engine.Options) {
        let rules = plan.rules
        let identities = KeySpace(fields: ["identity"])
        spaces.append(identities)
        risks = RiskState(keySpace: identities)
        for (index, rule) in rules.correlations.enumerated() {
            correlations.append(correlation(index, rule, plan, options))
        }
        for (index, rule) in rules.correlations.enumerated() {
            for (source, reference) in rule.references.enumerated() {
                guard case .correlation(let child) = reference, let fields = rule.groupFields[source] else { continue }
                let offered = rules.correlations[child].groupBy
                correlations[child].parents.append(
                    CorrelationPlan.Parent(
                        correlation: index, source: source, keyValues: fields.compactMap { offered.firstIndex(of: $0) },
                        values: rule.fields.compactMap { offered.firstIndex(of: $0) }))
            }
        }
        for (index, rule) in rules.detections.enumerated() {
            detections.append(detection(index, rule, plan, options))
        }
        for detection in detections {
            guard let (state, keyFields) = detection.ratio else { continue }
            let (of, to) = (Set(rules.detections(named: state.rule.of)), Set(rules.detections(named: state.rule.to)))
            for index in of.union(to).sorted() {
                detections[index].ratioFeeds.append(
                    DetectionPlan.RatioFeed(
                        state: state, keyFields: keyFields, isOf: of.contains(index), isTo: to.contains(index)))
            }
        }
    }

    private mutating func space(_ fields: [String]) -> KeySpace {
        if let known = spaces.first(where: { $0.fields == fields }) { return known }
        let space = KeySpace(fields: fields)
        spaces.append(space)
        return space
    }

    private mutating func learning(_ fields: [String]) -> LearningTable {
        let space = space(fields)
        if let known = learnings.first(where: { $0.keySpace === space }) { return known }
        let table = LearningTable(keySpace: space)
        learnings.append(table)
        return table
    }

    private mutating func correlation(
        _ index: Int, _ rule: CorrelationRule, _ plan: DetectorPlan, _ options: Engine.Options
    ) -> CorrelationPlan {
        let metadata = rule.metadata
        let referenced = rule.references.map { reference in
            switch reference {
            case .detection(let index): plan.rules.detections[index].metadata
            case .correlation(let index): plan.rules.correlations[index].metadata
            }
        }
        let references = referenced.map(\.key)
        let keySpace = space(rule.groupBy)
        // Without a word about it an episode ends when nothing has fired for one timespan.
        let episode = metadata.extensions.suppress?.episode.milliseconds ?? rule.timespan.milliseconds
        let episodes =
            options.suppresses
            ? EpisodeState(
                stateID: stateID(["episode", metadata.key] + rule.groupBy), keySpace: keySpace, gap: episode,
                lateness: options.lateness) : nil
        let limit = rule.bounds.map(\.limit).max() ?? 0
        // What is compared with a baseline must be the whole count, not only whether it reaches the limit.
        let isExact = limit <= Double(CountState.maximumExact) && metadata.extensions.baseline == nil
        let kind: Aggregate.Kind =
            switch rule.kind {
            case .valueSum: .sum
            case .valueAverage: .mean
            case .valuePercentile, .valueMedian: .order
            case .valueCount: .distinct
            default: isExact ? .count : .sum
            }
        let isCounted = kind == .count || kind == .distinct
        let keep = isCounted ? Int(min(max(limit, 0), Double(CountState.maximumExact))) + 2 : CountState.maximumSummed
        let hasAbsence = rule.expression?.hasAbsence ?? false
        return CorrelationPlan(
            rule: rule, steps: referenced.map(\.title),
            stateID: stateID(
                ["window", metadata.key, rule.kind.rawValue, rule.fields.joined(separator: "\u{1}")] + rule.groupBy
                    + ["of"] + references + (rule.kind == .eventCount && !isExact ? ["ones"] : [])
                    + (rule.kind == .temporalOrdered ? rule.expression?.terms.map { "\($0.present)" } ?? [] : [])
                    + (hasAbsence ? ["absence"] : [])),
            keySpace: keySpace, kind: kind, timespan: rule.timespan.milliseconds,
            isDeferred: hasAbsence || kind == .mean || kind == .order
                || rule.bounds.contains { $0.comparison != .gte && $0.comparison != .gt },
            wait: hasAbsence ? rule.timespan.milliseconds : 0, keep: keep,
            trimAt: isCounted ? max(64, keep * 2) : keep * 3 / 2,
            raisesAlerts: plan.rules.raisesAlerts(correlation: index), episodes: episodes, sources: sources(rule),
            calendar: metadata.extensions.outside.flatMap { _ in plan.calendars[metadata.key] },
            baseline: baseline(rule, keySpace, options))
    }

    private mutating func baseline(
        _ rule: CorrelationRule, _ keySpace: KeySpace, _ options: Engine.Options
    ) -> BaselineState? {
        guard let block = rule.metadata.extensions.baseline else { return nil }
        let settings = BaselineSettings(block, bucket: rule.timespan.milliseconds)
        let name =
            [
                rule.metadata.key, rule.kind.rawValue, rule.fields.first ?? "", rule.timespan.description,
                block.season.rawValue,
            ]
            + rule.groupBy
        let peers = block.peers.map { peers in
            PeerState(
                stateID: stateID(["peers"] + name + ["by"] + peers.groupBy), keySpace: space(peers.groupBy),
                bucket: settings.bucket, history: settings.history, lateness: options.lateness)
        }
        return BaselineState(
            stateID: stateID(["baseline"] + name), keySpace: keySpace, rule: block, settings: settings, peers: peers,
            clock: bucketClock, lateness: options.lateness)
    }

    /// Counts are of events, so one that several detection rules match counts once: they are one source. What another
    /// correlation found is not the event that it was found at.
    private func sources(_ rule: CorrelationRule) -> [Int] {
        let all = Array(rule.references.indices)
        if rule.kind.isTemporal { return all }
        let first = all.first { if case .detection = rule.references[$0] { true } else { false } }
        return all.map { index in
            if case .detection = rule.references[index] { first ?? index } else { index }
        }
    }

    private mutating func peers(
        _ block: RuleExtension.FirstSeen, _ peers: RuleExtension.FirstSeen.Peers, _ metadata: RuleMetadata,
        _ group: [SlotID], _ value: SlotID, _ options: Engine.Options
    ) -> DetectionPlan.Peers {
        func state(_ names: [String]) -> FamiliarState {
            FamiliarState(
                stateID: stateID(["familiar", metadata.key] + block.groupBy + ["among"] + names),
                keySpace: space(names), history: block.history.milliseconds, lateness: options.lateness)
        }
        return DetectionPlan.Peers(
            rule: peers, groupFields: group, members: state(peers.groupBy), valueFields: group + [value],
            users: state(peers.groupBy + [block.field]))
    }

    private mutating func detection(
        _ index: Int, _ rule: DetectionRule, _ plan: DetectorPlan, _ options: Engine.Options
    ) -> DetectionPlan {
        let fields = plan.detections[index]
        let metadata = rule.metadata
        let feeds = fields.feeds.map { feed in
            DetectionPlan.Feed(
                correlation: feed.correlation, source: correlations[feed.correlation].sources[feed.source],
                keyFields: feed.keyFields, valueFields: feed.valueFields, peerFields: feed.peerFields)
        }
        var firstSeen: DetectionPlan.FirstSeen?
        if let block = metadata.extensions.firstSeen, let value = fields.firstSeenValue {
            // Whose value is the group itself (has it been quiet for long?) needs no second name for it.
            let isGroup = block.groupBy.contains(block.field)
            let names = block.groupBy + (isGroup ? [] : [block.field])
            firstSeen = DetectionPlan.FirstSeen(
                groupFields: fields.firstSeenGroup,
                groups: LearningState(
                    id: stateID(["learning", metadata.key] + block.groupBy), table: learning(block.groupBy),
                    learning: block.learning.milliseconds, history: block.history.milliseconds,
                    lateness: options.lateness),
                keyFields: fields.firstSeenGroup + (isGroup ? [] : [value]),
                values: EpisodeState(
                    stateID: stateID(["first_seen", metadata.key] + names), keySpace: space(names),
                    gap: block.history.milliseconds, lateness: options.lateness),
                peers: block.peers.map { peers(block, $0, metadata, fields.peerGroup, value, options) })
        }
        let ratio = metadata.extensions.ratio.map { block in
            (
                state: RatioState(
                    stateID: stateID(["ratio", metadata.key] + block.of + ["to"] + block.to + ["by"] + block.groupBy),
                    keySpace: space(block.groupBy), rule: block, lateness: options.lateness),
                keyFields: fields.ratioGroup
            )
        }
        var episodes: EpisodeState?
        if options.suppresses, let block = metadata.extensions.suppress {
            episodes = EpisodeState(
                stateID: stateID(["episode", metadata.key] + block.groupBy), keySpace: space(block.groupBy),
                gap: block.episode.milliseconds, lateness: options.lateness)
        }
        return DetectionPlan(
            rule: rule, feeds: feeds, raisesAlerts: fields.raisesAlerts,
            calendar: metadata.extensions.outside.flatMap { _ in plan.calendars[metadata.key] }, firstSeen: firstSeen,
            ratio: ratio,
            episodeFields: fields.episode, episodes: episodes)
    }
}
