// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import GRDB
package import Hub
import Incidents
package import Logging
package import Signing
import Telemetry

/// What a person can see and do at the hub, the same for pages, the API and commands. Every function says first whether the person may;
/// every action is done together with its row in the evidence chain.
///
/// Reads see one state of the database each. Nothing here keeps state but the tables, so that several desks may stand at one hub.
package final class Desk: Sendable {
    /// What the executable knows and the hub does not.
    package struct Settings: Sendable {
        /// The rules as they stand in the files.
        package var detectors: [DetectorEntry]
        /// The hub's key, by which it speaks for persons; nil where it cannot.
        package var key: SigningKey?
        package init(detectors: [DetectorEntry] = [], key: SigningKey? = nil) {
            self.detectors = detectors
            self.key = key
        }
    }

    package let hub: HubService
    /// Who a token is, and who may make one.
    let tokenStore: APITokenStore
    private let ledger: Ledger
    package let settings: Settings
    let publisher: ControlPublisher?
    let logger: Logger
    let clock: @Sendable () -> Int64

    /// Makes the desk's own tables.
    ///
    /// - Parameter clock: ms since the epoch, UTC.
    /// - Throws: SQLite's error; `KafkaError` where a Kafka property is wrong.
    package init(
        hub: HubService, settings: Settings = Settings(), logger: Logger,
        clock: @escaping @Sendable () -> Int64 = { RFC3339.nowMilliseconds() }
    ) throws {
        tokenStore = try APITokenStore(database: hub.database, clock: clock)
        ledger = Ledger(database: hub.database, clock: clock)
        self.hub = hub
        self.settings = settings
        self.logger = logger
        self.clock = clock
        publisher = try ControlPublisher(hub: hub, key: settings.key, logger: logger)
    }

    /// Says whether a person may; for what is read in other rooms.
    ///
    /// - Throws: ``DeskError/forbidden(_:)``.
    package func require(_ permission: Permission, of actor: Actor) throws(DeskError) {
        try Ledger.require(permission, of: actor)
    }

    func read<Value: Sendable>(
        _ permission: Permission = .read, for actor: Actor, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        try await ledger.read(permission, for: actor, body)
    }

    func write<Value: Sendable>(
        _ permission: Permission, by actor: Actor, _ body: @escaping @Sendable (Database, _ now: Int64) throws -> Value
    ) async throws -> Value {
        try await ledger.write(permission, by: actor, body)
    }

    /// Adds a row of evidence, with how the person came in.
    static func note(
        _ action: String, on subject: String, by actor: Actor, _ payload: [String: String] = [:], now: Int64,
        in db: Database
    ) throws {
        try EvidenceChain.append(
            actor: actor.identity, action: action, subject: subject,
            payload: payload.merging(["via": actor.via.text]) { $1 }, at: now, in: db)
    }

    /// Notes something that a person did elsewhere: that a recording or a report with names was read.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func note(
        _ action: String, on subject: String, by actor: Actor, needs permission: Permission,
        payload: [String: String] = [:]
    ) async throws {
        try await write(permission, by: actor) { db, now in
            try Self.note(action, on: subject, by: actor, payload, now: now, in: db)
        }
    }

    /// The texts that people write: not empty, not too long, without control characters.
    static func check(
        _ text: String, _ field: String, limit: Int = 2_000, allowsLines: Bool = false
    ) throws(DeskError) {
        guard !text.allSatisfy(\.isWhitespace) else { throw .invalid(field: field, "the \(field) is empty") }
        guard text.unicodeScalars.count <= limit else {
            throw .invalid(
                field: field, "the \(field) has \(text.unicodeScalars.count) characters; the limit is \(limit)")
        }
        let isClean = text.unicodeScalars.allSatisfy { scalar in
            scalar.properties.generalCategory != .control || allowsLines && (scalar == "\n" || scalar == "\t")
        }
        guard isClean else { throw .invalid(field: field, "the \(field) has control characters: leave them out") }
    }
}
