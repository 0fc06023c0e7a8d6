// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import Recordings

/// The first bytes of a body, collected while it passes. A body that comes in one piece is not copied.
struct BodySample {
    /// What is done with the bytes in the end.
    private enum Kind {
        case json, text
        /// No type is given: by what it looks like.
        case unknown
        case skipped(Recording.Omission)
    }

    private var kind: Kind
    private let isCompressed: Bool
    private let limit: Int
    private var bytes: ByteBuffer?
    private var isTruncated = false
    /// Counted in the recorder's budget.
    private(set) var held = 0

    /// - Parameters:
    ///   - headers: of the message whose body comes.
    ///   - limit: bytes to collect.
    init(_ headers: HTTPHeaders, limit: Int) {
        self.limit = limit
        let encoding = headers.first(name: "content-encoding")?.lowercased() ?? "identity"
        isCompressed = encoding != "identity"
        kind = Self.kind(headers.first(name: "content-type"))
        if case .skipped = kind { return }
        if isCompressed, !["gzip", "x-gzip", "deflate"].contains(encoding) { kind = .skipped(.encoded) }
    }

    private static func kind(_ header: String?) -> Kind {
        guard let header else { return .unknown }
        let parts = header.lowercased().split(separator: ";").map { $0.filter { $0 != " " && $0 != "\"" } }
        guard let type = parts.first else { return .unknown }
        // The bytes of other character sets would be read as something else.
        if let charset = parts.first(where: { $0.hasPrefix("charset=") })?.dropFirst(8),
            !["utf-8", "utf8", "us-ascii", "ascii"].contains(charset)
        {
            return .skipped(.binary)
        }
        if type.hasSuffix("json") || type.hasSuffix("jsonl") || type.hasSuffix("jsonlines") { return .json }
        let isText =
            type.hasPrefix("text/") || type.hasSuffix("xml") || type.hasSuffix("yaml")
            || type == "application/x-www-form-urlencoded" || type == "application/graphql"
        return isText ? .text : .skipped(.binary)
    }

    /// Takes the next bytes of the body.
    mutating func take(_ part: ByteBuffer, for recorder: Recorder) {
        if case .skipped = kind { return }
        let room = limit - (bytes?.readableBytes ?? 0)
        let count = min(room, part.readableBytes)
        if count < part.readableBytes { isTruncated = true }
        guard count > 0, let slice = part.getSlice(at: part.readerIndex, length: count) else { return }
        guard recorder.hold(count) else {
            kind = .skipped(.memory)
            return drop(for: recorder)
        }
        held += count
        if bytes == nil { bytes = slice } else { bytes?.writeImmutableBuffer(slice) }
    }

    /// Lets go of what is held.
    mutating func drop(for recorder: Recorder) {
        recorder.letGo(held)
        held = 0
        bytes = nil
    }

    /// Writes what was collected into a recording, masked.
    ///
    /// - Parameter isWhole: the body has come to its end.
    func fill(_ message: inout Recording.Message, without secrets: KnownSecrets, isWhole: Bool) {
        if case .skipped(let reason) = kind {
            if message.length > 0 { message.omitted = reason }
            return
        }
        guard let bytes else { return }
        var isTruncated = isTruncated || !isWhole
        if isCompressed {
            guard !isTruncated,
                let expanded = bytes.withUnsafeReadableBytes({ ExpandedBody(beginningOf: $0, limit: limit) })
            else {
                message.omitted = .encoded
                return
            }
            isTruncated = !expanded.isWhole
            expanded.bytes.withUnsafeBytes { fill(&message, $0, isTruncated, secrets) }
        } else {
            bytes.withUnsafeReadableBytes { fill(&message, $0, isTruncated, secrets) }
        }
    }

    private func fill(
        _ message: inout Recording.Message, _ bytes: UnsafeRawBufferPointer, _ isTruncated: Bool,
        _ secrets: KnownSecrets
    ) {
        var isJSON = false
        if case .json = kind { isJSON = true }
        if case .unknown = kind {
            let first = bytes.first { $0 > 0x20 }
            isJSON = first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
        }
        message.isTruncated = isTruncated
        let text = BodyMask.text(bytes, isJSON: isJSON, isTruncated: isTruncated, without: secrets)
        if let text { message.set(body: text) } else { message.omitted = .binary }
    }
}
