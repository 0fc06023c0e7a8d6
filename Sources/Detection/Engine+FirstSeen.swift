// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma

/// Rules with `first_seen`: what is new for a group, and what its peers make of it.
extension Engine {
    /// Calls `body` when the value of a `first_seen` rule is new for its group, and announces it. Returns the key of the use
    /// when it is known by now, so that nothing more is to be said of it.
    func isNew(
        _ firstSeen: DetectionPlan.FirstSeen, _ index: Int, _ view: EventView, _ id: EventID, _ body: () -> Void
    ) -> Int32? {
        let keys = feeds.firstSeenKeys(of: index)
        guard let group = feeds.key(keys.group, event: eventNumber, view) else { return nil }
        let standing = firstSeen.groups.standing(key: group, at: view.time, watermark: watermark)
        let values = firstSeen.values
        // An event without the value makes the group known, also among its peers, and no more.
        let use = firstSeen.peers.flatMap { noteUse($0, keys, firstSeen.groups.keySpace.bytes(of: group), view) }
        guard let key = feeds.key(keys.value, event: eventNumber, view) else { return nil }
        let rule = detections[index]
        let wasWaiting = values.isWaiting(key: key)
        switch values.fire(key: key, at: view.time, watermark: watermark, mustWait: standing == .uncertain) {
        case .known: return values.isWaiting(key: key) ? nil : key
        case .announce(let anchor):
            let common = use.flatMap { commonness($0, at: view.time) }
            guard standing != .learning, common?.then != .silent else { return key }
            body()
            if rule.raisesAlerts {
                emit(
                    alert(rule.rule.metadata, view, id, anchor: anchor, key: key, in: values.keySpace)
                        .lowered(common))
            }
            return key
        case .wait:
            let common = use.flatMap { commonness($0, at: view.time) }
            let timer = Timer(due: view.time, subject: .detectionEpisode, index: index, key: key)
            guard standing != .learning, common?.then != .silent else {
                // Also takes back the draft of a later event that seemed to be the first.
                draft(nil, values, key, timer)
                return nil
            }
            // What it counts towards is not held up; only whether to alert, and the alert's id, are not certain yet.
            if !wasWaiting { body() }
            let alert =
                rule.raisesAlerts
                ? alert(rule.rule.metadata, view, id, anchor: nil, key: key, in: values.keySpace)
                    .lowered(common) : nil
            draft(alert, values, key, timer)
            return nil
        }
    }

    /// The use of a value by a member of a peer group.
    private struct Use {
        let peers: DetectionPlan.Peers
        let member: UInt64
        /// The peer group, and it with the value.
        let all: Int32
        let value: Int32
    }

    /// Notes that the group's member has used something, and what; nil when the event does not say what, or belongs to no
    /// peer group.
    private func noteUse(
        _ peers: DetectionPlan.Peers, _ keys: FeedTable.FirstSeenKeys, _ group: UnsafeRawBufferPointer,
        _ view: EventView
    ) -> Use? {
        let member = stableHash(group)
        guard let all = feeds.key(keys.members, event: eventNumber, view) else { return nil }
        peers.members.note(key: all, member: member, at: view.time)
        guard let value = feeds.key(keys.users, event: eventNumber, view) else { return nil }
        peers.users.note(key: value, member: member, at: view.time)
        return Use(peers: peers, member: member, all: all, value: value)
    }

    /// What becomes of an alert because peers have had the value too; nil: nothing.
    private func commonness(_ use: Use, at time: Int64) -> Commonness? {
        let rule = use.peers.rule
        let others = use.peers.members.others(key: use.all, besides: use.member, at: time)
        guard others >= rule.minimum else { return nil }
        let users = use.peers.users.others(key: use.value, besides: use.member, at: time)
        guard Double(users) >= rule.common * Double(others) else { return nil }
        return Commonness(then: rule.then, users: users, others: others)
    }
}
