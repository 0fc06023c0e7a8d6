// SPDX-License-Identifier: Apache-2.0

import GRDB
import Logging
import Synchronization

/// What changed in the hub's database, for pages that are open: one look a second while anybody is watching, whoever made the change
/// (the hub's threads, a person here, a command in another process).
final class Changes: Sendable {
    /// Pages that watch at the same time, at most.
    static let maximum = 200

    private struct State {
        var next = 0
        var watchers: [Int: AsyncStream<[String]>.Continuation] = [:]
        var task: Task<Void, Never>?
    }

    private let database: any DatabaseReader
    private let logger: Logger
    private let state = Mutex(State())

    init(database: any DatabaseReader, logger: Logger) {
        self.database = database
        self.logger = logger
    }

    /// Topics that changed, from now on; nil if too many watch already.
    func watch() -> AsyncStream<[String]>? {
        state.withLock { state in
            guard state.watchers.count < Self.maximum else { return nil }
            let (stream, continuation) = AsyncStream<[String]>.makeStream(bufferingPolicy: .bufferingNewest(4))
            state.next += 1
            let id = state.next
            state.watchers[id] = continuation
            continuation.onTermination = { [weak self] _ in self?.leave(id) }
            // It ends by itself with the last watcher.
            if state.task == nil { state.task = Task { [weak self] in await self?.look() } }
            return stream
        }
    }

    private func leave(_ id: Int) {
        state.withLock { state in _ = state.watchers.removeValue(forKey: id) }
    }

    /// What tells that a part of the database is another one. Each is the end of an index or a count of few rows.
    private static let marks: [(topic: String, sql: String)] = [
        ("alerts", "SELECT max(rowid) FROM alerts"),
        (
            "incidents",
            """
            SELECT (SELECT total(rowid) FROM (SELECT max(rowid) AS rowid FROM incident_entries)) || '.'
                || (SELECT count(*) FROM incidents WHERE status = 'open')
            """
        ),
        (
            "controls",
            """
            SELECT count(*) || '.' || total(length(words)) || '.' || total(length(state) * (rowid % 9973 + 1))
            FROM incident_controls
            """
        ),
        (
            "deliveries",
            """
            SELECT (SELECT total(id) FROM (SELECT max(id) AS id FROM deliveries)) || '.'
                || (SELECT count(*) FROM deliveries WHERE state = 'dead') || '.'
                || (SELECT count(*) FROM deliveries WHERE state = 'pending')
            """
        ),
        ("silences", "SELECT count(*) || '.' || total(ends_at) FROM routing_silences"),
        ("evidence", "SELECT max(sequence) FROM evidence"),
    ]

    private func look() async {
        var known: [String: String]?
        while true {
            let isWatched = state.withLock { state in
                if state.watchers.isEmpty { state.task = nil }
                return !state.watchers.isEmpty
            }
            guard isWatched, !Task.isCancelled else { return }
            do {
                let found = try await database.read { db in
                    var found: [String: String] = [:]
                    for mark in Self.marks {
                        found[mark.topic] = try String.fetchOne(db.cachedStatement(sql: mark.sql)) ?? ""
                    }
                    return found
                }
                let changed = Self.marks.map(\.topic).filter { known?[$0] != nil && known?[$0] != found[$0] }
                known = found
                if !changed.isEmpty {
                    state.withLock { state in
                        for watcher in state.watchers.values { watcher.yield(changed) }
                    }
                }
            } catch {
                logger.warning("the pages cannot be told of changes", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }
}
