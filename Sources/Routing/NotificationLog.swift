// SPDX-License-Identifier: Apache-2.0

/// What was told of a group last, as far as the next decision needs it.
struct NotificationLog {
    /// How many alerts fired in it.
    let firing: Int
    /// Whether `repeat_interval` has passed since.
    let repeatIsDue: Bool
}

extension NotificationLog? {
    /// Whether a group is to be told of, and why: the rule of Alertmanager's `DedupStage.needsUpdate`. Nil in itself: it was never
    /// told of.
    ///
    /// - Parameters:
    ///   - firing: alerts that fire now.
    ///   - hasNewFiring: whether one of them did not fire in the last notification.
    ///   - resolved: alerts that are over and were not yet told of; they leave the group afterwards.
    ///   - sendsResolved: whether the receiver wants to hear of them.
    func needsUpdate(firing: Int, hasNewFiring: Bool, resolved: Int, sendsResolved: Bool) -> Notification.Reason? {
        guard let log = self else { return firing > 0 ? .first : nil }
        if hasNewFiring { return log.firing == 0 ? .first : .newAlerts }
        // Where all are held back there is nothing to tell, not even again.
        guard firing + resolved > 0 else { return nil }
        if firing == 0 { return log.firing > 0 ? .allResolved : nil }
        if sendsResolved, resolved > 0 { return .newResolved }
        return log.repeatIsDue ? .repeat : nil
    }
}
