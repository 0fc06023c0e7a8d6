// SPDX-License-Identifier: Apache-2.0

import JSONText
import NIOHTTP1

/// A refusal as the client sees it: RFC 9457, `application/problem+json`.
struct Problem {
    /// The last part of the type, `urn:gatewatch:problem:<kind>`.
    var kind: String
    var status: HTTPResponseStatus
    /// The same for every occurrence.
    var title: String
    /// This occurrence: what to do about it.
    var detail: String
    /// The audit event's id, by which people find it.
    var instance: String
    /// Set when an approval can change the answer.
    var approval: (id: String, statusURL: String)?
    /// RFC 6750 §3.
    var wwwAuthenticate: String?
    /// Seconds.
    var retryAfter: Int?

    var body: [UInt8] {
        var json = JSONWriter(capacity: 512)
        json.object {
            $0.field("type", "urn:gatewatch:problem:\(kind)")
            $0.field("title", title)
            $0.field("status", Int(status.code))
            $0.field("detail", detail)
            $0.field("instance", "urn:uuid:\(instance)")
            if let approval {
                $0.field("approval_id", approval.id)
                $0.field("status_url", approval.statusURL)
            }
        }
        return json.bytes
    }

    func headers(length: Int) -> HTTPHeaders {
        var headers: HTTPHeaders = [
            "content-type": "application/problem+json", "content-length": "\(length)", "cache-control": "no-store",
        ]
        if let wwwAuthenticate { headers.add(name: "www-authenticate", value: wwwAuthenticate) }
        if let retryAfter { headers.add(name: "retry-after", value: "\(retryAfter)") }
        if let approval { headers.add(name: "location", value: approval.statusURL) }
        return headers
    }
}
