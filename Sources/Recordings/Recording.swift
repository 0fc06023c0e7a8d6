// SPDX-License-Identifier: Apache-2.0

/// One exchange as the gateway recorded it: who asked for what, and the first bytes of what went in and out, masked. It never holds
/// credentials, cookies or the values of vectors (see ``BodyMask``).
package struct Recording: Sendable, Equatable, Decodable {
    /// What became of the request.
    package enum Decision: String, Sendable, Decodable, CaseIterable {
        case allowed, denied
        /// Sent to approval.
        case approval
        /// Neither: the client left, or the upstream did not answer.
        case failed
    }

    /// What the request was about, as the audit event names it.
    package struct Resource: Sendable, Equatable, Decodable {
        package var type: String
        package var name: String

        package init(type: String, name: String) {
            self.type = type
            self.name = name
        }
    }

    /// A header field, of the few that are recorded.
    package struct Header: Sendable, Equatable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Why a body that was there is not.
    package enum Omission: String, Sendable, Decodable {
        /// It is not text.
        case binary
        /// It is compressed in a way, or to a length, that is not undone.
        case encoded
        /// The connection records no bodies.
        case metadata
        /// All memory for recordings was in use.
        case memory
    }

    /// The request or its answer.
    package struct Message: Sendable, Equatable {
        package var headers: [Header] = []
        /// Bytes of the body as it passed, whatever was recorded of it.
        package var length: Int64 = 0
        /// The body's beginning, masked; nil for none.
        package var body: String?
        /// There was more than is in `body`.
        package var isTruncated = false
        package var omitted: Omission?
        /// SHA-256 of `body`, lower-case hexadecimal.
        package var digest: String?

        package init() {}

        /// The media type, as it was sent.
        package var contentType: String? { headers.first { $0.name == "content-type" }?.value }
    }

    /// Of the audit event that tells of the exchange: `metadata.uid`.
    package var uid: String
    /// When the exchange ended, ms since the epoch, UTC.
    package var at: Int64
    /// The resolved identity; nil where the token was not accepted.
    package var identity: String?
    package var session: String?
    package var connection: String?
    package var operation: String
    package var resources: [Resource] = []
    package var method: String
    /// As it was sent, without the query.
    package var path: String
    /// With the values of secrets masked; nil for none.
    package var query: String?
    package var status: Int
    package var decision: Decision
    package var policy: String?
    /// A fixed word: why it was refused or failed.
    package var reason: String?
    package var detail: String?
    /// The caller's network address.
    package var address: String?
    package var items: Int?
    /// ms.
    package var duration: Int64
    package var approval: String?
    package var order: String?
    package var request = Message()
    package var response = Message()

    package init(
        uid: String, at: Int64, operation: String, method: String, path: String, status: Int, decision: Decision,
        duration: Int64 = 0
    ) {
        self.uid = uid
        self.at = at
        self.operation = operation
        self.method = method
        self.path = path
        self.status = status
        self.decision = decision
        self.duration = duration
    }

    private enum CodingKeys: String, CodingKey {
        case uid
        case at = "time"
        case identity, session, connection, operation, resources, method, path, query, status, decision, policy, reason
        case detail, address, items, duration
        case approval = "approval_id"
        case order = "order_id"
        case request, response
    }
}
