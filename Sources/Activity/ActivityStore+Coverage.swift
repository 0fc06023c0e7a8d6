// SPDX-License-Identifier: Apache-2.0

package import GRDB

/// How much of a time range was read.
package struct ActivityCoverage: Sendable, Equatable {
    /// Hours of a time range in which no event was read though there were some before and after.
    package var gaps: [Range<Int64>]
    /// Hours of the range with events, and all of them that lie between the first and the last event ever read.
    package var coveredHours: Int
    package var hours: Int
    package var events: Int64
    package var unreadable: Int64
    /// Times of the first and the last hour ever read, ms since the epoch, UTC; nil before the first event.
    package var firstHour: Int64?
    package var lastHour: Int64?
}

extension ActivityStore {
    /// How far reading is in a partition.
    package struct Position: Sendable, Equatable {
        package var topic: String
        package var partition: Int
        package var nextOffset: Int64
    }

    /// Which hours of a time range have events. A company that sleeps has hours without: a gap is a question, not an answer.
    ///
    /// - Throws: SQLite's error.
    package static func coverage(in range: Range<Int64>, in db: Database) throws -> ActivityCoverage {
        let length: Int64 = 3_600_000
        let known = try Row.fetchOne(
            db, sql: "SELECT min(hour) AS first, max(hour) AS last FROM coverage WHERE events > 0")
        let first: Int64? = known?["first"]
        let last: Int64? = known?["last"]
        var coverage = ActivityCoverage(
            gaps: [], coveredHours: 0, hours: 0, events: 0, unreadable: 0, firstHour: first.map { $0 * length },
            lastHour: last.map { $0 * length })
        let (start, end) = (range.lowerBound / length, (range.upperBound + length - 1) / length)
        var next = max(start, first ?? end)
        let stop = min(end, (last ?? start) + 1)
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT hour, sum(events) AS events, sum(unreadable) AS unreadable FROM coverage
                WHERE hour >= ? AND hour < ? GROUP BY hour ORDER BY hour
                """, arguments: [start, end])
        while let row = try rows.next() {
            let hour: Int64 = row["hour"]
            let events: Int64 = row["events"]
            coverage.events += events
            coverage.unreadable += row["unreadable"] as Int64
            guard events > 0 else { continue }
            coverage.coveredHours += 1
            if hour > next { coverage.gaps.append(next * length..<hour * length) }
            next = hour + 1
        }
        if next < stop { coverage.gaps.append(next * length..<stop * length) }
        coverage.hours = Int(max(0, stop - max(start, first ?? stop)))
        return coverage
    }

    /// How far reading is, by partition.
    ///
    /// - Throws: SQLite's error.
    package static func positions(in db: Database) throws -> [Position] {
        try Row.fetchAll(db, sql: "SELECT * FROM positions ORDER BY topic, partition").map {
            Position(topic: $0["topic"], partition: $0["partition"], nextOffset: $0["next_offset"])
        }
    }
}
