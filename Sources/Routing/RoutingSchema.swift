// SPDX-License-Identifier: Apache-2.0

package import GRDB

/// Routing's tables, beside the outbox's in the hub's database. Migrations are append-only. Times are ms since the epoch, UTC.
package enum RoutingSchema {
    /// Creates or brings up to date the tables.
    ///
    /// - Throws: SQLite's error.
    package static func migrate(_ database: any DatabaseWriter) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("routing 2026-11-21 create groups and silences") { db in
            try db.execute(
                sql: """
                    -- Alerts that are in a group, or that inhibit others.
                    CREATE TABLE routing_alerts (
                        id TEXT PRIMARY KEY NOT NULL,
                        -- By what it is resolved: its incident, or without one its own id.
                        incident TEXT NOT NULL,
                        labels TEXT NOT NULL,
                        finding BLOB NOT NULL,
                        starts_at INTEGER NOT NULL,
                        ends_at INTEGER
                    );
                    CREATE INDEX routing_alerts_open ON routing_alerts (incident) WHERE ends_at IS NULL;
                    CREATE INDEX routing_alerts_ended ON routing_alerts (ends_at) WHERE ends_at IS NOT NULL;
                    CREATE TABLE routing_incidents (
                        incident TEXT PRIMARY KEY NOT NULL,
                        last_at INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    CREATE INDEX routing_incidents_last ON routing_incidents (last_at);
                    -- A number is never used twice: it is part of the ids of notifications.
                    CREATE TABLE routing_groups (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        key TEXT NOT NULL,
                        receiver TEXT NOT NULL,
                        -- The route's id in the configuration in force.
                        route TEXT NOT NULL,
                        labels TEXT NOT NULL,
                        created_at INTEGER NOT NULL,
                        next_flush_at INTEGER NOT NULL,
                        members INTEGER NOT NULL DEFAULT 0,
                        -- Alerts past the limit of members, and how many of them were told.
                        counted INTEGER NOT NULL DEFAULT 0,
                        counted_notified INTEGER NOT NULL DEFAULT 0,
                        sequence INTEGER NOT NULL DEFAULT 0,
                        -- The last notification, and how many alerts fired in it.
                        notified_at INTEGER,
                        notified_firing INTEGER NOT NULL DEFAULT 0,
                        UNIQUE (key, receiver)
                    );
                    CREATE INDEX routing_groups_due ON routing_groups (next_flush_at, id);
                    CREATE TABLE routing_members (
                        group_id INTEGER NOT NULL REFERENCES routing_groups (id) ON DELETE CASCADE,
                        alert_id TEXT NOT NULL,
                        -- 1: the last notification said that it fires.
                        notified INTEGER NOT NULL DEFAULT 0,
                        PRIMARY KEY (group_id, alert_id)
                    ) WITHOUT ROWID;
                    CREATE INDEX routing_members_alert ON routing_members (alert_id);
                    -- Which alerts are the source of which inhibition, by the values of its equal labels.
                    CREATE TABLE routing_sources (
                        rule INTEGER NOT NULL,
                        equal TEXT NOT NULL,
                        -- 1: the alert is also a target of the rule.
                        two_sided INTEGER NOT NULL,
                        alert_id TEXT NOT NULL,
                        PRIMARY KEY (rule, equal, two_sided, alert_id)
                    ) WITHOUT ROWID;
                    CREATE INDEX routing_sources_alert ON routing_sources (alert_id);
                    CREATE TABLE routing_silences (
                        id TEXT PRIMARY KEY NOT NULL,
                        matchers TEXT NOT NULL,
                        starts_at INTEGER NOT NULL,
                        ends_at INTEGER NOT NULL,
                        created_by TEXT NOT NULL,
                        comment TEXT NOT NULL
                    ) WITHOUT ROWID;
                    CREATE INDEX routing_silences_end ON routing_silences (ends_at);
                    CREATE TABLE routing_settings (
                        name TEXT PRIMARY KEY NOT NULL,
                        value TEXT NOT NULL
                    ) WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("routing 2026-11-22 create acknowledgements") { db in
            try db.execute(
                sql: """
                    -- Incidents that somebody took, and the groups whose receivers have not heard so yet.
                    CREATE TABLE routing_acknowledgements (
                        group_id INTEGER NOT NULL REFERENCES routing_groups (id) ON DELETE CASCADE,
                        incident TEXT NOT NULL,
                        PRIMARY KEY (group_id, incident)
                    ) WITHOUT ROWID;
                    """)
        }
        try migrator.migrate(database)
    }
}
