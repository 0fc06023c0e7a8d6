// SPDX-License-Identifier: Apache-2.0

import HeapModule

/// What happens as event time goes on: buckets close, what waits is decided, what is over is let go of.
extension Engine {
    /// Moves the watermark on, from one waiting decision to the next, so that each sees exactly what was before it.
    func advance(to target: Int64) {
        // An event at the very time of the target may still come.
        while nextDue < target, let timer = timers.popMin() {
            nextDue = timers.min?.due ?? .max
            watermark = max(watermark, timer.due)
            closeBuckets()
            settle(timer)
        }
        guard target > watermark else { return }
        watermark = target
        closeBuckets()
        if target >= nextSweep {
            for uses in hotUses {
                uses._withUnsafeGuaranteedRef { if $0.sweepDue <= target { $0.flush() } }
            }
            sweep(target)
        }
    }

    /// Hands the last uses on that are noted beside the states.
    func flushUses() {
        for uses in knownUses { uses.flush() }
    }

    func closeBuckets() {
        guard bucketClock.move(to: watermark) else { return }
        for baseline in hotBaselines { baseline._withUnsafeGuaranteedRef { $0.close() } }
    }

    /// Lets go of what is over, at most once in `sweepInterval`.
    private func sweep(_ target: Int64) {
        var next = Int64.max
        for index in sweepDues.indices {
            if sweepDues[index] <= target { sweep(index, target) }
            next = min(next, sweepDues[index])
        }
        nextSweep = max(next, target + Self.sweepInterval)
    }

    private func sweep(_ index: Int, _ target: Int64) {
        let state = tables[index].state
        state.sweep(watermark: target)
        sweepDues[index] = state.sweepDue
    }

    func schedule(_ timer: Timer) {
        timers.insert(timer)
        nextDue = min(nextDue, timer.due)
    }

    func settle(_ timer: Timer) {
        switch timer.subject {
        case .window:
            let state = correlations[timer.index]
            let isSettled = state.settle(key: timer.key, watermark: timer.due) {
                fired(timer.index, timer.key, $0, nil)
            }
            // One timer a window is enough: the first that waits. One that comes for nothing has another after it.
            if isSettled, let due = state.due(key: timer.key) {
                schedule(Timer(due: due, subject: .window, index: timer.index, key: timer.key))
            }
        case .correlationEpisode:
            if let episodes = correlations[timer.index].plan.episodes { settle(episodes, timer) }
        case .detectionEpisode:
            if let episodes = detections[timer.index].firstSeen?.values ?? detections[timer.index].episodes {
                settle(episodes, timer)
            }
        }
    }

    func draft(_ alert: Alert?, _ episodes: EpisodeState, _ key: Int32, _ timer: Timer) {
        let draftKey = DraftKey(episodes, key)
        drafts[draftKey] = alert
        changedDrafts.insert(draftKey)
        schedule(timer)
    }

    private func settle(_ episodes: EpisodeState, _ timer: Timer) {
        let decision = episodes.settle(key: timer.key, at: timer.due)
        if decision == .wait || episodes.isWaiting(key: timer.key) { return }
        let draftKey = DraftKey(episodes, timer.key)
        guard let draft = drafts.removeValue(forKey: draftKey) else { return }
        changedDrafts.insert(draftKey)
        guard case .announce(let anchor) = decision else { return }
        var alert = draft
        alert.id = id(draft.ruleID, episodes.keySpace.bytes(of: timer.key), anchor)
        emit(alert)
    }
}
