// SPDX-License-Identifier: Apache-2.0

import Finding

/// What a notification says, whatever medium it goes to: alerts of one group or incident.
///
/// Every text in it may be an attacker's (user agents, names of users and resources): formats escape and cut, each for its
/// medium; here it is as it came.
package struct Message: Sendable, Equatable {
    /// Why it is sent.
    package enum Status: String, Sendable, CaseIterable {
        /// There are alerts, new or still.
        case firing
        /// Somebody took the incident; only PagerDuty hears so, and it takes no text.
        case acknowledged
        /// The incident is over.
        case resolved
        /// Nothing happened: somebody tries the receiver.
        case test
    }

    /// A label of the group, as the route's `group_by` names it.
    package struct Label: Sendable, Equatable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The notification's id, 1 to 180 of `[A-Za-z0-9_-]`: the `webhook-id`, and what `Message-ID` is made of.
    package var id: String
    package var status: Status
    /// The incident's uid.
    package var incident: String?
    /// The incident's page, https or http.
    package var incidentURL: String?
    /// The group's key: what belongs together where there is no incident.
    package var groupKey: String
    package var groupLabels: [Label]
    /// The labels that all alerts have.
    package var commonLabels: [Label]
    /// The receiver's name.
    package var receiver: String
    /// Why it is told now: first, new_alerts, new_resolved, all_resolved or repeat; nil for an alert that was not routed.
    package var reason: String?
    /// Whom it is about, if it is about one identity.
    package var identity: String?
    /// OCSF `severity_id`, the highest of the alerts.
    package var severity: Int
    package var title: String
    /// What a person should read first, a sentence each.
    package var summary: [String]
    /// The alerts, the most severe and latest first; at most as many as its maker keeps.
    package var alerts: [MessageAlert]
    /// Alerts of the group that are not among `alerts`.
    package var omitted: Int
    /// When it was made, ms since the epoch, UTC.
    package var generatedAt: Int64

    /// Title, identity, severity and summary are the alerts' own unless they are given.
    package init(
        id: String, status: Status, groupKey: String, alerts: [MessageAlert], generatedAt: Int64,
        incident: String? = nil, incidentURL: String? = nil, groupLabels: [Label] = [],
        commonLabels: [Label] = [], receiver: String = "", reason: String? = nil, identity: String? = nil,
        title: String? = nil, summary: [String] = [], omitted: Int = 0
    ) {
        self.id = id
        self.status = status
        self.groupKey = groupKey
        self.groupLabels = groupLabels
        self.commonLabels = commonLabels
        self.receiver = receiver
        self.reason = reason
        self.generatedAt = generatedAt
        self.incidentURL = incidentURL
        self.omitted = max(0, omitted)
        let alerts = alerts.sorted { ($0.severity, $0.time, $1.id) > ($1.severity, $1.time, $0.id) }
        self.alerts = alerts
        severity = alerts.first?.severity ?? 0
        let identities = Set(alerts.map(\.identity))
        self.identity = identity ?? (identities.count == 1 ? alerts.first?.identity : nil)
        let incidents = Set(alerts.map(\.incident))
        self.incident = incident ?? (incidents.count == 1 ? alerts.first?.incident : nil)
        self.title = title ?? alerts.first?.title ?? "Gatewatch"
        self.summary = summary.isEmpty ? alerts.first.map { [$0.message] } ?? [] : summary
    }

    /// How many alerts the group has.
    package var alertCount: Int { alerts.count + omitted }

    /// What PagerDuty and mail threads know an incident by.
    var threadKey: String { incident ?? (groupKey.isEmpty ? id : groupKey) }

    /// `[RESOLVED] HIGH Bulk pull of vectors`: the first line of everything. Not escaped.
    var heading: String {
        let word =
            switch status {
            case .firing, .acknowledged: ""
            case .resolved: "[RESOLVED] "
            case .test: "[TEST] "
            }
        return "\(word)\(Severity.word(severity).uppercased()) \(title)"
    }

    /// Names and values that formats list. Not escaped.
    var facts: [Label] {
        var facts: [Label] = []
        func add(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { facts.append(Label(name, value)) }
        }
        add("Identity", identity)
        add("Severity", Severity.word(severity))
        add("Incident", incident)
        let top = alerts.first
        add("Risk", alerts.compactMap(\.risk).max { $0.score < $1.score }?.description)
        add("Response", top?.response?.words)
        add("Techniques", Self.list(alerts.flatMap(\.techniques)))
        add("Rules", Self.list(alerts.map(\.rule)))
        add("Alerts", alertCount > 1 ? String(alertCount) : nil)
        for label in groupLabels where label.value != identity && label.value != incident {
            add(label.name, label.value)
        }
        return facts
    }

    /// Each once, in order, the first ten.
    private static func list(_ values: [String]) -> String {
        var seen: Set<String> = []
        let all = values.filter { seen.insert($0).inserted }
        return all.prefix(10).joined(separator: ", ") + (all.count > 10 ? " and \(all.count - 10) more" : "")
    }
}

/// OCSF's `severity_id` in the scales of other products.
extension Severity {
    /// PagerDuty Events v2: critical, error, warning or info.
    static func pagerDuty(_ id: Int) -> String {
        switch id {
        case 5, 6: "critical"
        case 4: "error"
        case 3: "warning"
        default: "info"
        }
    }

    /// CEF: 0 to 10.
    static func cef(_ id: Int) -> Int {
        switch id {
        case 1: 1
        case 2: 3
        case 3: 5
        case 4: 8
        case 5, 6: 10
        default: 0
        }
    }

    /// Syslog (RFC 5424 section 6.2.1): 2 critical to 6 informational.
    static func syslog(_ id: Int) -> Int {
        switch id {
        case 5, 6: 2
        case 4: 3
        case 3: 4
        case 2: 5
        default: 6
        }
    }
}
