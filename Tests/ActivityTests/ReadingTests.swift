// SPDX-License-Identifier: Apache-2.0

import Activity
import AuditEvent
import Foundation
import GRDB
import Paging
import Testing

@Suite struct ReadingTests {
    /// Ten identities, each active on some days.
    private func book() throws -> Book {
        let book = try Book()
        for person in 0..<10 {
            for number in 0...person {
                var event = Event()
                event.identity = "person-\(person)"
                event.time = midnight + Int64(number) * day + Int64(person) * hour
                event.operation = number % 2 == 0 ? "vectors.query" : "checkpoint.download"
                event.resources = [number % 2 == 0 ? ("collection", "products") : ("checkpoint", "llm-\(number)")]
                event.session = "s-\(person)-\(number)"
                event.bytesOut = "\(100 * (number + 1))"
                book.take(event)
            }
        }
        try book.writer.commit()
        return book
    }

    private func all<Item>(_ page: (String?) throws -> Page<Item>) throws -> [Item] {
        var items: [Item] = []
        var cursor: String?
        repeat {
            let page = try page(cursor)
            #expect(page.items.count <= 3)
            items += page.items
            cursor = page.next
        } while cursor != nil
        return items
    }

    @Test func pagesGoThroughAListOnce() throws {
        let book = try book()
        try book.store.read { db throws in
            let names = try all { try ActivityStore.identities(after: $0, limit: 3, in: db) }.map(\.identity)
            #expect(names == (0..<10).reversed().map { "person-\($0)" })
            let nine = try #require(try ActivityStore.find("PERSON-9", in: db))
            #expect(
                try all { try ActivityStore.sessions(of: nine.id, after: $0, limit: 3, in: db) }.map(\.session)
                    == (0..<10).reversed().map { "s-9-\($0)" })
            #expect(
                try all { try ActivityStore.readers(of: "products", after: $0, limit: 3, in: db) }.map(\.identity)
                    == (0..<5).reversed().flatMap { ["person-\($0 * 2 + 1)", "person-\($0 * 2)"] })
            let first = try all {
                try ActivityStore.firstUses(
                    in: midnight..<midnight + 2 * day, types: ["checkpoint"], after: $0, limit: 3, in: db)
            }
            #expect(first.map(\.identity) == (1..<10).reversed().map { "person-\($0)" })
            #expect(throws: BadCursor.self) { try ActivityStore.identities(after: "x", in: db) }
            #expect(throws: BadCursor.self) { try ActivityStore.changes(in: 0..<1, after: "", in: db) }
        }
    }

    @Test func identitiesAreFoundByTheirBeginningAndTheirSilence() throws {
        let book = try book()
        try book.store.read { db throws in
            #expect(
                try ActivityStore.identities(.init(prefix: "Person-3"), in: db).items.map(\.identity) == ["person-3"])
            #expect(try ActivityStore.identities(.init(prefix: "%"), in: db).items.isEmpty)
            #expect(try ActivityStore.find("nobody", in: db) == nil)
            let quiet = midnight + 3 * day
            #expect(
                try ActivityStore.dormant(since: quiet, in: db).map(\.identity) == ["person-0", "person-1", "person-2"])
            #expect(
                try ActivityStore.identities(.init(quietSince: quiet), in: db).items.map(\.identity)
                    == ["person-2", "person-1", "person-0"])
        }
    }

    @Test func seriesAddUpToTheirTotals() throws {
        let book = try book()
        let range = midnight..<midnight + 10 * day
        try book.store.read { db throws in
            let nine = try #require(try ActivityStore.find("person-9", in: db)).id
            for selection in [
                ActivityStore.Selection(), .init(identity: nine), .init(accessClass: .weights),
                .init(identity: nine, accessClass: .vectors, decision: .allowed), .init(operation: "vectors.query"),
            ] {
                for step in [ActivityStore.Step.hour, .day] {
                    let series = try ActivityStore.series(selection, in: range, step: step, in: db)
                    #expect(series.count == (step == .day ? 10 : 240))
                    #expect(series.first?.at == midnight)
                    let total = try ActivityStore.total(selection, in: range, in: db)
                    #expect(series.reduce(0) { $0 + $1.sums.bytesOut } == total.bytesOut)
                    #expect(total.events > 0)
                }
            }
            #expect(try ActivityStore.total(in: range, in: db).events == 55)
            #expect(try ActivityStore.total(.init(identity: nine), in: range, in: db).bytesOut == 5_500)
            #expect(try ActivityStore.total(in: midnight - day..<midnight, in: db) == ActivitySums())
            let operations = try ActivityStore.operations(.init(identity: nine), in: range, in: db)
            #expect(operations.map(\.operation) == ["checkpoint.download", "vectors.query"])
            #expect(operations.map(\.accessClass) == [.weights, .vectors])
            let reach = try ActivityStore.reach(of: nine, in: midnight + 9 * day..<midnight + 10 * day, in: db)
            #expect(reach.map(\.resource.name) == ["llm-9"])
            #expect(reach.map(\.unapproved) == [1])
            #expect(try ActivityStore.reach(of: nine, in: db).count == 6)
        }
    }

    @Test func gapsAreHoursWithoutEventsBetweenOthers() throws {
        let book = try Book()
        for number in [0, 1, 4, 9] {
            var event = Event()
            event.time = midnight + Int64(number) * hour
            book.take(event)
        }
        try book.writer.commit()
        try book.store.read { db throws in
            let coverage = try ActivityStore.coverage(in: midnight - day..<midnight + day, in: db)
            #expect(
                coverage.gaps
                    == [2..<4, 5..<9].map { midnight + $0.lowerBound * hour..<midnight + $0.upperBound * hour })
            #expect(coverage.coveredHours == 4)
            #expect(coverage.hours == 10)
            let inside = try ActivityStore.coverage(in: midnight + 2 * hour..<midnight + 4 * hour, in: db)
            #expect(inside.gaps == [midnight + 2 * hour..<midnight + 4 * hour])
            #expect(try ActivityStore.coverage(in: midnight + day..<midnight + 2 * day, in: db).hours == 0)
        }
    }

    @Test func aBandIsOfThePastOnly() throws {
        var points: [ActivityPoint] = []
        for number in 0..<35 * 24 {
            let isDay = (8..<18).contains(number % 24)
            points.append(
                ActivityPoint(
                    at: midnight + Int64(number) * hour,
                    sums: ActivitySums(events: isDay ? 100 + Int64(number * 7 % 23) : 0)))
        }
        let spike = 34 * 24 + 10
        points[spike].sums.events = 5_000
        let band = ActivityStore.band(points, step: .hour, from: midnight + 28 * day) { $0.events }
        #expect(band.count == 7 * 24)
        let outside = band.filter { $0.value >= $0.limit }
        #expect(outside.map(\.at) == [midnight + Int64(spike) * hour])
        #expect(band.allSatisfy { !$0.isLearning && $0.low <= $0.high && $0.expected >= 0 })
        // What comes later changes nothing before it.
        let shorter = ActivityStore.band(Array(points.prefix(spike)), step: .hour, from: midnight + 28 * day) {
            $0.events
        }
        #expect(Array(band.prefix(shorter.count)) == shorter)
        #expect(ActivityStore.band([], step: .day) { $0.events }.isEmpty)
    }

    /// A table that is scanned is found by reading everything that was ever counted.
    @Test func noReadScansATable() throws {
        let book = try book()
        let statements = Trace()
        try book.store.read { db throws in
            db.trace { statements.note($0.expandedDescription) }
            let range = midnight..<midnight + 10 * day
            _ = try ActivityStore.identities(.init(prefix: "p"), in: db)
            _ = try ActivityStore.identities(.init(quietSince: midnight), after: "1.1", in: db)
            _ = try ActivityStore.dormant(since: midnight, in: db)
            let one = try #require(try ActivityStore.find("person-9", in: db)).id
            for selection in [ActivityStore.Selection(), .init(identity: one)] {
                _ = try ActivityStore.series(selection, in: range, step: .hour, in: db)
                _ = try ActivityStore.total(selection, in: range, in: db)
                _ = try ActivityStore.operations(selection, in: range, in: db)
            }
            _ = try ActivityStore.reach(of: one, in: db)
            _ = try ActivityStore.reach(of: one, in: range, in: db)
            _ = try ActivityStore.readers(of: "products", after: "1.1.1", in: db)
            _ = try ActivityStore.firstUses(in: range, after: "1.1.1", in: db)
            _ = try ActivityStore.sessions(of: one, after: "1.1", in: db)
            _ = try ActivityStore.changes(in: range, in: db)
            _ = try ActivityStore.changes(of: one, in: range, after: "1.x", in: db)
            db.trace(options: [])
            #expect(statements.all.count > 15)
            for sql in statements.all {
                let plan = try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(sql)").map { $0["detail"] as String }
                // A list by recency walks its index; what was grouped is small.
                let scans = plan.filter {
                    $0.hasPrefix("SCAN") && !$0.contains("USING INDEX identities_last") && !$0.contains("SCAN d")
                        && !$0.contains("SCAN grouped") && !$0.contains("(subquery")
                }
                #expect(scans.isEmpty, "\(sql): \(plan)")
            }
        }
    }
}

private final class Trace {
    private(set) var all: [String] = []
    func note(_ sql: String) { if sql.hasPrefix("SELECT") { all.append(sql) } }
}
