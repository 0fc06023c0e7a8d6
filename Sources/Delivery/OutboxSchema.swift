// SPDX-License-Identifier: Apache-2.0
package import GRDB

/// The outbox's tables. Migrations are append-only; a database may hold other rooms' tables beside them.
package enum OutboxSchema {
    /// Creates or brings up to date the outbox's tables.
    ///
    /// - Throws: SQLite's error.
    package static func migrate(_ database: any DatabaseWriter) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("delivery 2026-11-21 create deliveries") { db in
            try db.execute(
                sql: """
                    CREATE TABLE deliveries (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        message_id TEXT NOT NULL,
                        target TEXT NOT NULL,
                        ordering_key TEXT NOT NULL,
                        body BLOB NOT NULL,
                        state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
                        attempts INTEGER NOT NULL DEFAULT 0,
                        -- Set only on the first pending row of a target and key: the others wait for it.
                        next_attempt_at INTEGER,
                        last_status INTEGER,
                        last_error TEXT,
                        created_at INTEGER NOT NULL,
                        updated_at INTEGER NOT NULL,
                        UNIQUE (message_id, target)
                    );
                    CREATE INDEX deliveries_due ON deliveries (target, next_attempt_at, id)
                        WHERE next_attempt_at IS NOT NULL;
                    CREATE INDEX deliveries_order ON deliveries (target, ordering_key, id) WHERE state = 'pending';
                    CREATE INDEX deliveries_dead ON deliveries (target, created_at) WHERE state = 'dead';
                    CREATE INDEX deliveries_delivered ON deliveries (updated_at) WHERE state = 'delivered';
                    CREATE TABLE delivery_targets (
                        name TEXT PRIMARY KEY NOT NULL,
                        disabled_reason TEXT,
                        held_until INTEGER,
                        last_success_at INTEGER,
                        failures_in_a_row INTEGER NOT NULL DEFAULT 0,
                        last_error TEXT
                    ) WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("delivery 2026-11-22 index deliveries for lists") { db in
            try db.execute(
                sql: """
                    CREATE INDEX deliveries_waiting ON deliveries (id) WHERE state = 'pending';
                    CREATE INDEX deliveries_given_up ON deliveries (id) WHERE state = 'dead';
                    """)
        }
        try migrator.migrate(database)
    }

    /// Opens a file for the outbox and what shares it: WAL, and every commit is on the disk before it returns, because the
    /// Kafka offset is committed after it.
    ///
    /// - Throws: SQLite's error.
    package static func open(path: String) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA synchronous = FULL") }
        return try DatabasePool(path: path, configuration: configuration)
    }
}
