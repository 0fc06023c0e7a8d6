// SPDX-License-Identifier: Apache-2.0
import GRDB

extension OutboxStore {
    static func pending(target: String, in db: Database) throws -> Int {
        try Int.fetchOne(
            db, sql: "SELECT count(*) FROM deliveries WHERE target = ? AND state = 'pending'", arguments: [target]) ?? 0
    }

    static func health(target: String, endpoint: String, in db: Database) throws -> TargetHealth {
        let state = try Row.fetchOne(db, sql: "SELECT * FROM delivery_targets WHERE name = ?", arguments: [target])
        return TargetHealth(
            name: target, endpoint: endpoint, disabledReason: state?["disabled_reason"],
            lastSuccessAt: state?["last_success_at"], failuresInARow: state?["failures_in_a_row"] ?? 0,
            lastError: state?["last_error"], heldUntil: state?["held_until"],
            pending: try pending(target: target, in: db),
            dead: try Int.fetchOne(
                db, sql: "SELECT count(*) FROM deliveries WHERE target = ? AND state = 'dead'", arguments: [target])
                ?? 0,
            oldestPendingAt: try Int64.fetchOne(
                db, sql: "SELECT min(created_at) FROM deliveries WHERE target = ? AND state = 'pending'",
                arguments: [target]))
    }

    static func list(
        target: String?, state: Delivery.State?, before: Int64?, isNewestFirst: Bool, limit: Int, in db: Database
    ) throws -> [Delivery] {
        // The state is written out: only then does SQLite see which partial index serves.
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT id, message_id, target, ordering_key, state, attempts, next_attempt_at, last_status, last_error,
                    created_at, updated_at
                FROM deliveries WHERE \(state.map { "state = '\($0.rawValue)'" } ?? "1")
                    AND (:target IS NULL OR target = :target) AND (:before IS NULL OR id < :before)
                ORDER BY id \(isNewestFirst ? "DESC" : "ASC") LIMIT :limit
                """, arguments: ["target": target, "before": before, "limit": limit])
        return rows.compactMap { row in
            guard let state = Delivery.State(rawValue: row["state"]) else { return nil }
            return Delivery(
                id: row["id"], messageID: row["message_id"], target: row["target"], orderingKey: row["ordering_key"],
                state: state, attempts: row["attempts"], nextAttemptAt: row["next_attempt_at"],
                lastStatus: row["last_status"], lastError: row["last_error"], createdAt: row["created_at"],
                updatedAt: row["updated_at"])
        }
    }

    /// Targets that have pending deliveries.
    static func targetsWithPending(in db: Database) throws -> [String] {
        try String.fetchAll(db, sql: "SELECT DISTINCT target FROM deliveries WHERE state = 'pending' ORDER BY target")
    }

    /// Removes delivered rows last touched before a time. Returns how many.
    static func prune(deliveredBefore time: Int64, in db: Database) throws -> Int {
        try db.execute(sql: "DELETE FROM deliveries WHERE state = 'delivered' AND updated_at < ?", arguments: [time])
        return db.changesCount
    }
}
