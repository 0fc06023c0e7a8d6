// SPDX-License-Identifier: Apache-2.0

package import GRDB
package import Signing

/// The chain up to a row, signed by the hub.
package typealias EvidenceHead = ChainHead

extension ChainHead {
    /// Rows after which a head is signed.
    package static let interval: Int64 = 100
    private static let day: Int64 = 86_400_000

    /// Signs the chain's end, when so many rows are not covered or the day (UTC) of one of them is over. What does not fit to the
    /// last head is never signed.
    ///
    /// - Returns: the head, to be noted elsewhere too; nil if none is due.
    /// - Throws: ``EvidenceFault`` where the rows since the last head do not fit, `SignatureError`, or SQLite's error.
    package static func signIfDue(by key: SigningKey, now: Int64, in db: Database) throws -> EvidenceHead? {
        let signed = try Int64.fetchOne(db.cachedStatement(sql: "SELECT max(sequence) FROM evidence_heads")) ?? 0
        guard let last = try EvidenceChain.last(in: db) else {
            if signed > 0 {
                throw EvidenceFault(sequence: 1, reason: "is missing, as are all others: a head was signed")
            }
            return nil
        }
        guard last.sequence != signed else { return nil }
        guard last.sequence > signed else {
            throw EvidenceFault(sequence: last.sequence + 1, reason: "is missing: a head was signed over row \(signed)")
        }
        let first = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT min(at) FROM evidence WHERE sequence > ?"), arguments: [signed])
        guard last.sequence - signed >= interval || (first ?? now) / day < now / day else { return nil }
        let report = try EvidenceVerification.verify(from: max(1, signed), in: db)
        if let fault = report.fault { throw fault }
        let head = EvidenceHead(sequence: last.sequence, hash: last.hash, at: now)
        try db.execute(
            sql: "INSERT INTO evidence_heads (sequence, record) VALUES (?, ?)",
            arguments: [head.sequence, try head.signed(by: key)])
        return head
    }

    /// The signed records, JWS, by their rows.
    ///
    /// - Throws: SQLite's error.
    package static func records(in db: Database) throws -> [(sequence: Int64, record: String)] {
        try Row.fetchAll(db, sql: "SELECT sequence, record FROM evidence_heads ORDER BY sequence").map {
            ($0["sequence"], $0["record"])
        }
    }
}
