// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Detection
import Detectors

extension Detectors {
    struct Diff: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tells what a change of rules would have changed over recorded logs.",
            usage: "gatewatch detectors diff <old> <new> --input <input> ... [<options>]",
            discussion: """
                git worktree add /tmp/before main
                gatewatch detectors diff /tmp/before/detectors detectors \\
                    --input logs/ --identities people.csv

                Alerts are the same when their ids are: same rule, same group, same episode.
                --input takes every path up to the next option, so OLD and NEW stand first.
                Exit status: 0 no difference, 1 rules or alerts differ, or a rule cannot be
                used, 2 usage, 3 cannot read.
                """)

        @Argument(help: "Rule file or folder as it was.")
        var old: String
        @Argument(help: "Rule file or folder as it is to be.")
        var new: String
        @OptionGroup var rules: RuleOptions
        @OptionGroup var log: LogInputOptions
        @Option(help: "text or json.")
        var format = Format.text

        mutating func validate() throws {
            try log.requireInput()
            if log.input.contains("-") {
                throw ValidationError("--input -: the events are read twice, once for each set of rules; give a file.")
            }
        }

        func run() throws {
            let before = try rules.load([old])
            let after = try rules.load([new])
            for error in before.errors + after.errors { Terminal.error("\(error)") }
            let old = try run(before)
            // The events are the same in both runs.
            try log.checkTimes(old.summary)
            let diff = RuleDiff(
                old: before, new: after, oldAlerts: old.alerts, newAlerts: try run(after).alerts)
            switch format {
            case .json: Terminal.line(diff.json)
            case .text: print(diff)
            }
            if !diff.isEmpty || !before.errors.isEmpty || !after.errors.isEmpty { throw ExitCode.foundWrong }
        }

        private func run(_ files: DetectorFiles) throws -> (alerts: [Alert], summary: BacktestSummary) {
            var alerts: [Alert] = []
            let backtest = try log.backtest(try log.setup(files))
            try log.run(backtest) { alerts.append($0) }
            return (alerts, backtest.summary)
        }

        private func print(_ diff: RuleDiff) {
            for rule in diff.rules {
                Terminal.print(
                    "\(rule.name): \(rule.change.rawValue)\(rule.keys.isEmpty ? "" : " (\(rule.keys.joined(separator: ", ")))"), alerts: \(rule.onlyOld.count) only before, \(rule.onlyNew.count) only after, \(rule.both) in both"
                )
                for (mark, alerts) in [("-", rule.onlyOld), ("+", rule.onlyNew)] {
                    for alert in alerts.prefix(10) {
                        Terminal.print("  \(mark) \(Timestamp.iso8601(alert.time))  \(alert.message)")
                    }
                    if alerts.count > 10 { Terminal.print("  \(mark) … \(alerts.count - 10) more") }
                }
            }
            Terminal.print(
                "\(diff.rules.count) \(diff.rules.count == 1 ? "rule differs" : "rules differ"), \(diff.unchanged) \(diff.unchanged == 1 ? "does" : "do") not"
            )
        }
    }
}
