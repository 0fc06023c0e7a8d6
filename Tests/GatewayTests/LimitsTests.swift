// SPDX-License-Identifier: Apache-2.0

import AuditSpool
import Foundation
import Gateway
import NIOCore
import NIOHTTP1
import Testing

extension GatewayTests {
    @Suite struct Limits {
        private static func head(_ stage: Stage, _ line: String, _ fields: String = "") throws -> String {
            "\(line) HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer \(try stage.token())\r\n\(fields)\r\n"
        }

        /// Resident memory of this process, bytes.
        private static func resident() throws -> Int {
            let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
            return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) * 1024
        }

        @Test func `heads past the limits are refused before anything is done with them`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let long = String(repeating: "a", count: 64 << 10)
                    let cases: [(String, Int)] = [
                        (try Self.head(stage, "GET /raw/a", "X-Token: \(long)\r\n"), 431),
                        ("GET /raw/a HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer \(long)\r\n\r\n", 431),
                        (
                            "GET /raw/a HTTP/1.1\r\nHost: g\r\nConnection: close\r\nAuthorization: Bearer \(long.prefix(20_000))\r\n\r\n",
                            401
                        ),
                        (
                            try Self.head(
                                stage, "GET /raw/a", String(repeating: "X: \(long.prefix(1000))\r\n", count: 2000)), 431
                        ),
                        (try Self.head(stage, "GET /raw/a", String(repeating: "X: a\r\n", count: 10_000)), 431),
                        (try Self.head(stage, "GET /raw/\(long.prefix(9000))"), 414),
                        (try Self.head(stage, "GET /raw/\(long)"), 431),
                        (try Self.head(stage, "GET /raw/\(long.prefix(8000))", "Connection: close\r\n"), 200),
                    ]
                    for (index, test) in cases.enumerated() {
                        let client = try await RawClient.exchange(stage.port, test.0)
                        // A reset may take the answer of a request that went on and on.
                        #expect(client.statuses == [test.1] || client.wasReset, "\(index): \(client.text.prefix(300))")
                    }
                    #expect(upstream.requests.count == 1)
                    #expect(try await stage.events().count == cases.count + 1)
                }
            }
        }

        @Test func `bodies are no larger than policy says, however they come`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream, policy: "{ limits: { request_bytes: 1KiB } }") { stage in
                    func send(_ target: String, _ fields: String, _ parts: [String]) async throws -> RawClient {
                        let client = try await RawClient.connect(stage.port)
                        try await client.send(Self.head(stage, "POST \(target)", fields) + parts[0])
                        for part in parts.dropFirst() {
                            try? await client.send(part)
                        }
                        try await client.wait { !$0.statuses.isEmpty }
                        client.close()
                        return client
                    }
                    let large = String(repeating: "a", count: 2048)
                    let fits = String(repeating: "a", count: 1024)
                    let chunk = "800\r\n\(large)\r\n"
                    let json = #"{"limit":1,"x":"\#(large)"}"#
                    var answers: [Int?] = []
                    for target in ["/raw/any", "/raw/collections/docs/points/query"] {
                        let body = target == "/raw/any" ? large : json
                        let ended = "\(chunk)0\r\n\r\n"
                        let chunked = "Transfer-Encoding: chunked\r\n"
                        answers.append(
                            try await send(target, "Content-Length: \(body.utf8.count)\r\n", [body]).statuses.last)
                        answers.append(try await send(target, chunked, [ended]).statuses.last)
                        answers.append(try await send(target, chunked, ["", chunk, "0\r\n\r\n"]).statuses.last)
                        let waiting = try await RawClient.connect(stage.port)
                        try await waiting.send(Self.head(stage, "POST \(target)", chunked + "Expect: 100-continue\r\n"))
                        try await waiting.wait { $0.statuses == [100] }
                        try await waiting.send(chunk)
                        try await waiting.wait { $0.statuses.count == 2 }
                        answers.append(waiting.statuses.last)
                        waiting.close()
                    }
                    #expect(answers == Array(repeating: 413, count: 8))
                    let forwarded = upstream.requests.count
                    #expect(forwarded == 0, "\(upstream.everything)")
                    let whole = try await send(
                        "/raw/any", "Transfer-Encoding: chunked\r\n", ["400\r\n\(fits)\r\n0\r\n\r\n"])
                    let declared = try await send("/raw/any", "Content-Length: 1024\r\n", [fits])
                    #expect(whole.statuses == [200] && declared.statuses == [200])
                    #expect(upstream.requests.count == 2)
                }
            }
        }

        @Test func `what policy reads is read by one reader`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let path = "/raw/collections/docs/points/query"
                    let bodies = [
                        #"{"limit":1,"limit":9999}"#, #"{"limit":1,"l\u0069mit":9999}"#, #"{"limit":1"#,
                        #"{"limit":1}{"limit":2}"#,
                        String(repeating: "[", count: 100_000), #"{"a":"# + String(repeating: #"{"a":"#, count: 10_000),
                        "nonsense",
                    ]
                    for body in bodies {
                        let answer = try await stage.send(.POST, path, token: stage.token(), body: body)
                        #expect((400..<500).contains(answer.status), "\(body.prefix(40)): \(answer.status)")
                    }
                    #expect(upstream.requests.isEmpty)
                    let events = try await stage.events().filter { $0.class_uid != 3002 }
                    #expect(events.count == bodies.count && events.allSatisfy { $0.disposition_id == 2 })
                }
            }
        }

        @Test func `a gzip bomb is not unpacked`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let file = "\(stage.folder)/bomb.gz"
                    let made = try await stage.run(
                        "/bin/sh", ["-c", "head -c 1G /dev/zero | tr '\\0' ' ' | gzip -9 > \(file)"])
                    #expect(made.status == 0)
                    let before = try Self.resident()
                    let answer = try await stage.run(
                        "/usr/bin/curl",
                        [
                            "-sS", "-o", "/dev/null", "-w", "%{response_code}", "-H", "Expect:", "-H",
                            "Content-Encoding: gzip", "-H",
                            "Content-Type: application/json", "-H", "Authorization: Bearer \(try stage.token())",
                            "--data-binary",
                            "@\(file)", "http://127.0.0.1:\(stage.port)/raw/collections/docs/points/query",
                        ])
                    #expect(answer.text == "413")
                    let growth = try Self.resident() - before
                    #expect(growth < 128 << 20, "\(growth) bytes")
                    #expect(upstream.requests.isEmpty)
                }
            }
        }

        @Test func `an upload that the upstream does not take is not taken either`() async throws {
            try await RawUpstream.with(early: true, { _, wire in wire.stopReading() }) { upstream in
                let more = "    timeouts: { connect: 1s, response: 5s, idle: 5s }"
                try await Stage.withRaw(upstream, more: more) { stage in
                    let client = try await RawClient.connect(stage.port)
                    try await client.send(Self.head(stage, "POST /raw/any", "Transfer-Encoding: chunked\r\n"))
                    try await stage.wait("it is forwarded") { !upstream.requests.isEmpty }
                    let before = try Self.resident()
                    // Each write is a megabyte; the client only goes on when the one before was taken.
                    let part = ByteBuffer(string: "100000\r\n" + String(repeating: "a", count: 1 << 20) + "\r\n")
                    var taken = 0
                    let stopped = ContinuousClock.now + .seconds(3)
                    let count = TakenCount()
                    let writer = Task {
                        for _ in 0..<1024 {
                            try await client.channel.writeAndFlush(part)
                            count.add()
                        }
                    }
                    while ContinuousClock.now < stopped, count.value < 1024 {
                        taken = count.value
                        try await Task.sleep(for: .milliseconds(50))
                    }
                    #expect(taken < 64, "\(taken) MB of 1024 went into buffers")
                    let growth = try Self.resident() - before
                    #expect(growth < 64 << 20, "\(growth) bytes")
                    client.close()
                    _ = try? await writer.value
                    try await stage.wait("it is recorded") { stage.service.spool.appended == 2 }
                }
            }
        }

        @Test func `slow heads, slow bodies and clients that take nothing are ended`() async throws {
            let flood: RawUpstream.Answer = { _, wire in
                wire.send("HTTP/1.1 200 OK\r\ncontent-length: \(64 << 20)\r\n\r\n")
                let part = ByteBuffer(repeating: 0x61, count: 1 << 20)
                for _ in 0..<64 { wire.channel.writeAndFlush(part, promise: nil) }
            }
            try await RawUpstream.with(flood) { upstream in
                try await Stage.withRaw(
                    upstream,
                    change: {
                        $0.limits.headTimeout = .milliseconds(400)
                        $0.limits.bodyTimeout = .milliseconds(400)
                        $0.limits.answerTimeout = .milliseconds(400)
                    }
                ) { stage in
                    let silent = try await RawClient.connect(stage.port)
                    let preface = try await RawClient.connect(stage.port)
                    try await preface.send("PRI * HT")
                    let head = try await RawClient.connect(stage.port)
                    try await head.send("GET /raw/a HTTP/1.1\r\nHost: g\r\nX-A: ")
                    let body = try await RawClient.connect(stage.port)
                    try await body.send(
                        Self.head(stage, "POST /raw/collections/docs/points/query", "Content-Length: 1000\r\n") + "{")
                    let reader = try await RawClient.connect(stage.port, receiveBuffer: 4096)
                    try await reader.channel.setOption(.autoRead, value: false).get()
                    try await reader.send(Self.head(stage, "GET /raw/a"))
                    // A head that drips never ends.
                    let drip = Task {
                        while !head.isClosed {
                            try? await head.send("a")
                            try await Task.sleep(for: .milliseconds(50))
                        }
                    }
                    for (name, client) in [("silent", silent), ("preface", preface), ("head", head), ("body", body)] {
                        try await client.wait("\(name) is closed") { $0.isClosed }
                    }
                    drip.cancel()
                    #expect(body.statuses == [408])
                    try await stage.wait("the reader is given up") { stage.service.spool.appended >= 4 }
                    reader.close()
                    let reasons = try await stage.events().compactMap(\.status_code)
                    #expect(reasons.filter { $0 == "client_slow" }.count == 2)
                }
            }
        }

        @Test func `connections past the limit are closed, and those within are served`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream, change: { $0.limits.connections = 10 }) { stage in
                    var clients: [RawClient] = []
                    for _ in 0..<30 { clients.append(try await RawClient.connect(stage.port)) }
                    try await stage.wait("twenty are closed") { clients.count { $0.isClosed } == 20 }
                    let one = try #require(clients.first { !$0.isClosed })
                    try await one.send(Self.head(stage, "GET /raw/a"))
                    try await one.wait { $0.statuses == [200] }
                    for client in clients { client.close() }
                    try await stage.wait("there is room again") {
                        let client = try await RawClient.connect(stage.port)
                        defer { client.close() }
                        try? await client.send(Self.head(stage, "GET /raw/a"))
                        try await client.wait { $0.isClosed || !$0.statuses.isEmpty }
                        return client.statuses == [200]
                    }
                }
            }
        }
    }
}
