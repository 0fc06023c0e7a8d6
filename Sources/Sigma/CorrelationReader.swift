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
    let references: [(name: String, node: YAMLNode)]
    let groupBy: [String]
    let timespan: Timespan
    let bounds: [CorrelationRule.Bound]
    let field: String?
    let aliases: [Alias]
    let generate: Bool
    let node: YAMLNode
}

/// Reads the block `correlation` (Sigma specification 2.1, "Correlation rules").
enum CorrelationReader {
    /// Types of the specification and its extensions that this version does not have, and what comes close.
    private static let later = [
        "value_avg": "Use value_sum or event_count.",
        "value_percentile": "Use value_sum, or event_count over a rule with gte.",
        "value_median": "Use value_sum, or event_count over a rule with gte.",
        "temporal_extended": "Use temporal and list the rules.",
        "temporal_ordered_extended": "Use temporal_ordered and list the rules.",
    ]

    static func correlation(
        _ node: YAMLNode, _ metadata: RuleMetadata
    ) throws(DocumentError) -> DraftCorrelation {
        try node.refuseKeys(except: ["type", "rules", "group-by", "timespan", "condition", "aliases", "generate"])
        let kind = try kind(try node.required("type"))
        let gatewatch = metadata.document["gatewatch"]
        if metadata.extensions.firstSeen != nil {
            throw (gatewatch?["first_seen"] ?? node).error(
                "first_seen belongs to a detection rule; refer to that rule from here.")
        }
        if let suppress = metadata.extensions.suppress, !suppress.groupBy.isEmpty {
            throw (gatewatch?["suppress"] ?? node).error(
                "a correlation's episodes follow its group-by; leave suppress.group-by out.")
        }
        let (bounds, field) = try condition(node, kind)
        try metadata.extensions.baseline?.check(kind, bounds)
        if let ratio = metadata.extensions.ratio {
            throw ratio.node.error("belongs to a detection rule; refer to that rule from here.")
        }
        let rules = try node.required("rules")
        var references: [(name: String, node: YAMLNode)] = []
        for item in rules.items() { references.append((try item.text(), item)) }
        guard !references.isEmpty else { throw rules.error("names no rule.") }
        guard references.count <= 64 else { throw rules.error("names more than 64 rules.") }
        let isTemporal = kind == .temporal || kind == .temporalOrdered
        if isTemporal, references.count < 2 { throw rules.error("\(kind.rawValue) needs at least two rules.") }
        try check(bounds, kind, rules: references.count, node["condition"] ?? node)

        var aliases: [DraftCorrelation.Alias] = []
        for alias in try node["aliases"]?.entries() ?? [] {
            let entries = try alias.value.entries().map { entry throws(DocumentError) in
                (rule: entry.key, field: try entry.value.text(), node: entry.value)
            }
            guard !entries.isEmpty else { throw alias.value.error("the alias '\(alias.key)' names no rule.") }
            aliases.append(.init(name: alias.key, entries: entries, node: alias.value))
        }
        let groupBy = try node["group-by"]?.texts() ?? []
        guard Set(groupBy).count == groupBy.count else {
            throw (node["group-by"] ?? node).error("names a field twice.")
        }
        let generate = node["generate"] ?? metadata.document["generate"]
        return DraftCorrelation(
            metadata: metadata, kind: kind, references: references, groupBy: groupBy,
            timespan: try Timespan(try node.required("timespan")), bounds: bounds, field: field, aliases: aliases,
            generate: try generate?.boolean() ?? false, node: node)
    }

    private static func kind(_ node: YAMLNode) throws(DocumentError) -> CorrelationRule.Kind {
        let text = try node.text()
        if let kind = CorrelationRule.Kind(rawValue: text) { return kind }
        if let instead = later[text] { throw node.error("'\(text)' is not supported by this version. \(instead)") }
        throw node.error(
            unknownKey(
                text, known: ["event_count", "value_count", "value_sum", "temporal", "temporal_ordered"],
                what: "correlation type"))
    }

    private static func condition(
        _ node: YAMLNode, _ kind: CorrelationRule.Kind
    ) throws(DocumentError) -> ([CorrelationRule.Bound], String?) {
        let isTemporal = kind == .temporal || kind == .temporalOrdered
        let needsField = kind == .valueCount || kind == .valueSum
        let example = needsField ? "condition: { field: name, gte: 5 }" : "condition: { gte: 5 }"
        guard let condition = node["condition"] else {
            if isTemporal { return ([], nil) }
            throw node.error("the key 'condition' is missing. Write \(example).")
        }
        if case .scalar = condition.content {
            throw condition.error(
                isTemporal
                    ? "a condition over rule names is not supported by this version. List the rules under 'rules'."
                    : "is a mapping. Write \(example).")
        }
        let operators = CorrelationRule.Bound.Operator.allCases.map(\.rawValue)
        try condition.refuseKeys(except: operators + ["field"])
        var bounds: [CorrelationRule.Bound] = []
        for entry in try condition.entries() {
            guard let comparison = CorrelationRule.Bound.Operator(rawValue: entry.key) else { continue }
            bounds.append(.init(comparison: comparison, limit: try entry.value.number()))
        }
        guard !bounds.isEmpty else {
            throw condition.error("has no limit. Write one of \(operators.joined(separator: ", ")).")
        }
        let field = condition["field"]
        if needsField {
            guard let field else { throw condition.error("\(kind.rawValue) needs 'field'. Write \(example).") }
            if case .sequence = field.content {
                throw field.error("a list of fields is not supported by this version. Write a rule for each field.")
            }
            return (bounds, try field.text())
        }
        if let field { throw field.error("\(kind.rawValue) takes no 'field'.") }
        return (bounds, nil)
    }

    /// Refuses limits that no value can keep: such a rule would never fire and nobody would know.
    private static func check(
        _ bounds: [CorrelationRule.Bound], _ kind: CorrelationRule.Kind, rules: Int, _ node: YAMLNode
    ) throws(DocumentError) {
        guard !bounds.isEmpty else { return }
        let isTemporal = kind == .temporal || kind == .temporalOrdered
        // Counts are whole and at least one when anything happened; a sum is any number. Between two limits nothing changes.
        let limits = bounds.map(\.limit)
        let around = limits + limits.flatMap { [$0.rounded(.down), $0.rounded(.up)] }.flatMap { [$0 - 1, $0, $0 + 1] }
        var candidates = around + limits.flatMap { low in limits.map { (low + $0) / 2 } }
        if kind != .valueSum { candidates = (candidates + [1]).filter { $0 >= 1 && $0 == $0.rounded() } }
        if isTemporal { candidates = candidates.filter { $0 <= Double(rules) } }
        guard candidates.contains(where: { value in bounds.allSatisfy { $0.holds(value) } }) else {
            throw node.error(
                isTemporal
                    ? "no number of different rules from 1 to \(rules) keeps these limits, so the rule could never fire."
                    : "no value keeps these limits, so the rule could never fire.")
        }
    }
}
