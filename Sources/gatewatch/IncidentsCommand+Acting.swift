// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GRDB
import Hub
import Incidents

extension IncidentsCommand {
    /// On what, and who.
    struct Target: ParsableArguments {
        @Argument(help: "The incident's id, or its first six characters or more.")
        var id: String
        @Option(name: .customLong("as"), help: "Your name, as the evidence keeps it.")
        var actor = NSUserName()
        @Option(name: .customLong("if-version"), help: "Only if the incident is still at this version, see 'show'.")
        var version: Int64?
        @OptionGroup var common: Common

        func act(_ action: IncidentAction) throws -> Incident {
            let now = ControlOptions.now
            return try common.write { db in
                let incident = try IncidentStore.find(id, in: db)
                return try IncidentStore.routed.act(
                    action, on: incident.id, by: actor, version: version, now: now, in: db)
            }
        }
    }

    struct Assign: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Says whose an incident is.")
        @OptionGroup var target: Target
        @Option(help: "Whose it is from now on.")
        var to: String?
        @Flag(help: "It is nobody's from now on.")
        var nobody = false

        func validate() throws {
            guard (to == nil) == nobody else { throw ValidationError("Give --to NAME, or --nobody.") }
        }

        func run() throws {
            let incident = try target.act(.assign(to))
            Terminal.print("\(incident.id) is \(to.map { "assigned to \($0)" } ?? "nobody's")")
        }
    }

    struct Comment: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Adds a comment, to a closed incident too.")
        @OptionGroup var target: Target
        @Argument(help: "What you have to say; - reads standard input.")
        var text: String

        func run() throws {
            var text = text
            if text == "-" {
                // One byte over what four-byte characters can take: enough to see that it is too long.
                let limit = IncidentAction.maximumComment * 4 + 1
                var data = Data()
                while data.count < limit,
                    let part = try FileHandle.standardInput.read(upToCount: limit - data.count), !part.isEmpty
                {
                    data += part
                }
                guard let read = String(data: data, encoding: .utf8) else {
                    throw ValidationError(
                        "The comment is not UTF-8, or longer than \(IncidentAction.maximumComment) characters.")
                }
                text = read.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            let incident = try target.act(.comment(text))
            Terminal.print(
                "\(incident.id) has \(incident.comments == 1 ? "one comment" : "\(incident.comments) comments")")
        }
    }

    struct DispositionCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disposition",
            abstract: "Says whether an incident's alerts were true, false or benign.",
            discussion: """
                true: it was what the rule says. false: it was not. benign: it was, and it was allowed. All alerts that the incident has
                now are meant; they go to the topic gatewatch.feedback, and into the rule's precision.
                """)
        @OptionGroup var target: Target
        @Argument(help: "true, false or benign.")
        var disposition: String
        @Option(help: "Why, in one sentence.")
        var reason: String

        func run() throws {
            guard let said = Disposition(rawValue: disposition) else {
                throw ValidationError("\(disposition): write true, false or benign.")
            }
            let incident = try target.act(.dispose(said, reason: reason))
            Terminal.print(
                "\(incident.id): \(incident.alerts == 1 ? "one alert is" : "\(incident.alerts) alerts are") \(said.rawValue)"
            )
        }
    }

    struct Close: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Closes an incident; the receivers that were told of it hear so. An alert opens it again.")
        @OptionGroup var target: Target
        @Option(help: "Why, in one sentence.")
        var reason: String?

        func run() throws { Terminal.print("\(try target.act(.close(reason: reason)).id) is closed") }
    }

    struct Reopen: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Opens a closed incident for 24 hours; its disposition is taken back.")
        @OptionGroup var target: Target
        @Option(help: "Why, in one sentence.")
        var reason: String?

        func run() throws { Terminal.print("\(try target.act(.reopen(reason: reason)).id) is open") }
    }
}
