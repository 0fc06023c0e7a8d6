// SPDX-License-Identifier: Apache-2.0

package import GRDB

/// The desk's tables, in the hub's database. Migrations are append-only. Times are ms since the epoch, UTC.
package enum DeskSchema {
    /// Creates or brings up to date the tables.
    ///
    /// - Throws: SQLite's error.
    package static func migrate(_ database: any DatabaseWriter) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("desk 2026-11-22 create people and tokens") { db in
            try db.execute(
                sql: """
                    -- Who has logged in, and what the last login said of them.
                    CREATE TABLE people (
                        -- The identity in lower case.
                        identity_key TEXT PRIMARY KEY NOT NULL,
                        identity TEXT NOT NULL,
                        name TEXT NOT NULL,
                        -- JSON arrays of texts.
                        aliases TEXT NOT NULL,
                        groups TEXT NOT NULL,
                        roles TEXT NOT NULL,
                        seen_at INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    CREATE TABLE api_tokens (
                        id TEXT PRIMARY KEY NOT NULL,
                        -- SHA-256 of the token, hexadecimal; the token itself is kept nowhere.
                        hash TEXT NOT NULL UNIQUE,
                        name TEXT NOT NULL,
                        owner TEXT NOT NULL,
                        -- The owner in lower case.
                        owner_key TEXT NOT NULL,
                        roles TEXT NOT NULL,
                        created_at INTEGER NOT NULL,
                        created_by TEXT NOT NULL,
                        expires_at INTEGER NOT NULL,
                        last_used_at INTEGER,
                        revoked_at INTEGER,
                        revoked_by TEXT
                    ) WITHOUT ROWID;
                    CREATE INDEX api_tokens_owner ON api_tokens (owner_key);
                    CREATE INDEX api_tokens_created ON api_tokens (created_at, id);
                    """)
        }
        try migrator.migrate(database)
    }
}
