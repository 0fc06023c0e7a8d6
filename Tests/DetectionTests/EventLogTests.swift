// SPDX-License-Identifier: Apache-2.0

import Detection
import Testing

/// Windows of the same keys share their events until one comes near its limit: nothing of that may show.
@Suite("Windows that share their events") struct EventLogTests {
    private struct Event {
        var time: Int64
        var uid: String
        var key: String
        var value: Double
        var names: [String]

        var json: String {
            let names = names.map { "\"\($0)\"" }.joined(separator: ",")
            return
                #"{"time":\#(TestEvent.start + time),"metadata":{"uid":"\#(uid)"},"op":"x","k":"\#(key)","v":\#(value),"n":[\#(names)]}"#
        }
    }

    private static let hour: Int64 = 3_600_000

    private static func rules(_ correlations: [String] = ["many", "much", "slow", "wide"]) -> String {
        let all = [
            "many": "type: event_count, timespan: 1h, condition: { gte: 50 }",
            "much": "type: value_sum, timespan: 1h, condition: { field: v, gte: 10000 }",
            "slow": "type: value_sum, timespan: 6h, condition: { field: v, gt: 30000 }",
            "wide": "type: value_count, timespan: 1h, condition: { field: n, gte: 20 }",
        ]
        let detection = """
            title: x
            name: x
            logsource: { category: test }
            detection: { selection: { op: x }, condition: selection }
            level: low
            """
        return
            ([detection]
            + correlations.map { name in
                """
                title: \(name)
                name: \(name)
                correlation: { rules: [x], group-by: [k], \(all[name] ?? "") }
                level: high
                """
            }).joined(separator: "\n---\n")
    }

    /// Which events fire by which rule, from all events of a key at once.
    private static func expected(_ events: [Event]) -> Set<String> {
        var fired: Set<String> = []
        for (_, events) in Dictionary(grouping: events, by: \.key) {
            for event in events {
                func window(_ span: Int64) -> [Event] {
                    events.filter { other in
                        other.time >= event.time - span
                            && (other.time < event.time
                                || other.time == event.time
                                    && (other.uid.count, other.uid) <= (event.uid.count, event.uid))
                    }
                }
                let (short, long) = (window(hour), window(6 * hour))
                if short.count >= 50 { fired.insert("many \(event.uid)") }
                if short.reduce(0, { $0 + $1.value }) >= 10000 { fired.insert("much \(event.uid)") }
                if long.reduce(0, { $0 + $1.value }) > 30000 { fired.insert("slow \(event.uid)") }
                if Set(short.flatMap(\.names)).count >= 20 { fired.insert("wide \(event.uid)") }
            }
        }
        return fired
    }

