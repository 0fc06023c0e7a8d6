// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Remembers which sessions have been seen, so that the first success of each is told once. Bounded: when it is full the older
/// half is forgotten, and a session that comes back is told again.
final class LoginTracker: Sendable {
    private struct Sessions {
        var recent: Set<Key> = []
        var older: Set<Key> = []
    }

    private struct Key: Hashable {
        let issuer: String
        let session: String
    }

    private let limit: Int
    private let sessions = Mutex(Sessions())

    /// - Parameter limit: sessions to remember.
    init(limit: Int = 200_000) {
        self.limit = limit
    }

    /// True for the first time of a session.
    func isNew(issuer: String, session: String) -> Bool {
        let key = Key(issuer: issuer, session: session)
        return sessions.withLock { sessions in
            if sessions.recent.contains(key) { return false }
            let isKnown = sessions.older.contains(key)
            if sessions.recent.count >= limit / 2 {
                sessions.older = sessions.recent
                sessions.recent = []
            }
            sessions.recent.insert(key)
            return !isKnown
        }
    }

    /// The first success could not be recorded; it is told next time.
    func forget(issuer: String, session: String) {
        let key = Key(issuer: issuer, session: session)
        sessions.withLock { sessions in
            sessions.recent.remove(key)
            sessions.older.remove(key)
        }
    }
}
