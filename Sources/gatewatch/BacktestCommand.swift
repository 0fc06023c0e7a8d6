// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Detection
import Detectors
import Foundation
import YAMLDocument

struct BacktestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backtest",
        abstract: "Runs detectors over recorded logs (NDJSON, gzip or not) and prints the alerts.",
        usage: "gatewatch backtest --detectors <path> ... --input <path> ... [<options>]",
        discussion: """
            gatewatch backtest --detectors detectors --input day.ndjson.gz \\
                --identities people.csv
            gatewatch backtest --detectors detectors --input logs/ --expect expect.yml
            gatewatch backtest --detectors detectors --input /var/log/auth.log \\
                --mapping sshd
            zcat cloudtrail.json.gz | gatewatch backtest --detectors my.yml --input - \\
                --mapping cloudtrail --format ocsf

            The same events give the same alerts as live. Alerts go to standard output, a \
            summary to standard error. An event without a time counts as of the time of \
            the one before it.
            --expect names a YAML file of rules and how many alerts each gives:

              gw_bulk_vectors_10m: { at_least: 1, at_most: 3 }
              gw_chain: { exactly: 1, identities: [ana] }
              gw_three_signals: 0

            Exit status: 0 fine, 1 a rule cannot be used or an expectation is missed, 2
            usage, 3 cannot read.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case text, ocsf }

    @Option(parsing: .upToNextOption, help: "Rule files or folders.")
    var detectors: [String]
    @OptionGroup var rules: RuleOptions
    @OptionGroup var log: LogInputOptions
    @Option(help: "text or ocsf (one Detection Finding a line).")
    var format = Format.text
    @Option(help: ArgumentHelp("What the rules are to give; exit status 1 when one does not.", valueName: "file"))
    var expect: String?

    mutating func validate() throws {
        try log.requireInput()
    }

    func run() throws {
        let files = try rules.load(detectors)
        for error in files.errors { Terminal.error("\(error)") }
        let expectations = try expect.map { try Expectations(path: $0) }
        let backtest = try log.backtest(try log.setup(files))
        // A rule that is expected and is not there is told before a long run.
        _ = try expectations?.missed(backtest.summary, files)
        try log.run(backtest) { print($0) }
        summarize(backtest)
        let missed = try expectations?.missed(backtest.summary, files) ?? []
        for miss in missed { Terminal.error("\(miss)") }
        try log.checkTimes(backtest.summary)
        // Nothing fires on nothing: a wrong path or mapping must not look like a quiet log.
        if backtest.summary.events == 0 {
            Terminal.error("no event was taken: check --input and --mapping.")
            if expectations != nil { throw ExitCode.foundWrong }
        }
        if let expectations, missed.isEmpty {
            Terminal.error("\(counted(expectations.wanted.count, "expectation")) met")
        }
        if !files.errors.isEmpty || !missed.isEmpty { throw ExitCode.foundWrong }
    }

    private func print(_ alert: Alert) {
        switch format {
        case .ocsf: Terminal.line(alert.ocsf())
        case .text:
            Terminal.print(
                "\(Timestamp.iso8601(alert.time))  \(alert.level.uppercased())  \(alert.message)  [\(alert.ruleName)]")
        }
    }

    private func summarize(_ backtest: Backtest) {
        let summary = backtest.summary
        var text = "\(counted(summary.events, "event")), \(counted(summary.alertCount, "alert"))"
        if summary.span != nil {
            text += ", \(counted(summary.identityCount, "identity")), \(Self.decimal(summary.days)) days"
        }
        if summary.withoutIdentity > 0 { text += ", \(counted(summary.withoutIdentity, "event")) without identity" }
        if summary.unmatchedLines > 0 {
            text +=
                "\n\(counted(summary.unmatchedLines, "line")) of no form that '\(log.mappingName)' knows; only the text is read"
        }
        if backtest.notApplicable > 0 {
            text +=
                "\n\(counted(backtest.notApplicable, "rule")) left out: for other log sources than '\(log.mappingName)' (--mapping raw tries every rule)"
        }
        if !summary.found.isEmpty { text += "\n\n\(Self.table(summary))\n" }
        if summary.rejectedCount > 0 {
            let reasons = summary.rejected.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            text +=
                "\n\(counted(summary.rejectedCount, "event")) \(summary.rejectedCount == 1 ? "was" : "were") not taken: \(reasons.joined(separator: ", "))"
            for example in summary.examples { text += "\n  \(example)" }
            if summary.rejected["late"] != nil {
                text += "\n  Late events count with --sort, or with a longer --lateness."
            }
        }
        Terminal.error(text)
    }

    /// Alerts by rule, the most first.
    private static func table(_ summary: BacktestSummary) -> String {
        var rows = [["RULE", "STATUS", "ALERTS", "IDENTITIES", "PER DAY", "PER 1,000 IDENTITIES"]]
        for found in summary.found.values.sorted(by: { ($1.alerts, $0.rule) < ($0.alerts, $1.rule) }) {
            let identities = max(1, summary.identityCount)
            rows.append([
                found.rule, found.status, String(found.alerts), String(found.identities.count),
                decimal(Double(found.alerts) / summary.days),
                decimal(Double(found.alerts) * 1000 / Double(identities)),
            ])
        }
        return Terminal.table(rows)
    }

    /// One place after the point, two for what is small.
    static func decimal(_ value: Double) -> String {
        String(format: value < 0.95 ? "%.2f" : "%.1f", value)
    }
}
