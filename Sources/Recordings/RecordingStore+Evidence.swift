// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import Signing

/// What a walk over the chain of recordings found.
package struct RecordingVerification: Sendable, Equatable {
    /// Rows that were looked at and fit.
    package var count: Int64 = 0
    /// Signed heads that fit; 0 without trusted keys.
    package var heads = 0
    /// The last row that a signed head covers; 0 without any.
    package var signedTo: Int64 = 0
    /// Rows up to this one were deleted for their age; 0 if none was.
    package var cut: Int64 = 0
    package var lastSequence: Int64 = 0
    /// Lower-case hexadecimal.
    package var lastHash = RecordingChain.origin.hexadecimal
    package var fault: ChainFault?
}

extension RecordingStore {
    /// Rows after which a head is signed.
    package static let headInterval: Int64 = 1000
    /// A row waits no longer for a head, ms.
    package static let headDelay: Int64 = 300_000

    /// Walks the chain and checks every hash, every link, that what is searched by is what was recorded, and that the deleted beginning
    /// was deleted by a hub. With keys, every signed head too.
    ///
    /// - Parameters:
    ///   - keys: nil to check the chain alone.
    ///   - noted: a head that was noted elsewhere.
    /// - Throws: SQLite's error. What does not fit is in `fault`.
    package func verify(keys: TrustedKeys? = nil, noted: ChainHead? = nil) throws -> RecordingVerification {
        try database.read { db in try Self.verify(keys: keys, noted: noted, in: db) }
    }

    private static func verify(
        keys: TrustedKeys?, noted: ChainHead?, in db: Database
    ) throws -> RecordingVerification {
        var report = RecordingVerification()
        let records = try Row.fetchAll(db, sql: "SELECT sequence, record FROM recording_heads ORDER BY sequence")
        do {
            var expected = try ChainHead.hashes(
                records.map { ($0["sequence"], $0["record"]) }, noted: noted, of: RecordingChain.name, by: keys)
            let previous = try report.begin(keys: keys, &expected, in: db)
            try report.walk(from: previous, to: .max, expected, in: db)
            if let missing = expected.keys.filter({ $0 > report.lastSequence }).min() {
                throw RecordingVerification.fault(
                    report.lastSequence + 1, "is missing: a head was signed over row \(missing)")
            }
        } catch let fault as ChainFault {
            report.fault = fault
        }
        return report
    }

    // MARK: Heads

