// SPDX-License-Identifier: Apache-2.0

package import HTTPTypes
package import Hummingbird
import NIOCore

extension Response {
    /// A page of ours.
    package static func page(_ html: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "text/html; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: html)))
    }

    /// Sends the browser on with a GET, as after a form (RFC 9110 section 15.4.4).
    package static func seeOther(_ path: String) -> Response {
        Response(status: .seeOther, headers: [.location: path])
    }

    /// Bytes of a type.
    package static func bytes(_ bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(status: status, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// A problem (RFC 9457).
    package static func problem(_ fault: WebFault, instance: String?) -> Response {
        .bytes(fault.problem(instance: instance), type: "application/problem+json", status: fault.status)
    }
}

extension Request {
    /// Of the query.
    ///
    /// - Throws: ``WebFault`` 400.
    package func query() throws -> FormFields { try FormFields(uri.query ?? "") }

    /// True for a request that can change nothing (RFC 9110 section 9.2.1).
    var isSafe: Bool { method == .get || method == .head || method == .options }

    /// True if a person in a browser waits for the answer.
    var wantsPage: Bool {
        !uri.path.hasPrefix("/api/") && (headers[.accept] ?? "").contains("text/html")
    }

    /// The value of a cookie (RFC 6265 section 4.2); nil if it is not there.
    func cookie(_ name: String) -> String? {
        for header in headers[values: .cookie] {
            for pair in header.split(separator: ";") {
                let trimmed = pair.drop { $0 == " " }
                guard let equals = trimmed.firstIndex(of: "="), trimmed[..<equals] == name else { continue }
                return String(trimmed[trimmed.index(after: equals)...])
            }
        }
        return nil
    }
}

/// Paths of ours, such as one to which a browser may be sent after the login.
package enum LocalPath {
    /// Bytes, at most.
    static let maximumBytes = 2_000

    /// The path, or `/` for what leads elsewhere: another host (`//…`, also with a backslash, which browsers take for a slash),
    /// the login itself, text that is no URL.
    static func checked(_ path: String?) -> String {
        guard let path, path.hasPrefix("/"), !path.hasPrefix("//"), path.utf8.count <= maximumBytes,
            path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
        else { return "/" }
        let first = path.dropFirst().prefix { $0 != "/" && $0 != "?" }
        return ["login", "logout", "callback", "api", "events", "assets"].contains(first) ? "/" : path
    }

    /// Text as a part of a path or the value of a query's field; slashes stay.
    package static func escaped(_ path: String) -> String {
        path.utf8.reduce(into: "") { text, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "/"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
    }
}
