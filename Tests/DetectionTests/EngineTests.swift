// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar
import Detection
import Foundation
import Testing

@Suite("Engine")
struct EngineTests {
    static let base = """
        title: Login failed
        name: failed
        logsource: { category: test }
        detection:
          selection: { op: fail }
          condition: selection
        """

    static func count(_ limit: Int, _ extra: String = "") -> String {
        base + """

            ---
            title: Many
            name: many
            correlation:
              type: event_count
              rules: [failed]
              group-by: [k]
              timespan: 60s
              condition: { gte: \(limit) }
            \(extra)
            """
    }

    private func events(_ times: [Int64], key: String = "ana") -> [TestEvent] {
        times.enumerated().map { TestEvent(time: $1, uid: "\(key)-\($0)", fields: ["op": "fail", "k": key]) }
    }

    @Test("fires at the threshold and not one before it")
    func threshold() throws {
        #expect(try Bench.run(Self.count(3), events([0, 1])).isEmpty)
        let alerts = try Bench.run(Self.count(3), events([0, 1, 2]))
        #expect(alerts.count == 1)
        #expect(alerts.first?.relatedEvents == ["ana-0", "ana-1", "ana-2"])
        #expect(alerts.first?.group.map(\.field) == ["k"])
        #expect(alerts.first?.group.map(\.value) == ["ana"])
        #expect(alerts.first?.time == 1_700_000_002_000)
        #expect(alerts.first?.firstTime == 1_700_000_000_000)
    }

    @Test("includes both edges of the window and nothing past them")
    func windowEdges() throws {
        #expect(try Bench.run(Self.count(2), events([0, 60])).count == 1)
        #expect(try Bench.run(Self.count(2), events([0, 61])).isEmpty)
    }

    @Test("refuses what is later than the lateness, and takes what is exactly as late")
    func lateness() throws {
        let bench = try Bench(Self.count(2), lateness: 10_000)
        try bench.take(TestEvent(time: 100, uid: "now", fields: ["op": "other", "k": "ana"]))
        try bench.take(TestEvent(time: 90, uid: "edge", fields: ["op": "fail", "k": "ana"]))
        try bench.take(TestEvent(time: 89, uid: "late", fields: ["op": "fail", "k": "ana"]))
        #expect(bench.late == ["late"])
        #expect(bench.alerts.isEmpty)
    }

    @Test("suppresses within an episode and announces the next one under another id")
    func episodes() throws {
        let yaml = Self.count(2, "gatewatch: { suppress: { episode: 120s } }")
        let times: [Int64] = [0, 1, 2, 3, 100, 101, 102, 400, 401]
        let alerts = try Bench.run(yaml, events(times))
        #expect(alerts.count == 2)
        #expect(Set(alerts.map(\.id)).count == 2)
    }

    @Test("fires at every event that holds when nothing is suppressed")
    func noSuppression() throws {
        let alerts = try Bench.run(Self.count(2), events([0, 1, 2, 3]), suppresses: false)
        #expect(alerts.map { $0.relatedEvents.last } == ["ana-1", "ana-2", "ana-3"])
    }

    @Test("groups by every field, and leaves out events that lack one")
    func groups() throws {
        var stream = events([0, 1], key: "ana")
        stream.append(TestEvent(time: 2, uid: "none", fields: ["op": "fail"]))
        stream += events([3, 4], key: "ben")
        #expect(try Bench.run(Self.count(3), stream).isEmpty)
    }

    @Test("keeps no state of groups that have been quiet for longer than the window")
    func expiry() throws {
        let bench = try Bench(Self.count(3))
        for index in 0..<1000 {
            try bench.take(
                TestEvent(time: Int64(index), uid: "u\(index)", fields: ["op": "fail", "k": "key-\(index)"]))
        }
        #expect(bench.engine.size().keys > 50)
        try bench.take(TestEvent(time: 100_000, uid: "last", fields: ["op": "fail", "k": "last"]))
        try bench.take(TestEvent(time: 200_000, uid: "last2", fields: ["op": "other"]))
        #expect(bench.engine.size().cells == 0)
        #expect(bench.engine.size().keys == 0)
    }

    @Test(
        "stays within bounds for one key that never stops",
        arguments: [
            ("event_count", 20_000), ("event_count", 1_000_000_000), ("value_count", 20_000),
            ("value_sum", 1_000_000_000),
        ])
    func boundedState(kind: String, limit: Int) throws {
        let field = kind == "event_count" ? "" : "field: v, "
        let yaml =
            Self.base + """

                ---
                title: Many
                name: many
                correlation:
                  type: \(kind)
                  rules: [failed]
                  group-by: [k]
                  timespan: 30d
                  condition: { \(field)gte: \(limit) }
                """
        let bench = try Bench(yaml, lateness: 1000)
        for index in 0..<200_000 {
            try bench.take(
                TestEvent(
                    time: Int64(index), uid: "e\(index)", fields: ["op": "fail", "k": "ana"],
                    numbers: ["v": Double(index % 50)]))
        }
        #expect(bench.engine.size().bytes < 8 << 20)
    }

