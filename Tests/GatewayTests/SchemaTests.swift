// SPDX-License-Identifier: Apache-2.0

import Addresses
import Foundation
import Gateway
import Independent
import NIOHTTP1
import Orders
import Testing

extension GatewayTests {
    @Suite struct Schema {
        /// Every kind of event, and every kind of refusal: OCSF's published schema, and another reader of RFC 9457.
        @Test(.enabled(if: Python.has("ocsf_json_schema", "jsonschema", "jentic"), "\(Python.reason)"))
        func `what the gateway writes fits the published schemas`() async throws {
            let policies = ["vectors": "{ limits: { items: 100 }, approval: [{ items: 50 }] }"]
            try await Stage.with(
                connections: { Stage.connections(port: $0, policies: policies) },
                change: { $0.trustedProxies = TrustedProxies([AddressNetwork(known: "127.0.0.0/8")]) }
            ) { stage in
                let token = try stage.token(secondsAgo: 5)
                var answers = [
                    try await stage.query(token), try await stage.query(nil), try await stage.query("x.\(token)"),
                    try await stage.query(token, limit: 60), try await stage.query(token, limit: 999),
                    try await stage.send(.GET, "/nowhere", token: token),
                    try await stage.send(.GET, "/vectors/%2e%2e/x", token: token),
                    try await stage.send(.RAW(value: "PROPFIND"), "/vectors/collections", token: token),
                    try await stage.send(.PATCH, "/vectors/collections/docs", token: token, body: "{}"),
                    try await stage.send(.POST, "/embeddings/v1/embeddings", token: token, body: "{"),
                    try await stage.send(
                        .POST, "/embeddings/v1/embeddings", token: token, body: #"{"model":"m","input":["a","b"]}"#),
                    try await stage.send(.GET, "/registry/api/2.0/mlflow/model-versions/search", token: token),
                    try await stage.send(.DELETE, "/corpus/bucket/key", token: token),
                ]
                try await stage.issue(stage.order("ana@example.com", [.revokeTokens]))
                answers.append(try await stage.query(token))
                try await stage.issue(stage.order("ben@example.com", [.block]))
                answers.append(try await stage.query(stage.token("ben", session: "s-2")))
                answers.append(try await stage.query(nil, headers: [("x-forwarded-for", "192.0.2.1, 198.51.100.7")]))
                let events = try await stage.rawEvents()
                #expect(events.count > answers.count, "the logins, and the orders")
                let objects = try events.map { try JSONSerialization.jsonObject(with: Data($0.utf8)) }
                for (answer, event) in zip(try Python.check(["ocsf"], objects), events) {
                    #expect(answer.result != nil, "\(answer.error ?? ""): \(event)")
                }
                let refusals = answers.filter { $0.headers.first(name: "content-type") == "application/problem+json" }
                #expect(refusals.count >= 8)
                var problems = try refusals.map { answer in
                    try #require(
                        try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any])
                }
                problems.append(problems[0].merging(["status": "403"]) { $1 })
                let read = try Python.check(["problem"], problems)
                for (answer, problem) in zip(read, refusals) {
                    #expect(answer.result?["status"] as? Int == problem.status, "\(answer.error ?? "")")
                }
                #expect(read.last?.error != nil, "a status of text")
            }
        }
    }
}
