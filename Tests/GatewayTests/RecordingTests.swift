// SPDX-License-Identifier: Apache-2.0

import AuditSpool
import CZlib
import Foundation
import Gateway
import Kafka
import NIOCore
import NIOHTTP1
import Recordings
import Telemetry
import Testing

extension GatewayTests {
    @Suite struct Recorded {
        /// Answers each request with such a head and body.
        private func answer(_ head: String, _ body: [UInt8]) -> RawUpstream.Answer {
            { _, wire in
                wire.channel.writeAndFlush(
                    ByteBuffer(
                        bytes: Array("HTTP/1.1 200 OK\r\n\(head)content-length: \(body.count)\r\n\r\n".utf8) + body),
                    promise: nil)
            }
        }

        private func json(_ body: String) -> RawUpstream.Answer {
            answer("content-type: application/json\r\n", Array(body.utf8))
        }

        private func gzip(_ bytes: [UInt8]) -> [UInt8] {
            var stream = z_stream()
            deflateInit2_(
                &stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size))
            defer { deflateEnd(&stream) }
            var input = bytes
            return input.withUnsafeMutableBufferPointer { input in
                [UInt8](unsafeUninitializedCapacity: Int(deflateBound(&stream, UInt(input.count)))) { output, count in
                    stream.next_in = input.baseAddress
                    stream.avail_in = UInt32(input.count)
                    stream.next_out = output.baseAddress
                    stream.avail_out = UInt32(output.count)
                    deflate(&stream, Z_FINISH)
                    count = output.count - Int(stream.avail_out)
                }
            }
        }

