// SPDX-License-Identifier: Apache-2.0

import GRDB

/// The tables of `recordings.sqlite`, a file of its own beside the hub's: a thousand times as large, and deleted from. Migrations are
/// append-only. Times are ms since the epoch, UTC.
enum RecordingSchema {
    static func open(path: String) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            // The place in Kafka is in the same file: what a power cut takes back is read again.
            try db.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; PRAGMA mmap_size = 268435456")
        }
        let database = try DatabasePool(path: path, configuration: configuration)
        try migrate(database)
        return database
    }

    static func migrate(_ database: any DatabaseWriter) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("recordings 2026-11-22 create recordings") { db in try db.execute(sql: tables) }
        try migrator.migrate(database)
    }

    private static let tables = """
        -- In the order of arrival. What stands in columns is also in content: the chain covers content, verify compares.
        CREATE TABLE recordings (
            sequence INTEGER PRIMARY KEY NOT NULL,
            uid TEXT NOT NULL UNIQUE,
            at INTEGER NOT NULL,
            received_at INTEGER NOT NULL,
            identity TEXT,
            session_id INTEGER,
            connection TEXT,
            operation TEXT NOT NULL,
            -- The first one, TYPE:NAME.
            resource TEXT,
            method TEXT NOT NULL,
            path TEXT NOT NULL,
            status INTEGER NOT NULL,
            decision TEXT NOT NULL,
            items INTEGER,
            request_bytes INTEGER NOT NULL,
            response_bytes INTEGER NOT NULL,
            hash BLOB NOT NULL,
            -- The recording's JSON as it came, and zlib (RFC 1950) of it.
            content_bytes INTEGER NOT NULL,
            content BLOB NOT NULL
        );
        CREATE INDEX recordings_session ON recordings (session_id, at) WHERE session_id IS NOT NULL;
        -- Terms of what is filtered by, and the words of the exchange. Without content of its own: that is compressed above.
        CREATE VIRTUAL TABLE recording_text USING fts5(terms, words, content = '', tokenize = 'unicode61');
        CREATE TABLE recording_sessions (
            id INTEGER PRIMARY KEY NOT NULL,
            session TEXT NOT NULL,
            identity TEXT NOT NULL,
            started_at INTEGER NOT NULL,
            last_at INTEGER NOT NULL,
            exchanges INTEGER NOT NULL,
            -- Exchanges that were not allowed.
            refused INTEGER NOT NULL,
            request_bytes INTEGER NOT NULL,
            response_bytes INTEGER NOT NULL,
            address TEXT,
            UNIQUE (session, identity)
        );
        CREATE INDEX recording_sessions_time ON recording_sessions (last_at, id);
        CREATE INDEX recording_sessions_identity ON recording_sessions (identity, last_at, id);
        -- Between which rows the recordings of an hour (epoch hours UTC) are.
        CREATE TABLE recording_hours (
            hour INTEGER PRIMARY KEY NOT NULL,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL
        );
        CREATE TABLE recording_positions (
            topic TEXT NOT NULL,
            partition INTEGER NOT NULL,
            next_offset INTEGER NOT NULL,
            PRIMARY KEY (topic, partition)
        ) WITHOUT ROWID;
        CREATE TABLE recording_heads (
            sequence INTEGER PRIMARY KEY NOT NULL,
            record TEXT NOT NULL
        );
        -- Rows up to this one were deleted for their age. One row; record is the hub's signature, NULL where it has no key.
        CREATE TABLE recording_cut (
            sequence INTEGER PRIMARY KEY NOT NULL,
            hash BLOB NOT NULL,
            record TEXT
        );
        CREATE TRIGGER recordings_stay BEFORE UPDATE ON recordings
            BEGIN SELECT RAISE(ABORT, 'a recording is never changed'); END;
        """
}
