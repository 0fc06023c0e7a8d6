// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Foundation
import Testing

@Suite("Edges of windows, time and state")
struct EdgeTests {
    /// One correlation over `op: fail`, grouped by `k`.
    static func rule(
        _ kind: String, _ condition: String, timespan: String = "60s", groupBy: String = "k", extra: String = ""
    ) -> String {
        EngineTests.base + """

            ---
            title: Many
            name: many
            correlation:
              type: \(kind)
              rules: [failed]
              group-by: [\(groupBy)]
              timespan: \(timespan)
              condition: { \(condition) }
            \(extra)
            """
    }

    static func fail(_ milliseconds: Int64, _ uid: String, key: String = "ana", value: Double? = nil) -> TestEvent {
        TestEvent(
            time: milliseconds / 1000, fraction: milliseconds % 1000, uid: uid, fields: ["op": "fail", "k": key],
            numbers: value.map { ["v": $0] } ?? [:])
    }

    @Test("a window ends with the millisecond at which its timespan is over")
    func millisecond() throws {
        let yaml = Self.rule("event_count", "gte: 2")
        #expect(try Bench.run(yaml, [Self.fail(0, "a"), Self.fail(60_000, "b")]).count == 1)
        #expect(try Bench.run(yaml, [Self.fail(0, "a"), Self.fail(60_001, "b")]).isEmpty)
    }

    @Test("events of one instant at the window's edge count together, in any order")
    func ties() throws {
        let yaml = Self.rule("event_count", "gte: 4")
        let events = [Self.fail(0, "a"), Self.fail(0, "b"), Self.fail(60_000, "c"), Self.fail(60_000, "d")]
        for order in permutations(events) {
            let alerts = try Bench.run(yaml, order, suppresses: false)
            #expect(alerts.map { $0.relatedEvents.last } == ["d"], "\(order.map(\.uid))")
        }
    }

    @Test("an event as late as it may be still counts for a rule that had to wait")
    func deferredAtTheEdge() throws {
        let yaml = Self.rule("event_count", "lte: 1")
        // b is judged when the watermark has passed second 0, not when it has reached it: a may come until then.
        let events = [Self.fail(0, "b"), Self.fail(60_000, "later"), Self.fail(0, "a")]
        let alerts = try Bench.run(yaml, events, suppresses: false)
        #expect(alerts.map { $0.relatedEvents.last } == ["a"])
    }

    @Test(
        "times at both ends of what is a time work",
        arguments: [
            ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.001Z"],
            ["9999-12-31T23:59:59.998Z", "9999-12-31T23:59:59.999Z"],
        ])
    func endsOfTime(times: [String]) throws {
        let bench = try Bench(Self.rule("event_count", "gte: 2"))
        for (index, time) in times.enumerated() {
            try bench.take(
                json: "{\"time\":\"\(time)\",\"metadata\":{\"uid\":\"\(index)\"},\"op\":\"fail\",\"k\":\"ana\"}")
        }
        #expect(bench.restart() == 0)
        bench.finish()
        #expect(bench.alerts.map(\.relatedEvents) == [["0", "1"]])
        #expect(bench.alerts.map { Timestamp.iso8601($0.time) } == [times[1]])
    }

    @Test("finish decides what waits, once")
    func finish() throws {
        let bench = try Bench(Self.rule("event_count", "lte: 5"), suppresses: false)
        try bench.take([Self.fail(0, "a"), Self.fail(1000, "b")])
        #expect(bench.engine.isWaiting)
        #expect(bench.alerts.isEmpty)
        bench.finish()
        #expect(!bench.engine.isWaiting)
        bench.finish()
        try bench.take([Self.fail(500, "c"), Self.fail(300_000, "d")])
        bench.finish()
        #expect(bench.alerts.compactMap { $0.relatedEvents.last }.sorted() == ["a", "b", "c", "d"])
    }

    @Test("an event that two rules match counts once and fires once")
    func oneEventTwoRules() throws {
        let yaml = """
            title: one
            name: one
            logsource: { category: test }
            detection: { selection: { op: fail }, condition: selection }
            ---
            title: two
            name: two
            logsource: { category: test }
            detection: { selection: { k: ana }, condition: selection }
            ---
            title: Sum
            name: sum
            correlation:
              type: value_sum
              rules: [one, two]
              group-by: [k]
              timespan: 60s
              condition: { field: v, gte: 10 }
            ---
            title: Count
            name: count
            correlation:
              type: event_count
              rules: [two, one]
              group-by: [k]
              timespan: 60s
              condition: { gte: 2 }
            ---
            title: Both
            name: both
            correlation:
              type: temporal_ordered
              rules: [two, one]
              group-by: [k]
              timespan: 60s
            """
        let alerts = try Bench.run(yaml, [Self.fail(0, "a", value: 6)], suppresses: false)
        #expect(alerts.map(\.ruleName) == ["both"])
        let both = try Bench.run(yaml, [Self.fail(0, "a", value: 6), Self.fail(1, "b", value: 5)], suppresses: false)
        #expect(both.map(\.ruleName).sorted() == ["both", "both", "count", "sum"])
        #expect(both.first { $0.ruleName == "sum" }?.value == 11)
    }

