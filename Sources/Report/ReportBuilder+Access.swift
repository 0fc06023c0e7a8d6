// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar
import GRDB

extension ReportBuilder {
    func access() throws -> WeeklyReport.AccessReview {
        var review = WeeklyReport.AccessReview(
            dormant: [], dormantCount: 0, leavers: [], leaverCount: 0, unused: [], unusedCount: 0, longSessions: [],
            longSessionCount: 0, shared: [], sharedCount: 0, tokens: [], tokenCount: 0, notes: [])
        try addTokens(&review)
        guard let activity else {
            review.notes.append("Who used what access was not recorded.")
            return review
        }
        review.notes.append(
            "Standing access is granted by the identity provider and the gateways' policies, and is not recorded here: dormant and unused mean what was used once. Tokens of the identity provider are not known by their age; long sessions stand for them."
        )
        if !settings.people.values.contains(where: { $0.endDate != nil }) {
            review.notes.append(
                "Last days were not given: leavers are not found without an identity directory that has them.")
        }
        try addDormant(&review, activity)
        try addLeavers(&review, activity)
        try addUnused(&review, activity)
        try addSessions(&review, activity)
        return review
    }

    /// Those of the hub's own API; a hub without a console has no table of them.
    private func addTokens(_ review: inout WeeklyReport.AccessReview) throws {
        guard try hub.tableExists("api_tokens") else { return }
        let tokens = try Row.fetchAll(
            hub,
            sql: """
                SELECT name, owner, created_at, expires_at FROM api_tokens
                WHERE created_at < :to AND expires_at > :to AND (revoked_at IS NULL OR revoked_at >= :to)
                ORDER BY created_at, id
                """, arguments: ["to": period.to]
        ).map { row in
            WeeklyReport.AccessReview.Token(
                name: naming.text(row["name"]), owner: naming.who(row["owner"]), createdAt: row["created_at"],
                expiresAt: row["expires_at"], ageDays: Int((period.to - (row["created_at"] as Int64)) / 86_400_000))
        }
        review.tokenCount = tokens.count
        review.tokens = Array(tokens.prefix(ReportLimits.rows))
    }

    private var quietSince: Int64 { period.to - ReportLimits.dormantDays * 86_400_000 }

    private func addDormant(_ review: inout WeeklyReport.AccessReview, _ activity: Database) throws {
        let rows = try Row.fetchAll(
            activity,
            sql: """
                SELECT identity, last_at, (SELECT count(*) FROM reach WHERE identity_id = i.id AND events > denied) AS resources
                FROM identities i WHERE last_at < ? AND identity <> ''
                """, arguments: [quietSince])
        let dormant = rows.filter { ($0["resources"] as Int) > 0 }.map { row in
            WeeklyReport.AccessReview.Dormant(
                who: who(row["identity"]), lastAt: row["last_at"], resources: row["resources"])
        }.sorted { ($1.resources, $0.lastAt, $0.who.code) < ($0.resources, $1.lastAt, $1.who.code) }
        review.dormantCount = dormant.count
        review.dormant = Array(dormant.prefix(ReportLimits.rows))
    }

    private func addLeavers(_ review: inout WeeklyReport.AccessReview, _ activity: Database) throws {
        var leavers: [WeeklyReport.AccessReview.Leaver] = []
        for person in settings.people.values {
            // Through the last day, UTC.
            guard let end = person.endDate, let day = Self.day(end), (day + 1) * 86_400_000 < period.to else {
                continue
            }
            let from = max(period.hours.lowerBound, (day + 1) * 24)
            let events =
                try Int64.fetchOne(
                    activity,
                    sql: """
                        SELECT coalesce(sum(events), 0) FROM hours WHERE hour >= ? AND hour < ?
                            AND identity_id = (SELECT id FROM identities WHERE identity = ? COLLATE NOCASE)
                        """, arguments: [from, period.hours.upperBound, person.uid]) ?? 0
            if events > 0 {
                leavers.append(.init(who: who(person.uid), endDate: end, events: events))
            }
        }
        leavers.sort { ($1.events, $0.who.code) < ($0.events, $1.who.code) }
        review.leaverCount = leavers.count
        review.leavers = Array(leavers.prefix(ReportLimits.rows))
    }

    /// Days since 1970-01-01 of an ISO date.
    private static func day(_ date: String) -> Int64? {
        let parts = date.prefix(10).split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, let midnight = WallTime(year: parts[0], month: parts[1], day: parts[2]) else {
            return nil
        }
        return midnight.seconds / 86_400
    }

