// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Foundation
import Testing

/// Whether firings are one alert, and whether that alert has one id whatever the order of arrival.
@Suite("Episodes")
struct EpisodeTests {
    /// Every `op: fail` fires; firings of one `k` that follow each other within 90 s are one alert. The lateness is 60 s.
    static let yaml = EngineTests.base + "\ngatewatch: { suppress: { episode: 90s, group-by: [k] } }"

    private func ids(_ events: [TestEvent], restarting: Bool = false) throws -> [String] {
        let bench = try Bench(Self.yaml)
        for event in events {
            try bench.take(event)
            if restarting { #expect(bench.restart() == 0) }
        }
        #expect(bench.late.isEmpty)
        bench.finish()
        return bench.alerts.map(\.id).sorted()
    }

    private func fail(_ seconds: Double, _ uid: String, key: String = "ana") -> TestEvent {
        EdgeTests.fail(Int64(seconds * 1000), uid, key: key)
    }

    @Test("go on as long as a firing follows within the gap, to the millisecond")
    func gap() throws {
        #expect(try ids([fail(0, "a"), fail(90, "b")]).count == 1)
        #expect(try ids([fail(0, "a"), fail(90.001, "b")]).count == 2)
        #expect(try ids([fail(0, "a"), fail(90, "b"), fail(180, "c")]).count == 1)
    }

    @Test("that a late firing could still join to the one before are announced when none can come")
    func waitsForTheGap() throws {
        // 110 is more than the gap after 0, but 80 would bridge it.
        let tail = fail(300, "end", key: "ben")
        let alone = try ids([fail(0, "a"), fail(110, "c"), tail])
        #expect(alone.count == 3)
        for middle in permutations([fail(80, "b"), fail(110, "c")]) {
            #expect(try ids([fail(0, "a")] + middle + [tail]).count == 2)
        }
        // 95 does not bridge it: the same second alert, whichever of the two comes first.
        for middle in permutations([fail(95, "b"), fail(110, "c"), fail(120, "d")]) {
            #expect(try ids([fail(0, "a")] + middle + [tail]) == alone)
            #expect(try ids([fail(0, "a")] + middle + [tail], restarting: true) == alone)
        }
    }

    @Test("whose announcement waits come once the watermark has passed the firing")
    func whenItIsAnnounced() throws {
        let bench = try Bench(Self.yaml)
        try bench.take([fail(0, "a"), fail(110, "c")])
        #expect(bench.alerts.map { $0.relatedEvents.last } == ["a"])
        let other = ["op": "other"]
        try bench.take(TestEvent(time: 170, uid: "d", fields: other))
        #expect(bench.alerts.count == 1)
        try bench.take(TestEvent(time: 170, fraction: 1, uid: "e", fields: other))
        #expect(bench.alerts.map { $0.relatedEvents.last } == ["a", "c"])
        try bench.take(fail(175, "f"))
        bench.finish()
        #expect(bench.alerts.count == 2)
    }

    @Test("far from any edge are announced at once")
    func atOnce() throws {
        let bench = try Bench(Self.yaml)
        let keys = (0..<500).map { "key-\($0)" }
        for (index, key) in keys.enumerated() { try bench.take(fail(0, "a\(index)", key: key)) }
        // A key in about 1440 is within a minute of its day's turn.
        #expect(bench.alerts.count >= 490)
    }

    @Test("around the turn of each key's day have one id in any order, and one alert")
    func turnOfDay() throws {
        let keys = (0..<20_000).map { "key-\($0)" }
        let early = keys.map { fail(10, "a", key: $0) }
        let late = keys.map { fail(45, "b", key: $0) }
        var expected: [String]?
        for order in [early + late, late + early] {
            let bench = try Bench(Self.yaml)
            try bench.take(order)
            let atOnce = bench.alerts.count
            bench.finish()
            // Some had to wait, or this tests nothing.
            #expect(atOnce < keys.count)
            #expect(bench.alerts.count == keys.count)
            let ids = bench.alerts.map(\.id).sorted()
            #expect(Set(ids).count == keys.count)
            if let expected { #expect(ids == expected) } else { expected = ids }
        }
    }

    @Test("that are long over have the id that they would have without the older one, whatever was swept")
    func longAgo() throws {
        // The gap and a day after the last firing, its time names the next episode no more.
        let edge = 90.0 + 86_400
        let stream = [fail(0, "a"), fail(edge, "b"), fail(3 * edge, "c"), fail(5 * edge + 0.001, "d")]
        let plain = try ids(stream)
        #expect(plain.count == 4)
        #expect(Set(plain).count == 4)
        #expect(try ids(stream, restarting: true) == plain)
        // Traffic of others in between sweeps at other moments.
        var busy = stream
        for hour in 0..<125 { busy.append(fail(Double(hour) * 3600 + 7, "other\(hour)", key: "k\(hour)")) }
        busy.sort { $0.offset < $1.offset }
        #expect(Set(try ids(busy)).isSuperset(of: plain))
        #expect(Set(try ids(busy, restarting: true)).isSuperset(of: plain))
        // Alone, the last firing is a first one, and has the same id.
        #expect(plain.contains(try #require(try ids([stream[3]]).first)))
    }

    @Test("have an id that does not depend on when memory was swept")
    func sweptOrNot() throws {
        let yaml = Self.yaml.replacing("90s", with: "1d")
        let day = 86_400.0
        let pair = [fail(0, "a"), fail(2 * day + 3600, "b")]
        // Just before the first firing could be forgotten: the next look at it is six hours later.
        let before = fail(2 * day - 3600, "c", key: "ben")
        let plain = try Bench.run(yaml, pair).map(\.id)
        #expect(plain.count == 2)
        #expect(Set(try Bench.run(yaml, [pair[0], before, pair[1]]).map(\.id)).isSuperset(of: plain))
    }

    @Test("of a correlation over a deferred one are the same in any order")
    func overDeferred() throws {
        let yaml =
            EdgeTests.rule("event_count", "lte: 2", timespan: "10s", extra: "generate: true") + """

                ---
                title: Over it
                name: over
                correlation:
                  type: event_count
                  rules: [many]
                  group-by: [k]
                  timespan: 30s
                  condition: { gte: 2 }
                gatewatch: { suppress: { episode: 65s } }
                """
        let events = [0, 8, 75, 76, 110, 140, 141].map { fail($0, "e\($0)") }
        let expected = try Bench.run(yaml, events).map(\.id).sorted()
        #expect(!expected.isEmpty)
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<50 {
            #expect(try Bench.run(yaml, shuffled(events, within: 60, &generator)).map(\.id).sorted() == expected)
        }
    }

    @Test("of a number that was reused, or swept before the change was stored, trap nobody")
    func changesAfterSweeps() throws {
        let bench = try Bench(Self.yaml)
        // Every firing after the gap waits, so drafts come and go; keys are swept two days later, before anything is stored.
        for round in 0..<4 {
            let start = Double(round) * 4 * 86_400
            for index in 0..<50 {
                let key = "round-\(round)-\(index)"
                try bench.take(fail(start + Double(index) * 200, "\(key)a", key: key))
                try bench.take(fail(start + Double(index) * 200 + 100, "\(key)b", key: key))
            }
        }
        let rows = Set(bench.engine.snapshot().rows.map(\.key))
        let changed = bench.engine.takeChanges().filter { $0.value != nil }.map(\.key)
        #expect(Set(changed) == rows)
    }
}

@Suite("first_seen")
struct FirstSeenTests {
    static let yaml = """
        title: New connection
        name: new
        logsource: { category: test }
        detection:
          selection: { op: use }
          condition: selection
        gatewatch:
          first_seen: { field: v, group-by: [k], history: 10d, learning: 1h }
        """

    private func use(_ time: Int64, _ value: String, _ uid: String, key: String = "ana") -> TestEvent {
        TestEvent(time: time, uid: uid, fields: ["op": "use", "k": key, "v": value])
    }

    @Test("says the same in any order, also at the end of the learning period")
    func learningEdge() throws {
        let start = use(0, "a", "1")
        let cases: [([TestEvent], Int)] = [
            ([use(3590, "b", "2"), use(3610, "b", "3")], 0),
            ([use(3600, "b", "2"), use(3610, "b", "3")], 1),
            ([use(3599, "b", "2"), use(3600, "c", "3"), use(3640, "b", "4")], 1),
        ]
        for (events, expected) in cases {
            var all: Set<[String]> = []
            for order in permutations(events) {
                let alerts = try Bench.run(Self.yaml, [start] + order)
                #expect(alerts.count == expected, "\(order.map(\.uid))")
                all.insert(alerts.map(\.id).sorted())
            }
            #expect(all.count == 1)
        }
    }

    @Test("learns for longer than the lateness, or a late first event would change the past")
    func shortLearning() throws {
        let yaml = Self.yaml.replacing("learning: 1h", with: "learning: 30s")
        for order in permutations([use(20, "a", "1"), use(50, "a", "2"), use(75, "b", "3")]) {
            #expect(try Bench.run(yaml, order).isEmpty, "\(order.map(\.uid))")
        }
        #expect(try Bench.run(yaml, [use(20, "a", "1"), use(81, "b", "2")]).count == 1)
    }

    @Test("knows what was seen while learning, at any hour, and keeps nothing for ever")
    func learnedAtTheTurnOfDay() throws {
        let bench = try Bench(Self.yaml)
        let keys = (0..<5000).map { "key-\($0)" }
        for key in keys { try bench.take(use(0, "a", "1", key: key)) }
        // Two days later it is known; b is new.
        for key in keys { try bench.take(use(2 * 86_400, "a", "2", key: key)) }
        bench.finish()
        #expect(bench.alerts.isEmpty)
        for key in keys { try bench.take(use(2 * 86_400 + 10, "b", "3", key: key)) }
        bench.finish()
        #expect(bench.alerts.count == keys.count)
        for day in [20, 40, 60] { try bench.take(use(Int64(day) * 86_400, "z", "z\(day)", key: "last")) }
        #expect(bench.engine.size().keys <= 4)
    }

    @Test("feeds what counts it once, though its own alert waits")
    func feedsOnce() throws {
        let yaml =
            Self.yaml + """

                ---
                title: New reach
                name: reach
                correlation:
                  type: event_count
                  rules: [new]
                  group-by: [k]
                  timespan: 1d
                  condition: { gte: 2 }
                """
        let bench = try Bench(yaml)
        let keys = (0..<5000).map { "key-\($0)" }
        for key in keys { try bench.take(use(0, "a", "1", key: key)) }
        for key in keys { try bench.take(use(7200 + 30, "b", "2", key: key)) }
        for key in keys { try bench.take(use(7200, "b", "3", key: key)) }
        bench.finish()
        #expect(bench.alerts.isEmpty)
        for key in keys { try bench.take(use(7300, "c", "4", key: key)) }
        bench.finish()
        #expect(bench.alerts.count == keys.count)
    }
}
