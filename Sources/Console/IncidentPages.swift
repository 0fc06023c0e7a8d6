// SPDX-License-Identifier: Apache-2.0

import Desk
import Finding
import HTTPTypes
import Hub
import Hummingbird
import Incidents
import Paging
import Web

/// A choice in a form.
struct Choice: Sendable {
    let value: String
    let label: String
    let isChosen: Bool

    static func list(_ choices: [(String, String)], chosen: String?) -> [Choice] {
        choices.map { Choice(value: $0.0, label: $0.1, isChosen: $0.0 == chosen) }
    }
}

extension Console {
    struct IncidentsPage: Sendable {
        let statuses: [Choice]
        let severities: [Choice]
        let identity: String?
        let isFiltered: Bool
        let incidents: [IncidentRow]
        let pager: Pager?
    }

    struct IncidentPage: Sendable {
        struct Heading: Sendable {
            let id: String
            let title: String
            let severity: SeverityText
            let state: StateText
            let identity: String?
            let identityURL: String?
        }

        struct Line: Sendable {
            let time: TimeText
            let kind: String
            let who: String?
            let text: String
            let url: String?
        }

        struct Reach: Sendable {
            let resource: String
            let bytes: String
            let items: String
        }

        struct Force: Sendable {
            let state: StateText
            let kind: String
            let url: String
            let text: String
            let who: String
            let until: TimeText
        }

        let incident: Heading
        let why: String
        let risk: String?
        let alertCount: String
        let opened: TimeText
        let last: TimeText
        let endsWord: String
        let ends: TimeText
        let closedBy: String?
        let assignee: String?
        let disposition: String?
        let dispositionReason: String?
        let timeline: [Line]
        let pager: Pager?
        let alerts: [AlertRow]
        let moreAlerts: String?
        let terms: [TermRow]
        let reach: [Reach]
        let force: [Force]
        let isOpen: Bool
        let version: String
        let actionURL: String
        let lockdownURL: String?
        let evidenceURL: String
        /// What was written and could not be taken.
        let comment: String?
    }

    /// `/incidents`, `/incidents/ID`, `/alerts/ID`, and what people do to an incident.
    func addIncidents(to router: Router<WebContext>) {
        router.get("incidents") { request, context in try await incidents(request, context) }
        router.get("incidents/:id") { request, context in
            try await incident(try context.part("id"), request, context)
        }
        router.get("alerts/:id") { request, context in
            let id = try context.part("id")
            let detail = try await desk.alert(id, for: try context.actor)
            struct AlertPage: Sendable {
                let id: String
                let alert: AlertRow
                /// What the detector says of it.
                let message: String?
                let finding: String
            }
            return try await page(
                detail.alert.title, "alert",
                AlertPage(
                    id: id, alert: AlertRow(detail.alert, rules: rules, now: now()),
                    message: (try? DetectionFinding(Array(detail.finding.utf8)))?.message,
                    finding: PrettyJSON.text(detail.finding)),
                request, context)
        }
        router.post("incidents/:id/:action") { request, context in
            let id = try context.part("id")
            let form = context.form
            let action = try Self.action(try context.part("action"), form)
            return try await act(
                done: action.done, next: Link.incident(id),
                again: { notice, status in
                    try await incident(
                        id, request, context, notice: notice, status: status, comment: form?["comment"])
                }
            ) {
                let action = try Self.checked(action.action)
                _ = try await desk.act(
                    action, on: id, version: form?["version"].flatMap { Int64($0) }, by: try context.actor)
            }
        }
    }

    private static func action(
        _ name: String, _ form: FormFields?
    ) throws -> (action: Result<IncidentAction, WebFault>, done: String) {
        switch name {
        case "comment": return (required(form, "comment", "something").map(IncidentAction.comment), "comment")
        case "assign": return (.success(.assign(form?["to"])), "assigned")
        case "disposition":
            guard let disposition = form?["disposition"].flatMap(Disposition.init) else {
                return (.failure(.invalid("disposition", "Choose true, benign or false.")), "disposition")
            }
            return (required(form, "reason", "why").map { .dispose(disposition, reason: $0) }, "disposition")
        case "close": return (.success(.close(reason: form?["reason"])), "closed")
        case "reopen": return (.success(.reopen(reason: form?["reason"])), "reopened")
        default: throw WebFault.notFound()
        }
    }

    private static func required(_ form: FormFields?, _ name: String, _ what: String) -> Result<String, WebFault> {
        form?[name].map { .success($0) } ?? .failure(.invalid(name, "Say \(what)."))
    }

    private static func checked(_ action: Result<IncidentAction, WebFault>) throws -> IncidentAction {
        try action.get()
    }

