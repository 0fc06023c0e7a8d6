// SPDX-License-Identifier: Apache-2.0

import Charts

extension WeeklyReport {
    var enforcementTables: [ReportTable] {
        [
            ReportTable(
                id: "orders", title: "Orders",
                columns: ["Order", "Issued", "State", "By", "What", "Incident"],
                rows: enforcement.orders.map { order in
                    [
                        .code(order.id), .time(order.at), .text(order.state), .code(order.issuer), .text(order.text),
                        order.incident.map { .code($0) } ?? .text("none"),
                    ]
                }, total: enforcement.orderCount),
            ReportTable(
                id: "approvals", title: "Approvals",
                columns: ["Request", "Asked", "State", "By", "Decided by", "What"],
                rows: enforcement.approvals.map { approval in
                    [
                        .code(approval.id), .time(approval.at), .text(approval.state), .code(approval.requester),
                        approval.decidedBy.map { .code($0) } ?? .text("nobody"), .text(approval.text),
                    ]
                }, total: enforcement.asked),
            ReportTable(
                id: "decisions", title: "What detectors decided", columns: ["Decision", "Why", "Alerts"],
                rows: enforcement.decisions.map {
                    [.text($0.decision), .text($0.reason ?? "within the budget"), .number(Int64($0.alerts))]
                }),
            ReportTable(
                id: "protected", title: "Break-glass and protected identities in use",
                columns: ["Identity", "Requests", "Denied"],
                rows: (enforcement.protected ?? []).map {
                    [.code($0.who.name), .number($0.events), .number($0.denied)]
                }),
        ]
    }

    var accessTables: [ReportTable] {
        [
            ReportTable(
                id: "leavers", title: "Active after the last day", columns: ["Identity", "Last day", "Requests since"],
                rows: access.leavers.map { [.code($0.who.name), .text($0.endDate), .number($0.events)] },
                total: access.leaverCount),
            ReportTable(
                id: "dormant", title: "Dormant identities", columns: ["Identity", "Last seen", "Resources reached"],
                rows: access.dormant.map { [.code($0.who.name), .time($0.lastAt), .number(Int64($0.resources))] },
                total: access.dormantCount),
            ReportTable(
                id: "unused", title: "Kinds of access not used", columns: ["Identity", "Kind", "Last used"],
                rows: access.unused.map { [.code($0.who.name), .text($0.accessClass), .time($0.lastAt)] },
                total: access.unusedCount),
            ReportTable(
                id: "long_sessions", title: "Long sessions", columns: ["Identity", "Began", "Hours", "Requests"],
                rows: access.longSessions.map {
                    [.code($0.who.name), .time($0.startedAt), .number(Int64($0.hours)), .number($0.events)]
                }, total: access.longSessionCount),
            ReportTable(
                id: "shared", title: "Several addresses at once",
                columns: ["Identity", "Overlapping sessions", "Addresses"],
                rows: access.shared.map {
                    [.code($0.who.name), .number(Int64($0.sessions)), .number(Int64($0.addresses))]
                }, total: access.sharedCount),
            ReportTable(
                id: "tokens", title: "API tokens of the hub", columns: ["Token", "Owner", "Made", "Ends", "Days old"],
                rows: access.tokens.map {
                    [
                        .text($0.name), .code($0.owner), .time($0.createdAt), .time($0.expiresAt),
                        .number(Int64($0.ageDays)),
                    ]
                }, total: access.tokenCount),
        ]
    }

    var changeTables: [ReportTable] {
        [
            ReportTable(
                id: "changes", title: "Changes",
                columns: ["When", "Who", "Operation", "What", "Window", "Change id", "Decision", "Event"],
                rows: changes.list.map { change in
                    [
                        .time(change.at), .code(change.who.name), .text(change.operation),
                        change.resource.map { .code($0) } ?? .text("not named"),
                        .text(change.rules.isEmpty ? "no alert" : "outside: \(Words.list(change.rules))"),
                        .code(change.changeID ?? "none"), .text(change.decision), .code(change.event),
                    ]
                }, total: changes.count)
        ]
    }

