// SPDX-License-Identifier: Apache-2.0

package import AuditEvent
import Calendar
import Detection
import Foundation
package import Sigma
import YAMLDocument

/// Tells of one event what a rule makes of it. For one thread.
package final class EventExplainer {
    /// A rule prepared to be explained.
    private struct Prepared {
        let metadata: RuleMetadata
        let kind: String
        var explainer: RuleExplainer?
        var logsource: DetectionRule.LogSource?
        var references:
            [(rule: Prepared, group: [(field: String, slot: SlotID)]?, values: [(field: String, slot: SlotID)])] = []
        var correlation: CorrelationRule?
    }

    /// What the decoder derives from the event and the directory, told with every explanation where it has a value.
    private static let derived =
        ["identity"] + IdentityDirectory.attributes.map { "identity.\($0)" } + ["identity.ended"]

    private let files: DetectorFiles
    private let mapping: Mapping
    private let rule: Prepared
    private let derivedSlots: [(field: String, slot: SlotID)]
    private let decoder: EventDecoder
    private let transcoder: LineTranscoder?

    /// - Throws: `DocumentError` where the rule cannot be compiled for the mapping.
    package init(
        _ rule: RuleMetadata, of files: DetectorFiles, mapping: Mapping, directory: IdentityDirectory? = nil
    ) throws {
        self.files = files
        self.mapping = mapping
        var plan = FieldPlan(mapping: mapping, directory: directory)
        guard let reference = files.rules.reference(rule) else {
            throw rule.document.error("the rule is not in the set.")
        }
        self.rule = try Self.prepare(reference, files.rules, &plan)
        derivedSlots = Self.derived.map { ($0, plan.slot($0)) }
        guard let decoder = plan.makeDecoder() else { throw rule.document.error("there is no memory for the decoder.") }
        self.decoder = decoder
        // A line that has no year is of this one, or of the last if it would not be over yet.
        transcoder = try mapping.lines.map {
            try LineTranscoder($0, notAfter: Int64(Date().timeIntervalSince1970 * 1000))
        }
    }

    /// Explains one event.
    ///
    /// - Throws: `EventError` when the event cannot be read.
    package func explain(
        _ event: UnsafeRawBufferPointer
    ) throws(EventError) -> (explanation: EventExplanation, derived: [EventExplanation.FieldValue]) {
        let event = transcoder?.event(of: event).json ?? event
        let view = try decoder.decode(event, fallbackUID: .missing, fallbackTime: 0)
        var derived = [EventExplanation.FieldValue(field: "time", value: Timestamp.iso8601(view.time))]
        for (field, slot) in derivedSlots {
            if let value = view.firstValue(view[slot]).text { derived.append(.init(field: field, value: value)) }
        }
        return (explain(rule, view), derived)
    }

    private static func prepare(
        _ reference: CorrelationRule.Reference, _ rules: RuleSet, _ plan: inout FieldPlan
    ) throws -> Prepared {
        switch reference {
        case .detection(let index):
            let rule = rules.detections[index]
            return Prepared(
                metadata: rule.metadata, kind: "detection",
                explainer: try RuleExplainer(rule, lists: rules.lists, plan: &plan), logsource: rule.logsource)
        case .correlation(let index):
            let rule = rules.correlations[index]
            var prepared = Prepared(metadata: rule.metadata, kind: rule.kind.rawValue, correlation: rule)
            for (child, fields) in zip(rule.references, rule.groupFields) {
                let group = fields.map { names in
                    zip(rule.groupBy, names).map { (field: $0 == $1 ? $0 : "\($0) = \($1)", slot: plan.slot($1)) }
                }
                let values = rule.fields.map { (field: $0, slot: plan.slot($0)) }
                prepared.references.append((try prepare(child, rules, &plan), group, values))
            }
            return prepared
        }
    }

    private func explain(_ rule: Prepared, _ view: EventView) -> EventExplanation {
        if let correlation = rule.correlation { return explain(rule, correlation, view) }
        let condition = rule.explainer?.explain(view)
        let extensions = rule.metadata.extensions
        var notes: [String] = []
        var isSilenced = false
        if let outside = extensions.outside {
            isSilenced = files.calendars[rule.metadata.key]?.contains(view.time) ?? false
            notes.append(
                "\(outside.file): \(Timestamp.iso8601(view.time)) is \(isSilenced ? "inside a window, so the rule stays silent" : "outside every window")"
            )
        }
        if let firstSeen = extensions.firstSeen {
            notes.append(
                "first_seen: fires only when \(firstSeen.field) is new for its \(firstSeen.groupBy.joined(separator: ", ")) within \(firstSeen.history), after \(firstSeen.learning) of learning"
            )
        }
        if let suppress = extensions.suppress {
            notes.append("suppress: one alert until nothing has fired for \(suppress.episode)")
        }
        if rule.metadata.level == .informational {
            notes.append("a building block (level: informational): raises no alert of its own")
        }
        let applies = rule.logsource?.applies(to: mapping) ?? true
        return EventExplanation(
            metadata: rule.metadata, kind: rule.kind, matches: applies && !isSilenced && condition?.matches == true,
            logsource: rule.logsource.map(Self.text), applies: applies, condition: condition, references: [],
            notes: notes)
    }

    private func explain(_ rule: Prepared, _ correlation: CorrelationRule, _ view: EventView) -> EventExplanation {
        var references: [EventExplanation.Reference] = []
        for (child, fields, values) in rule.references {
            let explanation = explain(child, view)
            let group = fields?.map { entry in
                EventExplanation.FieldValue(field: entry.field, value: view.firstValue(view[entry.slot]).text)
            }
            // Of a correlation's firing the group is known, whatever this event has.
            let isComplete = group?.allSatisfy { child.correlation != nil || $0.value != nil } ?? false
            let adds = explanation.matches && isComplete ? adds(correlation, child, values, view) : nil
            references.append(.init(explanation: explanation, group: group, adds: adds))
        }
        var needs = "within \(correlation.timespan): \(AlertText.limit(correlation))"
        if !correlation.fields.isEmpty { needs += " of \(correlation.fields.joined(separator: ", "))" }
        if !correlation.groupBy.isEmpty { needs += ", for one \(correlation.groupBy.joined(separator: ", "))" }
        var notes = ["needs \(needs); the events before this one decide"]
        if let outside = rule.metadata.extensions.outside,
            files.calendars[rule.metadata.key]?.contains(view.time) == true
        {
            notes.append("\(outside.file): the time is inside a window, so the rule stays silent")
        }
        return EventExplanation(
            metadata: rule.metadata, kind: rule.kind, matches: references.contains { $0.adds != nil }, logsource: nil,
            applies: true, condition: nil, references: references, notes: notes)
    }

    /// What an event that a rule matches adds to the window.
    private func adds(
        _ correlation: CorrelationRule, _ child: Prepared, _ values: [(field: String, slot: SlotID)], _ view: EventView
    ) -> String? {
        guard child.correlation == nil else { return "counts when \(child.metadata.label) fires" }
        guard !values.isEmpty else { return correlation.references.count > 1 ? "'\(child.metadata.title)'" : "1 event" }
        var parts: [String] = []
        for value in values {
            // A value that is missing, or no number where one is summed, is not counted.
            let slot = view.firstValue(view[value.slot])
            let text = correlation.kind == .valueCount ? slot.text : slot.number.map { AlertText.format($0) }
            guard let text else { return nil }
            parts.append("\(value.field) \(text)")
        }
        return parts.joined(separator: ", ")
    }

    private static func text(_ source: DetectionRule.LogSource) -> String {
        let parts = [("category", source.category), ("product", source.product), ("service", source.service)]
        return parts.compactMap { key, value in value.map { "\(key): \($0)" } }.joined(separator: ", ")
    }
}
