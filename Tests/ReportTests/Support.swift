// SPDX-License-Identifier: Apache-2.0

import Activity
import Foundation
import GRDB
import Hub
import Incidents
import Report

let hour: Int64 = 3_600_000
let day: Int64 = 24 * hour
/// Monday, 2026-11-09T00:00:00Z: 2026-W46 begins.
let monday: Int64 = 1_794_182_400_000

/// The databases of a hub, with rows put in by hand.
struct World {
    let hub: DatabaseQueue
    let activity: DatabaseQueue
    let incidents = IncidentStore { _, _, _, _ in }

    init() throws {
        hub = try DatabaseQueue()
        activity = try DatabaseQueue()
        try HubSchema.migrate(hub)
        try ActivitySchema.migrate(activity)
    }

    func report(
        _ week: String = "2026-W46", zone: String = "UTC", edition: WeeklyReport.Edition = .pseudonymous,
        people: [ReportPerson] = people
    ) throws -> WeeklyReport {
        try ReportSource(hub: hub, activity: activity).report(
            on: ReportPeriod(week: week, zone: zone), settings: settings(people: people), edition: edition)
    }

    func document(_ edition: WeeklyReport.Edition = .pseudonymous) throws -> ReportDocument {
        try ReportDocument(report(edition: edition))
    }

    // MARK: Rows

    func alert(
        _ id: String, _ identity: String?, rule: String = "bulk-id", title: String = "Bulk pull of vectors",
        severity: Int = 4, at time: Int64, risk: Double? = nil, incident: String? = nil, status: String = "stable",
        event: String? = nil, resource: String? = nil, bytes: Int64? = nil, items: Int64? = nil
    ) throws {
        var finding: [String: Any] = [
            "time": time, "finding_info": ["uid": id, "title": title, "first_seen_time": time - 60_000],
        ]
        if let risk {
            finding["risk_score"] = Int(risk.rounded())
            finding["unmapped"] = ["risk_terms": [["rule": "gw_bulk", "points": risk, "alerts": 2, "time": time]]]
        }
        let json = String(
            decoding: try JSONSerialization.data(withJSONObject: finding, options: .sortedKeys), as: UTF8.self)
        try hub.write { db in
            try db.execute(
                sql: """
                    INSERT INTO alerts (id, identity, rule, title, severity, time, rule_status, json, topic, partition,
                        first_seen_offset, received_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'gatewatch.alerts', 0, 0, ?)
                    """,
                arguments: [id, identity, rule, title, severity, time, status, json, time + 2_000])
            guard status != "experimental" else { return }
            _ = try incidents.take(
                IncidentAlert(
                    id: id, incident: incident, identity: identity, rule: rule, title: title,
                    message: "\(identity ?? "somebody") pulled vectors", severity: severity, time: time,
                    riskScore: risk.map { Int($0.rounded()) }, event: event, resource: resource, bytes: bytes,
                    items: items),
                now: time, in: db)
        }
    }

    func act(_ action: IncidentAction, on incident: String, by actor: String = "ben@example.com", at time: Int64) throws
    {
        try hub.write { db in _ = try incidents.act(action, on: incident, by: actor, now: time, in: db) }
    }

    func run(_ sql: String, _ arguments: StatementArguments = []) throws {
        try hub.write { try $0.execute(sql: sql, arguments: arguments) }
    }

