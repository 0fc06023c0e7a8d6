// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import GRDB
import Testing

extension EndToEnd {
    /// `gatewatch report`: who may ask, and what is refused.
    @Suite struct TheReport {
        @Test func namesAreForWhoSaysWhoAsks() async throws {
            try await Stage.with { stage in
                try FileManager.default.createDirectory(atPath: stage.path("hub"), withIntermediateDirectories: true)
                let database = try OutboxSchema.open(path: stage.path("hub/hub.sqlite"))
                try await database.write { try $0.execute(sql: "PRAGMA user_version = 0") }
                let arguments = ["report", "--state", stage.path("hub"), "--week", "2026-W47"]
                let nobody = try await stage.run(arguments + ["--named"])
                #expect(nobody.status == 2 && nobody.errors.contains("--as"))
                for fault in [["--week", "2026-W54"], ["--zone", "Mars"], ["--format", "pdf"]] {
                    #expect(try await stage.run(arguments + fault).status == 2, "\(fault)")
                }
                let out = stage.path("named.json")
                let named = try await stage.run(
                    arguments + ["--named", "--as", "ben", "--format", "json", "--out", out])
                #expect(named.status == 0, "\(named.errors)")
                #expect(try FileManager.default.attributesOfItem(atPath: out)[.posixPermissions] as? Int == 0o600)
                #expect(try await stage.run(["report", "verify", out]).status == 0)
                try String(contentsOfFile: out, encoding: .utf8).replacingOccurrences(of: "2026-W47", with: "2026-W46")
                    .write(toFile: out, atomically: true, encoding: .utf8)
                #expect(try await stage.run(["report", "verify", out]).status == 1)
                let lookup = try await stage.run([
                    "report", "lookup", "P-00000000", "--as", "ben", "--state", stage.path("hub"),
                ])
                #expect(lookup.status == 1)
                let evidence = try await stage.run(["evidence", "search", "--state", stage.path("hub")])
                #expect(evidence.output.contains("report.named") && evidence.output.contains("report.lookup"))
                let tables = try await stage.run(arguments + ["--format", "csv", "--out", stage.path("tables") + "/"])
                #expect(tables.status == 0, "\(tables.errors)")
                #expect(FileManager.default.fileExists(atPath: stage.path("tables/figures.csv")))
            }
        }

        @Test(arguments: [
            ("schedule: noon", "no time of a week"), ("schedule: monday 07:00, zone: Mars", "no zone"),
            ("schedule: monday 07:00", "no receivers"),
            ("schedule: monday 07:00, receivers: [nobody]", "nobody"), ("shedule: monday 07:00", "shedule"),
        ])
        func aFaultOfTheScheduleIsNamed(report: String, words: String) async throws {
            try await Stage.with { stage in
                let path = stage.path("gatewatch.yml")
                try
                    "kafka: { bootstrap.servers: 'localhost:1' }\nhub:\n  state: \(stage.path("hub"))\n  report: { \(report) }\n"
                    .write(toFile: path, atomically: true, encoding: .utf8)
                let hub = try await stage.run(["hub", "--config", path, "--admin", "127.0.0.1:0"])
                #expect(hub.status == 3 && hub.errors.contains(words) && hub.errors.contains(path), "\(hub.errors)")
            }
        }
    }
}
