// SPDX-License-Identifier: Apache-2.0

import Charts
import Desk
import Hub
import Hummingbird
import Incidents
import Paging
import Web

extension Console {
    struct OverviewPage: Sendable {
        struct Tile: Sendable {
            let label: String
            let url: String
            let number: String
            let more: String
            let isWarning: Bool
        }

        struct Rule: Sendable {
            let url: String
            let name: String
            let alerts: String
            let last: TimeText
        }

        let tiles: [Tile]
        let incidents: [IncidentRow]
        let approvals: [ControlRow]
        let rules: [Rule]
        let chart: String
        let alerts: String
    }

    /// `/`.
    func addOverview(to router: Router<WebContext>) {
        router.get("/") { request, context in
            let actor = try context.actor
            let now = now()
            let overview = try await desk.overview(for: actor)
            let incidents = try await desk.incidents(IncidentFilter(status: .open), limit: 12, for: actor)
            let approvals = try await desk.controls(.approval, states: ["pending"], limit: 20, for: actor)
            let alerts = overview.alertsPerHour.reduce(0) { $0 + $1.alerts }
            let chart = StackedBars(
                ChartCaption(
                    id: "alerts-per-hour", title: "Alerts per hour",
                    summary: "\(Words.count(alerts, "alert", "alerts")) in the last 24 hours, hour by hour, UTC."),
                unit: .count, names: overview.alertsPerHour.map { String(format: $0.hour % 24) },
                parts: [("alerts", overview.alertsPerHour.map { Double($0.alerts) })], size: ChartSize(560, 150))
            return try await page(
                "Overview", "overview",
                OverviewPage(
                    tiles: Self.tiles(overview), incidents: incidents.items.map { IncidentRow($0, now: now) },
                    approvals: approvals.items.filter { $0.until > now }.prefix(6).map { ControlRow($0, now: now) },
                    rules: overview.rules.prefix(8).map { rule in
                        OverviewPage.Rule(
                            url: Link.detector(rule.rule), name: rules.title(of: rule.rule),
                            alerts: Words.count(rule.alerts), last: TimeText(rule.lastAt, now: now))
                    }, chart: try chart.svg(), alerts: Words.count(alerts)), request, context)
        }
    }

    private static func tiles(_ overview: Overview) -> [OverviewPage.Tile] {
        let open = overview.openIncidents
        let grave = open.filter { $0.key >= 4 }.values.reduce(0, +)
        let all = open.values.reduce(0, +)
        return [
            .init(
                label: "open incidents", url: "/incidents", number: Words.count(all),
                more: grave == 0 ? "none high or critical" : "\(Words.count(grave)) high or critical",
                isWarning: grave > 0),
            .init(
                label: "waiting for approval", url: "/approvals", number: Words.count(overview.pendingApprovals),
                more: "requests held at a gateway", isWarning: false),
            .init(
                label: "orders in force", url: "/orders", number: Words.count(overview.ordersInForce),
                more: "lockdowns, blocks, revocations", isWarning: false),
            .init(
                label: "dead deliveries", url: "/deliveries?state=dead", number: Words.count(overview.deadDeliveries),
                more: "\(Words.count(overview.pendingDeliveries)) on their way", isWarning: overview.deadDeliveries > 0),
        ]
    }
}

extension String {
    /// An hour of the day: two digits.
    fileprivate init(format hour: Int64) { self = hour < 10 ? "0\(hour)" : "\(hour)" }
}
