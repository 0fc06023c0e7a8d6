// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Baseline
import Detection
import Detectors
import Foundation
import JSONText
import Sigma

struct BaselineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baseline",
        abstract: "Scores each point of a series by the points before it (CSV with a header, or NDJSON; gzip or not).",
        discussion: """
            gatewatch baseline --input cpu.csv --time-field timestamp --value-field value \\
                > scores.csv
            zcat requests.ndjson.gz | gatewatch baseline --input - --time-field time \\
                --value-field vectors --format ndjson --rule gw_bulk_vectors_10m \\
                --detector detectors/bulk_requests/mr_gw_bulk_vectors.yml

            One row out for each row in, in the same order: time, value, expected, low, \
            high, score (0 to 1). A score of 0.5 or more is an alarm; after one, only \
            something clearly stronger is one again for 200 points. Of the first 200 \
            points only what is far outside is one. A row without a value has score 0 and \
            teaches nothing.

            With --detector the rule's own gatewatch: baseline: judges, each row being one \
            of its windows: what the rule would have made of such counts.
            docs/baselines.md has the method.

            Times are ISO 8601 (without a zone: UTC) or numbers since the epoch. Gaps, \
            repeated times and clocks that go back are fine.
            Exit status: 0 fine, 1 the rule cannot be used, 2 usage, 3 cannot read, also a
            row, whose line is named.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case csv, ndjson }

    @Option(help: "CSV or NDJSON file, gzip or not; - is standard input.")
    var input: String
    @Option(help: "Column or JSON path of the time.")
    var timeField: String
    @Option(help: "Column or JSON path of the value.")
    var valueField: String
    @Option(help: "Rule file: the gatewatch: baseline: of a rule in it has the numbers.")
    var detector: String?
    @Option(help: "Name or id of that rule, where the file has several with a baseline.")
    var rule: String?
    @Option(help: "csv or ndjson.")
    var format = Format.csv

    mutating func validate() throws {
        if rule != nil, detector == nil { throw ValidationError("--rule is one of a file: give --detector FILE, too.") }
    }

    func run() throws {
        var detector = SeriesDetector(try detector.map(settings) ?? SeriesSettings())
        let reader = try SeriesReader(path: input, timeField: timeField, valueField: valueField)
        var output = Output(format: format)
        var rows = 0
        var missing = 0
        var alarms = 0
        defer { output.flush() }
        while let row = try reader.next() {
            rows += 1
            guard let value = row.value else {
                missing += 1
                output.write(row, nil)
                continue
            }
            let point = detector.next(value, time: row.time)
            if point.isAlarm { alarms += 1 }
            output.write(row, point)
        }
        output.flush()
        var summary = "\(counted(rows, "row")), \(counted(alarms, "alarm"))"
        if missing > 0 { summary += ", \(counted(missing, "row")) without a value" }
        if rows - missing <= SeriesDetector.warmUp {
            summary += "\nUp to \(SeriesDetector.warmUp) points are too few to tell more than what is far outside."
        }
        Terminal.error(summary)
    }

    /// The settings of the rule file's one baseline, or of the chosen rule's.
    private func settings(_ path: String) throws -> SeriesSettings {
        let files = try DetectorFiles(paths: [path])
        for error in files.errors { Terminal.error("\(error)") }
        let rules = files.rules.correlations.map(\.metadata).filter { $0.extensions.baseline != nil }
        let names = rules.map(\.label)
        let wanted = try rule.map { name in
            guard let found = rules.first(where: { $0.key == files.metadata(name)?.key }) else {
                throw ValidationError(
                    "--rule \(name): is no rule of \(path) with gatewatch: baseline:. Those are: \(names.isEmpty ? "none" : names.joined(separator: ", "))."
                )
            }
            return found
        }
        guard let block = (wanted ?? rules.first)?.extensions.baseline else {
            if !files.errors.isEmpty { throw ExitCode.foundWrong }
            throw ValidationError("--detector \(path): has no rule with gatewatch: baseline:.")
        }
        guard wanted != nil || rules.count == 1 else {
            throw ValidationError(
                "--detector \(path): has \(rules.count) rules with gatewatch: baseline:. Choose one with --rule: \(names.joined(separator: ", "))."
            )
        }
        // The points' own spacing takes the place of the window.
        return SeriesSettings(baseline: BaselineSettings(block, bucket: 1), novelty: false, holdDown: 0)
    }

    /// Rows out, gathered to larger writes.
    private struct Output {
        private static let room = 1 << 16

        private let format: Format
        private var bytes: [UInt8] = []

        init(format: Format) {
            self.format = format
            if format == .csv { bytes += "time,value,expected,low,high,score\n".utf8 }
        }

        mutating func write(_ row: SeriesReader.Row, _ point: SeriesPoint?) {
            switch format {
            case .csv: writeCSV(row, point)
            case .ndjson: writeJSON(row, point)
            }
            if bytes.count >= Self.room { flush() }
        }

        private mutating func writeCSV(_ row: SeriesReader.Row, _ point: SeriesPoint?) {
            let quotes = row.timeText.utf8.contains { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") }
            bytes += (quotes ? "\"" + row.timeText.replacing("\"", with: "\"\"") + "\"" : row.timeText).utf8
            for value in [row.value, point?.expected, point?.low, point?.high] {
                bytes.append(UInt8(ascii: ","))
                if let value { bytes += String(value).utf8 }
            }
            bytes += ",\(point?.score ?? 0)\n".utf8
        }

        private mutating func writeJSON(_ row: SeriesReader.Row, _ point: SeriesPoint?) {
            var json = JSONWriter(capacity: 160)
            json.object { json in
                json.field("time", row.timeText)
                if let value = row.value { json.field("value", value) }
                if let point {
                    json.field("expected", point.expected)
                    json.field("low", point.low)
                    json.field("high", point.high)
                }
                json.field("score", point?.score ?? 0)
            }
            bytes += json.bytes
            bytes.append(UInt8(ascii: "\n"))
        }

        mutating func flush() {
            // A reader that went away is no reason to fail.
            try? FileHandle.standardOutput.write(contentsOf: Data(bytes))
            bytes.removeAll(keepingCapacity: true)
        }
    }
}
