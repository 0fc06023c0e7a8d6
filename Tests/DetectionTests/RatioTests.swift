// SPDX-License-Identifier: Apache-2.0

import Detection
import Foundation
import Sigma
import Testing
import YAMLDocument

@Suite("gatewatch: ratio")
struct RatioTests {
    /// Fires for training data read by who otherwise does inference.
    static func rules(_ limit: String = "gte: 0.95", minimum: String = "{ events: 20, days: 3 }") -> String {
        """
        title: Inference
        name: inference
        level: informational
        logsource: { category: test }
        detection: { selection: { op: infer }, condition: selection }
        ---
        title: Any access
        name: access
        level: informational
        logsource: { category: test }
        detection: { selection: { op: [infer, read] }, condition: selection }
        ---
        title: Training data read by an inference identity
        name: reader
        logsource: { category: test }
        detection: { selection: { op: read }, condition: selection }
        gatewatch:
          ratio: { of: inference, to: access, group-by: identity, \(limit), history: 30d, minimum: \(minimum) }
        """
    }

    private func events(_ op: String, _ identity: String, days: Range<Int>, aDay: Int, at hour: Int = 9) -> [TestEvent]
    {
        days.flatMap { day in
            (0..<aDay).map { i in
                let time = Int64(day) * 86_400 + Int64(hour) * 3600 + Int64(i) * 60
                return TestEvent(
                    time: time, uid: "\(op)-\(identity)-\(time)", fields: ["op": op, "identity": identity])
            }
        }
    }

    private func run(_ events: [TestEvent], _ yaml: String = rules()) throws -> [Alert] {
        try Bench.run(yaml, events.sorted { ($0.offset, $0.uid) < ($1.offset, $1.uid) })
    }

    @Test("fires for who has had the share, not for who mixes")
    func share() throws {
        let ana = events("infer", "ana", days: 0..<5, aDay: 20)
        let ben = events("infer", "ben", days: 0..<5, aDay: 18) + events("read", "ben", days: 0..<5, aDay: 2, at: 10)
        let reads = events("read", "ana", days: 6..<7, aDay: 1) + events("read", "ben", days: 6..<7, aDay: 1)
        #expect(try run(ana + ben + reads).map(\.identity) == ["ana"])
    }

    @Test("the share itself fires: 19 of 20, and not less")
    func edge() throws {
        // All within one hour, so that all weigh the same.
        func past(_ reads: Int) -> [TestEvent] {
            events("infer", "ana", days: 0..<1, aDay: 20 - reads, at: 2)
                + events("read", "ana", days: 0..<1, aDay: reads, at: 2)
        }
        let yaml = Self.rules(minimum: "{ events: 10 }")
        let read = events("read", "ana", days: 1..<2, aDay: 1)
        #expect(try run(past(1) + read, yaml).count == 1)
        #expect(try run(past(2) + read, yaml).isEmpty)
    }

    @Test("stays silent before enough events and enough days")
    func minimum() throws {
        let read = events("read", "ana", days: 10..<11, aDay: 1)
        #expect(try run(events("infer", "ana", days: 7..<9, aDay: 50) + read).isEmpty)
        #expect(try run(events("infer", "ana", days: 6..<9, aDay: 50) + read).count == 1)
        #expect(try run(events("infer", "ana", days: 6..<9, aDay: 6) + read).isEmpty)
        #expect(try run(read).isEmpty)
    }

    @Test("what is long ago weighs less: half after half the history")
    func decay() throws {
        // 100 reads 60 days ago weigh 100 / 2^4, beside 300 fresh ones: 6 of 306.
        let old = events("read", "ana", days: 0..<1, aDay: 100)
        let fresh = events("infer", "ana", days: 58..<61, aDay: 100)
        let read = events("read", "ana", days: 62..<63, aDay: 1)
        #expect(try run(old + fresh + read).count == 1)
        let later = events("read", "ana", days: 50..<51, aDay: 100)
        #expect(try run(later + fresh + read).isEmpty)
    }

    @Test("the last two hours do not count yet")
    func lag() throws {
        let yaml = Self.rules(minimum: "{ events: 10 }")
        let past = events("infer", "ana", days: 0..<1, aDay: 30, at: 9)
        #expect(try run(past + events("read", "ana", days: 0..<1, aDay: 1, at: 10), yaml).isEmpty)
        #expect(try run(past + events("read", "ana", days: 0..<1, aDay: 1, at: 12), yaml).count == 1)
    }

    @Test("lte: fires for who has it rarely")
    func upper() throws {
        let ana = events("read", "ana", days: 0..<5, aDay: 20)
        let read = events("read", "ana", days: 6..<7, aDay: 1)
        #expect(try run(ana + read, Self.rules("lte: 0.05")).isEmpty == false)
        #expect(try run(events("infer", "ana", days: 0..<5, aDay: 20) + read, Self.rules("lte: 0.05")).isEmpty)
    }

