// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Sigma
import Testing

/// Sigma specification 2.1, "Modifiers": `minute` to `year`; section 1.5 of the checklist.
@Suite("Parts of a date")
struct DatePartTests {
    @Test(
        "minute, hour, day, week, month, year of a date in UTC",
        arguments: [
            Row("a|hour: 9", #"{"a":"2026-11-21T09:59:59.999Z"}"#, true),
            Row("a|hour: 9", #"{"a":"2026-11-21T10:00:00Z"}"#, false),
            Row("a|hour: 9", #"{"a":"2026-11-21T11:30:00+02:00"}"#, true),
            Row("a|hour: 9", #"{"a":"2026-11-21 09:30"}"#, true),
            Row("a|minute: 30", #"{"a":"2026-11-21T09:30Z"}"#, true),
            Row("a|minute: 0", #"{"a":"2026-11-21"}"#, true), Row("a|day: 21", #"{"a":"2026-11-21"}"#, true),
            Row("a|day: 20", #"{"a":"2026-11-21T00:30:00+01:00"}"#, true),
            Row("a|month: 2", #"{"a":"2024-02-29T23:59:59Z"}"#, true),
            Row("a|month: 3", #"{"a":"2024-02-29T23:59:60Z"}"#, true),
            Row("a|year: 2026", #"{"a":"20261121T093000Z"}"#, true),
            Row("a|hour: 0", #"{"a":0}"#, true), Row("a|year: 1970", #"{"a":0}"#, true),
            Row("a|year: 9999", #"{"a":"9999-12-31T23:59:59.999Z"}"#, true),
            // Seconds, milliseconds, microseconds and nanoseconds by their size; as numbers and as texts.
            Row("a|hour: 9", #"{"a":1795253400}"#, true), Row("a|hour: 9", #"{"a":1795253400000}"#, true),
            Row("a|hour: 9", #"{"a":"1795253400000000"}"#, true), Row("a|minute: 30", #"{"a":1795253400.5}"#, true),
        ])
    func parts(_ row: Row) throws { try row.check() }

    @Test(
        "week is that of ISO 8601",
        arguments: [
            ("2026-01-01", 1), ("2025-12-28", 52), ("2025-12-29", 1), ("2021-01-03", 53), ("2021-01-04", 1),
            ("2020-12-31", 53), ("2016-01-01", 53), ("2024-12-30", 1), ("1970-01-01", 1), ("1972-01-01", 52),
            ("2026-11-21", 47),
        ])
    func week(_ day: String, _ week: Int) throws {
        for other in [week - 1, week, week + 1] where (1...53).contains(other) {
            let probe = try Probe(try ruleSet(selectionText("a|week: \(other)")))
            #expect(try probe.matches("{\"a\":\"\(day)T12:00:00Z\"}").isEmpty == (other != week))
        }
    }

    @Test("every day of 60 years has the week, month and day that Foundation gives it")
    func calendar() throws {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        for day in 0..<(60 * 366) {
            let milliseconds = Int64(day) * 86_400_000 + 43_200_000
            let date = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
            let parts = calendar.dateComponents([.weekOfYear, .month, .day, .year], from: date)
            let found = [DatePart.week, .month, .day, .year].map { $0.value(of: milliseconds) }
            try #require(found.map { Int($0) } == [parts.weekOfYear, parts.month, parts.day, parts.year])
        }
    }

    @Test(
        "lt, lte, gt, gte, neq and lists of values (D6)",
        arguments: [
            Row("a|hour|gte: 18", #"{"a":"2026-11-21T18:00:00Z"}"#, true),
            Row("a|hour|gte: 18", #"{"a":"2026-11-21T17:59:59Z"}"#, false),
            Row("a|hour|gt: 18", #"{"a":"2026-11-21T18:59:00Z"}"#, false),
            Row("a|hour|lt: 7", #"{"a":"2026-11-21T06:59:00Z"}"#, true),
            Row("a|hour|lte: 7", #"{"a":"2026-11-21T07:59:00Z"}"#, true),
            Row("a|gte|hour: 18", #"{"a":"2026-11-21T18:00:00Z"}"#, true),
            Row("a|hour|lt: 24", #"{"a":"2026-11-21T23:00:00Z"}"#, true),
            Row("a|hour: [0, 1, 23]", #"{"a":"2026-11-21T23:00:00Z"}"#, true),
            Row("a|hour: [0, 1, 23]", #"{"a":"2026-11-21T22:00:00Z"}"#, false),
            Row("a|hour|neq: [0, 1, 23]", #"{"a":"2026-11-21T22:00:00Z"}"#, true),
            Row("a|hour|neq: [0, 1, 23]", #"{"a":"2026-11-21T23:00:00Z"}"#, false),
            Row("a|hour|gte: 8\na|hour|lt: 18\na|day: 21", #"{"a":"2026-11-21T17:00:00Z"}"#, true),
            Row("a|hour|gte: 8\na|hour|lt: 18\na|day: 21", #"{"a":"2026-11-22T17:00:00Z"}"#, false),
        ])
    func comparisons(_ row: Row) throws { try row.check() }

    @Test(
        "what is no date has no part; of a list any value counts",
        arguments: [
            Row("a|hour|gte: 0", "{}", false), Row("a|hour|gte: 0", #"{"a":null}"#, false),
            Row("a|hour|gte: 0", #"{"a":"noon"}"#, false), Row("a|hour|gte: 0", #"{"a":""}"#, false),
            Row("a|hour|gte: 0", #"{"a":true}"#, false), Row("a|hour|gte: 0", #"{"a":-1}"#, false),
            Row("a|hour|gte: 0", #"{"a":{"b":1}}"#, false), Row("a|hour|gte: 0", #"{"a":"2026-13-01"}"#, false),
            Row("a|hour|neq: 9", "{}", true),
            Row("a|hour: 9", #"{"a":["x","2026-11-21T08:00Z","2026-11-21T09:00Z"]}"#, true),
            Row("a|hour: 9\na|minute: 5", #"{"a":["2026-11-21T08:05Z","2026-11-21T09:00Z"]}"#, true),
            Row("a|hour: 10", #"{"a":["2026-11-21T08:00Z","2026-11-21T09:00Z"]}"#, false),
            Row("time|hour: 9", #"{"time":1795253400000}"#, true),
        ])
    func noDates(_ row: Row) throws { try row.check() }

    @Test("each event is asked for its own date, also where its bytes lie where the last one's lay")
    func nextEvent() throws {
        let rules = ["a|hour: 9", "a|hour|gte: 10", "a|minute: 30", "b|hour: 9"].enumerated().map {
            selectionText($0.element).replacingTitle("Rule \($0.offset)")
        }
        let probe = try Probe(try ruleSet(rules.joined(separator: "---\n")))
        #expect(try probe.matches(#"{"a":"2026-11-21T09:30:00Z"}"#) == [0, 2])
        #expect(try probe.matches(#"{"a":"2026-11-21T10:30:00Z"}"#) == [1, 2])
        #expect(try probe.matches(#"{"a":"2026-11-21T09:31:00Z"}"#) == [0])
        #expect(try probe.matches(#"{"a":"2026-11-21T09:31:00Z","b":"2026-11-21T09:31:00Z"}"#) == [0, 3])
        #expect(try probe.matches(#"{"b":"2026-11-21T09:31:00Z"}"#) == [3])
    }
}
