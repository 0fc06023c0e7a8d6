// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Sigma

/// One engine of a backtest. For one thread at a time.
final class BacktestLane {
    enum Takes: Equatable {
        case all
        /// The events of this share of the field's values.
        case share(Int)
    }

    /// An alert and where it arose.
    struct Found {
        /// The line of the input, counted over all batches.
        let line: Int
        /// The detection rule that matched, as its place among all rules; -1 for what the passing of time decided.
        let origin: Int
        let alert: Alert
    }

    /// An event that the router took and the engine that it is for cannot.
    struct LaneError: Error, CustomStringConvertible {
        let place: String
        let error: EventError

        var description: String {
            "\(place): \(error), although it was read when the events were shared out: a fault of Gatewatch. "
                + "The run ends here, as an alert would be missing. Run it with --jobs 1 and report the event."
        }
    }

    let plan: DetectorPlan
    private let engine: Engine
    private let takes: Takes
    /// Per detection rule of the engine, its place among all rules.
    private let ranks: [Int]
    private var found: [Found] = []
    private var lines = 0
    /// What ends the run.
    private(set) var fault: LaneError?

    init(plan: DetectorPlan, options: Engine.Options, takes: Takes, ranks: [String: Int]) {
        self.plan = plan
        self.takes = takes
        self.ranks = plan.rules.detections.map { ranks[$0.metadata.key] ?? 0 }
        engine = Engine(plan: plan, options: options)
    }

    /// Takes every line of a batch: the whole work where there is one lane.
    func take(_ batch: EventBatch, _ files: LogFiles, _ clock: inout BacktestClock, _ summary: inout BacktestSummary) {
        batch.bytes.withUnsafeBytes { bytes in
            for line in batch.lines {
                do throws(EventError) {
                    try decode(batch.text(line, bytes), line, files, time: clock.last ?? 0) { view throws(EventError) in
                        try process(view)
                        try clock.take(view.time, line: lines)
                        summary.take(time: view.time, hasTime: view.hasTime, identity: Self.hash(view, plan.identity))
                    }
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
                                try process(view)
                            }
                        } catch {
                            // The router has read it with the fields of all rules, and knows the time of the stream: nothing
                            // that comes after can be trusted.
                            fault = LaneError(place: files.place(file: Int(line.file), line: line.number), error: error)
                            return
                        }
                    } else {
                        engine.observe(time: route.time)
                        drain()
                    }
                }
                next()
            }
        }
    }

    /// Decides what still waits.
    func finish() {
        engine.finish()
        drain()
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
        var uid = files.uid(line)
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

    private func process(_ view: EventView) throws(EventError) {
        // What the passing of time decides comes before what the event does.
        engine.observe(time: view.time)
        drain()
        try engine.process(view)
        drain()
    }

    private func drain() {
        guard engine.hasAlerts else { return }
        for (origin, alert) in zip(engine.origins, engine.takeAlerts()) {
            found.append(Found(line: lines, origin: origin < 0 ? -1 : ranks[origin], alert: alert))
        }
    }

    private func next() {
        lines += 1
        // Nothing is stored.
        if lines & 0xFFF == 0 { engine.discardChanges() }
    }
}
