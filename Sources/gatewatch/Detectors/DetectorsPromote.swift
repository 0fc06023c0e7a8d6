// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Detectors
import Foundation
import Sigma
import YAMLDocument

extension Detectors {
    struct Promote: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Moves a rule up in its file: experimental, test, stable.",
            usage: "gatewatch detectors promote <rule> [<options>]",
            discussion: """
                gatewatch detectors promote gw_new_reach                  # one up
                gatewatch detectors promote gw_new_reach --to stable
                gatewatch detectors promote gw_new_reach --check --input logs/

                Rules that are experimental run and are counted, but notify nobody and enforce \
                nothing. Only the lines of status and modified change. With --input it first \
                tells how often the rule would have fired. Deprecated and unsupported rules \
                are not promoted. --detectors and --input take every path up to the next \
                option, so the rule stands first.
                Exit status: 0 fine, 1 refused, 2 usage, 3 cannot read or write.
                """)

        /// Where a rule can go.
        enum Goal: String, ExpressibleByArgument, CaseIterable { case test, stable }

        @Argument(help: "Name or id of a rule.")
        var rule: String
        @Option(help: "How far; one up without.")
        var to: Goal?
        @Flag(help: "Write nothing, only tell what would change.")
        var check = false
        @Option(parsing: .upToNextOption, help: "Rule files or folders; ./detectors without.")
        var detectors: [String] = ["detectors"]
        @OptionGroup var rules: RuleOptions
        @OptionGroup var log: LogInputOptions

        func run() throws {
            let files = try rules.load(detectors)
            guard let metadata = files.metadata(rule) else {
                for error in files.errors { Terminal.error("\(error)") }
                throw ValidationError(unknownKey(rule, known: files.rules.metadata.map(\.label), what: "rule"))
            }
            let promotion: RulePromotion
            do {
                promotion = try RulePromotion(metadata, to: to.flatMap { .init(rawValue: $0.rawValue) })
            } catch {
                throw Refused("\(error)")
            }
            if !log.input.isEmpty {
                let backtest = try log.backtest(try log.setup(files))
                try log.run(backtest) { _ in }
                try log.checkTimes(backtest.summary)
                let found = backtest.summary.found[metadata.label]
                let alerts = found?.alerts ?? 0
                Terminal.print(
                    "\(metadata.label): \(counted(alerts, "alert")) of \(counted(found?.identities.count ?? 0, "identity")) in \(BacktestCommand.decimal(backtest.summary.days)) days, \(BacktestCommand.decimal(Double(alerts) / backtest.summary.days)) a day"
                )
            }
            let place = "\(metadata.file):\(metadata.document["status"]?.line ?? 0)"
            let change = "\(promotion.from.rawValue) → \(promotion.to.rawValue)"
            if check {
                Terminal.print("\(place): \(metadata.label) would go \(change)")
                return
            }
            try write(promotion, metadata)
            Terminal.print("\(place): \(metadata.label) went \(change)")
        }

        /// Replaces the file at once; what it may be read by stays.
        private func write(_ promotion: RulePromotion, _ metadata: RuleMetadata) throws {
            let url = URL(fileURLWithPath: metadata.file).resolvingSymlinksInPath()
            let today = Date().formatted(.iso8601.year().month().day())
            do {
                let permissions = try FileManager.default.attributesOfItem(atPath: url.path)[.posixPermissions]
                let bytes = try promotion.apply(to: Array(try Data(contentsOf: url)), date: today)
                try Data(bytes).write(to: url, options: .atomic)
                if let permissions {
                    try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: url.path)
                }
            } catch let error as DocumentError {
                throw error
            } catch {
                throw DocumentError(unwritable: metadata.file, error)
            }
        }
    }
}
