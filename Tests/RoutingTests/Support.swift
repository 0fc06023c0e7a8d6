// SPDX-License-Identifier: Apache-2.0

import GRDB
import Routing
import Testing
import YAMLDocument

let second: Int64 = 1_000
let minute: Int64 = 60_000
let hour: Int64 = 3_600_000

/// A configuration from YAML; every receiver named in `receivers` is known.
func configuration(
    _ yaml: String, receivers: [KnownReceiver] = ["default", "pager", "chat", "mail"].map { KnownReceiver(name: $0) }
) throws -> RoutingConfiguration {
    let node = try #require(try YAMLReader.documents(text: yaml, file: "gatewatch.yml").first)
    return try #require(try RoutingReader.configuration(node, receivers: receivers))
}

func labels(_ pairs: KeyValuePairs<String, String>) -> LabelSet { LabelSet(pairs.map { ($0.key, $0.value) }) }

func matchers(_ text: String) throws -> [Matcher] { try MatcherReader.matchers(text) }

/// An alert of an incident.
func alert(
    _ id: String, incident: String = "i1", severity: String = "high", startsAt: Int64 = 0,
    more: KeyValuePairs<String, String> = [:], finding: String = "{}"
) -> RoutedAlert {
    RoutedAlert(
        id: id,
        labels: LabelSet(
            [("alert", id), ("incident", incident), ("severity", severity)] + more.map { ($0.key, $0.value) }),
        startsAt: startsAt, finding: Array(finding.utf8))
}

/// An engine over a database, and what it told.
final class Desk {
    let database: any DatabaseWriter
    var engine: RoutingEngine
    private(set) var told: [Notification] = []

    init(
        _ configuration: RoutingConfiguration, database: (any DatabaseWriter)? = nil,
        limits: RoutingLimits = RoutingLimits()
    ) throws {
        self.database = try database ?? DatabaseQueue()
        engine = try RoutingEngine(database: self.database, configuration: configuration, limits: limits, now: 0)
    }

    convenience init(_ yaml: String) throws { try self.init(configuration(yaml)) }

    func take(_ alerts: RoutedAlert..., at now: Int64) throws { try take(alerts, at: now) }

    func take(_ alerts: [RoutedAlert], at now: Int64) throws {
        try database.write { db in try engine.take(alerts, now: now, in: db) }
    }

    /// What is told at a time.
    @discardableResult
    func flush(at now: Int64) throws -> [Notification] {
        var new: [Notification] = []
        var hasMore = true
        while hasMore {
            hasMore = try database.write { db in
                try engine.flush(now: now, in: db) { notification, _ in new.append(notification) }.hasMore
            }
        }
        try database.write { db in try engine.sweep(now: now, in: db) }
        told += new
        return new
    }

    /// Flushes whenever something is due, up to and including a time.
    @discardableResult
    func run(to end: Int64) throws -> [Notification] {
        var new: [Notification] = []
        while let due = try database.read({ db in try engine.due(in: db) }), due <= end { new += try flush(at: due) }
        return new
    }

    func resolve(_ incident: String, at now: Int64) throws {
        try database.write { db in _ = try RoutingEngine.resolve(incident: incident, now: now, in: db) }
    }

    func acknowledge(_ incident: String) throws {
        try database.write { db in try RoutingEngine.acknowledge(incident: incident, in: db) }
    }

    func takeBack(_ incident: String) throws {
        try database.write { db in try RoutingEngine.takeBack(acknowledgementOf: incident, in: db) }
    }

    @discardableResult
    func silence(_ text: String, from start: Int64? = nil, to end: Int64, now: Int64) throws -> Silence {
        try database.write { db in
            try SilenceStore.add(
                matchers: matchers(text), startsAt: start, endsAt: end, createdBy: "ana", comment: "maintenance",
                now: now,
                in: db)
        }
    }

    func count(_ table: String) throws -> Int {
        try database.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)") ?? 0 }
    }
}

extension Notification {
    /// The ids of its alerts.
    var ids: [String] { alerts.map(\.id) }
}
