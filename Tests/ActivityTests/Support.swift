// SPDX-License-Identifier: Apache-2.0

import Activity
import AuditEvent
import Foundation
import GRDB
import Kafka

let topic = "gatewatch.audit"
let hour: Int64 = 3_600_000
let day: Int64 = 86_400_000
/// 2026-11-18T00:00:00Z, the fixture day's date.
let midnight: Int64 = 1_795_132_800_000 - 14 * day + 4 * day

/// A database in a folder of its own, and writers on it.
final class Book {
    let folder: URL
    let database: DatabasePool
    private(set) var offsets: [Int32: Int64] = [:]
    var writer: ActivityWriter
    let settings: ActivitySettings

    var path: String { folder.appendingPathComponent("activity.sqlite").path }
    var store: ActivityStore { ActivityStore(database) }

    init(_ change: (inout ActivitySettings) -> Void = { _ in }) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("activity-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        database = try ActivitySchema.open(path: folder.appendingPathComponent("activity.sqlite").path)
        var settings = ActivitySettings(mapping: try Mapping.named("ocsf"))
        change(&settings)
        self.settings = settings
        writer = try ActivityWriter(database: database, settings: settings, now: 0)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// The process ends and another one begins where the database says.
    func restart() throws {
        writer = try ActivityWriter(database: database, settings: settings, now: 0)
        for partition in offsets.keys {
            _ = try writer.start(of: TopicPartition(topic: topic, partition: partition))
        }
    }

    /// A record behind the last one of its partition, or at a given offset.
    func take(_ payload: [UInt8]?, partition: Int32 = 0, offset: Int64? = nil, timestamp: Int64? = nil) {
        let place = offset ?? offsets[partition] ?? 0
        offsets[partition] = max(offsets[partition] ?? 0, place + 1)
        let key = TopicPartition(topic: topic, partition: partition)
        guard let payload else {
            return writer.take(key, offset: place, timestamp: timestamp, payload: nil)
        }
        payload.withUnsafeBytes { writer.take(key, offset: place, timestamp: timestamp, payload: $0) }
    }

    func take(_ event: Event, partition: Int32 = 0) { take(event.json, partition: partition) }

    func rows(_ sql: String) throws -> [String] {
        try database.read { db in
            try Row.fetchAll(db, sql: sql).map { row in
                row.databaseValues.map { value in
                    value.isNull ? "-" : String.fromDatabaseValue(value) ?? "\(value)"
                }.joined(separator: " ")
            }
        }
    }

    /// All that was counted, by names instead of row ids.
    func contents() throws -> [String] {
        try [
            """
            SELECT 'hours', identity, hour, connections.name, operation, decision, events, items, bytes_in, bytes_out
            FROM hours JOIN identities ON identities.id = identity_id JOIN connections ON connections.id = connection_id
            """,
            """
            SELECT 'totals', hour, connections.name, operation, decision, events, items, bytes_in, bytes_out
            FROM hour_totals JOIN connections ON connections.id = connection_id
            """,
            """
            SELECT 'reach', identity, resources.type, resources.name, reach.first_at, reach.last_at, events, items, bytes_out,
                denied, unapproved
            FROM reach JOIN identities ON identities.id = identity_id JOIN resources ON resources.id = resource_id
            """,
            """
            SELECT 'days', day, identity, resources.type, resources.name, events, items, bytes_out, denied, unapproved
            FROM reach_days JOIN identities ON identities.id = identity_id JOIN resources ON resources.id = resource_id
            """,
            """
            SELECT 'session', session, identity, started_at, sessions.last_at, address, user_agent, events, denied, items,
                bytes_out
            FROM sessions JOIN identities ON identities.id = identity_id
            """,
            "SELECT 'identity', identity, name, email, groups, kind, first_at, last_at FROM identities",
            "SELECT 'coverage', hour, partition, events, unreadable FROM coverage",
            """
            SELECT 'change', event_id, at, identity, operation, change_id, approval_id, decision FROM changes
            JOIN identities ON identities.id = identity_id
            """,
        ].flatMap { try rows($0).sorted() }
    }
}

/// An event of the gateway, as far as a test says.
struct Event {
    var uid: String? = UUID().uuidString
    var time = midnight + 9 * hour
    var identity: String? = "ana"
    var operation = "vectors.query"
    var connection = "vectors-prod"
    var resources: [(type: String, name: String)] = [("collection", "products")]
    var session: String? = "s-1"
    var items: String = "10"
    var bytesOut: String = "1000"
    var status = 1
    var action = 1
    var disposition = 1
    var approval: String?
    var address = "10.0.0.1"
    var groups: [String]? = ["ml"]

    var json: [UInt8] {
        var object: [String: Any] = [
            "time": time, "class_uid": 6003, "status_id": status, "action_id": action, "disposition_id": disposition,
            "api": ["operation": operation, "service": ["name": connection]],
            "resources": resources.map { ["type": $0.type, "name": $0.name] },
            "src_endpoint": ["ip": address], "http_request": ["length": 100, "user_agent": "curl/8"],
        ]
        if let uid { object["metadata"] = ["uid": uid] }
        var actor: [String: Any] = [:]
        if let identity {
            var user: [String: Any] = ["uid": identity]
            if let groups { user["groups"] = groups.map { ["name": $0] } }
            actor["user"] = user
        }
        if let session { actor["session"] = ["uid": session] }
        object["actor"] = actor
        guard let data = try? JSONSerialization.data(withJSONObject: object) else { return [] }
        // Numbers as written, also such as JSONSerialization would not write.
        var unmapped = "\"items\":\(items)"
        if let approval { unmapped += ",\"approval_id\":\"\(approval)\"" }
        return Array(data.dropLast())
            + Array(",\"unmapped\":{\(unmapped)},\"http_response\":{\"length\":\(bytesOut)}}".utf8)
    }
}
