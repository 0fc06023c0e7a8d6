// SPDX-License-Identifier: Apache-2.0

import GRDB
import JSONText
import Kafka

/// Writes what an ``ActivityWriter`` added up. For one transaction.
struct RollupWriter {
    private let writer: ActivityWriter
    private let db: Database
    private let limits: ActivityLimits

    init(_ writer: ActivityWriter, _ db: Database) {
        self.writer = writer
        self.db = db
        limits = writer.settings.limits
    }

    func write() throws {
        try writePositions()
        for number in writer.touched { try writeIdentity(number) }
        // In the order in which they came: a limit keeps the first ones.
        for number in Set(writer.rollup.totals.keys.map(\.connection)).sorted() { _ = try connection(number) }
        for number in Set(writer.rollup.reach.keys.map(\.resource)).sorted() { _ = try resource(number) }
        try writeHours()
        try writeReach()
        try writeSessions()
        try writeChanges()
        for (key, sums) in writer.rollup.coverage {
            try run(
                """
                INSERT INTO coverage (hour, partition, events, unreadable, late) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET events = events + excluded.events,
                    unreadable = unreadable + excluded.unreadable, late = late + excluded.late
                """, [key.hour, key.partition, sums.events, sums.unreadable, sums.late])
        }
    }

    private func run(_ sql: String, _ arguments: StatementArguments) throws {
        try db.cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// Only from where this writer has read: another one's counts are not added to.
    private func writePositions() throws {
        for (partition, position) in writer.positions where position.next != position.stored ?? 0 {
            if let stored = position.stored {
                try run(
                    "UPDATE positions SET next_offset = ? WHERE topic = ? AND partition = ? AND next_offset = ?",
                    [position.next, partition.topic, partition.partition, stored])
            } else {
                try run(
                    "INSERT INTO positions (topic, partition, next_offset) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    [partition.topic, partition.partition, position.next])
            }
            guard db.changesCount == 1 else { throw ActivityWriter.Overtaken(partition: partition) }
        }
    }

    // MARK: Names

    private func writeIdentity(_ number: Int32) throws {
        let identity = writer.identities[number]
        if identity.id != 0, identity.profile == nil {
            try run(
                "UPDATE identities SET first_at = min(first_at, ?), last_at = max(last_at, ?) WHERE id = ?",
                [identity.firstAt, identity.lastAt, identity.id])
            return
        }
        var name = identity.name
        let known = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT id FROM identities WHERE identity = ?"), arguments: [name])
        if known == nil {
            let rows = try writer.identityRows ?? count("SELECT count(*) FROM identities")
            if rows >= limits.identities { name = ActivitySchema.others }
            // One too many where `(others)` was there already: no matter.
            writer.identityRows = rows + 1
        }
        let profile = name == identity.name ? identity.profile : nil
        func later(_ column: String, _ at: Int) -> String {
            "\(column) = iif(?\(at) >= last_at, coalesce(excluded.\(column), \(column)), coalesce(\(column), excluded.\(column)))"
        }
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO identities (identity, name, email, groups, kind, first_at, last_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                ON CONFLICT (identity) DO UPDATE SET
                    \(later("name", 8)), \(later("email", 9)), \(later("groups", 10)), \(later("kind", 11)),
                    first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)
                RETURNING id
                """)
        let id = try Int64.fetchOne(
            statement,
            arguments: [
                name, profile?.name.text, profile?.email.text, profile?.groups.text, profile?.kind.text,
                identity.firstAt, identity.lastAt, profile?.name.at, profile?.email.at, profile?.groups.at,
                profile?.kind.at,
            ])
        writer.identities[number].id = id ?? 0
    }

    private func identity(_ number: Int32) -> Int64 { writer.identities[number].id }

    private func connection(_ number: Int32) throws -> Int64 {
        let connection = writer.connections[number]
        if connection.id != 0 { return connection.id }
        var name = connection.name
        if try id("SELECT id FROM connections WHERE name = ?", [name]) == nil {
            let rows = try writer.connectionRows ?? count("SELECT count(*) FROM connections")
            if rows >= limits.connections { name = ActivitySchema.others }
            writer.connectionRows = rows + 1
        }
        let id = try insert(
            "SELECT id FROM connections WHERE name = ?", "INSERT INTO connections (name) VALUES (?)", [name])
        writer.connections[number].id = id
        return id
    }

    private func resource(_ number: Int32) throws -> Int64 {
        let resource = writer.resources[number]
        if resource.id != 0 { return resource.id }
        let connection = try connection(resource.connection)
        let select = "SELECT id FROM resources WHERE connection_id = ? AND type = ? AND name = ?"
        var id = try id(select, [connection, resource.type, resource.name])
        if id == nil {
            let rows =
                try writer.connections[resource.connection].resources
                ?? count("SELECT count(*) FROM resources WHERE connection_id = ?", [connection])
            if rows < limits.resources {
                id = try insert(
                    select, "INSERT INTO resources (connection_id, type, name) VALUES (?, ?, ?)",
                    [connection, resource.type, resource.name])
                writer.connections[resource.connection].resources = rows + 1
            } else {
                writer.connections[resource.connection].resources = rows
            }
        }
        let found = try id ?? others(of: connection)
        writer.resources[number].id = found
        return found
    }

    /// The connection's resource under which counts what is beyond a limit.
    private func others(of connection: Int64) throws -> Int64 {
        try insert(
            "SELECT id FROM resources WHERE connection_id = ? AND type = ? AND name = ?",
            "INSERT INTO resources (connection_id, type, name) VALUES (?, ?, ?)",
            [connection, "", ActivitySchema.others])
    }

    private func id(_ sql: String, _ arguments: StatementArguments) throws -> Int64? {
        try Int64.fetchOne(db.cachedStatement(sql: sql), arguments: arguments)
    }

    private func count(_ sql: String, _ arguments: StatementArguments = []) throws -> Int {
        try Int.fetchOne(db.cachedStatement(sql: sql), arguments: arguments) ?? 0
    }

    private func insert(_ select: String, _ insert: String, _ arguments: StatementArguments) throws -> Int64 {
        if let id = try id(select, arguments) { return id }
        try run(insert, arguments)
        return db.lastInsertedRowID
    }

    // MARK: Sums

    private func writeHours() throws {
        let hours = try writer.rollup.hours.map { key, sums in
            (identity: identity(key.identity), connection: try connection(key.connection), key: key, sums: sums)
        }
        // In the order of the table: neighbours share its pages.
        for row in hours.sorted(by: { ($0.identity, $0.key.hour) < ($1.identity, $1.key.hour) }) {
            try run(
                """
                INSERT INTO hours (identity_id, hour, connection_id, operation, decision, events, items, bytes_in, bytes_out)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET events = events + excluded.events, items = items + excluded.items,
                    bytes_in = bytes_in + excluded.bytes_in, bytes_out = bytes_out + excluded.bytes_out
                """,
                [
                    row.identity, row.key.hour, row.connection, OperationTable.names[Int(row.key.operation)],
                    Decision(rawValue: row.key.decision)?.name, row.sums.events, row.sums.items, row.sums.bytesIn,
                    row.sums.bytesOut,
                ])
        }
        for (key, sums) in writer.rollup.totals {
            try run(
                """
                INSERT INTO hour_totals (hour, connection_id, operation, decision, events, items, bytes_in, bytes_out)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET events = events + excluded.events, items = items + excluded.items,
                    bytes_in = bytes_in + excluded.bytes_in, bytes_out = bytes_out + excluded.bytes_out
                """,
                [
                    key.hour, try connection(key.connection), OperationTable.names[Int(key.operation)],
                    Decision(rawValue: key.decision)?.name, sums.events, sums.items, sums.bytesIn, sums.bytesOut,
                ])
        }
    }

    private func writeReach() throws {
        let reach = try writer.rollup.reach.map { key, sums in
            (
                identity: identity(key.identity), resource: try resource(key.resource), number: key.resource,
                day: key.day, sums: sums
            )
        }
        for row in reach.sorted(by: { ($0.identity, $0.resource, $0.day) < ($1.identity, $1.resource, $1.day) }) {
            let sums = row.sums
            let resource = try writeReach(row.identity, row.resource, row.number, sums)
            try run(
                """
                INSERT INTO reach_days (day, identity_id, resource_id, events, items, bytes_out, denied, unapproved)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET events = events + excluded.events, items = items + excluded.items,
                    bytes_out = bytes_out + excluded.bytes_out, denied = denied + excluded.denied,
                    unapproved = unapproved + excluded.unapproved
                """,
                [
                    row.day, row.identity, resource, sums.events, sums.items, sums.bytesOut, sums.denied,
                    sums.unapproved,
                ])
        }
    }

    /// - Returns: the resource that it counted for.
    private func writeReach(
        _ identity: Int64, _ resource: Int64, _ number: Int32, _ sums: Rollup.ReachSums
    ) throws -> Int64 {
        try run(
            """
            UPDATE reach SET first_at = min(first_at, ?), last_at = max(last_at, ?), events = events + ?, items = items + ?,
                bytes_out = bytes_out + ?, denied = denied + ?, unapproved = unapproved + ?
            WHERE identity_id = ? AND resource_id = ?
            """,
            [
                sums.firstAt, sums.lastAt, sums.events, sums.items, sums.bytesOut, sums.denied, sums.unapproved,
                identity, resource,
            ])
        if db.changesCount > 0 { return resource }
        var resource = resource
        if try isFull(identity) {
            let others = try others(of: connection(writer.resources[number].connection))
            if others != resource { return try writeReach(identity, others, number, sums) }
            resource = others
        }
        try run(
            """
            INSERT INTO reach (identity_id, resource_id, first_at, last_at, events, items, bytes_out, denied, unapproved)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                identity, resource, sums.firstAt, sums.lastAt, sums.events, sums.items, sums.bytesOut, sums.denied,
                sums.unapproved,
            ])
        return resource
    }

