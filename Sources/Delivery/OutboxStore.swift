// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB

/// The SQL of the outbox. Every function runs inside a transaction of its caller.
enum OutboxStore {
    /// What a row says once its target was disabled.
    static let targetDisabled = "target disabled"
    /// Characters kept of an error: some of it is the receiver's words.
    private static let maximumError = 500

    /// A delivery that is due, with its body.
    struct Due {
        var id: Int64
        var messageID: String
        var orderingKey: String
        var body: [UInt8]
        var attempts: Int
        /// When it was put in, ms since the epoch.
        var createdAt: Int64
    }

    /// What a dispatcher does next.
    enum Next {
        case deliver(Due)
        /// Nothing is due before this time (ms since the epoch); nil if nothing is planned.
        case wait(until: Int64?)
    }

    /// Puts a delivery in; false if that message already is there for that target.
    static func insert(_ delivery: NewDelivery, now: Int64, in db: Database) throws -> Bool {
        let disabled = try String.fetchOne(
            db, sql: "SELECT disabled_reason FROM delivery_targets WHERE name = ?", arguments: [delivery.target])
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO deliveries
                    (message_id, target, ordering_key, body, state, next_attempt_at, last_error, created_at, updated_at)
                VALUES (:message, :target, :key, :body, :state,
                    CASE WHEN :state = 'pending' AND NOT EXISTS (
                        SELECT 1 FROM deliveries WHERE target = :target AND ordering_key = :key AND state = 'pending'
                    ) THEN :now END, :error, :now, :now)
                ON CONFLICT (message_id, target) DO NOTHING
                """)
        try statement.execute(arguments: [
            "message": delivery.messageID, "target": delivery.target, "key": delivery.orderingKey,
            "body": Data(delivery.body), "state": disabled == nil ? "pending" : "dead",
            "error": disabled == nil ? nil : targetDisabled, "now": now,
        ])
        return db.changesCount > 0
    }

    static func next(target: String, now: Int64, in db: Database) throws -> Next {
        let state = try Row.fetchOne(
            db, sql: "SELECT disabled_reason, held_until FROM delivery_targets WHERE name = ?", arguments: [target])
        if let state {
            if state["disabled_reason"] as String? != nil { return .wait(until: nil) }
            if let heldUntil = state["held_until"] as Int64?, heldUntil > now { return .wait(until: heldUntil) }
        }
        let statement = try db.cachedStatement(
            sql: """
                SELECT id, message_id, ordering_key, body, attempts, created_at, next_attempt_at FROM deliveries
                WHERE target = ? AND next_attempt_at IS NOT NULL ORDER BY next_attempt_at, id LIMIT 1
                """)
        guard let row = try Row.fetchOne(statement, arguments: [target]) else { return .wait(until: nil) }
        let at: Int64 = row["next_attempt_at"]
        guard at <= now else { return .wait(until: at) }
        return .deliver(
            Due(
                id: row["id"], messageID: row["message_id"], orderingKey: row["ordering_key"],
                body: [UInt8](row["body"] as Data), attempts: row["attempts"], createdAt: row["created_at"]))
    }

    static func markDelivered(_ due: Due, target: String, status: Int?, now: Int64, in db: Database) throws {
        try db.execute(
            sql: """
                UPDATE deliveries SET state = 'delivered', attempts = ?, next_attempt_at = NULL, last_status = ?,
                    last_error = NULL, updated_at = ? WHERE id = ?
                """, arguments: [due.attempts + 1, status, now, due.id])
        try promote(target: target, orderingKey: due.orderingKey, now: now, in: db)
        if try failuresInARow(of: target, in: db) >= RetrySchedule.failuresOfTargetDown {
            // It is back: what waited for it waits no more.
            try db.execute(
                sql: "UPDATE deliveries SET next_attempt_at = ? WHERE target = ? AND next_attempt_at > ?",
                arguments: [now, target, now])
        }
        try db.execute(
            sql: """
                INSERT INTO delivery_targets (name, last_success_at) VALUES (:name, :now)
                ON CONFLICT (name) DO UPDATE SET last_success_at = :now, failures_in_a_row = 0, last_error = NULL,
                    held_until = NULL
                """, arguments: ["name": target, "now": now])
    }

    static func failuresInARow(of target: String, in db: Database) throws -> Int {
        try Int.fetchOne(
            db.cachedStatement(sql: "SELECT failures_in_a_row FROM delivery_targets WHERE name = ?"),
            arguments: [target]) ?? 0
    }

    /// Plans the next attempt, or with `nextAttemptAt` nil lets the delivery die and the next of its key go ahead.
    static func markFailed(
        _ due: Due, target: String, status: Int?, error: String, nextAttemptAt: Int64?, holdUntil: Int64?, now: Int64,
        in db: Database
    ) throws {
        let error = String(error.prefix(maximumError))
        // An earlier one of the same key may have been replayed meanwhile: then this one waits behind it.
        try db.execute(
            sql: """
                UPDATE deliveries SET state = :state, attempts = :attempts, last_status = :status, last_error = :error,
                    updated_at = :now,
                    next_attempt_at = CASE WHEN :next IS NOT NULL AND NOT EXISTS (
                        SELECT 1 FROM deliveries e WHERE e.target = deliveries.target
                            AND e.ordering_key = deliveries.ordering_key AND e.state = 'pending' AND e.id < deliveries.id
                    ) THEN :next END
                WHERE id = :id
                """,
            arguments: [
                "state": nextAttemptAt == nil ? "dead" : "pending", "attempts": due.attempts + 1, "status": status,
                "error": error, "now": now, "next": nextAttemptAt, "id": due.id,
            ])
        if nextAttemptAt == nil { try promote(target: target, orderingKey: due.orderingKey, now: now, in: db) }
        try db.execute(
            sql: """
                INSERT INTO delivery_targets (name, failures_in_a_row, last_error, held_until)
                VALUES (:name, 1, :error, :hold)
                ON CONFLICT (name) DO UPDATE SET failures_in_a_row = failures_in_a_row + 1, last_error = :error,
                    held_until = coalesce(:hold, held_until)
                """, arguments: ["name": target, "error": error, "hold": holdUntil])
    }

    /// Notes that a target cannot be used at all, for its health; its deliveries wait.
    static func markUnusable(target: String, error: String, in db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO delivery_targets (name, failures_in_a_row, last_error) VALUES (:name, 1, :error)
                ON CONFLICT (name) DO UPDATE SET failures_in_a_row = failures_in_a_row + 1, last_error = :error
                """, arguments: ["name": target, "error": String(error.prefix(maximumError))])
    }

    /// Disables a target; its pending deliveries die, to be replayed when it is enabled. Returns how many.
    static func disable(target: String, reason: String, now: Int64, in db: Database) throws -> Int {
        try db.execute(
            sql: """
                INSERT INTO delivery_targets (name, disabled_reason) VALUES (:name, :reason)
                ON CONFLICT (name) DO UPDATE SET disabled_reason = :reason
                """, arguments: ["name": target, "reason": String(reason.prefix(maximumError))])
        try db.execute(
            sql: """
                UPDATE deliveries SET state = 'dead', next_attempt_at = NULL, last_error = ?, updated_at = ?
                WHERE target = ? AND state = 'pending'
                """, arguments: [targetDisabled, now, target])
        return db.changesCount
    }

    /// Enables a target and, if asked, revives what died only because it was disabled. Returns how many.
    static func enable(target: String, revive: Bool, now: Int64, in db: Database) throws -> Int {
        try db.execute(
            sql: """
                UPDATE delivery_targets SET disabled_reason = NULL, held_until = NULL, failures_in_a_row = 0,
                    last_error = NULL WHERE name = ?
                """, arguments: [target])
        guard revive else { return 0 }
        return try makePending(
            condition: "target = ? AND state = 'dead' AND last_error = ?", arguments: [target, targetDisabled],
            now: now, in: db)
    }

    static func replay(_ selection: ReplaySelection, now: Int64, in db: Database) throws -> Int {
        var conditions: [String] = []
        var arguments: StatementArguments = []
        func within(_ column: String, _ values: [any DatabaseValueConvertible]) {
            conditions.append("\(column) IN (\(values.map { _ in "?" }.joined(separator: ",")))")
            arguments += StatementArguments(values)
        }
        within("state", selection.states.subtracting([.pending]).map(\.rawValue))
        if let ids = selection.ids { within("id", ids) }
        if let ids = selection.messageIDs { within("message_id", ids) }
        if let target = selection.target { within("target", [target]) }
        if let since = selection.since {
            conditions.append("created_at >= ?")
            arguments += [since]
        }
        return try makePending(
            condition: conditions.joined(separator: " AND "), arguments: arguments, now: now, in: db)
    }

    /// Makes rows pending again with a fresh schedule, then sets who is first of each key.
    private static func makePending(
        condition: String, arguments: StatementArguments, now: Int64, in db: Database
    ) throws -> Int {
        let keys = try Row.fetchAll(
            db, sql: "SELECT DISTINCT target, ordering_key FROM deliveries WHERE \(condition)", arguments: arguments)
        try db.execute(
            sql: """
                UPDATE deliveries SET state = 'pending', attempts = 0, next_attempt_at = NULL, last_error = NULL,
                    updated_at = \(now) WHERE \(condition)
                """, arguments: arguments)
        let count = db.changesCount
        for key in keys {
            try promote(target: key["target"], orderingKey: key["ordering_key"], now: now, in: db)
        }
        return count
    }

    /// Lets the first pending row of a key go ahead, and only that one. A first one that already has a time keeps it.
    private static func promote(target: String, orderingKey: String, now: Int64, in db: Database) throws {
        let statement = try db.cachedStatement(
            sql: "SELECT min(id) FROM deliveries WHERE target = ? AND ordering_key = ? AND state = 'pending'")
        guard let first = try Int64.fetchOne(statement, arguments: [target, orderingKey]) else { return }
        try db.execute(
            sql: "UPDATE deliveries SET next_attempt_at = ? WHERE id = ? AND next_attempt_at IS NULL",
            arguments: [now, first])
        try db.execute(
            sql: """
                UPDATE deliveries SET next_attempt_at = NULL
                WHERE target = ? AND ordering_key = ? AND state = 'pending' AND id > ? AND next_attempt_at IS NOT NULL
                """, arguments: [target, orderingKey, first])
    }
}
