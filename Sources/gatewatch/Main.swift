// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

@main
struct Gatewatch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gatewatch",
        abstract: "Watches what people and agents do with embeddings, vectors, model weights and training data.",
        discussion: """
            Audit events come from Kafka, detectors are Sigma rules, alerts leave as signed webhooks.

            Try it:            gatewatch demo
            Test the rules:    gatewatch detectors test
            Run a recorded log: gatewatch backtest --detectors detectors --input fixtures/day.ndjson.gz \\
                                  --identities fixtures/identities.csv --calendar fixtures/deployment.ics

            Exit status: 0 fine, 1 found something wrong or refused, 2 usage, 3 cannot read or reach.
            """,
        version: "0.1.0",
        subcommands: [
            Demo.self, GatewayCommand.self, Detect.self, HubCommand.self, Broker.self, Detectors.self,
            BacktestCommand.self, BaselineCommand.self, Deliveries.self, NotifyCommand.self, RoutesCommand.self,
            SilencesCommand.self, IncidentsCommand.self, ActivityCommand.self, ReportCommand.self, EvidenceCommand.self,
            OrdersCommand.self,
            TokensCommand.self,
            ApprovalsCommand.self, Keys.self,
            Fixtures.self,
        ])

    /// The same as ArgumentParser's own, with the exit statuses that are promised above.
    static func main() async {
        // A reader that goes away (`| head`) ends us by an error of write, not by a signal in the middle of a commit.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            leave(error)
        }
    }

    private static func leave(_ error: any Error) -> Never {
        if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
        // Told by a command that runs already: the usage of all commands would not help.
        if let error = error as? ValidationError {
            Terminal.error("Error: \(error.message)")
            Foundation.exit(2)
        }
        if exitCode(for: error) == .validationFailure {
            Terminal.error(fullMessage(for: error))
            Foundation.exit(2)
        }
        if exitCode(for: error) == .success { exit(withError: error) }
        if let refused = error as? Refused {
            Terminal.error("gatewatch: \(refused.reason)")
            Foundation.exit(1)
        }
        Terminal.error("gatewatch: \(error)")
        Foundation.exit(3)
    }
}

extension ExitCode {
    /// A failing test, a rule that cannot be used: the command did its work and found something wrong.
    static let foundWrong = ExitCode(1)
}

/// The command was understood, and what it asks for must not or cannot be done: status 1.
struct Refused: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

/// What commands print.
enum Terminal {
    static func print(_ text: String) {
        write(text, to: .standardOutput)
    }

    static func error(_ text: String) {
        write(text, to: .standardError)
    }

    /// Bytes and a line end to standard output.
    static func line(_ bytes: [UInt8]) {
        try? FileHandle.standardOutput.write(contentsOf: Data(bytes + [0x0A]))
    }

    /// A reader that went away is no reason to stop working.
    private static func write(_ text: String, to file: FileHandle) {
        try? file.write(contentsOf: Data((text + "\n").utf8))
    }

    /// A text that somebody else wrote, on one line and without what would steer the terminal or turn the line around.
    static func clean(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .lineSeparator, .paragraphSeparator:
                        scalar == "\n" || scalar == "\t" ? " " : "\u{FFFD}"
                    case .format: "\u{FFFD}"
                    default: scalar
                    }
                }))
    }

    /// Columns side by side, two spaces between.
    static func table(_ rows: [[String]]) -> String {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (index, cell) in row.enumerated() {
                line +=
                    index + 1 < row.count
                    ? cell.padding(toLength: widths[index] + 2, withPad: " ", startingAt: 0) : cell
            }
            return line
        }.joined(separator: "\n")
    }
}
