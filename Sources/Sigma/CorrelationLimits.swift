// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// The `condition` of a correlation: limits for a number, or a condition over rules.
struct CorrelationLimits {
    /// The highest limit of `value_count`: a window keeps one event of each value that can decide.
    static let maximumDistinct = 1 << 18
    /// The most fields of a tuple that `value_count` counts.
    static let maximumFields = 8

    private(set) var bounds: [CorrelationRule.Bound] = []
    private(set) var fields: [String] = []
    private(set) var percentile: Double?
    private(set) var condition: RuleCondition?
    /// Where it stands; the correlation itself when there is none.
    let node: YAMLNode

    init(_ correlation: YAMLNode, _ kind: CorrelationRule.Kind, isExtended: Bool) throws(DocumentError) {
        let example = Self.example(kind)
        guard let condition = correlation["condition"] else {
            node = correlation
            if isExtended { throw node.error("the key 'condition' is missing. Write condition: a and b and not c.") }
            if kind.isTemporal { return }
            throw node.error("the key 'condition' is missing. Write \(example).")
        }
        node = condition
        if case .scalar = condition.content {
            guard kind.isTemporal else { throw condition.error("is a mapping. Write \(example).") }
            self.condition = try RuleConditionParser.condition(condition)
            return
        }
        if isExtended {
            throw condition.error("is a text over the names of rules. Write condition: a and b and not c.")
        }
        let operators = CorrelationRule.Bound.Operator.allCases.map(\.rawValue)
        try condition.refuseKeys(except: operators + ["field"] + (kind == .valuePercentile ? ["percentile"] : []))
        for entry in try condition.entries() {
            guard let comparison = CorrelationRule.Bound.Operator(rawValue: entry.key) else { continue }
            let limit = try entry.value.number()
            if kind == .valueCount, limit > Double(Self.maximumDistinct) {
                throw entry.value.error(
                    "at most 262,144 different values are counted in one window. Write a lower limit, or event_count.")
            }
            bounds.append(.init(comparison: comparison, limit: limit))
        }
        guard !bounds.isEmpty else {
            throw condition.error("has no limit. Write one of \(operators.joined(separator: ", ")).")
        }
        fields = try Self.fields(condition, kind, example)
        if kind == .valueMedian { percentile = 50 }
        if kind == .valuePercentile {
            guard let node = condition["percentile"] else {
                throw condition.error("value_percentile needs 'percentile', 0 to 100. Write \(example).")
            }
            let value = try node.number()
            guard (0...100).contains(value) else { throw node.error("a percentile is 0 to 100.") }
            percentile = value
        }
    }

    private static func example(_ kind: CorrelationRule.Kind) -> String {
        switch kind {
        case .eventCount, .temporal, .temporalOrdered: "condition: { gte: 5 }"
        case .valuePercentile: "condition: { field: name, percentile: 95, gte: 5 }"
        default: "condition: { field: name, gte: 5 }"
        }
    }

    private static func fields(
        _ condition: YAMLNode, _ kind: CorrelationRule.Kind, _ example: String
    ) throws(DocumentError) -> [String] {
        let field = condition["field"]
        guard kind.hasField else {
            if let field { throw field.error("\(kind.rawValue) takes no 'field'.") }
            return []
        }
        guard let field else { throw condition.error("\(kind.rawValue) needs 'field'. Write \(example).") }
        if case .sequence(let items) = field.content {
            guard kind == .valueCount else {
                throw field.error("\(kind.rawValue) takes one field; only value_count takes a list.")
            }
            guard (1...maximumFields).contains(items.count) else {
                throw field.error("names \(items.count) fields; 1 to \(maximumFields) work.")
            }
            let names = try field.texts()
            guard Set(names).count == names.count else { throw field.error("names a field twice.") }
            return names
        }
        return [try field.text()]
    }

    /// Refuses limits that no value can keep: such a rule would never fire and nobody would know.
    func check(_ kind: CorrelationRule.Kind, rules: Int, _ node: YAMLNode) throws(DocumentError) {
        guard !bounds.isEmpty else { return }
        // Counts are whole and at least one when anything happened; what is made of values is any number. Between two limits
        // nothing changes.
        let limits = bounds.map(\.limit)
        let around = limits + limits.flatMap { [$0.rounded(.down), $0.rounded(.up)] }.flatMap { [$0 - 1, $0, $0 + 1] }
        var candidates = around + limits.flatMap { low in limits.map { (low + $0) / 2 } }
        if kind.isTemporal || kind == .eventCount || kind == .valueCount {
            candidates = (candidates + [1]).filter { $0 >= 1 && $0 == $0.rounded() }
        }
        if kind.isTemporal { candidates = candidates.filter { $0 <= Double(rules) } }
        guard candidates.contains(where: { value in bounds.allSatisfy { $0.holds(value) } }) else {
            throw node.error(
                kind.isTemporal
                    ? "no number of different rules from 1 to \(rules) keeps these limits, so the rule could never fire."
                    : "no value keeps these limits, so the rule could never fire.")
        }
    }
}
