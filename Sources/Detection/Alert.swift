// SPDX-License-Identifier: Apache-2.0

import Crypto
import Sigma

/// What a detector found.
package struct Alert: Sendable, Codable, Equatable {
    /// One field of the group and its value.
    package struct GroupValue: Sendable, Codable, Equatable {
        package let field: String
        package let value: String
    }

    /// The same for the same events, on every run, live or replayed: whoever gets an alert again knows it by this.
    package internal(set) var id: String
    /// The rule's `id`, else its `name`, else its `title`.
    package let ruleID: String
    package let ruleName: String
    package let title: String
    package internal(set) var level: String
    package let status: String
    package let tags: [String]
    package let falsePositives: [String]
    package let riskPoints: Int?
    /// Whom it is about, where the group or the event tells.
    package let identity: String?
    /// When it fired: the time of the event, ms since the epoch, UTC.
    package let time: Int64
    /// The first event that led to it.
    package let firstTime: Int64
    package let group: [GroupValue]
    /// Ids of the events that led to it, oldest first; the one that fired it last.
    package let relatedEvents: [String]
    /// What was counted, and in words against which limit; nil for a single event.
    package let value: Double?
    package let limit: String?
    /// One sentence for a person.
    package internal(set) var message: String
    /// Fields of the event that fired it.
    package let context: [GroupValue]
    /// What the rule calls for beyond the alert; nil where it calls for nothing.
    package var response: Response?
    /// What was usual; nil for rules without a baseline.
    package var baseline: Baseline?
    /// The risk of `identity`; nil for rules that are still tried out, and where nobody is named.
    package internal(set) var risk: Risk?
    /// The identity's incident that the alert belongs to; nil as for `risk`.
    package internal(set) var incident: String?

    /// OCSF severity_id.
    package var severity: Int { RuleMetadata.Level(rawValue: level)?.severity ?? 3 }
}

/// A UUID (RFC 9562, version 8) from SHA-256 over the parts, each with its length before it.
func alertID(_ parts: [String]) -> String {
    var hash = SHA256()
    for part in parts {
        hash.update(data: Array("\(part.utf8.count):".utf8))
        hash.update(data: Array(part.utf8))
    }
    var bytes = Array(hash.finalize().prefix(16))
    bytes[6] = bytes[6] & 0x0F | 0x80
    bytes[8] = bytes[8] & 0x3F | 0x80
    func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    return uuidText(word(bytes[..<8]), word(bytes[8...]))
}
