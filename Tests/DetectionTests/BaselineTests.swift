// SPDX-License-Identifier: Apache-2.0

import Detection
import Foundation
import Testing

@Suite("gatewatch: baseline")
struct BaselineTests {
    /// 100 items in ten minutes are the floor.
    static func rule(_ baseline: String, suppress: String = "30m") -> String {
        """
        title: Query
        name: query
        logsource: { category: test }
        detection: { selection: { op: query }, condition: selection }
        ---
        title: Bulk pull
        name: bulk
        correlation:
          type: value_sum
          rules: [query]
          group-by: [identity]
          timespan: 10m
          condition: { field: items, gte: 100 }
        gatewatch:
          suppress: { episode: \(suppress) }
          baseline: { history: 28d, minimum: { history: 1d, buckets: 20 }, threshold: 6, ratio: 5\(baseline) }
        """
    }

    private static let ten: Int64 = 600

    /// What one identity does: so many items in each ten minutes from `from` on.
    private func work(
        _ identity: String, from: Int64, buckets: Int, items: (Int) -> Double, team: String? = nil
    ) -> [TestEvent] {
        (0..<buckets).compactMap { i in
            let amount = items(i)
            guard amount > 0 else { return nil }
            let time = from + Int64(i) * Self.ten
            var fields = ["op": "query", "identity": identity]
            if let team { fields["team"] = team }
            return TestEvent(
                time: time, uid: "\(identity)-\(time)-\(amount)", fields: fields, numbers: ["items": amount])
        }
    }

    /// Two days of 100 to 140 items in each ten minutes: above the floor, always.
    private func usual(_ identity: String, days: Int = 2, team: String? = nil) -> [TestEvent] {
        work(identity, from: 0, buckets: days * 144, items: { 100 + Double($0 * 7 % 5) * 10 }, team: team)
    }

    @Test("an identity that always works above the floor stays silent, and fires when it does far more")
    func ownPast() throws {
        let theft = work("ana", from: 2 * 86_400 + 60, buckets: 1, items: { _ in 4000 })
        let alerts = try Bench.run(Self.rule(""), usual("ana") + theft)
        #expect(alerts.map(\.value) == [4000])
        let baseline = try #require(alerts.first?.baseline)
        #expect(!baseline.isLearning && (90...150).contains(baseline.expected) && baseline.limit < 4000)
        let message = try #require(alerts.first?.message)
        #expect(message.contains(": usual ") && message.contains(" times the usual"), "\(message)")
    }

    @Test("cold_start says what happens before enough is known", arguments: [("silent", 0), ("floor", 1)])
    func coldStart(_ word: String, _ count: Int) throws {
        let alerts = try Bench.run(
            Self.rule(", cold_start: \(word)"), work("ana", from: 0, buckets: 1, items: { _ in 4000 }))
        #expect(alerts.count == count)
        #expect(alerts.allSatisfy { $0.baseline?.isLearning == true && $0.message.contains("still being learned") })
    }

