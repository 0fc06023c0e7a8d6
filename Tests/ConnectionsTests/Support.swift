// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Connections
import Foundation
import Testing
import YAMLDocument

/// Connections from a text, as a file would have them.
func connections(_ yaml: String, file: String = "connections.yml") throws -> ConnectionSet {
    try ConnectionSet(try YAMLReader.documents(text: yaml, file: file))
}

/// One connection with a preset, reached at `/`.
func preset(_ name: String, _ more: String = "") throws -> Connection {
    let set = try connections(
        "connections:\n  - { name: c, preset: \(name), path: /, upstream: 'http://127.0.0.1:1'\(more) }")
    return try #require(set.connections.first)
}

/// One connection with routes and the rest of its settings, indented by four.
func connection(routes: String, _ more: String = "") throws -> Connection {
    var yaml = "connections:\n  - name: c\n    path: /\n    upstream: http://127.0.0.1:1\n"
    yaml += more.isEmpty ? "" : more.split(separator: "\n").map { "    \($0)\n" }.joined()
    yaml += "    routes:\n" + routes.split(separator: "\n").map { "      \($0)\n" }.joined()
    return try #require(try connections(yaml).connections.first)
}

extension Connection {
    /// A match without headers.
    func match(_ method: String, _ path: String, query: String? = nil) throws -> OperationMatch {
        try match(method: method, path: path, query: query) { _ in false }
    }

    /// The facts of a request with a JSON body.
    func facts(
        _ method: String, _ path: String, query: String? = nil, _ body: String, type: String? = "application/json",
        encoding: String? = nil
    ) throws -> RequestFacts {
        try match(method, path, query: query).facts(
            body: Array(body.utf8), contentType: type, contentEncoding: encoding)
    }
}

/// The refusal of a call, nil if there is none.
func refusal(_ call: () throws -> some Any) -> RequestRefusal? {
    do {
        _ = try call()
        return nil
    } catch {
        return error as? RequestRefusal
    }
}

/// What a real client sent: one line of a capture.
struct Capture: Decodable {
    let step: String
    let method: String
    let path: String
    let query: String?
    let content_type: String?
    let content_encoding: String?
    let body: String?
    let body_base64: String?
    let answer: String?

    var bytes: [UInt8] {
        body_base64.flatMap { Data(base64Encoded: $0) }.map { Array($0) } ?? Array((body ?? "").utf8)
    }

    /// The requests of a client, in their order.
    static func all(_ name: String) throws -> [Capture] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
            path: "Captures/\(name).ndjson")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").dropFirst()
        return try lines.map { try JSONDecoder().decode(Capture.self, from: Data($0.utf8)) }
    }
}

/// A generator whose numbers are the same in each run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
