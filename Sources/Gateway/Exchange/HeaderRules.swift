// SPDX-License-Identifier: Apache-2.0

import Connections
import NIOHTTP1

/// Which header fields are refused, which are not passed on, and how a body is framed. RFC 9110 §7.6.1, RFC 9112 §6.
enum HeaderRules {
    /// Why a request's head cannot be passed on safely: a fixed word and a sentence.
    struct Refusal: Error {
        var status: HTTPResponseStatus = .badRequest
        let reason: String
        let detail: String
    }

    /// How the request's body comes.
    enum Body: Equatable {
        case none
        case length(Int64)
        case chunked
    }

    /// Fields that belong to one connection, not to the message.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "http2-settings", "expect",
    ]

    /// Fields of the client that never reach an upstream: the caller's credentials, what claims to be from a proxy before
    /// us, and what makes a server take another method or path than the one that was judged.
    private static let dropped: Set<String> = Set(Connection.overridingHeaders + CallerToken.ownHeaders).union([
        "authorization", "cookie", "x-api-key", "x-goog-api-key", "x-amz-security-token", "forwarded",
        "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-real-ip", "prefer",
        "gatewatch-request-id", "host", "content-length",
    ]).union(hopByHop)

    /// Fields of an answer that only the gateway gives.
    private static let ours: Set<String> = ["gatewatch-request-id", "preference-applied"]

    /// What may not come behind a body: framing, routing, who is who (RFC 9110 §6.5.1).
    private static let notInTrailers: Set<String> = [
        "content-length", "content-type", "content-encoding", "content-range", "host", "authorization", "set-cookie",
        "www-authenticate", "cache-control", "location", "age", "expires", "date", "vary",
    ]

    /// Checks a head before anything is done with it.
    ///
    /// The parser has refused most of this already; what it lets pass in some version of it is refused here, because a
    /// message that two servers read differently is how a request is smuggled past the one that judges.
    static func check(_ head: HTTPRequestHead, limits: GatewayLimits, isHTTP2: Bool) throws(Refusal) -> Body {
        guard head.uri.utf8.count <= limits.target else {
            throw Refusal(status: .uriTooLong, reason: "target_too_long", detail: "The request target is too long.")
        }
        guard head.headers.count <= limits.headerFields else {
            throw Refusal(
                status: .requestHeaderFieldsTooLarge, reason: "too_many_headers", detail: "Too many header fields.")
        }
        var size = 0
        for (name, value) in head.headers {
            size += name.utf8.count + value.utf8.count
            guard isToken(name) else {
                throw Refusal(
                    reason: "header_name", detail: "A header field's name has a character that it may not have.")
            }
            // A line break or NUL that got this far (HTTP/2 carries fields as lengths) would start a field of its own.
            if value.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) {
                throw Refusal(reason: "header_control_character", detail: "A header field has a control character.")
            }
        }
        guard size <= limits.headers else {
            throw Refusal(
                status: .requestHeaderFieldsTooLarge, reason: "headers_too_large",
                detail: "The header fields are larger than \(limits.headers) bytes.")
        }
        switch head.method {
        case .GET, .HEAD, .POST, .PUT, .PATCH, .DELETE, .OPTIONS: break
        default:
            throw Refusal(
                status: .methodNotAllowed, reason: "method", detail: "The method \(head.method) is not passed on.")
        }
        guard head.uri.utf8.first == UInt8(ascii: "/"),
            !head.uri.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F || $0 == UInt8(ascii: "#") })
        else {
            throw Refusal(reason: "target", detail: "The request target must be an absolute path in ASCII.")
        }
        let hosts = head.headers[canonicalForm: "host"]
        guard hosts.count == 1 && !hosts[0].isEmpty || hosts.isEmpty && !head.version.hasPersistence else {
            throw Refusal(reason: "host", detail: "A request has exactly one Host.")
        }
        // What is judged by a field must reach the upstream with it.
        for option in head.headers[canonicalForm: "connection"] {
            let folded = option.lowercased()
            guard hopByHop.contains(folded) || folded == "close" || !head.headers.contains(name: String(option)) else {
                throw Refusal(
                    reason: "connection_option",
                    detail: "Connection names a field that is not for the connection alone.")
            }
        }
        if head.headers.contains(name: "upgrade") && !isHTTP2 {
            let what = head.headers[canonicalForm: "upgrade"].joined(separator: ", ").lowercased()
            if what.contains("websocket") {
                throw Refusal(
                    status: .notImplemented, reason: "websocket",
                    detail: "WebSocket does not pass this gateway. Use the service's HTTP interface.")
            }
        }
        return try framing(head)
    }

    private static func framing(_ head: HTTPRequestHead) throws(Refusal) -> Body {
        let lengths = head.headers[canonicalForm: "content-length"]
        let encodings = head.headers[canonicalForm: "transfer-encoding"]
        if !encodings.isEmpty {
            guard lengths.isEmpty else {
                throw Refusal(reason: "framing", detail: "Content-Length and Transfer-Encoding exclude each other.")
            }
            guard encodings.count == 1, encodings[0].lowercased() == "chunked" else {
                throw Refusal(
                    status: .notImplemented, reason: "transfer_encoding",
                    detail: "The only transfer coding is chunked.")
            }
            guard head.version.hasPersistence else {
                throw Refusal(reason: "framing", detail: "Transfer-Encoding needs HTTP/1.1.")
            }
            return .chunked
        }
        guard let length = length(head.headers) else {
            throw Refusal(reason: "framing", detail: "Content-Length is not one number.")
        }
        return length.map { .length($0) } ?? .none
    }

    /// The fields for the upstream: what is for the gateway alone stays here, `Host` and the framing are ours.
    static func forUpstream(_ headers: HTTPHeaders, without own: [String?]) -> HTTPHeaders {
        var result = HTTPHeaders()
        result.reserveCapacity(headers.count + 4)
        let named = connectionFields(headers)
        let own = own.map { $0.map(Self.folded) }
        for (name, value) in headers {
            let folded = folded(name)
            if dropped.contains(folded) || own.contains(folded) || named.contains(folded) { continue }
            result.add(name: name, value: value)
        }
        return result
    }

    /// A field's name as the most forgiving server reads it: CGI and WSGI take `X_Api_Key` and `X-Api-Key` for one.
    private static func folded(_ name: String) -> String {
        let folded = name.lowercased()
        let isPlain = folded.utf8.allSatisfy { $0 >= 0x61 && $0 <= 0x7A || $0 == 0x2D || $0 &- 0x30 < 10 }
        if isPlain { return folded }
        return String(
            decoding: folded.utf8.map { $0 >= 0x61 && $0 <= 0x7A || $0 &- 0x30 < 10 ? $0 : 0x2D }, as: UTF8.self)
    }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                byte > 0x20 && byte < 0x7F && !#""(),/:;<=>?@[\]{}"#.utf8.contains(byte)
            }
    }

    /// The one Content-Length, nil inside for none; nil for what is not one number.
    static func length(_ headers: HTTPHeaders) -> Int64?? {
        let lengths = headers[canonicalForm: "content-length"]
        guard let text = lengths.first else { return .some(nil) }
        guard lengths.count == 1, !text.isEmpty, text.utf8.count <= 18, text.utf8.allSatisfy({ $0 &- 0x30 < 10 }),
            let length = Int64(text)
        else { return nil }
        return length
    }

    /// The upstream's fields for the client.
    static func forClient(_ headers: HTTPHeaders) -> HTTPHeaders {
        var result = HTTPHeaders()
        result.reserveCapacity(headers.count + 3)
        let named = connectionFields(headers)
        for (name, value) in headers {
            let folded = name.lowercased()
            if hopByHop.contains(folded) || named.contains(folded) || ours.contains(folded) { continue }
            result.add(name: name, value: value)
        }
        return result
    }

    /// The upstream's trailer fields for the client.
    static func trailersForClient(_ trailers: HTTPHeaders) -> HTTPHeaders {
        HTTPHeaders(forClient(trailers).filter { !notInTrailers.contains($0.name.lowercased()) })
    }

    /// Fields that `Connection` names; it may not name those that say what the message means.
    private static func connectionFields(_ headers: HTTPHeaders) -> Set<String> {
        let connection = headers[canonicalForm: "connection"]
        guard !connection.isEmpty else { return [] }
        var named = Set(connection.map { $0.lowercased() })
        named.subtract(["close", "keep-alive", "content-length", "content-type", "content-encoding", "host"])
        return named
    }
}

extension HTTPVersion {
    /// HTTP/1.1 or later: chunked coding, and connections that stay.
    var hasPersistence: Bool { major > 1 || major == 1 && minor >= 1 }
}
