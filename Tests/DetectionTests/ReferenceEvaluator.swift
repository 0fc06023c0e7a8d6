// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A random correlation rule, and what the engine must agree with, written to be obvious and slow: every window is looked at
/// as a whole.
struct ReferenceRule {
    enum Kind: String, CaseIterable {
        case eventCount = "event_count"
        case valueCount = "value_count"
        case valueSum = "value_sum"
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
    var field: String?

    var isSequence: Bool { kind == .temporal || kind == .temporalOrdered }
    /// Whether a late event can undo that the condition held.
    var isDeferred: Bool { bounds.contains { $0.comparison != "gte" && $0.comparison != "gt" } }

    var yaml: String {
        var text = """
            title: \(name)
            name: \(name)
            correlation:
              type: \(kind.rawValue)
              rules: [\(rules.joined(separator: ", "))]
              timespan: \(timespan)s
            """
        if !groupBy.isEmpty { text += "\n  group-by: [\(groupBy.joined(separator: ", "))]" }
        if !aliases.isEmpty {
            let entries = aliases.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            text += "\n  aliases: { who: { \(entries.joined(separator: ", ")) } }"
        }
        if !bounds.isEmpty {
            let limits = (field.map { ["field: \($0)"] } ?? []) + bounds.map { "\($0.comparison): \($0.limit)" }
            text += "\n  condition: { \(limits.joined(separator: ", ")) }"
        }
        return text + "\ngenerate: true"
    }
}

enum ReferenceEvaluator {
    struct Match {
        var time: Int64
        var uid: String
        var fields: [String: String]
    }

    /// What fired, and when (ms).
    struct Firing: Hashable {
        var rule: String
        var group: [String]
        var uid: String
        var time: Int64
    }

    private struct Entry {
        var match: Match
        var source: Int
        var value: String
    }

    /// The base rules: which operations each matches. Some events match two of them.
    static let bases = [("r_x", ["x"]), ("r_y", ["y"]), ("r_z", ["z"]), ("r_xy", ["x", "y"])]

    static let base = bases.map { name, operations in
        """
        title: \(name)
        name: \(name)
        logsource: { category: test }
        detection:
          selection: { op: [\(operations.joined(separator: ", "))] }
          condition: selection
        level: informational
        """
    }.joined(separator: "\n---\n")

    /// All firings of the correlations.
    static func firings(_ rules: [ReferenceRule], _ events: [TestEvent]) -> Set<Firing> {
        var result: Set<Firing> = []
        var matches: [String: [Match]] = [:]
        for (name, operations) in bases {
            matches[name] = events.filter { operations.contains($0.fields["op"] ?? "") }.map { event in
                let numbers = event.numbers.mapValues { String($0) }
                return Match(time: event.offset, uid: event.uid, fields: event.fields.merging(numbers) { a, _ in a })
            }
        }
        for rule in rules {
            var found: [Match] = []
            for (group, entries) in grouped(rule, matches) {
                for match in firings(rule, entries) {
                    result.insert(Firing(rule: rule.name, group: group, uid: match.uid, time: match.time))
                    let fields = Dictionary(uniqueKeysWithValues: zip(rule.groupBy, group))
                    found.append(Match(time: match.time, uid: match.uid, fields: fields))
                }
            }
            matches[rule.name] = found
        }
        return result
    }

    private static func grouped(_ rule: ReferenceRule, _ matches: [String: [Match]]) -> [[String]: [Entry]] {
        var groups: [[String]: [Entry]] = [:]
        for (source, name) in rule.rules.enumerated() {
            for match in matches[name] ?? [] {
                let fields = rule.groupBy.map { $0 == "who" ? rule.aliases[name] ?? $0 : $0 }
                let group = fields.compactMap { match.fields[$0] }
                guard group.count == fields.count else { continue }
                var value = ""
                if let field = rule.field {
                    guard let text = match.fields[field] else { continue }
                    value = text
                }
                // Counts are of events: one that two detection rules match counts once.
                let isBase = name.hasPrefix("r_")
                let isKnown = groups[group, default: []].contains {
                    $0.match.uid == match.uid && isBase && rule.rules[$0.source].hasPrefix("r_")
                }
                if !rule.isSequence, isKnown { continue }
                groups[group, default: []].append(Entry(match: match, source: source, value: value))
            }
        }
        return groups
    }

    private static func firings(_ rule: ReferenceRule, _ unsorted: [Entry]) -> [Match] {
        let entries = unsorted.sorted { a, b in
            if a.match.time != b.match.time { return a.match.time < b.match.time }
            if rule.isSequence, a.source != b.source { return a.source < b.source }
            if a.match.uid != b.match.uid { return (a.match.uid.count, a.match.uid) < (b.match.uid.count, b.match.uid) }
            return a.source < b.source
        }
        var fired: [Match] = []
        for (index, entry) in entries.enumerated() {
            let window = entries[...index].filter { $0.match.time >= entry.match.time - rule.timespan * 1000 }
            if holds(rule, window), !fired.contains(where: { $0.uid == entry.match.uid }) { fired.append(entry.match) }
        }
        return fired
    }

    private static func holds(_ rule: ReferenceRule, _ window: [Entry]) -> Bool {
        let value: Double
        switch rule.kind {
        case .eventCount: value = Double(window.count)
        case .valueCount: value = Double(Set(window.map(\.value)).count)
        case .valueSum: value = window.reduce(0) { $0 + (Double($1.value) ?? 0) }
        case .temporal:
            value = Double(Set(window.map(\.source)).count)
            if rule.bounds.isEmpty { return Int(value) == rule.rules.count }
        case .temporalOrdered:
            var next = 0
            for entry in window where entry.source == next { next += 1 }
            value = Double(next)
            if rule.bounds.isEmpty { return next == rule.rules.count }
        }
        return rule.bounds.allSatisfy { $0.holds(value) }
    }

    /// The firings of each rule and group, put together where they follow each other within `gap` (ms); how many there are.
    static func episodes(_ firings: Set<Firing>, gap: (String) -> Int64) -> [String: Int] {
        var counts: [String: Int] = [:]
        for (key, group) in Dictionary(grouping: firings, by: { "\($0.rule)|\($0.group)" }) {
            var last: Int64?
            for firing in group.sorted(by: { $0.time < $1.time }) {
                if last.map({ firing.time > $0 + gap(firing.rule) }) ?? true { counts[key, default: 0] += 1 }
                last = firing.time
            }
        }
        return counts
    }
}
