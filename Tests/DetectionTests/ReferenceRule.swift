// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A correlation rule in the tests' own words, and the same in Sigma's.
struct ReferenceRule {
    enum Kind: String, CaseIterable {
        case eventCount = "event_count"
        case valueCount = "value_count"
        case valueSum = "value_sum"
        case valueAverage = "value_avg"
        case valuePercentile = "value_percentile"
        case valueMedian = "value_median"
        case temporal
        case temporalOrdered = "temporal_ordered"
    }

    struct Bound {
        var comparison: String
        var limit: Double

        func holds(_ value: Double) -> Bool {
            switch comparison {
            case "gte": value >= limit
            case "gt": value > limit
            case "lte": value <= limit
            case "lt": value < limit
            case "eq": value == limit
            default: value != limit
            }
        }
    }

    /// `a and (b or not c)`: each rule stands in it once.
    indirect enum Condition {
        case rule(String)
        case not(Condition)
        case and(Condition, Condition)
        case or(Condition, Condition)

        func holds(_ matched: Set<String>) -> Bool {
            switch self {
            case .rule(let name): matched.contains(name)
            case .not(let part): !part.holds(matched)
            case .and(let a, let b): a.holds(matched) && b.holds(matched)
            case .or(let a, let b): a.holds(matched) || b.holds(matched)
            }
        }

        var text: String {
            switch self {
            case .rule(let name): name
            case .not(let part): "not (\(part.text))"
            case .and(let a, let b): "(\(a.text)) and (\(b.text))"
            case .or(let a, let b): "(\(a.text)) or (\(b.text))"
            }
        }

        /// In the order in which they stand in the text.
        var names: [String] {
            switch self {
            case .rule(let name): [name]
            case .not(let part): part.names
            case .and(let a, let b), .or(let a, let b): a.names + b.names
            }
        }

        /// The rules that stand under an even number of `not`, or under an odd one.
        func rules(negated: Bool) -> Set<String> {
            switch self {
            case .rule(let name): negated ? [] : [name]
            case .not(let part): part.rules(negated: !negated)
            case .and(let a, let b), .or(let a, let b): a.rules(negated: negated).union(b.rules(negated: negated))
            }
        }
    }

    var name: String
    var kind: Kind
    /// Names of base rules or of other reference rules.
    var rules: [String]
    var groupBy: [String]
    /// With `who` in `groupBy`: which field that is, per rule.
    var aliases: [String: String] = [:]
    /// Seconds.
    var timespan: Int64
    var bounds: [Bound]
    var fields: [String] = []
    var percentile: Double?
    var condition: Condition?
    /// Whether `rules` is left out and taken from the condition.
    var omitsRules = false
    /// Seconds; nil for the timespan.
    var episode: Int64?

    var isSequence: Bool { kind == .temporal || kind == .temporalOrdered }
    /// Whether a rule must not match.
    var hasAbsence: Bool { condition.map { !$0.rules(negated: true).isEmpty } ?? false }

    var yaml: String {
        var text = """
            title: \(name)
            name: \(name)
            correlation:
              type: \(kind.rawValue)
              timespan: \(timespan)s
            """
        if !omitsRules { text += "\n  rules: [\(rules.joined(separator: ", "))]" }
        if !groupBy.isEmpty { text += "\n  group-by: [\(groupBy.joined(separator: ", "))]" }
        if !aliases.isEmpty {
            let entries = aliases.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            text += "\n  aliases: { who: { \(entries.joined(separator: ", ")) } }"
        }
        if let condition { text += "\n  condition: \(condition.text)" }
        if !bounds.isEmpty {
            var limits = bounds.map { "\($0.comparison): \($0.limit)" }
            if let percentile { limits.insert("percentile: \(percentile)", at: 0) }
            if fields.count == 1 { limits.insert("field: \(fields[0])", at: 0) }
            if fields.count > 1 { limits.insert("field: [\(fields.joined(separator: ", "))]", at: 0) }
            text += "\n  condition: { \(limits.joined(separator: ", ")) }"
        }
        text += "\ngenerate: true"
        if let episode { text += "\ngatewatch: { suppress: { episode: \(episode)s } }" }
        return text
    }
}
