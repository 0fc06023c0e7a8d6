// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Foundation
import GRDB
import Routing

struct SilencesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "silences", abstract: "Lists, makes and ends silences: alerts that nobody is told of for a while.",
        discussion: """
            gatewatch silences list
            gatewatch silences add 'identity="svc-nightly"' 'alertname=~"mr_gw_bulk.*"' --duration 4h --comment "reindexing, CHG-4711"
            gatewatch silences add tenant=acme --starts 2026-11-28T20:00:00Z --ends 2026-11-29T04:00:00Z --comment "move"
            gatewatch silences expire 6d0f5c1e-…

            All matchers must hold. The running hub obeys at once. Silenced alerts are stored, and those that still fire are told when
            the silence ends. Matchers are written as for routes; see docs/routing.md.
            """,
        subcommands: [List.self, Add.self, Expire.self], defaultSubcommand: List.self)

    struct Common: ParsableArguments {
        @Option(help: "Configuration file (YAML).")
        var config: String?
        @Option(help: "Folder of the hub's state.")
        var state: String?

        func database() throws -> DatabasePool {
            let file = try config.map { try ConfigurationFile(path: $0) } ?? .empty
            return try HubState.open(HubState.path(state, file))
        }

        func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
            do {
                return try database().write(body)
            } catch let error as SilenceError {
                throw Refused(error.description)
            }
        }
    }

    /// Matchers from the command line, each argument one or several.
    static func matchers(_ texts: [String]) throws -> [Matcher] {
        try texts.flatMap { text in
            do {
                return try MatcherReader.matchers(text)
            } catch {
                throw ValidationError("'\(text)' is not a matcher: \(error).")
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Those in force and those to come, by their end.")
        @OptionGroup var common: Common
        @Flag(help: "Those that are over as well; they are kept for five days.")
        var expired = false

        func run() throws {
            let now = ControlOptions.now
            let silences = try common.database().read { db in try SilenceStore.all(in: db) }
                .filter { expired || $0.state(at: now) != .expired }
            guard !silences.isEmpty else { return Terminal.print("there is no silence") }
            var rows = [["ID", "STATE", "STARTS", "ENDS", "BY", "MATCHERS", "COMMENT"]]
            for silence in silences {
                rows.append([
                    silence.id, silence.state(at: now).rawValue, Timestamp.iso8601(silence.startsAt),
                    Timestamp.iso8601(silence.endsAt), silence.createdBy, silence.matchers.text, silence.comment,
                ])
            }
            Terminal.print(Terminal.table(rows))
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a silence and prints its id.")
        @OptionGroup var common: Common
        @Option(help: "Why, for whoever finds it.")
        var comment: String
        @Option(help: "Who made it.")
        var createdBy = NSUserName()
        @Option(help: "How long from its start: 30m, 4h, 1d12h.")
        var duration: String?
        @Option(help: "Its end (ISO 8601), in place of --duration.")
        var ends: String?
        @Option(help: "Its start (ISO 8601); now without.")
        var starts: String?
        @Argument(help: "Matchers: NAME=VALUE, NAME!=VALUE, NAME=~EXPRESSION, NAME!~EXPRESSION.")
        var matchers: [String]

        mutating func validate() throws {
            if (duration == nil) == (ends == nil) { throw ValidationError("Give either --duration or --ends.") }
        }

        func run() throws {
            let matchers = try SilencesCommand.matchers(matchers)
            let now = ControlOptions.now
            let start = try starts.map { try HubState.time($0, "--starts") }
            let end: Int64
            if let duration {
                guard let length = PrometheusDuration.milliseconds(duration), length > 0 else {
                    throw ValidationError("--duration \(duration): write 30m, 4h or 1d12h.")
                }
                end = (start ?? now) + length
            } else {
                end = try HubState.time(ends ?? "", "--ends")
            }
            let silence = try common.write { db in
                try SilenceStore.add(
                    matchers: matchers, startsAt: start, endsAt: end, createdBy: createdBy, comment: comment, now: now,
                    in: db)
            }
            Terminal.print(silence.id)
        }
    }

    struct Expire: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends silences now, all of those given or none.")
        @OptionGroup var common: Common
        @Argument(help: "Ids of silences.")
        var ids: [String]

        func run() throws {
            let now = ControlOptions.now
            try common.write { db in
                for id in ids { try SilenceStore.expire(id, now: now, in: db) }
            }
            Terminal.print(ids.count == 1 ? "the silence is over" : "\(ids.count) silences are over")
        }
    }
}
