// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    /// `gatewatch detectors test`.
    @Suite struct DetectorsCommand {
        @Test func theShippedDetectorsPassTheirTests() async throws {
            try await Stage.with { stage in
                let result = try await stage.run(["detectors", "test", Project.detectors])
                #expect(result.status == 0, "\(result.output)\(result.errors)")
                #expect(result.output.contains(/[1-9][0-9]* passed, 0 failed/))
                #expect(!result.output.contains("without tests"))
            }
        }

        @Test func everyThresholdIsSeen() {
            // Guards the tests below: they find the thresholds by reading the files.
            #expect(Project.thresholds.count >= 7)
            #expect(Set(Project.thresholds.map(\.file)).count >= 4)
        }

        @Test(arguments: Project.thresholds, [1, -1])
        func aThresholdChangedByOneMakesATestFail(_ threshold: Project.Threshold, by change: Int) async throws {
            try await Stage.with { stage in
                let folder = try stage.copyDetectors { name, text in
                    guard name == threshold.file else { return text }
                    var lines = text.components(separatedBy: "\n")
                    lines[threshold.line - 1] = lines[threshold.line - 1].replacing(
                        "gte: \(threshold.value)", with: "gte: \(threshold.value + change)")
                    return lines.joined(separator: "\n")
                }
                let result = try await stage.run(["detectors", "test", folder])
                #expect(result.status == 1, "\(result.output)\(result.errors)")
                // Rule and test, then file and line of the test.
                let place = try #require(
                    result.output.firstMatch(
                        of: /FAIL  ([a-z0-9_]+): .+\n +(\S+\.yml):([0-9]+): expected [0-9]+ alerts?, got [0-9]+/))
                let (rule, file, line) = (String(place.output.1), String(place.output.2), Int(place.output.3) ?? 0)
                let lines = try String(contentsOfFile: file, encoding: .utf8).components(separatedBy: "\n")
                #expect(lines.contains("name: \(rule)"))
                #expect(lines[line - 1].contains("- name: "))
                #expect(result.output.contains("\(threshold.file):"))
            }
        }
    }
}

extension Stage {
    /// Copies the shipped detectors into the stage's folder, each file through `edit`; returns the copy's path.
    func copyDetectors(_ edit: (_ name: String, _ text: String) -> String) throws -> String {
        let names = FileManager.default.enumerator(atPath: Project.detectors)?.compactMap { $0 as? String } ?? []
        for name in names where name.hasSuffix(".yml") || name.hasSuffix(".ics") {
            let text = try String(contentsOfFile: "\(Project.detectors)/\(name)", encoding: .utf8)
            try write("copy/\(name)", edit(name, text))
        }
        return path("copy")
    }
}