    private func isFull(_ identity: Int64) throws -> Bool {
        if writer.fullReach.contains(identity) { return true }
        guard try count("SELECT count(*) FROM reach WHERE identity_id = ?", [identity]) >= limits.reach else {
            return false
        }
        writer.fullReach.insert(identity)
        return true
    }

    private func writeSessions() throws {
        let sessions = writer.rollup.sessions.map { key, sums in (identity: identity(key.identity), sums: sums) }
        for (identity, sums) in sessions.sorted(by: {
            ($0.identity, $0.sums.startedAt, $0.sums.session) < ($1.identity, $1.sums.startedAt, $1.sums.session)
        }) {
            var session = sums.session
            let isKnown = try id(
                "SELECT id FROM sessions WHERE identity_id = ? AND session = ?", [identity, session])
            if isKnown == nil,
                try count("SELECT count(*) FROM sessions WHERE identity_id = ?", [identity]) >= limits.sessions
            {
                session = ActivitySchema.others
            }
            try run(
                """
                INSERT INTO sessions (session, identity_id, started_at, last_at, address, user_agent, events, denied, items,
                    bytes_out)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (identity_id, session) DO UPDATE SET
                    address = iif(excluded.started_at < started_at, excluded.address, address),
                    user_agent = iif(excluded.started_at < started_at, excluded.user_agent, user_agent),
                    started_at = min(started_at, excluded.started_at), last_at = max(last_at, excluded.last_at),
                    events = events + excluded.events, denied = denied + excluded.denied, items = items + excluded.items,
                    bytes_out = bytes_out + excluded.bytes_out
                """,
                [
                    session, identity, sums.startedAt, sums.lastAt, sums.address, sums.userAgent, sums.events,
                    sums.denied, sums.items, sums.bytesOut,
                ])
        }
    }

    private func writeChanges() throws {
        for change in writer.rollup.changes {
            try run(
                """
                INSERT INTO changes (event_id, at, identity_id, operation, resource_id, change_id, approval_id, decision)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """,
                [
                    change.event, change.at, identity(change.identity), OperationTable.names[Int(change.operation)],
                    try change.resource.map { try resource($0) }, change.change, change.approval,
                    Decision(rawValue: change.decision)?.name,
                ])
        }
    }
}
