// SPDX-License-Identifier: Apache-2.0

import GRDB
import Incidents
import Paging
import Signing
import Testing

@Suite struct EvidenceTests {
    /// A chain of so many rows, its head signed, and two rows behind it.
    private struct Chain {
        let database: DatabaseQueue
        let key: SigningKey
        let keys: TrustedKeys

        init(rows: Int = 100, behind: Int = 2) throws {
            database = try DatabaseQueue()
            try IncidentSchema.migrate(database)
            key = try SigningKey.generate(name: "hub-1")
            keys = try TrustedKeys([TrustedKey(name: "hub-1", role: .hub, may: [], publicText: key.publicText)])
            try append(rows)
            #expect(try sign() == Int64(rows))
            try append(behind)
        }

        func append(_ count: Int, at: Int64 = morning) throws {
            try database.write { db in
                for number in 0..<count {
                    try EvidenceChain.append(
                        actor: number % 2 == 0 ? "ana" : "ben", action: "incident.comment",
                        subject: "incident-\(number)",
                        payload: ["comment": "number \(number)\n\u{1F}é"], at: at, in: db)
                }
            }
        }

        func sign(now: Int64 = morning) throws -> Int64? {
            try database.write { try EvidenceHead.signIfDue(by: key, now: now, in: $0)?.sequence }
        }

        /// As somebody does who has the file and no key.
        func tamper(_ sql: String) throws {
            try database.write { db in
                try db.execute(sql: "DROP TRIGGER IF EXISTS evidence_stays; DROP TRIGGER IF EXISTS evidence_is_kept")
                try db.execute(sql: sql)
            }
        }

        func verify(
            from: Int64 = 1, to: Int64 = .max, noted: EvidenceHead? = nil, keys: TrustedKeys? = nil
        ) throws -> EvidenceVerification {
            try database.read {
                try EvidenceVerification.verify(from: from, to: to, keys: keys ?? self.keys, noted: noted, in: $0)
            }
        }
    }

    @Test func anUntouchedChainFits() throws {
        let chain = try Chain()
        let report = try chain.verify()
        #expect(report.fault == nil && report.count == 102 && report.heads == 1)
        #expect(report.signedTo == 100 && report.lastSequence == 102)
        #expect(try chain.verify(from: 50, to: 60).count == 11)
        let empty = try DatabaseQueue()
        try IncidentSchema.migrate(empty)
        #expect(try empty.read { try EvidenceVerification.verify(keys: chain.keys, in: $0) }.fault == nil)
    }

    @Test(arguments: ["at", "actor", "action", "subject", "payload", "previous_hash", "hash"])
    func aChangedByteIsFound(column: String) throws {
        let chain = try Chain()
        let change =
            column == "at"
            ? "at + 1" : "CASE substr(\(column), 1, 1) WHEN 'x' THEN 'y' ELSE 'x' END || substr(\(column), 2)"
        try chain.tamper("UPDATE evidence SET \(column) = \(change) WHERE sequence = 40")
        #expect(try chain.verify().fault?.sequence == 40)
        #expect(try chain.verify(to: 39).fault == nil)
        #expect(try chain.verify(from: 42).fault == nil)
    }

    @Test func aRowWhoseHashWasMadeAnewIsFoundByTheNext() throws {
        let chain = try Chain()
        var row: EvidenceRow?
        try chain.database.read { db in
            try EvidenceChain.search(.init(subject: "incident-39"), in: db) { row = $0 }
        }
        let old = try #require(row)
        let hash = StableID.fingerprint([
            "gatewatch-evidence-1", "40", String(old.at), "cleo", old.action, old.subject, old.payload,
            old.previousHash,
        ])
        try chain.tamper("UPDATE evidence SET actor = 'cleo', hash = '\(hash)' WHERE sequence = 40")
        #expect(try chain.verify(to: 40).fault == nil)
        #expect(try chain.verify().fault?.sequence == 41)
    }

    @Test func aDeletedRowIsNamed() throws {
        let chain = try Chain()
        try chain.tamper("DELETE FROM evidence WHERE sequence = 7")
        #expect(try chain.verify().fault == EvidenceFault(sequence: 7, reason: "is missing"))
        #expect(try chain.verify(from: 8).fault == EvidenceFault(sequence: 7, reason: "is missing"))
        // The others moved up to hide it.
        try chain.tamper("UPDATE evidence SET sequence = sequence - 1 WHERE sequence > 7")
        #expect(try chain.verify().fault?.sequence == 7)
    }

    @Test func swappedRowsAreFound() throws {
        let chain = try Chain()
        try chain.tamper(
            """
            UPDATE evidence SET sequence = -1 WHERE sequence = 30; UPDATE evidence SET sequence = 30 WHERE sequence = 31;
            UPDATE evidence SET sequence = 31 WHERE sequence = -1
            """)
        #expect(try chain.verify().fault?.sequence == 30)
    }