    func use(
        _ identity: String, name: String? = nil, _ operation: String = "vectors.query", on resource: String,
        type: String = "collection", connection: String = "vectors", at time: Int64, events: Int = 1, items: Int = 0,
        bytes: Int = 0, decision: String = "allowed", unapproved: Int = 0
    ) throws {
        let denied = decision == "allowed" ? 0 : events
        try activity.write { db in
            try db.execute(
                sql: """
                    INSERT INTO identities (identity, name, first_at, last_at) VALUES (?, ?, ?, ?)
                        ON CONFLICT DO UPDATE SET first_at = min(first_at, excluded.first_at),
                            last_at = max(last_at, excluded.last_at);
                    INSERT OR IGNORE INTO connections (name) VALUES (?);
                    INSERT OR IGNORE INTO resources (connection_id, type, name)
                        SELECT id, ?, ? FROM connections WHERE name = ?;
                    """, arguments: [identity, name, time, time, connection, type, resource, connection])
            let keys = try Row.fetchOne(
                db,
                sql: """
                    SELECT i.id AS identity, c.id AS connection, r.id AS resource FROM identities i, connections c, resources r
                    WHERE i.identity = ? AND c.name = ? AND r.connection_id = c.id AND r.type = ? AND r.name = ?
                    """, arguments: [identity, connection, type, resource])
            guard let keys else { return }
            let (who, place, what) = (keys["identity"] as Int64, keys["connection"] as Int64, keys["resource"] as Int64)
            try db.execute(
                sql: """
                    INSERT INTO hours VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT DO UPDATE SET
                        events = events + excluded.events, items = items + excluded.items,
                        bytes_out = bytes_out + excluded.bytes_out
                    """, arguments: [time / hour, who, place, operation, decision, events, items, bytes])
            try db.execute(
                sql: """
                    INSERT INTO hour_totals VALUES (?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT DO UPDATE SET
                        events = events + excluded.events, items = items + excluded.items,
                        bytes_out = bytes_out + excluded.bytes_out
                    """, arguments: [time / hour, place, operation, decision, events, items, bytes])
            let sums =
                "events = events + excluded.events, items = items + excluded.items, "
                + "bytes_out = bytes_out + excluded.bytes_out, denied = denied + excluded.denied, "
                + "unapproved = unapproved + excluded.unapproved"
            try db.execute(
                sql: "INSERT INTO reach_days VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \(sums)",
                arguments: [time / day, who, what, events, items, bytes, denied, unapproved])
            try db.execute(
                sql: """
                    INSERT INTO reach VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \(sums),
                        first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)
                    """, arguments: [who, what, time, time, events, items, bytes, denied, unapproved])
            try db.execute(
                sql: """
                    INSERT INTO coverage VALUES (?, 0, ?, 0) ON CONFLICT DO UPDATE SET events = events + excluded.events
                    """, arguments: [time / hour, events])
            if operation == "config.change" {
                try db.execute(
                    sql: "INSERT INTO changes VALUES (?, ?, ?, ?, ?, NULL, NULL, ?)",
                    arguments: ["change-\(time)", time, who, operation, what, decision])
            }
        }
    }

    func session(_ id: String, _ identity: String, from: Int64, to: Int64, address: String) throws {
        try activity.write { db in
            try db.execute(
                sql: """
                    INSERT INTO sessions (session, identity_id, started_at, last_at, address, events, denied, items, bytes_out)
                    SELECT ?, id, ?, ?, ?, 1, 0, 0, 0 FROM identities WHERE identity = ?
                    """, arguments: [id, from, to, address, identity])
        }
    }
}

let people = [
    ReportPerson(uid: "ana@example.com", aliases: ["ana.sommer"], role: "data scientist", peerGroup: "research"),
    ReportPerson(uid: "cleo@example.com", role: "engineer", endDate: "2026-11-08"),
]

let rules = [
    ReportRule(
        id: "bulk-id", name: "gw_bulk", title: "Bulk pull", level: "high", status: "stable", folder: "bulk_requests",
        digest: "1"),
    ReportRule(
        id: "window-id", name: "gw_window", title: "Off window", level: "high", status: "stable",
        folder: "configuration",
        digest: "2"),
    ReportRule(
        id: "quiet-id", name: "gw_quiet", title: "Quiet", level: "low", status: "test", folder: "reach", digest: "3"),
    ReportRule(
        id: "tried-id", name: "gw_tried", title: "Tried", level: "low", status: "experimental", folder: "reach",
        digest: "4"),
]

func settings(people: [ReportPerson] = people, rules: [ReportRule] = rules) throws -> ReportSettings {
    ReportSettings(
        pseudonyms: try PseudonymKey(bytes: Array(repeating: 7, count: 32)), version: "0.1.0", tenant: "Example",
        rules: rules, people: people)
}

