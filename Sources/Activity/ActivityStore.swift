// SPDX-License-Identifier: Apache-2.0

import AuditEvent
package import GRDB
package import Paging

/// Reads `activity.sqlite`: who accessed what, which operations, did anything leave. All functions that take a `Database` run in a
/// read of ``read(_:)``, several of them in one where they are to agree with each other.
package struct ActivityStore: Sendable {
    /// The most that one page has.
    package static let maximumPage = 1_000
    /// The most points of a series.
    package static let maximumPoints = 24 * 400

    private let database: any DatabaseReader

    package init(_ database: any DatabaseReader) { self.database = database }

    /// Runs reads that see the same state.
    ///
    /// - Throws: what `body` throws, or SQLite's error.
    package func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try database.read(body)
    }
}

/// An identity that was seen.
package struct ActiveIdentity: Sendable, Equatable {
    package var id: Int64
    /// As alerts name it.
    package var identity: String
    package var name: String?
    package var email: String?
    /// Empty where nobody said.
    package var groups: [String]
    /// `human`, `service`, nil where nobody said.
    package var kind: String?
    /// Times of its first and last event, ms since the epoch, UTC.
    package var firstAt: Int64
    package var lastAt: Int64

    init(_ row: Row) {
        id = row["id"]
        identity = row["identity"]
        name = row["name"]
        email = row["email"]
        groups = (row["groups"] as String?).map(Profile.names) ?? []
        kind = row["kind"]
        firstAt = row["first_at"]
        lastAt = row["last_at"]
    }
}

/// What some events add up to.
package struct ActivitySums: Sendable, Equatable {
    package var events: Int64
    /// Inputs embedded, vectors returned, rows or objects read.
    package var items: Int64
    package var bytesIn: Int64
    package var bytesOut: Int64

    package init(events: Int64 = 0, items: Int64 = 0, bytesIn: Int64 = 0, bytesOut: Int64 = 0) {
        self.events = events
        self.items = items
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
    }

    init(_ row: Row) {
        self.init(
            events: row["events"] ?? 0, items: row["items"] ?? 0, bytesIn: row["bytes_in"] ?? 0,
            bytesOut: row["bytes_out"] ?? 0)
    }
}

extension ActivityStore {
    /// Which identities are listed.
    package struct IdentityFilter: Sendable, Equatable {
        /// What the identity begins with, without regard to ASCII case; empty for all.
        package var prefix = ""
        /// `human` or `service`.
        package var kind: String?
        /// Only those whose last event is before this time, ms: dormant ones.
        package var quietSince: Int64?

        package init(prefix: String = "", kind: String? = nil, quietSince: Int64? = nil) {
            self.prefix = prefix
            self.kind = kind
            self.quietSince = quietSince
        }
    }

    /// Identities, those active last first.
    ///
    /// - Throws: ``BadCursor``, or SQLite's error.
    package static func identities(
        _ filter: IdentityFilter = IdentityFilter(), after cursor: String? = nil, limit: Int = 100, in db: Database
    ) throws -> Page<ActiveIdentity> {
        var conditions = Conditions()
        conditions.add("identity <> ''")
        if !filter.prefix.isEmpty {
            conditions.add(
                "identity COLLATE NOCASE >= ? AND identity COLLATE NOCASE < ?", filter.prefix,
                filter.prefix + "\u{10FFFF}")
        }
        conditions.add("kind = ?", filter.kind)
        conditions.add("last_at < ?", filter.quietSince)
        if let cursor {
            let place = try Cursor.read(cursor, numbers: 2).numbers
            conditions.add("(last_at, id) < (?, ?)", place[0], place[1])
        }
        return try page(limit, conditions.values, in: db) {
            """
            SELECT * FROM identities WHERE \(conditions.sql)
            ORDER BY last_at DESC, id DESC LIMIT ?
            """
        } item: {
            ActiveIdentity($0)
        } cursor: {
            "\($0.lastAt).\($0.id)"
        }
    }

    /// Identities without an event since a time, the longest quiet first.
    ///
    /// - Throws: SQLite's error.
    package static func dormant(since: Int64, limit: Int = 100, in db: Database) throws -> [ActiveIdentity] {
        try Row.fetchAll(
            db,
            sql: "SELECT * FROM identities WHERE last_at < ? AND identity <> '' ORDER BY last_at, id LIMIT ?",
            arguments: [since, clamped(limit)]
        ).map { ActiveIdentity($0) }
    }

    /// An identity by its name, as written or else without regard to ASCII case; nil if it was never seen.
    ///
    /// - Throws: SQLite's error.
    package static func find(_ identity: String, in db: Database) throws -> ActiveIdentity? {
        for collation in ["", " COLLATE NOCASE"] {
            let row = try Row.fetchOne(
                db, sql: "SELECT * FROM identities WHERE identity\(collation) = ? ORDER BY id LIMIT 1",
                arguments: [identity])
            if let row { return ActiveIdentity(row) }
        }
        return nil
    }

    /// The names of connections of which events were counted, sorted, at most ``maximumPage``.
    ///
    /// - Throws: SQLite's error.
    package static func connections(in db: Database) throws -> [String] {
        try String.fetchAll(
            db, sql: "SELECT name FROM connections WHERE name <> '' ORDER BY name LIMIT ?", arguments: [maximumPage])
    }

    // MARK: Pages

    static func clamped(_ limit: Int) -> Int { min(max(1, limit), maximumPage) }

    static func page<Item>(
        _ limit: Int, _ arguments: [(any DatabaseValueConvertible)?], in db: Database, sql: () -> String,
        item: (Row) -> Item, cursor: (Item) -> String
    ) throws -> Page<Item> {
        let size = clamped(limit)
        let rows = try Row.fetchAll(db, sql: sql(), arguments: StatementArguments(arguments + [size + 1])).map(item)
        return Page(rows, size: size, cursor: cursor)
    }
}
