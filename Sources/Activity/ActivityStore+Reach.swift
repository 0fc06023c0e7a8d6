// SPDX-License-Identifier: Apache-2.0

package import GRDB
package import Paging

/// A model, checkpoint, corpus, collection, configuration or policy.
package struct ActivityResource: Sendable, Hashable {
    package var connection: String
    /// As the events say: `checkpoint`, `corpus`, `collection`, `model` …; may be empty.
    package var type: String
    package var name: String
}

/// One identity's use of one resource.
package struct ActivityReach: Sendable, Equatable {
    package var identity: String
    package var resource: ActivityResource
    /// Times of its first and last event, ms since the epoch, UTC; of a time range, of all time nevertheless.
    package var firstAt: Int64
    package var lastAt: Int64
    package var events: Int64
    package var items: Int64
    package var bytesOut: Int64
    /// Refused, also those that were sent to approval.
    package var denied: Int64
    /// Let through without an approval where one is expected: checkpoints, corpora, exports.
    package var unapproved: Int64

    init(_ row: Row) {
        identity = row["identity"]
        resource = ActivityResource(connection: row["connection"], type: row["type"], name: row["name"])
        firstAt = row["first_at"]
        lastAt = row["last_at"]
        events = row["events"]
        items = row["items"]
        bytesOut = row["bytes_out"]
        denied = row["denied"]
        unapproved = row["unapproved"]
    }
}

/// A session of an identity.
package struct ActivitySession: Sendable, Equatable {
    package var id: Int64
    package var session: String
    package var identity: String
    package var startedAt: Int64
    package var lastAt: Int64
    /// Of its earliest event.
    package var address: String?
    package var userAgent: String?
    package var events: Int64
    package var denied: Int64
    package var items: Int64
    package var bytesOut: Int64
}

/// A change of a configuration, a policy or a collection.
package struct ActivityChange: Sendable, Equatable {
    /// `metadata.uid` of its event.
    package var event: String
    package var at: Int64
    package var identity: String
    package var operation: String
    package var resource: ActivityResource?
    package var change: String?
    package var approval: String?
    /// A decision's name.
    package var decision: String
}

extension ActivityStore {
    private static let reachColumns = """
        SELECT identities.identity, connections.name AS connection, resources.type, resources.name, reach.first_at,
            reach.last_at, reach.events, reach.items, reach.bytes_out, reach.denied, reach.unapproved,
            reach.identity_id, reach.resource_id
        """
    private static let reachJoins = """
        JOIN identities ON identities.id = identity_id JOIN resources ON resources.id = resource_id
            JOIN connections ON connections.id = resources.connection_id
        """

    /// What an identity has ever used, the latest first.
    ///
    /// - Throws: SQLite's error.
    package static func reach(
        of identity: Int64, limit: Int = 100, in db: Database
    ) throws -> [ActivityReach] {
        try Row.fetchAll(
            db,
            sql: """
                \(reachColumns) FROM reach \(reachJoins) WHERE identity_id = ?
                ORDER BY reach.last_at DESC, resource_id LIMIT ?
                """, arguments: [identity, clamped(limit)]
        ).map { ActivityReach($0) }
    }

