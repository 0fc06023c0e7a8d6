// SPDX-License-Identifier: Apache-2.0

import GRDB

extension ActivityWriter {
    /// Deletes some of what is older than the retention.
    ///
    /// - Parameters:
    ///   - now: ms since the epoch.
    ///   - limit: rows of each table, so that nobody waits long for the database.
    /// - Returns: whether there may be more.
    /// - Throws: SQLite's error.
    package func prune(_ retention: ActivityRetention, now: Int64, limit: Int = 2_000) throws -> Bool {
        let oldest = now - Int64(retention.days) * 86_400_000
        let oldestSession = now - Int64(retention.sessionDays) * 86_400_000
        let hour = oldest / 3_600_000
        let day = oldest / 86_400_000
        return try database.write { db in
            var isMore = false
            func delete(_ sql: String, _ before: Int64) throws {
                try db.cachedStatement(sql: sql).execute(arguments: [before, limit])
                if db.changesCount >= limit { isMore = true }
            }
            try delete(
                """
                DELETE FROM hours WHERE (identity_id, hour, connection_id, operation, decision) IN
                    (SELECT identity_id, hour, connection_id, operation, decision FROM hours WHERE hour < ? LIMIT ?)
                """, hour)
            try delete(
                """
                DELETE FROM hour_totals WHERE (hour, connection_id, operation, decision) IN
                    (SELECT hour, connection_id, operation, decision FROM hour_totals WHERE hour < ? LIMIT ?)
                """, hour)
            try delete(
                """
                DELETE FROM reach_days WHERE (day, identity_id, resource_id) IN
                    (SELECT day, identity_id, resource_id FROM reach_days WHERE day < ? LIMIT ?)
                """, day)
            try delete(
                """
                DELETE FROM coverage WHERE (hour, partition) IN
                    (SELECT hour, partition FROM coverage WHERE hour < ? LIMIT ?)
                """, hour)
            try delete(
                "DELETE FROM changes WHERE event_id IN (SELECT event_id FROM changes WHERE at < ? LIMIT ?)", oldest)
            try delete(
                "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE last_at < ? LIMIT ?)", oldestSession)
            return isMore
        }
    }
}
