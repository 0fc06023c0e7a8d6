// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Connections
import Foundation
import Orders
import Sigma
import Signing
import YAMLDocument

struct OrdersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orders", abstract: "Lists, issues and lifts the orders that gateways enforce.",
        discussion: """
            gatewatch orders list --config gatewatch.yml
            gatewatch orders issue ana@example.com lockdown --ttl 4h --reason "token on a pastebin" --as alice --key file:alice.key \\
                --config gatewatch.yml
            gatewatch orders lift 6d0f… --reason "false alarm" --as alice --key file:alice.key --config gatewatch.yml

            A lockdown revokes the tokens issued before it and asks for approval of every sensitive operation. Lifting a critical
            order takes two persons; nobody lifts an order on their own identity.
            """,
        subcommands: [List.self, Issue.self, LiftCommand.self], defaultSubcommand: List.self)

    /// What is on the topic, as a gateway without budgets would take it.
    static func book(_ options: ControlOptions) throws -> OrderBook {
        var book = OrderBook(
            keys: try options.trusted(), aliases: try options.aliases(),
            safety: OrderSafety(
                settings: .init(
                    mode: .enforce, ordersPerHour: .max, sharePerHour: 1, shareFloor: .max, maximumTTL: Order.maximumTTL
                )))
        let now = ControlOptions.now
        for record in try options.records(of: options.topic("orders_topic", default: "gatewatch.orders")) {
            _ = book.apply(record.value, key: record.key, now: now)
        }
        return book
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The orders in force, the oldest first.")
        @OptionGroup var options: ControlOptions
        @Flag(help: "One JSON object per line.")
        var json = false

        func run() async throws {
            let book = try OrdersCommand.book(options)
            let now = ControlOptions.now
            let orders = book.active(now: now)
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                for order in orders { Terminal.line(Array(try encoder.encode(order))) }
                return
            }
            guard !orders.isEmpty else { return Terminal.print("no order is in force") }
            var rows = [["ID", "ON", "DOES", "SCOPE", "ISSUED", "ENDS", "BY", "LIFTS", "REASON"]]
            for order in orders {
                let lifts = book.status(order.id, now: now)?.lifts.count ?? 0
                let scope = order.scope.connections + order.scope.operations
                rows.append([
                    order.id, "\(order.subject.type.rawValue) \(order.subject.value)",
                    order.actions.map(\.rawValue).joined(separator: "+"),
                    scope.isEmpty ? "all" : scope.joined(separator: ","),
                    Timestamp.iso8601(order.issuedAt), Timestamp.iso8601(order.expiresAt), order.issuer.name,
                    order.severity == .critical ? "\(lifts) of 2" : "-", order.reason,
                ])
            }
            Terminal.print(Terminal.table(rows))
        }
    }

    struct Issue: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Issues an order, signed by you.")

        enum Action: String, ExpressibleByArgument, CaseIterable {
            case requireApproval = "require_approval"
            case revokeTokens = "revoke_tokens"
            case block, lockdown

            var actions: [Order.Action] {
                switch self {
                case .requireApproval: [.requireApproval]
                case .revokeTokens: [.revokeTokens]
                case .block: [.block]
                case .lockdown: Order.lockdown
                }
            }
        }

        @Argument(help: "Whom: an identity; with --on a session, a token (jti) or a service account.")
        var subject: String
        @Argument(help: "require_approval, revoke_tokens, block or lockdown.")
        var action: Action
        @Option(help: "How long: 30m, 4h, 7d.")
        var ttl: String
        @Option(help: "Why, in one sentence.")
        var reason: String
        @Option(help: "identity, session, token or service_account.")
        var on = "identity"
        @Option(help: "Only this connection; may be given several times.")
        var connection: [String] = []
        @Option(help: "Only this operation or family (config.*); may be given several times.")
        var operation: [String] = []
        @Flag(help: "Two persons must lift it.")
        var critical = false
        @OptionGroup var signer: SignerOptions
        @OptionGroup var options: ControlOptions

        func run() async throws {
            guard let kind = Order.Subject.Kind(rawValue: on) else {
                throw ValidationError("--on \(on): write identity, session, token or service_account.")
            }
            guard let length = try? YAMLReader.documents(text: ttl, file: "--ttl").first.map({ try Timespan($0) })
            else {
                throw ValidationError("--ttl \(ttl): write 30m, 4h or 7d.")
            }
            try checkTargets(kind)
            let (key, identity) = try signer.signer(options.trusted(), may: .issue)
            let now = ControlOptions.now
            let order = Order(
                id: UUID().uuidString.lowercased(), actions: action.actions, subject: .init(type: kind, value: subject),
                scope: .init(connections: connection, operations: operation), reason: reason,
                severity: critical ? .critical : .high, issuer: .init(kind: .person, name: identity), issuedAt: now,
                expiresAt: now + length.milliseconds)
            let record: SignedRecord
            do {
                record = try OrdersCommand.book(options).propose(order, by: key, now: now)
            } catch let fault as OrderFault {
                throw ValidationError("The order cannot be issued: \(fault)")
            } catch let refusal as OrderRefusal {
                throw Refused("\(refusal)")
            }
            try await options.publish(record, to: options.topic("orders_topic", default: "gatewatch.orders"))
            Terminal.print(order.id)
        }

        /// An order that nothing can meet looks like one that holds: say so. What may be right is only warned of.
        private func checkTargets(_ kind: Order.Subject.Kind) throws {
            for name in operation where !AuditEvent.Operation.isNamed(by: name) {
                throw ValidationError("--operation \(name): there is no such operation. \(AuditEvent.Operation.known)")
            }
            let file = try options.kafka.file()
            if !connection.isEmpty, let paths = try file.gateway?["connections"]?.texts() {
                let known = try ConnectionSet(paths: paths).connections.map(\.name)
                for name in connection where !known.contains(name) {
                    throw ValidationError(
                        "--connection \(name): there is no such connection. There are \(known.joined(separator: ", "))."
                    )
                }
            }
            guard kind == .identity || kind == .serviceAccount, let directory = try options.directory() else { return }
            let folded = subject.lowercased()
            let isKnown = directory.entries.contains { entry in
                ([entry.uid] + entry.aliases).contains { $0.lowercased() == folded }
            }
            if !isKnown {
                Terminal.error(
                    "warning: \(subject) is not in the identity directory; is it spelled as tokens spell it?")
            }
        }
    }

    struct LiftCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "lift", abstract: "Ends an order before its time, signed by you.")

        @Argument(help: "The order's id.")
        var id: String
        @Option(help: "Why, in one sentence.")
        var reason: String
        @OptionGroup var signer: SignerOptions
        @OptionGroup var options: ControlOptions

        func run() async throws {
            let trusted = try options.trusted()
            let (key, identity) = try signer.signer(trusted, may: .lift)
            let now = ControlOptions.now
            let id = id.lowercased()
            do {
                let (record, have, need) = try OrdersCommand.book(options).propose(
                    Lift(orderID: id, by: identity, reason: reason, at: now), by: key, now: now)
                try await options.publish(record, to: options.topic("orders_topic", default: "gatewatch.orders"))
                Terminal.print(
                    have == need ? "lifted" : "\(have) of \(need) persons have lifted it; another person must")
            } catch let refusal as OrderRefusal {
                throw Refused("\(refusal)")
            }
        }
    }
}