    /// Signs the chain's end, when so many rows are not covered or one has waited so long. What does not fit to the last head is never
    /// signed.
    ///
    /// - Parameter now: ms since the epoch, UTC.
    /// - Returns: the head; nil if none is due.
    /// - Throws: ``ChainFault`` where the rows since the last head do not fit, `SignatureError`, or SQLite's error.
    package func signIfDue(by key: SigningKey, now: Int64) throws -> ChainHead? {
        let isDue = try database.read { db in
            let signed = try Self.signedTo(in: db)
            // Rows that a head covers are gone: signing says so.
            if try RecordingChain.end(in: db).sequence < signed { return true }
            let row = try Row.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT sequence AS first, received_at AS at, (SELECT max(sequence) FROM recordings) AS last
                        FROM recordings WHERE sequence > ? ORDER BY sequence LIMIT 1
                        """), arguments: [signed])
            guard let first = row?["first"] as Int64?, let last = row?["last"] as Int64?, let at = row?["at"] as Int64?
            else { return false }
            return last - first + 1 >= Self.headInterval || at <= now - Self.headDelay
        }
        return isDue ? try sign(by: key, now: now) : nil
    }

    /// Signs the chain's end; where many rows are not covered, a row before it, so that arrivals do not wait for all of them.
    ///
    /// - Returns: nil if there is no row that is not covered.
    /// - Throws: as ``signIfDue(by:now:)``.
    package func sign(by key: SigningKey, now: Int64) throws -> ChainHead? {
        try database.write { db in
            let signed = try Self.signedTo(in: db)
            let end = try RecordingChain.end(in: db)
            guard end.sequence != signed else { return nil }
            guard end.sequence > signed else {
                throw RecordingVerification.fault(
                    end.sequence + 1, "is missing: a head was signed over row \(signed)")
            }
            var report = RecordingVerification()
            let cut = try RecordingChain.cut(in: db)
            var hash = cut?.hash ?? RecordingChain.origin
            report.lastSequence = cut?.sequence ?? 0
            if signed > report.lastSequence {
                guard
                    let known = try Data.fetchOne(
                        db, sql: "SELECT hash FROM recordings WHERE sequence = ?", arguments: [signed])
                else { throw RecordingVerification.fault(signed, "is missing") }
                hash = Array(known)
                report.lastSequence = signed
            }
            try report.walk(
                from: hash, to: min(end.sequence, report.lastSequence + 10 * Self.headInterval), [:], in: db)
            let head = ChainHead(
                chain: RecordingChain.name, sequence: report.lastSequence, hash: report.lastHash, at: now)
            try db.execute(
                sql: "INSERT INTO recording_heads (sequence, record) VALUES (?, ?)",
                arguments: [head.sequence, try head.signed(by: key)])
            return head
        }
    }

    private static func signedTo(in db: Database) throws -> Int64 {
        try Int64.fetchOne(db.cachedStatement(sql: "SELECT max(sequence) FROM recording_heads")) ?? 0
    }

    /// The signed records, JWS, by their rows.
    ///
    /// - Throws: SQLite's error.
    package func heads() throws -> [(sequence: Int64, record: String)] {
        try database.read { db in
            try Row.fetchAll(db, sql: "SELECT sequence, record FROM recording_heads ORDER BY sequence").map {
                ($0["sequence"], $0["record"])
            }
        }
    }

    // MARK: Retention

    /// Deletes recordings that arrived before a time, as far as none that arrived later stands before them in the chain, and signs where
    /// the chain begins now. What does not fit is never deleted.
    ///
    /// - Parameters:
    ///   - cutoff: ms since the epoch, UTC, by the hub's clock.
    ///   - key: nil where the hub has none: then the cut is noted unsigned.
    ///   - limit: rows of this step, so that arrivals do not wait for all of it.
    /// - Returns: how many went.
    /// - Throws: ``ChainFault``, `SignatureError`, or SQLite's error.
    package func prune(before cutoff: Int64, by key: SigningKey?, now: Int64, limit: Int = 1000) throws -> Int {
        let isDue = try database.read { db in
            try Int64.fetchOne(
                db.cachedStatement(sql: "SELECT received_at FROM recordings ORDER BY sequence LIMIT 1")
            ).map { $0 < cutoff } ?? false
        }
        guard isDue else { return 0 }
        return try database.write { db in
            let cut = try RecordingChain.cut(in: db)
            var rows: [Row] = []
            let cursor = try Row.fetchCursor(
                db, sql: "SELECT * FROM recordings ORDER BY sequence LIMIT ?", arguments: [limit])
            while let row = try cursor.next(), row["received_at"] < cutoff { rows.append(row.copy()) }
            guard let last = rows.last else { return 0 }
            let sequence: Int64 = last["sequence"]
            let hash = last.bytes("hash")
            var report = RecordingVerification()
            report.lastSequence = cut?.sequence ?? 0
            try report.walk(from: cut?.hash ?? RecordingChain.origin, to: sequence, [:], in: db)
            let record = try key.map { key in
                try ChainHead(chain: RecordingChain.name, sequence: sequence, hash: hash.hexadecimal, at: now).signed(
                    by: key, type: .evidenceCut)
            }
            for row in rows { try Self.delete(row, in: db) }
            try db.execute(sql: "DELETE FROM recording_hours WHERE last <= ?", arguments: [sequence])
            try db.execute(sql: "DELETE FROM recording_sessions WHERE exchanges <= 0")
            // A head at the cut stays: the rows behind it go on from there.
            try db.execute(sql: "DELETE FROM recording_heads WHERE sequence < ?", arguments: [sequence])
            try db.execute(sql: "DELETE FROM recording_cut")
            try db.execute(
                sql: "INSERT INTO recording_cut (sequence, hash, record) VALUES (?, ?, ?)",
                arguments: [sequence, hash.data, record])
            return rows.count
        }
    }

    private static func delete(_ row: Row, in db: Database) throws {
        let stored = try StoredRecording(row)
        let sequence = stored.sequence
        // An index without content must be told what it is to forget.
        try db.cachedStatement(
            sql: "INSERT INTO recording_text (recording_text, rowid, terms, words) VALUES ('delete', ?, ?, ?)"
        ).execute(
            arguments: [sequence, SearchTerms.terms(stored.recording), SearchTerms.words(stored.recording)])
        try db.cachedStatement(sql: "DELETE FROM recordings WHERE sequence = ?").execute(arguments: [sequence])
        guard let session = row["session_id"] as Int64? else { return }
        try db.cachedStatement(
            sql: """
                UPDATE recording_sessions SET exchanges = exchanges - 1, refused = refused - ?,
                    request_bytes = request_bytes - ?, response_bytes = response_bytes - ?,
                    started_at = coalesce((SELECT min(at) FROM recordings WHERE session_id = ?), started_at)
                WHERE id = ?
                """
        ).execute(
            arguments: [
                stored.recording.decision == .allowed ? 0 : 1, stored.recording.request.length,
                stored.recording.response.length, session, session,
            ])
    }

    /// Rows and bytes of the file, free pages not counted.
    ///
    /// - Throws: SQLite's error.
    package func size() throws -> (recordings: Int64, bytes: Int64) {
        try database.read { db in
            func pragma(_ name: String) throws -> Int64 { try Int64.fetchOne(db, sql: "PRAGMA \(name)") ?? 0 }
            let first = try Int64.fetchOne(db, sql: "SELECT min(sequence) FROM recordings") ?? 1
            let last = try Int64.fetchOne(db, sql: "SELECT max(sequence) FROM recordings") ?? 0
            return (
                max(0, last - first + 1),
                try (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
            )
        }
    }
}

extension RecordingVerification {
    fileprivate static func fault(_ sequence: Int64, _ reason: String) -> ChainFault {
        ChainFault(chain: RecordingChain.name, sequence: sequence, reason: reason)
    }

    /// Where the chain begins, and by whose word.
    ///
    /// - Returns: the hash before its first row.
    fileprivate mutating func begin(
        keys: TrustedKeys?, _ expected: inout [Int64: String], in db: Database
    ) throws -> [UInt8] {
        guard let cut = try RecordingChain.cut(in: db) else { return RecordingChain.origin }
        self.cut = cut.sequence
        lastSequence = cut.sequence
        lastHash = cut.hash.hexadecimal
        guard let keys else { return cut.hash }
        guard let record = cut.record else {
            // Signed heads before the cut, and none for it: deleted by somebody who has no key.
            throw Self.fault(cut.sequence, "and all before were deleted, and no hub has signed that")
        }
        do {
            let signed = try ChainHead.verified(record, of: RecordingChain.name, type: .evidenceCut, by: keys)
            guard signed.sequence == cut.sequence, signed.hash == lastHash else {
                throw RecordError("it is of another row")
            }
        } catch {
            throw Self.fault(cut.sequence, "and all before were deleted, and that is not signed right: \(error)")
        }
        if let hash = expected[cut.sequence] {
            guard hash == lastHash else { throw Self.fault(cut.sequence, "is not the one that the signed head covers") }
            heads += 1
            signedTo = cut.sequence
        }
        expected = expected.filter { $0.key > cut.sequence }
        return cut.hash
    }

    fileprivate mutating func walk(
        from hash: [UInt8], to: Int64, _ expected: [Int64: String], in db: Database
    ) throws {
        var previous = hash
        lastHash = previous.hexadecimal
        let rows = try Row.fetchCursor(
            db, sql: "SELECT * FROM recordings WHERE sequence > ? AND sequence <= ? ORDER BY sequence",
            arguments: [lastSequence, to])
        while let row = try rows.next() {
            let sequence: Int64 = row["sequence"]
            guard sequence == lastSequence + 1 else { throw Self.fault(lastSequence + 1, "is missing") }
            let stored: StoredRecording
            do throws(RecordingDamage) {
                stored = try StoredRecording(row)
            } catch {
                throw Self.fault(sequence, "was changed: it \(error.reason)")
            }
            let hash = RecordingChain.hash(
                previous: previous, sequence: sequence, receivedAt: stored.receivedAt, content: stored.content)
            let text = hash.hexadecimal
            guard text == stored.hash else {
                throw Self.fault(
                    sequence, "does not fit: it was changed, or the row before it was changed or put in")
            }
            if let reason = Self.difference(stored, row) { throw Self.fault(sequence, reason) }
            if let head = expected[sequence] {
                guard head == text else { throw Self.fault(sequence, "is not the one that the signed head covers") }
                heads += 1
                signedTo = sequence
            }
            count += 1
            lastSequence = sequence
            lastHash = text
            previous = hash
        }
    }

    private static func difference(_ stored: StoredRecording, _ row: Row) -> String? {
        let recording = stored.recording
        guard row.text("uid") == recording.uid, row.number("at") == recording.at,
            row.text("identity") == recording.identity,
            RecordingColumns(row) == RecordingColumns(recording)
        else { return "was changed: what it is found by is not what was recorded" }
        return nil
    }
}
