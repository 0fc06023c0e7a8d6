// SPDX-License-Identifier: Apache-2.0

import Desk
import HTTPTypes
import Incidents
import JSONText
import Paging
import Web

/// One line of the table of operations: the route, the check of what is sent, the document, and what is done.
struct Operation: Sendable {
    /// A part of the path, a field of the query, or a header.
    struct Parameter: Sendable {
        enum Place: String, Sendable { case path, query, header }
        var name: String
        var place: Place
        var schema: Schema
        var description: String?
        /// What holds where it is absent; for the document.
        var standard: JSONValue?
        /// Those of paths are anyway.
        var isRequired = false
    }

    /// The `operationId`.
    var id: String
    var method: HTTPRequest.Method
    /// Below `/api/v1`, with names in braces: `/incidents/{incident}/close`.
    var path: String
    var tag: String
    var permission: Permission
    var summary: String
    var description: String?
    var parameters: [Parameter] = []
    /// Nil: nothing may be sent.
    var body: Schema?
    /// Of success.
    var status: HTTPResponse.Status = .ok
    var answer: Schema
    /// The answer has the version of what it shows.
    var hasVersion = false
    /// It may be refused as things are (409).
    var mayConflict = false
    /// It needs Kafka (503).
    var needsKafka = false
    var handle: @Sendable (Call) async throws -> Reply

    /// What stands between the slashes.
    var segments: [Substring] { path.split(separator: "/") }
}

/// What a handler is given: checked by the schemas of its operation.
struct Call: Sendable {
    let desk: Desk
    let actor: Actor
    var report: API.Report?
    /// By name, of paths, queries and headers.
    var parameters: [String: JSONValue] = [:]
    var body: JSONValue = .object([])

    /// A parameter that the path has.
    func path(_ name: String) -> String { parameters[name]?.text ?? "" }
    func text(_ name: String) -> String? { parameters[name]?.text }
    func integer(_ name: String) -> Int64? { parameters[name]?.integer }
    func flag(_ name: String) -> Bool { parameters[name] == .flag(true) }
    var cursor: String? { text("cursor") }
    var limit: Int { integer("limit").map(Int.init) ?? 100 }
    /// A member that the body's schema demands.
    func sent(_ name: String) -> String { body[name]?.text ?? "" }

    /// The version that the caller looked at, of `If-Match` (RFC 9110, section 13.1.1); nil where it is not there, or `*`. What is no
    /// tag of ours is no incident's version.
    var version: Int64? {
        guard let text = text("If-Match"), text != "*" else { return nil }
        guard text.utf8.count > 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return -1 }
        return Int64(text.dropFirst().dropLast()) ?? -1
    }
}

/// What a handler answers.
struct Reply: Sendable {
    var body: [UInt8]
    /// Becomes the `ETag`.
    var version: Int64?

    /// What is JSON already.
    init(json: [UInt8]) { body = json }

    init<Value>(_ value: Value, _ shape: Shape<Value>, version: Int64? = nil) {
        var json = JSONWriter(capacity: 1024)
        shape.write(value, to: &json)
        body = json.bytes
        self.version = version
    }
}

extension Operation.Parameter {
    static func path(_ name: String, _ description: String, schema: Schema = .line(200)) -> Self {
        Self(name: name, place: .path, schema: schema, description: description)
    }

    static func query(
        _ name: String, _ schema: Schema, _ description: String? = nil, standard: JSONValue? = nil,
        isRequired: Bool = false
    ) -> Self {
        Self(
            name: name, place: .query, schema: schema, description: description, standard: standard,
            isRequired: isRequired)
    }

    /// Of every list.
    static let page: [Self] = [
        .query("cursor", .line(1_024), "`next` of the part before; without it, the list's beginning."),
        .query("limit", .integer(1...500), "Items, at most.", standard: 100),
    ]

    /// Times between which something is.
    static let times: [Self] = [
        .query("from", .time, "ms since the epoch, UTC."),
        .query("to", .time, "ms since the epoch, UTC; not included."),
    ]

    static let ifMatch = Self(
        name: "If-Match", place: .header, schema: .line(64),
        description:
            "The `ETag` of the incident as you looked at it: what somebody changed meanwhile is not overwritten.")
}

extension Shape {
    /// A part of a list.
    static func page<Item>(_ name: String, _ item: Shape<Item>) -> Shape<Page<Item>> where Value == Page<Item> {
        Shape<Page<Item>>(
            name,
            [
                .list("items", item) { $0.items },
                .maybe(
                    "next", "Where the list goes on: `cursor` of the next request. Absent at its end.", text: \.next),
            ])
    }
}
