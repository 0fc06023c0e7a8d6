// SPDX-License-Identifier: Apache-2.0

import Activity
import AuditEvent
import Foundation
import GRDB
import Kafka

/// Events counted per second, and what reads take where 10,000 identities have worked for five weeks.
enum ActivityBench {
    private static let days = 5
    private static let commitRecords = 20_000

    static func run(_ workload: Workload) throws {
        try withFolder { folder in
            let writer = try ActivityWriter(
                database: ActivitySchema.open(path: "\(folder)/activity.sqlite"),
                settings: ActivitySettings(mapping: try Mapping.named("ocsf"), directory: workload.directory), now: 0)
            let partition = TopicPartition(topic: "gatewatch.audit", partition: 0)
            var offset: Int64 = 0
            var decoding: UInt64 = 0
            let began = processNanoseconds()
            for _ in 0..<days {
                for event in workload.events {
                    let start = offset % 64 == 0 ? processNanoseconds() : 0
                    writer.take(partition, offset: offset, timestamp: nil, payload: workload.text(event))
                    if start > 0 { decoding += processNanoseconds() - start }
                    offset += 1
                    if writer.pending >= commitRecords { try writer.commit() }
                }
                workload.nextDay()
            }
            try writer.commit()
            let took = Double(processNanoseconds() - began)
            row(
                "activity: events counted into SQLite, one thread",
                "\(format(Double(offset) / took * 1e9, 0)) events/s of CPU, \(format(took / Double(offset), 0)) ns each"
            )
        }
        try withFolder { folder in
            let database = try ActivitySchema.open(path: "\(folder)/activity.sqlite")
            let began = ContinuousClock.now
            try ActivityFill.fill(database, identities: 10_000, days: 35)
            let rows = try database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM hours") ?? 0 }
            let size =
                (try? FileManager.default.attributesOfItem(atPath: "\(folder)/activity.sqlite")[.size] as? Int) ?? 0
            row(
                "10,000 identities × 5 weeks",
                "\(rows) rows of hours, \(size >> 20) MiB, filled in \(began.duration(to: .now).components.seconds) s")
            try reads(ActivityStore(database))
        }
    }

    private static func reads(_ store: ActivityStore) throws {
        let end = ActivityFill.end
        let weeks = end - 35 * 86_400_000..<end
        let week = end - 7 * 86_400_000..<end
        let one = try store.read { try ActivityStore.find("person-4711@example.com", in: $0)?.id } ?? 0
        try time("  hours of one identity, 5 weeks") {
            _ = try store.read { try ActivityStore.series(.init(identity: one), in: weeks, step: .hour, in: $0) }
        }
        try time("  hours of everybody, 5 weeks") {
            _ = try store.read { try ActivityStore.series(in: weeks, step: .hour, in: $0) }
        }
        try time("  operations of one identity, a week") {
            _ = try store.read { try ActivityStore.operations(.init(identity: one), in: week, in: $0) }
        }
        try time("  reach of one identity, a week") {
            _ = try store.read { try ActivityStore.reach(of: one, in: week, in: $0) }
        }
        try time("  readers of a checkpoint, a page") {
            _ = try store.read { try ActivityStore.readers(of: "resource-17", in: $0) }
        }
        try time("  first uses of a week, a page") {
            _ = try store.read { try ActivityStore.firstUses(in: week, in: $0) }
        }
        try time("  identities, a page") { _ = try store.read { try ActivityStore.identities(in: $0) } }
        try time("  sessions of one identity, a page") {
            _ = try store.read { try ActivityStore.sessions(of: one, in: $0) }
        }
    }

    private static func time(_ name: String, _ body: () throws -> Void) throws {
        var times: [Double] = []
        for _ in 0..<21 {
            let began = ContinuousClock.now
            try body()
            let took = began.duration(to: .now).components
            times.append(Double(took.seconds) * 1e3 + Double(took.attoseconds) / 1e15)
        }
        row(name, "\(format(times.median, 2)) ms, slowest of 21 \(format(times.max() ?? 0, 2)) ms")
    }

    static func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("activity-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }
}

/// Rows as identities leave them that work eight hours on weekdays, written by SQL: counting so many events would take an hour.
enum ActivityFill {
    /// 2026-11-23T00:00:00Z.
    static let end: Int64 = 1_795_392_000_000

    static func fill(_ database: DatabasePool, identities: Int, days: Int) throws {
        let lastDay = end / 86_400_000
        try database.write { db in
            try db.execute(
                sql: """
                    CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < \(identities))
                        SELECT i FROM c WHERE i < \(identities);
                    CREATE TEMP TABLE d AS SELECT \(lastDay) - 1 - i AS day FROM n
                        WHERE i < \(days) AND (\(lastDay) - 1 - i + 4) % 7 BETWEEN 1 AND 5;
                    INSERT INTO identities (id, identity, kind, first_at, last_at) SELECT i + 1, 'person-' || i || '@example.com',
                        'human', \(end) - \(days) * 86400000 + i, \(end) - 86400000 - i * 1000 FROM n;
                    INSERT INTO connections (id, name) VALUES (1, 'vectors-prod'), (2, 'model-registry'), (3, 'training-corpus');
                    INSERT INTO resources (id, connection_id, type, name) SELECT i + 1, i % 3 + 1,
                        CASE i % 3 WHEN 0 THEN 'collection' WHEN 1 THEN 'checkpoint' ELSE 'corpus' END, 'resource-' || i
                        FROM n WHERE i < 200;
                    INSERT INTO hours SELECT day * 24 + 8 + h.i, n.i + 1, o.i % 3 + 1,
                        CASE o.i WHEN 0 THEN 'vectors.query' WHEN 1 THEN 'embeddings.create' ELSE 'sql.query' END, 'allowed',
                        5 + (n.i + h.i) % 7, 50 + n.i % 31, 1000, 20000 + n.i % 997
                        FROM n, d, (SELECT i FROM n WHERE i < 8) AS h, (SELECT i FROM n WHERE i < 3) AS o
                        ORDER BY n.i, day, h.i;
                    INSERT INTO hour_totals SELECT hour, connection_id, operation, decision, sum(events), sum(items), sum(bytes_in),
                        sum(bytes_out) FROM hours GROUP BY 1, 2, 3, 4;
                    INSERT INTO reach_days SELECT day, n.i + 1, (n.i * 7 + r.i * 13) % 200 + 1, 20, 200, 100000, 0, 0
                        FROM d, n, (SELECT i FROM n WHERE i < 4) AS r ORDER BY day, n.i;
                    INSERT INTO reach SELECT identity_id, resource_id, min(day) * 86400000 + identity_id, max(day) * 86400000,
                        sum(events), sum(items), sum(bytes_out), 0, 0 FROM reach_days GROUP BY 1, 2;
                    INSERT INTO sessions (session, identity_id, started_at, last_at, address, user_agent, events, denied, items,
                        bytes_out) SELECT 's-' || n.i || '-' || day, n.i + 1, day * 86400000 + 28800000, day * 86400000 + 57600000,
                        '10.0.0.1', 'notebook/7', 60, 0, 600, 300000 FROM n, d;
                    INSERT INTO coverage SELECT hour, 0, sum(events), 0, 0 FROM hour_totals GROUP BY 1;
                    """)
        }
    }
}
