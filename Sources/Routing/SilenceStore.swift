// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRDB

/// The silences in the hub's database. Every function runs inside a transaction of its caller.
package enum SilenceStore {
    /// Silences that are not over; more are refused.
    package static let maximum = 10_000
    /// How long one that is over is kept to be looked at, ms: five days, as in Alertmanager.
    package static let retention: Int64 = 432_000_000
    /// Bytes of a comment or a name.
    private static let maximumText = 4096

    /// Makes a silence. One that would begin in the past begins now.
    ///
    /// - Returns: the silence, with its id: a UUID.
    /// - Throws: ``SilenceError``, or SQLite's error.
    package static func add(
        matchers: [Matcher], startsAt: Int64?, endsAt: Int64, createdBy: String, comment: String, now: Int64,
        in db: Database
    ) throws -> Silence {
        guard !matchers.isEmpty, !matchers.match(LabelSet([])) else {
            throw SilenceError(
                "a silence needs a matcher that does not match the empty value, or it would silence everything: give one such as identity=\"ana\"."
            )
        }
        let start = max(startsAt ?? now, now)
        guard endsAt > start else { throw SilenceError("the silence would end before it begins: give a later end.") }
        guard !comment.isEmpty, !createdBy.isEmpty else {
            throw SilenceError(
                "a silence needs a comment and a name: who looks at it later must know why and whom to ask.")
        }
        guard comment.utf8.count <= maximumText, createdBy.utf8.count <= maximumText else {
            throw SilenceError("a comment and a name have at most \(maximumText) bytes each.")
        }
        let count = try Int.fetchOne(
            db, sql: "SELECT count(*) FROM routing_silences WHERE ends_at > ?", arguments: [now])
        guard (count ?? 0) < maximum else {
            throw SilenceError("there are \(maximum) silences already: expire some.")
        }
        let silence = Silence(
            id: UUID().uuidString.lowercased(), matchers: matchers, startsAt: start, endsAt: endsAt,
            createdBy: createdBy, comment: comment)
        try db.execute(
            sql: """
                INSERT INTO routing_silences (id, matchers, starts_at, ends_at, created_by, comment) VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [silence.id, matchers.text, silence.startsAt, endsAt, createdBy, comment])
        return silence
    }

    /// Gives a silence other matchers, times or another comment, by Alertmanager's rule: only the end, and before the beginning the
    /// beginning, are changed in place; anything else ends it and makes a new one, so that what was silenced when can be seen later.
    ///
    /// - Returns: the silence in force, which may have another id.
    /// - Throws: ``SilenceError``, or SQLite's error.
    package static func change(
        _ id: String, matchers: [Matcher]? = nil, startsAt: Int64? = nil, endsAt: Int64? = nil, comment: String? = nil,
        by person: String, now: Int64, in db: Database
    ) throws -> Silence {
        guard let old = try find(id, in: db) else { throw unknown(id) }
        let new = Silence(
            id: id, matchers: matchers ?? old.matchers, startsAt: startsAt ?? old.startsAt,
            endsAt: endsAt ?? old.endsAt,
            createdBy: old.createdBy, comment: comment ?? old.comment)
        let isSame = Set(new.matchers) == Set(old.matchers)
        let inPlace =
            switch old.state(at: now) {
            case .expired: false
            case .active: isSame && new.startsAt == old.startsAt && new.endsAt > now
            case .pending: isSame && new.startsAt >= now && new.endsAt > new.startsAt
            }
        guard inPlace, new.comment == old.comment else {
            let made = try add(
                matchers: new.matchers, startsAt: new.startsAt, endsAt: new.endsAt, createdBy: person,
                comment: new.comment, now: now, in: db)
            if old.state(at: now) != .expired { try expire(id, now: now, in: db) }
            return made
        }
        try db.execute(
            sql: "UPDATE routing_silences SET starts_at = ?, ends_at = ? WHERE id = ?",
            arguments: [new.startsAt, new.endsAt, id])
        return new
    }

    /// Ends a silence now; one that is over stays as it is.
    ///
    /// - Throws: ``SilenceError`` for an unknown id, or SQLite's error.
    package static func expire(_ id: String, now: Int64, in db: Database) throws {
        guard let silence = try find(id, in: db) else { throw unknown(id) }
        guard silence.state(at: now) != .expired else { return }
        try db.execute(
            sql: "UPDATE routing_silences SET starts_at = min(starts_at, ?), ends_at = ? WHERE id = ?",
            arguments: [now, now, id])
    }

    /// All that are kept, by their end, the latest last.
    ///
    /// - Throws: SQLite's error.
    package static func all(in db: Database) throws -> [Silence] {
        try Row.fetchAll(db, sql: "SELECT * FROM routing_silences ORDER BY ends_at, id").compactMap(silence)
    }

    /// Those that are kept, the latest end first, in parts.
    ///
    /// - Parameter last: the last of the part before; nil for the first part.
    /// - Throws: SQLite's error.
    package static func list(
        notOverAt now: Int64? = nil, after last: (endsAt: Int64, id: String)? = nil, limit: Int, in db: Database
    ) throws -> [Silence] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM routing_silences WHERE (:now IS NULL OR ends_at > :now)
                    AND (:ends IS NULL OR (ends_at, id) < (:ends, :id)) ORDER BY ends_at DESC, id DESC LIMIT :limit
                """, arguments: ["now": now, "ends": last?.endsAt, "id": last?.id, "limit": limit]
        ).compactMap(silence)
    }

    /// Those that are active now.
    static func active(at now: Int64, in db: Database) throws -> [Silence] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM routing_silences WHERE ends_at > ? AND starts_at <= ?", arguments: [now, now]
        ).compactMap(silence)
    }

    static func prune(now: Int64, in db: Database) throws {
        try db.execute(sql: "DELETE FROM routing_silences WHERE ends_at <= ?", arguments: [now - retention])
    }

    /// One by its id.
    ///
    /// - Throws: SQLite's error.
    package static func find(_ id: String, in db: Database) throws -> Silence? {
        try Row.fetchOne(db, sql: "SELECT * FROM routing_silences WHERE id = ?", arguments: [id]).flatMap(silence)
    }

    private static func unknown(_ id: String) -> SilenceError {
        SilenceError("there is no silence \(id): see gatewatch silences list --expired.", isUnknown: true)
    }

    /// Nil where the matchers cannot be read: somebody wrote into the database. It silences nothing then.
    private static func silence(_ row: Row) -> Silence? {
        guard let matchers = try? MatcherReader.matchers(row["matchers"]), !matchers.isEmpty else { return nil }
        return Silence(
            id: row["id"], matchers: matchers, startsAt: row["starts_at"], endsAt: row["ends_at"],
            createdBy: row["created_by"], comment: row["comment"])
    }
}
