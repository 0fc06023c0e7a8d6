// SPDX-License-Identifier: Apache-2.0

import Approvals
package import GRDB
import Orders
package import Signing

/// Follows the topics of orders and approvals, and puts what happens there into timelines. Records are believed as a gateway believes
/// them: by their signatures. The books are in memory and read anew after a restart; what was said before is known by its id.
///
/// For one thread at a time (``ControlBooks``). If a transaction fails, the books are ahead of the database: throw this away and read
/// the topics anew.
package struct ControlTimeline {
    /// One record of a topic; nil is a tombstone.
    package struct Record: Sendable {
        package enum Topic: Sendable { case orders, approvals }
        package var topic: Topic
        package var key: String
        package var value: [UInt8]?

        package init(topic: Topic, key: String, value: [UInt8]?) {
            self.topic = topic
            self.key = key
            self.value = value
        }
    }

    /// How long something that is over is remembered, ms: a quarter, so that reports on its weeks have it. By then its records are long
    /// refused as expired.
    package static let retention: Int64 = 13 * 7 * 24 * 3_600_000
    /// At most so many that are over are remembered, the latest; about 1 KiB each.
    static let retained = 100_000
    private static let forgettingInterval: Int64 = 3_600_000
    private var nextForgetting: Int64 = .min

    private(set) var orders: OrderBook
    private(set) var approvals: ApprovalBook
    private let aliases: IdentityAliases

    /// - Parameter aliases: who is who, as the gateways know it.
    package init(keys: TrustedKeys, aliases: IdentityAliases) {
        // Gateways have budgets; here is only told what was asked of them.
        orders = OrderBook(
            keys: keys, aliases: aliases,
            safety: OrderSafety(
                settings: .init(
                    mode: .enforce, ordersPerHour: .max, sharePerHour: 1, shareFloor: .max,
                    maximumTTL: Order.maximumTTL)))
        approvals = ApprovalBook(keys: keys, aliases: aliases)
        self.aliases = aliases
    }

    /// Takes records in the order in which they were read.
    ///
    /// - Returns: why records were refused, without those that are only past their time.
    /// - Throws: SQLite's error.
    package mutating func apply(_ records: [Record], now: Int64, in db: Database) throws -> [String] {
        var refused: [String] = []
        for record in records {
            switch record.topic {
            case .orders:
                if let refusal = try apply(order: record, now: now, in: db) { refused.append(refusal) }
            case .approvals:
                if let refusal = try apply(approval: record, now: now, in: db) { refused.append(refusal) }
            }
        }
        return refused
    }

    /// Says what is past its time, and forgets what nobody asks for any more.
    ///
    /// - Throws: SQLite's error.
    package mutating func expire(now: Int64, in db: Database) throws {
        _ = orders.expire(now: now)
        _ = approvals.expire(now: now)
        let over = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT id, kind, state, incident_id, until FROM incident_controls
                    WHERE until <= ? AND state IN ('active', 'observed', 'pending', 'approved') LIMIT 1000
                    """), arguments: [now])
        for row in over {
            let id: String = row["id"]
            try set(id, "expired", in: db)
            guard let incident = row["incident_id"] as String? else { continue }
            let isOrder = row["kind"] as String == "order"
            let words =
                switch row["state"] as String {
                case "pending": "nobody decided on the request in time"
                case "approved": "the approval ended by its time"
                default: "the order ended by its time"
                }
            try TimelineEntry(
                at: row["until"], kind: isOrder ? .order : .decision, reference: "\(id)/expired", text: words
            ).add(to: incident, in: db)
        }
        // A clock that was set back must not stop it.
        guard now >= nextForgetting || nextForgetting - now > Self.forgettingInterval else { return }
        nextForgetting = now + Self.forgettingInterval
        try Self.forget(now: now, in: db)
    }

    /// Forgets what was over long ago, and of more than can be kept the oldest.
    static func forget(now: Int64, retained: Int = Self.retained, in db: Database) throws {
        try db.cachedStatement(
            sql: """
                DELETE FROM incident_controls WHERE until <= max(:oldest, coalesce(
                    (SELECT until FROM incident_controls WHERE until <= :now ORDER BY until DESC LIMIT 1 OFFSET :retained), :oldest))
                """
        ).execute(arguments: ["oldest": now - retention, "now": now, "retained": retained])
    }

    // MARK: Orders

    private mutating func apply(order record: Record, now: Int64, in db: Database) throws -> String? {
        switch orders.apply(record.value, key: record.key, now: now) {
        case .applied(let order):
            try note(order, state: "active", in: db)
            // Lifts may have come before it.
            try keepLifts(of: order, now: now, in: db)
            for id in order.supersedes where orders.status(id, now: now)?.status == .superseded {
                try end(
                    id, "superseded", at: order.issuedAt, who: order.issuer.name, "replaced by the order \(order.id)",
                    in: db)
            }
        case .observed(let order):
            try note(order, state: "observed", in: db)
        case .pendingLift(let order, let have, let need):
            try note(order, state: "active", in: db)
            try keepLifts(of: order, now: now, in: db)
            guard let lift = orders.status(order.id, now: now)?.lifts.last,
                let incident = try incident(of: order.id, in: db)
            else { return nil }
            try TimelineEntry(
                at: lift.at, kind: .order, who: lift.by, reference: "\(order.id)/lift/\(have)",
                text: "\(have) of \(need) persons lift the order: \(lift.reason)"
            ).add(to: incident, in: db)
        case .lifted(let order):
            try note(order, state: "active", in: db)
            try keepLifts(of: order, now: now, in: db)
            let lift = orders.status(order.id, now: now)?.lifts.last
            try end(
                order.id, "lifted", at: lift?.at ?? now, who: lift?.by, "lifted: \(lift?.reason ?? "")", in: db)
        case .early, .duplicate, .refused(.expired), .refused(.alreadyLifted), .refused(.superseded): break
        case .refused(let refusal): return refusal.description
        }
        return nil
    }

    private func keepLifts(of order: Order, now: Int64, in db: Database) throws {
        try keep(
            orders.status(order.id, now: now)?.lifts.map {
                ControlRecord.Word(by: $0.by, at: $0.at, reason: $0.reason)
            } ?? [], of: order.id, in: db)
    }

    private func note(_ order: Order, state: String, in db: Database) throws {
        let scope = (order.scope.connections + order.scope.operations).joined(separator: ", ")
        let text =
            order.actions.map(\.rawValue).joined(separator: " + ")
            + " on \(order.subject.type.rawValue) \(order.subject.value)" + (scope.isEmpty ? "" : ", \(scope)")
        // Alerts' messages begin with whom they are about.
        let own = "\(order.subject.value): "
        let reason = order.reason.hasPrefix(own) ? String(order.reason.dropFirst(own.count)) : order.reason
        try note(
            id: order.id, kind: .order, record: try RecordJSON.encode(order),
            named: try order.incidentUID ?? incident(ofAlert: order.alertUID, in: db),
            identity: order.subject.owner, state: state,
            at: order.issuedAt, until: order.expiresAt, who: order.issuer.name, text: "\(text): \(reason)",
            .order, (state == "observed" ? Self.observedOnly : "") + "\(text): \(reason)", in: db)
    }

    // MARK: Approvals

    private mutating func apply(approval record: Record, now: Int64, in db: Database) throws -> String? {
        let outcome = approvals.apply(record.value, key: record.key, now: now)
        switch outcome {
        case .requested(let request):
            try note(request, in: db)
            // Decisions may have come before it.
            if let status = approvals.status(request.id, now: now) { try note(status, of: request, now: now, in: db) }
        case .changed(let request, let status):
            try note(request, in: db)
            try note(status, of: request, now: now, in: db)
        case .early, .duplicate, .refused(.expired): break
        case .refused(let refusal): return refusal.description
        }
        return nil
    }

    private func note(_ request: ApprovalRequest, in db: Database) throws {
        let text =
            ([request.operation, "on", request.connection] + request.resources.prefix(5)).joined(separator: " ")
            + (request.items.map { $0 == .max ? ", all items" : ", \($0) items" } ?? "")
        try note(
            id: request.id, kind: .approval, record: try RecordJSON.encode(request), named: nil,
            identity: request.requester, state: "pending",
            at: request.createdAt, until: request.expiresAt, who: request.requester, text: text, .approval,
            "asks for \(text): \(request.justification ?? request.reason)", in: db)
    }

    private func note(_ status: ApprovalStatus, of request: ApprovalRequest, now: Int64, in db: Database) throws {
        try keep(
            approvals.decisions(request.id).map {
                ControlRecord.Word(
                    by: $0.by, at: $0.at, reason: $0.reason, verdict: $0.verdict.rawValue,
                    kind: $0.verdict == .approve ? $0.kind.rawValue : nil,
                    until: $0.verdict == .approve ? $0.validUntil : nil)
            }, of: request.id, in: db)
        let words: String
        var who: String?
        var at = now
        switch status {
        case .pending(let have, let need, _):
            guard have > 0 else { return }
            words = "\(have) of \(need) persons have approved it"
        case .approved(let kind, let until, let by):
            try db.cachedStatement(sql: "UPDATE incident_controls SET until = ? WHERE id = ?")
                .execute(arguments: [until, request.id])
            who = by.joined(separator: ", ")
            words = kind == .once ? "approved, once" : "approved for a time"
        case .denied(let by, let reason):
            who = by
            words = "denied: \(reason)"
        case .used(let time):
            at = time
            words = "the approval was used"
        case .expired: return
        }
        try set(request.id, status.code, in: db)
        guard let incident = try incident(of: request.id, in: db) else { return }
        var reference = "\(request.id)/\(status.code)"
        if case .pending(let have, _, _) = status { reference += "/\(have)" }
        try TimelineEntry(at: at, kind: .decision, who: who, reference: reference, text: words)
            .add(to: incident, in: db)
    }

    // MARK: Both

    /// Remembers it and says so in its incident. One that is known may belong to an incident only now.
    private func note(
        id: String, kind: ControlRecord.Kind, record: [UInt8], named: String?, identity: String?, state: String,
        at: Int64, until: Int64, who: String, text: String, _ entry: TimelineEntry.Kind, _ words: String,
        in db: Database
    ) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO incident_controls (id, kind, identity_key, state, at, until, who, text, record)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                -- Rows of an older hub have no record.
                ON CONFLICT (id) DO UPDATE SET record = excluded.record WHERE record IS NULL
                """
        ).execute(arguments: [
            id, kind.rawValue, identity.map { aliases.canonical($0).description }, state, at, until, who,
            TimelineEntry.cut(text), String(decoding: record, as: UTF8.self),
        ])
        guard try incident(of: id, in: db) == nil,
            let incident = try named ?? incident(ofIdentity: identity, at: at, in: db)
        else { return }
        try db.cachedStatement(sql: "UPDATE incident_controls SET incident_id = ? WHERE id = ?")
            .execute(arguments: [incident, id])
        try TimelineEntry(at: at, kind: entry, who: who, reference: id, text: words).add(to: incident, in: db)
    }

    private func end(
        _ id: String, _ state: String, at: Int64, who: String?, _ words: String, in db: Database
    ) throws {
        try set(id, state, in: db)
        guard let incident = try incident(of: id, in: db) else { return }
        try TimelineEntry(at: at, kind: .order, who: who, reference: "\(id)/\(state)", text: words)
            .add(to: incident, in: db)
    }

    private func keep(_ words: [ControlRecord.Word], of id: String, in db: Database) throws {
        guard !words.isEmpty else { return }
        let sorted = words.sorted { ($0.at, $0.by) < ($1.at, $1.by) }
        try db.cachedStatement(sql: "UPDATE incident_controls SET words = ? WHERE id = ?")
            .execute(arguments: [String(decoding: try RecordJSON.encode(sorted), as: UTF8.self), id])
    }

    private func set(_ id: String, _ state: String, in db: Database) throws {
        try db.cachedStatement(sql: "UPDATE incident_controls SET state = ? WHERE id = ?")
            .execute(arguments: [state, id])
    }

    /// Orders that an alert led to, and that were read before it, come into its incident.
    static func join(ordersOf alert: String, to incident: String, in db: Database) throws {
        let orders = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT id, at, state, who, text FROM incident_controls
                    WHERE json_extract(record, '$.alert_uid') = ? AND kind = 'order' AND incident_id IS NULL
                    """), arguments: [alert])
        for order in orders {
            let id: String = order["id"]
            try db.cachedStatement(sql: "UPDATE incident_controls SET incident_id = ? WHERE id = ?")
                .execute(arguments: [incident, id])
            let text: String = order["text"]
            try TimelineEntry(
                at: order["at"], kind: .order, who: order["who"], reference: id,
                text: (order["state"] as String == "observed" ? observedOnly : "") + text
            ).add(to: incident, in: db)
        }
    }

    /// Stands before the words of an order that was only written down.
    private static let observedOnly = "observed only: "

    private func incident(ofAlert alert: String?, in db: Database) throws -> String? {
        guard let alert else { return nil }
        return try String.fetchOne(
            db.cachedStatement(sql: "SELECT incident_id FROM incident_alerts WHERE alert_id = ?"), arguments: [alert])
    }

    private func incident(of id: String, in db: Database) throws -> String? {
        try String.fetchOne(
            db.cachedStatement(sql: "SELECT incident_id FROM incident_controls WHERE id = ?"), arguments: [id])
    }

    /// The identity's incident that was open at that time, under any of its names.
    private func incident(ofIdentity identity: String?, at: Int64, in db: Database) throws -> String? {
        guard let identity else { return nil }
        let names = aliases.names(of: identity).map(\.description)
        return try String.fetchOne(
            db,
            sql: """
                SELECT id FROM incidents WHERE identity_key IN (\(names.map { _ in "?" }.joined(separator: ", ")))
                    AND (status = 'open' OR opened_at <= ? AND closed_at >= ?)
                ORDER BY status = 'open' DESC, last_alert_at DESC LIMIT 1
                """, arguments: StatementArguments(names + [at, at] as [any DatabaseValueConvertible]))
    }
}