    var detectionTables: [ReportTable] {
        [
            ReportTable(
                id: "rules", title: "Rules",
                columns: [
                    "Rule", "Level", "Status", "Alerts", "Δ", "Identities", "Judged ever", "False", "False share",
                ],
                rows: detection.rules.map { rule in
                    [
                        .code(rule.rule), rule.level.map { .level($0) } ?? .missing, .text(orMissing: rule.status),
                        .number(Int64(rule.alerts)), .signed(Double(rule.alerts - rule.alertsBefore)),
                        .number(Int64(rule.identities)), .number(Int64(rule.judged)), .number(Int64(rule.falseAlerts)),
                        rule.falseShare.map { .share($0) } ?? .unknown("not judged"),
                    ]
                }),
            ReportTable(
                id: "silent_rules", title: "Silent rules", columns: ["Rule"], rows: detection.silent.map { [.code($0)] }
            ),
            ReportTable(
                id: "noisy_rules", title: "Noisy rules", columns: ["Rule"], rows: detection.noisy.map { [.code($0)] }),
            ReportTable(
                id: "deliveries", title: "Delivery", columns: ["Target", "Delivered", "Dead", "Pending"],
                rows: detection.targets.map { target in
                    [
                        .text(target.target), .number(Int64(target.delivered)), .number(Int64(target.dead)),
                        .number(Int64(target.pending)),
                    ]
                }),
        ]
    }

    /// Single numbers that are in no table, by their names.
    var figures: [(name: String, cell: ReportTable.Cell)] {
        func number(_ value: Int) -> ReportTable.Cell { .number(Int64(value)) }
        func number(_ value: Int64?) -> ReportTable.Cell { value.map { .number($0) } ?? .missing }
        func duration(_ value: Double?) -> ReportTable.Cell { value.map { .duration($0) } ?? .missing }
        return [
            ("hours", number(header.hours)), ("hours_with_events", number(header.hoursWithEvents.map(Int64.init))),
            ("coverage", header.coverage.map { .share($0) } ?? .missing), ("events_read", number(header.eventsRead)),
            ("events_unreadable", number(header.eventsUnreadable)), ("events_late", number(header.eventsLate)),
            ("alerts_unreadable", .number(header.alertsUnreadable)),
            ("incidents_opened", number(summary.opened)), ("incidents_opened_before", number(summary.openedBefore)),
            ("incidents_closed", number(summary.closed)), ("incidents_closed_before", number(summary.closedBefore)),
            ("incidents_open_at_end", number(summary.openAtEnd)), ("identities_at_risk", number(risk.identities)),
            ("alerts", number(signals.alerts)), ("identities_with_alerts", number(signals.identities)),
            ("bytes_out", signals.bytesOut.map { .bytes(Int64($0.week)) } ?? .missing),
            ("bytes_out_before", signals.bytesOut.map { .bytes(Int64($0.before)) } ?? .missing),
            ("vectors_out", number(signals.vectorsOut.map { Int64($0.week) })),
            ("vectors_out_before", number(signals.vectorsOut.map { Int64($0.before) })),
            ("unapproved", .number(assets.unapprovedTotal)), ("orders", number(enforcement.orderCount)),
            ("orders_in_force", number(enforcement.inForce)), ("orders_observed", number(enforcement.observed)),
            ("orders_undone", number(enforcement.undone)), ("orders_mistaken", number(enforcement.mistaken)),
            ("would_have_acted", number(enforcement.wouldHaveActed)),
            ("refused_by_budget", number(enforcement.refusedByBudget)),
            ("most_orders_within_an_hour", number(enforcement.mostWithinAnHour)),
            ("spared_protected", number(enforcement.sparedProtected)),
            ("approvals_asked", number(enforcement.asked)), ("approvals_granted", number(enforcement.granted)),
            ("approvals_denied", number(enforcement.denied)), ("approvals_expired", number(enforcement.expired)),
            ("approvals_pending", number(enforcement.pending)),
            ("mean_time_to_act", duration(enforcement.meanTimeToAct)),
            ("changes", number(changes.count)), ("changes_out_of_window", number(changes.outOfWindow)),
            ("changes_without_id", number(changes.withoutChangeID)), ("changes_denied", number(changes.denied)),
            ("mean_time_to_detect", duration(detection.meanTimeToDetect)),
            ("arrival_p95", duration(detection.arrivalP95.map(Double.init))),
            ("silenced", number(detection.silenced)), ("inhibited", number(detection.inhibited)),
            ("muted", number(detection.muted)), ("deliveries", number(detection.deliveries)),
            ("delivered", number(detection.delivered)), ("dead", number(detection.dead)),
            ("delivery_success", detection.deliverySuccess.map { .share($0) } ?? .missing),
            ("delivery_p95", duration(detection.deliveryP95.map(Double.init))),
            ("evidence_rows", .number(appendix.integrity.rows)), ("evidence_hash", .code(appendix.integrity.hash)),
        ]
    }
}

extension ReportTable {
    /// A number without groups.
    static func plain(_ value: Double, _ decimals: Int) -> String { NumberText.fixed(value, decimals) }
}
