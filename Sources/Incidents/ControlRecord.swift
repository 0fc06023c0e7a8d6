// SPDX-License-Identifier: Apache-2.0

package import Approvals
import Foundation
package import GRDB
package import Orders
package import Paging
package import Signing

/// An order or a request for approval as the hub has read it, with what persons said of it.
package struct ControlRecord: Sendable, Equatable, Identifiable {
    package enum Kind: String, Sendable, CaseIterable { case order, approval }

    /// One person's word: a lift of an order, or a decision on a request.
    package struct Word: Sendable, Codable, Equatable {
        package var by: String
        /// ms since the epoch, UTC.
        package var at: Int64
        package var reason: String
        /// `approve` or `deny`; nil of a lift.
        package var verdict: String?
        /// `once` or `window`; nil of a lift.
        package var kind: String?
        /// When an approval ends, ms since the epoch, UTC; nil of a lift and of a denial.
        package var until: Int64?
    }

    package let id: String
    package let kind: Kind
    /// Of an order `active`, `observed`, `lifted`, `superseded`, `expired`; of a request `pending`, `approved`, `denied`, `used`,
    /// `expired`.
    package let state: String
    /// Its incident, where it is in one.
    package let incident: String?
    /// When it was made, and until when it holds or waits; ms since the epoch, UTC.
    package let at: Int64
    package let until: Int64
    package let who: String
    /// For people, in a line.
    package let text: String
    /// One of the two, unless it was stored before records were kept.
    package let order: Order?
    package let request: ApprovalRequest?
    /// The earliest first.
    package let words: [Word]
    /// How many persons it takes to lift or to approve it.
    package let needed: Int

    init(_ row: Row) {
        id = row["id"]
        kind = Kind(rawValue: row["kind"]) ?? .order
        state = row["state"]
        incident = row["incident_id"]
        at = row["at"]
        until = row["until"]
        who = row["who"]
        text = row["text"]
        let record = (row["record"] as String?).map { Data($0.utf8) }
        order = kind == .order ? record.flatMap { try? JSONDecoder().decode(Order.self, from: $0) } : nil
        request =
            kind == .approval ? record.flatMap { try? JSONDecoder().decode(ApprovalRequest.self, from: $0) } : nil
        words =
            (row["words"] as String?).flatMap { try? JSONDecoder().decode([Word].self, from: Data($0.utf8)) } ?? []
        needed = request?.needed ?? (order?.severity == .critical ? 2 : 1)
    }

    /// One by its id.
    ///
    /// - Throws: SQLite's error.
    package static func find(_ id: String, _ kind: Kind, in db: Database) throws -> ControlRecord? {
        try Row.fetchOne(
            db, sql: "SELECT * FROM incident_controls WHERE id = ? AND kind = ?", arguments: [id, kind.rawValue]
        ).map(ControlRecord.init)
    }

    /// How many of a kind and state are not past their time.
    ///
    /// - Throws: SQLite's error.
    package static func count(_ kind: Kind, state: String, now: Int64, in db: Database) throws -> Int {
        try Int.fetchOne(
            db, sql: "SELECT count(*) FROM incident_controls WHERE kind = ? AND state = ? AND until > ?",
            arguments: [kind.rawValue, state, now]) ?? 0
    }

    /// Those of a kind, the latest first.
    ///
    /// - Parameters:
    ///   - states: nil for all.
    ///   - identity: the one that an order is on, or who asks.
    ///   - aliases: under whose names.
    /// - Throws: ``BadCursor``, or SQLite's error.
    package static func list(
        _ kind: Kind, states: [String]? = nil, identity: String? = nil, incident: String? = nil,
        aliases: IdentityAliases = IdentityAliases(), after cursor: String? = nil, limit: Int = 100, in db: Database
    ) throws -> Page<ControlRecord> {
        var conditions = Conditions()
        conditions.add("kind = '\(kind.rawValue)'")
        conditions.add("state", in: states)
        conditions.add("identity_key = ?", identity.map { aliases.canonical($0).description })
        conditions.add("incident_id = ?", incident)
        if let cursor {
            let (numbers, id) = try Cursor.read(cursor, numbers: 1, hasText: true)
            conditions.add("(at, id) < (?, ?)", numbers[0], id)
        }
        let size = min(max(1, limit), IncidentStore.maximumPage)
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM incident_controls WHERE \(conditions.sql)
                ORDER BY at DESC, id DESC LIMIT ?
                """, arguments: conditions.arguments(size + 1))
        return Page(rows.map(ControlRecord.init), size: size) { "\($0.at).\($0.id)" }
    }
}