        @Test func `an exchange is recorded as its event tells of it, without vectors`() async throws {
            try await RawUpstream.with { upstream in
                let vector = (0..<1536).map { "0.\($0)" }.joined(separator: ",")
                upstream.answer(json(#"{"result":[{"id":7,"vector":[\#(vector)]}]}"#))
                try await Stage.withRaw(upstream) { stage in
                    let body = #"{"query":[\#(vector)],"limit":3,"filter":{"team":"blue whale"}}"#
                    let answer = try await stage.send(
                        .POST, "/raw/collections/docs/points/query?timeout=5", token: stage.token(), body: body,
                        headers: [("x-request-id", "r-1"), ("x-other", "o")])
                    let event = try #require(try await stage.events().first { $0.api?.operation == "vectors.query" })
                    let record = try #require(try await stage.recordings().first)
                    let recording = record.recording
                    #expect(record.key == "s-1" && answer.headers.first(name: "gatewatch-request-id") == recording.uid)
                    #expect(recording.uid == event.metadata.uid && recording.identity == event.who)
                    #expect(recording.session == "s-1" && recording.connection == "raw" && recording.status == 200)
                    #expect(recording.operation == "vectors.query" && recording.resources.first?.name == "docs")
                    #expect(recording.path == "/raw/collections/docs/points/query" && recording.query == "timeout=5")
                    #expect(
                        recording.decision == .allowed && recording.address == "127.0.0.1"
                            && recording.items == event.unmapped.items)
                    #expect(
                        recording.request.body
                            == #"{"query":"[1536 numbers]","limit":3,"filter":{"team":"blue whale"}}"#)
                    #expect(recording.response.body == #"{"result":[{"id":7,"vector":"[1536 numbers]"}]}"#)
                    #expect(recording.request.length == Int64(body.utf8.count) && !recording.request.isTruncated)
                    #expect(recording.request.digest?.count == 64)
                    #expect(recording.request.headers.contains(.init(name: "x-request-id", value: "r-1")))
                    #expect(!recording.request.headers.contains { ["x-other", "authorization"].contains($0.name) })
                }
            }
        }

        @Test func `no credential is in the topic, also where a service echoes all that it got`() async throws {
            try await RawUpstream.with { upstream in
                upstream.answer { request, wire in
                    let body =
                        #"{"head":"\#(request.head.replacing("\r\n", with: "\\r\\n").replacing("\"", with: "\\\""))","x":1}"#
                    wire.send(
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nset-cookie: sid=answer-cookie-12345; Path=/\r\n"
                            + "x-secret: answer-header-12345\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
                }
                try await Stage.withRaw(upstream) { stage in
                    let token = try stage.token()
                    for header in ["authorization", "api-key", "x-gatewatch-token", "x-chroma-token"] {
                        _ = try await stage.send(
                            .POST,
                            "/raw/any/\(token)?access_token=query-token-12345&x=\(token)&api_key=query-key-12345&page=2",
                            token: nil,
                            body:
                                #"{"password":"body-password-12345","note":"Bearer body-bearer-12345","t":"\#(token)"}"#,
                            headers: [
                                (header, header == "authorization" ? "Bearer \(token)" : token),
                                ("cookie", "sid=cookie-value-12345"), ("x-api-key", "client-api-key-12345"),
                                ("x-amz-security-token", "amz-token-12345"),
                                ("proxy-authorization", "Basic cHJveHk6cHc="),
                            ])
                    }
                    _ = try await stage.send(
                        .POST, "/raw/refused?token=refused-query-12345", token: "x.\(token)",
                        body: "{\"a\":\"refused-body\"}")
                    let records = try await stage.recordings()
                    #expect(records.count == 5)
                    let everything = records.map { $0.key + String(decoding: $0.payload, as: UTF8.self) }.joined()
                    for secret in [
                        token, String(token.prefix(40)), Stage.upstreamSecret, "answer-cookie", "answer-header",
                        "query-token", "query-key", "body-password", "body-bearer", "cookie-value", "client-api-key",
                        "amz-token", "cHJveHk6cHc", "refused-query", "refused-body",
                    ] {
                        #expect(!everything.contains(secret), "\(secret)")
                    }
                    #expect(records[0].recording.query?.contains("page=2") == true)
                    #expect(records[0].recording.response.body?.contains("\"x\":1") == true)
                }
            }
        }

        @Test func `bodies are recorded as far as they are text, whatever they claim`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream, change: { $0.recordings.bodyBytes = 4096 }) { stage in
                    let token = try stage.token()
                    let text = Array(String(repeating: "{\"a\":\"bc\"}\n", count: 10).utf8)
                    let random = (0..<9000).map { _ in UInt8.random(in: 0...255) }
                    let cases: [(String, [UInt8])] = [
                        ("content-type: application/json\r\ncontent-encoding: gzip\r\n", gzip(text)),
                        (
                            "content-type: application/json\r\ncontent-encoding: gzip\r\n",
                            gzip([UInt8](repeating: 0x61, count: 3 << 20))
                        ),
                        ("content-type: application/json\r\ncontent-encoding: gzip\r\n", text),
                        ("content-type: application/json\r\ncontent-encoding: gzip\r\n", gzip(random)),
                        ("content-type: application/json\r\ncontent-encoding: br\r\n", text),
                        ("content-type: application/json\r\n", Array("{\"a\":[1,".utf8)),
                        ("content-type: text/plain\r\n", random),
                        ("content-type: application/octet-stream\r\n", text),
                        ("content-type: text/plain; charset=utf-16\r\n", text),
                        ("", text), ("", random),
                        ("content-type: text/plain\r\n", Array(String(repeating: "ü", count: 3000).utf8)),
                        ("content-type: text/plain\r\n", []),
                        ("content-type: application/octet-stream\r\n", [UInt8](repeating: 7, count: 3 << 20)),
                    ]
                    var ids: [String] = []
                    for (head, body) in cases {
                        upstream.answer(answer(head, body))
                        let answer = try await stage.send(
                            .GET, "/raw/any", token: token, headers: [("accept-encoding", "gzip")])
                        ids.append(answer.headers.first(name: "gatewatch-request-id") ?? "")
                    }
                    let all = Dictionary(
                        try await stage.recordings().map { ($0.recording.uid, $0.recording.response) },
                        uniquingKeysWith: { first, _ in first })
                    let answers = ids.compactMap { all[$0] }
                    #expect(answers.count == cases.count)
                    let whole = String(decoding: text, as: UTF8.self)
                    let kept = answers.map(\.body)
                    #expect(kept[0] == whole && !answers[0].isTruncated && answers[0].length == Int64(cases[0].1.count))
                    #expect(kept[1] == "[4096 characters]")
                    #expect(answers[1].isTruncated)
                    #expect(answers[2...4].allSatisfy { $0.body == nil && $0.omitted == .encoded })
                    #expect(kept[5] == "{\"a\":[1,")
                    #expect(answers[6...8].allSatisfy { $0.body == nil && $0.omitted == .binary })
                    #expect(kept[9] == whole && kept[10] == nil && answers[10].omitted == .binary)
                    #expect(kept[11] == String(repeating: "ü", count: 2048) && answers[11].isTruncated)
                    #expect(kept[12] == nil && answers[12].omitted == nil && answers[12].length == 0)
                    #expect(answers[13].omitted == .binary && answers[13].length == 3 << 20)
                    // What streams through is not kept back for it.
                    #expect(try await stage.recordings().allSatisfy { $0.payload.count < 16_384 })
                }
            }
        }

        @Test func `a large upload is recorded by its first bytes, and one that is cut as it is`() async throws {
            try await RawUpstream.with { upstream in
                upstream.answer(json("{}"))
                try await Stage.withRaw(upstream, change: { $0.recordings.bodyBytes = 2048 }) { stage in
                    let line = "{\"text\":\"row of the corpus\"}\n"
                    let body = String(repeating: line, count: 40_000)
                    _ = try await stage.send(.PUT, "/raw/any", token: stage.token(), body: body)
                    upstream.answer { _, wire in
                        wire.send(
                            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\nhalf of it")
                        wire.close()
                    }
                    _ = try? await stage.send(.GET, "/raw/broken", token: stage.token())
                    let recordings = try await stage.recordings().map(\.recording)
                    let upload = try #require(recordings.first { $0.method == "PUT" })
                    #expect(upload.request.body == String(body.prefix(2048)) && upload.request.isTruncated)
                    #expect(upload.request.length == Int64(body.utf8.count))
                    let broken = try #require(recordings.first { $0.path == "/raw/broken" })
                    #expect(broken.decision == .failed && broken.response.body == "half of it")
                    #expect(broken.response.isTruncated && broken.reason == "upstream_incomplete")
                }
            }
        }

        @Test(arguments: ["off", "metadata", "bodies"])
        func `a connection says what is recorded, refusals too`(mode: String) async throws {
            try await RawUpstream.with { upstream in
                upstream.answer(json(#"{"answer":1}"#))
                try await Stage.withRaw(upstream, policy: "{ limits: { items: 10 } }", more: "    record: \(mode)") {
                    stage in
                    let token = try stage.token()
                    for limit in [5, 50] {
                        _ = try await stage.send(
                            .POST, "/raw/collections/d/points/query", token: token, body: #"{"limit":\#(limit)}"#)
                    }
                    _ = try await stage.send(.POST, "/raw/a", token: nil, body: #"{"nobody":"sees this"}"#)
                    let recordings = try await stage.recordings().map(\.recording)
                    // Who is not known has no connection yet: only what the head says is kept.
                    let unknown = try #require(recordings.first { $0.status == 401 })
                    #expect(unknown.decision == .denied && unknown.identity == nil && unknown.request.body == nil)
                    let known = recordings.filter { $0.status != 401 }
                    guard mode != "off" else { return #expect(known.isEmpty) }
                    #expect(known.map(\.decision) == [.allowed, .denied] && known[1].reason == "policy")
                    #expect(
                        known.map(\.request.body)
                            == (mode == "bodies" ? [#"{"limit":5}"#, #"{"limit":50}"#] : [nil, nil]))
                    #expect(known.allSatisfy { mode == "bodies" || $0.response.omitted == .metadata })
                    #expect(
                        mode == "metadata" || known[1].response.body?.contains("urn:gatewatch:problem:policy") == true)
                }
            }
        }

        @Test(arguments: [false, true])
        func `a full spool stops requests only where recordings are required`(isRequired: Bool) async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(
                    upstream,
                    change: {
                        $0.recordings.isRequired = isRequired
                        $0.recordings.bodyBytes = 1024
                        $0.recordings.spool = SpoolLimits(segmentBytes: 96 << 10, totalBytes: 192 << 10)
                        $0.kafka = KafkaProperties(["bootstrap.servers": "127.0.0.1:1"])
                    }
                ) { stage in
                    let token = try stage.token()
                    var statuses: [Int] = []
                    while statuses.count < 400, statuses.last ?? 200 == 200 {
                        statuses.append(try await stage.send(.GET, "/raw/a", token: token).status)
                    }
                    #expect(statuses.last == (isRequired ? 503 : 200))
                    let recordings = try #require(stage.service.recordings)
                    #expect(recordings.waitingEvents > 10 && recordings.waitingEvents < 400)
                    let check = try #require(stage.service.health.first { $0.name == "recordings" })
                    #expect(!check.healthy && check.isRequired == isRequired)
                }
            }
        }

        @Test func `running exchanges hold so much and no more`() async throws {
            try await RawUpstream.with { upstream in
                upstream.answer(json(#"{"answer":1}"#))
                try await Stage.withRaw(upstream, change: { $0.recordings.heldBytes = 20 }) { stage in
                    for body in [#"{"a":1}"#, #"{"a":"\#(String(repeating: "b ", count: 50))"}"#, #"{"a":1}"#] {
                        _ = try await stage.send(.POST, "/raw/a", token: stage.token(), body: body)
                    }
                    let recordings = try await stage.recordings().map(\.recording)
                    #expect(recordings.map(\.request.body) == [#"{"a":1}"#, nil, #"{"a":1}"#])
                    #expect(recordings[1].request.omitted == .memory && recordings[1].response.body == #"{"answer":1}"#)
                }
            }
        }
    }
}

extension Stage {
    /// The recordings on the topic, once their spool is empty.
    func recordings() async throws -> [(key: String, payload: [UInt8], recording: Recording)] {
        try await wait("the spool of recordings is empty") { service.recordings?.waitingEvents == 0 }
        return try records(of: "gatewatch.recordings").map { ($0.key, $0.value, try Recording(json: $0.value)) }
    }
}
