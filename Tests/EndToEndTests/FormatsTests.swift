// SPDX-License-Identifier: Apache-2.0

import Foundation
import Independent
import Testing

extension EndToEnd {
    /// What the programs write, read by others: docs/notifications.md lists by which.
    @Suite struct Formats {
        private func objects(_ lines: String) throws -> [[String: Any]] {
            try lines.split(separator: "\n").map { line in
                try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            }
        }

        private func check(_ objects: [[String: Any]]) throws {
            for (answer, object) in zip(try Python.check(["ocsf"], objects), objects) {
                #expect(answer.result != nil, "\(answer.error ?? ""): \(String(describing: object).prefix(2_000))")
            }
        }

        @Test(.enabled(if: Python.has("ocsf_json_schema", "py_ocsf_models", "jsonschema"), "\(Python.reason)"))
        func theFindingsOfTheShippedDetectorsFitThePublishedSchema() async throws {
            try await Stage.with { stage in
                let fixtures = Project.root.appending(path: "fixtures")
                let day = fixtures.appending(path: "day.ndjson.gz").path
                let found = try await stage.run([
                    "backtest", "--detectors", Project.detectors, "--input", day, "--format", "ocsf", "--identities",
                    fixtures.appending(path: "identities.csv").path, "--calendar",
                    fixtures.appending(path: "deployment.ics").path,
                ])
                #expect(found.status == 0, "\(found.errors)")
                let findings = try objects(found.output)
                #expect(findings.count > 15)
                try check(findings)
                // One event of each shape of the day.
                let unpacked = try await stage.run(["-dc", day], program: URL(filePath: "/usr/bin/gzip"))
                var shapes: [String: [String: Any]] = [:]
                for line in unpacked.output.split(separator: "\n") {
                    let operation = line.firstMatch(of: /"operation":"([a-z.]+)"/).map { String($0.1) } ?? "logon"
                    let key = "\(operation) \(line.contains("\"Service\"")) \(line.contains("\"status_id\":2"))"
                    if shapes[key] == nil { shapes[key] = try objects(String(line)).first }
                }
                #expect(shapes.count > 15)
                try check(Array(shapes.values))
            }
        }

        @Test(.enabled(if: Python.has("junitparser"), "\(Python.reason)"))
        func anotherReaderOfJUnitCountsTheSameTests() async throws {
            try await Stage.with { stage in
                try stage.write(
                    "rules/a.yml",
                    DetectionAsCode.rule(
                        "a",
                        "gatewatch: { tests: [{ name: '<&\"never', events: { set: { op: b } }, alerts: 1 }, { name: once, events: { set: { op: a } }, alerts: 1 }] }"
                    ))
                let result = try await stage.run(["detectors", "test", "rules", "--junit", "results.xml"])
                #expect(result.status == 1, "\(result.errors)")
                let xml = try String(contentsOfFile: stage.path("results.xml"), encoding: .utf8)
                let answers = try Python.check(
                    ["junit"],
                    [
                        ["text": xml], ["text": xml.replacing("</testsuite>", with: "")],
                        ["text": xml.replacing("failures=\"1\"", with: "failures=\"0\"")],
                    ])
                #expect(answers[0].result?["tests"] as? Int == 2, "\(answers[0].error ?? "")")
                #expect((answers[0].result?["failed"] as? [String])?.first?.contains("<&\"never") == true)
                #expect(answers[1].error != nil && answers[2].error != nil)
            }
        }
    }
}