    @Test("order within the lateness and restarts change nothing", arguments: [1, 2] as [UInt64])
    func order(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var story: [TestEvent] = []
        for i in 0..<3000 {
            let op = Int.random(in: 0..<25, using: &generator) == 0 ? "read" : "infer"
            story.append(
                TestEvent(
                    time: Int64.random(in: 0..<12 * 86_400, using: &generator), uid: "e\(i)",
                    fields: ["op": op, "identity": ["ana", "ben", "cleo"][i % 3]]))
        }
        story.sort { ($0.offset, $0.uid) < ($1.offset, $1.uid) }
        let yaml = Self.rules()
        let straight = try Bench.run(yaml, story).map(\.id).sorted()
        #expect(straight.count > 10)
        #expect(try Bench.run(yaml, shuffled(story, within: 60, &generator)).map(\.id).sorted() == straight)
        let bench = try Bench(yaml)
        for (number, event) in story.enumerated() {
            try bench.take(event)
            if number % 97 == 0 { #expect(bench.restart() == 0) }
        }
        bench.finish()
        #expect(bench.alerts.map(\.id).sorted() == straight)
    }

    @Test("names that no detection has are refused, and who refers to such a rule with it")
    func unknown() throws {
        let yaml =
            Self.rules().replacingOccurrences(of: "to: access", with: "to: acces") + """

                ---
                title: Often
                correlation:
                  type: event_count
                  rules: [reader]
                  timespan: 1h
                  condition: { gte: 2 }
                """
        let rules = RuleSet(documents: try YAMLReader.documents(text: yaml, file: "t.yml"))
        #expect(rules.errors.count == 2)
        #expect(
            rules.errors.first?.description.contains("no detection rule of this load has the id or name 'acces'")
                == true)
        #expect(rules.detections.count == 2 && rules.correlations.isEmpty)
    }
}

@Suite("first_seen: peers")
struct PeerNoveltyTests {
    static func rules(_ then: String) -> String {
        """
        title: New connection
        name: reach
        level: high
        logsource: { category: test }
        detection: { selection: { op: use }, condition: selection }
        gatewatch:
          first_seen:
            field: service
            group-by: identity
            history: 30d
            learning: 1d
            peers: { group-by: team, minimum: 4, common: 0.5, then: \(then) }
        """
    }

    private func use(_ identity: String, _ service: String, _ time: Int64, team: String? = "search") -> TestEvent {
        var fields = ["op": "use", "identity": identity, "service": service]
        if let team { fields["team"] = team }
        return TestEvent(time: time, uid: "\(identity)-\(service)-\(time)", fields: fields)
    }

    /// Five people who have used `a` for two days, and so many of the other four `b` on the second.
    private func past(_ users: Int) -> [TestEvent] {
        let names = ["ana", "ben", "cleo", "dan", "eve"]
        return names.map { use($0, "a", 0) } + names.map { use($0, "a", 86_000) }
            + names.dropFirst().prefix(users).map { use($0, "b", 87_000) }
    }

    private func run(_ then: String, _ events: [TestEvent]) throws -> [Alert] {
        try Bench.run(Self.rules(then), events).filter { $0.identity == "ana" }
    }

    @Test("what half of the peers have used is one level lower, and says so")
    func lower() throws {
        let alerts = try run("lower", past(2) + [use("ana", "b", 100_000)])
        #expect(alerts.map(\.level) == ["medium"])
        #expect(alerts.first?.message.hasSuffix("2 of 4 peers have had it too.") == true)
        #expect(try run("lower", past(1) + [use("ana", "b", 100_000)]).map(\.level) == ["high"])
    }

    @Test("or silent")
    func silent() throws {
        #expect(try run("silent", past(2) + [use("ana", "b", 100_000)]).isEmpty)
        #expect(try run("silent", past(1) + [use("ana", "b", 100_000)]).count == 1)
        // And what was silent once is known.
        #expect(try run("silent", past(2) + [use("ana", "b", 100_000), use("ana", "b", 20 * 86_400)]).isEmpty)
    }

    @Test("fewer members than the minimum, another team or none make no peers")
    func minimum() throws {
        let few = past(2).filter { $0.fields["identity"] != "eve" }
        #expect(try run("silent", few + [use("ana", "b", 100_000)]).count == 1)
        #expect(try run("silent", past(4) + [use("ana", "b", 100_000, team: "other")]).count == 1)
        #expect(try run("silent", past(4) + [use("ana", "b", 100_000, team: nil)]).count == 1)
    }

    @Test("what peers did in the last two hours, or before the history, does not count")
    func lag() throws {
        #expect(try run("silent", past(4) + [use("ana", "b", 90_000)]).count == 1)
        #expect(try run("silent", past(4) + [use("ana", "a", 20 * 86_400), use("ana", "b", 40 * 86_400)]).count == 1)
    }

    @Test("order within the lateness and restarts change nothing", arguments: [1, 2, 3] as [UInt64])
    func order(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let names = (0..<8).map { "p\($0)" }
        let story = (0..<1500).map { i in
            use(
                names[Int.random(in: 0..<8, using: &generator)], "s\(Int.random(in: 0..<30, using: &generator))",
                Int64.random(in: 0..<20 * 86_400, using: &generator), team: i % 2 == 0 ? "x" : "y")
        }.sorted { ($0.offset, $0.uid) < ($1.offset, $1.uid) }
        func essence(_ alerts: [Alert]) -> [String] { alerts.map { "\($0.id) \($0.level) \($0.message)" }.sorted() }
        let straight = essence(try Bench.run(Self.rules("lower"), story))
        #expect(straight.contains { $0.contains("peers have had it") })
        #expect(essence(try Bench.run(Self.rules("lower"), shuffled(story, within: 60, &generator))) == straight)
        let bench = try Bench(Self.rules("lower"))
        for (number, event) in story.enumerated() {
            try bench.take(event)
            if number % 50 == 0 { #expect(bench.restart() == 0) }
        }
        bench.finish()
        #expect(essence(bench.alerts) == straight)
    }
}
