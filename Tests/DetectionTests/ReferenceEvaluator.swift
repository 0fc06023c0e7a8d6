// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What the engine must agree with, written to be obvious and slow: every window is looked at as a whole, all events at hand.
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
        var rule: String
        var value: [String]
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
                for match in rule.hasAbsence ? absences(rule, entries) : firings(rule, entries) {
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
                let value = rule.fields.compactMap { match.fields[$0] }
                guard value.count == rule.fields.count else { continue }
                // Counts are of events: one that two detection rules match counts once.
                let isBase = name.hasPrefix("r_")
                let isKnown = groups[group, default: []].contains {
                    $0.match.uid == match.uid && isBase && $0.rule.hasPrefix("r_")
                }
                if !rule.isSequence, isKnown { continue }
                groups[group, default: []].append(Entry(match: match, source: source, rule: name, value: value))
            }
        }
        return groups.mapValues { entries in
            entries.sorted { a, b in
                if a.match.time != b.match.time { return a.match.time < b.match.time }
                if rule.isSequence, a.source != b.source { return a.source < b.source }
                if a.match.uid != b.match.uid {
                    return (a.match.uid.count, a.match.uid) < (b.match.uid.count, b.match.uid)
                }
                return a.source < b.source
            }
        }
    }

    /// Each entry's window reaches back from it.
    private static func firings(_ rule: ReferenceRule, _ entries: [Entry]) -> [Match] {
        var fired: [Match] = []
        for (index, entry) in entries.enumerated() {
            let window = entries[...index].filter { $0.match.time >= entry.match.time - rule.timespan * 1000 }
            let isKnown = fired.contains { $0.uid == entry.match.uid && $0.time == entry.match.time }
            if holds(rule, window), !isKnown { fired.append(entry.match) }
        }
        return fired
    }

    private static func holds(_ rule: ReferenceRule, _ window: [Entry]) -> Bool {
        if let condition = rule.condition {
            if rule.kind == .temporal { return condition.holds(Set(window.map(\.rule))) }
            return subsets(rule.rules).contains { chain($0, window) && condition.holds(Set($0)) }
        }
        let numbers = window.compactMap { $0.value.first.flatMap { Double($0) } }
        let value: Double
        switch rule.kind {
        case .eventCount: value = Double(window.count)
        case .valueCount: value = Double(Set(window.map(\.value)).count)
        case .valueSum: value = numbers.reduce(0, +)
        case .valueAverage: value = numbers.reduce(0, +) / Double(numbers.count)
        case .valuePercentile, .valueMedian: value = percentile(rule.percentile ?? 50, numbers)
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

    static func percentile(_ percentile: Double, _ numbers: [Double]) -> Double {
        let sorted = numbers.sorted()
        let position = Double(sorted.count - 1) * percentile / 100
        let below = sorted[Int(position.rounded(.down))]
        let above = sorted[Int(position.rounded(.up))]
        return below + (position - position.rounded(.down)) * (above - below)
    }

    /// Each match of a rule without `not` opens a window, which is judged as a whole when it is over.
    private static func absences(_ rule: ReferenceRule, _ entries: [Entry]) -> [Match] {
        guard let condition = rule.condition else { return [] }
        let wanted = condition.rules(negated: false)
        var fired: [Match] = []
        for (index, entry) in entries.enumerated() where wanted.contains(entry.rule) {
            let end = entry.match.time + rule.timespan * 1000
            let window = entries.filter { $0.match.time >= entry.match.time && $0.match.time <= end }
            let matched = Set(window.map(\.rule))
            let holds: Bool
            if rule.kind == .temporal {
                holds = condition.holds(matched)
            } else {
                // Some rules matched in order, this match the first of them and none of them for nothing: there is a case,
                // perhaps one with more unwanted matches, in which the condition needs the first.
                let unwanted = condition.rules(negated: true)
                let rest = entries[index...].filter { $0.match.time <= end }
                holds = subsets(rule.rules.filter(wanted.contains)).contains { rules in
                    rules.first == entry.rule && chain(Array(rules.dropFirst()), Array(rest.dropFirst()))
                        && subsets(unwanted.subtracting(matched).sorted()).contains { more in
                            let others = matched.intersection(unwanted).union(more)
                            return condition.holds(others.union(rules))
                                && !condition.holds(others.union(rules.dropFirst()))
                        }
                }
            }
            guard holds, !fired.contains(where: { $0.uid == entry.match.uid && $0.time == end }) else { continue }
            fired.append(Match(time: end, uid: entry.match.uid, fields: [:]))
        }
        return fired
    }

    /// Whether the rules matched one after the other.
    private static func chain(_ rules: [String], _ window: [Entry]) -> Bool {
        var next = 0
        for entry in window where next < rules.count && entry.rule == rules[next] { next += 1 }
        return next == rules.count
    }

    private static func subsets(_ rules: [String]) -> [[String]] {
        guard let first = rules.first else { return [[]] }
        let others = subsets(Array(rules.dropFirst()))
        return others + others.map { [first] + $0 }
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
