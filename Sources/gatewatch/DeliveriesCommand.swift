// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Delivery
import Foundation
import Logging
import YAMLDocument

struct Deliveries: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the hub's deliveries and sends dead ones again.",
        discussion: """
            gatewatch deliveries list --status dead
            gatewatch deliveries replay --since 2026-11-18T00:00:00Z
            gatewatch deliveries enable soc        # after a 410 Gone
            """,
        subcommands: [List.self, Replay.self, Enable.self])

    struct Common: ParsableArguments {
        @Option(help: "Configuration file (YAML).")
        var config: String?
        @Option(help: "Folder of the hub's state.")
        var state: String?

        func outbox() throws -> DeliveryOutbox {
            let file = try config.map { try ConfigurationFile(path: $0) } ?? .empty
            let folder = try state ?? file.hub?["state"]?.text() ?? "state/hub"
            let path = "\(folder)/hub.sqlite"
            guard FileManager.default.fileExists(atPath: path) else {
                throw ValidationError("\(path) does not exist: give the hub's --state or --config.")
            }
            let quiet = Logger(label: "gatewatch.deliveries") { _ in SwiftLogNoOpLogHandler() }
            return try DeliveryOutbox(database: OutboxSchema.open(path: path), targets: [], logger: quiet)
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One line per delivery, oldest first.")

        @OptionGroup var common: Common
        @Option(help: "pending, delivered or dead.")
        var status: String?
        @Option(help: "Only this target.")
        var target: String?
        @Option(help: "At most so many.")
        var limit = 100

        func run() throws {
            let state = try status.map { text in
                guard let state = Delivery.State(rawValue: text) else {
                    throw ValidationError("--status \(text): write pending, delivered or dead.")
                }
                return state
            }
            var rows = [["ID", "TARGET", "STATE", "ATTEMPTS", "LAST", "MESSAGE"]]
            for delivery in try common.outbox().deliveries(target: target, state: state, limit: limit) {
                rows.append([
                    String(delivery.id), delivery.target, delivery.state.rawValue, String(delivery.attempts),
                    delivery.lastError ?? delivery.lastStatus.map(String.init) ?? "-", delivery.messageID,
                ])
            }
            Terminal.print(Terminal.table(rows))
        }
    }

    struct Replay: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes dead deliveries pending again; the running hub sends them with their old webhook-id.")

        @OptionGroup var common: Common
        @Option(help: "Only this target.")
        var target: String?
        @Option(help: "Only those made since this time (ISO 8601).")
        var since: String?
        @Flag(help: "Those that were delivered as well.")
        var delivered = false
        @Argument(help: "Delivery ids; all dead ones without.")
        var ids: [Int64] = []

        func run() throws {
            let time = try since.map { text in
                guard let time = Array(text.utf8).withUnsafeBytes({ Timestamp.fromISO8601($0) }) else {
                    throw ValidationError("--since \(text): write a time such as 2026-11-18T00:00:00Z.")
                }
                return time
            }
            let count = try common.outbox().replay(
                ReplaySelection(
                    ids: ids.isEmpty ? nil : ids, target: target, since: time,
                    states: delivered ? [.dead, .delivered] : [.dead]))
            Terminal.print("\(count) deliveries are pending again")
        }
    }

    struct Enable: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Sends to a target again that answered 410 Gone.")

        @OptionGroup var common: Common
        @Argument(help: "The target's name.")
        var target: String

        func run() throws {
            let count = try common.outbox().enableTarget(target)
            Terminal.print("\(target) is enabled, \(count) deliveries are pending again")
        }
    }
}
