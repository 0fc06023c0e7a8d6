// SPDX-License-Identifier: Apache-2.0

import Detection
import Foundation
import Testing

@Suite("Risk and incidents")
struct RiskTests {
    /// Three rules over single events; `a` weighs checkpoints double.
    static let rules = """
        title: A
        name: a
        logsource: { category: test }
        detection: { selection: { op: a }, condition: selection }
        gatewatch: { risk: { points: 40, weights: { resources.type: { checkpoint: 2, model: 0.5 } } } }
        ---
        title: B
        name: b
        logsource: { category: test }
        detection: { selection: { op: b }, condition: selection }
        gatewatch: { risk: { points: 10, half-life: 1d, daily: 15 } }
        ---
        title: C
        name: c
        status: experimental
        logsource: { category: test }
        detection: { selection: { op: c }, condition: selection }
        gatewatch: { risk: { points: 90 } }
        ---
        title: D
        name: d
        logsource: { category: test }
        detection: { selection: { op: d }, condition: selection }
        """

    private static let hour: Int64 = 3600
    private static let day: Int64 = 86_400

    /// `TestEvent.start` is 22:13:20 UTC; this many seconds later it is midnight.
    private static let midnight: Int64 = 6400

    private func event(_ op: String, _ time: Int64, identity: String? = "ana", type: String? = nil) -> TestEvent {
        var fields = ["op": op]
        if let identity { fields["identity"] = identity }
        if let type { fields["resources.type"] = type }
        return TestEvent(time: time, uid: "\(op)\(time)", fields: fields)
    }

    private func run(_ events: [TestEvent]) throws -> [Alert] { try Bench.run(Self.rules, events) }

    @Test("is the sum of what the rules' alerts weigh, and names the terms")
    func sum() throws {
        let alerts = try run([event("a", 0), event("b", 1)])
        #expect(alerts.map { $0.risk?.score } == [40, 50])
        #expect(alerts.last?.risk?.terms.map(\.rule) == ["a", "b"])
        #expect(alerts.last?.risk?.description == "a 40 + b 10")
        #expect(alerts.map { $0.risk?.level } == [.medium, .medium])
    }

    @Test("halves with every half-life of the rule")
    func decay() throws {
        let alerts = try run([event("a", 0), event("b", 7 * Self.day)])
        #expect(alerts.last?.risk?.terms.map(\.points) == [20, 10])
        let other = try run([event("b", 0), event("a", Self.day)])
        #expect(other.last?.risk?.terms.map(\.points) == [40, 5])
    }

    @Test("counts the i-th largest of a rule's alerts by 1/i^1.5")
    func repeats() throws {
        // A day apart, so that the daily cap (twice the points) does not matter.
        let alerts = try run([event("a", 0), event("a", 1), event("a", 2)])
        // 40 + 40 / 2^1.5; the third is past the day's 80 points.
        #expect(alerts.map { $0.risk?.score } == [40, 54.1, 54.1])
        #expect(alerts.last?.risk?.terms.first?.alerts == 3)
    }

    @Test("takes at most the rule's daily points in a day of UTC")
    func daily() throws {
        let before = Self.midnight - 3
        // 10, then 5 of the 15 are left: 10 + 5 / 2^1.5.
        #expect(try run([event("b", before), event("b", before + 1)]).last?.risk?.score == 11.8)
        // The third is on the next day and has 15 again: 10 + 10 / 2^1.5 + 5 / 3^1.5.
        let alerts = try run([event("b", before), event("b", before + 1), event("b", before + 3)])
        #expect(alerts.last?.risk?.score == 14.5)
    }

    @Test("weighs by what the event is about")
    func weights() throws {
        #expect(try run([event("a", 0, type: "checkpoint")]).first?.riskPoints == 80)
        #expect(try run([event("a", 0, type: "model")]).first?.riskPoints == 20)
        #expect(try run([event("a", 0, type: "corpus")]).first?.riskPoints == 40)
    }

    @Test("is kept apart by identity, and nobody's without one")
    func identities() throws {
        let alerts = try run([event("a", 0), event("a", 1, identity: "ben"), event("a", 2, identity: nil)])
        #expect(alerts.map { $0.risk?.score } == [40, 40, nil])
        #expect(alerts[0].incident != alerts[1].incident)
        #expect(alerts[2].incident == nil)
    }

    @Test("is untouched by rules that are tried out")
    func experimental() throws {
        let alerts = try run([event("c", 0), event("a", 1)])
        #expect(alerts[0].risk == nil && alerts[0].incident == nil)
        #expect(alerts[1].risk?.score == 40)
    }

    @Test("has levels from 20, 40, 70 and 90 on")
    func levels() {
        func level(_ score: Double) -> Alert.Risk.Level { Alert.Risk(score: score, terms: []).level }
        #expect(
            [0, 19.9, 20, 39.9, 40, 69.9, 70, 89.9, 90, 500].map(level) == [
                .info, .info, .low, .low, .medium, .medium, .high, .high, .critical, .critical,
            ])
    }

    @Test("an incident takes alerts up to 24 quiet hours, a rule without points too")
    func incident() throws {
        let alerts = try run([
            event("a", 0), event("d", Self.day), event("a", 2 * Self.day), event("a", 3 * Self.day + 1),
        ])
        let ids = alerts.map(\.incident)
        #expect(ids[0] != nil && ids[0] == ids[1] && ids[1] == ids[2])
        #expect(ids[3] != nil && ids[3] != ids[0])
    }

    @Test("goes on after a restart as if there had been none, at every moment")
    func restart() throws {
        let events = (0..<30).map {
            event(["a", "b", "d"][$0 % 3], Int64($0) * 5 * Self.hour, identity: $0 % 2 == 0 ? "ana" : "ben")
        }
        let straight = try run(events)
        for cut in 0...events.count {
            let bench = try Bench(Self.rules)
            for event in events[..<cut] { try bench.take(event) }
            #expect(bench.restart() == 0)
            for event in events[cut...] { try bench.take(event) }
            bench.finish()
            #expect(bench.alerts == straight)
        }
    }

    @Test("keeps 64 alerts of an identity and drops the lightest")
    func bound() throws {
        let bench = try Bench(Self.rules, suppresses: false)
        for i in 0..<300 { try bench.take(event("b", Int64(i) * Self.day)) }
        for i in 0..<100 { try bench.take(event("a", 300 * Self.day + Int64(i) * Self.day)) }
        let risk = try #require(bench.alerts.last?.risk)
        #expect(risk.terms.reduce(0) { $0 + $1.alerts } <= 64)
        #expect(risk.terms.first?.rule == "a")
    }

    @Test("OCSF carries score, level, sentence and terms")
    func ocsf() throws {
        let alert = try #require(try run([event("a", 0), event("b", 1)]).last)
        let json = try #require(try JSONSerialization.jsonObject(with: Data(alert.ocsf())) as? [String: Any])
        #expect(json["risk_score"] as? Int == 50)
        #expect(json["risk_level"] as? String == "Medium" && json["risk_level_id"] as? Int == 2)
        #expect(json["risk_details"] as? String == "a 40 + b 10")
        let unmapped = try #require(json["unmapped"] as? [String: Any])
        #expect((unmapped["risk_terms"] as? [[String: Any]])?.count == 2)
        #expect(unmapped["incident_uid"] as? String == alert.incident)
    }
}
