// SPDX-License-Identifier: Apache-2.0

package import Signing

/// What somebody asks to be allowed, the payload of a record of type `gatewatch-approval-request+json`, signed by a
/// gateway; its Kafka key is `id`.
///
/// All times are ms since the epoch, UTC.
package struct ApprovalRequest: Codable, Sendable, Equatable, Identifiable {
    /// A UUID in lower case; the same for the same question asked again (see ``ApprovalBook/ask(_:now:)``).
    package let id: String
    /// Who asks, by identity.
    package let requester: String
    /// The connection by its name.
    package let connection: String
    /// One of the operations of the audit event.
    package let operation: String
    /// What is asked for, `type:name` or as the connection names it; sorted.
    package let resources: [String]
    /// `inference`, `vectors`, `weights`, `training_data` or `config`.
    package let accessClass: String
    /// The policy (or order) that calls for an approval.
    package let policy: String
    /// Why, in words.
    package let reason: String
    /// What the requester says why.
    package let justification: String?
    /// How much is asked for, where that is known; the approval covers no more.
    package let items: Int64?
    /// As `items`.
    package let bytes: Int64?
    /// The kind of request that an approval covers (``fingerprint(connection:operation:resources:)``).
    package let fingerprint: String
    /// When it was made.
    package let createdAt: Int64
    /// It can be decided before this moment and not at it.
    package let expiresAt: Int64
    /// How many different persons must approve.
    package let needed: Int
    /// Who may: identities, names of keys or groups of the trusted keys; empty: everybody with a key that may approve.
    package let approvers: [String]
    /// How many requests of the same question there were in the same period before.
    package let attempt: Int

    package enum CodingKeys: String, CodingKey {
        case id, requester, connection, operation, resources
        case accessClass = "access_class"
        case policy, reason, justification, items, bytes, fingerprint
        case createdAt = "created_at"
        case expiresAt = "expires_at"
        case needed, approvers, attempt
    }

    /// How long a request can be decided when nothing else is configured, 1 h in ms.
    package static let defaultValidity: Int64 = 3_600_000
    /// The longest such time, 7 days in ms.
    package static let maximumValidity: Int64 = 7 * 24 * 3_600_000
    /// How far in the future a record may be by the clock of who reads it, ms.
    package static let maximumSkew: Int64 = 5 * 60_000
    /// The longest names, bytes.
    package static let maximumName = 512
    /// The longest words, bytes.
    package static let maximumWords = 2048
    /// The most resources and approvers.
    package static let maximumList = 100
    /// The most persons that a request may need.
    package static let maximumNeeded = 10

    /// SHA-256, in hexadecimal, over connection, operation and the sorted resources: an approval covers requests of the
    /// same.
    package static func fingerprint(connection: String, operation: String, resources: [String]) -> String {
        StableID.fingerprint(["approval", connection, operation] + Set(resources).sorted())
    }

    /// The id of a request: a UUID, version 8, of who asks for what and how much, in which period of its validity. It is
    /// checked on reading, so that a decision on an id is a decision on these.
    static func id(
        requester: String, fingerprint: String, items: Int64?, bytes: Int64?, createdAt: Int64, validity: Int64,
        attempt: Int
    ) -> String {
        StableID.uuid([
            "approval-request", FoldedName(requester).description, fingerprint, items.map(String.init) ?? "",
            bytes.map(String.init) ?? "", String(validity), String(createdAt / max(1, validity)), String(attempt),
        ])
    }

    /// The record of the request, signed by a gateway. Throws ``ApprovalFault`` or ``SignatureError``.
    package func signed(by key: SigningKey) throws -> SignedRecord {
        try validate()
        return SignedRecord(key: id, value: try key.sign(try RecordJSON.encode(self), type: .approvalRequest))
    }

    /// Checks what holds for every request, whoever signed it.
    package func validate() throws(ApprovalFault) {
        guard StableID.isUUID(id) else { throw .init("id is no UUID in lower case") }
        for (text, member) in [
            (requester, "requester"), (connection, "connection"), (operation, "operation"),
            (accessClass, "access_class"), (policy, "policy"),
        ] {
            try ApprovalFault.check(text, member, Self.maximumName)
        }
        try ApprovalFault.check(reason, "reason", Self.maximumWords)
        if let justification { try ApprovalFault.check(justification, "justification", Self.maximumWords) }
        for (list, member) in [(resources, "resources"), (approvers, "approvers")] {
            guard list.count <= Self.maximumList else {
                throw .init("\(member) has more than \(Self.maximumList) items")
            }
            for item in list { try ApprovalFault.check(item, member, Self.maximumName) }
        }
        guard (items ?? 0) >= 0, (bytes ?? 0) >= 0 else { throw .init("items or bytes is negative") }
        guard
            fingerprint == Self.fingerprint(connection: connection, operation: operation, resources: resources)
        else { throw .init("fingerprint is not that of connection, operation and resources") }
        guard (0...RecordJSON.latestTime).contains(createdAt), (0...RecordJSON.latestTime).contains(expiresAt) else {
            throw .init("created_at or expires_at is not a time in ms since the epoch")
        }
        guard expiresAt > createdAt, expiresAt - createdAt <= Self.maximumValidity else {
            throw .init("expires_at is not within 7 days after created_at")
        }
        guard
            id
                == Self.id(
                    requester: requester, fingerprint: fingerprint, items: items, bytes: bytes, createdAt: createdAt,
                    validity: expiresAt - createdAt, attempt: attempt)
        else { throw .init("id is not that of what is asked for") }
        guard (1...Self.maximumNeeded).contains(needed) else {
            throw .init("needed is not 1 to \(Self.maximumNeeded)")
        }
    }
}

/// A record of approvals is not as it must be, whoever signed it.
package struct ApprovalFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong with which member.
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    static func check(_ text: String, _ member: String, _ limit: Int) throws(ApprovalFault) {
        guard !text.isEmpty else { throw .init("\(member) is empty") }
        guard text.utf8.count <= limit else { throw .init("\(member) is longer than \(limit) bytes") }
        // A line feed or an escape sequence in a name would forge lines of logs and terminals.
        guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw .init("\(member) has control characters")
        }
    }
}
