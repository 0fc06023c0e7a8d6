// SPDX-License-Identifier: Apache-2.0

package import GRDB
package import Signing

/// The first row of evidence that does not fit.
package typealias EvidenceFault = ChainFault

/// What a walk over the chain found.
package struct EvidenceVerification: Sendable, Equatable {
    /// Rows that were looked at and fit.
    package var count: Int64 = 0
    /// Signed heads that fit; 0 without trusted keys.
    package var heads = 0
    /// The last row that a signed head covers; 0 without any.
    package var signedTo: Int64 = 0
    package var lastSequence: Int64 = 0
    package var lastHash = EvidenceChain.origin
    package var fault: EvidenceFault?

    /// Walks the chain from one row to another and checks every hash and every link, the one from the row before included. With keys,
    /// every signed head too: that it is a hub's, and that its row is there and has its hash.
    ///
    /// - Parameters:
    ///   - keys: nil to check the chain alone.
    ///   - noted: a head that was noted elsewhere.
    /// - Throws: SQLite's error. What does not fit is in ``fault``.
    package static func verify(
        from: Int64 = 1, to: Int64 = .max, keys: TrustedKeys? = nil, noted: EvidenceHead? = nil, in db: Database
    ) throws -> EvidenceVerification {
        var report = EvidenceVerification()
        let first = max(1, from)
        report.lastSequence = first - 1
        if first > 1 {
            guard
                let hash = try String.fetchOne(
                    db, sql: "SELECT hash FROM evidence WHERE sequence = ?", arguments: [first - 1])
            else {
                report.fault = EvidenceFault(sequence: first - 1, reason: "is missing")
                return report
            }
            report.lastHash = hash
        }
        let records = try keys == nil ? [] : EvidenceHead.records(in: db)
        var expected: [Int64: String]
        do throws(ChainFault) {
            expected = try ChainHead.hashes(records, noted: noted, of: nil, by: keys)
        } catch {
            report.fault = error
            return report
        }
        expected = expected.filter { $0.key >= first && $0.key <= to }
        try report.walk(to: to, expected, in: db)
        if report.fault == nil, let missing = expected.keys.filter({ $0 > report.lastSequence }).min() {
            report.fault = EvidenceFault(
                sequence: report.lastSequence + 1, reason: "is missing: a head was signed over row \(missing)")
        }
        return report
    }

    private mutating func walk(to: Int64, _ expected: [Int64: String], in db: Database) throws {
        let rows = try Row.fetchCursor(
            db, sql: "SELECT * FROM evidence WHERE sequence > ? AND sequence <= ? ORDER BY sequence",
            arguments: [lastSequence, to])
        while let next = try rows.next() {
            let row = EvidenceRow(next)
            if let reason = wrong(row, expected[row.sequence]) {
                // A row that is not there is the first that does not fit, not the one behind it.
                fault = EvidenceFault(sequence: min(row.sequence, lastSequence + 1), reason: reason)
                return
            }
            if expected[row.sequence] != nil {
                heads += 1
                signedTo = row.sequence
            }
            count += 1
            lastSequence = row.sequence
            lastHash = row.hash
        }
    }

    private func wrong(_ row: EvidenceRow, _ head: String?) -> String? {
        if row.sequence != lastSequence + 1 { return "is missing" }
        if row.hash != row.expectedHash { return "was changed: its hash is not that of its content" }
        if row.previousHash != lastHash { return "does not follow the row before: that one was changed or put in" }
        if let head, head != row.hash { return "is not the one that the signed head covers" }
        return nil
    }
}
