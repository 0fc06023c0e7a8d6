// SPDX-License-Identifier: Apache-2.0

package import AuditEvent
import YAMLDocument

/// Explains a detection rule's answers. Every part of its condition is compiled as a rule of its own, so the matcher that runs
/// live is what answers; nothing is evaluated a second way. For one thread, and not for the hot path.
package final class RuleExplainer {
    /// A part before it is asked; `number` is its rule in the matcher.
    private struct Draft {
        let kind: RuleExplanation.Kind
        let text: String
        let line: Int
        let number: Int
        var question: ItemQuestion?
        var slot: SlotID?
        var parts: [Draft] = []
    }

    private let matcher: RuleMatcher
    private let root: Draft
    private let condition: String

    /// Compiles the parts of a rule; the fields they ask are added to the plan.
    ///
    /// - Parameter lists: the placeholder lists that the rule was read with.
    /// - Throws: `DocumentError` where a value cannot be read by itself; every rule of a `RuleSet` can.
    package init(_ rule: DetectionRule, lists: PlaceholderLists, plan: inout FieldPlan) throws {
        var build = Build(rule: rule, lists: lists, plan: plan)
        condition = try rule.body.conditions.map { condition throws(DocumentError) in try condition.node.text() }
            .joined(separator: " | ")
        root = try build.root()
        plan = build.plan
        matcher = try RuleMatcher(build.rules, plan: &plan)
    }

    /// The rule's answer for an event of the plan's decoder, with its reasons.
    package func explain(_ view: EventView) -> RuleExplanation {
        var held: Set<Int> = []
        matcher.match(view) { held.insert($0) }
        return RuleExplanation(matches: held.contains(0), condition: condition, root: part(root, held, view))
    }

    private func part(_ draft: Draft, _ held: Set<Int>, _ view: EventView) -> RuleExplanation.Part {
        let holds = held.contains(draft.number)
        let parts = draft.parts.map { part($0, held, view) }
        let seen = draft.slot.map { Self.seen($0, view) } ?? []
        return RuleExplanation.Part(
            kind: draft.kind, text: draft.text, line: draft.line, holds: holds, field: draft.question?.field,
            seen: seen,
            reason: holds ? nil : draft.question?.reason(seen: seen, failing: parts.filter { !$0.holds }.map(\.text)),
            parts: parts)
    }

    /// The values of a field as JSON writes them.
    private static func seen(_ slot: SlotID, _ view: EventView) -> [String] {
        let value = view[slot]
        switch value.kind {
        case .missing: return []
        case .container: return ["{…}"]
        default: break
        }
        var texts: [String] = []
        _ = view.anyValue(value) { item in
            texts.append(item.json)
            return texts.count == RuleExplanation.maximumSeen
        }
        return texts
    }

    /// Makes the drafts and the rules that answer them.
    private struct Build {
        let rule: DetectionRule
        let lists: PlaceholderLists
        var plan: FieldPlan
        var rules: [DetectionRule] = []

        mutating func root() throws(DocumentErrors) -> Draft {
            // The rule as it runs live answers for the whole.
            let whole = number(rule.expression)
            let body = try draft(rule.body)
            guard !rule.filters.isEmpty else { return body }
            var parts = [body]
            for filter in rule.filters {
                let inner = try draft(filter.body)
                parts.append(
                    Draft(
                        kind: .filter, text: filter.metadata.label, line: filter.metadata.document.line,
                        number: inner.number, parts: [inner]))
            }
            return Draft(kind: .and, text: "and", line: body.line, number: whole, parts: parts)
        }

        private mutating func number(_ expression: Expression) -> Int {
            rules.append(
                DetectionRule(
                    metadata: rule.metadata, logsource: rule.logsource,
                    body: DetectionBody(searches: [], conditions: [], expression: expression)))
            return rules.count - 1
        }

        private mutating func draft(_ body: DetectionBody) throws(DocumentErrors) -> Draft {
            var selections: [String: Draft] = [:]
            for search in body.searches {
                let number = number(search.expression)
                selections[search.name] = Draft(
                    kind: .selection, text: search.name, line: search.node.line, number: number,
                    parts: try contents(search.tree))
            }
            let expressions = Dictionary(body.searches.map { ($0.name, $0.expression) }) { first, _ in first }
            let parts = body.conditions.map { draft($0.tree, $0.node, selections, expressions) }
            if parts.count == 1 { return parts[0] }
            return Draft(
                kind: .or, text: "or", line: parts.first?.line ?? rule.metadata.document.line,
                number: number(body.expression), parts: parts)
        }

        /// A part of a condition.
        private mutating func draft(
            _ tree: ConditionTree, _ node: YAMLNode, _ selections: [String: Draft], _ expressions: [String: Expression]
        ) -> Draft {
            let number = number(tree.expression(expressions))
            func make(_ kind: RuleExplanation.Kind, _ text: String, _ parts: [Draft]) -> Draft {
                Draft(kind: kind, text: text, line: node.line, number: number, parts: parts)
            }
            func named(_ names: [String]) -> [Draft] { names.compactMap { selections[$0] } }
            switch tree {
            case .search(let name): return selections[name] ?? make(.or, name, [])
            case .every(let pattern, let names): return make(.and, pattern, named(names))
            case .atLeast(let count, let pattern, let names):
                return make(count == 1 ? .or : .atLeast, pattern, named(names))
            case .and(let parts):
                return make(.and, "and", parts.map { draft($0, node, selections, expressions) })
            case .or(let parts): return make(.or, "or", parts.map { draft($0, node, selections, expressions) })
            case .not(let part): return make(.not, "not", [draft(part, node, selections, expressions)])
            }
        }

        /// What a selection holds.
        private mutating func contents(_ tree: SearchTree) throws(DocumentErrors) -> [Draft] {
            switch tree {
            case .item(let item): return [try self.item(item)]
            case .all(let parts), .any(let parts):
                var drafts: [Draft] = []
                for part in parts {
                    if case .item(let item) = part {
                        drafts.append(try self.item(item))
                    } else {
                        let number = number(part.expression)
                        drafts.append(
                            Draft(
                                kind: .map, text: "one of the list", line: part.items.first?.node.line ?? 0,
                                number: number, parts: try contents(part)))
                    }
                }
                return drafts
            }
        }

        private mutating func item(_ item: DetectionItem) throws(DocumentErrors) -> Draft {
            let value = item.node.asWritten
            var draft = Draft(
                kind: .item, text: item.key.isEmpty ? value : "\(item.key): \(value)", line: item.node.line,
                number: number(item.expression), question: ItemQuestion(item))
            draft.slot = item.field.map { plan.slot($0) }
            guard item.values.count > 1 else { return draft }
            for value in item.values.prefix(RuleExplanation.maximumSeen) {
                draft.parts.append(
                    Draft(
                        kind: .value, text: value.asWritten, line: value.line,
                        number: number(try alone(value, item.key))))
            }
            return draft
        }

        /// What an item would ask with one of its values.
        private func alone(_ value: YAMLNode, _ key: String) throws(DocumentErrors) -> Expression {
            func map(_ key: String, _ value: YAMLNode) -> YAMLNode {
                YAMLNode(
                    file: value.file, line: value.line, column: value.column, path: value.path,
                    content: .mapping([YAMLNode.Entry(key: key, value: value)]))
            }
            var reader = SearchReader(lists: lists)
            var faults = Faults(value)
            let searches = reader.searches(map("value", map(key, value)), except: [], &faults)
            try faults.finish()
            return .all(searches.map(\.expression))
        }
    }
}

extension Slot {
    /// A scalar as JSON writes it, for messages.
    fileprivate var json: String {
        switch kind {
        case .null: "null"
        case .string: "\"\(text ?? "")\""
        default: text ?? "{…}"
        }
    }
}
