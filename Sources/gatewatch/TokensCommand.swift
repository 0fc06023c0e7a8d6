// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Desk
import Foundation
import Incidents
import JSONText
import Paging
import Routing
import YAMLDocument

struct TokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens", abstract: "Makes, lists and ends API tokens, on the hub's host.",
        discussion: """
            gatewatch tokens create nightly-export --owner ana@example.com --role analyst --lifetime 30d --config gatewatch.yml
            gatewatch tokens list
            gatewatch tokens revoke 6d0f5c1e-…

            The first token of a hub is made here; later ones in the console, each by the person in whose name it acts. A token is shown
            once. It can do no more than its person could at the last login. See docs/api.md.
            """,
        subcommands: [List.self, Create.self, Revoke.self], defaultSubcommand: List.self)

    struct Common: ParsableArguments {
        @Option(help: "Configuration file (YAML).")
        var config: String?
        @Option(help: "Folder of the hub's state.")
        var state: String?

        /// The tokens in the hub's database; a running hub obeys at once.
        func store() throws -> APITokenStore {
            let file = try config.map { try ConfigurationFile(path: $0) } ?? .empty
            return try APITokenStore(database: HubState.open(HubState.path(state, file)))
        }

        /// Whoever may write the hub's database may do everything: the name is for the evidence.
        static var host: Actor { Actor(identity: NSUserName(), roles: Set(Role.allCases), via: .command) }

        static func refusing<Value>(_ body: () async throws -> Value) async throws -> Value {
            do {
                return try await body()
            } catch let error as DeskError {
                if case .invalid = error { throw ValidationError(error.description) }
                throw Refused(error.description)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One line per token, the newest first.")
        @OptionGroup var common: Common

        func run() async throws {
            let now = ControlOptions.now
            let store = try common.store()
            var rows = [["ID", "NAME", "OWNER", "ROLES", "STATE", "MADE", "ENDS", "LAST USED"]]
            var cursor: String?
            repeat {
                let page = try await Common.refusing { [cursor] in
                    try await store.list(after: cursor, limit: 500, for: Common.host)
                }
                for token in page.items {
                    rows.append([
                        token.id, token.name, token.owner, token.roles.sorted().map(\.rawValue).joined(separator: ","),
                        token.state(at: now).rawValue, Timestamp.iso8601(token.createdAt),
                        Timestamp.iso8601(token.expiresAt), token.lastUsedAt.map { Timestamp.iso8601($0) } ?? "never",
                    ])
                }
                cursor = page.next
            } while cursor != nil
            Terminal.print(rows.count == 1 ? "there is no token" : Terminal.table(rows.map { $0.map(Terminal.clean) }))
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a token and prints it, this once.")
        @OptionGroup var common: Common
        @Argument(help: "What it is for.")
        var name: String
        @Option(help: "In whose name it acts: an identity, as audit events know it.")
        var owner: String
        @Option(help: "viewer, analyst, approver or admin; may be given several times.")
        var role: [String]
        @Option(help: "How long: 12h, 30d; at most 366d.")
        var lifetime = "90d"

        func run() async throws {
            let roles = try role.map { text in
                guard let role = Role(rawValue: text) else {
                    throw ValidationError(
                        "--role \(text): write \(Role.allCases.map(\.rawValue).joined(separator: ", ")).")
                }
                return role
            }
            guard let length = PrometheusDuration.milliseconds(lifetime) else {
                throw ValidationError("--lifetime \(lifetime): write 12h or 30d.")
            }
            let store = try common.store()
            let made = try await Common.refusing {
                try await store.create(
                    name: name, roles: Set(roles), lifetime: length, owner: owner, by: Common.host)
            }
            Terminal.print(made.secret)
            Terminal.error(
                "token \(made.token.id), until \(Timestamp.iso8601(made.token.expiresAt)); it is shown this once")
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends a token now.")
        @OptionGroup var common: Common
        @Argument(help: "The token's id.")
        var id: String

        func run() async throws {
            let store = try common.store()
            let token = try await Common.refusing { try await store.revoke(id, by: Common.host) }
            Terminal.print("the token '\(Terminal.clean(token.name))' of \(Terminal.clean(token.owner)) is over")
        }
    }
}
