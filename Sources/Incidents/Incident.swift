// SPDX-License-Identifier: Apache-2.0

package import Finding
import Foundation
import GRDB
package import JSONText

/// What a person says of an incident's alerts.
package enum Disposition: String, Sendable, CaseIterable {
    /// It was what the rule says.
    case isTrue = "true"
    /// It was not.
    case isFalse = "false"
    /// It was, and it was allowed.
    case benign
}

/// The alerts of one identity that belong together, and what became of them. Times are ms since the epoch, UTC.
package struct Incident: Sendable, Equatable, Identifiable {
    package enum Status: String, Sendable, CaseIterable { case open, closed }

    /// Why it is closed.
    package enum Closing: String, Sendable { case quiet, person }

    package typealias RiskTerm = DetectionFinding.RiskTerm

    /// `unmapped.incident_uid` of its alerts.
    package let id: String
    package let identity: String?
    /// Of its gravest alert.
    package let title: String
    package let status: Status
    /// Grows with what people do and with opening and closing, for compare-and-set; alerts that join do not count.
    package let version: Int64
    /// The earliest and the latest of its alerts, by the times of their events.
    package let openedAt: Int64
    package let lastAlertAt: Int64
    /// When it closes if nothing more comes.
    package let closesAt: Int64
    package let closedAt: Int64?
    package let closedWhy: Closing?
    /// The highest OCSF `severity_id` of its alerts.
    package let severity: Int
    /// Of the latest alert that has them.
    package let riskScore: Int?
    package let riskTerms: [RiskTerm]
    package let assignee: String?
    package let disposition: Disposition?
    package let dispositionReason: String?
    package let alerts: Int
    package let comments: Int

    init(_ row: Row) {
        id = row["id"]
        identity = row["identity"]
        title = row["title"]
        status = Status(rawValue: row["status"]) ?? .open
        version = row["version"]
        openedAt = row["opened_at"]
        lastAlertAt = row["last_alert_at"]
        closesAt = row["closes_at"]
        closedAt = row["closed_at"]
        closedWhy = (row["closed_why"] as String?).flatMap(Closing.init)
        severity = row["severity"]
        riskScore = row["risk_score"]
        riskTerms = (row["risk_terms"] as String?).flatMap { Self.terms($0) } ?? []
        assignee = row["assignee"]
        disposition = (row["disposition"] as String?).flatMap(Disposition.init)
        dispositionReason = row["disposition_reason"]
        alerts = row["alerts"]
        comments = row["comments"]
    }

    /// Terms as a finding or the database has them; nil for what is none.
    package static func terms(_ json: String) -> [RiskTerm]? {
        try? JSONDecoder().decode([RiskTerm].self, from: Data(json.utf8))
    }

    /// OCSF's word for ``severity``, in lower case.
    package var severityName: String { Severity.word(severity) }

    /// Writes it as members of an object; the names are those of docs/incidents.md.
    package func write(to json: inout JSONWriter) {
        json.field("id", id)
        if let identity { json.field("identity", identity) }
        json.field("title", title)
        json.field("status", status.rawValue)
        json.field("version", version)
        json.field("opened_at", openedAt)
        json.field("last_alert_at", lastAlertAt)
        json.field("closes_at", closesAt)
        if let closedAt { json.field("closed_at", closedAt) }
        if let closedWhy { json.field("closed_why", closedWhy.rawValue) }
        json.field("severity_id", severity)
        json.field("severity", severityName)
        if let riskScore { json.field("risk_score", riskScore) }
        json.array("risk_terms", riskTerms) { json, term in
            json.object {
                $0.field("rule", term.rule)
                $0.field("points", term.points)
                $0.field("alerts", term.alerts)
                $0.field("time", term.time)
            }
        }
        if let assignee { json.field("assignee", assignee) }
        if let disposition { json.field("disposition", disposition.rawValue) }
        if let dispositionReason { json.field("disposition_reason", dispositionReason) }
        json.field("alerts", alerts)
        json.field("comments", comments)
    }
}
