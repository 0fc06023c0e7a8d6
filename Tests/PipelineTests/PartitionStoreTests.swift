// SPDX-License-Identifier: Apache-2.0

import Detection
import Foundation
import Orders
import Pipeline
import Testing

@Suite("Partition store")
struct PartitionStoreTests {
    private func change(_ key: String, _ value: [UInt8]?) -> EngineChange {
        EngineChange(state: 7, key: Array(key.utf8), value: value)
    }

    @Test("gives back what was committed, and nothing before the first commit")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/topic-0.sqlite"
        do {
            let store = try PartitionStore(path: path)
            #expect(try store.load() == nil)
            var commit = PartitionStore.Commit(nextOffset: 5, newest: 99)
            commit.changes = [change("a", [1, 2]), change("b", [3])]
            commit.drafts = [.init(topic: "t", key: [1], payload: nil, headers: [("h", [9, 0])])]
            #expect(try store.commit(commit).map(\.topic) == ["t"])
            try store.close()
        }
        let store = try PartitionStore(path: path)
        var commit = PartitionStore.Commit(nextOffset: 6, newest: 100)
        commit.changes = [change("a", nil), change("b", [4])]
        _ = try store.commit(commit)
        let loaded = try #require(try store.load())
        #expect(loaded.nextOffset == 6)
        #expect(loaded.state == EngineState(newest: 100, rows: [.init(state: 7, key: Array("b".utf8), value: [4])]))
        let waiting = try store.outgoing()
        #expect(waiting.map(\.key) == [[1]])
        #expect(waiting.first?.payload == nil)
        #expect(waiting.first?.headers.first?.0 == "h")
        #expect(waiting.first?.headers.first?.1 == [9, 0])
        var delivered = PartitionStore.Commit(nextOffset: 6, newest: 100)
        delivered.delivered = waiting.map(\.id)
        _ = try store.commit(delivered)
        #expect(try store.outgoing().isEmpty)
    }

    @Test("keeps the books of automatic orders, in the transaction of their records, and forgets old ones")
    func books() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/topic-0.sqlite"
        func entry(_ id: String, _ time: Int64) -> OrderLedger.Entry {
            OrderLedger.Entry(id: id, subject: "identity:ana", issuedAt: time)
        }
        do {
            let store = try PartitionStore(path: path)
            var commit = PartitionStore.Commit(nextOffset: 1, newest: nil)
            commit.issued = [entry("b", 20), entry("a", 10)]
            _ = try store.commit(commit)
            try store.close()
        }
        let store = try PartitionStore(path: path)
        #expect(try store.issued(since: 10) == [entry("a", 10), entry("b", 20)])
        #expect(try store.issued(since: 11) == [entry("b", 20)])
        var next = PartitionStore.Commit(nextOffset: 2, newest: nil)
        next.issued = [entry("c", 30)]
        next.issuedSince = 20
        _ = try store.commit(next)
        #expect(try store.issued(since: .min) == [entry("b", 20), entry("c", 30)])
    }

    @Test("belongs to whoever opened it last")
    func fencing() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/topic-0.sqlite"
        let first = try PartitionStore(path: path)
        _ = try first.commit(.init(nextOffset: 1, newest: nil))
        let second = try PartitionStore(path: path)
        #expect(throws: PartitionStore.Fenced.self) { _ = try first.commit(.init(nextOffset: 2, newest: nil)) }
        _ = try second.commit(.init(nextOffset: 3, newest: nil))
        #expect(try second.load()?.nextOffset == 3)
    }

    @Test("writes all or nothing when the disk is full, and all once there is room")
    func diskFull() throws {
        let folder = try TemporaryFolder()
        let store = try PartitionStore(path: "\(folder.path)/topic-0.sqlite")
        _ = try store.commit(.init(nextOffset: 1, newest: 1))
        try store.limitPages(12)
        var commit = PartitionStore.Commit(nextOffset: 2, newest: 2)
        commit.changes = (0..<100).map { change("key-\($0)", [UInt8](repeating: 1, count: 4000)) }
        #expect(throws: (any Error).self) { _ = try store.commit(commit) }
        #expect(try store.load()?.nextOffset == 1)
        #expect(try store.load()?.state.rows.isEmpty == true)
        try store.limitPages(100_000)
        _ = try store.commit(commit)
        #expect(try store.load()?.nextOffset == 2)
        #expect(try store.load()?.state.rows.count == 100)
    }

    @Test("forgets rows of rules that are gone")
    func unknownStates() throws {
        let folder = try TemporaryFolder()
        let store = try PartitionStore(path: "\(folder.path)/topic-0.sqlite")
        var commit = PartitionStore.Commit(nextOffset: 1, newest: 1)
        commit.changes = [change("a", [1]), EngineChange(state: 8, key: [1], value: [2])]
        _ = try store.commit(commit)
        var next = PartitionStore.Commit(nextOffset: 1, newest: 1)
        next.knownStates = [8]
        _ = try store.commit(next)
        #expect(try store.load()?.state.rows.map(\.state) == [8])
    }

    @Test("says which file is damaged")
    func damaged() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/topic-0.sqlite"
        try Data("this is no database, and long enough to be looked at".utf8).write(to: URL(fileURLWithPath: path))
        #expect {
            _ = try PartitionStore(path: path)
        } throws: { error in
            "\(error)".contains(path)
        }
    }
}
