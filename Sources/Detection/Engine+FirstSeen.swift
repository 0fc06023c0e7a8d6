// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma

/// Rules with `first_seen`: what is new for a group, and what its peers make of it.
extension Engine {
    /// Calls `body` when the value of a `first_seen` rule is new for its group, and announces it. True when the use is known by
    /// now, so that nothing more is to be said of it.
    func isNew(
        _ firstSeen: Unmanaged<DetectionPlan.FirstSeen>, _ index: Int, _ view: EventView, _ id: EventID,
        _ keys: inout FeedTable.FirstSeenIDs, _ body: () -> Void
    ) -> Bool {
        if keys.group < 0 { return false }
        let (groups, values, peers) = firstSeen._withUnsafeGuaranteedRef { ($0.hotGroups, $0.hotValues, $0.hotPeers) }
        let standing = groups._withUnsafeGuaranteedRef {
            $0.standing(key: keys.group, at: view.time, watermark: watermark)
        }
        // An event without the value makes the group known, also among its peers, and no more.
        let use = peers.flatMap { noteUse($0, groups, &keys, view) }
        if keys.value < 0 { return false }
        let key = keys.value
        let (wasWaiting, decision) = values._withUnsafeGuaranteedRef {
            (
                $0.isWaiting(key: key),
                $0.fire(key: key, at: view.time, watermark: watermark, mustWait: standing == .uncertain)
            )
        }
        // Nearly always.
        if decision == .known {
            return values._withUnsafeGuaranteedRef { !$0.isWaiting(key: key) }
        }
        return judgeUse(
            firstSeen.takeUnretainedValue(), index, view, id, key, decision, standing, use, wasWaiting, body)
    }

    /// The rest of `isNew`, for a use that is not known.
    @inline(never)
    private func judgeUse(
        _ firstSeen: DetectionPlan.FirstSeen, _ index: Int, _ view: EventView, _ id: EventID, _ key: Int32,
        _ decision: EpisodeState.Decision, _ standing: LearningState.Standing, _ use: Use?, _ wasWaiting: Bool,
        _ body: () -> Void
    ) -> Bool {
        let rule = detections[index]
        let values = firstSeen.values
        switch decision {
        case .known: return false
        case .announce(let anchor):
            let common = use.flatMap { commonness($0, at: view.time) }
            guard standing != .learning, common?.then != .silent else { return true }
            body()
            if rule.raisesAlerts {
                emit(
                    alert(rule.rule.metadata, view, id, anchor: anchor, key: key, in: values.keySpace)
                        .lowered(common))
            }
            return true
        case .wait:
            let common = use.flatMap { commonness($0, at: view.time) }
            let timer = Timer(due: view.time, subject: .detectionEpisode, index: index, key: key)
            guard standing != .learning, common?.then != .silent else {
                // Also takes back the draft of a later event that seemed to be the first.
                draft(nil, values, key, timer)
                return false
            }
            // What it counts towards is not held up; only whether to alert, and the alert's id, are not certain yet.
            if !wasWaiting { body() }
            let alert =
                rule.raisesAlerts
                ? alert(rule.rule.metadata, view, id, anchor: nil, key: key, in: values.keySpace)
                    .lowered(common) : nil
            draft(alert, values, key, timer)
            return false
        }
    }

    /// The use of a value by a member of a peer group.
    private struct Use {
        let peers: Unmanaged<DetectionPlan.Peers>
        let member: UInt64
        /// The peer group, and it with the value.
        let all: Int32
        let value: Int32
    }

    /// Notes that the group's member has used something, and what; nil when the event does not say what, or belongs to no
    /// peer group.
    private func noteUse(
        _ peers: Unmanaged<DetectionPlan.Peers>, _ groups: Unmanaged<LearningState>,
        _ keys: inout FeedTable.FirstSeenIDs,
        _ view: EventView
    ) -> Use? {
        if keys.members < 0 { return nil }
        let member = groups._withUnsafeGuaranteedRef { $0.member(keys.group) }
        let members = peers._withUnsafeGuaranteedRef { $0.hotMembers }
        members._withUnsafeGuaranteedRef {
            $0.note(key: keys.members, member: member, at: view.time, place: &keys.memberPlace)
        }
        if keys.users < 0 { return nil }
        let users = peers._withUnsafeGuaranteedRef { $0.hotUsers }
        users._withUnsafeGuaranteedRef {
            $0.note(key: keys.users, member: member, at: view.time, place: &keys.userPlace)
        }
        return Use(peers: peers, member: member, all: keys.members, value: keys.users)
    }

    /// What becomes of an alert because peers have had the value too; nil: nothing.
    private func commonness(_ use: Use, at time: Int64) -> Commonness? {
        let peers = use.peers.takeUnretainedValue()
        let rule = peers.rule
        let others = peers.members.others(key: use.all, besides: use.member, at: time)
        guard others >= rule.minimum else { return nil }
        let users = peers.users.others(key: use.value, besides: use.member, at: time)
        guard Double(users) >= rule.common * Double(others) else { return nil }
        return Commonness(then: rule.then, users: users, others: others)
    }
}
