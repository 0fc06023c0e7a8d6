// SPDX-License-Identifier: Apache-2.0

import Desk
import Finding
import HTTPTypes
import Hub
import Incidents
import JSONText
import Web

extension Operation {
    static let incidents: [Operation] = [
        Operation(
            id: "listIncidents", method: .get, path: "/incidents", tag: "Incidents", permission: .read,
            summary: "Incidents; open ones by severity, others by their latest alert.",
            parameters: [
                .query("status", .oneOf(["open", "closed", "all"]), standard: "open"),
                .query("identity", .line(512), "Under this name, in any case."),
                .query("severity", .oneOf(Severity.words), "At least so grave."),
            ] + Parameter.page, answer: IncidentShapes.incidents.schema
        ) { call in
            let status = call.text("status") ?? "open"
            let filter = IncidentFilter(
                status: status == "all" ? nil : Incident.Status(rawValue: status), identity: call.text("identity"),
                severity: call.text("severity").flatMap(Severity.id))
            return Reply(
                try await call.desk.incidents(filter, after: call.cursor, limit: call.limit, for: call.actor),
                IncidentShapes.incidents)
        },
        Operation(
            id: "getIncident", method: .get, path: "/incidents/{incident}", tag: "Incidents", permission: .read,
            summary: "An incident with its reach, its orders and the beginning of its timeline.",
            parameters: [.incident], answer: IncidentShapes.detail.schema, hasVersion: true
        ) { call in
            let detail = try await call.desk.incident(call.path("incident"), for: call.actor)
            return Reply(detail, IncidentShapes.detail, version: detail.incident.version)
        },
        Operation(
            id: "getTimeline", method: .get, path: "/incidents/{incident}/timeline", tag: "Incidents",
            permission: .read, summary: "The timeline of an incident, the latest first.",
            parameters: [.incident] + Parameter.page, answer: IncidentShapes.timeline.schema
        ) { call in
            Reply(
                try await call.desk.timeline(
                    of: call.path("incident"), after: call.cursor, limit: call.limit, for: call.actor),
                IncidentShapes.timeline)
        },
        Operation(
            id: "listIncidentAlerts", method: .get, path: "/incidents/{incident}/alerts", tag: "Incidents",
            permission: .read, summary: "The alerts of an incident, the latest first.",
            parameters: [.incident] + Parameter.page, answer: IncidentShapes.alerts.schema
        ) { call in
            Reply(
                try await call.desk.alerts(
                    ofIncident: call.path("incident"), after: call.cursor, limit: call.limit, for: call.actor),
                IncidentShapes.alerts)
        },
        act(
            "assignIncident", "assign", "Gives an open incident to somebody, or to nobody.",
            body: .object([.init("assignee", .nullable(.line(200)), "An identity; null for nobody.")])
        ) { call in .assign(call.body["assignee"]?.text) },
        act(
            "commentIncident", "comments", "Writes a comment into the timeline.",
            body: .object([.init("text", .lines(IncidentAction.maximumComment))])
        ) { call in .comment(call.sent("text")) },
        act(
            "judgeIncident", "disposition",
            "Says of all its alerts whether they were right: true, false, or benign (right and allowed).",
            body: .object([
                .init("disposition", .oneOf(Disposition.self)), .init("reason", .lines(IncidentAction.maximumReason)),
            ])
        ) { call in
            .dispose(Disposition(rawValue: call.sent("disposition")) ?? .benign, reason: call.sent("reason"))
        },
        act(
            "closeIncident", "close", "Closes an open incident.",
            body: .object([.init("reason", .lines(IncidentAction.maximumReason), isRequired: false)])
        ) { call in .close(reason: call.body["reason"]?.text) },
        act(
            "reopenIncident", "reopen", "Opens a closed incident again, for 24 hours at least.",
            body: .object([.init("reason", .lines(IncidentAction.maximumReason), isRequired: false)])
        ) { call in .reopen(reason: call.body["reason"]?.text) },
    ]

    private static func act(
        _ id: String, _ verb: String, _ summary: String, body: Schema,
        _ action: @escaping @Sendable (Call) -> IncidentAction
    ) -> Operation {
        Operation(
            id: id, method: .post, path: "/incidents/{incident}/\(verb)", tag: "Incidents",
            permission: .actOnIncidents, summary: summary, parameters: [.incident, .ifMatch], body: body,
            answer: IncidentShapes.incident.schema, hasVersion: true, mayConflict: true
        ) { call in
            do {
                let incident = try await call.desk.act(
                    action(call), on: call.path("incident"), version: call.version, by: call.actor)
                return Reply(incident, IncidentShapes.incident, version: incident.version)
            } catch DeskError.conflict(let sentence) {
                // RFC 9110, section 13.1.1.
                throw WebFault(.preconditionFailed, code: "conflict", sentence)
            }
        }
    }

    static let alerts: [Operation] = [
        Operation(
            id: "listAlerts", method: .get, path: "/alerts", tag: "Alerts", permission: .read,
            summary: "Alerts, the latest first.",
            parameters: [
                .query("identity", .line(512), "Exactly, as the alert has it."),
                .query("rule", .line(512), "`finding_info.analytic.uid`."),
                .query("severity", .oneOf(Severity.words), "At least so grave."),
            ] + Parameter.times + Parameter.page, answer: IncidentShapes.alerts.schema
        ) { call in
            let filter = AlertFilter(
                identity: call.text("identity"), rule: call.text("rule"),
                severity: call.text("severity").flatMap(Severity.id), from: call.integer("from"),
                to: call.integer("to"))
            return Reply(
                try await call.desk.alerts(filter, after: call.cursor, limit: call.limit, for: call.actor),
                IncidentShapes.alerts)
        },
        Operation(
            id: "getAlert", method: .get, path: "/alerts/{alert}", tag: "Alerts", permission: .read,
            summary: "An alert with the finding as the detector wrote it.",
            parameters: [.path("alert", "`finding_info.uid`.")], answer: IncidentShapes.alertDetail.schema
        ) { call in
            Reply(try await call.desk.alert(call.path("alert"), for: call.actor), IncidentShapes.alertDetail)
        },
        Operation(
            id: "getIdentity", method: .get, path: "/identities/{identity}", tag: "Identities", permission: .read,
            summary: "What the hub knows of an identity; one that it never heard of is empty.",
            parameters: [.path("identity", "As events name it.", schema: .line(512))],
            answer: IncidentShapes.identity.schema
        ) { call in
            Reply(try await call.desk.identity(call.path("identity"), for: call.actor), IncidentShapes.identity)
        },
    ]
}

extension Operation.Parameter {
    fileprivate static let incident = path("incident", "The id, or six or more characters that only it begins with.")
}
