// SPDX-License-Identifier: Apache-2.0

package import Signing

/// What a person is about to send, judged as every gateway will: what has no effect is not sent.
extension ApprovalBook {
    /// The record of a decision that counts, and how the request stands with it.
    ///
    /// - Parameter onBehalf: the key is a hub's, who signs in the name of `by`.
    /// - Throws: ``ApprovalRefusal``, ``ApprovalFault``, or `SignatureError`.
    package func propose(
        _ decision: ApprovalDecision, by key: SigningKey, onBehalf: Bool = false, now: Int64
    ) throws -> (record: SignedRecord, status: ApprovalStatus) {
        guard request(decision.requestID) != nil else { throw ApprovalRefusal.unknown(id: decision.requestID) }
        guard let known = keys[key.name] else { throw ApprovalRefusal.signature(.unknownKey(key.name)) }
        guard (known.role == .hub) == onBehalf else {
            throw ApprovalRefusal.notAllowed(keyName: key.name, to: "speak for persons")
        }
        let record = try decision.signed(by: key, onBehalf: onBehalf)
        var copy = self
        switch copy.apply(record.value, key: record.key, now: now) {
        case .changed(_, let status): return (record, status)
        case .refused(let refusal): throw refusal
        case .duplicate: throw ApprovalRefusal.decidedBefore(by: decision.by)
        case .requested, .early: throw ApprovalRefusal.unknown(id: decision.requestID)
        }
    }
}
