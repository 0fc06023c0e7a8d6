// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Finding
import Foundation
import GRDB
import Incidents
import JSONText
import Paging
import Routing

struct IncidentsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "incidents", abstract: "Shows incidents and records what people do about them.",
        discussion: """
            gatewatch incidents list
            gatewatch incidents list --status all --identity ana@example.com --severity high --json
            gatewatch incidents show 1b2c3d
            gatewatch incidents assign 1b2c3d --to ben --as ana
            gatewatch incidents comment 1b2c3d "asked ana, waiting for her answer" --as ben
            gatewatch incidents disposition 1b2c3d false --reason "nightly reindexing, CHG-4711" --as ben
            gatewatch incidents close 1b2c3d --reason "done" --as ben

            An id may be cut to six characters or more. All that is done here is recorded in the evidence chain under the name of --as,
            see 'gatewatch evidence'. Run it where the hub's database is; the running hub sees it at once.
            """,
        subcommands: [
            List.self, Show.self, Assign.self, Comment.self, DispositionCommand.self, Close.self, Reopen.self,
            Precision.self,
        ], defaultSubcommand: List.self)

    struct Common: ParsableArguments {
        @Option(help: "Configuration file (YAML).")
        var config: String?
        @Option(help: "Folder of the hub's state.")
        var state: String?

        func file() throws -> ConfigurationFile { try config.map { try ConfigurationFile(path: $0) } ?? .empty }

        func database() throws -> DatabasePool { try HubState.open(HubState.path(state, file())) }

        func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
            try telling { try database().read(body) }
        }

        func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
            try telling { try database().write(body) }
        }

        private func telling<Value>(_ body: () throws -> Value) throws -> Value {
            do {
                return try body()
            } catch let error as IncidentError {
                switch error {
                case .shortPrefix, .invalid: throw ValidationError("\(error).")
                default: throw Refused(error.description)
                }
            } catch let error as BadCursor {
                throw ValidationError("\(error).")
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One line per incident: open ones the gravest first, others the latest first.")

        enum Status: String, ExpressibleByArgument, CaseIterable { case open, closed, all }

        @OptionGroup var common: Common
        @Option(help: "open, closed or all.")
        var status = Status.open
        @Option(help: "Only this identity's.")
        var identity: String?
        @Option(help: "At least so grave: informational, low, medium, high, critical or fatal.")
        var severity: String?
        @OptionGroup var part: PageOptions
        @Flag(help: "One JSON object per line.")
        var json = false

        func run() throws {
            var filter = IncidentFilter(status: Incident.Status(rawValue: status.rawValue), identity: identity)
            if let severity {
                guard let id = Severity.id(severity) else {
                    throw ValidationError(
                        "--severity \(severity): write one of \(Severity.words.dropFirst().joined(separator: ", "))."
                    )
                }
                filter.severity = id
            }
            let page = try common.read { try IncidentStore.list(filter, after: part.cursor, limit: part.limit, in: $0) }
            if json {
                for incident in page.items {
                    var json = JSONWriter(capacity: 512)
                    json.object { incident.write(to: &$0) }
                    Terminal.line(json.bytes)
                }
            } else if page.items.isEmpty {
                Terminal.print("there is no \(status == .all ? "" : "\(status.rawValue) ")incident")
            } else {
                var rows = [
                    ["ID", "SEVERITY", "STATUS", "RISK", "ALERTS", "LAST", "WHO", "ASSIGNEE", "DISPOSITION", "WHAT"]
                ]
                for incident in page.items {
                    rows.append([
                        Terminal.clean(String(incident.id.prefix(8))), incident.severityName, incident.status.rawValue,
                        incident.riskScore.map(String.init) ?? "-", String(incident.alerts),
                        Timestamp.iso8601(incident.lastAlertAt), Terminal.clean(incident.identity ?? "-"),
                        incident.assignee ?? "-", incident.disposition?.rawValue ?? "-", Terminal.clean(incident.title),
                    ])
                }
                Terminal.print(Terminal.table(rows))
            }
            PageOptions.tellMore(page.next)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Who, why now, what left, what is in force, and what happened.")

        @OptionGroup var common: Common
        @Argument(help: "The incident's id, or its first six characters or more.")
        var id: String
        @Option(help: "Lines of the timeline, the latest.")
        var limit = 50
        @Option(help: "Go on to earlier lines.")
        var cursor: String?
        @Flag(help: "One JSON object.")
        var json = false

        func run() throws {
            let now = ControlOptions.now
            let view = try common.read { db in
                let incident = try IncidentStore.find(id, in: db)
                return IncidentView(
                    incident: incident, reach: try IncidentStore.reach(of: incident.id, in: db),
                    controls: try IncidentStore.controls(of: incident, now: now, in: db),
                    timeline: try IncidentStore.timeline(of: incident.id, after: cursor, limit: limit, in: db))
            }
            if json { Terminal.line(view.json) } else { Terminal.print(view.text) }
        }
    }

    struct Precision: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How often each rule was right, by what people said of its alerts; the worst first.")

        @OptionGroup var common: Common
        @Flag(help: "One JSON object per line.")
        var json = false

        func run() throws {
            let rules = try common.read { try IncidentStore.precision(in: $0) }
            if json {
                for rule in rules {
                    var json = JSONWriter(capacity: 128)
                    json.object {
                        $0.field("rule", rule.rule)
                        $0.field("true", rule.trueAlerts)
                        $0.field("false", rule.falseAlerts)
                        $0.field("benign", rule.benignAlerts)
                        $0.field("precision", rule.precision)
                    }
                    Terminal.line(json.bytes)
                }
                return
            }
            guard !rules.isEmpty else { return Terminal.print("nobody has said anything of an alert yet") }
            var rows = [["RULE", "TRUE", "FALSE", "BENIGN", "PRECISION"]]
            for rule in rules {
                rows.append([
                    Terminal.clean(rule.rule), "\(rule.trueAlerts)", "\(rule.falseAlerts)", "\(rule.benignAlerts)",
                    "\(Int((rule.precision * 100).rounded())) %",
                ])
            }
            Terminal.print(Terminal.table(rows))
        }
    }
}
