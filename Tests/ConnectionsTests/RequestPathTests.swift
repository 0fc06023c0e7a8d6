// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Connections
import Foundation
import Testing

@Suite("Paths and queries against the operation map")
struct RequestPathTests {
    private let api: Connection
    private let store: Connection

    init() throws {
        api = try connection(
            routes: """
                - { match: "GET /collections/{name}", operation: vectors.query, resource: { type: collection, name: "{name}" } }
                - { match: "GET /collections/secret", operation: vectors.export }
                - { match: "GET|HEAD /files/{revision%}/{path+}", operation: corpus.read,
                    resource: { type: corpus, name: "{revision}:{path}" } }
                - { match: "POST /{repo}.git/batch", operation: corpus.read, resource: { type: corpus, name: "{repo}" } }
                - { match: "POST /{repo}/batch", operation: corpus.write, resource: { type: corpus, name: "{repo}" } }
                - { match: "GET /x?a&b=1", operation: config.change }
                - { match: "GET /x?a", operation: policy.change }
                - { match: "GET /x", operation: other }
                """)
        store = try preset("s3")
    }

    @Test(arguments: [
        "/collections/..", "/collections/.", "/collections/../collections/secret", "/collections/%2e%2e",
        "/collections/%2E.",
        "/./collections/secret", "/collections//secret", "//collections/secret", "/collections/a;b",
        "/collections/a;x=1",
        "/collections\\secret", "/collections/a%00", "/collections/a%0d%0aHost:x", "/collections/%7f",
        "/collections/%c2%85",
        "/collections/%c0%ae%c0%ae", "/collections/%ff", "/collections/%ed%a0%80", "/collections/%", "/collections/%2",
        "/collections/%zz", "/collections/%252e%252e", "/collections/%25252e%25252e", "/collections/%252f..%252fsecret",
        "/collections/%2f", "/collections/a%2fb", "/collections/a%5cb", "/collections/a%3bb", "/collections/a%2541",
        "/collections/a b", "/collections/a\tb", "/collections/a\r\n", "/collections/grüße", "/collections/a#b",
        "/collections/a?b", "/collections/\"", "/collections/<", "collections/a", "*", "", "http://host/collections/a",
        "/files/main/../../collections/secret", "/files/main/a/%2e%2e/b", "/files/main/a%2f..%2fb", "/files/main/..%2f",
        "/files/main/%2e%2e%3bx/b", "/files/main/a%5c..%5cb", "/files/main/%252e%252e/b", "/files/main/a%252f..%252fb",
        "/files/main/%25252525252e", "/files/main//b", "/files/main/a/./b", "/files/..%2fmain/a", "/files/main/a%00b",
        "/files/main/a;b", "/files/main/%252e%252e%255cb", "/files/main/%2f", "/files/%2f/a", "/files/main/%3bx",
        "/files/main/a%2f", "/files/main/a%5c%5cb",
    ])
    func `a path that can be read in two ways is refused`(path: String) {
        let refused = refusal { try api.match("GET", path) }
        #expect(refused?.kind == .ambiguousPath)
        #expect(refused?.status == 400)
    }

