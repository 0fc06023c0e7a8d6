// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSONText

/// A recording that cannot be read.
package struct UnreadableRecording: Error, Sendable, CustomStringConvertible {
    /// A sentence without its subject.
    package let description: String
}

extension Recording {
    /// The most bytes of a recording's JSON that a hub takes.
    package static let maximumBytes = 1 << 20

    /// One line of JSON: the payload of a record of `gatewatch.recordings`.
    package var json: [UInt8] {
        var json = JSONWriter(capacity: 1024 + (request.body?.utf8.count ?? 0) + (response.body?.utf8.count ?? 0))
        json.object {
            $0.field("version", 1)
            $0.field("uid", uid)
            $0.field("time", at)
            if let identity { $0.field("identity", identity) }
            if let session { $0.field("session", session) }
            if let connection { $0.field("connection", connection) }
            $0.field("operation", operation)
            $0.array("resources", resources) { json, resource in
                json.object {
                    $0.field("type", resource.type)
                    $0.field("name", resource.name)
                }
            }
            $0.field("method", method)
            $0.field("path", path)
            if let query { $0.field("query", query) }
            $0.field("status", status)
            $0.field("decision", decision.rawValue)
            if let policy { $0.field("policy", policy) }
            if let reason { $0.field("reason", reason) }
            if let detail { $0.field("detail", detail) }
            if let address { $0.field("address", address) }
            if let items { $0.field("items", items) }
            $0.field("duration", duration)
            if let approval { $0.field("approval_id", approval) }
            if let order { $0.field("order_id", order) }
            $0.object("request") { request.write(to: &$0) }
            $0.object("response") { response.write(to: &$0) }
        }
        return json.bytes
    }

    /// Reads a recording.
    ///
    /// - Throws: ``UnreadableRecording``.
    package init(json: [UInt8]) throws(UnreadableRecording) {
        guard json.count <= Self.maximumBytes else {
            throw UnreadableRecording(description: "it has \(json.count) bytes, more than \(Self.maximumBytes)")
        }
        do {
            self = try JSONDecoder().decode(Recording.self, from: Data(json))
        } catch {
            throw UnreadableRecording(description: "it is no recording: \(Self.words(error))")
        }
        for message in [request, response] where message.digest != nil {
            guard let body = message.body, Message.digest(of: body) == message.digest else {
                throw UnreadableRecording(description: "a body is not the one that its sha256 is of")
            }
        }
        guard (1...64).contains(uid.utf8.count) else { throw UnreadableRecording(description: "its uid is no id") }
        guard (0...Self.latest).contains(at) else {
            throw UnreadableRecording(description: "its time is no time: \(at)")
        }
    }

    /// The end of the year 9999, ms.
    private static let latest: Int64 = 253_402_300_799_999

    /// Without the values that the decoder would show.
    private static func words(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): "the member '\(key.stringValue)' is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            context.codingPath.isEmpty
                ? "it is not valid JSON"
                : "the member '\(context.codingPath.map(\.stringValue).joined(separator: "."))' has no value that is known"
        default: "it is not valid JSON"
        }
    }
}

extension Recording.Message: Decodable {
    private enum CodingKeys: String, CodingKey {
        case headers, length, body
        case isTruncated = "truncated"
        case omitted
        case digest = "sha256"
    }

    fileprivate func write(to json: inout JSONWriter) {
        json.array("headers", headers) { json, header in
            json.array {
                $0.field(nil, header.name)
                $0.field(nil, header.value)
            }
        }
        json.field("length", length)
        if let body { json.field("body", body) }
        if isTruncated { json.field("truncated", true) }
        if let omitted { json.field("omitted", omitted.rawValue) }
        if let digest { json.field("sha256", digest) }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        headers = try container.decode([Recording.Header].self, forKey: .headers)
        length = try container.decode(Int64.self, forKey: .length)
        body = try container.decodeIfPresent(String.self, forKey: .body)
        isTruncated = try container.decodeIfPresent(Bool.self, forKey: .isTruncated) ?? false
        omitted = try container.decodeIfPresent(Recording.Omission.self, forKey: .omitted)
        digest = try container.decodeIfPresent(String.self, forKey: .digest)
    }
}

extension Recording.Header: Decodable {
    package init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        name = try container.decode(String.self)
        value = try container.decode(String.self)
    }
}
