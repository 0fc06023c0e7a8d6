// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Detectors
import Foundation
import Sigma
import Testing
import YAMLDocument

/// Runs the rules of a text over files of any JSON.
func backtest(
    _ paths: [String], rules: String, sorted: Bool = false, jobs: Int = 1, suppresses: Bool = true
) throws -> (alerts: [Alert], summary: BacktestSummary) {
    let files = try DetectorFiles(documents: try YAMLReader.documents(text: rules, file: "r.yml"))
    #expect(files.errors == [])
    let backtest = try Backtest(
        DetectorSetup(files, mapping: .raw), files: try LogFiles(paths),
        options: .init(suppresses: suppresses, jobs: jobs))
    var alerts: [Alert] = []
    try backtest.run(sorted: sorted) { alerts.append($0) }
    return (alerts, backtest.summary)
}

@Suite("Backtest")
struct BacktestTests {
    /// A rule that several engines can share.
    private let grouped = rule("x", "gatewatch: { suppress: { episode: 1s, group-by: [op, time] } }")

    private func run(
        _ lines: [String], rules: String = rule("x"), sorted: Bool = false, jobs: Int = 1, lineEnd: String = "\n"
    ) throws -> (alerts: [Alert], summary: BacktestSummary) {
        let folder = try TemporaryFolder()
        let input = try folder.write("in.ndjson", lines.joined(separator: lineEnd))
        return try backtest([input], rules: rules, sorted: sorted, jobs: jobs)
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

    @Test("counts the events that have no time", arguments: [1, 2])
    func withoutTime(jobs: Int) throws {
        let lines = [#"{"op":"x"}"#, #"{"time":0,"op":"x"}"#, #"{"time":null,"op":"x"}"#, "nonsense"]
        let (_, summary) = try run(lines, rules: grouped, jobs: jobs)
        #expect(summary.events == 3)
        #expect(summary.withoutTime == 2)
    }

    @Test("passes over what it cannot read, and tells line and reason", arguments: ["\n", "\r\n"], [1, 2])
    func unreadable(lineEnd: String, jobs: Int) throws {
        let (alerts, summary) = try run(
            [
                #"{"time":1,"op":"x"}"#, #"{"time":2,"op":"x""#, "nonsense", #"{"time":3,"op":"x","op":"y"}"#,
                #"{"time":4,"op":"x"}"#,
            ], rules: grouped, jobs: jobs, lineEnd: lineEnd)
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

    @Test("reads folders and several files, each line with the file that it stands in")
    func severalFiles() throws {
        let folder = try TemporaryFolder()
        let first = try folder.write("logs/b.jsonl", #"{"time":2,"op":"x"}"#)
        _ = try folder.write("logs/a/1.ndjson", "\n" + #"{"time":1,"op":"x"}"# + "\nnonsense\n")
        _ = try folder.write("logs/.hidden.json", #"{"time":1,"op":"x"}"#)
        _ = try folder.write("logs/notes.txt", #"{"time":1,"op":"x"}"#)
        let (alerts, summary) = try backtest(["\(folder.path)/logs"], rules: rule("x"))
        #expect(alerts.map(\.relatedEvents) == [["\(folder.path)/logs/a/1.ndjson:2"], ["\(first):1"]])
        #expect(summary.examples.map { $0.contains("logs/a/1.ndjson:3: ") } == [true])
        let empty = try TemporaryFolder()
        #expect(throws: LineReader.ReadError.self) { try LogFiles([empty.path]) }
    }

    @Test("counts identities of events and of alerts, and days from the first to the last event")
    func summary() throws {
        let day = 86_400_000
        let (_, summary) = try run(
            (0..<6).map {
                #"{"time":\#(1_700_000_000_000 + $0 * day / 2),"op":"\#($0 < 4 ? "x" : "y")","identity":"i\#($0 % 3)"}"#
            }
                + [#"{"op":"y"}"#])
        #expect(summary.identityCount == 3)
        #expect(summary.withoutIdentity == 1)
        #expect(summary.days == 2.5)
        #expect(summary.found["x"]?.alerts == 4)
        #expect(summary.found["x"]?.identities == ["i0", "i1", "i2"])
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
