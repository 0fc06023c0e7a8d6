// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import HeapModule
import Sigma

/// The engine's state as a value, its changes since the last commit, and its size.
extension Engine {
    /// The whole state as a value.
    package func snapshot() -> EngineState {
        flushUses()
        var rows: [EngineState.Row] = []
        for table in tables {
            let id = table.state.stateID
            table.state.forEach(texts) { rows.append(Self.row(id, Array($0), $1)) }
        }
        for (key, alert) in drafts { rows.append(Self.row(Self.draftState(key.state), key.key, encode(alert))) }
        return EngineState(newest: newest == .min ? nil : newest, rows: rows)
    }

    /// What changed since the last call, for the next commit.
    package func takeChanges() -> [EngineChange] {
        flushUses()
        var changes: [EngineChange] = []
        for table in tables {
            let id = table.state.stateID
            table.state.takeChanges(texts) { changes.append(Self.change(id, Array($0), $1)) }
        }
        for key in changedDrafts {
            changes.append(Self.change(Self.draftState(key.state), key.key, drafts[key].map { encode($0) }))
        }
        changedDrafts.removeAll()
        return changes
    }

    /// Forgets what changed, for runs that store nothing: else the list would grow with the input.
    package func discardChanges() {
        for table in tables { table.state.discardChanges() }
        changedDrafts.removeAll()
    }

    /// Whether something waits for late events: `release` would decide it.
    package var isWaiting: Bool { nextDue <= newest }

    /// Puts a state back, into an engine that has seen no event. Rows of rules that are no longer there, or that cannot be
    /// read, are left out; their number is returned.
    package func restore(_ state: EngineState) -> Int {
        restore(newest: state.newest) { put in
            for row in state.rows {
                row.key.withUnsafeBytes { key in row.value.withUnsafeBytes { put(row.state, key, $0) } }
            }
        }
    }

    /// The same from rows that never stand in memory all at once.
    ///
    /// - Parameters:
    ///   - newest: `EngineState.newest`.
    ///   - rows: gives each row to what it is called with: state, key and value, borrowed.
    package func restore(
        newest time: Int64?,
        _ rows: (_ put: (UInt64, UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) throws -> Void
    ) rethrows -> Int {
        if let time, (0...Timestamp.maximum).contains(time) {
            newest = time
            watermark = time - options.lateness
        }
        var places: [UInt64: Int] = [:]
        for (place, table) in tables.enumerated() { places[table.state.stateID] = place }
        var left = 0
        // Rows of one table mostly stand together.
        var latest: (state: UInt64, table: Table)?
        try rows { state, key, sealed in
            guard let value = RowSeal.opened(sealed, state: state, key: key) else {
                left += 1
                return
            }
            if latest?.state != state { latest = places[state].map { (state, tables[$0]) } }
            if let table = latest?.table {
                if !restore(key, value, table) { left += 1 }
            } else if !restoreDraft(state, key, value, known: places) {
                left += 1
            }
        }
        closeBuckets()
        return left
    }

    private static func row(_ state: UInt64, _ key: [UInt8], _ value: [UInt8]) -> EngineState.Row {
        EngineState.Row(state: state, key: key, value: RowSeal.sealed(value, state: state, key: key))
    }

    private static func change(_ state: UInt64, _ key: [UInt8], _ value: [UInt8]?) -> EngineChange {
        EngineChange(state: state, key: key, value: value.map { RowSeal.sealed($0, state: state, key: key) })
    }

    private func restore(_ bytes: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ table: Table) -> Bool {
        let space = table.state.keySpace
        let key = space.internNext(bytes)
        var reader = ByteReader(value)
        do throws(ByteReader.Damaged) {
            let dues = try table.state.restore(key: key, &reader, &texts)
            guard let subject = table.subject else { return true }
            for due in dues { schedule(Timer(due: due, subject: subject, index: table.index, key: key)) }
            return true
        } catch {
            space.dropIfUnheld(key)
            return false
        }
    }

    private func encode(_ alert: Alert) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        // Texts and finite numbers only: there is nothing in it that JSON cannot hold.
        return (try? Array(encoder.encode(alert))) ?? []
    }

    private func restoreDraft(
        _ row: UInt64, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, known places: [UInt64: Int]
    ) -> Bool {
        // The mask undoes itself.
        let state = Self.draftState(row)
        guard places[state] != nil, let alert = try? JSONDecoder().decode(Alert.self, from: Data(value)) else {
            return false
        }
        drafts[DraftKey(state: state, key: Array(key))] = alert
        return true
    }

    private static func draftState(_ state: UInt64) -> UInt64 { state ^ 0x6472_6166_7400_0000 }

    /// What `EngineState.Row.state` can be for the rules in force.
    package var stateIDs: Set<UInt64> {
        var ids: Set<UInt64> = []
        for table in tables {
            ids.insert(table.state.stateID)
            if table.state is EpisodeState { ids.insert(Self.draftState(table.state.stateID)) }
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

    /// The size of each table and of each list of group keys, by a name for people. Walks all of it, as `size` does.
    package func parts() -> [(name: String, size: Size)] {
        let states = tables.map { table in
            (
                "\(type(of: table.state)) by \(table.state.keySpace.fields.joined(separator: ", "))",
                Size(cells: table.state.count, bytes: table.state.bytes)
            )
        }
        let keys = spaces.map { space in
            ("keys \(space.fields.joined(separator: ", "))", Size(bytes: space.bytes, keys: space.live))
        }
        return states + keys
    }

    /// How much the engine holds. Walks all of it: for metrics and benchmarks, not per event.
    package func size() -> Size {
        var size = Size()
        for table in tables {
            size.cells += table.state.count
            size.bytes += table.state.bytes
        }
        for space in spaces {
            size.keys += space.live
            size.bytes += space.bytes
        }
        return size
    }
}
