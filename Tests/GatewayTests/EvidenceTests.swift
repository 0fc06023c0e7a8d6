// SPDX-License-Identifier: Apache-2.0

import Addresses
import AuditSpool
import Foundation
import Gateway
import Kafka
import NIOHTTP1
import Testing

extension GatewayTests {
    @Suite struct Evidence {
        @Test(arguments: [true, false])
        func `an event names the client as a trusted proxy tells it, and nobody else's word counts`(isTrusted: Bool)
            async throws
        {
            try await Stage.with(
                change: { if isTrusted { $0.trustedProxies = TrustedProxies([AddressNetwork(known: "127.0.0.1")]) } }
            ) { stage in
                _ = try await stage.query(nil, headers: [("x-forwarded-for", "192.0.2.1, 198.51.100.7")])
                let event = try #require(try await stage.rawEvents().last)
                let json = try #require(try JSONSerialization.jsonObject(with: Data(event.utf8)) as? [String: Any])
                let source = try #require(json["src_endpoint"] as? [String: Any])
                #expect(source["ip"] as? String == (isTrusted ? "198.51.100.7" : "127.0.0.1"))
                #expect(source["intermediate_ips"] as? [String] == (isTrusted ? ["127.0.0.1"] : nil))
            }
        }

        @Test func `what cannot be recorded does not happen`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(
                    upstream,
                    change: {
                        $0.spool = SpoolLimits(
                            segmentBytes: 64 << 10, totalBytes: 128 << 10, maximumEventBytes: 32 << 10)
                        $0.kafka = KafkaProperties(["bootstrap.servers": "127.0.0.1:1"])
                    }
                ) { stage in
                    let token = try stage.token()
                    var last = 200
                    var passed = 0
                    while last == 200, passed < 1000 {
                        last = try await stage.send(.GET, "/raw/\(passed)", token: token).status
                        if last == 200 { passed += 1 }
                    }
                    #expect(last == 503 && passed > 0)
                    for method in [HTTPMethod.GET, .POST, .DELETE] {
                        let answer = try await stage.send(method, "/raw/a", token: token)
                        #expect(answer.status == 503 && answer.problem == "urn:gatewatch:problem:not-recordable")
                    }
                    #expect(upstream.requests.count == passed, "nothing that was refused reached the upstream")
                    #expect(stage.service.spool.waitingEvents >= passed)
                }
            }
        }

        @Test func `a secret that is replaced is shown from then on, also through links`() async throws {
            try await RawUpstream.with { upstream in
                let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                    "secrets-\(UUID().uuidString)"
                ).path
                for (name, secret) in [("one", "first-secret-0123456789"), ("two", "other-secret-0123456789")] {
                    try FileManager.default.createDirectory(
                        atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
                    try secret.write(toFile: "\(folder)/\(name)/token", atomically: true, encoding: .utf8)
                }
                defer { try? FileManager.default.removeItem(atPath: folder) }
                // As Kubernetes mounts secrets: token -> data/token, data -> one.
                try FileManager.default.createSymbolicLink(atPath: "\(folder)/data", withDestinationPath: "one")
                try FileManager.default.createSymbolicLink(atPath: "\(folder)/token", withDestinationPath: "data/token")
                let text = Stage.rawConnections(port: upstream.port, secret: "\(folder)/token")
                try await Stage.with(connections: { _ in text }) { stage in
                    let token = try stage.token()
                    _ = try await stage.send(.GET, "/raw/a", token: token)
                    #expect(upstream.requests.last?.fields("api-key") == ["first-secret-0123456789"])
                    try FileManager.default.createSymbolicLink(atPath: "\(folder)/next", withDestinationPath: "two")
                    #expect(rename("\(folder)/next", "\(folder)/data") == 0)
                    try await stage.wait("the new one is shown") {
                        _ = try await stage.send(.GET, "/raw/a", token: token)
                        return upstream.requests.last?.fields("api-key") == ["other-secret-0123456789"]
                    }
                    // A file that is away for a moment changes nothing.
                    try FileManager.default.removeItem(atPath: "\(folder)/data")
                    for _ in 0..<3 {
                        #expect(try await stage.send(.GET, "/raw/a", token: token).status == 200)
                        #expect(upstream.requests.last?.fields("api-key") == ["other-secret-0123456789"])
                    }
                }
            }
        }

        @Test func `a request with names as long as they may be is recorded all the same`() async throws {
            try await RawUpstream.with { upstream in
                let routes = """
                        routes:
                          - match: "POST /read"
                            operation: corpus.read
                            resource: { type: corpus, name: "{/names/*}" }
                    """
                try await Stage.withRaw(upstream, more: routes) { stage in
                    let groups = (0..<200).map { "group-\($0)-of-many" }
                    let names = (0..<64).map { number in
                        "\"\(String(repeating: #"\u0001"#, count: 900))\(number)\""
                    }
                    let answer = try await stage.send(
                        .POST, "/raw/read", token: stage.token(groups: groups),
                        body: #"{"names":[\#(names.joined(separator: ","))]}"#,
                        headers: [("user-agent", String(repeating: "\\\"", count: 256))])
                    #expect(answer.status == 200, "\(answer.body)")
                    let id = answer.headers.first(name: "gatewatch-request-id")
                    let event = try #require(try await stage.events().first { $0.metadata.uid == id })
                    #expect(event.resources?.count == 8 && event.status_detail?.hasSuffix("(shortened)") == true)
                    #expect(event.who == "ana@example.com")
                }
            }
        }

        @Test func `every answer has one event, and no event or answer shows a credential`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream, policy: "{ limits: { items: 10 } }") { stage in
                    let token = try stage.token()
                    var ids: [String] = []
                    var texts: [String] = []
                    func note(_ answer: Stage.Answer) {
                        ids += answer.headers["gatewatch-request-id"]
                        texts.append(answer.body + "\(answer.headers)")
                    }
                    for header in ["authorization", "api-key", "x-gatewatch-token", "x-chroma-token"] {
                        let value = header == "authorization" ? "Bearer \(token)" : token
                        note(try await stage.send(.GET, "/raw/\(header)", token: nil, headers: [(header, value)]))
                        note(try await stage.send(.GET, "/raw/two", token: token, headers: [(header, value)]))
                    }
                    note(try await stage.send(.GET, "/nowhere", token: token))
                    note(try await stage.send(.GET, "/raw/a", token: "x.\(token)"))
                    note(
                        try await stage.send(
                            .POST, "/raw/collections/d/points/query", token: token, body: #"{"limit":99}"#))
                    upstream.answer { _, wire in wire.close() }
                    note(try await stage.send(.POST, "/raw/broken", token: token))
                    let long = String(repeating: "e\u{301}", count: 8000)
                    note(
                        try await stage.send(
                            .GET, "/raw/a", token: token, headers: [("user-agent", long), ("x-change-id", long)]))
                    #expect(ids.count == 13 && Set(ids).count == 13)
                    let events = try await stage.events()
                    let own = events.filter { ids.contains($0.metadata.uid) }
                    #expect(own.count == 13 && Set(own.map(\.metadata.uid)).count == 13)
                    #expect(events.count == 14, "and the login")
                    texts += try await stage.rawEvents()
                    for text in texts {
                        #expect(!text.contains(Stage.upstreamSecret) && !text.contains(token))
                        #expect(
                            !text.contains(token.split(separator: ".")[1])
                                && !text.contains(token.split(separator: ".")[2]))
                    }
                    #expect(!upstream.everything.contains(token.split(separator: ".")[2]))
                }
            }
        }
    }
}
