// SPDX-License-Identifier: Apache-2.0

import Approvals
import ArgumentParser
import AuditEvent
import Foundation
import Sigma
import Signing
import YAMLDocument

struct ApprovalsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approvals", abstract: "Lists requests that wait for an approval, and decides on them.",
        discussion: """
            gatewatch approvals list --config gatewatch.yml
            gatewatch approvals approve 0a1b… --reason "quarterly export, CHG-1234" --as bob --key file:bob.key --config gatewatch.yml
            gatewatch approvals approve 0a1b… --for 2h --reason "migration" --as bob --key file:bob.key --config gatewatch.yml
            gatewatch approvals deny 0a1b… --reason "not before the review" --as bob --key file:bob.key --config gatewatch.yml

            An approval is for one request of the same kind (connection, operation, resources), or with --for for any number of them in
            that time. Nobody approves their own request.
            """,
        subcommands: [List.self, Approve.self, Deny.self], defaultSubcommand: List.self)

    static func book(_ options: ControlOptions) throws -> ApprovalBook {
        var book = ApprovalBook(keys: try options.trusted(), aliases: try options.aliases())
        let now = ControlOptions.now
        for record in try options.records(of: options.topic("approvals_topic", default: "gatewatch.approvals")) {
            _ = book.apply(record.value, key: record.key, now: now)
        }
        return book
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Requests that nobody has decided on, the oldest first.")
        @OptionGroup var options: ControlOptions
        @Flag(help: "One JSON object per line.")
        var json = false

        func run() async throws {
            let requests = try ApprovalsCommand.book(options).pending(now: ControlOptions.now)
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                for request in requests { Terminal.line(Array(try encoder.encode(request))) }
                return
            }
            guard !requests.isEmpty else { return Terminal.print("nothing waits for an approval") }
            var rows = [["ID", "WHO", "OPERATION", "ON", "ITEMS", "ASKED", "UNTIL", "WHY"]]
            for request in requests {
                rows.append([
                    request.id, request.requester, request.operation,
                    ([request.connection] + request.resources).joined(separator: " "),
                    request.items.map { $0 == .max ? "all" : "\($0)" } ?? "-", Timestamp.iso8601(request.createdAt),
                    Timestamp.iso8601(request.expiresAt), request.justification ?? request.reason,
                ])
            }
            Terminal.print(Terminal.table(rows))
        }
    }

    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Approves a request, signed by you.")

        @Argument(help: "The request's id.")
        var id: String
        @Option(help: "Why, in one sentence.")
        var reason: String
        @Option(name: .customLong("for"), help: "Any number of requests for so long (30m, 4h), instead of one.")
        var window: String?
        @Option(help: "How long the one request may take to come.")
        var validity = "1h"
        @OptionGroup var signer: SignerOptions
        @OptionGroup var options: ControlOptions

        func run() async throws {
            let text = window ?? validity
            guard let length = try? YAMLReader.documents(text: text, file: "--for").first.map({ try Timespan($0) })
            else {
                throw ValidationError("\(text): write 30m, 4h or 7d.")
            }
            try await ApprovalsCommand.decide(
                id, .approve, window == nil ? .once : .window, milliseconds: length.milliseconds, reason, signer,
                options)
        }
    }

    struct Deny: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Denies a request, or takes an approval back, signed by you.")

        @Argument(help: "The request's id.")
        var id: String
        @Option(help: "Why, in one sentence; the requester reads it.")
        var reason: String
        @OptionGroup var signer: SignerOptions
        @OptionGroup var options: ControlOptions

        func run() async throws {
            try await ApprovalsCommand.decide(id, .deny, .once, milliseconds: 1, reason, signer, options)
        }
    }

    private static func decide(
        _ id: String, _ verdict: ApprovalDecision.Verdict, _ kind: ApprovalDecision.Kind, milliseconds: Int64,
        _ reason: String, _ signer: SignerOptions, _ options: ControlOptions
    ) async throws {
        let (key, identity) = try signer.signer(options.trusted(), may: .approve)
        let now = ControlOptions.now
        let id = id.lowercased()
        do {
            let (record, status) = try book(options).propose(
                ApprovalDecision(
                    requestID: id, by: identity, verdict: verdict, kind: kind, validUntil: now + milliseconds,
                    reason: reason, at: now), by: key, now: now)
            try await options.publish(record, to: options.topic("approvals_topic", default: "gatewatch.approvals"))
            if case .pending(let have, let need, _) = status {
                Terminal.print("\(have) of \(need) persons have approved it; others must")
            } else {
                Terminal.print(status.code)
            }
        } catch let refusal as ApprovalRefusal {
            throw Refused("\(refusal)")
        }
    }
}
