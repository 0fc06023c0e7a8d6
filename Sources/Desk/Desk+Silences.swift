// SPDX-License-Identifier: Apache-2.0

import Hub
import Incidents
package import Paging
package import Routing

extension Desk {
    /// Silences, the latest end first.
    ///
    /// - Parameter isAll: those that are over as well; they are kept for five days.
    /// - Throws: ``DeskError``, or SQLite's error.
    package func silences(
        isAll: Bool = false, after cursor: String? = nil, limit: Int = 100, for actor: Actor
    ) async throws -> Page<Silence> {
        let now = clock()
        return try await read(for: actor) { db in
            let last = try cursor.map { try Cursor.read($0, numbers: 1, hasText: true) }
            let size = min(max(1, limit), IncidentStore.maximumPage)
            let silences = try SilenceStore.list(
                notOverAt: isAll ? nil : now, after: last.map { ($0.numbers[0], $0.text) }, limit: size + 1, in: db)
            return Page(silences, size: size) { "\($0.endsAt).\($0.id)" }
        }
    }

    /// One silence.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func silence(_ id: String, for actor: Actor) async throws -> Silence {
        try await read(for: actor) { db in
            guard let silence = try SilenceStore.find(id, in: db) else {
                throw DeskError.unknown("there is no silence \(id.prefix(80))")
            }
            return silence
        }
    }

    /// Makes a silence.
    ///
    /// - Parameters:
    ///   - matchers: as Alertmanager writes them: `identity="ana", severity=~"low|medium"`.
    ///   - startsAt: ms since the epoch, UTC; nil, and what is past, is now.
    /// - Throws: ``DeskError``, or SQLite's error.
    package func addSilence(
        matchers: String, startsAt: Int64? = nil, endsAt: Int64, comment: String, by actor: Actor
    ) async throws -> Silence {
        try require(.silence, of: actor)
        let matchers = try Self.matchers(matchers)
        try Self.check(comment, "comment")
        let silence = try await write(.silence, by: actor) { db, now in
            let silence = try SilenceStore.add(
                matchers: matchers, startsAt: startsAt, endsAt: endsAt, createdBy: actor.identity, comment: comment,
                now: now, in: db)
            try Self.note("silence.add", on: silence.id, by: actor, Self.payload(silence), now: now, in: db)
            return silence
        }
        hub.wake()
        return silence
    }

    /// Changes a silence; unless only its end changes, it ends and a new one takes its place.
    ///
    /// - Returns: the silence in force, which may have another id.
    /// - Throws: ``DeskError``, or SQLite's error.
    package func changeSilence(
        _ id: String, matchers: String? = nil, startsAt: Int64? = nil, endsAt: Int64? = nil, comment: String? = nil,
        by actor: Actor
    ) async throws -> Silence {
        try require(.silence, of: actor)
        let matchers = try matchers.map { try Self.matchers($0) }
        if let comment { try Self.check(comment, "comment") }
        let silence = try await write(.silence, by: actor) { db, now in
            let silence = try SilenceStore.change(
                id, matchers: matchers, startsAt: startsAt, endsAt: endsAt, comment: comment, by: actor.identity,
                now: now, in: db)
            try Self.note(
                "silence.change", on: id, by: actor, Self.payload(silence).merging(["now": silence.id]) { $1 },
                now: now, in: db)
            return silence
        }
        hub.wake()
        return silence
    }

    /// Ends a silence now.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func expireSilence(_ id: String, by actor: Actor) async throws -> Silence {
        let silence = try await write(.silence, by: actor) { db, now in
            guard let before = try SilenceStore.find(id, in: db) else {
                throw DeskError.unknown("there is no silence \(id.prefix(80))")
            }
            guard before.state(at: now) != .expired else {
                throw DeskError.refused("the silence \(id) is over already")
            }
            try SilenceStore.expire(id, now: now, in: db)
            try Self.note("silence.expire", on: id, by: actor, Self.payload(before), now: now, in: db)
            return try SilenceStore.find(id, in: db) ?? before
        }
        hub.wake()
        return silence
    }

    private static func matchers(_ text: String) throws(DeskError) -> [Matcher] {
        do {
            return try MatcherReader.matchers(text)
        } catch {
            throw .invalid(field: "matchers", error.description)
        }
    }

    private static func payload(_ silence: Silence) -> [String: String] {
        [
            "matchers": silence.matchers.text, "starts_at": String(silence.startsAt),
            "ends_at": String(silence.endsAt), "comment": silence.comment,
        ]
    }
}
