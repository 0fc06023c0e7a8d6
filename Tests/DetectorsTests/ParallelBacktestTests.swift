// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Detectors
import Foundation
import Sigma
import Testing

/// Several engines give what one gives, byte for byte.
@Suite("A backtest on several threads")
struct ParallelBacktestTests {
    /// Rules of which some keep their state per `k`, some do not, and some refer to both kinds.
    private static func rules(_ random: inout SplitMix) -> String {
        var texts: [String] = []
        for name in ["x", "y", "z"] {
            let more = [
                "", "", "gatewatch: { suppress: { episode: 40s, group-by: [k] } }",
                "gatewatch: { suppress: { episode: 40s, group-by: [m] } }",
                "gatewatch: { first_seen: { field: n, group-by: [k], history: 1d, learning: 30s } }",
                "gatewatch: { first_seen: { field: n, group-by: [k], history: 90s, learning: 30s } }",
                "gatewatch: { ratio: { of: [x], to: [x, y, z], group-by: [k], gte: 0.3, history: 2d, minimum: { events: 2 } } }",
            ]
            texts.append(rule(name, random.pick(more)))
        }
        var names: [(name: String, group: [String])] = []
        for index in 0..<5 {
            let group = random.pick([["k"], ["k"], ["k", "m"], ["m", "k"], ["m"], []])
            let offered = ["x", "y", "z"] + names.filter { Set($0.group).isSuperset(of: group) }.map(\.name)
            let chosen = Array(offered.shuffled(using: &random).prefix(2))
            let count = Int.random(in: 1...4, using: &random)
            let body = random.pick([
                "type: event_count, condition: { gte: \(count) }", "type: event_count, condition: { lte: \(count) }",
                "type: temporal", "type: temporal_ordered", "type: value_count, condition: { field: k, gte: 1 }",
            ])
            if body.contains("field: k"), chosen.contains(where: { $0.hasPrefix("c") }), !group.contains("k") {
                continue
            }
            texts.append(
                """
                title: c\(index)
                name: c\(index)
                correlation: { \(body), rules: [\(chosen.joined(separator: ", "))], group-by: [\(group.joined(separator: ", "))], \
                timespan: \(random.pick(["10s", "1m", "5m"])), generate: true }
                gatewatch: { risk: { points: \(count), half-life: 10m }\(random.chance(30) && body.contains("gte") && body.hasPrefix("type: event") ? baseline : "") }
                """)
            names.append(("c\(index)", group))
        }
        return texts.joined(separator: "\n---\n")
    }

    private static let baseline =
        ", baseline: { history: 1h, minimum: { history: 2m, buckets: 2 }, threshold: 1, ratio: 1, cold_start: floor }"

    private static func lines(_ random: inout SplitMix) -> [String] {
        var time: Int64 = 1_700_000_000_000
        return (0..<400).map { number in
            time += random.pick([0, 0, 1, 900, 5_000, 20_000])
            let at = time - random.pick([0, 0, 0, 30_000, 59_999, 60_001])
            if random.chance(2) { return random.pick(["nonsense", #"{"time":1,"k":"a","k":"b"}"#, "", "{\"op\":"]) }
            var fields = random.chance(4) ? [] : ["\"time\":\(at)"]
            fields.append("\"op\":\"\(random.pick(["x", "y", "z", "w"]))\"")
            for (field, values) in [
                ("k", ["a", "b", "c", "d"]), ("identity", ["a", "b"]), ("m", ["p", "q"]), ("n", ["1", "2", "3"]),
            ] {
                if !random.chance(8) { fields.append("\"\(field)\":\"\(random.pick(values))\"") }
            }
            if random.chance(30) { fields.append("\"metadata\":{\"uid\":\"an-id-that-is-long-\(number)\"}") }
            return "{\(fields.joined(separator: ","))}"
        }
    }

    @Test("gives the same alerts in the same order, whatever the rules and events", arguments: 1...60)
    func same(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let rules = Self.rules(&random)
        let folder = try TemporaryFolder()
        let input = try folder.write("in.ndjson", Self.lines(&random).joined(separator: "\n"))
        let suppresses = !random.chance(30)
        let one = try backtest([input], rules: rules, suppresses: suppresses)
        for jobs in [2, 3, 7] {
            let several = try backtest([input], rules: rules, jobs: jobs, suppresses: suppresses)
            #expect(several.alerts.map { $0.ocsf() } == one.alerts.map { $0.ocsf() }, "\(rules)")
            #expect(several.summary.events == one.summary.events)
            #expect(several.summary.rejected == one.summary.rejected)
            #expect(several.summary.examples == one.summary.examples)
            #expect(several.summary.withoutIdentity == one.summary.withoutIdentity)
        }
    }

    @Test("is the same over the fixture day with the shipped detectors")
    func fixtureDay() throws {
        let files = try DetectorFiles(
            paths: [Checkout.path("detectors")], calendar: Checkout.path("fixtures/deployment.ics"))
        let setup = DetectorSetup(
            files, mapping: try Mapping.named("ocsf"),
            directory: try IdentityDirectory(path: Checkout.path("fixtures/identities.csv")))
        func run(_ jobs: Int) throws -> [[UInt8]] {
            var alerts: [[UInt8]] = []
            let backtest = try Backtest(
                setup, files: try LogFiles([Checkout.path("fixtures/day.ndjson.gz")]), options: .init(jobs: jobs))
            try backtest.run { alerts.append($0.ocsf()) }
            return alerts
        }
        let one = try run(1)
        #expect(one.count >= 7)
        #expect(try run(2) == one)
        #expect(try run(3) == one)
    }
}
