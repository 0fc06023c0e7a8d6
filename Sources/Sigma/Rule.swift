// SPDX-License-Identifier: Apache-2.0

package import AuditEvent
package import YAMLDocument

/// What a detection rule and a correlation rule have in common (Sigma specification 2.1, "Metadata").
package struct RuleMetadata: Sendable {
    package enum Status: String, Sendable, CaseIterable {
        case stable, test, experimental, deprecated, unsupported
    }

    package enum Level: String, Sendable, CaseIterable, Comparable {
        case informational, low, medium, high, critical

        package static func < (a: Level, b: Level) -> Bool { a.severity < b.severity }

        /// OCSF `severity_id`: 1 informational to 5 critical.
        package var severity: Int {
            switch self {
            case .informational: 1
            case .low: 2
            case .medium: 3
            case .high: 4
            case .critical: 5
            }
        }
    }

    package let title: String
    package let id: String?
    package let name: String?
    package let status: Status?
    /// Without a `level` a rule counts as medium.
    package let level: Level?
    package let description: String?
    package let tags: [String]
    package let references: [String]
    package let falsePositives: [String]
    /// Top-level `generate`; see `CorrelationRule.generate`.
    package let extensions: RuleExtension
    /// Where the rule stands: the node of its document.
    package let document: YAMLNode

    /// What names the rule in alerts and state: its `id`, else its `name`, else its `title`.
    package var key: String { id ?? name ?? title }
    /// What people call it in commands and logs: its `name`, else its `title`.
    package var label: String { name ?? title }
    package var file: String { document.file }
}

/// A rule over single events.
package struct DetectionRule: Sendable {
    /// Equal keys must hold on the event's source; nil keys do not matter.
    package struct LogSource: Sendable, Equatable {
        package let category: String?
        package let product: String?
        package let service: String?
        /// Keys of the rule's own; no mapping gives them, so only one that does not tell its sources is the rule's.
        package let custom: [String: String]

        /// No key, so any source.
        static let any = LogSource(category: nil, product: nil, service: nil, custom: [:])

        /// Whether the rule applies to events of a mapping.
        package func applies(to mapping: Mapping) -> Bool {
            guard let sources = mapping.logsources else { return true }
            return custom.isEmpty
                && sources.contains { source in
                    (category == nil || category == source.category) && (product == nil || product == source.product)
                        && (service == nil || service == source.service)
                }
        }
    }

    package let metadata: RuleMetadata
    package let logsource: LogSource
    package let body: DetectionBody
    /// The filters that narrow the rule, in the order of their documents.
    package private(set) var filters: [FilterRule] = []

    init(metadata: RuleMetadata, logsource: LogSource, body: DetectionBody) {
        self.metadata = metadata
        self.logsource = logsource
        self.body = body
    }

    /// What an event must answer: the rule's own condition and those of its filters.
    var expression: Expression { .all([body.expression] + filters.map(\.body.expression)) }

    mutating func add(_ filter: FilterRule) { filters.append(filter) }
}

/// A rule over the matches of other rules within a timespan (Sigma specification 2.1, "Correlation rules").
package struct CorrelationRule: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case eventCount = "event_count"
        case valueCount = "value_count"
        case valueSum = "value_sum"
        case valueAverage = "value_avg"
        case valuePercentile = "value_percentile"
        case valueMedian = "value_median"
        case temporal
        case temporalOrdered = "temporal_ordered"

        /// Whether it asks which rules matched, not how often or with what values.
        package var isTemporal: Bool { self == .temporal || self == .temporalOrdered }
        /// Whether it is about the values of a field.
        package var hasField: Bool { !isTemporal && self != .eventCount }
    }

    /// `gte: 5` and its like; all that a condition lists must hold.
    package struct Bound: Sendable, Hashable {
        package enum Operator: String, Sendable, CaseIterable {
            case gt, gte, lt, lte, eq, neq
        }

        package let comparison: Operator
        package let limit: Double

        package func holds(_ value: Double) -> Bool {
            switch comparison {
            case .gt: value > limit
            case .gte: value >= limit
            case .lt: value < limit
            case .lte: value <= limit
            case .eq: value == limit
            case .neq: value != limit
            }
        }
    }

    /// One of the rules that a correlation counts.
    package enum Reference: Sendable, Hashable {
        /// Index into `RuleSet.detections`.
        case detection(Int)
        /// Index into `RuleSet.correlations`; always smaller than the index of the rule that refers.
        case correlation(Int)
    }

    package let metadata: RuleMetadata
    package let kind: Kind
    /// In the rule's order.
    package let references: [Reference]
    package let groupBy: [String]
    package let timespan: Timespan
    /// Empty for `temporal` rules that want all of their rules, or have an `expression`.
    package let bounds: [Bound]
    /// The fields of `value_count`, whose tuples are counted; the one field of the other `value_` types.
    package let fields: [String]
    /// Which percentile of the values, 0 to 100; 50 for `value_median`, nil for the other types.
    package let percentile: Double?
    /// A condition over the rules, of `temporal` and `temporal_ordered`.
    package let expression: RuleExpression?
    /// Per reference, the field that stands for each `group-by` entry; nil where an alias leaves the rule out.
    package let groupFields: [[String]?]
    /// Whether the rules that it refers to raise alerts of their own as well.
    package let generate: Bool
}
