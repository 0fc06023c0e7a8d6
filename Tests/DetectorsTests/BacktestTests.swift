// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Detectors
import Foundation
import Sigma
import Testing

@Suite("Backtest")
struct BacktestTests {
    private func run(
        _ lines: [String], rules: String = rule("x"), sorted: Bool = false, lineEnd: String = "\n"
    ) throws -> (alerts: [Alert], summary: Backtest.Summary) {
        let folder = try TemporaryFolder()
        let files = try DetectorFiles(paths: [try folder.write("r.yml", rules)])
        #expect(files.errors.isEmpty)
        let plan = try DetectorPlan(rules: files.rules, mapping: .raw)
        var backtest = Backtest(plan: plan)
        var alerts: [Alert] = []
        let input = try folder.write("in.ndjson", lines.joined(separator: lineEnd))
        if sorted {
            try backtest.runSorted(path: input) { alerts.append($0) }
        } else {
            try backtest.run(path: input) { alerts.append($0) }
        }
        backtest.finish { alerts.append($0) }
        return (alerts, backtest.summary)
    }

    @Test("gives an event without time the time of the event before, and its line as id")
    func fallbacks() throws {
        let (alerts, summary) = try run([
            #"{"time":"2026-11-18T10:00:00Z","op":"y"}"#, "", #"{"op":"x"}"#, #"{"op":"x","metadata":{"uid":"mine"}}"#,
        ])
        #expect(summary.events == 3)
        #expect(alerts.map(\.relatedEvents) == [["line:3"], ["mine"]])
        #expect(alerts.map { Timestamp.iso8601($0.time) } == Array(repeating: "2026-11-18T10:00:00.000Z", count: 2))
    }

    @Test("passes over what it cannot read, and tells line and reason", arguments: ["\n", "\r\n"])
    func unreadable(lineEnd: String) throws {
        let (alerts, summary) = try run(
            [
                #"{"time":1,"op":"x"}"#, #"{"time":2,"op":"x""#, "nonsense", #"{"time":3,"op":"x","op":"y"}"#,
                #"{"time":4,"op":"x"}"#,
            ], lineEnd: lineEnd)
        #expect(alerts.count == 2)
        #expect(summary.events == 2)
        #expect(summary.rejected == ["not_json": 1, "not_an_object": 1, "duplicate_key": 1])
        #expect(summary.examples.map { $0.prefix(7) } == ["line 2:", "line 3:", "line 4:"])
    }

    @Test("leaves late events out and counts them; sorted, all count")
    func late() throws {
        let lines = (0..<5).map { #"{"time":\#(1_700_000_000 - $0 * 100),"op":"x"}"# }
        let (alerts, summary) = try run(lines)
        #expect(alerts.count == 1)
        #expect(summary.rejected == ["late": 4])
        let (all, sorted) = try run(lines, sorted: true)
        #expect(all.map { $0.relatedEvents.last } == ["line:5", "line:4", "line:3", "line:2", "line:1"])
        #expect(sorted.rejected.isEmpty)
    }

    @Test("reads the last line without a line end, and an empty file")
    func ends() throws {
        #expect(try run([#"{"time":1,"op":"x"}"#]).alerts.count == 1)
        #expect(try run([]).summary.events == 0)
    }

    @Test("says that a file is missing or a folder")
    func missing() throws {
        #expect(throws: LineReader.ReadError.self) { try LineReader(path: "/nonexistent.ndjson") }
        let folder = try TemporaryFolder()
        #expect(throws: LineReader.ReadError.self) { try LineReader(path: folder.path) }
    }

    @Test("hands over lines longer than any buffer whole")
    func longLines() throws {
        let folder = try TemporaryFolder()
        let long = [UInt8](repeating: UInt8(ascii: "a"), count: 5 << 20)
        let path = try folder.write("long", long + [0x0A] + Array("b".utf8))
        let reader = try LineReader(path: path)
        var sizes: [Int] = []
        while try reader.next({ sizes.append($0.count) }) {}
        #expect(sizes == [5 << 20, 1])
    }
}

@Suite("Inline tests of rules")
struct RuleTestsTests {
    private func outcomes(_ tests: String) throws -> [RuleTests.Outcome] {
        let folder = try TemporaryFolder()
        let yaml = """
            \(rule("x"))
            ---
            title: Many
            name: many
            correlation: { type: event_count, rules: [x], group-by: [k], timespan: 1m, condition: { gte: 3 } }
            gatewatch:
              tests:
            \(tests)
            """
        let files = try DetectorFiles(paths: [try folder.write("r.yml", yaml)])
        #expect(files.errors.isEmpty)
        return try RuleTests.run(files)
    }

    @Test("pass when the number of alerts is right, and fail with what was found when it is not")
    func outcome() throws {
        let results = try outcomes(
            """
                - { name: two, events: { repeat: 2, set: { op: x, k: a } }, alerts: 0 }
                - { name: three, events: { repeat: 3, set: { op: x, k: a } }, alerts: 1 }
                - { name: wrong, events: { repeat: 3, set: { op: x, k: a } }, alerts: 0 }
            """)
        #expect(results.map(\.passed) == [true, true, false])
        #expect(results.last?.found == 1)
        #expect(results.last?.messages.count == 1)
        #expect((results.last?.line ?? 0) > 0)
    }

    @Test("know at, every, vary and several groups of events")
    func events() throws {
        let results = try outcomes(
            """
                - name: at the edge
                  events: [{ set: { op: x, k: a } }, { at: 60s, repeat: 2, every: 1s, set: { op: x, k: a } }]
                  alerts: 0
                - name: just inside
                  events: [{ set: { op: x, k: a } }, { at: 59s, repeat: 2, every: 1s, set: { op: x, k: a } }]
                  alerts: 1
                - name: two groups
                  events: { repeat: 6, set: { op: x }, vary: { k: [a, b] } }
                  alerts: 2
            """)
        #expect(results.map(\.found) == [0, 1, 2])
    }
}
