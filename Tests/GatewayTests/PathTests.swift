// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Testing

extension GatewayTests {
    @Suite struct Paths {
        /// Targets that could mean another path to the server behind.
        static let refused = [
            "/raw/../evil", "/raw/a/../../evil", "/raw/%2e%2e/evil", "/raw/%2E%2e/evil", "/raw/.%2e/evil", "/raw/./a",
            "/raw/a/..", "/raw/%5c..%5cevil", "/raw/..%5cevil", "/raw\\..\\evil", "/raw//evil", "//raw/evil",
            "/raw/a%00", "/raw/%00", "/raw/a%0d%0aX:1", "/raw/%252e%252e/evil", "/raw/%c0%ae%c0%ae/evil",
            "/raw/%ff", "/raw/%", "/raw/%zz", "/raw/%u002e", "/raw/a%2f..%2fevil", "/raw/..;/evil", "/raw/a;x=1/b",
            "/RAW/a", "/raw", "/rawevil", "/raw%2fevil", "/%72aw/a", "/.gatewatch/../raw/a", "/",
        ]

        @Test func `what could be another path is refused, the rest arrives byte for byte`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let token = try stage.token()
                    func ask(_ method: String, _ target: String) async throws -> RawClient {
                        try await RawClient.exchange(
                            stage.port,
                            "\(method) \(target) HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer \(token)\r\nConnection: close\r\n\r\n"
                        )
                    }
                    var passed: [String] = []
                    for target in Self.refused {
                        let client = try await ask("GET", target)
                        if client.statuses == [200] { passed.append(target) }
                        #expect(client.statuses.count == 1, "\(target): \(client.text)")
                    }
                    #expect(passed.filter { $0 != "/raw" } == [])
                    #expect(!upstream.everything.contains("evil"))
                    let plain = ["/a", "/a/b%20c", "/a?x=1&y=%2e%2e", "/caf%C3%A9", "/a?next=//evil&z=a;b"]
                    for target in plain {
                        #expect(try await ask("GET", "/raw\(target)").statuses == [200], "\(target)")
                    }
                    #expect(upstream.requests.suffix(plain.count).map(\.line) == plain.map { "GET \($0) HTTP/1.1" })
                    for method in ["get", "GeT", "PRI", "PROPFIND", "X", "CONNECT", "TRACE"] {
                        #expect(try await ask(method, "/raw/a").statuses != [200], "\(method)")
                    }
                }
            }
        }

        @Test func `no field of the client passes for one of the gateway's or another method's`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let fields = [
                        "X-HTTP-Method-Override: DELETE", "X_HTTP_Method_Override: DELETE", "X-Http-Method: DELETE",
                        "X-Method-Override: DELETE", "X-Original-URL: /evil", "X_Original_URL: /evil",
                        "X-Rewrite-URL: /evil", "Api_Key: evil", "API.KEY: evil", "Transfer_Encoding: chunked",
                        "Content_Length: 5", "Content-Length_: 5", "X-Forwarded-For: 1.2.3.4",
                        "X_Forwarded_For: 1.2.3.4",
                        "Forwarded: for=1.2.3.4", "Cookie: a=b", "Proxy-Authorization: Basic x", "TE: trailers",
                        "Gatewatch-Request-Id: evil", "X-Real_IP: evil", "Keep-Alive: timeout=5", "Prefer: wait=0",
                    ]
                    let client = try await RawClient.exchange(
                        stage.port,
                        "GET /raw/a HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer \(stage.token())\r\nX-Own: stays\r\n"
                            + "Connection: close, keep-alive, te\r\n\(fields.joined(separator: "\r\n"))\r\n\r\n")
                    #expect(client.statuses == [200], "\(client.text)")
                    let request = try #require(upstream.requests.first)
                    let names = request.head.components(separatedBy: "\r\n").dropFirst().map {
                        String($0.prefix { $0 != ":" }).lowercased()
                    }
                    // Content-Length_ is no spelling of another field.
                    #expect(Set(names) == ["host", "api-key", "gatewatch-request-id", "x-own", "content-length_"])
                    #expect(names.count == 5 && !request.head.contains("evil"), "\(request.head)")
                }
            }
        }

        @Test func `HTTP2 fields cannot break out of their line`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let token = try stage.token()
                    let usual = [(":method", "GET"), (":scheme", "http"), (":path", "/raw/a"), (":authority", "g")]
                    let auth = [("authorization", "Bearer \(token)")]
                    func with(_ name: String, _ value: String) -> [(String, String)] {
                        usual.map { $0.0 == name ? (name, value) : $0 } + auth
                    }
                    let blocks: [[(String, String)]] = [
                        usual + auth + [("x", "a\r\nevil: 1")], usual + auth + [("x", "a\nevil: 1")],
                        usual + auth + [("x", "a\0evil")], usual + auth + [("x\r\nevil", "1")],
                        usual + auth + [("x evil", "1")], usual + auth + [("x:evil", "1")],
                        usual + auth + [("X-Evil", "1")], usual + auth + [("transfer-encoding", "chunked")],
                        usual + auth + [("connection", "x-evil"), ("x-evil", "1")],
                        usual + auth + [("content-length", "5")], usual + auth + [("content-length", "evil")],
                        usual + auth + [("host", "evil"), ("host", "evil2")],
                        usual + [(":path", "/raw/evil")] + auth, usual + [(":method", "POST")] + auth,
                        usual + auth + [(":path", "/raw/evil")], usual + [(":evil", "1")] + auth,
                        with(":path", "/raw/a HTTP/1.1\r\nevil: 1\r\n\r\n"), with(":path", "/raw/a evil"),
                        with(":path", ""),
                        with(":path", "raw/evil"), with(":path", "*"), with(":path", "http://g/raw/evil"),
                        with(":path", "//raw/evil"), with(":path", "/raw/..%2fevil"), with(":path", "/raw/a#evil"),
                        with(":method", "GET /evil HTTP/1.1\r\n"), with(":method", "EVIL"), with(":method", ""),
                        with(":method", "CONNECT"), with(":authority", ""), with(":authority", "g\r\nevil: 1"),
                        Array(usual.dropLast(2)) + auth, Array(usual.dropFirst()) + auth,
                    ]
                    var passed: [String] = []
                    for (index, block) in blocks.enumerated() {
                        let client = try await H2Client.connect(stage.port)
                        let stream = try await client.open(block)
                        try await stream.wait("\(index)") { $0.isComplete || $0.isReset || client.isClosed }
                        if stream.status == 200 { passed.append("\(index): \(block.debugDescription)") }
                        client.close()
                    }
                    #expect(passed == [])
                    #expect(!upstream.everything.lowercased().contains("evil"), "\(upstream.everything)")
                    let events = try await stage.events()
                    #expect(events.count >= blocks.count, "each leaves an event: \(events.count) of \(blocks.count)")
                }
            }
        }
    }
}
