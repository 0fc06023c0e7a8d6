// SPDX-License-Identifier: Apache-2.0

package import Finding

/// What an incident needs to know of an alert. Limits are those of who read it.
package struct IncidentAlert: Sendable, Equatable {
    /// `finding_info.uid`.
    package var id: String
    /// `unmapped.incident_uid`; nil where the detector gave none.
    package var incident: String?
    package var identity: String?
    /// `finding_info.analytic.uid`.
    package var rule: String
    package var title: String
    /// What the detector says of it in a sentence.
    package var message: String?
    /// OCSF `severity_id`.
    package var severity: Int
    /// Of the event that fired it, ms since the epoch, UTC.
    package var time: Int64
    package var riskScore: Int?
    package var riskTerms: [Incident.RiskTerm]?
    /// The event that fired it by its `metadata.uid`, the last of `finding_info.related_events`.
    package var event: String?
    /// What that event was about and how much it moved, where the finding says so.
    package var resource: String?
    package var bytes: Int64?
    package var items: Int64?

    package init(
        id: String, incident: String? = nil, identity: String? = nil, rule: String, title: String,
        message: String? = nil, severity: Int,
        time: Int64, riskScore: Int? = nil, riskTerms: [Incident.RiskTerm]? = nil, event: String? = nil,
        resource: String? = nil, bytes: Int64? = nil, items: Int64? = nil
    ) {
        self.id = id
        self.incident = incident
        self.identity = identity
        self.rule = rule
        self.title = title
        self.message = message
        self.severity = severity
        self.time = time
        self.riskScore = riskScore
        self.riskTerms = riskTerms
        self.event = event
        self.resource = resource
        self.bytes = bytes
        self.items = items
    }

    /// The risk terms that are kept of one alert.
    private static let maximumTerms = 64

    package init(_ finding: DetectionFinding) {
        self.init(
            id: finding.id, incident: finding.incident, identity: finding.identity.map(TimelineEntry.cut),
            rule: TimelineEntry.cut(finding.ruleID ?? finding.title), title: TimelineEntry.cut(finding.title),
            message: finding.message.map(TimelineEntry.cut), severity: finding.severity, time: finding.time,
            riskScore: finding.riskScore, riskTerms: finding.riskTerms.map { Array($0.prefix(Self.maximumTerms)) },
            event: finding.relatedEvents.last.map(TimelineEntry.cut),
            resource: finding.event["resources.name"].map(TimelineEntry.cut),
            bytes: finding.event["http_response.length"].flatMap { Int64($0) },
            items: finding.event["unmapped.items"].flatMap { Int64($0) })
    }
}
