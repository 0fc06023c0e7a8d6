// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// A correlation whose references are still names.
struct DraftCorrelation {
    /// One name under `aliases`: which field of each rule it stands for.
    struct Alias {
        let name: String
        let entries: [(rule: String, field: String, node: YAMLNode)]
        let node: YAMLNode
    }

    let metadata: RuleMetadata
    let kind: CorrelationRule.Kind
    /// As under `rules`; without that key, the names of the condition.
    let references: [(name: String, node: YAMLNode)]
    let groupBy: [String]
    let timespan: Timespan
    let limits: CorrelationLimits
    let aliases: [Alias]
    let generate: Bool
    let node: YAMLNode
}

/// Reads the block `correlation` (Sigma specification 2.1, "Correlation rules").
enum CorrelationReader {
    /// The most rules of one correlation.
    static let maximumRules = 64

    static func correlation(
        _ node: YAMLNode, _ metadata: RuleMetadata, _ faults: inout Faults
    ) -> DraftCorrelation? {
        if let legacy = node["timeframe"] {
            faults.add(legacy.error("'timeframe' is called 'timespan' in a correlation."))
            return nil
        }
        guard
            faults.refuseKeys(
                of: node, except: ["type", "rules", "group-by", "timespan", "condition", "aliases", "generate"])
        else { return nil }
        checkExtensions(metadata, node, &faults)
        let timespan: Timespan? = faults.read(or: nil) { try Timespan(try node.required("timespan")) }
        let groupBy = faults.read(or: []) { try Self.groupBy(node) }
        let aliases = faults.read(or: []) { try Self.aliases(node) }
        let generate = faults.read(or: false) {
            try (node["generate"] ?? metadata.document["generate"])?.boolean() ?? false
        }
        let kind: (CorrelationRule.Kind, isExtended: Bool)? = faults.read(or: nil) {
            try Self.kind(try node.required("type"))
        }
        guard let (kind, isExtended) = kind,
            let limits = faults.read(or: nil, { try CorrelationLimits(node, kind, isExtended: isExtended) })
        else {
            // What `rules` names does not depend on the type.
            for item in node["rules"]?.items() ?? [] { faults.check { _ = try item.text() } }
            return nil
        }
        faults.check { try metadata.extensions.baseline?.check(kind, limits.bounds) }
        guard let references = faults.read(or: nil, { try Self.references(node, limits) }) else { return nil }
        faults.check {
            if kind.isTemporal, references.count < 2 {
                throw (node["rules"] ?? node["condition"] ?? node).error(
                    "\(kind.rawValue) needs at least two rules.")
            }
            try limits.check(kind, rules: references.count, node["condition"] ?? node)
        }
        guard let timespan else { return nil }
        return DraftCorrelation(
            metadata: metadata, kind: kind, references: references, groupBy: groupBy, timespan: timespan,
            limits: limits, aliases: aliases, generate: generate, node: node)
    }

    /// Refuses keys of `gatewatch` that belong to detections.
    private static func checkExtensions(_ metadata: RuleMetadata, _ node: YAMLNode, _ faults: inout Faults) {
        let gatewatch = metadata.document["gatewatch"]
        if metadata.extensions.firstSeen != nil {
            faults.add(
                (gatewatch?["first_seen"] ?? node).error(
                    "first_seen belongs to a detection rule; refer to that rule from here."))
        }
        if let suppress = metadata.extensions.suppress, !suppress.groupBy.isEmpty {
            faults.add(
                (gatewatch?["suppress"] ?? node).error(
                    "a correlation's episodes follow its group-by; leave suppress.group-by out."))
        }
        if let ratio = metadata.extensions.ratio {
            faults.add(ratio.node.error("belongs to a detection rule; refer to that rule from here."))
        }
    }

    private static func groupBy(_ node: YAMLNode) throws(DocumentError) -> [String] {
        let groupBy = try node["group-by"]?.texts() ?? []
        guard Set(groupBy).count == groupBy.count else {
            throw (node["group-by"] ?? node).error("names a field twice.")
        }
        return groupBy
    }

    private static func aliases(_ node: YAMLNode) throws(DocumentError) -> [DraftCorrelation.Alias] {
        var aliases: [DraftCorrelation.Alias] = []
        for alias in try node["aliases"]?.entries() ?? [] {
            let entries = try alias.value.entries().map { entry throws(DocumentError) in
                (rule: entry.key, field: try entry.value.text(), node: entry.value)
            }
            guard !entries.isEmpty else { throw alias.value.error("the alias '\(alias.key)' names no rule.") }
            aliases.append(.init(name: alias.key, entries: entries, node: alias.value))
        }
        return aliases
    }

    private static func references(
        _ node: YAMLNode, _ limits: CorrelationLimits
    ) throws(DocumentError) -> [(name: String, node: YAMLNode)] {
        var references: [(name: String, node: YAMLNode)] = []
        if node["rules"] == nil, let condition = limits.condition {
            references = condition.names.map { ($0, limits.node) }
        } else {
            for item in try node.required("rules").items() { references.append((try item.text(), item)) }
        }
        let place = node["rules"] ?? limits.node
        guard !references.isEmpty else { throw place.error("names no rule.") }
        guard references.count <= maximumRules else { throw place.error("names more than \(maximumRules) rules.") }
        return references
    }

    /// The kind, and whether the type's name asks for a condition over rules (pySigma's names for it).
    private static func kind(
        _ node: YAMLNode
    ) throws(DocumentError) -> (CorrelationRule.Kind, isExtended: Bool) {
        let text = try node.text()
        if let kind = CorrelationRule.Kind(rawValue: text) { return (kind, false) }
        switch text {
        case "temporal_extended": return (.temporal, true)
        case "temporal_ordered_extended": return (.temporalOrdered, true)
        default:
            throw node.error(
                unknownKey(text, known: CorrelationRule.Kind.allCases.map(\.rawValue), what: "correlation type"))
        }
    }
}
