// SPDX-License-Identifier: Apache-2.0

package import GRDB

/// The tables of logins, in the hub's database. Nothing in them opens a session: ids and states are kept as SHA-256.
package enum WebSchema {
    /// Creates or brings up to date the tables.
    ///
    /// - Throws: SQLite's error.
    package static func migrate(_ database: any DatabaseWriter) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("web 2026-11-22 create sessions") { db in
            try db.execute(
                sql: """
                    CREATE TABLE web_sessions (
                        id_hash BLOB PRIMARY KEY NOT NULL,
                        identity TEXT NOT NULL,
                        name TEXT NOT NULL,
                        -- JSON arrays of texts.
                        aliases TEXT NOT NULL,
                        groups TEXT NOT NULL,
                        address TEXT NOT NULL,
                        user_agent TEXT NOT NULL,
                        created_at INTEGER NOT NULL,
                        last_seen_at INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    CREATE INDEX web_sessions_identity ON web_sessions (identity, created_at);
                    CREATE INDEX web_sessions_created ON web_sessions (created_at);
                    -- Logins that were begun.
                    CREATE TABLE web_logins (
                        state_hash BLOB PRIMARY KEY NOT NULL,
                        browser_hash BLOB NOT NULL,
                        nonce TEXT NOT NULL,
                        verifier TEXT NOT NULL,
                        return_to TEXT NOT NULL,
                        expires_at INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    CREATE INDEX web_logins_expiry ON web_logins (expires_at);
                    """)
        }
        try migrator.migrate(database)
    }
}
