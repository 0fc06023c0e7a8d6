// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// Which events were counted lately, by hashes of their ids. A gateway that was killed may send its last events again: they have
/// their ids, and other offsets.
struct RecentEvents {
    /// Rows of the table, whatever is in them: one a commit.
    private static let maximumRows = 50_000

    private let generation: Int
    private var current: Set<UInt64> = []
    private var previous: Set<UInt64> = []
    /// The rows of the table and how many hashes each has.
    private var rows: [(id: Int64, count: Int)] = []
    private var first = 0
    private var stored = 0

    /// - Parameter generation: at least so many of the latest events are known.
    init(generation: Int) { self.generation = max(1, generation) }

    /// Reads what the table has.
    ///
    /// - Throws: SQLite's error.
    mutating func load(_ db: Database) throws {
        self = RecentEvents(generation: generation)
        let cursor = try Row.fetchCursor(db, sql: "SELECT id, hashes FROM recent_events ORDER BY id")
        while let row = try cursor.next() {
            let hashes: Data = row["hashes"]
            rows.append((row["id"], hashes.count / 8))
            stored += hashes.count / 8
            hashes.withUnsafeBytes { bytes in
                for index in 0..<bytes.count / 8 {
                    _ = insert(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)))
                }
            }
        }
    }

    /// Whether the event is new; from now on it is not.
    mutating func insert(_ hash: UInt64) -> Bool {
        if previous.contains(hash) { return false }
        guard current.insert(hash).inserted else { return false }
        if current.count >= generation {
            swap(&current, &previous)
            current.removeAll(keepingCapacity: true)
        }
        return true
    }

    /// Writes the hashes of a commit's events and deletes what is too old.
    ///
    /// - Returns: what ``written(_:)`` is to be told once the transaction is committed.
    func write(_ hashes: [UInt64], in db: Database) throws -> Written? {
        guard !hashes.isEmpty else { return nil }
        let id = (rows.last?.id ?? 0) + 1
        var data = Data(capacity: hashes.count * 8)
        for hash in hashes { withUnsafeBytes(of: hash.littleEndian) { data.append(contentsOf: $0) } }
        try db.cachedStatement(sql: "INSERT INTO recent_events (id, hashes) VALUES (?, ?)").execute(
            arguments: [id, data])
        var end = first
        var left = stored + hashes.count
        while end < rows.count, left - rows[end].count >= 2 * generation || rows.count - end >= Self.maximumRows {
            left -= rows[end].count
            end += 1
        }
        if end > first {
            try db.cachedStatement(sql: "DELETE FROM recent_events WHERE id <= ?").execute(arguments: [rows[end - 1].id]
            )
        }
        return Written(id: id, count: hashes.count, first: end, stored: left)
    }

    struct Written {
        fileprivate let id: Int64
        fileprivate let count: Int
        fileprivate let first: Int
        fileprivate let stored: Int
    }

    mutating func written(_ written: Written) {
        rows.append((written.id, written.count))
        first = written.first
        stored = written.stored
        if first > 10_000 {
            rows.removeFirst(first)
            first = 0
        }
    }
}
