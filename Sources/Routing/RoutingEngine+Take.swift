// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRDB

extension RoutingEngine {
    /// Takes alerts in: each goes into its group of every route that takes it. One that is there already, by its id, is brought up to
    /// date. Alerts of experimental rules are not for routing: the caller leaves them out.
    ///
    /// - Throws: SQLite's error; then the caller's transaction must not be committed.
    package func take(_ alerts: [RoutedAlert], now: Int64, in db: Database) throws {
        var groups = GroupTable(routes: self)
        var incidents: Set<String> = []
        var count = try Int.fetchOne(db.cachedStatement(sql: "SELECT count(*) FROM routing_alerts")) ?? 0
        for alert in alerts {
            let taking = configuration.route.match(alert.labels)
            let incident = Self.incident(of: alert)
            if try update(alert, incident, in: db) {
                try groups.move(alert, to: taking, now: now, in: db)
                try note(sourcesOf: alert, in: db)
                incidents.insert(incident)
                continue
            }
            var isKept = try count < limits.alerts && note(sourcesOf: alert, in: db)
            for route in taking {
                let isMember = try groups.add(
                    alert, to: route, isKept: count < limits.alerts, notified: 0, now: now, in: db)
                isKept = isKept || isMember
            }
            guard isKept else { continue }
            try insert(alert, incident, in: db)
            count += 1
            incidents.insert(incident)
        }
        try groups.save(in: db)
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO routing_incidents (incident, last_at) VALUES (?, ?)
                ON CONFLICT (incident) DO UPDATE SET last_at = max(last_at, excluded.last_at)
                """)
        for incident in incidents { try statement.execute(arguments: [incident, now]) }
    }

    /// By what an alert is resolved.
    static func incident(of alert: RoutedAlert) -> String {
        let incident = alert.labels["incident"]
        return incident.isEmpty ? alert.id : incident
    }

    private func insert(_ alert: RoutedAlert, _ incident: String, in db: Database) throws {
        try db.cachedStatement(
            sql: "INSERT INTO routing_alerts (id, incident, labels, finding, starts_at) VALUES (?, ?, ?, ?, ?)"
        ).execute(arguments: [alert.id, incident, alert.labels.json, Data(alert.finding), alert.startsAt])
    }

    /// False if the alert is not there. One that was over fires again.
    private func update(_ alert: RoutedAlert, _ incident: String, in db: Database) throws -> Bool {
        try db.cachedStatement(
            sql: """
                UPDATE routing_alerts SET incident = ?, labels = ?, finding = ?, starts_at = ?, ends_at = NULL WHERE id = ?
                """
        ).execute(arguments: [incident, alert.labels.json, Data(alert.finding), alert.startsAt, alert.id])
        guard db.changesCount > 0 else { return false }
        try db.cachedStatement(sql: "DELETE FROM routing_sources WHERE alert_id = ?").execute(arguments: [alert.id])
        return true
    }

    /// Notes of which inhibitions the alert is a source. False if of none.
    @discardableResult
    func note(sourcesOf alert: RoutedAlert, in db: Database) throws -> Bool {
        var isSource = false
        for (index, rule) in configuration.inhibitRules.enumerated() where rule.sourceMatchers.match(alert.labels) {
            isSource = true
            try db.cachedStatement(
                sql: "INSERT OR IGNORE INTO routing_sources (rule, equal, two_sided, alert_id) VALUES (?, ?, ?, ?)"
            ).execute(arguments: [
                index, rule.equalKey(alert.labels), rule.targetMatchers.match(alert.labels) ? 1 : 0, alert.id,
            ])
        }
        return isSource
    }
}

/// The groups that a transaction puts alerts into: each is looked up once.
struct GroupTable {
    /// A row of `routing_groups`, as far as putting in needs it.
    private struct Group {
        var id: Int64
        var members: Int
        var counted: Int
    }

    private let engine: RoutingEngine
    private var groups: [GroupName: Group] = [:]
    private var changed: Set<GroupName> = []
    private var count: Int?

    /// What a group is known by.
    private struct GroupName: Hashable {
        let key: String
        let receiver: String
    }

    init(routes engine: RoutingEngine) { self.engine = engine }

    /// Puts an alert into its group of a route; the group is made if it is not there.
    ///
    /// - Parameter isKept: whether there is room for the alert among all.
    /// - Returns: false if it was only counted.
    mutating func add(
        _ alert: RoutedAlert, to route: Route, isKept: Bool, notified: Int, now: Int64, in db: Database
    ) throws -> Bool {
        let name = try find(route, route.groupLabels(alert.labels), now: now, in: db)
        guard var group = groups[name] else { return false }
        defer {
            groups[name] = group
            changed.insert(name)
        }
        // The first one always is: a group that only counts would never be told of.
        guard isKept && group.members < engine.limits.members || group.members == 0 else {
            group.counted += 1
            return false
        }
        try db.cachedStatement(
            sql: "INSERT OR IGNORE INTO routing_members (group_id, alert_id, notified) VALUES (?, ?, ?)"
        ).execute(arguments: [group.id, alert.id, notified])
        group.members += db.changesCount
        return true
    }

    /// Brings the groups of an alert that is there already in line with its labels.
    mutating func move(_ alert: RoutedAlert, to taking: [Route], now: Int64, in db: Database) throws {
        let rows = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT group_id, notified FROM routing_members WHERE alert_id = ?"),
            arguments: [alert.id])
        var old = Dictionary(uniqueKeysWithValues: rows.map { ($0["group_id"] as Int64, $0["notified"] as Int) })
        for route in taking {
            let name = try find(route, route.groupLabels(alert.labels), now: now, in: db)
            if let group = groups[name], old.removeValue(forKey: group.id) != nil { continue }
            _ = try add(alert, to: route, isKept: true, notified: 0, now: now, in: db)
        }
        for id in old.keys {
            try db.cachedStatement(sql: "DELETE FROM routing_members WHERE group_id = ? AND alert_id = ?")
                .execute(arguments: [id, alert.id])
            try db.cachedStatement(sql: "UPDATE routing_groups SET members = members - 1 WHERE id = ?")
                .execute(arguments: [id])
            for (name, group) in groups where group.id == id { groups[name]?.members -= 1 }
        }
    }

    /// Writes the counts.
    func save(in db: Database) throws {
        let statement = try db.cachedStatement(
            sql: "UPDATE routing_groups SET members = ?, counted = ? WHERE id = ?")
        for name in changed {
            if let group = groups[name] { try statement.execute(arguments: [group.members, group.counted, group.id]) }
        }
    }

    private mutating func find(_ route: Route, _ labels: LabelSet, now: Int64, in db: Database) throws -> GroupName {
        let name = GroupName(key: route.groupKey(labels), receiver: route.receiver)
        if groups[name] != nil { return name }
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT id, route, members, counted FROM routing_groups WHERE key = ? AND receiver = ?"),
            arguments: [name.key, name.receiver])
        if let row {
            groups[name] = Group(id: row["id"], members: row["members"], counted: row["counted"])
            if row["route"] as String != route.id {
                try db.cachedStatement(sql: "UPDATE routing_groups SET route = ? WHERE id = ?")
                    .execute(arguments: [route.id, row["id"] as Int64])
            }
            return name
        }
        let known = try count ?? Int.fetchOne(db.cachedStatement(sql: "SELECT count(*) FROM routing_groups")) ?? 0
        count = known
        // The group of the rest is always let in: there is one per route.
        guard known < engine.limits.groups || labels.isEmpty else {
            return try find(route, LabelSet([]), now: now, in: db)
        }
        try db.cachedStatement(
            sql: """
                INSERT INTO routing_groups (key, receiver, route, labels, created_at, next_flush_at) VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [name.key, name.receiver, route.id, labels.json, now, now + route.groupWait])
        groups[name] = Group(id: db.lastInsertedRowID, members: 0, counted: 0)
        count = known + 1
        return name
    }
}
