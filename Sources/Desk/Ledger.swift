// SPDX-License-Identifier: Apache-2.0

import GRDB

/// The hub's database as a person may read and write it.
struct Ledger: Sendable {
    let database: any DatabaseWriter
    /// ms since the epoch, UTC.
    let clock: @Sendable () -> Int64

    /// - Throws: ``DeskError/forbidden(_:)``.
    static func require(_ permission: Permission, of actor: Actor) throws(DeskError) {
        guard actor.may(permission) else { throw .forbidden(permission) }
    }

    /// Reads in one state of the database.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    func read<Value: Sendable>(
        _ permission: Permission = .read, for actor: Actor, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        try Self.require(permission, of: actor)
        do {
            return try await database.read(body)
        } catch {
            throw DeskError(error) ?? error
        }
    }

    /// Acts in one transaction, the row of evidence included.
    ///
    /// - Throws: ``DeskError``, or SQLite's error; then nothing was done.
    func write<Value: Sendable>(
        _ permission: Permission, by actor: Actor, _ body: @escaping @Sendable (Database, _ now: Int64) throws -> Value
    ) async throws -> Value {
        try Self.require(permission, of: actor)
        let now = clock()
        do {
            return try await database.write { db in try body(db, now) }
        } catch {
            throw DeskError(error) ?? error
        }
    }
}
