// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Testing

extension GatewayTests {
    @Suite struct Streaming {
        private static func head(_ stage: Stage, _ line: String, _ fields: String = "") throws -> String {
            "\(line) HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer \(try stage.token())\r\n\(fields)\r\n"
        }

        @Test func `each server-sent event passes before the next is sent`() async throws {
            try await RawUpstream.with({ _, wire in
                wire.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            }) { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let client = try await RawClient.connect(stage.port)
                    try await client.send(Self.head(stage, "GET /raw/events"))
                    try await client.wait { $0.text.contains("\r\n\r\n") }
                    for number in 0..<5 {
                        upstream.wires[0].send("9\r\ndata: \(number)\n\n\r\n")
                        try await client.wait("event \(number)") { $0.text.contains("data: \(number)\n\n") }
                    }
                    upstream.wires[0].send("0\r\n\r\n")
                    try await client.wait { $0.text.hasSuffix("\r\n0\r\n\r\n") }
                    client.close()
                    #expect(try await stage.events().last?.http_response.length == 45)
                }
            }
        }

        @Test func `a body is asked for when it is wanted, and not before`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let fields = "Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n"
                    for target in ["/raw/any", "/raw/collections/docs/points/query"] {
                        let client = try await RawClient.connect(stage.port)
                        try await client.send(Self.head(stage, "POST \(target)", fields))
                        try await client.wait { $0.statuses == [100] }
                        try await client.send("{}")
                        try await client.wait { $0.isClosed }
                        #expect(client.statuses == [100, 200], "\(client.text)")
                    }
                    let refused = try await RawClient.connect(stage.port)
                    try await refused.send(Self.head(stage, "POST /nowhere", fields))
                    try await refused.wait { $0.statuses == [404] }
                    #expect(refused.text.lowercased().contains("connection: close"))
                    refused.close()
                    let other = try await RawClient.exchange(
                        stage.port,
                        Self.head(
                            stage, "POST /raw/any", "Expect: 200-maybe\r\nContent-Length: 2\r\nConnection: close\r\n")
                            + "{}")
                    #expect(other.statuses == [417])
                    #expect(upstream.requests.map(\.body) == ["{}", "{}"])
                    #expect(upstream.requests.allSatisfy { $0.fields("expect").isEmpty })
                }
            }
        }

        @Test func `ranges, HEAD and chunks pass both ways`() async throws {
            try await RawUpstream.with({ request, wire in
                if request.line.hasPrefix("HEAD") {
                    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\naccept-ranges: bytes\r\n\r\n")
                } else {
                    wire.send(
                        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 2-5/9\r\ntransfer-encoding: chunked\r\n\r\n4\r\ncdef\r\n0\r\n\r\n"
                    )
                }
            }) { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let client = try await RawClient.connect(stage.port)
                    try await client.send(Self.head(stage, "HEAD /raw/file"))
                    try await client.wait { $0.text.hasSuffix("\r\n\r\n") }
                    #expect(client.text.contains("content-length: 1000\r\n"))
                    try await client.send(
                        Self.head(stage, "PUT /raw/file", "Range: bytes=2-5\r\nTransfer-Encoding: chunked\r\n")
                            + "2\r\nhe\r\n")
                    try await stage.wait("the first chunk has arrived") { upstream.everything.contains("2\r\nhe\r\n") }
                    try await client.send("3\r\nllo\r\n0\r\n\r\n")
                    try await client.wait { $0.text.hasSuffix("\r\n0\r\n\r\n") }
                    #expect(
                        client.statuses == [200, 206] && client.text.contains("4\r\ncdef\r\n"), "\(client.text)")
                    #expect(upstream.requests[1].fields("range") == ["bytes=2-5"])
                    #expect(upstream.requests[1].body == "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
                    client.close()
                }
            }
        }
    }
}
