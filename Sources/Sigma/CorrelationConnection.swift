// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

extension DraftCorrelation {
    /// The rule, checked against those that it refers to.
    ///
    /// - Parameters:
    ///   - places: per reference, where the rule stands in the set.
    ///   - rules: per reference, what the rule is.
    ///   - correlations: those of the set so far.
    func connected(
        _ places: [CorrelationRule.Reference], _ rules: [RuleMetadata], _ correlations: [CorrelationRule]
    ) throws(DocumentError) -> CorrelationRule {
        for alias in aliases {
            for entry in alias.entries where !rules.contains(where: { $0.id == entry.rule || $0.name == entry.rule }) {
                throw entry.node.error("the alias '\(alias.name)' names '\(entry.rule)', which is not under 'rules'.")
            }
            guard groupBy.contains(alias.name) else {
                throw alias.node.error("the alias '\(alias.name)' is not used in group-by.")
            }
        }
        var groupFields: [[String]?] = []
        for (index, place) in places.enumerated() {
            let fields = fields(of: rules[index])
            if case .correlation(let child) = place, let fields {
                let offered = correlations[child].groupBy
                for field in fields + limits.fields where !offered.contains(field) {
                    let by = offered.isEmpty ? "has no group-by" : "groups by \(offered.joined(separator: ", "))"
                    throw references[index].node.error(
                        "the correlation '\(rules[index].label)' \(by), so it has no '\(field)'. Add it to its group-by."
                    )
                }
            }
            if fields == nil, limits.bounds.isEmpty {
                throw references[index].node.error(
                    "'\(references[index].name)' has no entry under an alias, so all of the rules could never come together. Add it."
                )
            }
            groupFields.append(fields)
        }
        return CorrelationRule(
            metadata: metadata, kind: kind, references: places, groupBy: groupBy, timespan: timespan,
            bounds: limits.bounds, fields: limits.fields, percentile: limits.percentile,
            expression: try expression(rules), groupFields: groupFields, generate: generate)
    }

    /// The condition over rules: each name in it is one of `rules`, and each of these is in it.
    private func expression(_ rules: [RuleMetadata]) throws(DocumentError) -> RuleExpression? {
        guard let condition = limits.condition else { return nil }
        var places: [String: Int] = [:]
        for name in condition.names {
            guard let index = rules.firstIndex(where: { $0.id == name || $0.name == name }) else {
                throw limits.node.error(
                    "names '\(name)', which is not under 'rules'. Add it there, or leave 'rules' out.")
            }
            places[name] = index
        }
        let missing = references.indices.first { !places.values.contains($0) }
        if let missing {
            throw references[missing].node.error("'\(references[missing].name)' is not in the condition. Add it there.")
        }
        return try condition.expression(places, text: try limits.node.text(), limits.node)
    }

    /// The field of a rule that stands for each `group-by` entry; nil where an alias leaves the rule out.
    private func fields(of rule: RuleMetadata) -> [String]? {
        var fields: [String] = []
        for name in groupBy {
            guard let alias = aliases.first(where: { $0.name == name }) else {
                fields.append(name)
                continue
            }
            guard let entry = alias.entries.first(where: { $0.rule == rule.id || $0.rule == rule.name }) else {
                return nil
            }
            fields.append(entry.field)
        }
        return fields
    }
}