    /// A day of three keys with bursts, in order of time.
    private static func day(_ generator: inout SeededGenerator, odd: Bool) -> [Event] {
        var events: [Event] = []
        for key in ["a", "b", "c"] {
            var time: Int64 = 0
            var isBusy = false
            while time < 24 * hour {
                if Int.random(in: 0..<60, using: &generator) == 0 { isBusy.toggle() }
                time += Int64.random(in: 0...(isBusy ? 90_000 : 900_000), using: &generator)
                var value = Double(Int.random(in: 0...400, using: &generator))
                // What does not fit into 32 bits, and what is not whole.
                if odd, key == "b", Int.random(in: 0..<40, using: &generator) == 0 { value += 0.25 }
                if odd, key == "c", Int.random(in: 0..<200, using: &generator) == 0 { value = 5e9 }
                let names = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
                    "n\(Int.random(in: 0..<(isBusy ? 40 : 4), using: &generator))"
                }
                // Also ids that are kept as their hash.
                let uid = "e\(events.count)" + (odd && events.count % 7 == 0 ? "-of-more-than-fifteen-bytes" : "")
                events.append(Event(time: time, uid: uid, key: key, value: value, names: Array(Set(names)).sorted()))
            }
        }
        return events.sorted { ($0.time, $0.uid) < ($1.time, $1.uid) }
    }

    private static func fired(_ alerts: [Alert]) -> [String] {
        alerts.map { "\($0.ruleName) \($0.relatedEvents.last ?? "")" }.sorted()
    }

    @Test("fire at the events at which each by itself would", arguments: 0..<8)
    func equal(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let events = Self.day(&generator, odd: seed % 2 == 1)
        let expected = Self.expected(events)
        try #require(expected.count > 100)
        var late = events.map { ($0.time + Int64.random(in: 0..<60_000, using: &generator), $0) }
        late += late.filter { _ in Int.random(in: 0..<20, using: &generator) == 0 }.map { ($0.0 + 1_000, $0.1) }
        late.sort { $0.0 < $1.0 }
        for restarts in [0, 200, 5] {
            let bench = try Bench(Self.rules(), suppresses: false)
            for (_, event) in late {
                try bench.take(json: event.json)
                if restarts > 0, Int.random(in: 0..<restarts, using: &generator) == 0 { #expect(bench.restart() == 0) }
            }
            bench.finish()
            #expect(bench.late == [])
            let fired = Self.fired(bench.alerts)
            #expect(fired.count == Set(fired).count, "seed \(seed): an alert came twice")
            let difference = Set(fired).symmetricDifference(expected).sorted().prefix(5)
            #expect(difference.isEmpty, "seed \(seed), a restart in \(restarts)")
        }
    }

    /// Ten rules count events by what names they have, in any combination, two others count the names and add up the values.
    @Test("events of more than 255 combinations of rules fire as each rule by itself would", arguments: [0, 100, 5])
    func combinations(restarts: Int) throws {
        func document(_ name: String, _ body: String) -> String {
            "title: \(name)\nname: \(name)\n\(body)\nlevel: high"
        }
        func correlation(_ name: String, of rule: String, _ text: String) -> String {
            document(name, "correlation: { rules: [\(rule)], group-by: [k], timespan: 1h, \(text) }")
        }
        var rules: [String] = []
        for number in 0..<10 {
            let selection = "detection: { selection: { n: n\(number) }, condition: selection }"
            rules.append(document("x\(number)", "logsource: { category: test }\n\(selection)"))
            rules.append(correlation("r\(number)", of: "x\(number)", "type: event_count, condition: { gte: 38 }"))
        }
        rules.append(
            correlation("wide", of: "x1", "type: value_count, condition: { field: n, gte: 18 }"))
        rules.append(correlation("much", of: "x2", "type: value_sum, condition: { field: v, gte: 1500000 }"))
        var generator = SeededGenerator(seed: UInt64(restarts))
        var events: [Event] = []
        for number in 0..<800 {
            let names = (0..<24).filter { Int.random(in: 0..<($0 < 10 ? 2 : 60), using: &generator) == 0 }.map {
                "n\($0)"
            }
            let time = (events.last?.time ?? 0) + Int64.random(in: 0...100_000, using: &generator)
            let value = [3.0, 700, 100_000][Int.random(in: 0..<3, using: &generator)]
            events.append(Event(time: time, uid: "e\(number)", key: "a", value: value, names: names))
        }
        events.sort { ($0.time, $0.uid.count, $0.uid) < ($1.time, $1.uid.count, $1.uid) }
        var expected: Set<String> = []
        var first = 0
        for (place, event) in events.enumerated() {
            while events[first].time < event.time - Self.hour { first += 1 }
            let window = events[first...place]
            for number in 0..<10 where event.names.contains("n\(number)") {
                if window.count(where: { $0.names.contains("n\(number)") }) >= 38 {
                    expected.insert("r\(number) \(event.uid)")
                }
            }
            let (wide, much) = (
                window.filter { $0.names.contains("n1") }, window.filter { $0.names.contains("n2") }
            )
            if event.names.contains("n1"), Set(wide.flatMap(\.names)).count >= 18 {
                expected.insert("wide \(event.uid)")
            }
            if event.names.contains("n2"), much.reduce(0, { $0 + $1.value }) >= 1_500_000 {
                expected.insert("much \(event.uid)")
            }
        }
        for start in ["r0 ", "r9 ", "wide ", "much "] {
            let count = expected.count { $0.hasPrefix(start) }
            try #require(count > 5 && count < 700)
        }
        var late = events.map { ($0.time + Int64.random(in: 0..<60_000, using: &generator), $0) }
        late.sort { $0.0 < $1.0 }
        let bench = try Bench(rules.joined(separator: "\n---\n"), suppresses: false)
        for (_, event) in late {
            try bench.take(json: event.json)
            if restarts > 0, Int.random(in: 0..<restarts, using: &generator) == 0 { #expect(bench.restart() == 0) }
        }
        bench.finish()
        #expect(bench.late == [])
        let difference = Set(Self.fired(bench.alerts)).symmetricDifference(expected).sorted().prefix(5)
        #expect(difference.isEmpty)
    }

    @Test("a key with more events than are shared goes on alone, to the event")
    func manyEvents() throws {
        let rules = Self.rules(["slow"]).replacing("field: v, gt: 30000", with: "field: v, gte: 9000")
        let bench = try Bench(rules, suppresses: false)
        for number in 0..<9_001 {
            try bench.take(
                json: Event(time: Int64(number) * 1_000, uid: "e\(number)", key: "a", value: 1, names: []).json)
            if number == 8_998 { #expect(bench.alerts.isEmpty) }
        }
        // Past 4,096 events a sum begins where the 1/1024 of the timespan begins in which its edge lies: none is out here.
        #expect(bench.alerts.first?.relatedEvents.last == "e8999")
        #expect(bench.engine.size().bytes < 1 << 20)
    }

    @Test("a rule that is added leaves the others what they have counted, and one that goes too")
    func otherRules() throws {
        let bench = try Bench(Self.rules(["many", "wide"]), suppresses: false)
        for number in 0..<20 {
            try bench.take(
                json: Event(
                    time: Int64(number) * 1_000, uid: "e\(number)", key: "a", value: 400, names: ["n\(number % 9)"]
                )
                .json)
        }
        let state = bench.engine.snapshot()
        // The channels come in another order, and one of them is gone.
        let other = try Bench(Self.rules(["much", "wide", "slow"]), suppresses: false)
        #expect(other.engine.restore(state) == 0)
        for number in 20..<31 {
            try other.take(
                json: Event(time: Int64(number) * 1_000, uid: "e\(number)", key: "a", value: 400, names: ["n\(number)"])
                    .json)
        }
        other.finish()
        #expect(Self.fired(other.alerts) == ["wide e30"])
    }

    @Test("a rule for which other rules leave no room keeps what was counted", arguments: ["many", "wide"])
    func noRoom(rule: String) throws {
        func take(_ numbers: Range<Int>, _ bench: Bench) throws {
            for number in numbers {
                try bench.take(
                    json: Event(
                        time: Int64(number) * 1_000, uid: "e\(number)", key: "a", value: 1, names: ["n\(number)"]
                    )
                    .json)
            }
        }
        let bench = try Bench(Self.rules([rule, "much"]), suppresses: false)
        try take(0..<9, bench)
        // As many windows as one log has room for.
        let others = (0..<32).map { number in
            """
            title: other \(number)
            name: other\(number)
            correlation: { type: value_sum, rules: [x], group-by: [k], timespan: 1h, condition: { field: v, gte: 10000 } }
            level: high
            """
        }
        let rules = Self.rules([rule]).split(separator: "\n---\n").map { String($0) }
        let yaml = ([rules[0]] + others + [rules[1]]).joined(separator: "\n---\n")
        let other = try Bench(yaml, suppresses: false)
        #expect(other.engine.restore(bench.engine.snapshot()) == 0)
        // And a row of its own, once it has one, stands for all of it.
        try take(9..<11, other)
        #expect(other.restart() == 0)
        try take(11..<50, other)
        let first = rule == "many" ? 49 : 19
        #expect(Self.fired(other.alerts).count == 50 - first)
        #expect(other.alerts.first?.relatedEvents.last == "e\(first)")
    }

    @Test(
        "an id that comes back with another number counts twice, in either order",
        arguments: [[400, 401], [401, 400]])
    func sameID(values: [Double]) throws {
        let bench = try Bench(Self.rules(["much"]), suppresses: false)
        for value in values + values {
            try bench.take(json: Event(time: 0, uid: "e0", key: "a", value: value, names: []).json)
        }
        for number in 1..<24 {
            #expect(bench.alerts.isEmpty)
            try bench.take(
                json: Event(time: Int64(number) * 1_000, uid: "e\(number)", key: "a", value: 400, names: []).json)
        }
        #expect(Self.fired(bench.alerts) == ["much e23"])
    }

    @Test("after a silence of more than 49 days the next event has its own time")
    func silence() throws {
        let rules = Self.rules(["many"]).replacing("1h, condition: { gte: 50 }", with: "40d, condition: { gte: 3 }")
        let bench = try Bench(rules, suppresses: false)
        let day = 24 * Self.hour
        // The other key makes the sweep come between; the next one is due in 20 days.
        for (time, key) in [(0, "a"), (30 * day, "b"), (50 * day - 2000, "a"), (50 * day - 1000, "a"), (50 * day, "a")]
        {
            #expect(bench.alerts.isEmpty)
            try bench.take(json: Event(time: time, uid: "e\(time)", key: key, value: 1, names: []).json)
        }
        #expect(Self.fired(bench.alerts) == ["many e\(50 * day)"])
    }

    @Test("events that come much earlier than the first one are put before it")
    func early() throws {
        let bench = try Bench(Self.rules(["many"]), suppresses: false, lateness: 2 * Self.hour)
        for number in (0..<50).reversed() {
            try bench.take(
                json: Event(time: Int64(number) * 70_000, uid: "e\(number)", key: "a", value: 1, names: []).json)
        }
        #expect(Self.fired(bench.alerts) == ["many e49"])
    }

    @Test("one below each limit stays silent, the limit fires, and the same event once more does not")
    func limits() throws {
        for (rule, steps) in [("many", 50), ("much", 25), ("wide", 20)] {
            let bench = try Bench(Self.rules([rule]), suppresses: false)
            for number in 0..<steps {
                #expect(bench.alerts.isEmpty, "\(rule), \(number)")
                let event = Event(
                    time: Int64(number) * 1_000, uid: "e\(number)", key: "a", value: 400, names: ["n\(number)"])
                try bench.take(json: event.json)
                try bench.take(json: event.json)
            }
            #expect(Self.fired(bench.alerts) == ["\(rule) e\(steps - 1)"])
        }
    }

    @Test("at the end of the window an event counts, a millisecond past it does not", arguments: [(0, 1), (1, 0)])
    func edge(past: Int64, alerts: Int) throws {
        let bench = try Bench(Self.rules(["many"]), suppresses: false)
        for number in 0..<49 {
            try bench.take(json: Event(time: Int64(number), uid: "e\(number)", key: "a", value: 1, names: []).json)
        }
        try bench.take(json: Event(time: Self.hour + past, uid: "last", key: "a", value: 1, names: []).json)
        #expect(bench.alerts.count == alerts)
    }
}
