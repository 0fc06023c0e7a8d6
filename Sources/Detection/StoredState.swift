// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// A table of the engine's state: rows by group key, stored as what changed since the last commit.
protocol StoredState: AnyObject {
    /// Names the table on disk: changes when it means something else.
    var stateID: UInt64 { get }
    var keySpace: KeySpace { get }
    /// Rows.
    var count: Int { get }
    /// Bytes of memory, without the keys.
    var bytes: Int { get }

    /// The rows that changed since the last call, encoded; nil for one that is gone.
    func takeChanges(_ texts: LongEventIDs, _ body: (_ key: UnsafeRawBufferPointer, _ value: [UInt8]?) -> Void)

    /// Forgets what changed: nobody stores it.
    func discardChanges()

    /// All rows, encoded.
    func forEach(_ texts: LongEventIDs, _ body: (_ key: UnsafeRawBufferPointer, _ value: [UInt8]) -> Void)

    /// Puts a row back. Returns the times at which something in it has to be settled.
    func restore(key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs) throws(ByteReader.Damaged)
        -> [Int64]

    /// Forgets the rows that no event to come can reach. None before `watermark` comes any more.
    func sweep(watermark: Int64)

    /// Before this watermark a sweep has nothing to do, ms; `.min` for tables that want to be asked each time.
    var sweepDue: Int64 { get }
}

extension StoredState {
    var sweepDue: Int64 { .min }
}

extension Engine {
    /// A table, and what is done when something in it falls due.
    struct Table {
        let state: any StoredState
        /// Nil for tables in which nothing waits.
        var subject: Timer.Subject?
        /// The index of the rule that it belongs to, for its timers.
        var index = 0
    }

    /// All tables of an engine: whatever keeps state stands here and nowhere else.
    static func tables(_ correlations: [CorrelationState], _ detections: [DetectionPlan]) -> [Table] {
        var tables: [Table] = []
        for (index, state) in correlations.enumerated() {
            tables.append(Table(state: state, subject: .window, index: index))
            if let episodes = state.plan.episodes {
                tables.append(Table(state: episodes, subject: .correlationEpisode, index: index))
            }
            if let baseline = state.plan.baseline {
                tables.append(Table(state: baseline))
                if let peers = baseline.peers { tables.append(Table(state: peers)) }
            }
        }
        for (index, detection) in detections.enumerated() {
            for episodes in [detection.episodes, detection.firstSeen?.values].compactMap({ $0 }) {
                tables.append(Table(state: episodes, subject: .detectionEpisode, index: index))
            }
            if let peers = detection.firstSeen?.peers {
                tables.append(Table(state: peers.members))
                tables.append(Table(state: peers.users))
            }
            if let ratio = detection.ratio { tables.append(Table(state: ratio.state)) }
        }
        return tables
    }
}
