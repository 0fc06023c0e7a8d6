// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

extension RoutingEngine {
    /// Puts the alerts that are kept into the groups of this configuration, if the last one had other routes or inhibitions. A group
    /// whose route is still there (by its matchers and receiver) keeps what was told of it.
    func reroute(now: Int64, in db: Database) throws {
        let fingerprint = configuration.fingerprint
        let last = try String.fetchOne(db, sql: "SELECT value FROM routing_settings WHERE name = 'configuration'")
        guard last != fingerprint else { return }
        var members: Set<String> = []
        var notified: [(group: Int64, alert: String)] = []
        for row in try Row.fetchAll(db, sql: "SELECT group_id, alert_id, notified FROM routing_members") {
            members.insert(row["alert_id"])
            if row["notified"] as Int == 1 { notified.append((row["group_id"], row["alert_id"])) }
        }
        try db.execute(sql: "DELETE FROM routing_members")
        try db.execute(sql: "DELETE FROM routing_sources")
        try db.execute(sql: "UPDATE routing_groups SET route = '', members = 0")
        var groups = GroupTable(routes: self)
        let rows = try Row.fetchCursor(
            db, sql: "SELECT id, labels, starts_at, ends_at FROM routing_alerts ORDER BY rowid")
        while let row = try rows.next() {
            let alert = RoutedAlert(
                id: row["id"], labels: try LabelSet(json: row["labels"]), startsAt: row["starts_at"])
            if row["ends_at"] as Int64? == nil { try note(sourcesOf: alert, in: db) }
            // The others were only counted, and are there because they inhibit.
            guard members.contains(alert.id) else { continue }
            for route in configuration.route.match(alert.labels) {
                _ = try groups.add(alert, to: route, isKept: true, notified: 0, now: now, in: db)
            }
        }
        try groups.save(in: db)
        try db.execute(sql: "DELETE FROM routing_groups WHERE route = ''")
        let statement = try db.cachedStatement(
            sql: "UPDATE routing_members SET notified = 1 WHERE group_id = ? AND alert_id = ?")
        for member in notified { try statement.execute(arguments: [member.group, member.alert]) }
        try db.execute(
            sql: """
                INSERT INTO routing_settings (name, value) VALUES ('configuration', ?)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value
                """, arguments: [fingerprint])
    }
}