    @Test func aTailThatWasCutOffIsMissedByTheSignedHead() throws {
        let chain = try Chain()
        try chain.tamper("DELETE FROM evidence WHERE sequence > 90")
        #expect(try chain.verify().fault?.sequence == 91)
        #expect(throws: EvidenceFault.self) { try chain.sign(now: morning + day) }
        // Without the head only one that was noted elsewhere tells.
        let head = try Chain(rows: 100, behind: 0)
        let noted = EvidenceHead(sequence: 100, hash: try head.verify().lastHash, at: 0)
        #expect(try head.verify(noted: noted).fault == nil)
        try head.tamper("DELETE FROM evidence WHERE sequence > 90; DELETE FROM evidence_heads")
        #expect(try head.verify().fault == nil)
        #expect(try head.verify(noted: noted).fault?.sequence == 91)
        try head.tamper("DELETE FROM evidence")
        #expect(try head.verify(noted: noted).fault?.sequence == 1)
    }

    @Test func aRowThatWasPutBehindWithoutTheKeyIsNotCoveredAndAHeadForItNotBelieved() throws {
        let chain = try Chain(rows: 100, behind: 0)
        try chain.append(1)
        let report = try chain.verify()
        #expect(report.fault == nil && report.signedTo == 100 && report.lastSequence == 101)
        let other = try SigningKey.generate(name: "hub-1")
        try chain.append(100)
        _ = try chain.database.write { try EvidenceHead.signIfDue(by: other, now: morning, in: $0) }
        #expect(try chain.verify().fault?.sequence == 201)
    }

    @Test func aHeadMustBeAHubsAndForTheRowThatIsThere() throws {
        let chain = try Chain(rows: 100, behind: 0)
        let gateway = try TrustedKeys([
            TrustedKey(name: "hub-1", role: .gateway, may: [], publicText: chain.key.publicText)
        ])
        #expect(try chain.verify(keys: gateway).fault?.sequence == 100)
        // A whole chain made anew under the old head.
        try chain.tamper("DELETE FROM evidence")
        try chain.append(100, at: morning + 1)
        #expect(
            try chain.verify().fault
                == EvidenceFault(sequence: 100, reason: "is not the one that the signed head covers"))
    }

    @Test func headsAreSignedAfterAHundredRowsAndWhenTheDayIsOver() throws {
        let chain = try Chain(rows: 100, behind: 99)
        #expect(try chain.sign() == nil)
        try chain.append(1)
        #expect(try chain.sign() == 200)
        #expect(try chain.sign() == nil)
        try chain.append(1)
        let midnight = morning - morning % day + day
        #expect(try chain.sign(now: midnight - 1) == nil)
        #expect(try chain.sign(now: midnight) == 201)
        #expect(try chain.verify().heads == 3)
        // What does not fit is not signed.
        try chain.append(100)
        try chain.tamper("UPDATE evidence SET actor = 'cleo' WHERE sequence = 250")
        #expect(throws: EvidenceFault.self) { try chain.sign() }
    }

    @Test func rowsAreNotChangedByAccidentAndAreFoundByWhoWhatAndWhen() throws {
        let chain = try Chain(rows: 100, behind: 0)
        #expect(throws: DatabaseError.self) { try chain.database.write { try $0.execute(sql: "DELETE FROM evidence") } }
        #expect(throws: DatabaseError.self) {
            try chain.database.write { try $0.execute(sql: "UPDATE evidence SET actor = 'cleo'") }
        }
        func found(
            actor: String? = nil, action: String? = nil, subject: String? = nil, from: Int64? = nil, to: Int64? = nil,
            limit: Int? = nil
        ) throws -> [Int64] {
            var rows: [Int64] = []
            try chain.database.read { db in
                try EvidenceChain.search(
                    .init(actor: actor, action: action, subject: subject, from: from, to: to), limit: limit, in: db
                ) { rows.append($0.sequence) }
            }
            return rows
        }
        #expect(try found(actor: "ben").count == 50)
        // The same in parts, the latest first.
        var (pages, cursor): ([Int64], String?) = ([], nil)
        repeat {
            let page = try chain.database.read { [cursor] in
                try EvidenceChain.page(.init(actor: "ben"), after: cursor, limit: 20, in: $0)
            }
            pages += page.items.map(\.sequence)
            cursor = page.next
        } while cursor != nil
        #expect(try pages == found(actor: "ben").reversed())
        #expect(try found(action: "incident.*", limit: 2) == [99, 100])
        #expect(try found(action: "incident.close").isEmpty && found(action: "incident%").isEmpty)
        #expect(try found(subject: "incident-4") == [5])
        #expect(try found(from: morning).count == 100 && found(from: morning + 1).isEmpty && found(to: morning).isEmpty)
    }

    /// Made with Python's hashlib and json from docs/incidents.md alone.
    @Test func theHashIsTheDocumentedOne() throws {
        let chain = try Chain(rows: 100, behind: 0)
        var first: EvidenceRow?
        try chain.database.read { db in try EvidenceChain.search(.init(to: .max), in: db) { first = first ?? $0 } }
        #expect(first?.payload == #"{"comment":"number 0\n\u001fé"}"#)
        #expect(first?.hash == "2e00cc6251067ed3f2c4a23b7754bf16795e20a6dbf3d9f2b4735c3959495665")
        #expect(
            first.map {
                String(decoding: $0.json, as: UTF8.self).hasSuffix(#","payload":{"comment":"number 0\n\u001fé"}}"#)
            } == true)
    }
}
