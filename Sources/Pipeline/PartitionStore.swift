// SPDX-License-Identifier: Apache-2.0

package import Detection
import Foundation
import GRDB
import GRDBSQLite
package import Orders

/// The state of one partition in a SQLite file of its own: windows, the next offset and outgoing records, changed in one
/// transaction. Owned by one thread; another process that opens the file takes it over (`PartitionStore.Fenced`).
///
/// `synchronous=NORMAL` with WAL: a killed process loses nothing that was committed. A power cut may lose the last
/// commits, but state and offset together, and Kafka still has the events after that offset.
package final class PartitionStore {
    /// Another process has opened this partition since.
    package struct Fenced: Error, CustomStringConvertible {
        let path: String
        package var description: String {
            "\(path) was taken over by another process; this one lets go of the partition."
        }
    }

    /// The file cannot be used.
    package struct StoreError: Error, CustomStringConvertible {
        package let description: String
    }

    /// A record for Kafka that waits for its delivery report.
    package struct Outgoing: Sendable {
        package let id: Int64
        package let topic: String
        package let key: [UInt8]?
        package let payload: [UInt8]?
        package let headers: [(String, [UInt8])]
    }

    /// A record to be written to the outbox.
    package struct Draft {
        let topic: String
        let key: [UInt8]?
        let payload: [UInt8]?
        let headers: [(String, [UInt8])]

        package init(topic: String, key: [UInt8]?, payload: [UInt8]?, headers: [(String, [UInt8])]) {
            self.topic = topic
            self.key = key
            self.payload = payload
            self.headers = headers
        }
    }

    /// What one commit writes.
    package struct Commit {
        package var changes: [EngineChange] = []
        package var nextOffset: Int64
        package var newest: Int64?
        package var drafts: [Draft] = []
        /// Outbox ids whose records Kafka has.
        package var delivered: [Int64] = []
        /// When not nil, rows of other states are deleted: their rules are gone.
        package var knownStates: Set<UInt64>?
        /// Automatic orders among the drafts, for the books of the budget.
        package var issued: [OrderLedger.Entry] = []
        /// Orders issued before this moment are forgotten, ms since the epoch, UTC.
        package var issuedSince: Int64 = .min

        package init(nextOffset: Int64, newest: Int64?) {
            self.nextOffset = nextOffset
            self.newest = newest
        }
    }

    /// How long an automatic order stays in the books, ms: budgets look back one hour, and clocks are set.
    package static let booksMilliseconds: Int64 = 2 * 3_600_000

    let path: String
    private let queue: DatabaseQueue
    private let epoch: Int64

    /// Opens or makes the file and takes it over.
    package init(path: String) throws {
        self.path = path
        do {
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            var configuration = GRDB.Configuration()
            configuration.busyMode = .timeout(10)
            configuration.prepareDatabase { database in
                try database.execute(sql: "PRAGMA journal_mode = WAL")
                try database.execute(sql: "PRAGMA synchronous = NORMAL")
            }
            queue = try DatabaseQueue(path: path, configuration: configuration)
            var migrator = DatabaseMigrator()
            migrator.registerMigration("2026-11-21 create partition") { database in
                try database.execute(
                    sql: """
                        CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
                        CREATE TABLE state (
                            state INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (state, key)
                        ) WITHOUT ROWID;
                        CREATE TABLE outbox (
                            id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, key BLOB, payload BLOB,
                            headers TEXT NOT NULL
                        );
                        """)
            }
            migrator.registerMigration("2026-11-21 create issued orders") { database in
                try database.execute(
                    sql: """
                        CREATE TABLE issued (
                            id TEXT PRIMARY KEY, subject TEXT NOT NULL, issued_at INTEGER NOT NULL
                        ) WITHOUT ROWID;
                        """)
            }
            try migrator.migrate(queue)
            epoch = try queue.write { database in
                let epoch = (try Self.meta("epoch", database) ?? 0) + 1
                try Self.setMeta("epoch", epoch, database)
                return epoch
            }
        } catch {
            throw StoreError(
                description:
                    "\(path): the partition's state cannot be opened: \(error). Check folder, rights and free space.")
        }
    }

    /// Where to go on and with which state; nil before the first commit.
    package func load() throws -> (nextOffset: Int64, state: EngineState)? {
        try queue.read { database in
            guard let offset = try Self.meta("next_offset", database) else { return nil }
            var rows: [EngineState.Row] = []
            try Self.forEachRow(database) { rows.append(.init(state: $0, key: Array($1), value: Array($2))) }
            return (offset, EngineState(newest: try Self.meta("newest", database), rows: rows))
        }
    }

    /// Puts the stored state into an engine that has seen no event, row by row. Nil before the first commit.
    ///
    /// - Returns: where to go on, how many rows there were, and how many the engine could not use.
    package func restore(_ engine: Engine) throws -> (nextOffset: Int64, rows: Int, left: Int)? {
        try queue.read { database in
            guard let offset = try Self.meta("next_offset", database) else { return nil }
            var rows = 0
            let left = try engine.restore(newest: try Self.meta("newest", database)) { put in
                try Self.forEachRow(database) {
                    rows += 1
                    put($0, $1, $2)
                }
            }
            return (offset, rows, left)
        }
    }

    /// Calls `body` with state, key and value of each row, borrowed.
    ///
    /// Straight from SQLite: a restart reads millions of rows, and GRDB makes two `Data` of each.
    private static func forEachRow(
        _ database: Database, _ body: (UInt64, UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) throws {
        let statement = try database.makeStatement(sql: "SELECT state, key, value FROM state")
        let row = statement.sqliteStatement
        func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
            // In this order: the pointer decides the type that the length is of. An empty blob has no bytes to point to.
            let start = sqlite3_column_blob(row, column)
            return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(row, column)))
        }
        try withExtendedLifetime(statement) {
            while true {
                let code = sqlite3_step(row)
                if code == SQLITE_DONE { return }
                guard code == SQLITE_ROW else {
                    throw DatabaseError(
                        resultCode: ResultCode(rawValue: code),
                        message: String(cString: sqlite3_errmsg(sqlite3_db_handle(row))))
                }
                body(UInt64(bitPattern: sqlite3_column_int64(row, 0)), bytes(1), bytes(2))
            }
        }
    }

    /// Automatic orders issued at or after a moment, ms since the epoch, UTC; oldest first.
    package func issued(since time: Int64) throws -> [OrderLedger.Entry] {
        try queue.read { database in
            try Row.fetchAll(
                database, sql: "SELECT id, subject, issued_at FROM issued WHERE issued_at >= ? ORDER BY issued_at, id",
                arguments: [time]
            ).map { OrderLedger.Entry(id: $0[0], subject: $0[1], issuedAt: $0[2]) }
        }
    }

    /// The outbox, oldest first.
    package func outgoing() throws -> [Outgoing] {
        try queue.read { database in
            try Row.fetchAll(database, sql: "SELECT id, topic, key, payload, headers FROM outbox ORDER BY id").map {
                row in
                let key: Data? = row[2]
                let payload: Data? = row[3]
                return Outgoing(
                    id: row[0], topic: row[1], key: key.map { Array($0) }, payload: payload.map { Array($0) },
                    headers: Self.headers(row[4]))
            }
        }
    }

    /// Writes everything or nothing. Returns the drafts with their outbox ids.
    /// - Throws: `Fenced`, or GRDB's error (`SQLITE_FULL` for a full disk).
    package func commit(_ commit: Commit) throws -> [Outgoing] {
        try queue.write { database in
            guard try Self.meta("epoch", database) == epoch else { throw Fenced(path: path) }
            if let known = commit.knownStates {
                for state in try Int64.fetchAll(database, sql: "SELECT DISTINCT state FROM state")
                where !known.contains(UInt64(bitPattern: state)) {
                    try database.execute(sql: "DELETE FROM state WHERE state = ?", arguments: [state])
                }
            }
            let put = try database.cachedStatement(
                sql:
                    "INSERT INTO state (state, key, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
            )
            let remove = try database.cachedStatement(sql: "DELETE FROM state WHERE state = ? AND key = ?")
            for change in commit.changes {
                let state = Int64(bitPattern: change.state)
                if let value = change.value {
                    try put.execute(arguments: [state, Data(change.key), Data(value)])
                } else {
                    try remove.execute(arguments: [state, Data(change.key)])
                }
            }
            let drop = try database.cachedStatement(sql: "DELETE FROM outbox WHERE id = ?")
            for id in commit.delivered { try drop.execute(arguments: [id]) }
            var outgoing: [Outgoing] = []
            let add = try database.cachedStatement(
                sql: "INSERT INTO outbox (topic, key, payload, headers) VALUES (?, ?, ?, ?)")
            for draft in commit.drafts {
                try add.execute(arguments: [
                    draft.topic, draft.key.map { Data($0) }, draft.payload.map { Data($0) }, Self.text(draft.headers),
                ])
                outgoing.append(
                    Outgoing(
                        id: database.lastInsertedRowID, topic: draft.topic, key: draft.key, payload: draft.payload,
                        headers: draft.headers))
            }
            for entry in commit.issued {
                try database.execute(
                    sql:
                        "INSERT INTO issued (id, subject, issued_at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET issued_at = excluded.issued_at",
                    arguments: [entry.id, entry.subject, entry.issuedAt])
            }
            // Only then, so that a commit without orders costs nothing more.
            if !commit.issued.isEmpty {
                try database.execute(
                    sql: "DELETE FROM issued WHERE issued_at < ?", arguments: [commit.issuedSince])
            }
            try Self.setMeta("next_offset", commit.nextOffset, database)
            if let newest = commit.newest { try Self.setMeta("newest", newest, database) }
            return outgoing
        }
    }

    /// Lets SQLite write no more than so many pages, as a full disk would.
    package func limitPages(_ pages: Int) throws {
        try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = \(pages)") }
    }

    package func close() throws {
        try queue.close()
    }

    private static func meta(_ name: String, _ database: Database) throws -> Int64? {
        try Int64.fetchOne(database, sql: "SELECT value FROM meta WHERE name = ?", arguments: [name])
    }

    private static func setMeta(_ name: String, _ value: Int64, _ database: Database) throws {
        try database.execute(
            sql: "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            arguments: [name, value])
    }

    private static func text(_ headers: [(String, [UInt8])]) -> String {
        let pairs = headers.map { [$0.0, Data($0.1).base64EncodedString()] }
        return (try? JSONEncoder().encode(pairs)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
    }

    private static func headers(_ text: String) -> [(String, [UInt8])] {
        let pairs = (try? JSONDecoder().decode([[String]].self, from: Data(text.utf8))) ?? []
        return pairs.compactMap { pair in
            guard pair.count == 2, let value = Data(base64Encoded: pair[1]) else { return nil }
            return (pair[0], Array(value))
        }
    }
}
