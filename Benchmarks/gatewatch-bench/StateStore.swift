// SPDX-License-Identifier: Apache-2.0

import Detection
import Pipeline

/// The detector process's own store, as the state benchmark uses it.
struct PartitionStateStore: StateStore {
    private let store: PartitionStore

    init(path: String) throws {
        store = try PartitionStore(path: path)
    }

    func commit(_ changes: [EngineChange], newest: Int64) throws {
        var commit = PartitionStore.Commit(nextOffset: 1, newest: newest)
        commit.changes = changes
        _ = try store.commit(commit)
    }

    func restore(_ engine: Engine) throws -> Int { try store.restore(engine)?.left ?? 0 }

    func close() throws { try store.close() }
}
