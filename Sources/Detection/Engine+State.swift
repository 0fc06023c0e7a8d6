// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import HeapModule
import Sigma

/// The engine's state as a value, its changes since the last commit, and its size.
extension Engine {
    /// The whole state as a value.
    package func snapshot() -> EngineState {
        var rows: [EngineState.Row] = []
        func add(_ state: UInt64) -> (UnsafeRawBufferPointer, [UInt8]) -> Void {
            { rows.append(.init(state: state, key: Array($0), value: $1)) }
        }
        for state in correlations {
            state.forEach(texts, add(state.plan.stateID))
            state.plan.episodes.map { $0.forEach(add($0.stateID)) }
        }
        for detection in detections {
            for episodes in [detection.episodes, detection.firstSeen?.values].compactMap({ $0 }) {
                episodes.forEach(add(episodes.stateID))
            }
            (detection.firstSeen?.groups).map { $0.forEach(add($0.stateID)) }
        }
        for (key, alert) in drafts {
            rows.append(.init(state: Self.draftState(key.state), key: key.key, value: encode(alert)))
        }
        return EngineState(newest: newest == .min ? nil : newest, rows: rows)
    }

    /// What changed since the last call, for the next commit.
    package func takeChanges() -> [EngineChange] {
        var changes: [EngineChange] = []
        func add(_ state: UInt64) -> (UnsafeRawBufferPointer, [UInt8]?) -> Void {
            { changes.append(EngineChange(state: state, key: Array($0), value: $1)) }
        }
        for state in correlations {
            state.takeChanges(texts, add(state.plan.stateID))
            state.plan.episodes.map { $0.takeChanges(add($0.stateID)) }
        }
        for detection in detections {
            for episodes in [detection.episodes, detection.firstSeen?.values].compactMap({ $0 }) {
                episodes.takeChanges(add(episodes.stateID))
            }
            (detection.firstSeen?.groups).map { $0.takeChanges(add($0.stateID)) }
        }
        for key in changedDrafts {
            changes.append(
                EngineChange(state: Self.draftState(key.state), key: key.key, value: drafts[key].map { encode($0) }))
        }
        changedDrafts.removeAll()
        return changes
    }

    /// Forgets what changed, for runs that store nothing: else the list would grow with the input.
    package func discardChanges() {
        for state in correlations {
            state.discardChanges()
            state.plan.episodes?.discardChanges()
        }
        for detection in detections {
            detection.episodes?.discardChanges()
            detection.firstSeen?.values.discardChanges()
            detection.firstSeen?.groups.discardChanges()
        }
        changedDrafts.removeAll()
    }

    /// Whether something waits for the watermark: `finish` would decide it.
    package var isWaiting: Bool { !timers.isEmpty }

    /// Puts a state back, into an engine that has seen no event. Rows of rules that are no longer there, or that cannot be
    /// read, are left out; their number is returned.
    package func restore(_ state: EngineState) -> Int {
        if let time = state.newest {
            newest = time
            watermark = time - options.lateness
        }
        var left = 0
        for row in state.rows where !restore(row) { left += 1 }
        return left
    }

    private func restore(_ row: EngineState.Row) -> Bool {
        var reader = ByteReader(row.value)
        var interned: (space: KeySpace, key: Int32)?
        func key(_ space: KeySpace) -> Int32 {
            let key = row.key.withUnsafeBytes { space.intern($0) }
            interned = (space, key)
            return key
        }
        do throws(ByteReader.Damaged) {
            for (index, state) in correlations.enumerated() {
                if state.plan.stateID == row.state {
                    let key = key(state.plan.keySpace)
                    try state.restore(key: key, &reader, &texts)
                    if state.plan.isDeferred {
                        for due in state.unsettled(key: key) {
                            schedule(Timer(due: due, subject: .window, index: index, key: key))
                        }
                    }
                    return true
                }
                if let episodes = state.plan.episodes {
                    if episodes.stateID == row.state {
                        let key = key(episodes.keySpace)
                        if let due = try episodes.restore(key: key, &reader) {
                            schedule(Timer(due: due, subject: .correlationEpisode, index: index, key: key))
                        }
                        return true
                    }
                    if Self.draftState(episodes.stateID) == row.state { return restoreDraft(row, episodes) }
                }
            }
            for (index, detection) in detections.enumerated() {
                for episodes in [detection.episodes, detection.firstSeen?.values].compactMap({ $0 }) {
                    if episodes.stateID == row.state {
                        let key = key(episodes.keySpace)
                        if let due = try episodes.restore(key: key, &reader) {
                            schedule(Timer(due: due, subject: .detectionEpisode, index: index, key: key))
                        }
                        return true
                    }
                    if Self.draftState(episodes.stateID) == row.state { return restoreDraft(row, episodes) }
                }
                if let groups = detection.firstSeen?.groups, groups.stateID == row.state {
                    try groups.restore(key: key(groups.keySpace), &reader)
                    return true
                }
            }
        } catch {
            if let (space, key) = interned { space.dropIfUnheld(key) }
            return false
        }
        return false
    }

    private func encode(_ alert: Alert) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        // Texts and finite numbers only: there is nothing in it that JSON cannot hold.
        return (try? Array(encoder.encode(alert))) ?? []
    }

    private func restoreDraft(_ row: EngineState.Row, _ episodes: EpisodeState) -> Bool {
        guard let alert = try? JSONDecoder().decode(Alert.self, from: Data(row.value)) else { return false }
        drafts[DraftKey(state: episodes.stateID, key: row.key)] = alert
        return true
    }

    private static func draftState(_ state: UInt64) -> UInt64 { state ^ 0x6472_6166_7400_0000 }

    /// What `EngineState.Row.state` can be for the rules in force.
    package var stateIDs: Set<UInt64> {
        var ids: Set<UInt64> = []
        func add(_ episodes: EpisodeState?) {
            guard let episodes else { return }
            ids.insert(episodes.stateID)
            ids.insert(Self.draftState(episodes.stateID))
        }
        for state in correlations {
            ids.insert(state.plan.stateID)
            add(state.plan.episodes)
        }
        for detection in detections {
            add(detection.episodes)
            add(detection.firstSeen?.values)
            if let groups = detection.firstSeen?.groups { ids.insert(groups.stateID) }
        }
        return ids
    }

    // MARK: Size

    package struct Size: Sendable {
        /// Windows, episodes and learning periods.
        package var cells = 0
        /// Bytes of memory for them and their keys.
        package var bytes = 0
        /// Group keys.
        package var keys = 0
    }

    /// How much the engine holds. Walks all of it: for metrics and benchmarks, not per event.
    package func size() -> Size {
        var size = Size()
        for state in correlations {
            size.cells += state.count + (state.plan.episodes?.count ?? 0)
            size.bytes += state.bytes + (state.plan.episodes?.bytes ?? 0)
        }
        for detection in detections {
            for episodes in [detection.episodes, detection.firstSeen?.values].compactMap({ $0 }) {
                size.cells += episodes.count
                size.bytes += episodes.bytes
            }
            if let groups = detection.firstSeen?.groups {
                size.cells += groups.count
                size.bytes += groups.bytes
            }
        }
        for space in spaces {
            size.keys += space.live
            size.bytes += space.bytes
        }
        return size
    }
}
