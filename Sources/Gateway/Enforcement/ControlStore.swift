// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// The signed records of orders and approvals that the gateway has taken, on disk: what is in force stays in force across a restart,
/// also when Kafka is away. Records are verified again when they are read back, so the file needs no trust.
final class ControlStore: Sendable {
    /// What a record is about.
    enum Kind: String {
        case orders, approvals
    }

    private let database: DatabaseQueue

    /// - Throws: GRDB's error when the file cannot be opened.
    init(path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            // An order that was applied must still be in force after a power cut.
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            try database.execute(sql: "PRAGMA synchronous = FULL")
        }
        database = try DatabaseQueue(path: path, configuration: configuration)
        try database.write { database in
            try database.execute(
                sql: """
                    CREATE TABLE IF NOT EXISTS record (
                        kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key)
                    ) WITHOUT ROWID
                    """)
        }
    }

    func load(_ kind: Kind) throws -> [(key: String, value: [UInt8])] {
        try database.read { database in
            try Row.fetchAll(
                database, sql: "SELECT key, value FROM record WHERE kind = ? ORDER BY key", arguments: [kind.rawValue]
            ).map { row in (row["key"] as String, [UInt8](row["value"] as Data)) }
        }
    }

    /// Writes and forgets records in one transaction.
    func save(_ kind: Kind, keep: [(key: String, value: [UInt8])], drop: [String]) throws {
        if keep.isEmpty && drop.isEmpty { return }
        try database.write { try Self.save($0, kind, keep: keep, drop: drop) }
    }

    /// Writes a record without waiting for the disk: for event loops. The order of calls is kept.
    func saveLater(_ kind: Kind, key: String, value: [UInt8], onFailure: @escaping @Sendable (any Error) -> Void) {
        database.asyncWrite({ try Self.save($0, kind, keep: [(key, value)], drop: []) }) { _, result in
            if case .failure(let error) = result { onFailure(error) }
        }
    }

    private static func save(
        _ database: Database, _ kind: Kind, keep: [(key: String, value: [UInt8])], drop: [String]
    ) throws {
        let insert = try database.cachedStatement(
            sql: "INSERT OR REPLACE INTO record (kind, key, value) VALUES (?, ?, ?)")
        for record in keep {
            try insert.execute(arguments: [kind.rawValue, record.key, Data(record.value)])
        }
        let delete = try database.cachedStatement(sql: "DELETE FROM record WHERE kind = ? AND key = ?")
        for key in drop { try delete.execute(arguments: [kind.rawValue, key]) }
    }

    func close() { try? database.close() }
}
