// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import Paging
import Recordings
import Signing
import Testing

@Suite struct ChainTests {
    @Test func anUntouchedChainFitsAndItsHashesAreThoseOfThePage() throws {
        let archive = try Archive()
        try archive.store([exchange(1), exchange(2)])
        var previous = [UInt8](repeating: 0, count: 32)
        for number in 1...2 {
            let stored = try #require(try archive.store.recording(uid: "uid-\(number)"))
            let bytes =
                previous + withUnsafeBytes(of: Int64(number).bigEndian) { Array($0) }
                + withUnsafeBytes(of: morning.bigEndian) { Array($0) } + stored.content
            previous = Array(SHA256.hash(data: bytes))
            #expect(stored.hash == previous.map { String(format: "%02x", $0) }.joined())
        }
        let report = try archive.verify()
        #expect(report.fault == nil && report.count == 2 && report.lastSequence == 2 && report.heads == 0)
        #expect(try Archive().verify().fault == nil)
    }

    @Test(arguments: [
        "uid = 'x'", "at = at + 1", "received_at = received_at + 1", "identity = 'eve'", "identity = NULL",
        "connection = 'x'", "operation = 'x'", "resource = 'x'", "method = 'GET'", "path = '/x'", "status = 201",
        "status = 'x'", "decision = 'denied'", "items = 1", "request_bytes = 1", "response_bytes = 'x'",
        "hash = zeroblob(32)", "hash = 'x'", "content = zeroblob(9)", "content = 'x'", "content_bytes = 3",
        "content_bytes = 'x'", "received_at = 'x'",
    ])
    func whatIsChangedIsFound(change: String) throws {
        let archive = try Archive()
        try archive.store((1...5).map { exchange($0) })
        try archive.tamper("UPDATE recordings SET \(change) WHERE sequence = 3")
        #expect(try archive.verify().fault?.sequence == 3)
    }

