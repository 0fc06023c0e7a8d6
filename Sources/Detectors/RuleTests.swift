// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar
import Detection
import Foundation
import Sigma
import YAMLDocument

/// Runs the tests of rules, each with engines of its own: inline ones (`gatewatch: tests`) and files of events (`EventFiles`).
package enum RuleTests {
    /// When the first event of an inline test is, unless the test says `start`: Wednesday 2026-11-18 12:00 UTC.
    static let start: Int64 = 1_795_003_200_000

    /// Runs all tests of a set, rule by rule, then the files of events beside the rule files.
    ///
    /// - Throws: `DocumentError` for a test that cannot be run.
    package static func run(_ files: DetectorFiles) throws -> [RuleTestOutcome] {
        var outcomes: [RuleTestOutcome] = []
        for metadata in files.rules.metadata where !metadata.extensions.tests.isEmpty {
            outcomes += try inline(metadata, files)
        }
        var seen: Set<String> = []
        for metadata in files.rules.metadata where seen.insert(metadata.file).inserted {
            for test in try EventFiles.cases(beside: metadata.file) {
                outcomes += try run(test, of: metadata.file, files)
            }
        }
        return outcomes
    }

    /// A rule with what it refers to and nothing else: a building block then raises alerts of its own.
    private static func alone(_ metadata: RuleMetadata, _ rules: RuleSet) -> RuleSet {
        var taken: Set<String> = []
        func take(_ rule: CorrelationRule.Reference) {
            switch rule {
            case .detection(let index):
                let metadata = rules.detections[index].metadata
                guard taken.insert(metadata.key).inserted, let ratio = metadata.extensions.ratio else { return }
                for other in rules.detections(named: ratio.of + ratio.to) { take(.detection(other)) }
            case .correlation(let index):
                guard taken.insert(rules.correlations[index].metadata.key).inserted else { return }
                for reference in rules.correlations[index].references { take(reference) }
            }
        }
        if let rule = rules.reference(metadata) { take(rule) }
        return rules.keeping { taken.contains($0.key) }
    }

    /// What held the rule back, else what came nearest, where there were fewer alerts than wanted.
    private static func nearest(
        _ metadata: RuleMetadata, _ rules: RuleSet, mapping: Mapping, span: ClosedRange<Int64>?,
        _ events: () throws -> [[UInt8]], _ run: (RuleSet) throws -> [Alert]
    ) throws -> [String] {
        let length = span.map { $0.upperBound - $0.lowerBound } ?? 0
        let reasons = try HeldBack.reasons(metadata, in: rules, span: length, run)
        if !reasons.isEmpty { return reasons }
        switch rules.reference(metadata) {
        case .detection(let index):
            return try NearMiss.nearest(rules.detections[index], in: rules, mapping: mapping, try events()).map { [$0] }
                ?? []
        case .correlation(let index):
            return try NearMiss.highest(rules.correlations[index], in: rules, run).map { [$0] } ?? []
        case nil: return []
        }
    }

    private static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let time = try ContinuousClock().measure(body)
        return Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    }

    private static func words(_ alert: Alert) -> String { "\(Timestamp.iso8601(alert.time)) \(alert.message)" }

    // MARK: Inline

    private static func inline(_ metadata: RuleMetadata, _ files: DetectorFiles) throws -> [RuleTestOutcome] {
        let rules = alone(metadata, files.rules)
        // Rules of any product are tested on events with the canonical fields.
        let ocsf = try Mapping.named("ocsf")
        let mapping = ocsf.applyingToEveryRule()
        let plan = try DetectorPlan(rules: rules, mapping: mapping, calendars: files.calendars)
        return try metadata.extensions.tests.map { test in
            var alerts: [Alert] = []
            let (events, span) = try test.written()
            let seconds = try seconds {
                alerts = try run(plan, events, test).filter { $0.ruleID == metadata.key }
            }
            var messages = alerts.map(words)
            if alerts.count < test.alerts {
                messages += try nearest(metadata, rules, mapping: mapping, span: span, { events }) { rules in
                    let plan = try DetectorPlan(rules: rules, mapping: mapping, calendars: files.calendars)
                    return try run(plan, events, test, suppresses: false)
                }
            }
            return RuleTestOutcome(
                suite: metadata.file, rule: metadata.label, test: test.name, file: metadata.file, line: test.node.line,
                wanted: counted(test.alerts, "alert"), found: String(alerts.count), passed: alerts.count == test.alerts,
                messages: messages, seconds: seconds)
        }
    }

    private static func run(
        _ plan: DetectorPlan, _ events: [[UInt8]], _ test: RuleExtension.Test, suppresses: Bool = true
    ) throws -> [Alert] {
        let engine = Engine(plan: plan, options: .init(suppresses: suppresses))
        for (index, event) in events.enumerated() {
            try event.withUnsafeBytes { bytes in
                let uid = Array("line:\(index + 1)".utf8)
                try uid.withUnsafeBytes { uid in
                    do throws(EventError) {
                        try engine.process(plan.decoder.decode(bytes, fallbackUID: .string(uid)))
                    } catch {
                        throw test.node.error("test '\(test.name)', event \(index + 1): \(error).")
                    }
                }
            }
        }
        engine.finish()
        return engine.takeAlerts()
    }

    // MARK: Files of events

    private static func run(
        _ test: EventFiles.Case, of file: String, _ files: DetectorFiles
    ) throws -> [RuleTestOutcome] {
        try test.wanted.wanted.map { wanted in
            let metadata = try files.metadata(wanted.rule, at: wanted.node)
            let rules = alone(metadata, files.rules)
            func run(_ rules: RuleSet, suppresses: Bool = true) throws -> (alerts: [Alert], summary: BacktestSummary) {
                var setup = DetectorSetup(files, mapping: test.mapping, directory: test.directory)
                setup.rules = rules
                let backtest = try Backtest(
                    setup, files: try LogFiles([test.events], lines: test.mapping.lines),
                    options: .init(suppresses: suppresses))
                var alerts: [Alert] = []
                try backtest.run { if $0.ruleID == metadata.key { alerts.append($0) } }
                return (alerts, backtest.summary)
            }
            var result: (alerts: [Alert], summary: BacktestSummary) = ([], BacktestSummary())
            let seconds = try seconds { result = try run(rules) }
            let identities = Set(result.alerts.compactMap(\.identity))
            let isWanted = wanted.holds(alerts: result.alerts.count, about: identities)
            var messages = result.alerts.map(words)
            if result.alerts.count < wanted.atLeast ?? 0 {
                messages += try nearest(
                    metadata, rules, mapping: test.mapping, span: result.summary.span, { try events(test) },
                    { try run($0, suppresses: false).alerts })
            }
            // An event that comes too late may be what is tested; one that cannot be read is a fault of the test.
            let unreadable = result.summary.rejectedCount - result.summary.rejected["late", default: 0]
            if unreadable > 0 { messages += result.summary.examples.map { "\(test.events): \($0)" } }
            return RuleTestOutcome(
                suite: file, rule: metadata.label, test: (test.events as NSString).lastPathComponent,
                file: wanted.node.file, line: wanted.node.line, wanted: wanted.text,
                found: wanted.found(alerts: result.alerts.count, about: identities)
                    + (unreadable > 0 ? ", and \(counted(unreadable, "event")) that cannot be read" : ""),
                passed: isWanted && unreadable == 0, messages: messages, seconds: seconds)
        }
    }

    /// The first events of a file, enough to look for the nearest one.
    private static func events(_ test: EventFiles.Case) throws -> [[UInt8]] {
        let batch = try BatchReader(LogFiles([test.events], lines: test.mapping.lines)).read()
        return batch.map { batch in
            batch.bytes.withUnsafeBytes { bytes in batch.lines.map { Array(batch.text($0, bytes)) } }
        } ?? []
    }
}