    /// The same, of some days only: UTC days that the range touches. The most bytes out first.
    ///
    /// - Throws: SQLite's error.
    package static func reach(
        of identity: Int64, in range: Range<Int64>, limit: Int = 100, in db: Database
    ) throws -> [ActivityReach] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT identities.identity, connections.name AS connection, resources.type, resources.name,
                    reach.first_at, reach.last_at, d.events, d.items, d.bytes_out, d.denied, d.unapproved
                FROM (
                    SELECT identity_id, resource_id, sum(events) AS events, sum(items) AS items,
                        sum(bytes_out) AS bytes_out, sum(denied) AS denied, sum(unapproved) AS unapproved
                    FROM reach_days WHERE day >= ? AND day < ? AND identity_id = ? GROUP BY resource_id
                ) AS d JOIN reach USING (identity_id, resource_id) \(reachJoins)
                ORDER BY d.bytes_out DESC, d.events DESC, resource_id LIMIT ?
                """,
            arguments: [
                range.lowerBound / Day.length, (range.upperBound - 1) / Day.length + 1, identity, clamped(limit),
            ]
        ).map { ActivityReach($0) }
    }

    /// Who has used a resource, the latest first.
    ///
    /// - Parameters:
    ///   - connection, type: to tell apart what has the same name; nil for any.
    /// - Throws: ``BadCursor``, or SQLite's error.
    package static func readers(
        of name: String, connection: String? = nil, type: String? = nil, after cursor: String? = nil, limit: Int = 100,
        in db: Database
    ) throws -> Page<ActivityReach> {
        var conditions = Conditions()
        conditions.add("resources.name = ?", name)
        conditions.add("connections.name = ?", connection)
        conditions.add("resources.type = ?", type)
        if let cursor {
            let place = try Cursor.read(cursor, numbers: 3).numbers
            conditions.add(
                "(reach.last_at, reach.identity_id, reach.resource_id) < (?, ?, ?)", place[0], place[1], place[2])
        }
        return try pageWithPlace(limit, conditions.values, in: db) {
            """
            \(reachColumns) FROM resources JOIN connections ON connections.id = resources.connection_id
                JOIN reach ON reach.resource_id = resources.id JOIN identities ON identities.id = reach.identity_id
            WHERE \(conditions.sql)
            ORDER BY reach.last_at DESC, reach.identity_id DESC, reach.resource_id DESC LIMIT ?
            """
        }
    }

    /// Uses of a resource that were an identity's first ever, the latest first; identities themselves may be new.
    ///
    /// - Parameter types: resource types such as `checkpoint`; empty for all.
    /// - Throws: ``BadCursor``, or SQLite's error.
    package static func firstUses(
        in range: Range<Int64>, types: [String] = [], after cursor: String? = nil, limit: Int = 100, in db: Database
    ) throws -> Page<ActivityReach> {
        var conditions = Conditions()
        conditions.add("reach.first_at >= ? AND reach.first_at < ?", range.lowerBound, range.upperBound)
        conditions.add("resources.type", in: types.isEmpty ? nil : types)
        if let cursor {
            let place = try Cursor.read(cursor, numbers: 3).numbers
            conditions.add(
                "(reach.first_at, reach.identity_id, reach.resource_id) < (?, ?, ?)", place[0], place[1], place[2])
        }
        return try pageWithPlace(limit, conditions.values, in: db, byFirst: true) {
            """
            \(reachColumns) FROM reach \(reachJoins) WHERE \(conditions.sql)
            ORDER BY reach.first_at DESC, reach.identity_id DESC, reach.resource_id DESC LIMIT ?
            """
        }
    }

    private static func pageWithPlace(
        _ limit: Int, _ arguments: [(any DatabaseValueConvertible)?], in db: Database, byFirst: Bool = false,
        sql: () -> String
    ) throws -> Page<ActivityReach> {
        struct Placed {
            let reach: ActivityReach
            let cursor: String
        }
        let page: Page<Placed> = try page(
            limit, arguments, in: db, sql: sql
        ) { row in
            let reach = ActivityReach(row)
            let identity: Int64 = row["identity_id"]
            let resource: Int64 = row["resource_id"]
            return Placed(
                reach: reach, cursor: "\(byFirst ? reach.firstAt : reach.lastAt).\(identity).\(resource)")
        } cursor: {
            $0.cursor
        }
        return page.map(\.reach)
    }

    // MARK: Sessions and changes

    /// The sessions of an identity, the one that started last first.
    ///
    /// - Throws: ``BadCursor``, or SQLite's error.
    package static func sessions(
        of identity: Int64, after cursor: String? = nil, limit: Int = 100, in db: Database
    ) throws -> Page<ActivitySession> {
        var arguments: [(any DatabaseValueConvertible)?] = [identity]
        if let cursor { arguments += try Cursor.read(cursor, numbers: 2).numbers }
        return try page(limit, arguments, in: db) {
            """
            SELECT sessions.*, identities.identity FROM sessions JOIN identities ON identities.id = identity_id
            WHERE identity_id = ? \(cursor == nil ? "" : "AND (started_at, sessions.id) < (?, ?)")
            ORDER BY started_at DESC, sessions.id DESC LIMIT ?
            """
        } item: { row in
            ActivitySession(
                id: row["id"], session: row["session"], identity: row["identity"], startedAt: row["started_at"],
                lastAt: row["last_at"], address: row["address"], userAgent: row["user_agent"], events: row["events"],
                denied: row["denied"], items: row["items"], bytesOut: row["bytes_out"])
        } cursor: {
            "\($0.startedAt).\($0.id)"
        }
    }

    /// Changes in a time range, of one identity or of all, the latest first.
    ///
    /// - Throws: ``BadCursor``, or SQLite's error.
    package static func changes(
        of identity: Int64? = nil, in range: Range<Int64>, after cursor: String? = nil, limit: Int = 100,
        in db: Database
    ) throws -> Page<ActivityChange> {
        var conditions = Conditions()
        conditions.add("changes.at >= ? AND changes.at < ?", range.lowerBound, range.upperBound)
        conditions.add("changes.identity_id = ?", identity)
        if let cursor {
            let (numbers, event) = try Cursor.read(cursor, numbers: 1, hasText: true)
            conditions.add("(changes.at, event_id) < (?, ?)", numbers[0], event)
        }
        return try page(limit, conditions.values, in: db) {
            """
            SELECT changes.*, identities.identity, connections.name AS connection, resources.type, resources.name
            FROM changes JOIN identities ON identities.id = changes.identity_id
                LEFT JOIN resources ON resources.id = changes.resource_id
                LEFT JOIN connections ON connections.id = resources.connection_id
            WHERE \(conditions.sql) ORDER BY changes.at DESC, event_id DESC LIMIT ?
            """
        } item: { row in
            let name: String? = row["name"]
            return ActivityChange(
                event: row["event_id"], at: row["at"], identity: row["identity"], operation: row["operation"],
                resource: name.map {
                    ActivityResource(connection: row["connection"] ?? "", type: row["type"] ?? "", name: $0)
                },
                change: row["change_id"], approval: row["approval_id"], decision: row["decision"])
        } cursor: {
            "\($0.at).\($0.event)"
        }
    }
}

/// Days of UTC.
enum Day {
    static let length: Int64 = 86_400_000
}
