// SPDX-License-Identifier: Apache-2.0

package import Desk
package import HTTPTypes
import Hummingbird
import JSONText

/// What goes wrong with a request, as it is told: a page for browsers, a problem (RFC 9457) for programs.
package struct WebFault: Error, Sendable, Equatable {
    package var status: HTTPResponse.Status
    /// The end of the problem's type, `urn:gatewatch:problem:` before it.
    package var code: String
    /// A sentence, and what to do.
    package var detail: String
    /// Which field of what was sent is meant.
    package var field: String?
    /// Sent with the answer.
    package var headers: HTTPFields = [:]

    package init(
        _ status: HTTPResponse.Status, code: String, _ detail: String, field: String? = nil, headers: HTTPFields = [:]
    ) {
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field
        self.headers = headers
    }

    package static let unauthenticated = WebFault(
        .unauthorized, code: "unauthenticated", "Log in, or send an API token as a bearer token.",
        headers: [.wwwAuthenticate: "Bearer realm=\"gatewatch\""])

    package static func forbidden(_ permission: Permission) -> WebFault {
        WebFault(
            .forbidden, code: "forbidden",
            "You may not \(permission.words): that takes the role \(permission.role.rawValue).")
    }

    package static func notFound(_ what: String = "There is nothing at this address.") -> WebFault {
        WebFault(.notFound, code: "unknown", what)
    }

    package static func invalid(_ field: String?, _ sentence: String) -> WebFault {
        WebFault(.unprocessableContent, code: "invalid", sentence, field: field)
    }

    /// The problem's title: the status in words.
    package var title: String { status.reasonPhrase }

    /// `application/problem+json`.
    package func problem(instance: String?) -> [UInt8] {
        var json = JSONWriter(capacity: 256)
        json.object {
            $0.field("type", "urn:gatewatch:problem:\(code)")
            $0.field("title", title)
            $0.field("status", status.code)
            $0.field("detail", detail)
            if let field { $0.field("field", field) }
            if let instance { $0.field("instance", instance) }
        }
        return json.bytes
    }
}
