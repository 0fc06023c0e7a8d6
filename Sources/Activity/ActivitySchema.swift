// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRDB

/// The tables of `activity.sqlite`: who accessed what, counted. Migrations are append-only. Times are ms since the epoch, UTC,
/// unless a column is called `hour` or `day`: those count whole hours and days since the epoch, UTC.
package enum ActivitySchema {
    /// Under this name counts what is beyond a limit; see ``ActivityLimits``.
    package static let others = "(others)"

    /// Opens the file, which is made if it is not there, and brings its tables up to date.
    ///
    /// `synchronous=NORMAL` with WAL: a killed process loses nothing that was committed. A power cut may lose the last commits,
    /// but counts and offsets together, and Kafka still has the events after those.
    ///
    /// - Throws: ``ActivityError``.
    package static func open(path: String) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA synchronous = NORMAL") }
        do {
            let database = try DatabasePool(path: path, configuration: configuration)
            try migrate(database)
            return database
        } catch {
            throw ActivityError(path: path, reason: "\(error)")
        }
    }

    /// Creates or brings up to date the tables.
    ///
    /// - Throws: SQLite's error.
    package static func migrate(_ database: any DatabaseWriter) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("activity 2026-11-22 create rollups") { db in try db.execute(sql: rollups) }
        migrator.registerMigration("activity 2026-11-22 index the days of an identity") { db in
            try db.execute(sql: "CREATE INDEX reach_days_identity ON reach_days (identity_id, day)")
        }
        migrator.registerMigration("activity 2026-11-22 count late events") { db in
            // Of the events: those whose record is more than ActivitySettings.lateness younger.
            try db.execute(sql: "ALTER TABLE coverage ADD COLUMN late INTEGER NOT NULL DEFAULT 0")
        }
        try migrator.migrate(database)
    }

    private static let rollups = """
        -- An identity or connection whose name is empty stands for events that name none.
        CREATE TABLE identities (
            id INTEGER PRIMARY KEY NOT NULL,
            identity TEXT NOT NULL UNIQUE,
            -- This and the next three of its latest event that says them; groups are a JSON array.
            name TEXT,
            email TEXT,
            groups TEXT,
            kind TEXT CHECK (kind IN ('human', 'service')),
            first_at INTEGER NOT NULL,
            last_at INTEGER NOT NULL
        );
        CREATE INDEX identities_folded ON identities (identity COLLATE NOCASE);
        CREATE INDEX identities_last ON identities (last_at, id);
        CREATE TABLE connections (
            id INTEGER PRIMARY KEY NOT NULL,
            name TEXT NOT NULL UNIQUE
        );
        CREATE TABLE resources (
            id INTEGER PRIMARY KEY NOT NULL,
            connection_id INTEGER NOT NULL REFERENCES connections,
            type TEXT NOT NULL,
            name TEXT NOT NULL,
            UNIQUE (connection_id, type, name)
        );
        CREATE INDEX resources_name ON resources (name);
        CREATE INDEX resources_type ON resources (type, name);
        CREATE TABLE hours (
            hour INTEGER NOT NULL,
            identity_id INTEGER NOT NULL,
            connection_id INTEGER NOT NULL,
            operation TEXT NOT NULL,
            decision TEXT NOT NULL CHECK (decision IN ('allowed', 'denied', 'approval', 'failed')),
            events INTEGER NOT NULL,
            items INTEGER NOT NULL,
            bytes_in INTEGER NOT NULL,
            bytes_out INTEGER NOT NULL,
            PRIMARY KEY (identity_id, hour, connection_id, operation, decision)
        ) WITHOUT ROWID;
        CREATE INDEX hours_hour ON hours (hour);
        -- The same of all identities together.
        CREATE TABLE hour_totals (
            hour INTEGER NOT NULL,
            connection_id INTEGER NOT NULL,
            operation TEXT NOT NULL,
            decision TEXT NOT NULL,
            events INTEGER NOT NULL,
            items INTEGER NOT NULL,
            bytes_in INTEGER NOT NULL,
            bytes_out INTEGER NOT NULL,
            PRIMARY KEY (hour, connection_id, operation, decision)
        ) WITHOUT ROWID;
        CREATE TABLE reach (
            identity_id INTEGER NOT NULL,
            resource_id INTEGER NOT NULL,
            first_at INTEGER NOT NULL,
            last_at INTEGER NOT NULL,
            events INTEGER NOT NULL,
            items INTEGER NOT NULL,
            bytes_out INTEGER NOT NULL,
            denied INTEGER NOT NULL,
            unapproved INTEGER NOT NULL,
            PRIMARY KEY (identity_id, resource_id)
        ) WITHOUT ROWID;
        CREATE INDEX reach_resource ON reach (resource_id, last_at);
        CREATE INDEX reach_first ON reach (first_at);
        CREATE TABLE reach_days (
            day INTEGER NOT NULL,
            identity_id INTEGER NOT NULL,
            resource_id INTEGER NOT NULL,
            events INTEGER NOT NULL,
            items INTEGER NOT NULL,
            bytes_out INTEGER NOT NULL,
            denied INTEGER NOT NULL,
            unapproved INTEGER NOT NULL,
            PRIMARY KEY (day, identity_id, resource_id)
        ) WITHOUT ROWID;
        CREATE INDEX reach_days_resource ON reach_days (resource_id, day);
        CREATE TABLE sessions (
            id INTEGER PRIMARY KEY NOT NULL,
            session TEXT NOT NULL,
            identity_id INTEGER NOT NULL,
            started_at INTEGER NOT NULL,
            last_at INTEGER NOT NULL,
            -- Of its earliest event.
            address TEXT,
            user_agent TEXT,
            events INTEGER NOT NULL,
            denied INTEGER NOT NULL,
            items INTEGER NOT NULL,
            bytes_out INTEGER NOT NULL,
            UNIQUE (identity_id, session)
        );
        CREATE INDEX sessions_identity ON sessions (identity_id, started_at);
        CREATE INDEX sessions_session ON sessions (session);
        CREATE INDEX sessions_last ON sessions (last_at);
        CREATE TABLE changes (
            event_id TEXT PRIMARY KEY NOT NULL,
            at INTEGER NOT NULL,
            identity_id INTEGER NOT NULL,
            operation TEXT NOT NULL,
            resource_id INTEGER,
            change_id TEXT,
            approval_id TEXT,
            decision TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX changes_at ON changes (at, event_id);
        CREATE INDEX changes_identity ON changes (identity_id, at);
        -- By the hour of the event; of what cannot be read, by that of its record.
        CREATE TABLE coverage (
            hour INTEGER NOT NULL,
            partition INTEGER NOT NULL,
            events INTEGER NOT NULL,
            unreadable INTEGER NOT NULL,
            PRIMARY KEY (hour, partition)
        ) WITHOUT ROWID;
        CREATE TABLE positions (
            topic TEXT NOT NULL,
            partition INTEGER NOT NULL,
            next_offset INTEGER NOT NULL,
            PRIMARY KEY (topic, partition)
        ) WITHOUT ROWID;
        -- Hashes of the ids of the latest events, 8 bytes each: an event that is sent twice counts once.
        CREATE TABLE recent_events (
            id INTEGER PRIMARY KEY NOT NULL,
            hashes BLOB NOT NULL
        );
        """
}

/// The hub cannot use the database of activity.
package struct ActivityError: Error, Sendable, CustomStringConvertible {
    /// The file.
    package let path: String
    /// What SQLite said.
    package let reason: String

    package var description: String {
        "the database of activity \(path) cannot be used: \(reason). Check that the folder exists, that it may be written, and that the disk has space; a file that is deleted is built anew from what Kafka still has."
    }
}
