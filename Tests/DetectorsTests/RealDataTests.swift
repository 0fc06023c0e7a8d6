// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Detectors
import Foundation
import Sigma
import Testing
import YAMLDocument

/// Public logs that lie beside the checkout.
enum SharedData {
    static func path(_ name: String) -> String { Checkout.path("../shared/data/\(name)") }
    static var isThere: Bool { FileManager.default.fileExists(atPath: path("panther-rules/okta.jsonl")) }
}

@Suite("Real logs", .enabled(if: SharedData.isThere, "the folder ../shared/data is not there"))
struct RealDataTests {
    private func objects(_ name: String) throws -> [[String: Any]] {
        try String(contentsOfFile: SharedData.path("panther-rules/\(name).jsonl"), encoding: .utf8).split(
            separator: "\n"
        )
        .map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
    }

    private func run(
        _ files: DetectorFiles, _ mapping: Mapping, _ paths: [String]
    ) throws -> (alerts: [Alert], summary: BacktestSummary) {
        let backtest = try Backtest(DetectorSetup(files, mapping: mapping), files: try LogFiles(paths))
        var alerts: [Alert] = []
        try backtest.run(sorted: true) { alerts.append($0) }
        return (alerts, backtest.summary)
    }

    @Test(
        "every event of every log is read",
        arguments: [
            ("cloudtrail", "cloudtrail-stratus/detonation_events.jsonl.gz", 103),
            ("teleport", "teleport-samples/audit_events.jsonl", 21), ("raw", "teleport-samples/audit_events.jsonl", 21),
            ("raw", "panther-rules/okta.jsonl", 25), ("raw", "panther-rules/gravitational_teleport.jsonl", 5),
            ("raw", "panther-rules/correlation.jsonl", 18),
        ])
    func everyEvent(mapping: String, path: String, count: Int) throws {
        let detectors = try DetectorFiles(paths: [Checkout.path("detectors")])
        let (_, summary) = try run(detectors, .named(mapping), [SharedData.path(path)])
        #expect(summary.rejected == [:], "\(summary.examples)")
        #expect(summary.events == count)
    }

    @Test(
        "the events inside another product's tests are read",
        arguments: [
            ("okta", "raw", 25), ("gravitational_teleport", "teleport", 5),
        ])
    func inside(name: String, mapping: String, count: Int) throws {
        let folder = try TemporaryFolder()
        let lines = try objects(name).map { object in
            String(decoding: try JSONSerialization.data(withJSONObject: try #require(object["event"])), as: UTF8.self)
        }
        let file = try folder.write("events.ndjson", lines.joined(separator: "\n"))
        let detectors = try DetectorFiles(paths: [Checkout.path("detectors")])
        let (_, summary) = try run(detectors, .named(mapping), [file])
        #expect(summary.rejected == [:], "\(summary.examples)")
        #expect(summary.events == count)
    }

    /// None of those correlations is one of ours (they join the single-event rules of several products), so what is compared is the
    /// engine: the same correlation as a Sigma rule, over the same matches at the same minutes.
    @Test("correlations of another product have its verdicts")
    func correlations() throws {
        var compared = 0
        for test in try objects("correlation") {
            guard let rules = try sigma(test) else { continue }
            compared += 1
            let files = try DetectorFiles(documents: try YAMLReader.documents(text: rules, file: "r.yml"))
            #expect(files.errors == [], "\(rules)")
            let folder = try TemporaryFolder()
            let (alerts, _) = try run(files, .raw, [try folder.write("events.ndjson", try events(test))])
            #expect(!alerts.isEmpty == (test["expected"] as? Bool), "\(test["test"] ?? ""): \(rules)")
        }
        #expect(compared == 14)
    }

    /// Each member of a group as a rule over `step`, and the correlation of them by `key`. Nil for one with an absent member, which
    /// is a condition of its own.
    private func sigma(_ test: [String: Any]) throws -> String? {
        let detection = try #require((test["detection"] as? [[String: Any]])?.first)
        let steps = try #require(detection["Group"] as? [[String: Any]])
        let names = steps.indices.map { "step_\($0)" }
        let isOrdered = detection["EventEvaluationOrder"] as? String == "Chronological"
        var yaml = ""
        for (name, step) in zip(names, steps) {
            yaml += """
                title: \(name)
                name: \(name)
                logsource: { category: test }
                detection: { selection: { step: '\(step["ID"] ?? "")' }, condition: selection }
                ---

                """
        }
        guard !steps.contains(where: { ($0["Absence"] as? Bool) == true }) else { return nil }
        return yaml + """
            title: all
            correlation:
              type: \(isOrdered ? "temporal_ordered" : "temporal")
              rules: [\(names.joined(separator: ", "))]
              group-by: [key]
              timespan: \(try #require(detection["LookbackWindowMinutes"] as? Int))m
            level: high
            """
    }

    private func events(_ test: [String: Any]) throws -> String {
        var events: [(time: Double, text: String)] = []
        for output in try #require(test["rule_outputs"] as? [[String: Any]]) {
            let id = try #require(output["ID"] as? String)
            for (_, values) in try #require(output["Matches"] as? [String: [String: [Any]]]) {
                for (key, times) in values {
                    for time in times {
                        let seconds: Double
                        if let minutes = time as? Int {
                            seconds = 1_795_003_200 + Double(minutes) * 60
                        } else {
                            let text = Array(try #require(time as? String).utf8)
                            seconds = Double(try #require(text.withUnsafeBytes { Timestamp.fromISO8601($0) })) / 1000
                        }
                        let object = ["step": id, "key": key, "time": "\(Int64(seconds * 1000))"]
                        let line = try JSONSerialization.data(withJSONObject: object)
                        events.append((seconds, String(decoding: line, as: UTF8.self)))
                    }
                }
            }
        }
        return events.sorted { $0.time < $1.time }.map(\.text).joined(separator: "\n")
    }
}
