// SPDX-License-Identifier: Apache-2.0

import Desk
package import Foundation
package import GRDB
import OIDC

/// Logins, in the hub's database. It reads no clock: `now` is ms since the epoch, UTC.
package struct SessionStore: Sendable {
    private let database: any DatabaseWriter
    private let idle: Int64
    private let absolute: Int64
    private let limits: WebLimits
    /// `last_seen_at` is written when it is so old, ms: not with every request.
    private static let seenInterval: Int64 = 60_000

    /// - Parameters: see ``WebSettings/idle`` and ``WebSettings/absolute``.
    package init(database: any DatabaseWriter, idle: Int64, absolute: Int64, limits: WebLimits = WebLimits()) {
        self.database = database
        self.idle = idle
        self.absolute = absolute
        self.limits = limits
    }

    /// Who is to have a session.
    package struct Person: Sendable, Equatable {
        package var identity: String
        package var name: String
        package var aliases: [String]
        package var groups: [String]

        package init(identity: String, name: String, aliases: [String] = [], groups: [String] = []) {
            self.identity = identity
            self.name = name
            self.aliases = aliases
            self.groups = groups
        }

        /// With the roles that the settings give to the groups now.
        func actor(_ settings: WebSettings) -> Actor {
            Actor(
                identity: identity, name: name, aliases: aliases, groups: groups, roles: settings.roles(of: groups),
                via: .console)
        }
    }

    /// Begins a session, after one that the same browser had was ended.
    ///
    /// - Returns: its id, for the cookie; it is kept nowhere.
    /// - Throws: SQLite's error.
    package func begin(
        _ person: Person, replacing old: String?, address: String, userAgent: String, now: Int64
    ) async throws -> String {
        let id = ProofKey.random()
        let (aliases, groups) = (try Self.json(person.aliases), try Self.json(person.groups))
        try await database.write { [limits, idle, absolute] db in
            if let old {
                try db.execute(sql: "DELETE FROM web_sessions WHERE id_hash = ?", arguments: [WebSession.hash(old)])
            }
            try db.execute(
                sql: "DELETE FROM web_sessions WHERE created_at <= ? OR last_seen_at <= ?",
                arguments: [now - absolute, now - idle])
            try db.execute(
                sql: """
                    INSERT INTO web_sessions (id_hash, identity, name, aliases, groups, address, user_agent, created_at,
                        last_seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    WebSession.hash(id), person.identity, person.name, aliases, groups, address,
                    String(userAgent.unicodeScalars.prefix(300)), now, now,
                ])
            try db.execute(
                sql: """
                    DELETE FROM web_sessions WHERE id_hash IN (
                        SELECT id_hash FROM web_sessions WHERE identity = ? ORDER BY created_at DESC LIMIT -1 OFFSET ?)
                    """, arguments: [person.identity, limits.sessionsPerPerson])
            try db.execute(
                sql: """
                    DELETE FROM web_sessions WHERE id_hash IN (
                        SELECT id_hash FROM web_sessions ORDER BY created_at DESC LIMIT -1 OFFSET ?)
                    """, arguments: [limits.sessions])
        }
        return id
    }

    /// The session of a cookie, if it has not ended.
    ///
    /// - Parameter isUse: false where a page asks by itself: it must not keep a session open that nobody uses.
    /// - Throws: SQLite's error.
    package func session(_ id: String, isUse: Bool = true, now: Int64) async throws -> WebSession? {
        // An id of ours has 43 characters; what else comes is not worth a look.
        guard id.utf8.count == 43 else { return nil }
        let hash = WebSession.hash(id)
        let session: WebSession? = try await database.read { db in
            let row = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT * FROM web_sessions WHERE id_hash = ?"), arguments: [hash])
            return row.map { row in
                WebSession(
                    idHash: hash, csrf: WebSession.csrf(id),
                    person: Person(
                        identity: row["identity"], name: row["name"], aliases: Self.texts(row["aliases"]),
                        groups: Self.texts(row["groups"])),
                    createdAt: row["created_at"], lastSeenAt: row["last_seen_at"])
            }
        }
        guard let session, now < session.createdAt + absolute, now < session.lastSeenAt + idle else { return nil }
        if isUse, now - session.lastSeenAt >= min(Self.seenInterval, idle / 4) {
            try await database.write { db in
                try db.execute(
                    sql: "UPDATE web_sessions SET last_seen_at = max(last_seen_at, ?) WHERE id_hash = ?",
                    arguments: [now, hash])
            }
        }
        return session
    }

    /// True while the session of this hash has not ended; does not count as using it.
    ///
    /// - Throws: SQLite's error.
    package func isAlive(_ hash: Data, now: Int64) async throws -> Bool {
        try await database.read { [idle, absolute] db in
            try Bool.fetchOne(
                db.cachedStatement(
                    sql: "SELECT 1 FROM web_sessions WHERE id_hash = ? AND created_at > ? AND last_seen_at > ?"),
                arguments: [hash, now - absolute, now - idle]) ?? false
        }
    }

    /// Ends a session.
    ///
    /// - Throws: SQLite's error.
    package func end(_ session: WebSession) async throws {
        try await database.write { db in
            try db.execute(sql: "DELETE FROM web_sessions WHERE id_hash = ?", arguments: [session.idHash])
        }
    }

    /// A login that was begun.
    struct OpenLogin: Sendable {
        var nonce: String
        var verifier: String
        var returnTo: String
    }

    /// Keeps a login until its answer comes.
    func open(_ login: OpenLogin, state: String, browser: String, now: Int64) async throws {
        try await database.write { [limits] db in
            try db.execute(sql: "DELETE FROM web_logins WHERE expires_at <= ?", arguments: [now])
            try db.execute(
                sql: """
                    INSERT INTO web_logins (state_hash, browser_hash, nonce, verifier, return_to, expires_at)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    WebSession.hash(state), WebSession.hash(browser), login.nonce, login.verifier, login.returnTo,
                    now + limits.loginMilliseconds,
                ])
            try db.execute(
                sql: """
                    DELETE FROM web_logins WHERE state_hash IN (
                        SELECT state_hash FROM web_logins ORDER BY expires_at DESC LIMIT -1 OFFSET ?)
                    """, arguments: [limits.openLogins])
        }
    }

    /// Takes a login out: a state is good once, and for the browser that began it.
    func take(state: String, browser: String, now: Int64) async throws -> OpenLogin? {
        try await database.write { db in
            let row = try Row.fetchOne(
                db,
                sql: "DELETE FROM web_logins WHERE state_hash = ? AND browser_hash = ? AND expires_at > ? RETURNING *",
                arguments: [WebSession.hash(state), WebSession.hash(browser), now])
            return row.map { OpenLogin(nonce: $0["nonce"], verifier: $0["verifier"], returnTo: $0["return_to"]) }
        }
    }

    private static func json(_ texts: [String]) throws -> String {
        String(decoding: try JSONEncoder().encode(texts), as: UTF8.self)
    }

    private static func texts(_ json: String) -> [String] {
        (try? JSONDecoder().decode([String].self, from: Data(json.utf8))) ?? []
    }
}
