// SPDX-License-Identifier: Apache-2.0

/// What a signed record is: the `typ` of its JWS header (RFC 7515, section 4.1.9), under the signature, so that one kind
/// cannot pass for another.
package enum RecordType: String, Sendable, CaseIterable {
    case order = "gatewatch-order+json"
    case lift = "gatewatch-lift+json"
    case approvalRequest = "gatewatch-approval-request+json"
    case approvalDecision = "gatewatch-approval-decision+json"
    case approvalUse = "gatewatch-approval-use+json"
    case evidenceHead = "gatewatch-evidence-head+json"
    case evidenceCut = "gatewatch-evidence-cut+json"
    case report = "gatewatch-report+json"
}

/// A record as it goes on a Kafka topic.
package struct SignedRecord: Sendable, Equatable {
    /// The Kafka key.
    package let key: String
    /// JWS Compact Serialization (RFC 7515, section 7.1), ASCII.
    package let value: [UInt8]

    /// A record that was signed elsewhere; nothing is checked.
    package init(key: String, value: [UInt8]) {
        self.key = key
        self.value = value
    }
}
