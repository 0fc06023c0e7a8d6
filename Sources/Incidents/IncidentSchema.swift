// SPDX-License-Identifier: Apache-2.0

package import GRDB

/// The tables of incidents and of the evidence chain, in the hub's database. Migrations are append-only. Times are ms since the
/// epoch, UTC.
package enum IncidentSchema {
    /// Creates or brings up to date the tables.
    ///
    /// - Throws: SQLite's error.
    package static func migrate(_ database: any DatabaseWriter) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("incidents 2026-11-21 create incidents") { db in try db.execute(sql: incidents) }
        migrator.registerMigration("incidents 2026-11-21 create evidence") { db in try db.execute(sql: evidence) }
        migrator.registerMigration("incidents 2026-11-22 keep records of controls") { db in
            try db.execute(sql: controls)
        }
        migrator.registerMigration("incidents 2026-11-22 find orders by their alert, and controls that are over") {
            db in
            try db.execute(sql: findControls)
        }
        try migrator.migrate(database)
    }

    private static let incidents = """
        CREATE TABLE incidents (
            id TEXT PRIMARY KEY NOT NULL,
            identity TEXT,
            -- The identity in lower case: by what it is looked up.
            identity_key TEXT,
            -- Of its gravest alert.
            title TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('open', 'closed')),
            -- Counts what people do and what opens and closes it; alerts that join do not.
            version INTEGER NOT NULL,
            -- By the times of events.
            opened_at INTEGER NOT NULL,
            last_alert_at INTEGER NOT NULL,
            closes_at INTEGER NOT NULL,
            closed_at INTEGER,
            closed_why TEXT CHECK (closed_why IN ('quiet', 'person')),
            severity INTEGER NOT NULL,
            risk_score INTEGER,
            risk_terms TEXT,
            assignee TEXT,
            disposition TEXT CHECK (disposition IN ('true', 'false', 'benign')),
            disposition_reason TEXT,
            alerts INTEGER NOT NULL,
            comments INTEGER NOT NULL DEFAULT 0
        );
        CREATE INDEX incidents_open ON incidents (severity, last_alert_at, id) WHERE status = 'open';
        CREATE INDEX incidents_closing ON incidents (closes_at) WHERE status = 'open';
        CREATE INDEX incidents_time ON incidents (last_alert_at, id);
        CREATE INDEX incidents_identity ON incidents (identity_key, last_alert_at);
        CREATE TABLE incident_alerts (
            alert_id TEXT PRIMARY KEY NOT NULL,
            incident_id TEXT NOT NULL,
            rule TEXT NOT NULL,
            time INTEGER NOT NULL,
            severity INTEGER NOT NULL,
            -- The event that fired it, and what that one moved.
            event TEXT,
            resource TEXT,
            bytes INTEGER,
            items INTEGER,
            disposition TEXT
        ) WITHOUT ROWID;
        CREATE INDEX incident_alerts_incident ON incident_alerts (incident_id);
        CREATE INDEX incident_alerts_disposition ON incident_alerts (rule, disposition) WHERE disposition IS NOT NULL;
        CREATE VIEW rule_precision AS
            SELECT rule, sum(disposition = 'true') AS true_alerts, sum(disposition = 'false') AS false_alerts,
                sum(disposition = 'benign') AS benign_alerts, 1.0 - avg(disposition = 'false') AS precision
            FROM incident_alerts WHERE disposition IS NOT NULL GROUP BY rule;
        -- An order that is read before its alert names an incident that is not there yet: no foreign key.
        CREATE TABLE incident_entries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            incident_id TEXT NOT NULL,
            at INTEGER NOT NULL,
            kind TEXT NOT NULL,
            who TEXT,
            reference TEXT,
            text TEXT NOT NULL
        );
        CREATE INDEX incident_entries_time ON incident_entries (incident_id, at, id);
        -- Read twice, said once.
        CREATE UNIQUE INDEX incident_entries_reference ON incident_entries (incident_id, kind, reference)
            WHERE reference IS NOT NULL;
        -- Orders and approvals that were seen, until some time after they are over: ControlTimeline.retention.
        CREATE TABLE incident_controls (
            id TEXT PRIMARY KEY NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('order', 'approval')),
            incident_id TEXT,
            identity_key TEXT,
            state TEXT NOT NULL,
            at INTEGER NOT NULL,
            until INTEGER NOT NULL,
            who TEXT NOT NULL,
            text TEXT NOT NULL
        );
        CREATE INDEX incident_controls_identity ON incident_controls (identity_key, state);
        CREATE INDEX incident_controls_incident ON incident_controls (incident_id);
        CREATE INDEX incident_controls_until ON incident_controls (until);
        CREATE TABLE feedback_outbox (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            alert_id TEXT NOT NULL,
            value TEXT NOT NULL
        );
        """

    private static let controls = """
        -- The order or request as JSON, and what persons said of it: an array of their lifts or decisions.
        ALTER TABLE incident_controls ADD COLUMN record TEXT;
        ALTER TABLE incident_controls ADD COLUMN words TEXT;
        CREATE INDEX incident_controls_time ON incident_controls (kind, at, id);
        CREATE INDEX incident_controls_state ON incident_controls (kind, state, at, id);
        DROP INDEX incident_controls_identity;
        CREATE INDEX incident_controls_identity ON incident_controls (identity_key, state, kind, at);
        DROP INDEX incident_alerts_incident;
        CREATE INDEX incident_alerts_incident ON incident_alerts (incident_id, time, alert_id);
        """

    private static let findControls = """
        -- Orders that were read before the alert that led to them.
        CREATE INDEX incident_controls_alert ON incident_controls (json_extract(record, '$.alert_uid'))
            WHERE kind = 'order' AND incident_id IS NULL;
        CREATE INDEX incident_controls_running ON incident_controls (until)
            WHERE state IN ('active', 'observed', 'pending', 'approved');
        """

    private static let evidence = """
        CREATE TABLE evidence (
            sequence INTEGER PRIMARY KEY NOT NULL,
            at INTEGER NOT NULL,
            actor TEXT NOT NULL,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            payload TEXT NOT NULL,
            previous_hash TEXT NOT NULL,
            hash TEXT NOT NULL
        );
        CREATE INDEX evidence_actor ON evidence (actor, sequence);
        CREATE INDEX evidence_subject ON evidence (subject, sequence);
        CREATE TABLE evidence_heads (
            sequence INTEGER PRIMARY KEY NOT NULL,
            record TEXT NOT NULL
        );
        -- Against accidents; the chain is against intent.
        CREATE TRIGGER evidence_stays BEFORE UPDATE ON evidence
            BEGIN SELECT RAISE(ABORT, 'a row of evidence is never changed'); END;
        CREATE TRIGGER evidence_is_kept BEFORE DELETE ON evidence
            BEGIN SELECT RAISE(ABORT, 'a row of evidence is never deleted'); END;
        """
}
