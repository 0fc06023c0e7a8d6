// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Hub
import Incidents
package import Paging
package import Recordings

/// Recordings: everybody sees that there was an exchange, an analyst what was in it. Each reading of contents is noted before they are
/// handed out.
extension Desk {
    /// Recordings without their contents, the latest to arrive first. To search words of the contents is to read them.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func recordings(
        _ filter: RecordingFilter = RecordingFilter(), after cursor: String? = nil, limit: Int = 100, for actor: Actor
    ) async throws -> Page<RecordingSummary> {
        try require(filter.text == nil ? .read : .readRecordings, of: actor)
        return try await recorded { try $0.search(filter, after: cursor, limit: limit) }
    }

    /// A recording with its contents, by the uid of its audit event.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func recording(_ uid: String, by actor: Actor) async throws -> StoredRecording {
        try require(.readRecordings, of: actor)
        guard let stored = try await recorded({ try $0.recording(uid: uid) }) else {
            throw DeskError.unknown("there is no recording \(uid.prefix(80)), or not any more")
        }
        try await note(
            "recording.read", on: stored.recording.uid, by: actor, needs: .readRecordings,
            payload: ["identity": stored.recording.identity ?? ""])
        return stored
    }

    /// Recorded sessions, the last active first.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func recordedSessions(
        identity: String? = nil, session: String? = nil, from: Int64? = nil, to: Int64? = nil,
        after cursor: String? = nil, limit: Int = 100, for actor: Actor
    ) async throws -> Page<RecordedSession> {
        try require(.read, of: actor)
        return try await recorded {
            try $0.sessions(identity: identity, session: session, from: from, to: to, after: cursor, limit: limit)
        }
    }

    /// One recorded session.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func recordedSession(_ id: Int64, for actor: Actor) async throws -> RecordedSession {
        try require(.read, of: actor)
        guard let session = try await recorded({ try $0.session(id: id) }) else {
            throw DeskError.unknown("there is no recorded session \(id)")
        }
        return session
    }

    /// The exchanges of a session with their contents, in the order in which they ended.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func replaySession(
        _ id: Int64, after cursor: String? = nil, limit: Int = 50, by actor: Actor
    ) async throws -> Page<ReplayStep> {
        try require(.readRecordings, of: actor)
        let session = try await recordedSession(id, for: actor)
        let page = try await recorded { try $0.replay(session, after: cursor, limit: limit) }
        // Every part by itself: whoever begins with a cursor of their own making has read as well.
        var payload = ["identity": session.identity]
        payload["after"] = cursor
        try await note("recording.replay", on: session.session, by: actor, needs: .readRecordings, payload: payload)
        return page
    }

    /// Asks the store of recordings. It decompresses and searches texts: not on the pool's threads.
    private func recorded<Answer: Sendable>(
        _ body: @escaping @Sendable (RecordingStore) throws -> Answer
    ) async throws -> Answer {
        guard let store = hub.recordings else {
            throw DeskError.refused("this hub keeps no recordings: see docs/recordings.md")
        }
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: Result { try body(store) }) }
        }
        do {
            return try result.get()
        } catch let error as BadCursor {
            throw DeskError.invalid(field: "cursor", error.description)
        }
    }
}