    @Test("an event that aliases put into two groups of a rule counts twice in a rule over it")
    func oneEventTwoGroups() throws {
        let yaml = """
            title: one
            name: one
            logsource: { category: test }
            detection: { selection: { op: fail }, condition: selection }
            ---
            title: two
            name: two
            logsource: { category: test }
            detection: { selection: { op: fail, k: ana }, condition: selection }
            ---
            title: Count
            name: count
            correlation:
              type: event_count
              rules: [one, two]
              group-by: [who]
              aliases: { who: { one: k, two: n } }
              timespan: 60s
              condition: { gte: 1 }
            ---
            title: Over
            name: over
            correlation:
              type: event_count
              rules: [count]
              timespan: 60s
              condition: { gte: 2 }
            """
        var event = Self.fail(0, "a")
        #expect(try Bench.run(yaml, [event], suppresses: false).isEmpty)
        event.fields["n"] = "ben"
        #expect(try Bench.run(yaml, [event], suppresses: false).map(\.ruleName) == ["over"])
        // The same event again is not a third.
        let stricter = yaml.replacing("gte: 2", with: "gte: 3")
        #expect(try Bench.run(stricter, [event, event], suppresses: false).isEmpty)
    }

    @Test("a sequence that has not begun is no step in it")
    func sequenceNotBegun() throws {
        let yaml = """
            title: first
            name: first
            logsource: { category: test }
            detection: { selection: { op: other }, condition: selection }
            ---
            \(Self.rule("temporal_ordered", "lte: 1").replacing("[failed]", with: "[first, failed]"))
            """
        let alerts = try Bench.run(yaml, [Self.fail(0, "a")], suppresses: false)
        #expect(alerts.map(\.value) == [0])
    }

    @Test("fractions add up the same in any order, and ten tenths are one")
    func fractions() throws {
        let yaml = Self.rule("value_sum", "field: v, gte: 1", timespan: "10s")
        let tenths = (0..<10).map { Self.fail(Int64($0), "e\($0)", value: 0.1) }
        #expect(try Bench.run(yaml, tenths).count == 1)
        #expect(try Bench.run(yaml, Array(tenths.dropLast())).isEmpty)
        var generator = SeededGenerator(seed: 7)
        let events = (0..<2000).map {
            Self.fail(Int64($0) * 700, "e\($0)", value: Double(Int.random(in: 0...300, using: &generator)) / 1000)
        }
        let expected = try Bench.run(yaml, events, suppresses: false).map(\.id).sorted()
        #expect(!expected.isEmpty)
        let mixed = shuffled(events, within: 60, &generator)
        #expect(try Bench.run(yaml, mixed, suppresses: false).map(\.id).sorted() == expected)
    }

    @Test("a number too large for any sum blinds nobody")
    func hugeNumbers() throws {
        let yaml = Self.rule("value_sum", "field: v, gte: 100", timespan: "10s")
        var events = [Self.fail(0, "huge", value: 1e308), Self.fail(1, "huge2", value: 1e308)]
        for index in 1...40 { events.append(Self.fail(Int64(index) * 4000, "e\(index)", value: index == 35 ? 99 : 1)) }
        let fired = try Bench.run(yaml, events, suppresses: false).compactMap { $0.relatedEvents.last }
        #expect(fired == ["huge", "huge2", "e1", "e2", "e35", "e36", "e37"])
    }

    @Test("a limit of more events than a window keeps one by one still fires")
    func hugeLimit() throws {
        let yaml = Self.rule("event_count", "gte: 270000", timespan: "1h")
        let bench = try Bench(yaml, lateness: 1000)
        let events = (0..<1000).map { Self.fail(0, "e\($0)") }
        let texts = events.map { String(decoding: $0.json, as: UTF8.self) }
        for round in 0..<270 {
            for text in texts {
                let time = TestEvent.start + Int64(round) * 10_000
                try bench.take(json: text.replacing("\(TestEvent.start)", with: "\(time)", maxReplacements: 1))
            }
            #expect(bench.alerts.count == (round < 269 ? 0 : 1))
        }
        #expect(bench.engine.size().bytes < 1 << 19)
    }

    @Test("keys that are over give their memory back")
    func memoryComesBack() throws {
        let bench = try Bench(Self.rule("event_count", "gte: 3", extra: "gatewatch: { suppress: { episode: 60s } }"))
        let count = 100_000
        for index in 0..<count {
            try bench.take(
                json:
                    "{\"time\":\(TestEvent.start + Int64(index % 7)),\"metadata\":{\"uid\":\"\(index)\"},\"op\":\"fail\",\"k\":\"key-\(index)\"}"
            )
        }
        let full = bench.engine.size()
        #expect(full.keys == count)
        // A window of one event is what most identities have.
        #expect(full.bytes / count < 400)
        try bench.take([Self.fail(3 * 86_400_000, "late"), Self.fail(6 * 86_400_000, "later")])
        bench.engine.discardChanges()
        let empty = bench.engine.size()
        #expect(empty.keys <= 2)
        #expect(empty.bytes < full.bytes / 4)
        try bench.take(TestEvent(time: 9 * 86_400, uid: "last", fields: ["op": "other"]))
        #expect(bench.engine.size().keys == 0)
        #expect(bench.engine.size().bytes < 1 << 17)
    }

