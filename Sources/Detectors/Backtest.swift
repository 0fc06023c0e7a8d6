// SPDX-License-Identifier: Apache-2.0

import AuditEvent
package import Detection
import Sigma

/// Runs detectors over a recorded log, as the live pipeline would have.
///
/// With several jobs the rules that keep their state per value of one field (`RuleSplit`) run in as many engines, each with the
/// events of its values; the others run in one engine more, with all events. Every engine is told the times of all events, so each
/// decides what it decides at the same event as a single engine would: the alerts and their order are the same. Alerts that the
/// passing of time decided come first, by their time, the rule's place in the set and their id; then those of the event itself,
/// by the detection rule that it matched. Risk is added up over all of them, in that order.
package final class Backtest {
    package struct Options: Sendable {
        /// How much earlier than the latest event one may be and still count, ms.
        package var lateness: Int64
        /// Whether firings that follow each other are one alert.
        package var suppresses: Bool
        /// Threads that run engines.
        package var jobs: Int

        package init(lateness: Int64 = 60_000, suppresses: Bool = true, jobs: Int = 1) {
            self.lateness = lateness
            self.suppresses = suppresses
            self.jobs = jobs
        }
    }

    /// How far a run is.
    package struct Progress: Sendable {
        package let events: Int
        /// Bytes read of the files as they are on disk.
        package let bytes: Int64
        /// All of them; nil where it is not known.
        package let totalBytes: Int64?
    }

    private let files: LogFiles
    private let lanes: [BacktestLane]
    private let router: BacktestRouter?
    private let ranks: [String: Int]
    private let risks: AlertRisks
    private var clock: BacktestClock
    /// Rules left out because their `logsource` does not apply.
    package let notApplicable: Int
    package private(set) var summary = BacktestSummary()

    /// - Throws: `DocumentError` when a rule lacks its calendar.
    package init(_ setup: DetectorSetup, files: LogFiles, options: Options = .init()) throws {
        let split = options.jobs > 1 ? RuleSplit(setup.rules.filtered { $0.logsource.applies(to: setup.mapping) }) : nil
        let watched = split.map { [$0.field] } ?? []
        let plan = try setup.plan(watching: watched)
        let engineOptions = Engine.Options(
            lateness: options.lateness, suppresses: options.suppresses, notesRisk: false)
        self.files = files
        notApplicable = plan.notApplicable
        let ranks = Dictionary(
            plan.rules.metadata.enumerated().map { ($0.element.key, $0.offset) },
            uniquingKeysWith: { first, _ in first })
        self.ranks = ranks
        risks = AlertRisks(plan: plan)
        clock = BacktestClock(lateness: options.lateness)
        guard let split else {
            lanes = [BacktestLane(plan: plan, options: engineOptions, takes: .all, ranks: ranks)]
            router = nil
            return
        }
        let isWhole = split.keys.count == plan.rules.metadata.count
        var lanes: [BacktestLane] = []
        for share in 0..<options.jobs {
            let part = isWhole ? plan.rules : plan.rules.filtered { split.keys.contains($0.metadata.key) }
            lanes.append(
                BacktestLane(
                    plan: share == 0 && isWhole ? plan : try setup.plan(part, watching: watched),
                    options: engineOptions,
                    takes: .share(share), ranks: ranks))
        }
        if !isWhole {
            let rest = plan.rules.filtered { !split.keys.contains($0.metadata.key) }
            lanes.append(BacktestLane(plan: try setup.plan(rest), options: engineOptions, takes: .all, ranks: ranks))
        }
        // Who reads with all rules' fields refuses the same events as a single engine.
        let readers = try (0..<options.jobs).map { share in
            isWhole ? lanes[share].plan : try setup.plan(watching: watched)
        }
        router = BacktestRouter(readers: readers, shares: options.jobs)
        self.lanes = lanes
    }

    /// Runs over the whole input.
    ///
    /// - Parameters:
    ///   - sorted: the events in the order of their times, for logs that are not written in order; holds the input in memory.
    ///   - emit: is given the alerts, in order.
    /// - Throws: `LineReader.ReadError` when a file cannot be read to its end; an error with the event's place when an engine
    ///   cannot read what was read before it was given to it.
    package func run(
        sorted: Bool = false, _ emit: (Alert) -> Void, progress: (Progress) -> Void = { _ in }
    ) throws {
        let source: any BatchSource =
            sorted ? try SortedBatches(files, lanes[0].plan.decoder) : ReadAhead(BatchReader(files))
        while let batch = try source.next() {
            try take(batch, emit)
            progress(Progress(events: summary.events, bytes: batch.position, totalBytes: files.byteCount))
        }
        for lane in lanes { lane.finish() }
        drain(emit)
    }

    private func take(_ batch: EventBatch, _ emit: (Alert) -> Void) throws {
        summary.unmatchedLines += batch.unmatched
        if let router {
            let routes = router.routes(batch, files, &clock, &summary)
            inParallel(lanes.count) { [lanes] index in lanes[index].take(batch, routes, self.files) }
            if let fault = lanes.lazy.compactMap(\.fault).first { throw fault }
        } else {
            lanes[0].take(batch, files, &clock, &summary)
        }
        drain(emit)
    }

    private func drain(_ emit: (Alert) -> Void) {
        var sweeps = clock.takeSweeps()[...]
        for entry in ordered(lanes.flatMap { $0.takeAlerts() }) {
            // An engine sweeps at an event after time has passed and before the event counts.
            while let sweep = sweeps.first, (sweep.line, 0) <= (entry.line, entry.origin) {
                risks.sweep(watermark: sweep.watermark)
                sweeps.removeFirst()
            }
            let alert = risks.noted(entry.alert)
            summary.count(alert)
            emit(alert)
        }
        for sweep in sweeps { risks.sweep(watermark: sweep.watermark) }
    }

    private func ordered(_ found: [BacktestLane.Found]) -> [BacktestLane.Found] {
        // The alerts of one detection's match are of one engine, in the order in which they arose.
        found.enumerated().sorted { a, b in
            let (first, second) = (a.element, b.element)
            if first.line != second.line { return first.line < second.line }
            if first.origin != second.origin { return first.origin < second.origin }
            if first.origin >= 0 { return a.offset < b.offset }
            if first.alert.time != second.alert.time { return first.alert.time < second.alert.time }
            let (rank, other) = (ranks[first.alert.ruleID] ?? 0, ranks[second.alert.ruleID] ?? 0)
            return rank != other ? rank < other : first.alert.id < second.alert.id
        }.map(\.element)
    }
}