    @Test("below the floor nothing fires, however unusual")
    func floor() throws {
        let small = work("ana", from: 0, buckets: 2 * 144, items: { _ in 1 })
        #expect(
            try Bench.run(Self.rule(""), small + work("ana", from: 2 * 86_400, buckets: 1, items: { _ in 97 })).isEmpty)
        func first(_ items: Double) throws -> Int {
            try Bench.run(Self.rule(", cold_start: floor"), work("ana", from: 0, buckets: 1, items: { _ in items }))
                .count
        }
        #expect(try first(99) == 0)
        #expect(try first(100) == 1)
    }

    @Test("a theft every night is not learned as usual")
    func poisoning() throws {
        var events = usual("ana", days: 12)
        for night in 2..<12 {
            events += work("ana", from: Int64(night) * 86_400 + 30, buckets: 6, items: { _ in 4000 })
        }
        events.sort { $0.offset < $1.offset }
        #expect(try Bench.run(Self.rule(""), events).count == 10)
    }

    @Test("peers: what the whole team does stands out for nobody; who does far more than the team fires")
    func peers() throws {
        let peers = ", peers: { group-by: team, minimum: 4, quantile: 0.99, ratio: 2 }"
        var events: [TestEvent] = []
        for name in ["ana", "ben", "cleo", "dan", "eve"] { events += usual(name, team: "search") }
        // Everybody has had 900 on two mornings, so ana's is only hers by her own past of these hours.
        for name in ["ben", "cleo", "dan", "eve"] {
            events += work(name, from: 86_400 + 60, buckets: 10, items: { _ in 900 }, team: "search")
        }
        let same = work("ana", from: 2 * 86_400 + 60, buckets: 1, items: { _ in 900 }, team: "search")
        let more = work("ana", from: 2 * 86_400 + 60, buckets: 1, items: { _ in 9000 }, team: "search")
        func run(_ extra: [TestEvent], _ peers: String) throws -> [Alert] {
            try Bench.run(Self.rule(peers), (events + extra).sorted { $0.offset < $1.offset }).filter {
                $0.identity == "ana"
            }
        }
        #expect(try run(same, "").count == 1)
        #expect(try run(same, peers).isEmpty)
        let alert = try #require(try run(more, peers).first)
        #expect(alert.baseline?.members == 5)
        #expect(alert.message.contains(" times the next peer"), "\(alert.message)")
    }

    @Test("cold_start: peers lets the team decide about somebody new")
    func newcomer() throws {
        let peers = ", cold_start: peers, peers: { group-by: team, minimum: 4, quantile: 0.99, ratio: 2 }"
        var events: [TestEvent] = []
        for name in ["ana", "ben", "cleo", "dan"] { events += usual(name, team: "search") }
        events += work("new", from: 2 * 86_400, buckets: 1, items: { _ in 150 }, team: "search")
        events += work("other", from: 2 * 86_400, buckets: 1, items: { _ in 3000 }, team: "search")
        events += work("alone", from: 2 * 86_400, buckets: 1, items: { _ in 3000 }, team: "elsewhere")
        let alerts = try Bench.run(Self.rule(peers), events.sorted { $0.offset < $1.offset })
        #expect(alerts.map(\.identity) == ["other"])
    }

    /// Some weeks of three people with thefts in between, a little out of step.
    private func story(_ generator: inout SeededGenerator) -> [TestEvent] {
        var events: [TestEvent] = []
        for name in ["ana", "ben", "cleo"] {
            for bucket in 0..<(3 * 144) where Int.random(in: 0..<3, using: &generator) > 0 {
                for part in 0..<Int.random(in: 1...3, using: &generator) {
                    let time = Int64(bucket) * Self.ten + Int64.random(in: 0..<Self.ten, using: &generator)
                    let isTheft = Int.random(in: 0..<100, using: &generator) == 0
                    events.append(
                        TestEvent(
                            time: time, uid: "\(name)-\(bucket)-\(part)",
                            fields: ["op": "query", "identity": name, "team": "search"],
                            numbers: ["items": isTheft ? 5000 : Double(Int.random(in: 20...90, using: &generator))]))
                }
            }
        }
        return events.sorted { ($0.offset, $0.uid) < ($1.offset, $1.uid) }
    }

    /// What must be the same for every firing, sorted. Not its value: that is what was known when it fired.
    private func essence(_ alerts: [Alert]) -> [String] {
        alerts.map { "\($0.id) \($0.time) \(String(describing: $0.baseline))" }.sorted()
    }

    private static let both =
        ", cold_start: floor, peers: { group-by: team, minimum: 2, quantile: 0.9, ratio: 1.5, combine: or }"

    @Test("the order of events within the lateness does not matter", arguments: [1, 2, 3] as [UInt64])
    func order(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let events = story(&generator)
        let rule = Self.rule(Self.both)
        let straight = try Bench.run(rule, events)
        let firings = essence(try Bench.run(rule, events, suppresses: false))
        #expect(straight.count > 3)
        for _ in 0..<3 {
            let mixed = shuffled(events, within: 60, &generator)
            #expect(try Bench.run(rule, mixed).map(\.id).sorted() == straight.map(\.id).sorted())
            #expect(essence(try Bench.run(rule, mixed, suppresses: false)) == firings)
        }
    }

    @Test("goes on after a restart as if there had been none")
    func restart() throws {
        var generator = SeededGenerator(seed: 7)
        let events = story(&generator)
        let straight = try Bench.run(Self.rule(Self.both), events)
        let bench = try Bench(Self.rule(Self.both))
        for (number, event) in events.enumerated() {
            try bench.take(event)
            if number % 41 == 0 { #expect(bench.restart() == 0) }
        }
        bench.finish()
        #expect(essence(bench.alerts) == essence(straight))
    }

    @Test("OCSF carries the numbers")
    func ocsf() throws {
        let theft = work("ana", from: 2 * 86_400 + 60, buckets: 1, items: { _ in 4000 })
        let alert = try #require(try Bench.run(Self.rule(""), usual("ana") + theft).first)
        let json = try #require(try JSONSerialization.jsonObject(with: Data(alert.ocsf())) as? [String: Any])
        let baseline = try #require((json["unmapped"] as? [String: Any])?["baseline"] as? [String: Any])
        #expect(baseline["learning"] as? Bool == false)
        #expect((baseline["expected"] as? Double ?? 0) > 90)
        #expect(Set(baseline.keys) == ["learning", "expected", "low", "high", "limit"])
    }

    @Test("a late duplicate is not learned twice")
    func duplicates() throws {
        var events = usual("ana")
        for event in usual("ana") { events.append(event) }
        events.sort { ($0.offset, $0.uid) < ($1.offset, $1.uid) }
        let theft = work("ana", from: 2 * 86_400 + 60, buckets: 1, items: { _ in 4000 })
        let twice = try Bench.run(Self.rule(""), events + theft)
        let once = try Bench.run(Self.rule(""), usual("ana") + theft)
        #expect(twice.map(\.message) == once.map(\.message))
    }
}
