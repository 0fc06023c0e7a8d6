// SPDX-License-Identifier: Apache-2.0

import Desk
import Finding
import Hub
import Incidents

/// How incidents, alerts and identities are written.
enum IncidentShapes {
    static let severities = Schema.oneOf(Severity.words)

    static let term = Shape<Incident.RiskTerm>(
        "RiskTerm",
        [
            .text("rule") { $0.rule }, .number("points") { $0.points }, .count("alerts") { $0.alerts },
            .time("time", "The latest of its alerts, ms.") { $0.time },
        ])

    static let incident = Shape<Incident>(
        "Incident",
        [
            .text("id") { $0.id },
            .maybe("identity", text: { $0.identity }),
            .text("title", "Of its gravest alert.") { $0.title },
            .text("status", schema: .oneOf(Incident.Status.self)) { $0.status.rawValue },
            .integer("version", "Grows with what people do; the `ETag`.") { $0.version },
            .time("opened_at", "The earliest of its alerts, ms.") { $0.openedAt },
            .time("last_alert_at", "The latest of its alerts, ms.") { $0.lastAlertAt },
            .time("closes_at", "When it closes if nothing more comes, ms.") { $0.closesAt },
            .maybe("closed_at", integer: { $0.closedAt }),
            .maybe("closed_why", schema: .oneOf(["quiet", "person"]), text: { $0.closedWhy?.rawValue }),
            .count("severity_id", "OCSF.") { $0.severity },
            .text("severity", schema: severities) { $0.severityName },
            .maybe("risk_score", integer: { $0.riskScore.map(Int64.init) }),
            .list("risk_terms", term) { $0.riskTerms },
            .maybe("assignee", text: { $0.assignee }),
            .maybe("disposition", schema: .oneOf(Disposition.self), text: { $0.disposition?.rawValue }),
            .maybe("disposition_reason", text: { $0.dispositionReason }),
            .count("alerts") { $0.alerts }, .count("comments") { $0.comments },
        ])
    static let incidents = Shape.page("IncidentPage", incident)

    static let entry = Shape<TimelineEntry>(
        "TimelineEntry",
        [
            .integer("id") { $0.id }, .time("at") { $0.at },
            .text("kind", schema: .oneOf(TimelineEntry.Kind.self)) { $0.kind.rawValue },
            .maybe("who", "Absent for the detector and the hub.", text: { $0.who }),
            .maybe("reference", "The alert's, order's, request's or notification's id.", text: { $0.reference }),
            .text("text") { $0.text },
        ])
    static let timeline = Shape.page("TimelinePage", entry)

    static let reach = Shape<IncidentReach>(
        "IncidentReach",
        [
            .maybe("resource", text: { $0.resource }), .integer("bytes") { $0.bytes }, .integer("items") { $0.items },
            .count("alerts") { $0.alerts },
        ])

    static let seen = Shape<SeenControl>(
        "SeenControl",
        [
            .text("id") { $0.id }, .text("state") { $0.state }, .time("at") { $0.at }, .time("until") { $0.until },
            .text("who") { $0.who }, .text("text") { $0.text },
        ])

    static let detail = Shape<IncidentDetail>(
        "IncidentDetail",
        [
            .object("incident", incident) { $0.incident },
            .list("reach", reach, "What left with its alerts' events, the most bytes first.") { $0.reach },
            .list("controls", seen, "Orders in force and requests that wait.") { $0.controls },
            .object("timeline", timeline, "Its beginning, the latest first.") { $0.timeline },
        ])

    static let alert = Shape<StoredAlert>(
        "Alert",
        [
            .text("id", "`finding_info.uid`.") { $0.id }, .maybe("identity", text: { $0.identity }),
            .text("rule") { $0.rule }, .text("title") { $0.title }, .count("severity_id", "OCSF.") { $0.severity },
            .text("severity", schema: severities) { Severity.word($0.severity) }, .time("time") { $0.time },
            .maybe("rule_status", text: { $0.ruleStatus }),
            .maybe("incident", "Absent for alerts of experimental rules.", text: { $0.incident }),
            .maybe("disposition", schema: .oneOf(Disposition.self), text: { $0.disposition?.rawValue }),
        ])
    static let alerts = Shape.page("AlertPage", alert)
    static let alertDetail = Shape<AlertDetail>(
        "AlertDetail",
        [
            .object("alert", alert) { $0.alert },
            .raw("finding", "OCSF Detection Finding (2004), as the detector wrote it.") { $0.finding },
        ])

    static let risk = Shape<StoredAlerts.Risk>(
        "RiskAt",
        [
            .time("time") { $0.time }, .text("alert") { $0.alert }, .count("score") { $0.score },
            .list("terms", term) { $0.terms },
        ])
    static let identity = Shape<IdentitySummary>(
        "Identity",
        [
            .text("identity") { $0.identity }, .list("incidents", incident) { $0.incidents },
            .object("alerts", alerts, "The latest.") { $0.alerts },
            .list("risk", risk, "At each of its alerts of 90 days, the latest first.") { $0.risk },
            .list("orders", ControlShapes.order, "In force.") { $0.orders },
            .list("approvals", ControlShapes.approval, "Waiting or approved.") { $0.approvals },
        ])
}
