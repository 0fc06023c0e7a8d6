// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRDB
import Incidents
package import Paging
import Signing
import Telemetry

/// The API tokens in a hub's database: for the desk, and for commands on the hub's host where no hub need run.
package struct APITokenStore: Sendable {
    private static let usePrecision: Int64 = 60_000

    private let ledger: Ledger
    private var clock: @Sendable () -> Int64 { ledger.clock }
    private var database: any DatabaseWriter { ledger.database }

    /// Makes the tables where they are missing.
    ///
    /// - Parameter clock: ms since the epoch, UTC.
    /// - Throws: SQLite's error.
    package init(
        database: any DatabaseWriter, clock: @escaping @Sendable () -> Int64 = { RFC3339.nowMilliseconds() }
    ) throws {
        try DeskSchema.migrate(database)
        ledger = Ledger(database: database, clock: clock)
    }

    /// Notes that a person has logged in, and what the login says of them: their tokens can do no more from then on.
    ///
    /// - Throws: SQLite's error.
    package func loggedIn(_ actor: Actor) async throws {
        let now = clock()
        try await database.write { db in
            try db.execute(
                sql: """
                    INSERT INTO people (identity_key, identity, name, aliases, groups, roles, seen_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (identity_key) DO UPDATE SET identity = excluded.identity,
                        name = excluded.name, aliases = excluded.aliases, groups = excluded.groups,
                        roles = excluded.roles, seen_at = excluded.seen_at
                    """,
                arguments: [
                    FoldedName(actor.identity).description, actor.identity, actor.name,
                    try APIToken.json(actor.aliases), try APIToken.json(actor.groups),
                    try APIToken.json(actor.roles.map(\.rawValue)), now,
                ])
            try Desk.note(
                "person.login", on: actor.identity, by: actor,
                ["roles": actor.roles.sorted().map(\.rawValue).joined(separator: ",")], now: now, in: db)
        }
    }

    /// Who a token is; nil where it is none of ours, revoked, over, or its person has no role any more.
    ///
    /// - Throws: SQLite's error.
    package func authenticate(token: String) async throws -> Actor? {
        guard token.hasPrefix(APIToken.prefix), token.utf8.count <= 100 else { return nil }
        let (hash, now) = (APIToken.hash(token), clock())
        let found = try await database.read { db -> (token: APIToken, actor: Actor)? in
            guard
                let row = try Row.fetchOne(
                    db.cachedStatement(sql: "SELECT * FROM api_tokens WHERE hash = ?"), arguments: [hash])
            else { return nil }
            let token = APIToken(row)
            guard token.state(at: now) == .active else { return nil }
            let person = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT * FROM people WHERE identity_key = ?"),
                arguments: [FoldedName(token.owner).description])
            let actor = Actor(
                identity: token.owner, name: person?["name"],
                aliases: person.map { APIToken.texts($0["aliases"]) } ?? [],
                groups: person.map { APIToken.texts($0["groups"]) } ?? [],
                roles: person.map { token.roles.intersection(APIToken.roles($0["roles"])) } ?? token.roles,
                via: .token(token.id))
            return actor.roles.isEmpty ? nil : (token, actor)
        }
        guard let found else { return nil }
        if now - (found.token.lastUsedAt ?? 0) >= Self.usePrecision {
            let id = found.token.id
            try await database.write { db in
                try db.execute(sql: "UPDATE api_tokens SET last_used_at = ? WHERE id = ?", arguments: [now, id])
            }
        }
        return found.actor
    }

    /// Makes a token. Its secret is in the answer and nowhere else.
    ///
    /// - Parameters:
    ///   - roles: of those that the person has; viewer is always among them.
    ///   - lifetime: ms.
    ///   - owner: in whose name it acts; only a command on the hub's host may name another than the person.
    /// - Throws: ``DeskError``, or SQLite's error.
    package func create(
        name: String, roles: Set<Role>, lifetime: Int64 = APIToken.defaultLifetime, owner: String? = nil,
        by actor: Actor
    ) async throws -> (token: APIToken, secret: String) {
        try Ledger.require(.manageTokens, of: actor)
        if case .token = actor.via { throw DeskError.refused("a token makes no tokens: log in to the console") }
        let owner = owner ?? actor.identity
        guard owner == actor.identity || actor.via == .command else {
            throw DeskError.refused("a token is made by the person in whose name it acts")
        }
        try Desk.check(name, "name", limit: 100)
        try Desk.check(owner, "owner", limit: Actor.maximumIdentity)
        guard !roles.isEmpty else { throw DeskError.invalid(field: "roles", "a token needs a role") }
        let roles = roles.union([.viewer])
        guard roles.isSubset(of: actor.roles) else {
            let more = roles.subtracting(actor.roles).sorted().map(\.rawValue).joined(separator: ", ")
            throw DeskError.invalid(field: "roles", "a token can have no role that you have not: \(more)")
        }
        guard (60_000...APIToken.maximumLifetime).contains(lifetime) else {
            throw DeskError.invalid(field: "lifetime", "a token lasts from a minute to 366 days")
        }
        let (secret, id) = (APIToken.secret(), UUID().uuidString.lowercased())
        let token = try await ledger.write(.manageTokens, by: actor) { db, now in
            let key = FoldedName(owner).description
            let count = try Int.fetchOne(
                db,
                sql: "SELECT count(*) FROM api_tokens WHERE owner_key = ? AND revoked_at IS NULL AND expires_at > ?",
                arguments: [key, now])
            guard count ?? 0 < APIToken.maximumPerOwner else {
                throw DeskError.refused("\(owner) has \(APIToken.maximumPerOwner) tokens: revoke some")
            }
            try db.execute(
                sql: """
                    INSERT INTO api_tokens (id, hash, name, owner, owner_key, roles, created_at, created_by, expires_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    id, APIToken.hash(secret), name, owner, key, try APIToken.json(roles.map(\.rawValue)), now,
                    actor.identity, now + lifetime,
                ])
            try Desk.note(
                "token.create", on: id, by: actor,
                [
                    "name": name, "owner": owner, "roles": roles.sorted().map(\.rawValue).joined(separator: ","),
                    "expires_at": String(now + lifetime),
                ], now: now, in: db)
            return try Self.token(id, in: db)
        }
        return (token, secret)
    }

    /// Tokens of everybody, the newest first.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func list(after cursor: String? = nil, limit: Int = 100, for actor: Actor) async throws -> Page<APIToken> {
        try await ledger.read(.manageTokens, for: actor) { db in
            let last = try cursor.map { try Cursor.read($0, numbers: 1, hasText: true) }
            let size = min(max(1, limit), IncidentStore.maximumPage)
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM api_tokens WHERE (:at IS NULL OR (created_at, id) < (:at, :id))
                    ORDER BY created_at DESC, id DESC LIMIT :limit
                    """, arguments: ["at": last?.numbers[0], "id": last?.text, "limit": size + 1])
            return Page(rows.map(APIToken.init), size: size) { "\($0.createdAt).\($0.id)" }
        }
    }

    /// Ends a token now.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func revoke(_ id: String, by actor: Actor) async throws -> APIToken {
        try await ledger.write(.manageTokens, by: actor) { db, now in
            let token = try Self.token(id, in: db)
            guard token.state(at: now) == .active else {
                throw DeskError.refused("the token \(id) is \(token.state(at: now).rawValue) already")
            }
            try db.execute(
                sql: "UPDATE api_tokens SET revoked_at = ?, revoked_by = ? WHERE id = ?",
                arguments: [now, actor.identity, id])
            try Desk.note(
                "token.revoke", on: id, by: actor, ["name": token.name, "owner": token.owner], now: now, in: db)
            return try Self.token(id, in: db)
        }
    }

    private static func token(_ id: String, in db: Database) throws -> APIToken {
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM api_tokens WHERE id = ?", arguments: [id]) else {
            throw DeskError.unknown("there is no token \(id.prefix(80))")
        }
        return APIToken(row)
    }
}
