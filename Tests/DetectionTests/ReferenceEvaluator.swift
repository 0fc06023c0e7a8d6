// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What the engine must agree with, written to be obvious and slow: every window is looked at as a whole.
struct ReferenceRule {
    enum Kind: String, CaseIterable {
        case eventCount = "event_count"
        case valueCount = "value_count"
        case valueSum = "value_sum"
        case temporal
        case temporalOrdered = "temporal_ordered"
    }

    var name: String
    var kind: Kind
    /// Names of base rules (`op` is the last letter of `r_x`) or of other reference rules.
    var rules: [String]
    /// Seconds.
    var timespan: Int64
    var comparison: String
    var limit: Int
    var generate = true

    var yaml: String {
        let field = kind == .valueCount || kind == .valueSum ? "field: v, " : ""
        let condition =
            kind == .temporal || kind == .temporalOrdered ? "" : "\n  condition: { \(field)\(comparison): \(limit) }"
        return """
            title: \(name)
            name: \(name)
            correlation:
              type: \(kind.rawValue)
              rules: [\(rules.joined(separator: ", "))]
              group-by: [k]
              timespan: \(timespan)s\(condition)
            generate: \(generate)
            """
    }
}

enum ReferenceEvaluator {
    struct Match {
        var time: Int64
        var uid: String
        var value: Int
    }

    /// Base rules: one per operation.
    static let base = ["x", "y", "z"].map { operation in
        """
        title: r_\(operation)
        name: r_\(operation)
        logsource: { category: test }
        detection:
          selection: { op: \(operation) }
          condition: selection
        level: informational
        """
    }.joined(separator: "\n---\n")

    /// All firings as `rule|group|event`.
    static func firings(_ rules: [ReferenceRule], _ events: [TestEvent]) -> Set<String> {
        var result: Set<String> = []
        for key in Set(events.compactMap { $0.fields["k"] }) {
            var matches: [String: [Match]] = [:]
            for operation in ["x", "y", "z"] {
                matches["r_\(operation)"] = events.filter { $0.fields["k"] == key && $0.fields["op"] == operation }.map {
                    Match(time: $0.time, uid: $0.uid, value: $0.numbers["v"] ?? 0)
                }
            }
            for rule in rules {
                let fired = firings(rule, matches)
                matches[rule.name] = fired
                for match in fired { result.insert("\(rule.name)|\(key)|\(match.uid)") }
            }
        }
        return result
    }

    private static func firings(_ rule: ReferenceRule, _ matches: [String: [Match]]) -> [Match] {
        var entries: [(match: Match, source: Int)] = []
        for (source, name) in rule.rules.enumerated() {
            for match in matches[name] ?? [] { entries.append((match, source)) }
        }
        let isSequence = rule.kind == .temporal || rule.kind == .temporalOrdered
        entries.sort { a, b in
            if a.match.time != b.match.time { return a.match.time < b.match.time }
            if isSequence, a.source != b.source { return a.source < b.source }
            if a.match.uid != b.match.uid { return (a.match.uid.count, a.match.uid) < (b.match.uid.count, b.match.uid) }
            return a.source < b.source
        }
        var fired: [Match] = []
        for (index, entry) in entries.enumerated() {
            let window = entries[...index].filter { $0.match.time >= entry.match.time - rule.timespan }
            if holds(rule, window), fired.last?.uid != entry.match.uid { fired.append(entry.match) }
        }
        return fired
    }

    private static func holds(_ rule: ReferenceRule, _ window: [(match: Match, source: Int)]) -> Bool {
        let value: Int
        switch rule.kind {
        case .eventCount: value = window.count
        case .valueCount: value = Set(window.map(\.match.value)).count
        case .valueSum: value = window.reduce(0) { $0 + $1.match.value }
        case .temporal: return Set(window.map(\.source)).count == rule.rules.count
        case .temporalOrdered:
            var next = 0
            for entry in window where entry.source == next {
                next += 1
                if next == rule.rules.count { return true }
            }
            return false
        }
        switch rule.comparison {
        case "gte": return value >= rule.limit
        case "gt": return value > rule.limit
        case "lte": return value <= rule.limit
        case "lt": return value < rule.limit
        case "eq": return value == rule.limit
        default: return value != rule.limit
        }
    }
}
