// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Testing

extension GatewayTests {
    /// Requests that two servers could read differently, with a second request behind each that must not be taken for one.
    @Suite struct Smuggling {
        /// A shape, the answers that are expected, and the requests that may reach the upstream.
        struct Shape {
            let name: String
            /// Field lines and body after the first ones.
            let text: String
            var answers = [400]
            var upstream: [String] = []
        }

        private static func post(_ fields: String, _ body: String) -> String {
            "POST /raw/a HTTP/1.1\r\nHost: g\r\nAUTH\r\n\(fields)\r\n\r\n\(body)EVIL"
        }
        private static func chunked(_ body: String) -> String { post("Transfer-Encoding: chunked", body) }
        private static func line(_ line: String, _ fields: String = "Host: g\r\n") -> String {
            "\(line)\r\n\(fields)AUTH\r\n\r\nEVIL"
        }

        static let bodies = [
            Shape(name: "both framings", text: post("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
            Shape(name: "a length twice", text: post("Content-Length: 2\r\nContent-Length: 2", "hi")),
            Shape(name: "two lengths", text: post("Content-Length: 2\r\nContent-Length: 0", "hi")),
            Shape(name: "a list of lengths", text: post("Content-Length: 2, 2", "hi")),
            Shape(name: "a length with plus", text: post("Content-Length: +2", "hi")),
            Shape(name: "a length with minus", text: post("Content-Length: -2", "hi")),
            Shape(name: "a length with a space", text: post("Content-Length: 2 0", "hi")),
            Shape(name: "a hexadecimal length", text: post("Content-Length: 0x2", "hi")),
            Shape(name: "an empty length", text: post("Content-Length: ", "hi")),
            Shape(name: "a length past 64 bits", text: post("Content-Length: 18446744073709551618", "hi")),
            Shape(name: "chunked is not last", text: post("Transfer-Encoding: chunked, identity", "0\r\n\r\n")),
            Shape(
                name: "identity, chunked", text: post("Transfer-Encoding: identity, chunked", "0\r\n\r\n"),
                answers: [501]),
            Shape(name: "xchunked", text: post("Transfer-Encoding: xchunked", "0\r\n\r\n"), answers: [501]),
            Shape(name: "quoted", text: post("Transfer-Encoding: \"chunked\"", "0\r\n\r\n"), answers: [501]),
            Shape(
                name: "two codings",
                text: post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n")),
            Shape(name: "a vertical tab", text: post("Transfer-Encoding: \u{0B}chunked", "0\r\n\r\n")),
            Shape(
                name: "chunked in HTTP/1.0",
                text: post("Transfer-Encoding: chunked\r\nConnection: keep-alive", "0\r\n\r\n")
                    .replacing("/a HTTP/1.1", with: "/a HTTP/1.0")),
            Shape(name: "obs-fold", text: post("X-A: a\r\n Content-Length: 0", "")),
            Shape(name: "obs-fold of the coding", text: post("Transfer-Encoding:\r\n chunked", "0\r\n\r\n")),
            Shape(name: "bare LF", text: post("Content-Length: 0", "").replacing("\r\n", with: "\n")),
            Shape(name: "bare LF in a field", text: post("X: a\nTransfer-Encoding: chunked\r\nContent-Length: 0", "")),
            Shape(name: "bare CR", text: post("X: a\rContent-Length: 3\r\nContent-Length: 0", "")),
            Shape(name: "space before the colon", text: post("Content-Length : 0", "")),
            Shape(name: "space before the colon of the coding", text: post("Transfer-Encoding : chunked", "0\r\n\r\n")),
            Shape(name: "NUL in a value", text: post("X: a\0b\r\nContent-Length: 0", "")),
            Shape(name: "NUL in a name", text: post("X\0: a\r\nContent-Length: 0", "")),
            Shape(name: "a control character", text: post("X: a\u{01}b\r\nContent-Length: 0", "")),
            Shape(name: "LF in a chunk extension", text: chunked("2;a\nb\r\nhi\r\n0\r\n\r\n")),
            Shape(name: "LF after a chunk size", text: chunked("2\nhi\r\n0\r\n\r\n")),
            Shape(name: "LF after a chunk", text: chunked("2\r\nhi\n0\r\n\r\n")),
            Shape(name: "a chunk size that is none", text: chunked("zz\r\nhi\r\n0\r\n\r\n")),
            Shape(name: "a chunk size with 0x", text: chunked("0x2\r\nhi\r\n0\r\n\r\n")),
            Shape(name: "a negative chunk size", text: chunked("-2\r\nhi\r\n0\r\n\r\n")),
            Shape(name: "a chunk size with a space", text: chunked("2 \r\nhi\r\n0\r\n\r\n")),
            Shape(name: "a chunk size past 64 bits", text: chunked("10000000000000002\r\nhi\r\n0\r\n\r\n")),
            Shape(name: "a chunk that is longer", text: chunked("2\r\nhiX\r\n0\r\n\r\n")),
            Shape(
                name: "framing in trailers", text: chunked("2\r\nhi\r\n0\r\nContent-Length: 9\r\nHost: evil\r\n\r\n")),
            Shape(
                name: "a chunk extension", text: chunked("2;a=b\r\nhi\r\n0\r\n\r\n"), answers: [200, 200],
                upstream: ["POST /a HTTP/1.1", "GET /evil HTTP/1.1"]),
            Shape(
                name: "trailers", text: chunked("2\r\nhi\r\n0\r\nAuthorization: Bearer x\r\nX-Trailer: 1\r\n\r\n"),
                answers: [200, 200], upstream: ["POST /a HTTP/1.1", "GET /evil HTTP/1.1"]),
            Shape(
                name: "a body that is refused",
                text: line("POST /nowhere HTTP/1.1", "Host: g\r\nContent-Length: 2\r\n")
                    .replacing("EVIL", with: "hiEVIL"), answers: [404, 200], upstream: ["GET /evil HTTP/1.1"]),
            Shape(
                name: "a refused body that is no body",
                text: line("POST /nowhere HTTP/1.1", "Host: g\r\nTransfer-Encoding: chunked\r\n")
                    .replacing("EVIL", with: "zz\r\nEVIL"), answers: [404]),
            Shape(
                name: "a body sent without waiting for 100",
                text: line("POST /nowhere HTTP/1.1", "Host: g\r\nExpect: 100-continue\r\nContent-Length: 2\r\n")
                    .replacing("EVIL", with: "hiEVIL"), answers: [404]),
        ]

        static let heads = [
            Shape(name: "two hosts", text: line("GET /raw/a HTTP/1.1", "Host: g\r\nHost: h\r\n")),
            Shape(name: "no host", text: line("GET /raw/a HTTP/1.1", "")),
            Shape(name: "an empty host", text: line("GET /raw/a HTTP/1.1", "Host:\r\n")),
            Shape(name: "a list of hosts", text: line("GET /raw/a HTTP/1.1", "Host: a, b\r\n")),
            Shape(name: "absolute form", text: line("GET http://other/raw/a HTTP/1.1")),
            Shape(name: "authority form", text: line("CONNECT g:80 HTTP/1.1"), answers: [405]),
            Shape(name: "asterisk form", text: line("OPTIONS * HTTP/1.1")),
            Shape(name: "TRACE", text: line("TRACE /raw/a HTTP/1.1"), answers: [405]),
            Shape(name: "a space in the target", text: line("GET /raw/a b HTTP/1.1")),
            Shape(name: "a fragment", text: line("GET /raw/a#b HTTP/1.1")),
            Shape(name: "a space before the first field", text: line("GET /raw/a HTTP/1.1", " Host: g\r\n")),
            Shape(name: "HTTP/0.9", text: line("GET /raw/a")),
            Shape(name: "a line of HTTP/2", text: line("GET /raw/a HTTP/2.0")),
            Shape(name: "HTTP/1.2", text: line("GET /raw/a HTTP/1.2")),
            Shape(name: "no HTTP at all", text: "\u{16}\u{03}\u{01}\0EVIL"),
            Shape(
                name: "websocket",
                text: line("GET /raw/a HTTP/1.1", "Host: g\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"),
                answers: [501]),
            Shape(
                name: "an upgrade that is not granted",
                text: line("GET /raw/a HTTP/1.1", "Host: g\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"), answers: [200],
                upstream: ["GET /a HTTP/1.1"]),
            Shape(
                name: "Connection: close", text: line("GET /raw/a HTTP/1.1", "Host: g\r\nConnection: close\r\n"),
                answers: [200], upstream: ["GET /a HTTP/1.1"]),
            Shape(
                name: "a judged field named by Connection",
                text: line(
                    "GET /raw/a HTTP/1.1", "Host: g\r\nConnection: x-amz-copy-source\r\nX-Amz-Copy-Source: /b/k\r\n")),
            Shape(
                name: "a field that is injected named by Connection",
                text: line("GET /raw/a HTTP/1.1", "Host: g\r\nConnection: api-key, authorization\r\n")),
        ]

        @Test(arguments: [bodies, heads])
        func `what could be read in two ways is refused, and nothing behind it is a request`(_ shapes: [Shape])
            async throws
        {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let token = try stage.token()
                    #expect(try await stage.send(.GET, "/raw/first", token: token).status == 200)
                    var answered = 2
                    for shape in shapes {
                        let before = upstream.requests.count
                        let auth = "Authorization: Bearer \(token)"
                        let evil = "GET /raw/evil HTTP/1.1\r\nHost: g\r\n\(auth)\r\nConnection: close\r\n\r\n"
                        let text = shape.text.replacing("AUTH", with: auth).replacing("EVIL", with: evil)
                        let client = try await RawClient.exchange(stage.port, text)
                        #expect(client.statuses == shape.answers, "\(shape.name): \(client.text)")
                        #expect(upstream.requests.dropFirst(before).map(\.line) == shape.upstream, "\(shape.name)")
                        #expect(!client.text.contains(Stage.upstreamSecret) && !client.text.contains(token))
                        answered += shape.answers.count
                    }
                    #expect(!upstream.everything.contains(token), "the caller's token stays here")
                    for request in upstream.requests {
                        #expect(request.fields("api-key") == [Stage.upstreamSecret])
                        #expect(request.fields("host") == ["127.0.0.1:\(upstream.port)"])
                        #expect(request.fields("content-length").count + request.fields("transfer-encoding").count <= 1)
                        #expect(!request.body.contains("X-Trailer"))
                    }
                    let events = try await stage.events()
                    #expect(events.count == answered, "one event for each answer, and the login")
                    #expect(Set(events.map(\.metadata.uid)).count == answered)
                }
            }
        }
    }
}
