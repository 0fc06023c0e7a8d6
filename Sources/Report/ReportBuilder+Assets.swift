// SPDX-License-Identifier: Apache-2.0

import GRDB

extension ReportBuilder {
    /// The kinds of assets, and the types of resources that are of them.
    private static let kinds = [
        ("checkpoints", ["checkpoint", "model"]), ("datasets", ["corpus"]), ("namespaces", ["collection"]),
    ]

    func assets() throws -> WeeklyReport.Assets {
        guard let activity else {
            return WeeklyReport.Assets(
                groups: [], unapproved: [], unapprovedCount: 0, unapprovedTotal: 0, unapprovedByConnection: [],
                notes: ["Who reached which asset was not recorded."])
        }
        let days = period.days
        let before = period.earlier(1).days
        var notes = [
            "By the dates of UTC, \(ReportPeriod.iso(day: days.lowerBound)) to \(ReportPeriod.iso(day: days.upperBound - 1))."
        ]
        let groups = try Self.kinds.map { kind, types in
            let list = types.map { "'\($0)'" }.joined(separator: ", ")
            let rows = try Row.fetchAll(
                activity,
                sql: """
                    SELECT r.id, r.type, r.name, c.name AS connection,
                        count(DISTINCT CASE WHEN d.events > d.denied THEN d.identity_id END) AS identities,
                        sum(d.events) AS events, sum(d.items) AS items, sum(d.bytes_out) AS bytes_out,
                        sum(d.denied) AS denied, sum(d.unapproved) AS unapproved,
                        (SELECT count(*) FROM reach f WHERE f.resource_id = r.id AND f.first_at >= ? AND f.first_at < ?)
                            AS first_time,
                        coalesce((SELECT sum(b.bytes_out) FROM reach_days b
                            WHERE b.resource_id = r.id AND b.day >= ? AND b.day < ?), 0) AS bytes_before
                    FROM reach_days d JOIN resources r ON r.id = d.resource_id JOIN connections c ON c.id = r.connection_id
                    WHERE d.day >= ? AND d.day < ? AND r.type IN (\(list)) GROUP BY r.id
                    ORDER BY unapproved DESC, bytes_out DESC, events DESC, connection, r.type, r.name
                    """,
                arguments: [
                    days.lowerBound * 86_400_000, days.upperBound * 86_400_000, before.lowerBound, before.upperBound,
                    days.lowerBound, days.upperBound,
                ])
            return WeeklyReport.Assets.Group(
                kind: kind, count: rows.count,
                assets: rows.prefix(ReportLimits.rows).map { row in
                    WeeklyReport.Assets.Asset(
                        type: row["type"], name: naming.text(row["name"]), connection: naming.text(row["connection"]),
                        identities: row["identities"], firstTime: row["first_time"], events: row["events"],
                        items: row["items"], bytesOut: row["bytes_out"], bytesOutBefore: row["bytes_before"],
                        denied: row["denied"], unapproved: row["unapproved"])
                })
        }
        let taken = try Row.fetchAll(
            activity,
            sql: """
                SELECT i.identity, r.name, c.name AS connection, sum(d.unapproved) AS unapproved, sum(d.items) AS items,
                    sum(d.bytes_out) AS bytes_out
                FROM reach_days d JOIN identities i ON i.id = d.identity_id JOIN resources r ON r.id = d.resource_id
                    JOIN connections c ON c.id = r.connection_id
                WHERE d.day >= ? AND d.day < ? AND d.unapproved > 0 GROUP BY d.identity_id, d.resource_id
                ORDER BY unapproved DESC, bytes_out DESC, connection, r.type, r.name
                """, arguments: [days.lowerBound, days.upperBound])
        let unapproved = taken.map { row in
            WeeklyReport.Assets.Unapproved(
                who: who(row["identity"]), asset: naming.text(row["name"]), connection: naming.text(row["connection"]),
                events: row["unapproved"], items: row["items"], bytesOut: row["bytes_out"])
        }.sorted {
            ($1.events, $1.bytesOut, $0.connection, $0.asset, $0.who.code)
                < ($0.events, $0.bytesOut, $1.connection, $1.asset, $1.who.code)
        }
        if groups.allSatisfy({ $0.count == 0 }) { notes.append("No checkpoint, dataset or namespace was reached.") }
        let byConnection = Dictionary(grouping: unapproved, by: \.connection).map { connection, rows in
            WeeklyReport.Assets.UnapprovedOfConnection(
                connection: connection, identities: Set(rows.map(\.who.code)).count,
                events: rows.reduce(0) { $0 + $1.events }, bytesOut: rows.reduce(0) { $0 + $1.bytesOut })
        }.sorted { ($1.events, $0.connection) < ($0.events, $1.connection) }
        return WeeklyReport.Assets(
            groups: groups, unapproved: Array(unapproved.prefix(ReportLimits.rows)), unapprovedCount: unapproved.count,
            unapprovedTotal: unapproved.reduce(0) { $0 + $1.events }, unapprovedByConnection: byConnection, notes: notes
        )
    }
}
