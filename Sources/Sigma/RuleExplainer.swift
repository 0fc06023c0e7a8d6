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
    /// - Throws: `DocumentError` where the rule cannot be read; a rule of a `RuleSet` can.
    package init(_ rule: DetectionRule, lists: PlaceholderLists, plan: inout FieldPlan) throws {
        var build = Build(rule: rule, reader: SearchReader(lists: lists), plan: plan)
        let block = try rule.metadata.document.required("detection")
        let conditions = try block.required("condition").items()
        condition = try conditions.map { condition throws(DocumentError) in try condition.text() }.joined(
            separator: " | ")
        root = try build.root(block, conditions)
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
        let reader: SearchReader
        var plan: FieldPlan
        var rules: [DetectionRule] = []

        mutating func root(_ block: YAMLNode, _ conditions: [YAMLNode]) throws(DocumentError) -> Draft {
            // The rule as it runs live answers for the whole.
            _ = number(rule.expression)
            var selections: [String: Draft] = [:]
            var expressions: [String: Expression] = [:]
            // The condition is parsed over names in place of what they hold: the tree then says which name stands where.
            var names: [(name: String, expression: Expression)] = []
            for entry in try block.entries() where entry.key != "condition" {
                let expression = try reader.expression(entry.value)
                expressions[entry.key] = expression
                names.append((entry.key, .predicate(Predicate(field: entry.key, test: .exists(true)))))
                selections[entry.key] = Draft(
                    kind: .selection, text: entry.key, line: entry.value.line, number: number(expression),
                    parts: try contents(entry.value))
            }
            var parts: [Draft] = []
            for node in conditions {
                var parser = try ConditionParser(node, searches: names)
                parts.append(try draft(try parser.parse(), node, selections, expressions))
            }
            if parts.count == 1 { return parts[0] }
            return Draft(kind: .or, text: "or", line: conditions.first?.line ?? block.line, number: 0, parts: parts)
        }

        private mutating func number(_ expression: Expression) -> Int {
            rules.append(
                DetectionRule(metadata: rule.metadata, logsource: rule.logsource, expression: expression))
            return rules.count - 1
        }

        /// A part of the condition over names.
        private mutating func draft(
            _ named: Expression, _ node: YAMLNode, _ selections: [String: Draft], _ expressions: [String: Expression]
        ) throws(DocumentError) -> Draft {
            let number = number(Self.filled(named, expressions))
            func make(_ kind: RuleExplanation.Kind, _ parts: [Draft]) -> Draft {
                Draft(kind: kind, text: kind.rawValue, line: node.line, number: number, parts: parts)
            }
            switch named {
            case .predicate(let predicate):
                guard let selection = predicate.field.flatMap({ selections[$0.text] }) else {
                    throw node.error("names a selection that is not there.")
                }
                return selection
            case .and(let parts):
                return make(
                    .and, try parts.map { part throws(DocumentError) in try draft(part, node, selections, expressions) }
                )
            case .or(let parts):
                return make(
                    .or, try parts.map { part throws(DocumentError) in try draft(part, node, selections, expressions) })
            case .not(let part): return make(.not, [try draft(part, node, selections, expressions)])
            }
        }

        /// The names replaced by what they hold.
        private static func filled(_ named: Expression, _ expressions: [String: Expression]) -> Expression {
            switch named {
            case .predicate(let predicate): predicate.field.flatMap { expressions[$0.text] } ?? named
            case .and(let parts): .and(parts.map { filled($0, expressions) })
            case .or(let parts): .or(parts.map { filled($0, expressions) })
            case .not(let part): .not(filled(part, expressions))
            }
        }

        /// What a selection holds.
        private mutating func contents(_ node: YAMLNode) throws(DocumentError) -> [Draft] {
            switch node.content {
            case .scalar: return [try keyword(node)]
            case .mapping(let entries): return try entries.map { entry throws(DocumentError) in try item(entry, node) }
            case .sequence(let items):
                var drafts: [Draft] = []
                for item in items {
                    switch item.content {
                    case .scalar: drafts.append(try keyword(item))
                    case .mapping, .sequence:
                        drafts.append(
                            Draft(
                                kind: .map, text: "one of the list", line: item.line,
                                number: number(try reader.expression(item)), parts: try contents(item)))
                    }
                }
                return drafts
            }
        }

        private mutating func keyword(_ node: YAMLNode) throws(DocumentError) -> Draft {
            Draft(
                kind: .item, text: node.asWritten, line: node.line, number: number(try reader.expression(node)),
                question: ItemQuestion(key: "", value: node.asWritten))
        }

        private mutating func item(_ entry: YAMLNode.Entry, _ map: YAMLNode) throws(DocumentError) -> Draft {
            func alone(_ value: YAMLNode) throws(DocumentError) -> Expression {
                try reader.expression(
                    YAMLNode(
                        file: map.file, line: value.line, column: value.column, path: map.path,
                        content: .mapping([YAMLNode.Entry(key: entry.key, value: value)])))
            }
            let question = ItemQuestion(key: entry.key, value: entry.value.asWritten)
            var draft = Draft(
                kind: .item, text: "\(entry.key): \(entry.value.asWritten)", line: entry.value.line,
                number: number(try alone(entry.value)), question: question)
            draft.slot = question.field.map { plan.slot($0) }
            if case .sequence(let values) = entry.value.content, values.count > 1 {
                for value in values.prefix(RuleExplanation.maximumSeen) {
                    draft.parts.append(
                        Draft(
                            kind: .value, text: value.asWritten, line: value.line, number: number(try alone(value))))
                }
            }
            return draft
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