    /// Another reader's view of a path: decoded `rounds` times, `\` taken for `/`, parameters dropped, slashes merged, dots resolved.
    private func hostile(_ path: String, rounds: Int) -> String? {
        var text = path
        for _ in 0..<rounds { text = text.removingPercentEncoding ?? text }
        var segments: [Substring] = []
        for piece in text.split(whereSeparator: { "/\\".contains($0) }) {
            let name = piece.prefix { $0 != ";" }
            if name == ".." { _ = segments.popLast() } else if name != ".", !name.isEmpty { segments.append(name) }
        }
        return "/" + segments.joined(separator: "/")
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `no reader of an accepted path ends up elsewhere`(seed: UInt64) throws {
        let pieces = [
            "/", "/", "/", "collections", "secret", "files", "main", "a", "..", ".", "%2e", "%2E", "%2f", "%5c", "%25",
            "2e",
            "2f", ";", "%3b", "\\", "x", "%61", "%00", "s%65cret",
        ]
        var random = SeededGenerator(state: seed)
        var accepted = 0
        for _ in 0..<40_000 {
            let start = ["/collections/", "/files/main/", "/"].randomElement(using: &random) ?? "/"
            let count = Int.random(in: 1...6, using: &random)
            let path = start + (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            guard let match = try? api.match("GET", path) else { continue }
            accepted += 1
            #expect(match.upstreamTarget == path)
            for rounds in 0...3 {
                let view = hostile(path, rounds: rounds) ?? ""
                let isSecret = rounds > 0 && view == "/collections/secret"
                #expect(!isSecret || match.operation == .vectorsExport, "\(path) as \(view)")
                #expect(view.hasPrefix("/files/main/") == path.hasPrefix("/files/main/"), "\(path) as \(view)")
            }
        }
        #expect(accepted > 1_000)
    }

    @Test(arguments: [
        ("/collections/a", "a"), ("/collections/a%20b", "a b"), ("/collections/%61", "a"),
        ("/collections/gr%C3%BC", "grü"),
        ("/collections/a..b", "a..b"), ("/collections/...", "..."), ("/collections/.hidden", ".hidden"),
        ("/collections/a%25", "a%"), ("/collections/a+b", "a+b"), ("/collections/a:b@c", "a:b@c"),
        ("/collections/100%25%20off", "100% off"),
        ("/files/main/a/b.bin", "main:a/b.bin"), ("/files/refs%2Fpr%2F1/a", "refs/pr/1:a"),
        ("/files/main/a%2Fb", "main:a/b"), ("/files/main/a%3Bb", "main:a;b"), ("/files/main/dir/", "main:dir/"),
        ("/files/main/a%2541", "main:a%41"), ("/files/v1..v2/a", "v1..v2:a"),
    ])
    func `a path that can be read in one way is matched decoded and sent as it came`(path: String, name: String) throws
    {
        let match = try api.match("GET", path)
        #expect(try match.facts(contentLength: nil).resources.map(\.name) == [name])
        #expect(match.upstreamTarget == path)
    }

    @Test func `an encoded letter does not get past a literal route`() throws {
        #expect(try api.match("GET", "/collections/s%65cret").operation == .vectorsExport)
        #expect(try api.match("GET", "/%63ollections/secret").operation == .vectorsExport)
    }

    @Test(arguments: [
        "/collections/a/", "/collections", "/Collections/a", "/collections/a/b", "/", "/files/main", "/files/main/",
    ])
    func `what no route has is refused`(path: String) {
        let refused = refusal { try api.match("GET", path) }
        #expect(refused?.kind == .notMapped)
        #expect(refused?.status == 403)
    }

    @Test(arguments: ["get", "Get", "PUT", "OPTIONS", "TRACE", "GET ", "", "HEAD"])
    func `methods are compared as they are`(method: String) {
        #expect(refusal { try api.match(method, "/collections/a") }?.kind == .notMapped)
    }

    @Test func `an ending is taken off the segment that has it`() throws {
        let git = try api.match("POST", "/ranker.git/batch")
        #expect(git.operation == .corpusRead)
        #expect(try git.facts(contentLength: nil).resources.map(\.name) == ["ranker"])
        #expect(try api.match("POST", "/ranker/batch").operation == .corpusWrite)
        #expect(try api.match("POST", "/.git/batch").operation == .corpusWrite)
    }

    @Test(arguments: [
        (nil, AuditEvent.Operation.other), ("", .other), ("a", .policyChange), ("a=", .policyChange),
        ("%61=9", .policyChange),
        ("a&b=2", .policyChange), ("b=1&a", .configChange), ("a=1&b=%31", .configChange), ("A", .other),
        ("b=1", .other),
    ])
    func `more query conditions win`(query: String?, operation: AuditEvent.Operation) throws {
        #expect(try api.match("GET", "/x", query: query).operation == operation)
    }

    @Test(arguments: ["a=%", "a=%f", "a=%zz", "a=%ff", "a b", "a=\u{0}", "a=ü", "a#b", "a\r\nX: y"])
    func `a query that cannot be read is refused`(query: String) {
        #expect(refusal { try api.match("GET", "/x", query: query) }?.kind == .ambiguousQuery)
    }

    @Test func `a parameter that policy reads is given once and is a number`() throws {
        #expect(try store.match("GET", "/b", query: "list-type=2&max-keys=5").facts(contentLength: nil).items == 5)
        #expect(try store.match("GET", "/b", query: "max%2Dkeys=5").facts(contentLength: nil).items == 5)
        for query in ["max-keys=5&max-keys=1000", "max-keys=5&max%2dkeys=9"] {
            let match = try store.match("GET", "/b", query: query)
            #expect(refusal { try match.facts(contentLength: nil) }?.kind == .ambiguousQuery)
        }
        for value in ["-1", "1.5", "five", "+5", "9999999999999999999999"] {
            let match = try store.match("GET", "/b", query: "max-keys=\(value)")
            #expect(refusal { try match.facts(contentLength: nil) }?.kind == .unreadableMember, "\(value)")
        }
    }

    @Test func `long paths and queries are refused`() {
        let long = "/collections/" + String(repeating: "a", count: 20_000)
        #expect(refusal { try api.match("GET", long) }?.kind == .ambiguousPath)
        let deep = String(repeating: "/a", count: 300)
        #expect(refusal { try api.match("GET", deep) }?.kind == .ambiguousPath)
        let query = String(repeating: "a=1&", count: 2_000)
        #expect(refusal { try api.match("GET", "/x", query: query) }?.kind == .ambiguousQuery)
        #expect(
            refusal { try api.match("GET", "/x", query: String(repeating: "a", count: 70_000)) }?.kind
                == .ambiguousQuery)
    }

    @Test func `what is sent back is short and printable`() throws {
        let path = "/" + String(repeating: "a", count: 500)
        let detail = try #require(refusal { try api.match("GET", path) }?.detail)
        #expect(detail.utf8.count < 300)
    }

    @Test func `an unmatched request passes as other where the connection says so`() throws {
        let open = try connection(routes: "- { match: GET /a, operation: corpus.read }", "unmatched: other")
        let match = try open.match("DELETE", "/anything/else", query: "x=1")
        #expect(match.operation == .other)
        #expect(!match.isMapped)
        #expect(match.upstreamTarget == "/anything/else?x=1")
        #expect(refusal { try open.match("GET", "/b/../a") }?.kind == .ambiguousPath)
        #expect(refusal { try open.match("GET", "/b%2fa") }?.kind == .ambiguousPath)
    }
}