    @Test("sums exactly, also after neighbours were merged")
    func longSums() throws {
        let yaml =
            Self.base + """

                ---
                title: Sum
                name: sum
                correlation:
                  type: value_sum
                  rules: [failed]
                  group-by: [k]
                  timespan: 30d
                  condition: { field: v, gte: 30000 }
                """
        let bench = try Bench(yaml, suppresses: false, lateness: 1000)
        for index in 0..<10_000 {
            try bench.take(
                TestEvent(time: Int64(index), uid: "e\(index)", fields: ["op": "fail", "k": "ana"], numbers: ["v": 3]))
        }
        #expect(bench.alerts.count == 1)
        #expect(bench.alerts.first?.value == 30_000)
    }

    @Test("says first_seen once per new value, after the learning period")
    func firstSeen() throws {
        let yaml = """
            title: New connection
            name: new
            logsource: { category: test }
            detection:
              selection: { op: use }
              condition: selection
            gatewatch:
              first_seen: { field: v, group-by: [k], history: 10d, learning: 1h }
            """
        func use(_ time: Int64, _ value: String, _ uid: String) -> TestEvent {
            TestEvent(time: time, uid: uid, fields: ["op": "use", "k": "ana", "v": value])
        }
        let stream = [
            use(0, "a", "1"), use(10, "b", "2"), use(3599, "c", "3"), use(3600, "d", "4"), use(3700, "d", "5"),
            use(3800, "a", "6"), use(900_000, "b", "7"),
        ]
        // b comes again after more than ten days: new once more.
        #expect(try Bench.run(yaml, stream).map { $0.relatedEvents } == [["4"], ["7"]])
    }

    @Test("fires only outside of the calendar")
    func outside() throws {
        let calendar = try ICalendar(
            text: """
                BEGIN:VCALENDAR\r
                VERSION:2.0\r
                PRODID:-//t//t//EN\r
                BEGIN:VEVENT\r
                UID:1\r
                DTSTAMP:20230101T000000Z\r
                DTSTART:20231114T221320Z\r
                DTEND:20231114T221330Z\r
                END:VEVENT\r
                END:VCALENDAR\r

                """, file: "test.ics")
        let yaml = Self.base + "\ngatewatch: { outside: test.ics }"
        let bench = try Bench(yaml, calendar: calendar)
        // The window begins at second 0 of the test's clock and ends before second 10.
        try bench.take(events([0, 9, 10]))
        #expect(bench.alerts.map { $0.relatedEvents } == [["ana-2"]])
    }

    @Test("gives a single event's alert the same id each time, and another event's another")
    func eventAlerts() throws {
        let alerts = try Bench.run(Self.base, events([0, 1]))
        let again = try Bench.run(Self.base, events([0, 1]))
        #expect(alerts.count == 2)
        #expect(alerts.map(\.id) == again.map(\.id))
        #expect(Set(alerts.map(\.id)).count == 2)
    }

    @Test("raises nothing for a rule that others refer to, unless they generate")
    func generate() throws {
        #expect(try Bench.run(Self.count(5), events([0])).isEmpty)
        #expect(try Bench.run(Self.count(5, "generate: true"), events([0])).map(\.ruleName) == ["failed"])
    }

    @Test("tells long ids in full")
    func longIDs() throws {
        let long = String(repeating: "x", count: 40)
        let stream = (0..<3).map { TestEvent(time: Int64($0), uid: "\(long)\($0)", fields: ["op": "fail", "k": "a"]) }
        let bench = try Bench(Self.count(3))
        try bench.take(Array(stream[..<2]))
        #expect(bench.restart() == 0)
        try bench.take(stream[2])
        #expect(bench.alerts.first?.relatedEvents == ["\(long)0", "\(long)1", "\(long)2"])
    }

    @Test("cuts group values that are absurdly long, and keeps them apart")
    func longGroups() throws {
        let long = String(repeating: "x", count: 5000)
        let stream = ["\(long)a", "\(long)b"].enumerated().map {
            TestEvent(time: Int64($0), uid: "e\($0)", fields: ["op": "fail", "k": $1])
        }
        #expect(try Bench.run(Self.count(2), stream).isEmpty)
        #expect(try Bench.run(Self.count(1), stream).count == 2)
    }

    @Test("writes an alert as an OCSF Detection Finding")
    func ocsf() throws {
        let alert = try #require(try Bench.run(Self.count(2), events([0, 1])).first)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(alert.ocsf())) as? [String: Any])
        #expect(object["class_uid"] as? Int == 2004)
        #expect(object["type_uid"] as? Int == 200401)
        let info = try #require(object["finding_info"] as? [String: Any])
        #expect(info["uid"] as? String == alert.id)
        #expect(info["title"] as? String == "Many")
        #expect((info["analytic"] as? [String: Any])?["uid"] as? String == "many")
        #expect((info["related_events"] as? [[String: String]])?.compactMap { $0["uid"] } == ["ana-0", "ana-1"])
        #expect(((object["unmapped"] as? [String: Any])?["group"] as? [String: String]) == ["k": "ana"])
        #expect(object["time"] as? Int64 == 1_700_000_001_000)
    }

    @Test("leaves out rows that are damaged instead of failing")
    func damagedState() throws {
        let bench = try Bench(Self.count(3))
        try bench.take(events([0, 1]))
        let good = bench.engine.snapshot()
        let rows = good.rows.map { EngineState.Row(state: $0.state, key: $0.key, value: Array($0.value.dropLast(3))) }
        let engine = Engine(plan: bench.plan)
        #expect(engine.restore(EngineState(newest: good.newest, rows: rows)) == rows.count)
    }
}
