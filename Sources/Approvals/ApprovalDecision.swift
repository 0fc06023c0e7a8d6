// SPDX-License-Identifier: Apache-2.0

package import Signing

/// A person's word on a request, the payload of a record of type `gatewatch-approval-decision+json`; its Kafka key is
/// `REQUESTID/decision/KEYNAME`, of a hub's `REQUESTID/decision/KEYNAME/DIGEST` (see `Signatory`).
package struct ApprovalDecision: Codable, Sendable, Equatable {
    /// What the person says.
    package enum Verdict: String, Codable, Sendable, CaseIterable { case approve, deny }

    /// How often an approval can be used.
    package enum Kind: String, Codable, Sendable, CaseIterable {
        case once
        /// Any number of times until `valid_until`.
        case window
    }

    /// The request that it is about.
    package let requestID: String
    /// The person's identity.
    package let by: String
    /// One denial denies, whatever others say.
    package let verdict: Verdict
    /// Of no meaning in a denial.
    package let kind: Kind
    /// The approval can be used before this moment and not at it; ms since the epoch, UTC. Of several approvals the
    /// earliest counts, and `once` before `window`.
    package let validUntil: Int64
    /// One sentence for people.
    package let reason: String
    /// ms since the epoch, UTC.
    package let at: Int64
    /// The person's groups of approvers, as a hub knows them; of no meaning in what a person signs.
    package let groups: [String]?

    package enum CodingKeys: String, CodingKey {
        case requestID = "request_id"
        case by, verdict, kind
        case validUntil = "valid_until"
        case reason, at, groups
    }

    /// The longest time from the decision to `valid_until`, 7 days in ms.
    package static let maximumValidity: Int64 = 7 * 24 * 3_600_000

    /// Checked when it is signed.
    package init(
        requestID: String, by: String, verdict: Verdict, kind: Kind = .once, validUntil: Int64, reason: String,
        at: Int64, groups: [String]? = nil
    ) {
        self.requestID = requestID
        self.by = by
        self.verdict = verdict
        self.kind = kind
        self.validUntil = validUntil
        self.reason = reason
        self.at = at
        self.groups = groups
    }

    /// The record of the decision, signed. Throws ``ApprovalFault`` or ``SignatureError``.
    ///
    /// - Parameter onBehalf: the key is a hub's, who signs in the name of `by`.
    package func signed(by key: SigningKey, onBehalf: Bool = false) throws -> SignedRecord {
        try validate()
        let signer = Signatory.recordName(key: key.name, person: onBehalf ? by : nil)
        return SignedRecord(
            key: ApprovalKey.decision(request: requestID, signer: signer).text,
            value: try key.sign(try RecordJSON.encode(self), type: .approvalDecision))
    }

    /// Checks what holds for every record of its kind, whoever signed it.
    package func validate() throws(ApprovalFault) {
        guard StableID.isUUID(requestID) else { throw .init("request_id is no UUID in lower case") }
        try ApprovalFault.check(by, "by", ApprovalRequest.maximumName)
        try ApprovalFault.check(reason, "reason", ApprovalRequest.maximumWords)
        guard groups?.count ?? 0 <= ApprovalRequest.maximumList else {
            throw .init("groups has more than \(ApprovalRequest.maximumList) items")
        }
        for group in groups ?? [] { try ApprovalFault.check(group, "groups", ApprovalRequest.maximumName) }
        guard (0...RecordJSON.latestTime).contains(at), (0...RecordJSON.latestTime).contains(validUntil) else {
            throw .init("at or valid_until is not a time in ms since the epoch")
        }
        if verdict == .approve {
            guard validUntil > at, validUntil - at <= Self.maximumValidity else {
                throw .init("valid_until is not within 7 days after at")
            }
        }
    }
}

/// That a one-time approval was used, the payload of a record of type `gatewatch-approval-use+json`, signed by the gateway
/// that used it; its Kafka key is `REQUESTID/use`.
///
/// An approval is used once by each gateway, and once over all gateways as far as the order of Kafka allows: two gateways
/// that get the approved request within the time that a record takes from one to the other both let it pass. Both uses
/// are in the audit events; where even that is too much, let one gateway serve the connection.
package struct ApprovalUse: Codable, Sendable, Equatable {
    /// The request that it is about.
    package let requestID: String
    /// The name of the gateway's key.
    package let gateway: String
    /// ms since the epoch, UTC.
    package let at: Int64

    package enum CodingKeys: String, CodingKey {
        case requestID = "request_id"
        case gateway, at
    }

    /// Checked when it is signed.
    package init(requestID: String, gateway: String, at: Int64) {
        self.requestID = requestID
        self.gateway = gateway
        self.at = at
    }

    /// The record of the use, signed. Throws ``ApprovalFault`` or ``SignatureError``.
    package func signed(by key: SigningKey) throws -> SignedRecord {
        try validate()
        return SignedRecord(
            key: ApprovalKey.use(request: requestID).text,
            value: try key.sign(try RecordJSON.encode(self), type: .approvalUse))
    }

    /// Checks what holds for every record of its kind, whoever signed it.
    package func validate() throws(ApprovalFault) {
        guard StableID.isUUID(requestID) else { throw .init("request_id is no UUID in lower case") }
        try ApprovalFault.check(gateway, "gateway", ApprovalRequest.maximumName)
        guard (0...RecordJSON.latestTime).contains(at) else { throw .init("at is not a time in ms since the epoch") }
    }
}

/// The Kafka key of a record on the topic of approvals.
enum ApprovalKey: Equatable {
    case request(String)
    /// `signer` as in `Signatory.recordName`.
    case decision(request: String, signer: String)
    case use(request: String)

    init?(_ text: String) {
        guard text.utf8.count <= 160 else { return nil }
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard let id = parts.first, StableID.isUUID(id) else { return nil }
        switch parts.count {
        case 1: self = .request(id)
        case 2 where parts[1] == "use": self = .use(request: id)
        case 3 where parts[1] == "decision" && !parts[2].isEmpty: self = .decision(request: id, signer: parts[2])
        default: return nil
        }
    }

    var text: String {
        switch self {
        case .request(let id): id
        case .decision(let request, let signer): "\(request)/decision/\(signer)"
        case .use(let request): "\(request)/use"
        }
    }
}
