// SPDX-License-Identifier: Apache-2.0

import Approvals
import Finding
import Hub
import Incidents
import Orders

/// An incident in a list.
struct IncidentRow: Sendable {
    let url: String
    let title: String
    let severity: SeverityText
    let identity: String?
    let identityURL: String?
    let risk: String?
    let alerts: String
    let last: TimeText
    let assignee: String?
    let isClosed: Bool
    let disposition: String?

    init(_ incident: Incident, now: Int64) {
        url = Link.incident(incident.id)
        title = incident.title
        severity = SeverityText(incident.severity)
        identity = incident.identity
        identityURL = incident.identity.map(Link.identity)
        risk = incident.riskScore.map { String($0) }
        alerts = Words.count(incident.alerts)
        last = TimeText(incident.lastAlertAt, now: now)
        assignee = incident.assignee
        isClosed = incident.status == .closed
        disposition = incident.disposition.map(Self.words)
    }

    static func words(_ disposition: Disposition) -> String {
        switch disposition {
        case .isTrue: "true positive"
        case .isFalse: "false positive"
        case .benign: "benign"
        }
    }
}

/// An alert in a list.
struct AlertRow: Sendable {
    let url: String
    let title: String
    let severity: SeverityText
    let time: TimeText
    let rule: String
    let ruleURL: String
    let identity: String?
    let identityURL: String?
    let incidentURL: String?
    let disposition: String?

    init(_ alert: StoredAlert, rules: RuleNames, now: Int64) {
        url = Link.alert(alert.id)
        title = alert.title
        severity = SeverityText(alert.severity)
        time = TimeText(alert.time, now: now)
        rule = rules[alert.rule]
        ruleURL = Link.detector(alert.rule)
        identity = alert.identity
        identityURL = alert.identity.map(Link.identity)
        incidentURL = alert.incident.map(Link.incident)
        disposition = alert.disposition.map(IncidentRow.words)
    }
}

/// An order or a request for approval in a list.
struct ControlRow: Sendable {
    struct Word: Sendable {
        let who: String
        let time: TimeText
        let what: String
        let reason: String
    }

    let id: String
    let short: String
    let state: StateText
    let isOpen: Bool
    /// On whom an order is; who asks for an approval.
    let subject: String
    let subjectURL: String?
    let what: String
    let scope: String
    let reason: String
    let justification: String?
    let amount: String?
    let issuer: String
    let at: TimeText
    let until: TimeText
    let incidentURL: String?
    /// The order because of which an approval is asked for.
    let orderURL: String?
    let words: [Word]
    let need: String?
    let isCritical: Bool

    init(_ record: ControlRecord, now: Int64) {
        id = record.id
        short = String(record.id.prefix(8))
        let isLive = record.until > now
        isOpen = isLive && (record.state == "active" || record.state == "pending" || record.state == "observed")
        // The hub's thread writes `expired` a little later.
        state = StateText(
            !isLive && ["active", "pending", "observed", "approved"].contains(record.state) ? "expired" : record.state)
        at = TimeText(record.at, now: now)
        until = TimeText(record.until, now: now)
        incidentURL = record.incident.map(Link.incident)
        words = record.words.map { word in
            Word(
                who: word.by, time: TimeText(word.at, now: now),
                what: word.verdict.map {
                    $0 == "deny" ? "denied" : word.kind == "window" ? "approved for a while" : "approved once"
                }
                    ?? "lifted", reason: word.reason)
        }
        let said = record.words.filter { $0.verdict != "deny" }.count
        need = record.needed > 1 ? "\(said) of \(record.needed) persons" : nil
        if let order = record.order {
            subject = order.subject.value
            subjectURL = order.subject.owner.map(Link.identity)
            what = order.actions.map(Self.words).joined(separator: ", ")
            let parts = order.scope.connections + order.scope.operations
            scope = parts.isEmpty ? "everything" : parts.joined(separator: ", ")
            orderURL = nil
            reason = order.reason
            justification = nil
            amount = nil
            issuer = order.issuer.name
            isCritical = order.severity == .critical
        } else if let request = record.request {
            subject = request.requester
            subjectURL = Link.identity(request.requester)
            what = request.operation
            let order = request.resources.first { $0.hasPrefix("order:") }
            orderURL = order.map { "/orders#\($0.dropFirst("order:".count))" }
            scope = ([request.connection] + request.resources.filter { $0 != order }).joined(separator: " · ")
            reason = request.reason
            justification = request.justification
            let parts = [
                request.items.map { Words.count($0, "item", "items") }, request.bytes.map(Words.bytes),
            ].compactMap { $0 }
            amount = parts.isEmpty ? nil : parts.joined(separator: ", ")
            issuer = request.policy
            isCritical = false
        } else {
            subject = record.who
            subjectURL = nil
            what = record.text
            scope = ""
            orderURL = nil
            reason = record.text
            justification = nil
            amount = nil
            issuer = record.who
            isCritical = false
        }
    }

    static func words(_ action: Order.Action) -> String {
        switch action {
        case .requireApproval: "require approval"
        case .revokeTokens: "revoke tokens"
        case .block: "block"
        }
    }
}
