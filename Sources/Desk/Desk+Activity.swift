// SPDX-License-Identifier: Apache-2.0

package import Activity
import Dispatch
import GRDB
import Hub
import Incidents
package import Paging

/// What an identity did in a time range, from one state of the counts.
package struct IdentityActivity: Sendable {
    /// Nil where it was never seen.
    package var identity: ActiveIdentity?
    /// ms since the epoch, UTC; days that it cuts count whole.
    package var range: Range<Int64>
    /// A point per day, the earliest first.
    package var days: [ActivityPoint]
    /// What was done through which connection and what became of it, the most events first.
    package var operations: [ActivityStore.OperationSums]
    /// What it used, the most bytes out first.
    package var reach: [ActivityReach]
    /// The latest first.
    package var changes: [ActivityChange]
}

/// Who accessed what, from the room Activity.
extension Desk {
    private static let usual: Int64 = 28 * 86_400_000
    private static let longest: Int64 = 400 * 86_400_000

    /// Identities that were seen, those active last first.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func activeIdentities(
        _ filter: ActivityStore.IdentityFilter = .init(), after cursor: String? = nil, limit: Int = 100,
        for actor: Actor
    ) async throws -> Page<ActiveIdentity> {
        return try await counted(for: actor) {
            try ActivityStore.identities(filter, after: cursor, limit: limit, in: $0)
        }
    }

    /// What an identity did.
    ///
    /// - Parameters:
    ///   - from: ms since the epoch, UTC; nil for 28 days before `to`.
    ///   - to: not included; nil for now.
    /// - Throws: ``DeskError``, or SQLite's error.
    package func activity(
        of identity: String, from: Int64? = nil, to: Int64? = nil, for actor: Actor
    ) async throws -> IdentityActivity {
        let end = to ?? clock()
        let start = from ?? max(0, end - Self.usual)
        guard start < end, end - start <= Self.longest else {
            throw DeskError.invalid(field: "from", "the time range ends before it begins, or is longer than 400 days")
        }
        return try await counted(for: actor) { db in
            var activity = IdentityActivity(
                range: start..<end, days: [], operations: [], reach: [], changes: [])
            guard let found = try ActivityStore.find(identity, in: db) else { return activity }
            let selection = ActivityStore.Selection(identity: found.id)
            activity.identity = found
            activity.days = try ActivityStore.series(selection, in: start..<end, step: .day, in: db)
            activity.operations = try ActivityStore.operations(selection, in: start..<end, in: db)
            activity.reach = try ActivityStore.reach(of: found.id, in: start..<end, limit: 500, in: db)
            activity.changes = try ActivityStore.changes(of: found.id, in: start..<end, limit: 500, in: db).items
            return activity
        }
    }

    /// The sessions of an identity, the one that started last first; none of one that was never seen.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func sessions(
        of identity: String, after cursor: String? = nil, limit: Int = 100, for actor: Actor
    ) async throws -> Page<ActivitySession> {
        let page = try await counted(for: actor) { db in
            try ActivityStore.find(identity, in: db).map {
                try ActivityStore.sessions(of: $0.id, after: cursor, limit: limit, in: db)
            }
        }
        return Page(items: page?.items ?? [], next: page?.next)
    }

    /// Who has used a resource, the latest first.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func users(
        ofResource name: String, connection: String? = nil, type: String? = nil, after cursor: String? = nil,
        limit: Int = 100, for actor: Actor
    ) async throws -> Page<ActivityReach> {
        return try await counted(for: actor) {
            try ActivityStore.readers(
                of: name, connection: connection, type: type, after: cursor, limit: limit, in: $0)
        }
    }

    /// The connections of which events were counted, at most 1,000.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func connections(for actor: Actor) async throws -> [String] {
        try await counted(for: actor) { try ActivityStore.connections(in: $0) }
    }

    /// Asks the counts; not on the pool's threads, as they are read by blocking.
    private func counted<Answer: Sendable>(
        for actor: Actor, _ body: @escaping @Sendable (Database) throws -> Answer
    ) async throws -> Answer {
        try require(.read, of: actor)
        guard let store = hub.activity else {
            throw DeskError.refused("this hub counts no activity: see docs/activity.md")
        }
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: Result { try store.read(body) }) }
        }
        do {
            return try result.get()
        } catch let error as BadCursor {
            throw DeskError.invalid(field: "cursor", error.description)
        }
    }
}
