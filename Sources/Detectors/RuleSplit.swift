// SPDX-License-Identifier: Apache-2.0

import Sigma
import YAMLDocument

/// Which rules may run in several engines at once, each with the events of some values of one field, and which need one
/// engine that sees all events.
///
/// A rule may be split when all that it remembers is kept per value of the field: its `group-by` names the field, under every
/// rule that it refers to. Rules that refer to each other stay together. A block under `gatewatch:` that this file does not
/// know may compare identities with each other, so its rule is not split.
struct RuleSplit {
    let field: String
    /// Keys of the rules that may be split.
    let keys: Set<String>

    /// What the blocks under `gatewatch:` remember: nothing, or something per value of a `group-by`.
    private static let known: [String: Set<String>?] = [
        "first_seen": ["field", "group-by", "history", "learning"], "suppress": ["episode", "group-by"],
        "baseline": ["history", "season", "minimum", "threshold", "ratio", "scale_floor", "cold_start"],
        "ratio": ["of", "to", "group-by", "gte", "lte", "history", "minimum"],
        // Risk adds up the alerts of all rules, where they come together again.
        "risk": nil, "outside": nil, "respond": nil, "tests": nil,
    ]

    /// The split by the field under which most rules may be; nil where none may.
    init?(_ rules: RuleSet) {
        var fields: [String] = []
        for correlation in rules.correlations { fields += correlation.groupFields.compactMap { $0 }.flatMap { $0 } }
        for detection in rules.detections {
            fields += detection.metadata.extensions.firstSeen?.groupBy ?? []
            fields += detection.metadata.extensions.suppress?.groupBy ?? []
        }
        var best: RuleSplit?
        var tried: Set<String> = []
        for field in ["identity"] + fields where tried.insert(field).inserted {
            let split = RuleSplit(rules, by: field)
            if split.keys.count > best?.keys.count ?? 0 { best = split }
        }
        guard let best else { return nil }
        self = best
    }

    private init(_ rules: RuleSet, by field: String) {
        self.field = field
        // Per correlation, at which places of its group-by the field stands.
        var places: [Set<Int>] = []
        for rule in rules.correlations {
            places.append(
                Set(
                    rule.groupBy.indices.filter { place in
                        zip(rule.references, rule.groupFields).allSatisfy { reference, fields in
                            guard let fields else { return true }
                            switch reference {
                            case .detection: return fields[place] == field
                            case .correlation(let child):
                                return places[child].contains { rules.correlations[child].groupBy[$0] == fields[place] }
                            }
                        }
                    }))
        }
        // Groups of rules that refer to each other, each named by one of its members.
        var leader: [CorrelationRule.Reference: CorrelationRule.Reference] = [:]
        func group(_ rule: CorrelationRule.Reference) -> CorrelationRule.Reference {
            guard let next = leader[rule] else { return rule }
            return group(next)
        }
        var mixed: Set<CorrelationRule.Reference> = []
        var bad: [CorrelationRule.Reference] = []
        for (index, rule) in rules.correlations.enumerated() {
            for reference in rule.references {
                let (a, b) = (group(.correlation(index)), group(reference))
                if a != b { leader[b] = a }
            }
            if places[index].isEmpty || !Self.isKnown(rule.metadata) { bad.append(.correlation(index)) }
        }
        for (index, rule) in rules.detections.enumerated() {
            let extensions = rule.metadata.extensions
            let keepsApart =
                extensions.firstSeen.map { $0.groupBy.contains(field) } ?? true
                && extensions.suppress.map { $0.groupBy.contains(field) } ?? true
                && extensions.ratio.map { $0.groupBy.contains(field) } ?? true
            for other in extensions.ratio.map({ rules.detections(named: $0.of + $0.to) }) ?? [] {
                let (a, b) = (group(.detection(index)), group(.detection(other)))
                if a != b { leader[b] = a }
            }
            if !keepsApart || !Self.isKnown(rule.metadata) { bad.append(.detection(index)) }
        }
        for rule in bad { mixed.insert(group(rule)) }
        var keys: Set<String> = []
        for (index, rule) in rules.detections.enumerated() where !mixed.contains(group(.detection(index))) {
            keys.insert(rule.metadata.key)
        }
        for (index, rule) in rules.correlations.enumerated() where !mixed.contains(group(.correlation(index))) {
            keys.insert(rule.metadata.key)
        }
        self.keys = keys
    }

    private static func isKnown(_ metadata: RuleMetadata) -> Bool {
        guard case .mapping(let entries) = metadata.document["gatewatch"]?.content else { return true }
        return entries.allSatisfy { entry in
            guard let inner = known[entry.key] else { return false }
            guard let inner, case .mapping(let parts) = entry.value.content else { return true }
            return parts.allSatisfy { inner.contains($0.key) }
        }
    }
}
