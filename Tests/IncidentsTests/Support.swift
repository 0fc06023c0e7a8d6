// SPDX-License-Identifier: Apache-2.0

import Finding
import Foundation
import GRDB
import Incidents
import Paging
import Synchronization

let hour: Int64 = 3_600_000
let day: Int64 = 24 * hour
/// 2026-11-21T10:00:00Z
let morning: Int64 = 1_795_255_200_000

/// A hub's database in memory, and what routing was told.
final class Desk: Sendable {
    let database: DatabaseQueue
    let store: IncidentStore
    private let list = List()

    init() throws {
        let database = try DatabaseQueue()
        try IncidentSchema.migrate(database)
        self.database = database
        store = IncidentStore { [list] turn, incident, _, _ in list.add(turn, incident) }
    }

    /// The incidents that routing was told are over.
    var over: [String] { list.all.filter { $0.turn == .over }.map(\.incident) }

    /// All that routing was told.
    var turns: [IncidentStore.Turn] { list.all.map(\.turn) }

    private final class List: Sendable {
        private let told = Mutex<[(turn: IncidentStore.Turn, incident: String)]>([])
        var all: [(turn: IncidentStore.Turn, incident: String)] { told.withLock { $0 } }
        func add(_ turn: IncidentStore.Turn, _ incident: String) { told.withLock { $0.append((turn, incident)) } }
    }

    @discardableResult
    func take(_ alert: IncidentAlert, now: Int64? = nil) throws -> String {
        try database.write { db in try store.take(alert, now: now ?? alert.time, in: db) }
    }

    @discardableResult
    func act(
        _ action: IncidentAction, on id: String, by actor: String = "ana", version: Int64? = nil, now: Int64 = morning
    ) throws -> Incident {
        try database.write { db in
            try store.act(action, on: id, by: actor, version: version, now: now, in: db)
        }
    }

    func closeQuiet(now: Int64) throws -> Int {
        try database.write { db in try store.closeQuiet(now: now, in: db) }
    }

    func incident(_ id: String) throws -> Incident { try database.read { try IncidentStore.find(id, in: $0) } }

    func list(_ filter: IncidentFilter = IncidentFilter()) throws -> [Incident] {
        try database.read { try IncidentStore.list(filter, in: $0).items }
    }

    /// Kind and text of each line, the earliest first.
    func timeline(_ id: String) throws -> [String] {
        try database.read { try IncidentStore.timeline(of: id, in: $0).items }.reversed()
            .map { "\($0.kind.rawValue) \($0.who ?? "-") \($0.text)" }
    }

    func count(_ table: String) throws -> Int {
        try database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") ?? -1 }
    }
}

func alert(
    _ id: String, incident: String? = "incident-1", identity: String? = "ana@example.com", rule: String = "bulk",
    title: String = "Bulk requests", severity: Int = 3, at time: Int64 = morning, risk: Int? = nil,
    event: String? = nil,
    resource: String? = nil, bytes: Int64? = nil, items: Int64? = nil
) -> IncidentAlert {
    IncidentAlert(
        id: id, incident: incident, identity: identity, rule: rule, title: title, severity: severity, time: time,
        riskScore: risk, riskTerms: risk.map { [.init(rule: rule, points: Double($0), alerts: 1, time: time)] },
        event: event, resource: resource, bytes: bytes, items: items)
}
