// SPDX-License-Identifier: Apache-2.0

import Approvals
import Foundation
import Gateway
import NIOHTTP1
import Orders
import Signing
import Testing

extension GatewayTests {
    @Suite struct Approving {
        private static let policies = ["vectors": "{ approval: [{ items: 100 }] }"]

        private static func decision(
            _ id: String, by name: String, _ verdict: ApprovalDecision.Verdict = .approve,
            _ kind: ApprovalDecision.Kind = .once
        ) -> ApprovalDecision {
            ApprovalDecision(
                requestID: id, by: "\(name)@example.com", verdict: verdict, kind: kind, validUntil: Stage.now + 600_000,
                reason: "a test", at: Stage.now)
        }

        private static func decide(
            _ stage: Stage, _ id: String, by name: String, _ verdict: ApprovalDecision.Verdict = .approve,
            _ kind: ApprovalDecision.Kind = .once
        ) async throws {
            let key = try #require(stage.people[name])
            try await stage.publish(decision(id, by: name, verdict, kind).signed(by: key), topic: "gatewatch.approvals")
        }

        private static func status(_ stage: Stage, _ id: String, _ token: String) async throws -> Stage.Answer {
            try await stage.send(.GET, "/.gatewatch/approvals/\(id)", token: token)
        }

        @Test func `one approval is one request, and nobody approves their own`() async throws {
            try await Stage.with(connections: { Stage.connections(port: $0, policies: Self.policies) }) { stage in
                let alice = try stage.token("alice")
                #expect(try await stage.query(alice, limit: 100).status == 200)
                let refused = try await stage.query(alice, limit: 500)
                let id = try #require(refused.approval)
                #expect(refused.status == 403 && refused.problem == "urn:gatewatch:problem:approval-required")
                #expect(refused.headers.first(name: "location") == "/.gatewatch/approvals/\(id)")
                #expect(
                    try await stage.query(alice, limit: 500).approval == id, "the same question is the same request")
                // The page is the requester's alone.
                #expect(try await Self.status(stage, id, alice).body.contains(#""status":"pending""#))
                #expect(try await Self.status(stage, id, stage.token("ben", session: "s-2")).status == 404)
                #expect(try await stage.send(.GET, "/.gatewatch/approvals/\(id)", token: nil).status == 401)
                // Her own consent, and one signed by another's key, count nothing.
                try await Self.decide(stage, id, by: "alice")
                let bob = try #require(stage.people["bob"])
                let forged = Self.decision(id, by: "carol")
                try await stage.publish(
                    SignedRecord(
                        key: "\(id)/decision/carol",
                        value: try bob.sign(Array(JSONEncoder().encode(forged)), type: .approvalDecision)),
                    topic: "gatewatch.approvals")
                try await Self.decide(stage, id, by: "bob")
                try await stage.wait("it is approved") {
                    try await Self.status(stage, id, alice).body.contains(#""status":"approved""#)
                }
                #expect(try await Self.status(stage, id, alice).body.contains(#""by":["bob@example.com"]"#))
                #expect(try await stage.query(alice, limit: 501).status == 403, "more than was asked for")
                let other = try await stage.send(
                    .POST, "/vectors/collections/other/points/query", token: alice,
                    body: #"{"query":[0.1],"limit":500}"#)
                #expect(other.status == 403, "another collection")
                #expect(
                    try await stage.query(stage.token("ben", session: "s-2"), limit: 500).status == 403, "somebody else"
                )
                let both = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<8 { group.addTask { try await stage.query(alice, limit: 500).status } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(both.sorted() == [200] + Array(repeating: 403, count: 7), "once is once")
                let next = try #require(try await stage.query(alice, limit: 500).approval)
                #expect(next != id)
                let event = try #require(
                    try await stage.events().first { $0.http_response.code == 200 && $0.unmapped.items == 500 })
                #expect(event.unmapped.approval_id == id)
            }
        }

