// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma

/// A moment at which a correlation's condition holds, while its window is at hand.
struct Firing {
    /// ms since the epoch.
    let time: Int64
    /// The first event of the window.
    let firstTime: Int64
    /// The event at which it fired.
    let id: EventID
    /// The count, sum, mean, percentile or number of rules.
    let value: Double
    /// Events that led to it, oldest first. At most `maximumRelated`. The last one is that at which it fired, unless it fired
    /// because something did not happen: then the first one is.
    let related: [EventID]

    static let maximumRelated = 20
}

/// The windows of one correlation rule, one per group key. What the engine needs of both kinds.
class CorrelationState: StoredState {
    let plan: CorrelationPlan
    final var stateID: UInt64 { plan.stateID }
    final var keySpace: KeySpace { plan.keySpace }
    private var nextSweep: Int64 = .min
    final var sweepDue: Int64 { nextSweep }

    init(plan: CorrelationPlan) {
        self.plan = plan
    }

    /// Adds an event to the window of a key. Calls `fire` for every event at which the condition now holds and did not
    /// before: this one, and with late events perhaps later ones. Events older than `watermark` never come. False when the
    /// event is there already.
    func insert(_ entry: WindowEntry, key: Int32, watermark: Int64, _ fire: (Firing) -> Void) -> Bool { false }

    /// Judges what waited until no earlier event can come any more. Returns whether anything did.
    func settle(key: Int32, watermark: Int64, _ fire: (Firing) -> Void) -> Bool { false }

    /// When the first of the events that wait is to be judged, ms; nil when none waits. Of rules that wait only.
    func due(key: Int32) -> Int64? { nil }

    /// The same as `forget`, but no more often than it is worth it.
    final func sweep(watermark: Int64) {
        if isSweepDue(watermark) { forget(watermark: watermark) }
    }

    /// Forgets the windows that no event to come can reach.
    func forget(watermark: Int64) {}

    func takeChanges(_ texts: LongEventIDs, _ body: (_ key: UnsafeRawBufferPointer, _ value: [UInt8]?) -> Void) {}

    func forEach(_ texts: LongEventIDs, _ body: (_ key: UnsafeRawBufferPointer, _ value: [UInt8]) -> Void) {}

    func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] { [] }

    var count: Int { 0 }
    var bytes: Int { 0 }

    /// Whether it is time to sweep again: each quarter of a window, at least a minute apart.
    private func isSweepDue(_ watermark: Int64) -> Bool {
        guard watermark >= nextSweep else { return false }
        // No window is over sooner than a timespan after it began.
        nextSweep = watermark + max(60_000, count == 0 ? plan.timespan : plan.timespan / 4)
        return true
    }

    func discardChanges() {}
}
