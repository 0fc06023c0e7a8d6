// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRDB
import JSONText
package import Paging
import Signing

/// A row of the evidence chain: who did what to what.
package struct EvidenceRow: Sendable, Equatable {
    /// From 1, without gaps.
    package var sequence: Int64
    /// ms since the epoch, UTC.
    package var at: Int64
    package var actor: String
    /// `incident.assign` and the like.
    package var action: String
    /// What it was done to: an incident's id.
    package var subject: String
    /// A JSON object of texts by RFC 8785 (members sorted, no white space).
    package var payload: String
    /// The `hash` of the row before; 64 zeros in the first.
    package var previousHash: String
    package var hash: String

    init(_ row: Row) {
        sequence = row["sequence"]
        at = row["at"]
        actor = row["actor"]
        action = row["action"]
        subject = row["subject"]
        payload = row["payload"]
        previousHash = row["previous_hash"]
        hash = row["hash"]
    }

    /// SHA-256 in lower-case hexadecimal over the version of the encoding and the other columns in their order, each as UTF-8 with
    /// its length in bytes and a colon before it; numbers in decimal.
    static func hash(
        sequence: Int64, at: Int64, actor: String, action: String, subject: String, payload: String, previous: String
    ) -> String {
        StableID.fingerprint([
            "gatewatch-evidence-1", String(sequence), String(at), actor, action, subject, payload, previous,
        ])
    }

    var expectedHash: String {
        Self.hash(
            sequence: sequence, at: at, actor: actor, action: action, subject: subject, payload: payload,
            previous: previousHash)
    }

    /// One line of `gatewatch evidence export`: the payload stands as it is in the chain.
    package var json: [UInt8] {
        var json = JSONWriter(capacity: 512)
        json.object {
            $0.field("sequence", sequence)
            $0.field("at", at)
            $0.field("actor", actor)
            $0.field("action", action)
            $0.field("subject", subject)
            $0.field("previous_hash", previousHash)
            $0.field("hash", hash)
        }
        return json.bytes.dropLast() + Array(",\"payload\":".utf8) + Array(payload.utf8) + [UInt8(ascii: "}")]
    }
}

/// The rows of what people did, each bound to the one before by its hash, in the hub's database. Whoever can write the database can
/// write a whole new chain: signed heads (``EvidenceHead``), and heads noted elsewhere, are what shows that.
package enum EvidenceChain {
    /// Before the first row.
    package static let origin = String(repeating: "0", count: 64)

    /// Adds a row, in the transaction of what it is about.
    ///
    /// - Throws: SQLite's error.
    @discardableResult
    package static func append(
        actor: String, action: String, subject: String, payload: [String: String], at: Int64, in db: Database
    ) throws -> Int64 {
        let last = try last(in: db)
        let sequence = (last?.sequence ?? 0) + 1
        let previous = last?.hash ?? origin
        let text = String(decoding: try RecordJSON.encode(payload), as: UTF8.self)
        let hash = EvidenceRow.hash(
            sequence: sequence, at: at, actor: actor, action: action, subject: subject, payload: text,
            previous: previous)
        try db.cachedStatement(
            sql: """
                INSERT INTO evidence (sequence, at, actor, action, subject, payload, previous_hash, hash)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [sequence, at, actor, action, subject, text, previous, hash])
        return sequence
    }

    static func last(in db: Database) throws -> EvidenceRow? {
        try Row.fetchOne(db.cachedStatement(sql: "SELECT * FROM evidence ORDER BY sequence DESC LIMIT 1"))
            .map(EvidenceRow.init)
    }

    /// Which rows are looked for. Everything given must hold.
    package struct Filter: Sendable, Equatable {
        /// Exactly.
        package var actor: String?
        /// Exactly; all that begin so where it ends with `*`.
        package var action: String?
        /// Exactly.
        package var subject: String?
        /// ms since the epoch, UTC; `to` is not in it.
        package var from: Int64?
        package var to: Int64?

        package init(
            actor: String? = nil, action: String? = nil, subject: String? = nil, from: Int64? = nil, to: Int64? = nil
        ) {
            self.actor = actor
            self.action = action
            self.subject = subject
            self.from = from
            self.to = to
        }

        fileprivate var conditions: Conditions {
            var conditions = Conditions()
            conditions.add("actor = ?", actor)
            if let action, action.hasSuffix("*") {
                conditions.add("substr(action, 1, \(action.unicodeScalars.count - 1)) = ?", String(action.dropLast()))
            } else {
                conditions.add("action = ?", action)
            }
            conditions.add("subject = ?", subject)
            conditions.add("at >= ?", from)
            conditions.add("at < ?", to)
            return conditions
        }
    }

    /// Rows, the latest first.
    ///
    /// - Throws: ``BadCursor``, or SQLite's error.
    package static func page(
        _ filter: Filter = Filter(), after cursor: String? = nil, limit: Int = 100, in db: Database
    ) throws -> Page<EvidenceRow> {
        var conditions = filter.conditions
        if let cursor { conditions.add("sequence < ?", try Cursor.read(cursor, numbers: 1).numbers[0]) }
        let size = min(max(1, limit), IncidentStore.maximumPage)
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM evidence WHERE \(conditions.sql) ORDER BY sequence DESC LIMIT ?
                """, arguments: conditions.arguments(size + 1))
        return Page(rows.map(EvidenceRow.init), size: size) { "\($0.sequence)" }
    }

    /// Hands rows to `body`, the oldest first, without keeping them.
    ///
    /// - Parameter limit: the latest so many; nil for all.
    /// - Throws: SQLite's error.
    package static func search(
        _ filter: Filter = Filter(), limit: Int? = nil, in db: Database, _ body: (EvidenceRow) throws -> Void
    ) throws {
        let conditions = filter.conditions
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT * FROM (SELECT * FROM evidence WHERE \(conditions.sql)
                    ORDER BY sequence DESC LIMIT ?) ORDER BY sequence
                """, arguments: conditions.arguments(limit ?? -1))
        while let row = try rows.next() { try body(EvidenceRow(row)) }
    }
}
