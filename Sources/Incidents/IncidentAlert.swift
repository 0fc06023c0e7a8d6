// SPDX-License-Identifier: Apache-2.0

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
}
