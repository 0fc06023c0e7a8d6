// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar
import Detection
import Sigma
import YAMLDocument

/// What came nearest where a test wanted more alerts than there were.
enum NearMiss {
    /// For a correlation: the highest value that was reached, and the limit. The rule is run once more with its limit lowered to
    /// what any event reaches, so the engine itself counts.
    ///
    /// - Parameters:
    ///   - rules: the rule and what it refers to.
    ///   - run: the test's events through a plan, firing at every event.
    static func highest(
        _ rule: CorrelationRule, in rules: RuleSet, _ run: (RuleSet) throws -> [Alert]
    ) rethrows -> String? {
        guard let lowered = lowered(rule) else { return nil }
        let alerts = try run(rules.replacing(rule.metadata, with: lowered)).filter { $0.ruleID == rule.metadata.key }
        let name = rule.fields.isEmpty ? "" : " of \(rule.fields.joined(separator: ", "))"
        let limit = AlertText.limit(rule)
        guard let best = alerts.max(by: { ($0.value ?? 0) < ($1.value ?? 0) }), let value = best.value else {
            return "nearest: no event counts for it (limit: \(limit)\(name))"
        }
        let group = best.group.map { "\($0.field) \($0.value)" }.joined(separator: ", ")
        return
            "nearest: \(AlertText.format(value))\(name)\(group.isEmpty ? "" : " for \(group)") at \(Timestamp.iso8601(best.time)) (limit: \(limit))"
    }

    /// The rule with a limit that the first event reaches, and nothing else that narrows it.
    private static func lowered(_ rule: CorrelationRule) -> YAMLNode? {
        let isReached = rule.bounds.allSatisfy { $0.comparison == .gte || $0.comparison == .gt }
        guard isReached, rule.expression == nil, rule.kind != .temporalOrdered || !rule.bounds.isEmpty else {
            return nil
        }
        let document = rule.metadata.document
        guard case .mapping(let entries) = document.content else { return nil }
        let lowest = rule.kind.hasField && rule.kind != .valueCount ? "-1000000000000" : "1"
        return document.with(
            entries.compactMap { entry in
                if entry.key == "gatewatch" { return nil }
                guard entry.key == "correlation", case .mapping(let parts) = entry.value.content else { return entry }
                var condition: [YAMLNode.Entry] = []
                for key in ["field", "percentile"] {
                    guard let value = entry.value["condition"]?[key] else { continue }
                    condition.append(.init(key: key, value: value))
                }
                condition.append(
                    .init(
                        key: "gte",
                        value: entry.value.with(content: .scalar(YAMLScalar(text: lowest, isPlain: true)))))
                let rest = parts.filter { $0.key != "condition" }
                return .init(
                    key: entry.key,
                    value: entry.value.with(
                        rest + [.init(key: "condition", value: entry.value.with(condition))]))
            })
    }

    /// For a detection: the event that the fewest items keep from matching, and those items.
    static func nearest(
        _ rule: DetectionRule, in rules: RuleSet, mapping: Mapping, _ events: [[UInt8]]
    ) throws -> String? {
        var plan = FieldPlan(mapping: mapping)
        let explainer = try RuleExplainer(rule, lists: rules.lists, plan: &plan)
        guard let decoder = plan.makeDecoder() else { return nil }
        var best: (number: Int, blocking: [RuleExplanation.Part])?
        for (index, event) in events.enumerated() {
            let explanation = event.withUnsafeBytes { bytes in
                (try? decoder.decode(bytes, fallbackUID: .missing, fallbackTime: 0)).map { explainer.explain($0) }
            }
            guard let explanation, !explanation.matches else { continue }
            if explanation.blocking.count < best?.blocking.count ?? .max {
                best = (index + 1, explanation.blocking)
            }
        }
        guard let best, !best.blocking.isEmpty else { return nil }
        let reasons = best.blocking.prefix(5).map { part in
            part.reason.map { "✗ \(part.text) (\($0))" } ?? "✓ \(part.text) (must not hold)"
        }
        return "nearest: event \(best.number): \(reasons.joined(separator: "; "))"
    }
}

extension RuleSet {
    /// The same rules, one of them by another document.
    func replacing(_ rule: RuleMetadata, with document: YAMLNode) -> RuleSet {
        let documents = metadata.map { $0.key == rule.key ? document : $0.document }
        return RuleSet(documents: documents + filters.map(\.metadata.document), lists: lists)
    }
}

extension YAMLNode {
    func with(content: Content) -> YAMLNode {
        YAMLNode(file: file, line: line, column: column, path: path, content: content)
    }

    func with(_ entries: [Entry]) -> YAMLNode { with(content: .mapping(entries)) }
}
