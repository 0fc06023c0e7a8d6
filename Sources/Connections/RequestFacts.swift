// SPDX-License-Identifier: Apache-2.0

package import AuditEvent

/// Something that a request touches, as the audit event names it.
package struct ResourceReference: Sendable, Equatable, Hashable {
    /// `model` `checkpoint` `corpus` `collection` `pipeline_config` `policy`.
    package let type: String
    package let name: String
    package let uid: String?

    package init(type: String, name: String, uid: String? = nil) {
        self.type = type
        self.name = name
        self.uid = uid
    }
}

/// What policy decides by and the audit event tells about one request.
package struct RequestFacts: Sendable, Equatable {
    /// What the request does, by its head and its body.
    package var operation: Operation
    /// `activity_id` of API Activity (6003).
    package var activityID: Int
    /// Whether a lockdown asks for approval of it.
    package var isSensitive: Bool
    /// What the request touches; at most 1024, without duplicates.
    package var resources: [ResourceReference] = []
    /// The namespaces (tenant/database, collection, bucket, repository) that it reaches.
    package var namespaces: [String] = []
    /// What it asks for: inputs, vectors, objects. Nil when that cannot be known; `Int.max` for everything there is.
    package var items: Int?
    /// UTF-8 bytes of the longest text input; an array of tokens counts four bytes a token. Nil without one.
    package var queryLength: Int?
    /// Bytes of the body as it is sent, nil when its end is not known beforehand.
    package var contentLength: Int?
    /// Bytes of the body without its Content-Encoding, nil when it was not read.
    package var decodedLength: Int?
    /// The first blocked pattern that the request meets.
    package var blocked: BlockedPattern.Hit?

    package init(operation: Operation, activityID: Int? = nil, isSensitive: Bool? = nil) {
        self.operation = operation
        self.activityID = activityID ?? operation.activity.id
        self.isSensitive = isSensitive ?? operation.isSensitive
    }

    /// The access class of the operation.
    package var accessClass: AccessClass { operation.accessClass }
}
