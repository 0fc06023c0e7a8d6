// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRDB

extension RoutingEngine {
    /// What a notification may say of an alert beside its finding and labels, bytes.
    private static let alertOverhead = 250

    /// What one flush did.
    package struct Flushed: Sendable, Equatable {
        /// Groups that were looked at.
        package var groups = 0
        /// Notifications that were handed out.
        package var notifications = 0
        /// Whether more groups may be due: flush again.
        package var hasMore = false
    }

    /// Looks at the groups that are due, in the order in which they became so, and hands out what is to be told of them.
    ///
    /// - Parameters:
    ///   - limit: groups in this transaction.
    ///   - send: puts the deliveries of a notification into the outbox, in the same transaction.
    /// - Throws: SQLite's error or what `send` throws; then the caller's transaction must not be committed.
    package func flush(
        now: Int64, limit: Int = 200, in db: Database, _ send: (Notification, Database) throws -> Void
    ) throws -> Flushed {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: "SELECT * FROM routing_groups WHERE next_flush_at <= ? ORDER BY next_flush_at, id LIMIT ?"),
            arguments: [now, limit])
        var flushed = Flushed(groups: rows.count, hasMore: rows.count == limit)
        if !rows.isEmpty {
            var holding = try Holding(configuration, now: now, in: db)
            for row in rows where try flush(FlushedGroup(row), &holding, now: now, in: db, send) {
                flushed.notifications += 1
            }
        }
        flushed.notifications += try flushAcknowledgements(now: now, limit: limit, in: db, send)
        return flushed
    }

    /// True if the group was told of.
    private func flush(
        _ group: FlushedGroup, _ holding: inout Holding, now: Int64, in db: Database,
        _ send: (Notification, Database) throws -> Void
    ) throws -> Bool {
        var group = group
        // No such route cannot be: a configuration's routes are given to all groups when it comes into force.
        guard let route = routes[group.route], group.members > 0 else { return try delete(group, in: db) }
        group.nextFlushAt = now + route.groupInterval
        let log = group.notifiedAt.map { at in
            NotificationLog(
                firing: group.notifiedFiring,
                repeatIsDue: route.repeatInterval.map { now >= at &+ $0 } ?? false)
        }
        guard try log?.repeatIsDue == true || hasNews(group, in: db) else {
            try save(group, in: db)
            return false
        }
        if !configuration.muting(route, at: now).isEmpty {
            try keepAlive(group, now: now, in: db)
            try save(group, in: db)
            return false
        }
        let members = try self.members(of: group, in: db)
        var told = MemberStates()
        for member in members {
            if try holding.reason(member.labels, in: db) != nil { told.held.append(member) } else { told.add(member) }
        }
        let sendsResolved = configuration.resolvedTo.contains(route.receiver)
        let hasNewCounted = group.counted > group.countedNotified && !told.firing.isEmpty
        let reason = log.needsUpdate(
            firing: told.firing.count, hasNewFiring: hasNewCounted || told.firing.contains { !$0.wasNotified },
            resolved: told.resolved.count, sendsResolved: sendsResolved)
        var isTold = false
        if let reason {
            let shown = sendsResolved ? told.firing + told.resolved : told.firing
            group.sequence += 1
            if !shown.isEmpty {
                try send(
                    notification(
                        group, shown, told.firing.isEmpty ? .resolved : .firing, reason, now: now, in: db), db)
                isTold = true
            }
            group.notifiedAt = now
            group.notifiedFiring = told.firing.count
            group.countedNotified = group.counted
            try mark(told, of: group, in: db)
        }
        // What is over was told of, or never fired for this receiver. A held one that fired for it waits until it can be told.
        var leaving = told.resolved + told.held.filter { $0.endsAt != nil && !($0.wasNotified && sendsResolved) }
        if reason != nil, route.repeatInterval == nil, !sendsResolved { leaving += told.firing }
        try remove(leaving, from: &group, in: db)
        if group.members == 0 { return try delete(group, in: db) || isTold }
        try save(group, in: db)
        return isTold
    }

    /// Whether anything changed since the last notification: an alert that it did not have, one that is over, one more counted.
    private func hasNews(_ group: FlushedGroup, in db: Database) throws -> Bool {
        if group.counted > group.countedNotified { return true }
        return try Bool.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT EXISTS (SELECT 1 FROM routing_members m JOIN routing_alerts a ON a.id = m.alert_id
                        WHERE m.group_id = ? AND (m.notified = 0 OR a.ends_at IS NOT NULL))
                    """), arguments: [group.id]) ?? false
    }

    /// While a mute time holds alerts that were never told, their incidents do not time out: they come when it ends.
    private func keepAlive(_ group: FlushedGroup, now: Int64, in db: Database) throws {
        try db.cachedStatement(
            sql: """
                UPDATE routing_incidents SET last_at = max(last_at, ?) WHERE incident IN (
                    SELECT a.incident FROM routing_members m JOIN routing_alerts a ON a.id = m.alert_id
                    WHERE m.group_id = ? AND m.notified = 0)
                """
        ).execute(arguments: [now, group.id])
    }

    func members(of group: FlushedGroup, in db: Database) throws -> [Member] {
        try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT a.id, a.labels, a.starts_at, a.ends_at, m.notified
                    FROM routing_members m JOIN routing_alerts a ON a.id = m.alert_id
                    WHERE m.group_id = ? ORDER BY a.starts_at, a.id
                    """), arguments: [group.id]
        ).map { row in
            let labels: String = row["labels"]
            return Member(
                id: row["id"], labels: try LabelSet(json: labels), labelBytes: labels.utf8.count,
                startsAt: row["starts_at"],
                endsAt: row["ends_at"], wasNotified: row["notified"] as Int == 1)
        }
    }

    func notification(
        _ group: FlushedGroup, _ shown: [Member], _ status: Notification.Status, _ reason: Notification.Reason,
        now: Int64, in db: Database
    ) throws -> Notification {
        let statement = try db.cachedStatement(sql: "SELECT finding FROM routing_alerts WHERE id = ?")
        var left = limits.notificationBytes
        var alerts: [Notification.Alert] = []
        // The news first, where there is no room for all.
        for member in shown.filter(\.isNews) + shown.filter({ !$0.isNews }) {
            let finding = try Data.fetchOne(statement, arguments: [member.id]) ?? Data()
            let bytes = finding.count + member.labelBytes + Self.alertOverhead
            guard bytes <= left || alerts.isEmpty else { break }
            left -= bytes
            alerts.append(
                .init(
                    id: member.id, labels: member.labels, startsAt: member.startsAt, endsAt: member.endsAt,
                    finding: Array(finding)))
        }
        let truncated = shown.count - alerts.count + group.counted
        alerts.sort { ($0.startsAt, $0.id) < ($1.startsAt, $1.id) }
        return Notification(
            id: Notification.id(
                key: group.key, receiver: group.receiver, createdAt: group.createdAt, group: group.id,
                sequence: group.sequence),
            receiver: group.receiver, status: status, reason: reason, groupKey: group.key,
            groupLabels: try LabelSet(json: group.labels), alerts: alerts, truncatedAlerts: truncated, time: now)
    }

    /// Which alerts the notification said to fire.
    private func mark(_ told: MemberStates, of group: FlushedGroup, in db: Database) throws {
        let statement = try db.cachedStatement(
            sql: "UPDATE routing_members SET notified = ? WHERE group_id = ? AND alert_id = ?")
        for member in told.firing where !member.wasNotified {
            try statement.execute(arguments: [1, group.id, member.id])
        }
        // Held ones that fire are told again once nothing holds them; those that are over still have to be.
        for member in told.held where member.wasNotified && member.endsAt == nil {
            try statement.execute(arguments: [0, group.id, member.id])
        }
    }

    private func remove(_ leaving: [Member], from group: inout FlushedGroup, in db: Database) throws {
        for member in leaving {
            try db.cachedStatement(sql: "DELETE FROM routing_members WHERE group_id = ? AND alert_id = ?")
                .execute(arguments: [group.id, member.id])
            group.members -= db.changesCount
            try forgetUnused(member.id, in: db)
        }
    }

    /// Forgets an alert that is in no group any more, unless it fires and inhibits others.
    private func forgetUnused(_ alert: String, in db: Database) throws {
        let isNeeded = try Bool.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT EXISTS (SELECT 1 FROM routing_members WHERE alert_id = :id)
                        OR EXISTS (SELECT 1 FROM routing_sources s JOIN routing_alerts a ON a.id = s.alert_id
                            WHERE s.alert_id = :id AND a.ends_at IS NULL)
                    """), arguments: ["id": alert])
        if isNeeded == false { try forget(alert, in: db) }
    }

    private func delete(_ group: FlushedGroup, in db: Database) throws -> Bool {
        try db.cachedStatement(sql: "DELETE FROM routing_groups WHERE id = ?").execute(arguments: [group.id])
        return false
    }

    private func save(_ group: FlushedGroup, in db: Database) throws {
        try db.cachedStatement(
            sql: """
                UPDATE routing_groups SET next_flush_at = ?, members = ?, counted_notified = ?, sequence = ?, notified_at = ?,
                    notified_firing = ? WHERE id = ?
                """
        ).execute(arguments: [
            group.nextFlushAt, group.members, group.countedNotified, group.sequence, group.notifiedAt,
            group.notifiedFiring, group.id,
        ])
    }
}

/// A row of `routing_groups`.
struct FlushedGroup {
    let id: Int64
    let key: String
    let receiver: String
    let route: String
    let labels: String
    let createdAt: Int64
    let counted: Int
    var nextFlushAt: Int64
    var members: Int
    var countedNotified: Int
    var sequence: Int64
    var notifiedAt: Int64?
    var notifiedFiring: Int

    init(_ row: Row) {
        id = row["id"]
        key = row["key"]
        receiver = row["receiver"]
        route = row["route"]
        labels = row["labels"]
        createdAt = row["created_at"]
        counted = row["counted"]
        nextFlushAt = row["next_flush_at"]
        members = row["members"]
        countedNotified = row["counted_notified"]
        sequence = row["sequence"]
        notifiedAt = row["notified_at"]
        notifiedFiring = row["notified_firing"]
    }
}

/// An alert in a group.
struct Member {
    let id: String
    let labels: LabelSet
    /// Of the labels as JSON.
    let labelBytes: Int
    let startsAt: Int64
    let endsAt: Int64?
    /// The last notification said that it fires.
    let wasNotified: Bool

    var isNews: Bool { !wasNotified || endsAt != nil }
}

/// The alerts of a group at a flush.
private struct MemberStates {
    var firing: [Member] = []
    var resolved: [Member] = []
    /// Silenced or inhibited.
    var held: [Member] = []

    mutating func add(_ member: Member) {
        if member.endsAt == nil { firing.append(member) } else { resolved.append(member) }
    }
}
