// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import CZlib
import Connections
import Testing

@Suite("Bodies that policy reads")
struct BodyTests {
    private static let routes = """
        - { match: POST /e, operation: embeddings.create, items: { inputs: /input } }
        - { match: POST /lines, operation: checkpoint.upload, body: ndjson, items: { count: "/*/value/path" } }
        - { match: PUT /upload, operation: corpus.write, body: stream }
        - { match: POST /plain, operation: corpus.write }
        """
    private static let blocked = """
        policy:
          blocked_patterns: [{ name: drop-table, pattern: '(?i)drop\\s+table' }, { name: key, pattern: '^sk-[a-z0-9]{8}$' }]
        """

    private func connection(_ more: String = "") throws -> Connection {
        try ConnectionsTests.connection(routes: Self.routes, more)
    }

    /// Compresses for a Content-Encoding: window bits as zlib's `deflateInit2` takes them (15 zlib, 31 gzip, -15 raw).
    private func deflated(_ bytes: [UInt8], windowBits: Int32 = 31) -> [UInt8] {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        guard deflateInit2_(&stream, 9, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK
        else { return [] }
        defer { deflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: bytes.count / 2 + 1024)
        let count = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                return deflate(&stream, Z_FINISH) == Z_STREAM_END ? Int(stream.total_out) : 0
            }
        }
        return Array(output[..<count])
    }

    private func facts(_ connection: Connection, _ bytes: [UInt8], _ encoding: String?, path: String = "/e") throws
        -> RequestFacts
    {
        try connection.match("POST", path).facts(
            body: bytes, contentType: "application/json", contentEncoding: encoding)
    }

    @Test func `the body is collected only where something looks at it`() throws {
        let plain = try connection()
        #expect(try plain.match("POST", "/e").body == .inspect(limit: Policy.defaultInspectedBytes))
        #expect(try plain.match("POST", "/plain").body == .none)
        #expect(try plain.match("PUT", "/upload").body == .stream)
        let guarded = try connection(Self.blocked)
        #expect(try guarded.match("POST", "/plain").body == .inspect(limit: Policy.defaultInspectedBytes))
        #expect(try guarded.match("PUT", "/upload").body == .stream)
        let limited = try connection("policy: { limits: { request_bytes: 5MiB } }")
        #expect(try limited.match("POST", "/e").body == .inspect(limit: 5 << 20))
    }

    @Test(
        arguments: [
            (#"{"input": "a"}"#, 1), (#"{"input": ["a", "b"]}"#, 2), (#"{"input": [1, 2, 3]}"#, 1),
            (#"{"input": [[1], [2]]}"#, 2),
            (#"{"input": []}"#, nil), (#"{"input": null}"#, nil), (#"{}"#, nil), ("", nil),
            (#"{"input": ["a", 1, 2]}"#, 2),
            (#"[{"input": ["a", "b"]}]"#, nil),
        ] as [(String, Int?)])
    func `inputs are counted as OpenAI takes them`(body: String, items: Int?) throws {
        #expect(try connection().facts("POST", "/e", body).items == items)
    }

    @Test func `the length of a query is that of its longest text, or of its tokens`() throws {
        let plain = try connection()
        #expect(try plain.facts("POST", "/e", #"{"input": ["ab", "é🙂", "c"]}"#).queryLength == 6)
        #expect(try plain.facts("POST", "/e", #"{"input": [1, 2, 3]}"#).queryLength == 12)
        #expect(try plain.facts("POST", "/e", #"{"input": [[1], [1, 2]]}"#).queryLength == 8)
        #expect(try plain.facts("POST", "/e", "{}").queryLength == nil)
    }

    @Test func `gzip and deflate are undone before anything is read`() throws {
        let plain = try connection()
        let body = Array(#"{"input": ["a", "b", "c"]}"#.utf8)
        for (encoding, bits) in [("gzip", 31), ("x-gzip", 31), ("GZIP", 31), (" gzip ", 31), ("deflate", 15)]
            as [(String, Int32)]
        {
            let facts = try facts(plain, deflated(body, windowBits: bits), encoding)
            #expect(facts.items == 3, "\(encoding)")
            #expect(facts.decodedLength == body.count)
        }
        #expect(try facts(plain, body, "identity").items == 3)
        let halves = deflated(Array(body[..<9])) + deflated(Array(body[9...]))
        #expect(try facts(plain, halves, "gzip").items == 3, "a gzip file may have several members")
    }

    @Test func `an encoding that cannot be read is refused`() throws {
        let plain = try connection()
        let body = Array(#"{"input": "a"}"#.utf8)
        for encoding in ["br", "zstd", "compress", "gzip, gzip", "gzip,deflate", "x"] {
            #expect(refusal { try facts(plain, body, encoding) }?.status == 415, "\(encoding)")
        }
        #expect(refusal { try facts(plain, body, "gzip") }?.kind == .invalidEncoding)
        #expect(refusal { try facts(plain, Array(deflated(body).dropLast(4)), "gzip") }?.kind == .invalidEncoding)
        #expect(refusal { try facts(plain, deflated(body) + [1, 2, 3], "gzip") }?.kind == .invalidEncoding)
        #expect(refusal { try facts(plain, deflated(body, windowBits: -15), "deflate") }?.kind == .invalidEncoding)
        #expect(
            refusal { try facts(plain, deflated(body, windowBits: 15) + body, "deflate") }?.kind == .invalidEncoding)
    }

    @Test func `a bomb ends at the ratio, a large body at the limit`() throws {
        let plain = try connection()
        let bomb = deflated(Array(#"{"input": ""#.utf8) + [UInt8](repeating: 0x61, count: 8 << 20) + Array("\"}".utf8))
        #expect(bomb.count < 20_000)
        let refused = refusal { try facts(plain, bomb, "gzip") }
        #expect(refused?.kind == .tooLarge)
        #expect(refused?.status == 413)
        let limited = try connection("policy: { limits: { request_bytes: 100 } }")
        let spaces = deflated([UInt8](repeating: 0x20, count: 200))
        #expect(refusal { try facts(limited, spaces, "gzip") }?.kind == .tooLarge)
        #expect(refusal { try facts(limited, [UInt8](repeating: 0x20, count: 101), nil) }?.kind == .tooLarge)
    }

    @Test(arguments: [
        "text/plain", "application/xml", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded",
        "application/json; charset=utf-16", "application/json; charset=\"UTF-32\"", "application/msgpack",
    ])
    func `a body that policy reads must be JSON in UTF-8`(type: String) throws {
        let plain = try connection()
        #expect(refusal { try plain.facts("POST", "/e", #"{"input": "a"}"#, type: type) }?.status == 415)
    }

    @Test(
        arguments: [
            "application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.git-lfs+json",
            nil,
            "application/json;charset=\"UTF-8\"",
        ] as [String?])
    func `JSON by any of its names is read`(type: String?) throws {
        #expect(try connection().facts("POST", "/e", #"{"input": "a"}"#, type: type).items == 1)
    }

    @Test func `a broken body is refused with its place`() throws {
        let refused = refusal { try connection().facts("POST", "/e", #"{"input": "a",}"#) }
        #expect(refused?.kind == .invalidJSON)
        #expect(refused?.status == 400)
        #expect(refused?.detail.contains("byte 14") == true)
        #expect(refusal { try connection().facts("POST", "/e", #"{"input":1,"input":2}"#) }?.kind == .ambiguousJSON)
    }

    @Test func `an NDJSON commit is read line by line`() throws {
        let body =
            "{\"key\":\"header\"}\n{\"key\":\"file\",\"value\":{\"path\":\"a\"}}\n{\"key\":\"file\",\"value\":{\"path\":\"b\"}}\n"
        let plain = try connection()
        for type in ["application/x-ndjson", "application/json", nil] {
            #expect(try plain.facts("POST", "/lines", body, type: type).items == 2)
        }
        #expect(
            refusal { try plain.facts("POST", "/lines", "{\"a\":\n1}", type: "application/x-ndjson") }?.kind
                == .invalidJSON)
        #expect(refusal { try plain.facts("POST", "/lines", body, type: "text/plain") }?.status == 415)
    }

    @Test(arguments: [
        #"{"input": "DROP   TABLE users"}"#, #"{"input": "dr\u006fp\ttable"}"#,
        #"{"x": [{"y": "please drop\ntable"}]}"#,
        #"{"drop table": 1}"#, #"{"input": "sk-abcd1234"}"#,
    ])
    func `a blocked pattern is found in any text of the body, without its escapes`(body: String) throws {
        let guarded = try connection(Self.blocked)
        #expect(try guarded.facts("POST", "/plain", body).blocked?.isCertain == true)
        #expect(try facts(guarded, deflated(Array(body.utf8)), "gzip", path: "/plain").blocked?.isCertain == true)
    }

    @Test(arguments: [
        #"{"input": "drop", "x": "table"}"#, #"{"input": "droptable"}"#, #"{"input": "x sk-abcd1234"}"#, "", "[]",
    ])
    func `what does not hold the pattern passes`(body: String) throws {
        #expect(try connection(Self.blocked).facts("POST", "/plain", body).blocked == nil)
    }

    @Test func `other bodies and the query are searched as they are`() throws {
        let guarded = try connection(Self.blocked)
        #expect(
            try guarded.facts("POST", "/plain", "x; DROP TABLE y", type: "text/plain").blocked?.name == "drop-table")
        #expect(try guarded.facts("POST", "/plain", #"{"a": "dr\u006fp table"}"#, type: "text/plain").blocked != nil)
        let query = try guarded.facts("POST", "/plain", query: "filter=drop+table", "")
        #expect(query.blocked?.name == "drop-table")
        #expect(try guarded.match("PUT", "/upload", query: "a=drop%20table").facts(contentLength: nil).blocked != nil)
        let bytes = [0xFF, 0xFE] + Array("drop table".utf8)
        let found = try guarded.match("POST", "/plain").facts(
            body: bytes, contentType: "text/plain", contentEncoding: nil)
        #expect(found.blocked != nil, "bytes that are no UTF-8 hide nothing")
    }

    @Test func `a pattern at the end of a long text is found`() throws {
        let guarded = try connection(Self.blocked)
        let long = String(repeating: "lorem ipsum ", count: 100_000)
        #expect(try guarded.facts("POST", "/plain", #"{"input": "\#(long) drop table"}"#).blocked?.isCertain == true)
        #expect(try guarded.facts("POST", "/plain", #"{"input": "\#(long)"}"#).blocked == nil)
    }

    @Test func `a search that a limit ends counts as a hit`() throws {
        let costly = try connection("policy: { blocked_patterns: [{ name: costly, pattern: '(a+)+$' }] }")
        let hit = try costly.facts("POST", "/plain", #"{"input": "\#(String(repeating: "a", count: 60))!"}"#).blocked
        #expect(hit?.name == "costly")
        #expect(hit?.isCertain == false)
    }
}
