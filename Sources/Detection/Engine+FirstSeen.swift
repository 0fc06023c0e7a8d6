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
        guard let group = key(firstSeen.groupFields, in: firstSeen.groups.keySpace, view) else { return nil }
        let standing = firstSeen.groups.standing(key: group, at: view.time, watermark: watermark)
        let values = firstSeen.values
        // An event without the value makes the group known, also among its peers, and no more.
        let common = firstSeen.peers.flatMap { commonness($0, of: firstSeen.groups.keySpace.bytes(of: group), view) }
        guard let key = key(firstSeen.keyFields, in: values.keySpace, view) else { return nil }
        let rule = detections[index]
        let wasWaiting = values.isWaiting(key: key)
        switch values.fire(key: key, at: view.time, watermark: watermark, mustWait: standing == .uncertain) {
        case .known: return values.isWaiting(key: key) ? nil : key
        case .announce(let anchor):
            guard standing != .learning, common?.then != .silent else { return key }
            body()
            if rule.raisesAlerts {
                emit(
                    alert(rule.rule.metadata, view, id, anchor: anchor, key: key, in: values.keySpace)
                        .lowered(common))
            }
            return key
        case .wait:
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

    /// What becomes of an alert because peers have had the value too; nil: nothing. Notes the use of it.
    private func commonness(
        _ peers: DetectionPlan.Peers, of group: UnsafeRawBufferPointer, _ view: EventView
    ) -> Commonness? {
        let member = stableHash(group)
        guard let all = key(peers.groupFields, in: peers.members.keySpace, view) else { return nil }
        peers.members.note(key: all, member: member, at: view.time)
        guard let value = key(peers.valueFields, in: peers.users.keySpace, view) else { return nil }
        peers.users.note(key: value, member: member, at: view.time)
        let others = peers.members.others(key: all, besides: member, at: view.time)
        guard others >= peers.rule.minimum else { return nil }
        let users = peers.users.others(key: value, besides: member, at: view.time)
        guard Double(users) >= peers.rule.common * Double(others) else { return nil }
        return Commonness(then: peers.rule.then, users: users, others: others)
    }
}
