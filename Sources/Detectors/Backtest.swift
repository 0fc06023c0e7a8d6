// SPDX-License-Identifier: Apache-2.0

import AuditEvent
package import Detection
import Sigma

/// Runs detectors over a recorded log, as the live pipeline would have.
///
/// With several jobs the rules that keep their state per value of one field (`RuleSplit`) run in as many engines, each with the
/// events of its values; the others run in one engine more, with all events. Every engine is told the times of all events, so each
/// decides what it decides at the same event as a single engine would: the alerts and their order are the same. Alerts that arise
/// at one event are ordered by their time, the rule's place in the set and their id.
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
    private var clock: BacktestClock
    /// Rules left out because their `logsource` does not apply.
    package let notApplicable: Int
    package private(set) var summary = BacktestSummary()

    /// - Throws: `DocumentError` when a rule lacks its calendar.
    package init(_ setup: DetectorSetup, files: LogFiles, options: Options = .init()) throws {
        let split = options.jobs > 1 ? RuleSplit(setup.rules.filtered { $0.logsource.applies(to: setup.mapping) }) : nil
        let watched = split.map { [$0.field] } ?? []
        let plan = try setup.plan(watching: watched)
        let engineOptions = Engine.Options(lateness: options.lateness, suppresses: options.suppresses)
        self.files = files
        notApplicable = plan.notApplicable
        ranks = Dictionary(
            plan.rules.metadata.enumerated().map { ($0.element.key, $0.offset) },
            uniquingKeysWith: { first, _ in first })
        clock = BacktestClock(lateness: options.lateness)
        guard let split else {
            lanes = [BacktestLane(plan: plan, options: engineOptions, takes: .all)]
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
                    takes: .share(share)))
        }
        if !isWhole {
            let rest = plan.rules.filtered { !split.keys.contains($0.metadata.key) }
            lanes.append(BacktestLane(plan: try setup.plan(rest), options: engineOptions, takes: .all))
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
    /// - Throws: `LineReader.ReadError` when a file cannot be read to its end.
    package func run(
        sorted: Bool = false, _ emit: (Alert) -> Void, progress: (Progress) -> Void = { _ in }
    ) throws {
        let source: any BatchSource =
            sorted ? try SortedBatches(files, lanes[0].plan.decoder) : ReadAhead(BatchReader(files))
        while let batch = try source.next() {
            take(batch, emit)
            progress(Progress(events: summary.events, bytes: batch.position, totalBytes: files.byteCount))
        }
        for lane in lanes { lane.finish() }
        drain(emit)
    }

    private func take(_ batch: EventBatch, _ emit: (Alert) -> Void) {
        if let router {
            let routes = router.routes(batch, files, &clock, &summary)
            inParallel(lanes.count) { [lanes] index in lanes[index].take(batch, routes, self.files) }
        } else {
            lanes[0].take(batch, files, &clock, &summary)
        }
        drain(emit)
    }

    private func drain(_ emit: (Alert) -> Void) {
        var found = lanes.flatMap { $0.takeAlerts() }
        guard !found.isEmpty else { return }
        found.sort { a, b in
            if a.line != b.line { return a.line < b.line }
            if a.alert.time != b.alert.time { return a.alert.time < b.alert.time }
            let (first, second) = (ranks[a.alert.ruleID] ?? 0, ranks[b.alert.ruleID] ?? 0)
            return first != second ? first < second : a.alert.id < b.alert.id
        }
        for entry in found {
            summary.count(entry.alert)
            emit(entry.alert)
        }
    }
}