    @Test func rowsThatAreGoneOrPutInAreFound() throws {
        let archive = try Archive()
        try archive.store((1...5).map { exchange($0) })
        #expect(try archive.store.sign(by: archive.key, now: morning)?.sequence == 5)
        let noted = ChainHead(chain: "recordings", sequence: 5, hash: try archive.verify().lastHash, at: 0)
        try archive.tamper("DELETE FROM recordings WHERE sequence = 5")
        #expect(
            try archive.verify().fault?.description
                == "row 5 of the recordings is missing: a head was signed over row 5")
        // Nothing is signed over the loss, and it is said.
        #expect(throws: ChainFault.self) { try archive.store.sign(by: archive.key, now: morning) }
        #expect(throws: ChainFault.self) { try archive.store.signIfDue(by: archive.key, now: morning) }
        // What the hub takes in now does not pass for what was there.
        try archive.store([exchange(6)])
        #expect(try archive.verify().fault?.sequence == 5)
        try archive.tamper("DELETE FROM recording_heads")
        #expect(try archive.verify().fault == nil)
        #expect(try archive.verify(noted: noted).fault?.sequence == 5)
        try archive.tamper("DELETE FROM recordings WHERE sequence = 2")
        #expect(try archive.verify().fault?.sequence == 2)
    }

    @Test func headsOfAnotherChainOrKeyAreNotBelieved() throws {
        let archive = try Archive()
        try archive.store([exchange(1)])
        let hash = try archive.verify().lastHash
        let stranger = try SigningKey.generate(name: "hub-1")
        for (key, chain) in [(archive.key, nil), (stranger, "recordings")] as [(SigningKey, String?)] {
            let record = try ChainHead(chain: chain, sequence: 1, hash: hash, at: 0).signed(by: key)
            try archive.tamper("DELETE FROM recording_heads; INSERT INTO recording_heads VALUES (1, '\(record)')")
            #expect(try archive.verify().fault?.reason.hasPrefix("has a head that is not signed right") == true)
        }
    }

    @Test func aHeadIsDueAfterManyRowsOrSomeTime() throws {
        let archive = try Archive()
        #expect(try archive.store.signIfDue(by: archive.key, now: morning) == nil)
        try archive.store((1...999).map { exchange($0) })
        #expect(try archive.store.signIfDue(by: archive.key, now: morning + RecordingStore.headDelay - 1) == nil)
        try archive.store([exchange(1000)])
        #expect(try archive.store.signIfDue(by: archive.key, now: morning)?.sequence == 1000)
        try archive.store([exchange(1001)])
        #expect(try archive.store.signIfDue(by: archive.key, now: morning) == nil)
        #expect(try archive.store.signIfDue(by: archive.key, now: morning + RecordingStore.headDelay)?.sequence == 1001)
        let report = try archive.verify()
        #expect(report.fault == nil && report.heads == 2 && report.signedTo == 1001)
    }

    @Test func manyRowsAreSignedInSteps() throws {
        let archive = try Archive()
        let step = 10 * Int(RecordingStore.headInterval)
        try archive.store((1...step + 1).map { exchange($0, session: nil, body: "") })
        #expect(try archive.store.signIfDue(by: archive.key, now: morning)?.sequence == Int64(step))
        #expect(try archive.store.signIfDue(by: archive.key, now: morning) == nil)
        #expect(try archive.store.sign(by: archive.key, now: morning)?.sequence == Int64(step + 1))
        let report = try archive.verify()
        #expect(report.fault == nil && report.heads == 2)
    }

    @Test func whatIsOldGoesAndTheChainGoesOn() throws {
        let archive = try Archive()
        try archive.store((1...30).map { exchange($0, session: $0 <= 10 ? "old" : "long") })
        _ = try archive.store.sign(by: archive.key, now: morning)
        try archive.store((31...40).map { exchange($0, session: "long") }, now: morning + day)
        #expect(try archive.store.prune(before: morning, by: archive.key, now: morning) == 0)
        #expect(try archive.store.prune(before: morning + 1, by: archive.key, now: morning, limit: 20) == 20)
        var report = try archive.verify()
        #expect(report.fault == nil && report.cut == 20 && report.count == 20 && report.signedTo == 30)
        #expect(try archive.store.prune(before: morning + day, by: archive.key, now: morning) == 10)
        report = try archive.verify()
        #expect(report.fault == nil && report.cut == 30 && report.count == 10 && report.heads == 1)
        #expect(try archive.store.search(.init(text: "report")).items.map(\.sequence) == (31...40).reversed())
        #expect(try archive.store.search(.init(identity: "ana@example.com"), limit: 500).items.count == 10)
        let sessions = try archive.store.sessions().items
        #expect(sessions.map(\.session) == ["long"] && sessions[0].exchanges == 10)
        #expect(sessions[0].startedAt == morning + 31_000)
        // The whole chain may go, and goes on where it was.
        #expect(try archive.store.prune(before: .max, by: archive.key, now: morning) == 10)
        try archive.store([exchange(41)], now: morning + 2 * day)
        #expect(try archive.store.recording(uid: "uid-41")?.sequence == 41)
        #expect(try archive.verify().fault == nil)
    }

    @Test func aBeginningThatSomebodyElseDeletedIsFound() throws {
        let archive = try Archive()
        try archive.store((1...20).map { exchange($0) })
        _ = try archive.store.sign(by: archive.key, now: morning)
        let signed = try #require(try archive.store.heads().first?.record)
        let hash = try archive.verify().lastHash
        try archive.store((21...30).map { exchange($0) })
        try archive.tamper("DELETE FROM recordings WHERE sequence <= 20")
        #expect(try archive.verify().fault?.sequence == 1)
        // A head is no leave to delete.
        for record in ["NULL", "'\(signed)'"] {
            try archive.tamper(
                "DELETE FROM recording_cut; INSERT INTO recording_cut VALUES (20, x'\(hash)', \(record))")
            #expect(try archive.verify().fault?.sequence == 20)
        }
    }

    @Test func whatWasChangedIsNotDeletedForItsAge() throws {
        let archive = try Archive()
        try archive.store((1...5).map { exchange($0) })
        try archive.tamper("UPDATE recordings SET path = '/x' WHERE sequence = 2")
        #expect(throws: ChainFault.self) { try archive.store.prune(before: .max, by: archive.key, now: morning) }
        #expect(try archive.store.search(.init()).items.count == 5)
    }

    @Test func aClockThatIsSetBackHidesNothing() throws {
        let archive = try Archive()
        try archive.store([exchange(1)], now: morning + day)
        try archive.store([exchange(2)], now: morning)
        #expect(try archive.store.recording(uid: "uid-2")?.receivedAt == morning + day)
        #expect(try archive.verify().fault == nil)
    }
}
