// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension GatewayEndToEnd {
    /// `gatewatch keys`, `orders` and `approvals`, against a running gateway.
    @Suite struct OrdersAndApprovalsByHand {
        /// Keys of people, made by the command and put among the trusted ones.
        private func makeKeys(_ stage: GatewayStage, _ people: [String]) async throws {
            var trusted = try String(contentsOfFile: stage.stage.path("keys.yml"), encoding: .utf8)
            for name in people {
                let made = try await stage.stage.run([
                    "keys", "generate", name, "--identity", "\(name)@example.com", "--out",
                    stage.stage.path("\(name).key"),
                ])
                #expect(made.status == 0, "\(made.errors)")
                trusted += made.output
            }
            try stage.stage.write("keys.yml", trusted)
        }

        private func run(
            _ stage: GatewayStage, _ arguments: [String], as name: String? = nil
        ) async throws -> CommandResult {
            let signer = name.map { ["--as", $0, "--key", "file:" + stage.stage.path("\($0).key")] } ?? []
            return try await stage.stage.run(
                arguments + signer + [
                    "--config", stage.stage.path("gateway.yml"), "--trusted-keys", stage.stage.path("keys.yml"),
                ])
        }

        @Test func anOrderIsIssuedListedAndLiftedByTwo() async throws {
            try await GatewayStage.with { stage in
                try await makeKeys(stage, ["alice", "bob", "ana"])
                let gateway = try await stage.startGateway()
                let token = try stage.token("ana", secondsAgo: 5)
                #expect(try await gateway.query(token).status == 200)

                let issued = try await run(
                    stage,
                    [
                        "orders", "issue", "ana@example.com", "lockdown", "--ttl", "4h", "--reason",
                        "token on a pastebin",
                        "--critical",
                    ], as: "alice")
                #expect(issued.status == 0, "\(issued.errors)")
                let id = issued.output.trimmingCharacters(in: .whitespacesAndNewlines)
                try await eventually("the order is in force") { try await gateway.query(token).status == 401 }

                let list = try await run(stage, ["orders", "list"])
                #expect(list.output.contains(id) && list.output.contains("identity ana@example.com"))
                #expect(list.output.contains("revoke_tokens+require_approval") && list.output.contains("0 of 2"))

                let own = try await run(stage, ["orders", "lift", id, "--reason", "it is me"], as: "ana")
                #expect(own.status == 1 && own.errors.contains("nobody lifts an order on themselves"), "\(own.errors)")
                let first = try await run(stage, ["orders", "lift", id, "--reason", "false alarm"], as: "alice")
                #expect(first.status == 0 && first.output.contains("1 of 2"), "\(first.errors)")
                let again = try await run(stage, ["orders", "lift", id, "--reason", "false alarm"], as: "alice")
                #expect(again.status == 1)
                #expect(try await gateway.query(token).status == 401, "one person is not two")
                let second = try await run(stage, ["orders", "lift", id, "--reason", "agreed"], as: "bob")
                #expect(second.status == 0 && second.output == "lifted\n", "\(second.errors)")
                try await eventually("the order is lifted") { try await gateway.query(token).status == 200 }
                let empty = try await run(stage, ["orders", "list"])
                #expect(empty.output == "no order is in force\n")
                let gone = try await run(stage, ["orders", "lift", id, "--reason", "again"], as: "bob")
                #expect(gone.status == 1 && gone.errors.contains("no order \(id) is in force"))
            }
        }

        @Test func anApprovalLetsOneRequestPassAndNobodyApprovesTheirOwn() async throws {
            try await GatewayStage.with { stage in
                try await makeKeys(stage, ["ana", "bob"])
                try stage.stage.write(
                    "connections.yml",
                    stage.localConnections(policies: [
                        "vectors": "{ approval: { items: 100, operations: [vectors.export] } }"
                    ]))
                let gateway = try await stage.startGateway()
                let token = try stage.token("ana")
                #expect(try await gateway.query(token, limit: 100).status == 200)
                let refused = try await gateway.query(token, limit: 101)
                #expect(refused.status == 403 && refused.problem == "approval-required")

                struct Listed: Decodable { let id: String; let requester: String; let items: Int }
                var listed: Listed?
                try await eventually("the request is on the topic") {
                    let list = try await run(stage, ["approvals", "list", "--json"])
                    listed = try? JSONDecoder().decode(Listed.self, from: Data(list.output.utf8))
                    return listed != nil
                }
                let id = try #require(listed).id
                #expect(listed?.requester == "ana@example.com" && listed?.items == 101)
                #expect(refused.body.contains(id))

                let own = try await run(stage, ["approvals", "approve", id, "--reason", "please"], as: "ana")
                #expect(own.status == 1 && own.errors.contains("nobody decides their own request"), "\(own.errors)")
                let approved = try await run(stage, ["approvals", "approve", id, "--reason", "quarterly"], as: "bob")
                #expect(approved.status == 0 && approved.output == "approved\n", "\(approved.errors)")
                var passed = 0
                try await eventually("the approval has come") {
                    if try await gateway.query(token, limit: 101).status == 200 { passed += 1 }
                    return passed == 1
                }
                #expect(try await gateway.query(token, limit: 101).status == 403, "it was for one request")
                let unknown = try await run(
                    stage, ["approvals", "deny", UUID().uuidString, "--reason", "who knows"], as: "bob")
                #expect(unknown.status == 1)
            }
        }

        @Test func whoSomebodyIsTheIdentityDirectorySays() async throws {
            try await GatewayStage.with { stage in
                try await makeKeys(stage, ["alice", "bob"])
                try stage.stage.write("identities.csv", "uid,aliases\nu-7,bob@example.com\n")
                try stage.stage.write("gateway.yml", stage.configuration("  identities: identities.csv\n"))
                let issued = try await run(
                    stage, ["orders", "issue", "u-7", "block", "--ttl", "1h", "--reason", "a test"], as: "alice")
                #expect(issued.status == 0 && !issued.errors.contains("warning"), "\(issued.errors)")
                let id = issued.output.trimmingCharacters(in: .whitespacesAndNewlines)
                let own = try await run(stage, ["orders", "lift", id, "--reason", "it is me"], as: "bob")
                #expect(own.status == 1 && own.errors.contains("nobody lifts an order on themselves"), "\(own.errors)")
                #expect(try await run(stage, ["orders", "list"]).output.contains(id))
                let other = try await run(stage, ["orders", "lift", id, "--reason", "agreed"], as: "alice")
                #expect(other.status == 0 && other.output == "lifted\n", "\(other.errors)")

                let stranger = try await run(
                    stage, ["orders", "issue", "nobody", "block", "--ttl", "1h", "--reason", "a test"], as: "alice")
                #expect(stranger.status == 0 && stranger.errors.contains("nobody is not in the identity directory"))
                for wrong in [["--operation", "vectors.qurey"], ["--connection", "vectors-prd"]] {
                    let refused = try await run(
                        stage, ["orders", "issue", "u-7", "block", "--ttl", "1h", "--reason", "a test"] + wrong,
                        as: "alice")
                    #expect(refused.status == 2 && refused.errors.contains("there is no such"), "\(refused.errors)")
                }
            }
        }

        @Test func keysAreNeverWrittenOverAndWrongOnesAreTold() async throws {
            try await GatewayStage.with { stage in
                try await makeKeys(stage, ["alice"])
                let over = try await stage.stage.run([
                    "keys", "generate", "alice", "--identity", "alice@example.com", "--out",
                    stage.stage.path("alice.key"),
                ])
                #expect(over.status == 2 && over.errors.contains("exists"))
                let mode = try FileManager.default.attributesOfItem(atPath: stage.stage.path("alice.key"))[
                    .posixPermissions]
                #expect((mode as? NSNumber)?.intValue == 0o600)
                _ = try await stage.stage.run([
                    "keys", "generate", "alice", "--identity", "alice@example.com", "--out",
                    stage.stage.path("other.key"),
                ])
                let other = try await stage.stage.run([
                    "orders", "issue", "ana@example.com", "block", "--ttl", "1h", "--reason", "r", "--as", "alice",
                    "--key",
                    "file:" + stage.stage.path("other.key"), "--config", stage.stage.path("gateway.yml"),
                    "--trusted-keys",
                    stage.stage.path("keys.yml"),
                ])
                #expect(other.status == 2 && other.errors.contains("another one of that name"), "\(other.errors)")
                #expect(!other.errors.contains("ed25519:"))
            }
        }
    }
}
