// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Detection
import Detectors
import Foundation
import Sigma
import YAMLDocument

struct BacktestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backtest",
        abstract: "Runs detectors over a recorded log (NDJSON, gzip or not) and prints the alerts.",
        discussion: """
            gatewatch backtest --detectors detectors --input day.ndjson.gz --identities people.csv
            zcat cloudtrail.json.gz | gatewatch backtest --detectors my.yml --input - --mapping cloudtrail --format ocsf

            The same events give the same alerts as live. Alerts go to standard output, a summary to standard error.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case text, ocsf }

    @Option(parsing: .upToNextOption, help: "Rule files or folders.")
    var detectors: [String]
    @Option(help: "NDJSON file, gzip or not; - is standard input.")
    var input: String
    @Option(help: "How events read: \(Mapping.builtInNames.joined(separator: ", ")), or a mapping file.")
    var mapping = "ocsf"
    @Option(help: "Field of the event time, in place of the mapping's.")
    var timeField: String?
    @Option(help: "Identity directory, CSV or NDJSON.")
    var identities: String?
    @Option(help: "iCalendar file for every gatewatch: outside, in place of the one that a rule names.")
    var calendar: String?
    @Option(help: "Values of |expand placeholders: YAML, name → list.")
    var lists: String?
    @Option(help: "text or ocsf (one Detection Finding a line).")
    var format = Format.text
    @Flag(help: "Fire again at every event at which a condition holds.")
    var noSuppress = false
    @Option(help: "How much earlier than the latest event one may be and still count.")
    var lateness = "60s"
    @Flag(help: "Order the input by time first, in memory: for logs that are not written in order.")
    var sort = false
    @Option(help: "The largest event, in bytes.")
    var maximumEventBytes = 1 << 20

    func run() throws {
        guard let lateness = Timespan(lateness) else {
            throw ValidationError("--lateness \(lateness): write 60s, 10m or 1h.")
        }
        let files = try DetectorFiles(paths: detectors, calendar: calendar, lists: lists)
        for error in files.errors { Terminal.error("\(error)") }
        if let lists {
            // Rules with |expand are refused so far, so nothing can use the values; the file must still be right.
            _ = try YAMLReader.documents(path: lists)
            Terminal.error("\(lists): no rule uses these lists: |expand is not supported yet.")
        }
        var mapping = try Mapping.named(mapping)
        if let timeField { mapping = mapping.takingTime(from: timeField) }
        let plan = try DetectorPlan(
            rules: files.rules, mapping: mapping, directory: try identities.map { try IdentityDirectory(path: $0) },
            calendars: files.calendars, limits: .init(maximumBytes: maximumEventBytes))
        var backtest = Backtest(plan: plan, lateness: lateness.milliseconds, suppresses: !noSuppress)
        var progress = Progress()
        if sort {
            try backtest.runSorted(path: input) { print($0) }
        } else {
            try backtest.run(path: input) {
                print($0)
            } progress: {
                progress.show($0)
            }
        }
        backtest.finish { print($0) }
        progress.clear()
        summarize(backtest.summary, plan)
        if !files.errors.isEmpty { throw ExitCode.foundWrong }
    }

    private func print(_ alert: Alert) {
        switch format {
        case .ocsf: Terminal.line(alert.ocsf())
        case .text:
            Terminal.print(
                "\(Timestamp.iso8601(alert.time))  \(alert.level.uppercased())  \(alert.message)  [\(alert.ruleName)]")
        }
    }

    private func summarize(_ summary: Backtest.Summary, _ plan: DetectorPlan) {
        var text = "\(summary.events) events, \(summary.alerts.values.reduce(0, +)) alerts"
        if summary.withoutIdentity > 0 { text += ", \(summary.withoutIdentity) events without identity" }
        if plan.notApplicable > 0 {
            text +=
                "\n\(plan.notApplicable) rules are for other log sources than '\(mapping)' (--mapping raw tries every rule)"
        }
        for (rule, count) in summary.alerts.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            text += "\n\(count)\t\(rule)"
        }
        if summary.rejectedCount > 0 {
            let reasons = summary.rejected.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            text += "\n\(summary.rejectedCount) events were not taken: \(reasons.joined(separator: ", "))"
            for example in summary.examples { text += "\n  \(example)" }
            if summary.rejected["late"] != nil {
                text += "\n  Late events count with --sort, or with a longer --lateness."
            }
        }
        Terminal.error(text)
    }

    /// Says how far it is, on a terminal only, about every second.
    private struct Progress {
        private let isOn = isatty(2) == 1
        private var last = Date()
        private var hasShown = false

        mutating func show(_ events: Int) {
            guard isOn, Date().timeIntervalSince(last) > 1 else { return }
            last = Date()
            hasShown = true
            try? FileHandle.standardError.write(contentsOf: Data("\r\(events) events".utf8))
        }

        func clear() {
            if hasShown { try? FileHandle.standardError.write(contentsOf: Data("\r\u{1B}[K".utf8)) }
        }
    }
}
