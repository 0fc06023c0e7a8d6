// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection

/// The time of the stream, as one engine over all events would have it.
struct BacktestClock {
    let lateness: Int64
    private(set) var newest: Int64 = .min
    /// The time of the last event that was taken, for events that have none.
    private(set) var last: Int64?

    init(lateness: Int64) {
        self.lateness = lateness
    }

    /// Takes an event's time; throws `EventError.late` as the engine does.
    mutating func take(_ time: Int64) throws(EventError) {
        if newest > .min, time < newest - lateness { throw .late(milliseconds: newest - lateness - time) }
        newest = max(newest, time)
        last = time
    }
}

/// One engine of a backtest. For one thread at a time.
final class BacktestLane {
    enum Takes: Equatable {
        case all
        /// The events of this share of the field's values.
        case share(Int)
    }

    /// An alert and the line of the input at which it arose, counted over all batches.
    typealias Found = (line: Int, alert: Alert)

    let plan: DetectorPlan
    private let engine: Engine
    private let takes: Takes
    private var found: [Found] = []
    private var lines = 0

    init(plan: DetectorPlan, options: Engine.Options, takes: Takes) {
        self.plan = plan
        self.takes = takes
        engine = Engine(plan: plan, options: options)
    }

    /// Takes every line of a batch: the whole work where there is one lane.
    func take(_ batch: EventBatch, _ files: LogFiles, _ clock: inout BacktestClock, _ summary: inout BacktestSummary) {
        batch.bytes.withUnsafeBytes { bytes in
            for line in batch.lines {
                do throws(EventError) {
                    let identity = try decode(batch.text(line, bytes), line, files, time: clock.last ?? 0) {
                        view throws(EventError) in
                        try engine.process(view)
                        try clock.take(view.time)
                        return Self.hash(view, plan.identity)
                    }
                    summary.take(time: clock.last ?? 0, identity: identity)
                } catch {
                    summary.reject(error, files.place(file: Int(line.file), line: line.number))
                }
                next()
            }
        }
    }

    /// Takes the lines of a batch that are this lane's, and of all others their times.
    func take(_ batch: EventBatch, _ routes: [BacktestRouter.Route], _ files: LogFiles) {
        batch.bytes.withUnsafeBytes { bytes in
            for (line, route) in zip(batch.lines, routes) {
                if route.isTaken {
                    if takes == .all || takes == .share(route.share) {
                        do throws(EventError) {
                            try decode(batch.text(line, bytes), line, files, time: route.time) {
                                view throws(EventError) in
                                try engine.process(view)
                            }
                        } catch {
                            // The router has read it with the fields of all rules, and knows the time of the stream.
                            assertionFailure("\(error)")
                        }
                    } else {
                        engine.observe(time: route.time)
                    }
                }
                next()
            }
        }
    }

    /// Decides what still waits.
    func finish() {
        engine.finish()
        next()
    }

    func takeAlerts() -> [Found] {
        defer { found.removeAll(keepingCapacity: true) }
        return found
    }

    static func hash(_ view: EventView, _ slot: SlotID) -> UInt64? {
        view.firstValue(view[slot]).withText { stableHash($0) }
    }

    private func decode<R>(
        _ text: UnsafeRawBufferPointer, _ line: EventBatch.Line, _ files: LogFiles, time: Int64,
        _ body: (EventView) throws(EventError) -> R
    ) throws(EventError) -> R {
        var uid = files.uid(file: Int(line.file), line: line.number)
        var result: Result<R, EventError>?
        uid.withUTF8 { uid in
            result = Result { () throws(EventError) -> R in
                try body(
                    try plan.decoder.decode(
                        text, fallbackUID: .string(UnsafeRawBufferPointer(uid)), fallbackTime: time))
            }
        }
        guard let result else { throw .empty }
        return try result.get()
    }

    private func next() {
        if engine.hasAlerts { for alert in engine.takeAlerts() { found.append((lines, alert)) } }
        lines += 1
        // Nothing is stored.
        if lines & 0xFFF == 0 { engine.discardChanges() }
    }
}
