// SPDX-License-Identifier: Apache-2.0

import GRDB
package import Paging

extension RecordingStore {
    /// The most items of one page.
    package static let maximumPage = 500

    /// Recordings, the latest to arrive first.
    ///
    /// - Parameter cursor: `next` of the page before.
    /// - Throws: ``BadCursor``, or SQLite's error.
    package func search(
        _ filter: RecordingFilter, after cursor: String? = nil, limit: Int = 50
    ) throws -> Page<RecordingSummary> {
        let before = try cursor.map { try Cursor.read($0, numbers: 1).numbers[0] } ?? .max
        let limit = max(1, min(limit, Self.maximumPage))
        let items = try database.read { db in try Self.search(filter, before: before, limit: limit + 1, in: db) }
        return Page(items, size: limit) { String($0.sequence) }
    }

    private static func search(
        _ filter: RecordingFilter, before: Int64, limit: Int, in db: Database
    ) throws -> [RecordingSummary] {
        guard let (sql, arguments) = try statement(filter, before: before, limit: limit, in: db) else { return [] }
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments).map(RecordingSummary.init)
    }

    /// The statement of a search; nil if there can be no row.
    private static func statement(
        _ filter: RecordingFilter, before: Int64, limit: Int, in db: Database
    ) throws -> (String, StatementArguments)? {
        if let text = filter.text, !text.isEmpty, SearchTerms.phrases(text).isEmpty { return nil }
        var first: Int64 = 1
        var last = before - 1
        var conditions: [String] = []
        var arguments: [(any DatabaseValueConvertible)?] = []
        func add(_ condition: String, _ value: (any DatabaseValueConvertible)?) {
            guard let value else { return }
            conditions.append(condition)
            arguments.append(value)
        }
        if filter.from != nil || filter.to != nil {
            // Rows come in the order of time, but for what waited: the hours say between which rows to look.
            let bounds = try Row.fetchOne(
                db,
                sql: "SELECT min(first) AS first, max(last) AS last FROM recording_hours WHERE hour BETWEEN ? AND ?",
                arguments: [(filter.from ?? 0) / 3_600_000, ((filter.to ?? .max) - 1) / 3_600_000])
            guard let low = bounds?["first"] as Int64?, let high = bounds?["last"] as Int64? else { return nil }
            first = low
            last = min(last, high)
            add("r.at >= ?", filter.from)
            add("r.at < ?", filter.to)
        }
        let source: String
        if let query = SearchTerms.query(filter) {
            source = "recording_text f CROSS JOIN recordings r ON r.sequence = f.rowid"
            conditions.insert("f.recording_text MATCH ? AND f.rowid BETWEEN ? AND ?", at: 0)
            arguments = [query, first, last] + arguments
            // What led here is a hash.
            add("r.identity = ?", filter.identity)
            add("r.connection = ?", filter.connection)
            add("r.operation = ?", filter.operation)
            add("r.decision = ?", filter.decision?.rawValue)
            add("r.session_id IN (SELECT id FROM recording_sessions WHERE session = ?)", filter.session)
        } else {
            source = "recordings r"
            conditions.insert("r.sequence BETWEEN ? AND ?", at: 0)
            arguments = [first, last] + arguments
        }
        arguments.append(limit)
        let order = source == "recordings r" ? "r.sequence" : "f.rowid"
        return (
            """
            SELECT \(RecordingSummary.columns) FROM \(source) WHERE \(conditions.joined(separator: " AND "))
            ORDER BY \(order) DESC LIMIT ?
            """, StatementArguments(arguments)
        )
    }

    /// How SQLite carries a search out, for tests.
    package func plan(_ filter: RecordingFilter) throws -> [String] {
        try database.read { db in
            guard let (sql, arguments) = try Self.statement(filter, before: .max, limit: 50, in: db) else { return [] }
            return try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + sql, arguments: arguments).map { $0["detail"] }
        }
    }

    /// A recording with its contents, by the uid of its audit event; nil if there is none, or not any more.
    ///
    /// - Throws: ``RecordingDamage``, or SQLite's error.
    package func recording(uid: String) throws -> StoredRecording? {
        try database.read { db in
            try Row.fetchOne(
                db.cachedStatement(sql: "SELECT \(StoredRecording.columns) FROM recordings r WHERE r.uid = ?"),
                arguments: [uid]
            ).map { try StoredRecording($0) }
        }
    }

    // MARK: Sessions

    /// Sessions, the last active first.
    ///
    /// - Parameters:
    ///   - session: the id that the issuer gave.
    ///   - from, to: whose last exchange was then, ms since the epoch, UTC; `to` is not in it.
    /// - Throws: ``BadCursor``, or SQLite's error.
    package func sessions(
        identity: String? = nil, session: String? = nil, from: Int64? = nil, to: Int64? = nil,
        after cursor: String? = nil, limit: Int = 50
    ) throws -> Page<RecordedSession> {
        let limit = max(1, min(limit, Self.maximumPage))
        var conditions = Conditions()
        conditions.add("identity = ?", identity)
        conditions.add("session = ?", session)
        conditions.add("last_at >= ?", from)
        conditions.add("last_at < ?", to)
        if let cursor {
            let place = try Cursor.read(cursor, numbers: 2).numbers
            conditions.add("(last_at, id) < (?, ?)", place[0], place[1])
        }
        let sql = """
            SELECT * FROM recording_sessions WHERE \(conditions.sql)
            ORDER BY last_at DESC, id DESC LIMIT ?
            """
        let items = try database.read { db in
            try Row.fetchAll(db.cachedStatement(sql: sql), arguments: conditions.arguments(limit + 1))
                .map(RecordedSession.init)
        }
        return Page(items, size: limit) { "\($0.lastAt).\($0.id)" }
    }

    /// The session of a row of ``sessions(identity:session:from:to:after:limit:)``.
    ///
    /// - Throws: SQLite's error.
    package func session(id: Int64) throws -> RecordedSession? {
        try database.read { db in
            try Row.fetchOne(
                db.cachedStatement(sql: "SELECT * FROM recording_sessions WHERE id = ?"), arguments: [id]
            ).map(RecordedSession.init)
        }
    }

    /// A session's exchanges with their contents, in the order in which they ended.
    ///
    /// - Throws: ``BadCursor``, ``RecordingDamage``, or SQLite's error.
    package func replay(
        _ session: RecordedSession, after cursor: String? = nil, limit: Int = 50
    ) throws -> Page<ReplayStep> {
        let limit = max(1, min(limit, Self.maximumPage))
        let place = try cursor.map { try Cursor.read($0, numbers: 2).numbers } ?? [-1, -1]
        let steps = try database.read { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT \(StoredRecording.columns) FROM recordings r
                        WHERE r.session_id = ? AND (r.at, r.sequence) > (?, ?) ORDER BY r.at, r.sequence LIMIT ?
                        """), arguments: [session.id, place[0], place[1], limit + 1]
            ).map { row in
                let stored = try StoredRecording(row)
                return ReplayStep(offset: max(0, stored.recording.at - session.startedAt), stored: stored)
            }
        }
        return Page(steps, size: limit) { "\($0.stored.recording.at).\($0.stored.sequence)" }
    }
}

extension RecordedSession {
    /// Adds an exchange to its session; nil for one that has none.
    static func take(_ recording: Recording, in db: Database) throws -> Int64? {
        guard let session = recording.session, let identity = recording.identity else { return nil }
        return try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    INSERT INTO recording_sessions (session, identity, started_at, last_at, exchanges, refused, request_bytes,
                        response_bytes, address)
                    VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)
                    ON CONFLICT (session, identity) DO UPDATE SET
                        started_at = min(started_at, excluded.started_at), last_at = max(last_at, excluded.last_at),
                        exchanges = exchanges + 1, refused = refused + excluded.refused,
                        request_bytes = request_bytes + excluded.request_bytes,
                        response_bytes = response_bytes + excluded.response_bytes
                    RETURNING id
                    """),
            arguments: [
                session, identity, recording.at, recording.at, recording.decision == .allowed ? 0 : 1,
                recording.request.length, recording.response.length, recording.address,
            ])
    }
}
