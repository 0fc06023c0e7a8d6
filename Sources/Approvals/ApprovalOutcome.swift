// SPDX-License-Identifier: Apache-2.0

package import Signing

/// How a request for approval stands.
package enum ApprovalStatus: Sendable, Equatable {
    case pending(have: Int, need: Int, expiresAt: Int64)
    case approved(ApprovalDecision.Kind, validUntil: Int64, by: [String])
    case denied(by: String, reason: String)
    /// A one-time approval that was used.
    case used(at: Int64)
    /// Nobody decided in time, or the approval's own time is over.
    case expired

    /// One word for a status page or an audit event.
    package var code: String {
        switch self {
        case .pending: "pending"
        case .approved: "approved"
        case .denied: "denied"
        case .used: "used"
        case .expired: "expired"
        }
    }
}

/// Why a record of the topic of approvals has no effect, or something cannot be asked or used.
package enum ApprovalRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    case tombstone(key: String)
    case badKey(String)
    case signature(SignatureError)
    case malformed(String)
    case keyMismatch(key: String, expected: String)
    case notAllowed(keyName: String, to: String)
    case wrongPerson(keyName: String, claimed: String)
    case fromTheFuture(milliseconds: Int64)
    case expired
    case ownRequest(person: String)
    case notAnApprover(person: String)
    case decisionBeforeRequest
    case tooManyRequests(limit: Int)
    /// There is nothing approved under this id, or not any more.
    case notApproved(id: String)
    /// Of what is only proposed: no gateway has asked this, or it is past remembering.
    case unknown(id: String)
    case decidedBefore(by: String)

    /// One word for a metric or an audit event.
    package var code: String {
        switch self {
        case .tombstone: "tombstone"
        case .badKey: "bad_key"
        case .signature(let error): error.code
        case .malformed: "malformed"
        case .keyMismatch: "key_mismatch"
        case .notAllowed: "not_allowed"
        case .wrongPerson: "wrong_person"
        case .fromTheFuture: "future"
        case .expired: "expired"
        case .ownRequest: "own_request"
        case .notAnApprover: "not_an_approver"
        case .decisionBeforeRequest: "decision_before_request"
        case .tooManyRequests: "too_many"
        case .notApproved: "not_approved"
        case .unknown: "unknown"
        case .decidedBefore: "decided_before"
        }
    }

    package var description: String {
        switch self {
        case .tombstone(let key): "the record under '\(key.prefix(200))' was deleted; what was known stays known"
        case .badKey(let key):
            "the key '\(key.prefix(200))' is no request's, decision's or use's: find out who writes to the topic"
        case .signature(let error): error.description
        case .malformed(let what): "the record is signed, but not as it must be: \(what)"
        case .keyMismatch(let key, let expected):
            "the record stands under the key '\(key.prefix(200))' instead of '\(expected)': was it copied?"
        case .notAllowed(let name, let what):
            "the key '\(name)' may not \(what): add the permission to the trusted keys, or use another key"
        case .wrongPerson(let name, let claimed):
            "the record is signed with the key '\(name)' but says that it is by '\(claimed)'"
        case .fromTheFuture(let milliseconds):
            "the record is \(milliseconds / 1000) s ahead of this clock: compare the clocks of both machines"
        case .expired: "it came after the request had expired: ask again"
        case .ownRequest(let person): "nobody decides their own request: '\(person)' made it. Ask somebody else"
        case .notAnApprover(let person): "'\(person)' is not among the request's approvers"
        case .decisionBeforeRequest: "the decision is older than the request: look at the request, then decide"
        case .tooManyRequests(let limit):
            "\(limit) requests are open already: wait until some are decided or expire"
        case .unknown(let id): "no request \(id.prefix(80)) is known; see the list of approvals"
        case .decidedBefore(let person): "'\(person)' has decided on it already"
        case .notApproved(let id): "the request \(id) is not approved, or not any more"
        }
    }
}

/// What a record did to the book.
package enum ApprovalOutcome: Sendable, Equatable {
    /// A request is new.
    case requested(ApprovalRequest)
    /// A decision or a use changed how a request stands: wake whoever waits for it.
    case changed(ApprovalRequest, ApprovalStatus)
    /// A decision or a use waits for its request, which has not come yet.
    case early(requestID: String)
    /// It is known already; nothing changed.
    case duplicate(id: String)
    case refused(ApprovalRefusal)

    /// Whether the record must be kept, so that the book is the same after a restart.
    package var persists: Bool {
        switch self {
        case .requested, .changed, .early: true
        case .duplicate, .refused: false
        }
    }
}
