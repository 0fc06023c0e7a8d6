// SPDX-License-Identifier: Apache-2.0

package import AuditEvent
package import Calendar
package import Sigma
import YAMLDocument

/// A rule set compiled for the events of one mapping: what decodes an event and tells which rules it matches. Shared by the
/// engines of the partitions that one thread owns; for that thread only.
package final class DetectorPlan {
    /// What goes from a detection rule to a correlation.
    struct FeedFields {
        let correlation: Int
        let source: Int
        let keyFields: [SlotID]
        let valueFields: [SlotID]
        /// The fields that name the peer group; none without peers.
        let peerFields: [SlotID]
    }

    struct DetectionFields {
        var feeds: [FeedFields] = []
        var firstSeenGroup: [SlotID] = []
        var firstSeenValue: SlotID?
        var peerGroup: [SlotID] = []
        var ratioGroup: [SlotID] = []
        var episode: [SlotID] = []
        var raisesAlerts = false
    }

    /// Fields of the firing event that an alert shows, where the event has them.
    static let contextFields = [
        "api.operation", "api.service.name", "resources.type", "resources.name", "src_endpoint.ip",
        "http_response.length", "unmapped.items", "unmapped.approval_id",
    ]

    /// The rules in force: those whose `logsource` applies to the mapping.
    package let rules: RuleSet
    /// Rules left out because their `logsource` does not apply.
    package let notApplicable: Int
    /// Makes views of events; one event at a time.
    package let decoder: EventDecoder
    private let lines: TextLines?
    private let limits: EventDecoder.Limits
    package let matcher: RuleMatcher
    /// Who an event is about.
    package let identity: SlotID
    /// The fields that were asked for besides those of the rules.
    package let watched: [SlotID]
    /// Fields have places below this.
    let fieldCount: Int
    let context: [SlotID]
    /// The event's session, where a rule responds to it.
    let session: SlotID?
    /// Fields whose values weigh in the risk.
    let riskFields: [String: SlotID]
    /// By rule key.
    let risks: [String: RuleExtension.Risk]
    let detections: [DetectionFields]
    let calendars: [String: ICalendar]

    /// Compiles a rule set.
    ///
    /// - Parameters:
    ///   - calendars: per rule key, the calendar of its `gatewatch: outside`.
    ///   - fields: what `watched` gives besides what the rules ask.
    /// - Throws: `DocumentError` when a rule has no calendar, or memory is short.
    package init(
        rules all: RuleSet, mapping: Mapping, directory: IdentityDirectory? = nil, calendars: [String: ICalendar] = [:],
        limits: EventDecoder.Limits = .init(), watching fields: [String] = []
    ) throws {
        let rules = all.filtered { $0.logsource.applies(to: mapping) }
        self.rules = rules
        notApplicable = all.metadata.count - rules.metadata.count
        self.calendars = calendars
        lines = mapping.lines
        self.limits = limits
        for metadata in rules.metadata {
            if let outside = metadata.extensions.outside, calendars[metadata.key] == nil {
                throw outside.node.error("the calendar '\(outside.file)' was not given.")
            }
        }
        var plan = FieldPlan(mapping: mapping, directory: directory)
        identity = plan.slot("identity")
        matcher = try RuleMatcher(rules.detections, plan: &plan)
        var detections: [DetectionFields] = []
        for (index, rule) in rules.detections.enumerated() {
            var fields = DetectionFields()
            fields.raisesAlerts = rules.raisesAlerts(detection: index)
            if let firstSeen = rule.metadata.extensions.firstSeen {
                fields.firstSeenGroup = firstSeen.groupBy.map { plan.slot($0) }
                fields.firstSeenValue = plan.slot(firstSeen.field)
                fields.peerGroup = (firstSeen.peers?.groupBy ?? []).map { plan.slot($0) }
            }
            fields.ratioGroup = (rule.metadata.extensions.ratio?.groupBy ?? []).map { plan.slot($0) }
            fields.episode = (rule.metadata.extensions.suppress?.groupBy ?? []).map { plan.slot($0) }
            for (number, correlation) in rules.correlations.enumerated() {
                for (source, reference) in correlation.references.enumerated()
                where reference == .detection(index) {
                    guard let names = correlation.groupFields[source] else { continue }
                    fields.feeds.append(
                        FeedFields(
                            correlation: number, source: source, keyFields: names.map { plan.slot($0) },
                            valueFields: correlation.fields.map { plan.slot($0) },
                            peerFields: (correlation.metadata.extensions.baseline?.peers?.groupBy ?? []).map {
                                plan.slot($0)
                            }))
                }
            }
            detections.append(fields)
        }
        self.detections = detections
        context = Self.contextFields.map { plan.slot($0) }
        watched = fields.map { plan.slot($0) }
        session =
            rules.metadata.contains { $0.extensions.respond?.subject == .session }
            ? plan.slot("actor.session.uid") : nil
        var riskFields: [String: SlotID] = [:]
        var risks: [String: RuleExtension.Risk] = [:]
        for metadata in rules.metadata {
            guard let risk = metadata.extensions.risk else { continue }
            risks[metadata.key] = risk
            for weight in risk.weights { riskFields[weight.field] = plan.slot(weight.field) }
        }
        self.riskFields = riskFields
        self.risks = risks
        fieldCount = plan.count
        guard let decoder = plan.makeDecoder(limits: limits) else {
            throw DocumentError(file: "detectors", message: "there is no memory for the decoder.")
        }
        self.decoder = decoder
    }

    /// What writes lines of text as events for the decoder; nil where events are JSON.
    ///
    /// - Parameter now: ms since the epoch; the year of a line that has none is counted from here unless it is told when the line was
    ///   received.
    package func makeTranscoder(now: Int64) throws -> LineTranscoder? {
        try lines.map { try LineTranscoder($0, notAfter: now, limits: limits) }
    }
}