    private func incidents(_ request: Request, _ context: WebContext) async throws -> Response {
        let query = try request.query()
        let actor = try context.actor
        let now = now()
        let status = query["status"] ?? "open"
        let severity = query["severity"].flatMap { Int($0) }
        let filter = IncidentFilter(
            status: Incident.Status(rawValue: status), identity: query["identity"], severity: severity)
        let found = try await desk.incidents(filter, after: query["cursor"], limit: 50, for: actor)
        return try await page(
            "Incidents", "incidents",
            IncidentsPage(
                statuses: Choice.list([("open", "open"), ("closed", "closed"), ("all", "all")], chosen: status),
                severities: Choice.list(
                    [
                        ("", "any"), ("2", "low and up"), ("3", "medium and up"), ("4", "high and up"),
                        ("5", "critical"),
                    ],
                    chosen: query["severity"] ?? ""),
                identity: query["identity"],
                isFiltered: query["identity"] != nil || severity != nil || status != "open",
                incidents: found.items.map { IncidentRow($0, now: now) },
                pager: Pager(
                    path: "/incidents",
                    query: [
                        ("status", query["status"]), ("severity", query["severity"]), ("identity", query["identity"]),
                    ], cursor: query["cursor"], next: found.next)), request, context)
    }

    private func incident(
        _ id: String, _ request: Request, _ context: WebContext, notice: Notice? = nil,
        status: HTTPResponse.Status = .ok, comment: String? = nil
    ) async throws -> Response {
        let actor = try context.actor
        let cursor = try request.query()["cursor"]
        var detail = try await desk.incident(id, for: actor)
        let incident = detail.incident
        let lately = detail.timeline.items.first { $0.kind == .alert }?.text
        if let cursor {
            detail.timeline = try await desk.timeline(of: incident.id, after: cursor, limit: 100, for: actor)
        }
        let alerts = try await desk.alerts(ofIncident: incident.id, limit: 25, for: actor)
        let now = now()
        return try await page(
            incident.title, "incident",
            IncidentPage(
                incident: IncidentPage.Heading(
                    id: incident.id, title: incident.title, severity: SeverityText(incident.severity),
                    state: StateText(incident.status.rawValue), identity: incident.identity,
                    identityURL: incident.identity.map(Link.identity)),
                why: lately.flatMap { $0 == incident.title ? nil : "\(incident.title). Lately: \($0)" }
                    ?? incident.title,
                risk: incident.riskScore.map { "\($0)" }, alertCount: Words.count(incident.alerts),
                opened: TimeText(incident.openedAt, now: now), last: TimeText(incident.lastAlertAt, now: now),
                endsWord: incident.status == .closed ? "Closed" : "Closes if quiet",
                ends: TimeText(incident.closedAt ?? incident.closesAt, now: now),
                closedBy: incident.closedWhy.map { $0 == .quiet ? "by itself" : "by a person" },
                assignee: incident.assignee, disposition: incident.disposition.map(IncidentRow.words),
                dispositionReason: incident.dispositionReason,
                timeline: detail.timeline.items.map { entry in
                    IncidentPage.Line(
                        time: TimeText(entry.at, now: now), kind: entry.kind.rawValue, who: entry.who,
                        text: entry.text, url: Self.url(entry))
                },
                pager: Pager(path: Link.incident(incident.id), query: [], cursor: cursor, next: detail.timeline.next),
                alerts: alerts.items.map { AlertRow($0, rules: rules, now: now) },
                moreAlerts: alerts.next == nil ? nil : incident.identity.map(Link.identity),
                terms: incident.riskTerms.map { TermRow($0, rules: rules) },
                reach: detail.reach.filter { $0.resource != nil || $0.bytes > 0 || $0.items > 0 }.map {
                    IncidentPage.Reach(
                        resource: $0.resource ?? "–", bytes: Words.bytes($0.bytes), items: Words.count($0.items))
                },
                force: detail.controls.map {
                    IncidentPage.Force(
                        state: StateText($0.state), kind: Self.isRequest($0.state) ? "request" : "order",
                        url: (Self.isRequest($0.state) ? "/approvals#" : "/orders#") + $0.id, text: $0.text,
                        who: $0.who, until: TimeText($0.until, now: now))
                },
                isOpen: incident.status == .open, version: "\(incident.version)",
                actionURL: Link.incident(incident.id),
                lockdownURL: incident.identity.map {
                    Link.url("/orders", [("subject", $0), ("incident", incident.id)]) + "#issue"
                }, evidenceURL: Link.url("/evidence", [("subject", incident.id)]), comment: comment),
            request, context, notice: notice, status: status)
    }

    /// Orders and requests are told apart by their states.
    private static func isRequest(_ state: String) -> Bool { state == "pending" || state == "approved" }

    private static func url(_ entry: TimelineEntry) -> String? {
        guard let reference = entry.reference else { return nil }
        return switch entry.kind {
        case .alert: Link.alert(reference)
        // The reference of a lift or a decision is its record's key, which begins with the order's or request's id.
        case .order: "/orders#" + reference.prefix { $0 != "/" }
        case .approval, .decision: "/approvals#" + reference.prefix { $0 != "/" }
        default: nil
        }
    }
}

/// What one rule's alerts add to a risk.
struct TermRow: Sendable {
    let url: String
    let rule: String
    let points: String
    let value: String
    let alerts: String?

    init(_ term: Incident.RiskTerm, rules: RuleNames) {
        url = Link.detector(term.rule)
        rule = rules[term.rule]
        points = Words.number(term.points)
        value = Words.number(min(100, max(0, term.points)))
        alerts = term.alerts > 1 ? Words.count(term.alerts, "alert", "alerts") : nil
    }
}