        @Test func `an approval for a time passes as often as one likes, until it is denied`() async throws {
            try await Stage.with(connections: { Stage.connections(port: $0, policies: Self.policies) }) { stage in
                let ana = try stage.token()
                let id = try #require(try await stage.query(ana, limit: 500).approval)
                try await Self.decide(stage, id, by: "bob", .approve, .window)
                try await stage.wait("it passes") { try await stage.query(ana, limit: 500).status == 200 }
                for _ in 0..<3 { #expect(try await stage.query(ana, limit: 400).status == 200) }
                try await Self.decide(stage, id, by: "carol", .deny)
                try await stage.wait("it does not pass any more") {
                    try await stage.query(ana, limit: 500).status == 403
                }
            }
        }

        @Test func `a request that waits goes on when it is approved, and ends when it is denied`() async throws {
            try await Stage.with(connections: { Stage.connections(port: $0, policies: Self.policies) }) { stage in
                let ana = try stage.token()
                for (verdict, status) in [(ApprovalDecision.Verdict.approve, 200), (.deny, 403)] {
                    let limit = verdict == .approve ? 500 : 600
                    let before = try await stage.approvalRequests().count
                    let waiting = Task {
                        try await stage.query(ana, limit: limit, headers: [("prefer", "respond-async, wait=60")])
                    }
                    try await stage.wait("it waits") { try await stage.approvalRequests().count == before + 1 }
                    let id = try #require(try await stage.approvalRequests().last?.id)
                    try await Self.decide(stage, id, by: "bob", verdict)
                    let answer = try await waiting.value
                    #expect(answer.status == status, "\(answer.body)")
                    #expect(answer.headers.first(name: "preference-applied") == "wait=60")
                    if verdict == .deny { #expect(answer.problem == "urn:gatewatch:problem:approval-denied") }
                }
                let short = try await stage.query(ana, limit: 700, headers: [("prefer", "wait=1")])
                #expect(short.status == 403 && short.approval != nil)
                #expect(try await stage.query(ana, limit: 700, headers: [("prefer", "wait=nonsense")]).status == 403)
            }
        }

        @Test func `an order for approval holds the request, and its end lets it go`() async throws {
            try await Stage.with { stage in
                let ana = try stage.token()
                let order = stage.order(
                    "ana@example.com", [.requireApproval], scope: Order.Scope(operations: ["vectors.query"]))
                try await stage.issue(order)
                let waiting = Task { try await stage.query(ana, limit: 5, headers: [("prefer", "wait=60")]) }
                try await stage.wait("it waits") { try await stage.approvalRequests().count == 1 }
                let bob = try #require(stage.people["bob"])
                try await stage.publish(
                    Lift(orderID: order.id, by: "bob@example.com", reason: "a test", at: Stage.now).signed(by: bob))
                #expect(try await waiting.value.status == 200)
            }
        }

        @Test func `an approval from before an order does not know of it, and approvers are told`() async throws {
            try await Stage.with(connections: { Stage.connections(port: $0, policies: Self.policies) }) { stage in
                let ana = try stage.token()
                let before = try #require(try await stage.query(ana, limit: 500).approval)
                let order = stage.order(
                    "ana@example.com", [.requireApproval], scope: Order.Scope(operations: ["vectors.*"]))
                try await stage.issue(order)
                let after = try #require(try await stage.query(ana, limit: 500).approval)
                #expect(after != before)
                try await stage.wait("it is on the topic") {
                    try await stage.approvalRequests().contains { $0.id == after }
                }
                let asked = try #require(try await stage.approvalRequests().first { $0.id == after })
                #expect(asked.reason.contains("500 items") && asked.reason.contains(order.id))
                #expect(asked.reason.contains(order.reason))
                try await Self.decide(stage, before, by: "bob")
                try await stage.wait("the first is approved") {
                    try await Self.status(stage, before, ana).body.contains(#""status":"approved""#)
                }
                #expect(try await stage.query(ana, limit: 500).status == 403)
                try await Self.decide(stage, after, by: "bob")
                try await stage.wait("the second is approved") {
                    try await Self.status(stage, after, ana).body.contains(#""status":"approved""#)
                }
                #expect(try await stage.query(ana, limit: 500).status == 200)
            }
        }

        @Test func `a denial is told to whoever asks again`() async throws {
            try await Stage.with(connections: { Stage.connections(port: $0, policies: Self.policies) }) { stage in
                let ana = try stage.token()
                let id = try #require(try await stage.query(ana, limit: 500).approval)
                try await Self.decide(stage, id, by: "bob", .deny)
                try await stage.wait("it is denied") {
                    try await stage.query(ana, limit: 500).problem == "urn:gatewatch:problem:approval-denied"
                }
                #expect(try await stage.query(ana, limit: 500).body.contains("Denied by bob@example.com: a test"))
            }
        }

        @Test func `what was signed with a key that is taken out has no effect after a reload`() async throws {
            try await Stage.with { stage in
                let ana = try stage.token()
                try await stage.issue(stage.order("ana@example.com", [.block]))
                #expect(try await stage.query(ana).status == 403)
                try stage.reload("\(stage.folder)/connections.yml")
                #expect(try await stage.query(ana).status == 403, "the same keys")
                try stage.reload("\(stage.folder)/connections.yml", trustedKeys: TrustedKeys())
                try await stage.wait("the order is gone") { try await stage.query(ana).status == 200 }
            }
        }

        @Test func `what follows the first hundred resources is approved too, or not at all`() async throws {
            try await RawUpstream.with { upstream in
                let routes = """
                        routes:
                          - match: "POST /read"
                            operation: corpus.read
                            resource: { type: corpus, name: "{/names/*}" }
                            items: { count: "/names/*" }
                    """
                let policy = "{ approval: [{ operations: [corpus.read] }] }"
                try await Stage.withRaw(upstream, policy: policy, more: routes) { stage in
                    let ana = try stage.token()
                    func read(_ last: String) async throws -> Stage.Answer {
                        let names = (0..<150).map { #""name-\#(1000 + $0)""# } + [#""\#(last)""#]
                        return try await stage.send(
                            .POST, "/raw/read", token: ana, body: #"{"names":[\#(names.joined(separator: ","))]}"#)
                    }
                    let harmless = try await read("public")
                    let id = try #require(harmless.approval, "\(harmless.body)")
                    try await Self.decide(stage, id, by: "bob", .approve, .window)
                    try await stage.wait("it passes") { try await read("public").status == 200 }
                    let count = upstream.requests.count
                    #expect(try await read("secret").status == 403)
                    #expect(upstream.requests.count == count)
                    let long = try await read(String(repeating: "x", count: 900))
                    #expect(long.status != 200 && long.approval != id, "\(long.body)")
                }
            }
        }
    }
}