/// A week with something in every section; `order` shuffles in which order the rows come.
func busyWorld(reversed: Bool = false) throws -> World {
    let world = try World()
    var steps: [() throws -> Void] = []
    let people = ["ana@example.com", "cleo@example.com", "dan@example.com", "eve@example.com"]
    for week in 0..<5 {
        for weekday in 0..<5 {
            for (index, person) in people.enumerated() {
                let at = monday - Int64(4 - week) * 7 * day + Int64(weekday) * day + Int64(8 + index) * hour
                steps.append {
                    try world.use(
                        person, name: "Name of \(person.prefix(3))", on: "docs-\(index)", at: at, events: 20,
                        items: 400,
                        bytes: 1_000_000)
                }
            }
        }
    }
    steps += [
        {
            try world.use(
                "ana@example.com", "checkpoint.download", on: "llm-7b", type: "checkpoint", connection: "models",
                at: monday + day + 11 * hour, events: 2, bytes: 20_000_000_000, unapproved: 2)
        },
        {
            try world.use(
                "dan@example.com", "corpus.read", on: "corpus-of-ana@example.com", type: "corpus", connection: "lake",
                at: monday + 2 * day, events: 3, items: 9_000, bytes: 4_000, decision: "denied")
        },
        {
            try world.use(
                "eve@example.com", "config.change", on: "pipeline", type: "pipeline_config", at: monday + 3 * day)
        },
        { try world.use("old@example.com", on: "docs-0", at: monday - 90 * day) },
    ]
    for step in reversed ? steps.reversed() : steps { try step() }
    try world.session("s1", "ana@example.com", from: monday, to: monday + 30 * hour, address: "10.0.0.1")
    try world.session("s2", "ana@example.com", from: monday + hour, to: monday + 2 * hour, address: "10.9.9.9")

    var alerts: [() throws -> Void] = [
        { try world.alert("a0", "ana@example.com", at: monday - 7 * day, risk: 40, incident: "incident-0") },
        {
            try world.alert(
                "a1", "ana@example.com", severity: 5, at: monday + day + 11 * hour, risk: 95, incident: "incident-1",
                event: "ana@example.com/1", resource: "llm-7b", bytes: 20_000_000_000, items: 4)
        },
        {
            try world.alert(
                "a2", "dan@example.com", severity: 3, at: monday + 2 * day, risk: 25, incident: "incident-2")
        },
        {
            try world.alert(
                "a3", "eve@example.com", rule: "window-id", title: "Changed by eve@example.com", severity: 4,
                at: monday + 3 * day, risk: 30, incident: "incident-3", event: "change-\(monday + 3 * day)")
        },
        { try world.alert("a4", "eve@example.com", rule: "tried-id", at: monday + 3 * day, status: "experimental") },
    ]
    if reversed { alerts.reverse() }
    for alert in alerts { try alert() }
    try world.act(.assign("ben@example.com"), on: "incident-1", at: monday + day + 12 * hour)
    try world.act(.comment("asked Ana, she said dan knows"), on: "incident-1", at: monday + day + 13 * hour)
    try world.act(.dispose(.isFalse, reason: "dan@example.com tested"), on: "incident-2", at: monday + 3 * day)
    try world.act(.close(reason: nil), on: "incident-2", at: monday + 3 * day)
    try world.run(
        """
        INSERT INTO incident_controls (id, kind, incident_id, identity_key, state, at, until, who, text, record) VALUES
            ('order-1', 'order', 'incident-1', 'ana@example.com', 'active', ?1, ?1 + 3600000, 'detector-1',
                'revoke_tokens on identity ana@example.com', '{"issuer":{"kind":"automation"},"alert_uid":"a1"}'),
            ('order-2', 'order', 'incident-2', 'dan@example.com', 'lifted', ?1, ?1 + 3600000, 'ben@example.com',
                'block on identity dan@example.com', '{"issuer":{"kind":"person"}}'),
            ('approval-1', 'approval', NULL, 'ana@example.com', 'expired', ?1, ?1 + 60000, 'ana@example.com',
                'checkpoint.download on models llm-7b', NULL)
        """, [monday + day + 11 * hour + 5_000])
    try world.run(
        """
        INSERT INTO deliveries (message_id, target, ordering_key, body, state, created_at, updated_at) VALUES
            ('m1', 'soc', 'k', x'00', 'delivered', ?1, ?1 + 100), ('m2', 'soc', 'k', x'00', 'delivered', ?1, ?1 + 900),
            ('m3', 'soc', 'k', x'00', 'dead', ?1, ?1)
        """, [monday + day])
    return world
}
