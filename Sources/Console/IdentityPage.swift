// SPDX-License-Identifier: Apache-2.0

import Charts
import Desk
import Finding
import Hub
import Hummingbird
import Incidents
import Paging
import Web

extension Console {
    struct IdentityPage: Sendable {
        let identity: String
        let activity: ActivityView?
        let score: String?
        let chart: String?
        let terms: [TermRow]
        let incidents: [IncidentRow]
        let controls: [ControlRow]
        let alerts: [AlertRow]
        let pager: Pager?
        let lockdownURL: String
    }

    /// `/identities`, `/identities/IDENTITY`.
    func addIdentities(to router: Router<WebContext>) {
        router.get("identities") { request, context in try await identities(request, context) }
        router.get("identities/:identity") { request, context in
            let identity = try context.part("identity")
            let actor = try context.actor
            let now = now()
            let cursor = try request.query()["cursor"]
            var summary = try await desk.identity(identity, for: actor)
            if let cursor {
                summary.alerts = try await desk.alerts(
                    AlertFilter(identity: identity), after: cursor, limit: 50, for: actor)
            }
            let latest = summary.risk.first
            return try await page(
                identity, "identity",
                IdentityPage(
                    identity: identity, activity: try await activity(of: identity), score: latest.map { "\($0.score)" },
                    chart: try Self.riskChart(summary.risk),
                    terms: latest?.terms.map { TermRow($0, rules: rules) } ?? [],
                    incidents: summary.incidents.map { IncidentRow($0, now: now) },
                    controls: (summary.orders + summary.approvals).map { ControlRow($0, now: now) },
                    alerts: summary.alerts.items.map { AlertRow($0, rules: rules, now: now) },
                    pager: Pager(path: Link.identity(identity), query: [], cursor: cursor, next: summary.alerts.next),
                    lockdownURL: Link.url("/orders", [("subject", identity)]) + "#issue"), request, context)
        }
    }

    /// The risk at each alert, over time; nil where one point makes no line.
    private static func riskChart(_ risk: [StoredAlerts.Risk]) throws -> String? {
        guard risk.count > 1, let last = risk.first, let first = risk.last else { return nil }
        // The latest alert of a moment has the sum of all.
        var times: [Int64] = []
        var values: [Double?] = []
        for point in risk.reversed() {
            if times.last == point.time {
                values[values.count - 1] = Double(point.score)
            } else {
                times.append(point.time)
                values.append(Double(point.score))
            }
        }
        guard times.count > 1 else { return nil }
        return try LineChart(
            ChartCaption(
                id: "risk-over-time", title: "Risk over time",
                summary:
                    "From \(first.score) to \(last.score), at each of \(risk.count) alerts; levels are 20, 40, 70 and 90."
            ),
            unit: .number, times: times, series: [.init("risk", values)], size: ChartSize(440, 150)
        ).svg()
    }
}