    private func addUnused(_ review: inout WeeklyReport.AccessReview, _ activity: Database) throws {
        // By the hours that are kept: what was used before is not known any more.
        let rows = try Row.fetchCursor(
            activity,
            sql: """
                SELECT i.identity, h.operation, max(h.hour) AS last FROM hours h JOIN identities i ON i.id = h.identity_id
                WHERE h.decision = 'allowed' AND h.hour < ? AND i.identity <> '' GROUP BY h.identity_id, h.operation
                """, arguments: [period.hours.upperBound])
        var last: [String: [AccessClass: Int64]] = [:]
        while let row = try rows.next() {
            let kind = Operation(rawValue: row["operation"])?.accessClass ?? .none
            guard kind != .none else { continue }
            let hour: Int64 = row["last"]
            last[row["identity"], default: [:]][kind] = max(last[row["identity"]]?[kind] ?? 0, hour)
        }
        let edge = quietSince / 3_600_000
        var unused: [WeeklyReport.AccessReview.Unused] = []
        for (identity, classes) in last where classes.values.contains(where: { $0 >= edge }) {
            for (kind, hour) in classes where hour < edge {
                unused.append(.init(who: who(identity), accessClass: kind.rawValue, lastAt: hour * 3_600_000))
            }
        }
        unused.sort { ($0.lastAt, $0.who.code, $0.accessClass) < ($1.lastAt, $1.who.code, $1.accessClass) }
        review.unusedCount = unused.count
        review.unused = Array(unused.prefix(ReportLimits.rows))
    }

    private func addSessions(_ review: inout WeeklyReport.AccessReview, _ activity: Database) throws {
        let long = try Row.fetchAll(
            activity,
            sql: """
                SELECT i.identity, s.started_at, s.last_at, s.events FROM sessions s JOIN identities i ON i.id = s.identity_id
                WHERE s.last_at >= ? AND s.started_at < ? AND s.last_at - s.started_at > ? AND i.identity <> ''
                """, arguments: [period.from, period.to, ReportLimits.longSession])
        let sessions = long.map { row in
            let (start, end) = (row["started_at"] as Int64, row["last_at"] as Int64)
            return WeeklyReport.AccessReview.LongSession(
                who: who(row["identity"]), startedAt: start, hours: Int((end - start) / 3_600_000),
                events: row["events"])
        }.sorted { ($1.hours, $0.startedAt, $0.who.code) < ($0.hours, $1.startedAt, $1.who.code) }
        review.longSessionCount = sessions.count
        review.longSessions = Array(sessions.prefix(ReportLimits.rows))

        let rows = try Row.fetchCursor(
            activity,
            sql: """
                SELECT i.identity, s.address, s.started_at, s.last_at FROM sessions s JOIN identities i ON i.id = s.identity_id
                WHERE s.last_at >= ? AND s.started_at < ? AND s.address IS NOT NULL AND i.identity <> ''
                ORDER BY s.identity_id, s.started_at, s.last_at DESC, s.address, s.session
                """, arguments: [period.from, period.to])
        var shared: [WeeklyReport.AccessReview.Shared] = []
        var overlap = Overlap()
        func end() {
            if let identity = overlap.identity, overlap.sessions > 0 {
                shared.append(
                    .init(who: who(identity), sessions: overlap.sessions, addresses: overlap.addresses.count))
            }
        }
        while let row = try rows.next() {
            if overlap.identity != row["identity"] as String {
                end()
                overlap = Overlap(identity: row["identity"])
            }
            overlap.take(address: row["address"], from: row["started_at"], to: row["last_at"])
        }
        end()
        shared.sort { ($1.sessions, $0.who.code) < ($0.sessions, $1.who.code) }
        review.sharedCount = shared.count
        review.shared = Array(shared.prefix(ReportLimits.rows))
    }

    /// One identity's sessions in the order in which they began: which of them ran while one from another address did.
    private struct Overlap {
        var identity: String?
        /// Sessions that began while one from elsewhere ran.
        var sessions = 0
        var addresses: Set<String> = []
        private var ends: [String: Int64] = [:]

        init(identity: String? = nil) { self.identity = identity }

        mutating func take(address: String, from: Int64, to: Int64) {
            let others = ends.filter { $0.key != address && $0.value > from }
            if !others.isEmpty {
                sessions += 1
                addresses.formUnion(others.keys)
                addresses.insert(address)
            }
            ends[address] = max(ends[address] ?? .min, to)
        }
    }
}
