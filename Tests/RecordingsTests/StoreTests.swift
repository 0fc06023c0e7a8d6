// SPDX-License-Identifier: Apache-2.0

import Foundation
import Paging
import Recordings
import Testing

@Suite struct StoreTests {
    @Test func aRecordingIsReadBackAsItWasWritten() throws {
        let archive = try Archive()
        var recording = exchange(1, body: "quote \" \\ \u{1} ü \u{1F600}")
        recording.query = "a=b"
        recording.reason = "policy"
        recording.detail = "no"
        recording.items = 3
        recording.approval = "ap-1"
        recording.order = "or-1"
        recording.policy = "vectors/default"
        recording.response.omitted = .binary
        recording.request.set(body: recording.request.body ?? "")
        #expect(try archive.store([recording]).stored == 1)
        let stored = try #require(try archive.store.recording(uid: "uid-1"))
        #expect(stored.recording == recording && stored.content == recording.json && stored.sequence == 1)
        #expect(try archive.store.recording(uid: "uid-2") == nil)
    }

    @Test func aRepeatIsStoredOnceAndPositionsGoOn() throws {
        let archive = try Archive()
        let first = try archive.store([exchange(1), exchange(2), exchange(1)])
        #expect(first.stored == 2 && first.repeated == 1)
        let second = try archive.store([exchange(2)])
        #expect(second.stored == 0 && second.repeated == 1)
        #expect(try archive.store.positions(topic: "gatewatch.recordings") == [0: 4])
        #expect(try archive.store.sessions().items.first?.exchanges == 2)
    }

    @Test func whatCannotBeReadIsPassedOverAndSaid() throws {
        let archive = try Archive()
        let huge = [UInt8](repeating: 0x20, count: Recording.maximumBytes + 1)
        var swapped = exchange(2)
        swapped.request.set(body: "this")
        swapped.request.body = "that"
        let payloads: [[UInt8]?] = [
            nil, [], Array("{".utf8), Array("{}".utf8), huge, Array(#"{"uid":7}"#.utf8), swapped.json, exchange(1).json,
        ]
        let outcome = try archive.store.store(payloads.map(archive.received), now: morning)
        #expect(outcome.stored == 1 && outcome.unreadable.count == 7)
        #expect(outcome.unreadable.allSatisfy { $0.hasPrefix("gatewatch.recordings/0 at offset ") })
        #expect(try archive.store.positions(topic: "gatewatch.recordings") == [0: 8])
    }

    @Test func filtersAndWordsAreFoundTogether() throws {
        let archive = try Archive()
        try archive.store(
            (1...40).map { number in
                exchange(
                    number, number % 2 == 0 ? "ana@example.com" : "ben@example.com", session: "s-\(number % 4)",
                    decision: number % 5 == 0 ? .denied : .allowed, connection: number > 20 ? "corpus" : "vectors",
                    body: number % 3 == 0 ? "the Blue-Whale report" : "a report of blue skies and a whale")
            })
        func found(_ filter: RecordingFilter) throws -> [Int] {
            try archive.store.search(filter, limit: 500).items.map { Int($0.sequence) }
        }
        #expect(try found(.init()) == (1...40).reversed())
        #expect(try found(.init(identity: "ana@example.com", decision: .denied)) == [40, 30, 20, 10])
        #expect(try found(.init(identity: "ana@example.com", connection: "vectors", decision: .denied)) == [20, 10])
        #expect(try found(.init(resource: "docs-7")) == [7] && found(.init(resource: "all")).count == 40)
        #expect(try found(.init(session: "s-3", text: "\"blue whale\"")) == [39, 27, 15, 3])
        #expect(try found(.init(text: "whale blue")).count == 40)
        #expect(try found(.init(resource: "docs-4", text: "WHALE* \"blue skies\"")) == [4])
        #expect(try found(.init(from: morning + 5000, to: morning + 8000)) == [7, 6, 5])
        #expect(try found(.init(identity: "ben@example.com", from: morning + 5000, to: morning + 8000)) == [7, 5])
        #expect(try found(.init(identity: "nobody")).isEmpty && found(.init(text: "absent")).isEmpty)
        #expect(try found(.init(operation: "vectors.query", text: "docs-11")) == [11])
    }

    @Test(arguments: [
        "\"", "*", "AND", "NEAR(", "words : x", "a\"b", "'; DROP TABLE recordings; --", "-", "\0x", "^a + b", "(", "ü",
    ])
    func whatSomebodyTypesIsNoSyntax(text: String) throws {
        let archive = try Archive()
        try archive.store([exchange(1)])
        #expect(try archive.store.search(.init(text: text)).items.isEmpty)
    }

    @Test func pagesShowEachRowOnce() throws {
        let archive = try Archive()
        try archive.store((1...25).map { exchange($0, session: "s-\($0 % 13)") })
        for filter in [RecordingFilter(), RecordingFilter(text: "report")] {
            var seen: [Int64] = []
            var cursor: String?
            repeat {
                let page = try archive.store.search(filter, after: cursor, limit: 7)
                seen += page.items.map(\.sequence)
                cursor = page.next
                try archive.store([exchange(1000 + seen.count)])
            } while cursor != nil
            #expect(seen.count >= 25 && Set(seen).count == seen.count && seen == seen.sorted(by: >))
        }
        var sessions: [Int64] = []
        var cursor: String?
        repeat {
            let page = try archive.store.sessions(after: cursor, limit: 5)
            sessions += page.items.map(\.id)
            cursor = page.next
        } while cursor != nil
        #expect(sessions.count == 13 && Set(sessions).count == 13)
        for bad in ["x", "", "1.2.3", "99999999999999999999"] {
            #expect(throws: BadCursor.self) { try archive.store.search(.init(), after: bad) }
        }
    }

    @Test func aReplayIsInTheOrderOfTheSession() throws {
        let archive = try Archive()
        // The fifth comes late, another person has the same session id.
        try archive.store([3, 1, 4, 2].map { exchange($0, decision: $0 == 4 ? .denied : .allowed) })
        try archive.store([exchange(9, "ben@example.com"), exchange(5), exchange(6, session: nil)])
        let sessions = try archive.store.sessions(session: "s-1").items
        #expect(sessions.map(\.identity) == ["ben@example.com", "ana@example.com"])
        let session = try #require(sessions.last)
        #expect(session.exchanges == 5 && session.refused == 1 && session.startedAt == morning + 1000)
        #expect(try archive.store.session(id: session.id) == session)
        let first = try archive.store.replay(session, limit: 3)
        let second = try archive.store.replay(session, after: first.next, limit: 3)
        #expect((first.items + second.items).map(\.offset) == [0, 1000, 2000, 3000, 4000])
        #expect((first.items + second.items).map(\.stored.recording.uid) == (1...5).map { "uid-\($0)" })
        #expect(second.next == nil)
        #expect(try archive.store.sessions(identity: "ana@example.com", to: morning + 5000).items.isEmpty)
    }

    @Test func everySearchWalksAnIndexInItsOrder() throws {
        let archive = try Archive()
        try archive.store((1...50).map { exchange($0) })
        let filters = [
            RecordingFilter(), .init(identity: "ana@example.com"), .init(session: "s-1", text: "report"),
            .init(from: morning), .init(decision: .denied, from: morning, to: morning + day, text: "a b"),
        ]
        for filter in filters {
            let plan = try archive.store.plan(filter)
            #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
            #expect(!plan.contains { $0 == "SCAN r" }, "\(plan)")
        }
    }
}
