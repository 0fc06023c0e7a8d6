// SPDX-License-Identifier: Apache-2.0
package import Finding

/// An alert as formats show it, beside the finding as it came.
package struct MessageAlert: Sendable, Equatable {
    /// The identity's risk as the alert tells it.
    package struct Risk: Sendable, Equatable {
        package var score: Int
        package var level: String?
        /// The terms as a sum.
        package var details: String?

        var description: String {
            String(score) + (level.map { " (\($0))" } ?? "") + (details.map { ": \($0)" } ?? "")
        }
    }

    /// The finding, byte for byte: one JSON object.
    package var finding: [UInt8]
    /// `finding_info.uid`.
    package var id: String
    /// `finding_info.title`.
    package var title: String
    /// `finding_info.analytic.name`, else its uid, else the title.
    package var rule: String
    /// OCSF `severity_id`.
    package var severity: Int
    /// ms since the epoch, UTC.
    package var time: Int64
    /// `message`, else the title.
    package var message: String
    /// `unmapped.identity`.
    package var identity: String?
    /// `unmapped.incident_uid`.
    package var incident: String?
    package var risk: Risk?
    package var response: DetectionFinding.Response?
    /// `finding_info.related_events[].uid`.
    package var relatedEvents: [String]
    /// MITRE technique ids.
    package var techniques: [String]
    /// `unmapped.group`, by name.
    package var group: [Message.Label]
    /// Of the first piece of evidence.
    package var operation: String?
    package var service: String?
    package var address: String?
    /// What routing knows it by.
    package var labels: [Message.Label]
    /// ms since the epoch, UTC; nil while it fires.
    package var endsAt: Int64?

    /// Whether it is over, as others of its group may not be.
    package var isResolved: Bool { endsAt != nil }

    /// An alert of a finding.
    ///
    /// - Parameter json: the finding as it came.
    package init(
        _ finding: DetectionFinding, json: [UInt8], labels: [Message.Label] = [], endsAt: Int64? = nil
    ) {
        self.finding = json
        self.labels = labels
        self.endsAt = endsAt
        id = finding.id
        title = finding.title
        rule = finding.ruleName ?? finding.ruleID ?? finding.title
        severity = finding.severity
        time = finding.time
        message = finding.message ?? finding.title
        identity = finding.identity
        incident = finding.incident
        risk = finding.riskScore.map { Risk(score: $0, level: finding.riskLevel, details: finding.riskDetails) }
        response = finding.response
        relatedEvents = finding.relatedEvents
        techniques = finding.techniques ?? []
        group = finding.group.map { Message.Label($0.field, $0.value) }
        operation = finding.operation
        service = finding.service
        address = finding.address
    }

    /// Reads a Detection Finding; what cannot be read is told all the same, as it came.
    package init(json: [UInt8], labels: [Message.Label] = [], endsAt: Int64? = nil) {
        let finding =
            (try? DetectionFinding(json)) ?? DetectionFinding(id: "", title: "An alert without a title", time: 0)
        self.init(finding, json: json, labels: labels, endsAt: endsAt)
    }
}

extension DetectionFinding.Response {
    var words: String {
        var text = action + (decision.map { ", \($0)" } ?? "")
        if let order { text += ", order \(order)" }
        if let reason { text += ": \(reason)" }
        return text
    }
}
