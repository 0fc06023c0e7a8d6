// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Delivery
import Finding
import Foundation
import GRDB
import Hub
import Notifications
import Routing
import YAMLDocument

struct RoutesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "routes", abstract: "Shows where alerts go: the tree of hub.route, and the way of one alert.",
        discussion: """
            gatewatch routes show --config gatewatch.yml
            gatewatch routes test --config gatewatch.yml severity=critical identity=ana@example.com
            gatewatch routes test --config gatewatch.yml --alert finding.json --at 2026-11-21T23:00:00Z
            gatewatch routes test --config gatewatch.yml --expect pager --expect chat severity=critical

            docs/routing.md has the labels that alerts have.
            """,
        subcommands: [Show.self, Test.self])

    /// Where the routes stand, and what is in force.
    struct Common: ParsableArguments {
        @Option(help: "Configuration file (YAML).")
        var config: String
        @Option(help: "Folder of the hub's state, for silences and inhibitions; else hub.state of the file.")
        var state: String?

        func routing() throws -> RoutingConfiguration {
            let file = try ConfigurationFile(path: config, secrets: .unread)
            guard let routing = try file.routing(receivers: try file.knownReceivers()) else {
                throw DocumentError(
                    file: config,
                    message: "has no hub.route: every alert goes to every receiver at once. See docs/routing.md.")
            }
            return routing
        }

        /// The hub's database; nil where the hub has not run here yet.
        func database() throws -> DatabasePool? {
            let path = try HubState.path(state, ConfigurationFile(path: config, secrets: .unread))
            return FileManager.default.fileExists(atPath: path) ? try HubState.open(path) : nil
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Draws the tree.")
        @OptionGroup var common: Common

        func run() throws {
            let routing = try common.routing()
            Terminal.print(Self.lines(routing.route, depth: 0).joined(separator: "\n"))
            for rule in routing.inhibitRules {
                let equal = rule.equal.isEmpty ? "" : " where \(rule.equal.joined(separator: ", ")) are equal"
                Terminal.print("inhibition: \(rule.sourceMatchers.text) holds back \(rule.targetMatchers.text)\(equal)")
            }
        }

        private static func lines(_ route: Route, depth: Int) -> [String] {
            let indent = String(repeating: "  ", count: depth)
            var line = "\(indent)\(depth == 0 ? "all" : route.matchers.text) → \(route.receiver)"
            line += "  by \(RoutesCommand.words(route.grouping)), \(RoutesCommand.times(route))"
            if route.continues { line += ", continue" }
            if !route.muteTimeIntervals.isEmpty {
                line += ", muted in \(route.muteTimeIntervals.joined(separator: ", "))"
            }
            if !route.activeTimeIntervals.isEmpty {
                line += ", active in \(route.activeTimeIntervals.joined(separator: ", "))"
            }
            return [line] + route.routes.flatMap { lines($0, depth: depth + 1) }
        }
    }

    struct Test: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Where an alert would go, in which group, and what would hold it back now.",
            discussion: """
                Silences and inhibitions are those in the hub's database; without one, only mute times are looked at. With --expect the
                exit status is 1 unless exactly these receivers take the alert.
                """)
        @OptionGroup var common: Common
        @Option(help: "File with an OCSF Detection Finding; - is standard input.")
        var alert: String?
        @Option(help: "The time to judge by (ISO 8601); now without.")
        var at: String?
        @Option(help: "A receiver that must take the alert; may be given several times.")
        var expect: [String] = []
        @Argument(help: "Labels: NAME=VALUE …")
        var labels: [String] = []

        mutating func validate() throws {
            if (alert == nil) == labels.isEmpty {
                throw ValidationError("Give either --alert FILE or labels: severity=high …")
            }
        }

        func run() throws {
            let routing = try common.routing()
            let labels = try labelSet()
            let now = try at.map { try HubState.time($0, "--at") } ?? ControlOptions.now
            let database = try common.database()
            let routes = routing.route.match(labels)
            for route in routes {
                let groupLabels = route.groupLabels(labels)
                var held = routing.muting(route, at: now).map { "muted: time interval \($0)" }
                if let database, let reason = try reason(labels, routing, now, database) { held.append(reason) }
                Terminal.print(
                    """
                    receiver  \(route.receiver)
                    route     \(route.key)
                    group     \(groupLabels)
                    times     \(RoutesCommand.times(route))
                    held      \(held.isEmpty ? "no" : held.joined(separator: "; "))
                    """)
            }
            if database == nil {
                Terminal.error("no database of a hub was found: silences and inhibitions were not looked at (--state)")
            }
            guard expect.isEmpty || Set(expect) == Set(routes.map(\.receiver)) else {
                Terminal.error("expected \(expect.joined(separator: ", "))")
                throw ExitCode.foundWrong
            }
        }

        private func labelSet() throws -> LabelSet {
            if let alert {
                let data: Data
                do {
                    data =
                        alert == "-"
                        ? FileHandle.standardInput.readDataToEndOfFile()
                        : try Data(contentsOf: URL(fileURLWithPath: alert))
                } catch {
                    throw DocumentError(
                        file: alert, message: "cannot be read: give the file of one finding to --alert.")
                }
                do {
                    return RoutedAlert(try DetectionFinding(Array(data)), json: Array(data)).labels
                } catch {
                    throw DocumentError(file: alert, message: "\(error).")
                }
            }
            return LabelSet(
                try labels.map { text in
                    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                        String.init)
                    guard parts.count == 2, !parts[0].isEmpty else {
                        throw ValidationError("'\(text)' is not a label: write NAME=VALUE.")
                    }
                    return (parts[0], parts[1])
                })
        }

        private func reason(
            _ labels: LabelSet, _ routing: RoutingConfiguration, _ now: Int64, _ database: DatabasePool
        ) throws -> String? {
            try database.read { db in
                var holding = try Holding(routing, now: now, in: db)
                return switch try holding.reason(labels, in: db) {
                case nil: nil
                case .inhibited(let rule, let alert):
                    "inhibited: inhibit_rules[\(rule)]\(routing.inhibitRules[rule].name.map { " (\($0))" } ?? ""), by alert \(alert)"
                case .silenced(let silence):
                    "silenced: \(silence.id) until \(Timestamp.iso8601(silence.endsAt)) by \(silence.createdBy): \(silence.comment)"
                }
            }
        }
    }

    private static func words(_ grouping: Route.Grouping) -> String {
        switch grouping {
        case .all: "all labels"
        case .labels(let names): names.isEmpty ? "nothing" : names.joined(separator: ", ")
        }
    }

    private static func times(_ route: Route) -> String {
        let times = [route.groupWait, route.groupInterval].map(PrometheusDuration.text)
        let again = route.repeatInterval.map(PrometheusDuration.text) ?? "never"
        return "group_wait \(times[0]), group_interval \(times[1]), repeat_interval \(again)"
    }
}

/// The hub's database, for commands beside the hub that runs.
enum HubState {
    static func path(_ state: String?, _ file: ConfigurationFile) throws -> String {
        "\(try state ?? file.hub?["state"]?.text() ?? "state/hub")/hub.sqlite"
    }

    /// Opens it and sees to its tables.
    static func open(_ path: String) throws -> DatabasePool {
        guard FileManager.default.fileExists(atPath: path) else {
            throw DocumentError(file: path, message: "does not exist. Give the hub's --state or --config.")
        }
        let database = try OutboxSchema.open(path: path)
        try HubSchema.migrate(database)
        return database
    }

    static func time(_ text: String, _ option: String) throws -> Int64 {
        guard let time = Array(text.utf8).withUnsafeBytes({ Timestamp.fromISO8601($0) }) else {
            throw ValidationError("\(option) \(text): write a time such as 2026-11-18T00:00:00Z.")
        }
        return time
    }
}
