// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Sigma

/// Group keys of the event at hand, and alerts in words and numbers.
extension Engine {
    /// The key of the event at hand for these fields; nil when it belongs to no group.
    func key(_ fields: [SlotID], in space: KeySpace, _ view: EventView) -> Int32? {
        groupKey.clear()
        for field in fields where !groupKey.add(view.firstValue(view[field])) { return nil }
        return groupKey.withBytes { space.intern($0) }
    }

    func id(_ ruleID: String, _ key: UnsafeRawBufferPointer, _ anchor: EpisodeState.Anchor) -> String {
        alertID(["episode", ruleID] + GroupKey.values(key).map { String(decoding: $0, as: UTF8.self) } + [anchor.text])
    }

    func group(_ fields: [String], _ key: Int32, _ space: KeySpace) -> [Alert.GroupValue] {
        zip(fields, GroupKey.values(space.bytes(of: key))).map {
            Alert.GroupValue(field: $0, value: String(decoding: $1, as: UTF8.self))
        }
    }

    func context(_ view: EventView?) -> [Alert.GroupValue] {
        guard let view else { return [] }
        return zip(DetectorPlan.contextFields, plan.context).compactMap { name, slot in
            view.firstValue(view[slot]).text.map { Alert.GroupValue(field: name, value: $0) }
        }
    }

    /// What an alert adds to the risk, by what the event is worth.
    private func points(_ metadata: RuleMetadata, _ view: EventView?) -> Int? {
        guard let risk = metadata.extensions.risk else { return nil }
        var points = Double(risk.points)
        for weight in risk.weights {
            guard let view, let slot = plan.riskFields[weight.field], let value = view.firstValue(view[slot]).text
            else {
                continue
            }
            points *= weight.factors[value] ?? 1
        }
        return Int(min(points, Double(risk.daily)).rounded())
    }

    /// Gives an alert its place in the identity's risk and incident, and hands it out.
    func emit(_ alert: Alert) {
        alerts.append(options.notesRisk ? risks.noted(alert, plan.risks, isDismissed: options.isDismissed) : alert)
        origins.append(origin)
    }

    func response(_ metadata: RuleMetadata, _ view: EventView?) -> Alert.Response? {
        metadata.extensions.respond.map { respond in
            // Only for the rule that asks: another rule's wish must not show in this one's alerts.
            let slot = respond.subject == .session ? plan.session : nil
            return Alert.Response(respond, session: slot.flatMap { view?[$0].text })
        }
    }

    func alert(
        _ metadata: RuleMetadata, _ view: EventView, _ event: EventID, anchor: EpisodeState.Anchor?, key: Int32?,
        in space: KeySpace?
    ) -> Alert {
        var group: [Alert.GroupValue] = []
        if let key, let space { group = self.group(space.fields, key, space) }
        let uid = view.uid.text ?? ""
        let context = context(view)
        let identity = view[plan.identity].text
        let id =
            if let anchor, let key, let space {
                self.id(metadata.key, space.bytes(of: key), anchor)
            } else {
                alertID(["event", metadata.key, uid])
            }
        let who = group.isEmpty ? identity.map { [Alert.GroupValue(field: "identity", value: $0)] } ?? [] : group
        return Alert(
            id: id, ruleID: metadata.key, ruleName: metadata.label, title: metadata.title,
            level: (metadata.level ?? .medium).rawValue, status: (metadata.status ?? .stable).rawValue,
            tags: metadata.tags,
            falsePositives: metadata.falsePositives, riskPoints: points(metadata, view), identity: identity,
            time: view.time, firstTime: view.time, group: group, relatedEvents: [uid], value: nil, limit: nil,
            message: AlertText.message(metadata, group: who, context: context), context: context,
            response: response(metadata, view))
    }

    func alert(
        _ correlation: CorrelationPlan, _ key: Int32, _ firing: Firing, _ view: EventView?, anchor: EpisodeState.Anchor?
    ) -> Alert {
        let metadata = correlation.rule.metadata
        let bytes = correlation.keySpace.bytes(of: key)
        let group = group(correlation.rule.groupBy, key, correlation.keySpace)
        // The event at hand is the one that fired, unless an earlier one made this one late.
        let isFiring = view.map { $0.time == firing.time && EventID($0.uid) == firing.id } ?? false
        let context = isFiring ? context(view) : []
        let values = group.map(\.value)
        let baseline = correlation.baseline?.judge(key: key, value: firing.value, at: firing.time).words
        let id =
            anchor.map { self.id(metadata.key, bytes, $0) }
            ?? alertID(["event", metadata.key] + values + [texts.text(firing.id), String(firing.time)])
        return Alert(
            id: id, ruleID: metadata.key, ruleName: metadata.label, title: metadata.title,
            level: (metadata.level ?? .medium).rawValue, status: (metadata.status ?? .stable).rawValue,
            tags: metadata.tags,
            falsePositives: metadata.falsePositives, riskPoints: points(metadata, isFiring ? view : nil),
            identity: group.first { $0.field == "identity" }?.value ?? (isFiring ? view?[plan.identity].text : nil),
            time: firing.time, firstTime: firing.firstTime, group: group,
            relatedEvents: firing.related.map { texts.text($0) },
            value: firing.value, limit: AlertText.limit(correlation.rule),
            message: AlertText.message(
                correlation.rule, steps: correlation.steps, firing: firing, group: group, context: context,
                baseline: baseline),
            context: context, response: response(metadata, isFiring ? view : nil), baseline: baseline)
    }
}
