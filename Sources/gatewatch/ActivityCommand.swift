// SPDX-License-Identifier: Apache-2.0

import Activity
import ArgumentParser
import AuditEvent
import Foundation
import GRDB
import JSONText
import Paging
import YAMLDocument

struct ActivityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "activity", abstract: "Who accessed what, which operations, did anything leave.",
        discussion: """
            gatewatch activity list --prefix ana
            gatewatch activity list --quiet-for 60
            gatewatch activity show ana@example.com --days 7
            gatewatch activity resource llm-70b --type checkpoint
            gatewatch activity coverage --days 28 --json

            Counted by the hub from the audit topic, see docs/activity.md. Run it where the hub's database is.
            """,
        subcommands: [List.self, Show.self, ResourceCommand.self, Coverage.self])

    struct Common: ParsableArguments {
        @Option(help: "Configuration file (YAML).")
        var config: String?
        @Option(help: "Folder of the hub's state.")
        var state: String?
        @Flag(help: "JSON.")
        var json = false

        func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
            let file = try config.map { try ConfigurationFile(path: $0) } ?? .empty
            let path = ConfigurationFile.activityDatabase(beside: try HubState.path(state, file))
            guard FileManager.default.fileExists(atPath: path) else {
                throw DocumentError(file: path, message: "does not exist. Give the hub's --state or --config.")
            }
            do {
                return try ActivityStore(ActivitySchema.open(path: path)).read(body)
            } catch let error as BadCursor {
                throw ValidationError("--cursor: \(error).")
            }
        }
    }

    /// A time range that ends now, or with the last event where that is earlier: a log that ended is still readable.
    struct Range: ParsableArguments {
        @Option(help: "So many days back from the last event.")
        var days = 28

        mutating func validate() throws {
            if !(1...400).contains(days) { throw ValidationError("--days is 1 to 400.") }
        }

        func range(in db: Database) throws -> Swift.Range<Int64> {
            let end = try ActivityStore.coverage(in: 0..<1, in: db).lastHour.map { $0 + 3_600_000 } ?? 0
            return max(0, end - Int64(days) * 86_400_000)..<end
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Identities, those active last first.")

        @OptionGroup var common: Common
        @Option(help: "What the identity begins with.")
        var prefix = ""
        @Option(help: "human or service.")
        var kind: String?
        @Option(help: "Only those without an event in so many days before the last event of all.")
        var quietFor: Int?
        @OptionGroup var part: PageOptions

        func run() throws {
            let page = try common.read { db in
                var filter = ActivityStore.IdentityFilter(prefix: prefix, kind: kind)
                if let quietFor {
                    guard (1...100_000).contains(quietFor) else {
                        throw ValidationError("--quiet-for is a number of days.")
                    }
                    let end = try ActivityStore.coverage(in: 0..<1, in: db).lastHour ?? 0
                    filter.quietSince = end - Int64(quietFor) * 86_400_000
                }
                return try ActivityStore.identities(filter, after: part.cursor, limit: part.limit, in: db)
            }
            if common.json {
                for identity in page.items {
                    var json = JSONWriter(capacity: 256)
                    json.object { identity.write(to: &$0) }
                    Terminal.line(json.bytes)
                }
            } else if page.items.isEmpty {
                Terminal.print("there is no such identity")
            } else {
                Terminal.print(
                    Terminal.table(
                        [["IDENTITY", "KIND", "FIRST", "LAST", "NAME"]]
                            + page.items.map {
                                [
                                    Terminal.clean($0.identity), $0.kind ?? "-", Timestamp.iso8601($0.firstAt),
                                    Timestamp.iso8601($0.lastAt), Terminal.clean($0.name ?? $0.email ?? "-"),
                                ]
                            }))
            }
            PageOptions.tellMore(page.next)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What an identity did: operations, reach, sessions, changes.")

        @OptionGroup var common: Common
        @OptionGroup var range: Range
        @Argument(help: "The identity.")
        var identity: String
        @Option(help: "At most so many lines of each part.")
        var limit = 20

        func run() throws {
            let view = try common.read { db in
                guard let found = try ActivityStore.find(identity, in: db) else {
                    throw Refused("nobody called '\(Terminal.clean(identity))' was seen; see 'gatewatch activity list'")
                }
                let range = try range.range(in: db)
                return ActivityView(
                    identity: found, range: range,
                    operations: try ActivityStore.operations(
                        .init(identity: found.id), in: range, limit: limit, in: db),
                    reach: try ActivityStore.reach(of: found.id, in: range, limit: limit, in: db),
                    sessions: try ActivityStore.sessions(of: found.id, limit: limit, in: db).items,
                    changes: try ActivityStore.changes(of: found.id, in: range, limit: limit, in: db).items)
            }
            if common.json { Terminal.line(view.json) } else { Terminal.print(view.text) }
        }
    }

    struct ResourceCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resource", abstract: "Who has ever used a resource, the latest first.")

        @OptionGroup var common: Common
        @Argument(help: "The resource's name.")
        var name: String
        @Option(help: "Only of this connection.")
        var connection: String?
        @Option(help: "Only of this type: checkpoint, corpus, collection, model …")
        var type: String?
        @OptionGroup var part: PageOptions

        func run() throws {
            let page = try common.read {
                try ActivityStore.readers(
                    of: name, connection: connection, type: type, after: part.cursor, limit: part.limit, in: $0)
            }
            if common.json {
                for reach in page.items {
                    var json = JSONWriter(capacity: 256)
                    json.object { reach.write(to: &$0) }
                    Terminal.line(json.bytes)
                }
            } else if page.items.isEmpty {
                Terminal.print("nobody has used '\(Terminal.clean(name))'")
            } else {
                Terminal.print(ActivityView.table(page.items, showsIdentity: true))
            }
            PageOptions.tellMore(page.next)
        }
    }

    struct Coverage: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Which hours have events, what could not be read, how far reading is.")

        @OptionGroup var common: Common
        @OptionGroup var range: Range

        func run() throws {
            let (coverage, positions) = try common.read { db in
                (
                    try ActivityStore.coverage(in: range.range(in: db), in: db), try ActivityStore.positions(in: db)
                )
            }
            if common.json {
                var json = JSONWriter(capacity: 1024)
                json.object { coverage.write(to: &$0, positions: positions) }
                Terminal.line(json.bytes)
                return
            }
            guard let first = coverage.firstHour, let last = coverage.lastHour else {
                return Terminal.print("no event was counted yet")
            }
            var lines = [
                "events from \(Timestamp.iso8601(first)) to the hour of \(Timestamp.iso8601(last))",
                "\(coverage.events) events, \(coverage.unreadable) unreadable, \(coverage.coveredHours) of \(coverage.hours) hours have events",
            ]
            lines += coverage.gaps.prefix(50).map {
                "  none from \(Timestamp.iso8601($0.lowerBound)) to \(Timestamp.iso8601($0.upperBound))"
            }
            if coverage.gaps.count > 50 { lines.append("  and \(coverage.gaps.count - 50) more such times") }
            lines += positions.map {
                "\(Terminal.clean($0.topic))/\($0.partition) is counted up to offset \($0.nextOffset)"
            }
            Terminal.print(lines.joined(separator: "\n"))
        }
    }
}
