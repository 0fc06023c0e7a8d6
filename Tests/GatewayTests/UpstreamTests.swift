// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Testing

extension GatewayTests {
    /// Upstreams that fail, stall and lie.
    @Suite struct Upstreams {
        /// An answer of the upstream, and what the client may see of it: the status, and the body after the head (nil: it must be
        /// recognisable as cut).
        struct Case {
            let name: String
            let answer: String
            var status = 200
            var body: String? = "ok"
            var method = "GET"
            var closes = true
            /// A field that the client must not see.
            var without: String?
        }

        static let cases = [
            Case(name: "less than declared", answer: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", body: nil),
            Case(
                name: "more than declared",
                answer:
                    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
                without: "evil"),
            Case(
                name: "an informational answer first",
                answer: "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
            Case(
                name: "101",
                answer: "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nevil",
                status: 502, without: "evil"),
            Case(
                name: "huge fields", answer: "HTTP/1.1 200 OK\r\nx: \(String(repeating: "a", count: 300_000))\r\n\r\n",
                status: 502),
            Case(
                name: "many fields", answer: "HTTP/1.1 200 OK\r\n\(String(repeating: "x: a\r\n", count: 10_000))\r\n",
                status: 502),
            Case(
                name: "a chunk that is none",
                answer: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\nevil", body: nil,
                without: "evil"),
            Case(
                name: "no last chunk", answer: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
                body: nil),
            Case(
                name: "both framings",
                answer:
                    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 50\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                status: 502),
            Case(
                name: "two lengths", answer: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 4\r\n\r\nokok",
                status: 502),
            Case(name: "a length with plus", answer: "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok", status: 502),
            Case(name: "a length that is none", answer: "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nok", status: 502),
            Case(name: "no HTTP", answer: "SSH-2.0-OpenSSH_9.2\r\n", status: 502),
            Case(name: "nothing", answer: "", status: 502),
            Case(name: "half a head", answer: "HTTP/1.1 200 OK\r\ncontent-le", status: 502),
            Case(
                name: "a line break in a field",
                answer: "HTTP/1.1 200 OK\r\nx: a\rset-cookie: evil\r\ncontent-length: 2\r\n\r\nok", status: 502,
                without: "evil"),
            Case(name: "no length", answer: "HTTP/1.1 200 OK\r\n\r\nok"),
            Case(name: "no length in HTTP/1.0", answer: "HTTP/1.0 200 OK\r\n\r\nok"),
            Case(
                name: "HEAD with a body", answer: "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", body: "",
                method: "HEAD", without: "evil"),
            Case(
                name: "204 with a body", answer: "HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nevil",
                status: 204, body: "", without: "content-length"),
            Case(
                name: "304 with a body", answer: "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\nevil",
                status: 304, body: "", without: "evil"),
            Case(
                name: "206",
                answer: "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-1/9\r\ncontent-length: 2\r\n\r\nok",
                status: 206),
            Case(
                name: "fields of the gateway",
                answer:
                    "HTTP/1.1 200 OK\r\ngatewatch-request-id: evil\r\nconnection: x-hop\r\nx-hop: evil\r\ncontent-length: 2\r\n\r\nok",
                without: "evil"),
        ]

        @Test func `an upstream that breaks the rules does not break the client's connection into pieces`() async throws
        {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let token = try stage.token()
                    for test in Self.cases {
                        upstream.answer { _, wire in
                            wire.send(test.answer)
                            wire.close()
                        }
                        let client = try await RawClient.connect(stage.port)
                        let head = "Host: g\r\nAuthorization: Bearer \(token)\r\n"
                        try await client.send("\(test.method) /raw/a HTTP/1.1\r\n\(head)\r\n")
                        try await client.wait { $0.text.contains("\r\n\r\n") }
                        #expect(client.statuses.first == test.status, "\(test.name): \(client.text)")
                        if test.body == nil {
                            try await client.wait("\(test.name): it is cut") { $0.isClosed }
                            #expect(!client.text.hasSuffix("0\r\n\r\n"), "\(test.name)")
                        } else {
                            // The connection can be used for the next request, whose answer is its own.
                            upstream.answer { _, wire in wire.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnext") }
                            try await client.send("GET /raw/next HTTP/1.1\r\n\(head)Connection: close\r\n\r\n")
                            try await client.wait("\(test.name): the next answer") { $0.isClosed }
                            #expect(client.statuses == [test.status, 200], "\(test.name): \(client.text)")
                            #expect(client.text.hasSuffix("next"), "\(test.name)")
                        }
                        let first = client.text.components(separatedBy: "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n")[0]
                        if let without = test.without {
                            #expect(!first.contains(without), "\(test.name): \(client.text)")
                        }
                    }
                    let events = try await stage.events().filter { $0.class_uid != 3002 }
                    #expect(events.count == Self.cases.count + Self.cases.count { $0.body != nil })
                }
            }
        }

        @Test func `an upstream that refuses, resets or stalls is an error of its own, in time`() async throws {
            try await RawUpstream.with { upstream in
                let more = "    timeouts: { connect: 1s, response: 300ms, idle: 300ms }"
                try await Stage.withRaw(upstream, more: more) { stage in
                    let token = try stage.token()
                    upstream.answer { _, wire in wire.reset() }
                    #expect(try await stage.send(.GET, "/raw/a", token: token).status == 502)
                    upstream.answer { _, _ in }
                    #expect(try await stage.send(.GET, "/raw/a", token: token).status == 504)
                    #expect(try await stage.send(.POST, "/raw/a", token: token, body: "{}").status == 504)
                    upstream.answer { _, wire in wire.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok") }
                    await #expect(throws: (any Error).self) { try await stage.send(.GET, "/raw/a", token: token) }
                    try await stage.wait("no connection is kept") { upstream.closed == 4 }
                    let reasons = try await stage.events().compactMap(\.status_code).sorted()
                    #expect(
                        reasons == [
                            "upstream_incomplete", "upstream_timeout", "upstream_timeout", "upstream_unavailable",
                        ])
                }
            }
        }

        @Test func `what was not held whole is never sent again`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let token = try stage.token()
                    /// The second request on a connection is met with its end.
                    let moody: RawUpstream.Answer = { request, wire in
                        let first =
                            upstream.requests.first { $0.connection == request.connection }?.number == request.number
                        if first { RawUpstream.fine(request, wire) } else { wire.close() }
                    }
                    upstream.answer(moody)
                    let auth = "Host: g\r\nAuthorization: Bearer \(token)\r\n"
                    func onKept(_ parts: [String]) async throws -> (client: RawClient, lines: [RawUpstream.Request]) {
                        let client = try await RawClient.connect(stage.port)
                        try await client.send("GET /raw/warm HTTP/1.1\r\n\(auth)\r\n")
                        try await client.wait { $0.text.hasSuffix("ok") }
                        try await client.send(parts[0])
                        for part in parts.dropFirst() {
                            try await stage.wait("the beginning has arrived") {
                                upstream.everything.contains("halfway")
                            }
                            try await client.send(part)
                        }
                        try await client.wait { $0.statuses.count == 2 }
                        client.close()
                        let target = parts[0].split(separator: " ")[1].dropFirst(4)
                        return (client, upstream.requests.filter { $0.line.contains(target) })
                    }
                    let get = try await onKept(["GET /raw/get HTTP/1.1\r\n\(auth)\r\n"])
                    #expect(get.client.statuses == [200, 200] && get.lines.count == 2, "a GET is asked again")
                    let post = try await onKept(["POST /raw/post HTTP/1.1\r\n\(auth)Content-Length: 2\r\n\r\nhi"])
                    #expect(post.client.statuses == [200, 502] && post.lines.count == 1, "a POST is not")
                    let put = try await onKept([
                        "PUT /raw/put HTTP/1.1\r\n\(auth)Content-Length: 9\r\n\r\nhalfway", "ok",
                    ])
                    #expect(put.client.statuses == [200, 502] && put.lines.map(\.body) == ["halfwayok"])
                }
            }
        }

        @Test func `an answer before the end of the request passes, and the connection goes on`() async throws {
            let early: RawUpstream.Answer = { _, wire in
                wire.send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno")
            }
            try await RawUpstream.with(early: true, early) { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let auth = "Host: g\r\nAuthorization: Bearer \(try stage.token())\r\n"
                    let client = try await RawClient.connect(stage.port)
                    try await client.send("POST /raw/a HTTP/1.1\r\n\(auth)Content-Length: 10\r\n\r\nhalf")
                    try await client.wait { $0.text.hasSuffix("no") }
                    try await client.send("of it.GET /raw/b HTTP/1.1\r\n\(auth)Connection: close\r\n\r\n")
                    try await client.wait { $0.isClosed }
                    #expect(client.statuses == [413, 413])
                    #expect(upstream.requests.map(\.line) == ["POST /a HTTP/1.1", "GET /b HTTP/1.1"])
                    #expect(
                        upstream.requests.map(\.connection) == [0, 1], "half a request's connection is not used again")
                }
            }
        }

        @Test func `a client of HTTP/1.0 gets what has no length, and a reset when it is cut`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let head = "Host: g\r\nAuthorization: Bearer \(try stage.token())\r\nConnection: keep-alive\r\n\r\n"
                    upstream.answer { _, wire in
                        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
                    }
                    let whole = try await RawClient.exchange(
                        stage.port, "GET /raw/a HTTP/1.0\r\n\(head)GET /raw/evil HTTP/1.0\r\n\(head)")
                    #expect(whole.text.hasSuffix("\r\n\r\nok") && !whole.text.lowercased().contains("chunked"))
                    #expect(whole.statuses == [200] && upstream.requests.count == 1, "nothing follows such an answer")
                    upstream.answer { _, wire in
                        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nzz")
                    }
                    let cut = try await RawClient.exchange(stage.port, "GET /raw/a HTTP/1.0\r\n\(head)")
                    #expect(cut.wasReset)
                }
            }
        }
    }
}