    @Test("keys that live on keep their windows when the memory of the others goes")
    func survivors() throws {
        let bench = try Bench(Self.rule("event_count", "gte: 3"))
        for index in 0..<5000 { try bench.take(Self.fail(0, "a\(index)", key: "key-\(index)")) }
        let survivors = (4980..<5000).map { "key-\($0)" }
        for key in survivors { try bench.take(Self.fail(100_000, "b", key: key)) }
        try bench.take(Self.fail(150_000, "c", key: survivors[0]))
        try bench.take(TestEvent(time: 210, uid: "sweep", fields: ["op": "other"]))
        #expect(bench.engine.size().keys <= survivors.count)
        for key in survivors { try bench.take(Self.fail(155_000, "d", key: key)) }
        #expect(bench.alerts.map { $0.group.first?.value } == [survivors[0]])
        for key in survivors.dropFirst() { try bench.take(Self.fail(160_000, "e", key: key)) }
        #expect(bench.alerts.count == survivors.count)
        #expect(bench.alerts.allSatisfy { $0.relatedEvents.first == "b" })
    }

    @Test("long group values cannot fill memory, and reach correlations over correlations unchanged")
    func longValues() throws {
        let yaml =
            Self.rule("event_count", "gte: 1", extra: "generate: true") + """

                ---
                title: Over it
                name: over
                correlation:
                  type: temporal
                  rules: [many, failed]
                  group-by: [k]
                  timespan: 60s
                """
        let bench = try Bench(yaml)
        for index in 0..<200 {
            try bench.take(
                Self.fail(Int64(index), "e\(index)", key: "\(index)" + String(repeating: "x", count: 10_000)))
        }
        #expect(bench.alerts.count { $0.ruleName == "over" } == 200)
        #expect(bench.engine.size().bytes < 200 * 2500)
    }

    @Test("long event ids are kept within bounds, and across a restart")
    func longIDs() throws {
        let bench = try Bench(Self.rule("event_count", "gte: 3"))
        let huge = String(repeating: "u", count: 100_000)
        try bench.take([Self.fail(0, "1" + huge), Self.fail(1, "2" + huge)])
        let stored = bench.engine.snapshot().rows.reduce(0) { $0 + $1.value.count }
        #expect(stored < 3000)
        #expect(bench.restart() == 0)
        try bench.take(Self.fail(2, "3" + huge))
        let related = try #require(bench.alerts.first?.relatedEvents)
        #expect(related.map { $0.prefix(5) } == ["1uuuu", "2uuuu", "3uuuu"])
        #expect(related.allSatisfy { $0.utf8.count < 600 })
    }

    @Test("another threshold keeps the windows, another group begins afresh")
    func changedRules() throws {
        let bench = try Bench(Self.rule("event_count", "gte: 3"))
        try bench.take([Self.fail(0, "a"), Self.fail(1, "b")])
        let state = bench.engine.snapshot()

        let stricter = try Bench(Self.rule("event_count", "gte: 4"))
        #expect(stricter.engine.restore(state) == 0)
        try stricter.take([Self.fail(2, "c")])
        #expect(stricter.alerts.isEmpty)
        try stricter.take([Self.fail(3, "d")])
        #expect(stricter.alerts.map(\.relatedEvents) == [["a", "b", "c", "d"]])

        let other = try Bench(Self.rule("event_count", "gte: 3", groupBy: "op"))
        #expect(other.engine.restore(state) == state.rows.count)
        try other.take([Self.fail(2, "c"), Self.fail(3, "d")])
        #expect(other.alerts.isEmpty)
        try other.take([Self.fail(4, "e")])
        #expect(other.alerts.map(\.relatedEvents) == [["c", "d", "e"]])
    }

    @Test("a damaged row leaves nothing behind")
    func damagedRow() throws {
        let bench = try Bench(Self.rule("event_count", "gte: 3"))
        try bench.take([Self.fail(0, "a"), Self.fail(1, "b")])
        let rows = bench.engine.snapshot().rows.map {
            EngineState.Row(state: $0.state, key: $0.key, value: Array($0.value.dropLast(1)))
        }
        let fresh = try Bench(Self.rule("event_count", "gte: 3"))
        #expect(fresh.engine.restore(EngineState(newest: TestEvent.start, rows: rows)) == rows.count)
        #expect(fresh.engine.size().keys == 0)
        try fresh.take([Self.fail(2, "c"), Self.fail(3, "d")])
        #expect(fresh.alerts.isEmpty)
        try fresh.take([Self.fail(4, "e")])
        #expect(fresh.alerts.map(\.relatedEvents) == [["c", "d", "e"]])
    }
}
