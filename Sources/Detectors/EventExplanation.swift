// SPDX-License-Identifier: Apache-2.0

package import Sigma

/// What one rule makes of one event, and why.
package struct EventExplanation: Sendable {
    /// A field and its value in the event; nil where the event does not have it.
    package struct FieldValue: Sendable {
        package let field: String
        package let value: String?
    }

    /// What a rule of a correlation makes of the event.
    package struct Reference: Sendable {
        package let explanation: EventExplanation
        /// The group key that the event has under this rule; nil where an alias leaves the rule out of the groups.
        package let group: [FieldValue]?
        /// What the event would add to the group's window: `1 event`, `unmapped.items 1000`; nil where it adds nothing.
        package let adds: String?
    }

    package let metadata: RuleMetadata
    /// `detection`, or the correlation's type.
    package let kind: String
    /// Whether the event does what the rule asks of a single event: matches it, or counts for a correlation.
    package let matches: Bool
    /// `product: gatewatch, service: gateway`; nil for a correlation.
    package let logsource: String?
    /// Whether rules of that log source are tried on events of the mapping.
    package let applies: Bool
    /// A detection's condition.
    package let condition: RuleExplanation?
    /// A correlation's rules.
    package let references: [Reference]
    /// What else decides: a calendar, first_seen, suppress, the correlation's limit.
    package let notes: [String]
}
