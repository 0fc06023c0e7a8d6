// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    /// The report on the fixture month, number by number against the sqlite3 command line: `report/N-section.sql` compute what
    /// docs/report.md defines, with other queries than the report's.
    @Suite(.enabled(if: Project.program("sqlite3") != nil, "sqlite3 is not installed: make setup"))
    struct TheNumbersOfTheReport {
        /// What is in words alone, is the same in every report, or is compared by itself.
        private static let words: Set<String> = [
            "notes", "generator", "rule_set_hash", "lines", "paragraph", "method", "dictionary", "privacy", "effect",
            "is_repeated",
        ]

        /// The second one ends when clocks go back: 169 hours that begin at 22:00 UTC.
        @Test(arguments: [("2026-W47", "2026-W46", "UTC"), ("2026-W43", "2026-W42", "Europe/Berlin")])
        func everyNumberIsTheOneThatSQLiteComputes(week: String, before: String, zone: String) async throws {
            try await Stage.with { stage in
                let folder = stage.path("month")
                let month = try await stage.run([
                    "fixtures", "--month", "--identities", "16", "--state", folder, "--detectors", Project.detectors,
                ])
                #expect(month.status == 0, "\(month.errors)")
                let sqlite = ReportSQLite(folder: folder, zone: zone)
                try sqlite.putEdges(of: week)
                let configuration = try stage.write(
                    "gatewatch.yml",
                    "detect: { enforcement: { key: { name: d, secret: env:D }, safety: { protected: ['EDGE-?'] } } }\n")
                func report(_ form: String...) async throws {
                    let made = try await stage.run(
                        [
                            "report", "--config", configuration, "--state", folder, "--week", week, "--zone", zone,
                            "--detectors",
                            Project.detectors, "--identities", "\(folder)/identities.csv",
                        ] + form)
                    #expect(made.status == 0, "\(made.errors)")
                }
                try await report("--named", "--as", "ana", "--format", "json", "--out", "\(folder)/named.json")
                try await report("--format", "json", "--out", "\(folder)/codes.json")
                try await report("--format", "csv", "--out", "\(folder)/tables/")
                try await report("--format", "csv", "--out", "\(folder)/cells.csv")
                try await report("--format", "json", "--out", "\(folder)/again.json")
                let rules = try await stage.run(["detectors", "list", "--format", "json", Project.detectors])
                try rules.output.write(toFile: "\(folder)/rules.json", atomically: true, encoding: .utf8)

                let expected = try sqlite.sections(of: week)
                let named = try Self.form("\(folder)/named.json")
                for section in ReportSQLite.sections.dropFirst() {
                    let difference = Difference(leavingOut: Self.words)
                        .between(expected[section], named[section], section)
                    #expect(difference.isEmpty, "\(section): \(difference.prefix(20).joined(separator: "\n"))")
                }
                let lines = (named["summary"] as? [String: Any])?["lines"]
                #expect(Difference().between(expected["lines"], lines, "lines") == [])

                // What was recommended a week before, and what became of it.
                let past = Self.keys(try sqlite.sections(of: before)["recommendations"])
                let now = Self.keys(expected["recommendations"])
                let carried = named["carried_over"] as? [[String: Any]] ?? []
                #expect(Self.keys(carried) == past)
                #expect(carried.map { $0["is_done"] as? Bool } == past.map { !now.contains($0) })
                let advice = named["recommendations"] as? [[String: Any]] ?? []
                #expect(advice.map { $0["is_repeated"] as? Bool } == now.map { past.contains($0) })

                try check(tables: sqlite.tables(), in: folder)
                // The other edition has the same numbers, and again the same bytes.
                let codes = try Self.form("\(folder)/codes.json")
                #expect(
                    Difference(numbersOnly: true, leavingOut: ["notes", "privacy"]).between(named, codes, "codes") == []
                )
                #expect(
                    FileManager.default.contentsEqual(atPath: "\(folder)/codes.json", andPath: "\(folder)/again.json"))
            }
        }

        /// Every file has the rows that its query makes of the JSON form, and the one file has the cells of all of them.
        private func check(tables expected: [String: Any], in folder: String) throws {
            let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/tables").sorted()
            #expect(files.count > 25)
            var cells: [[String]] = []
            for file in files {
                let table = CSVText.rows(try String(contentsOfFile: "\(folder)/tables/\(file)", encoding: .utf8))
                let rows = expected[file] as? [Any] ?? []
                let difference = Difference(isText: true).between(rows, table.dropFirst().map(\.self) as [Any], file)
                #expect(difference.isEmpty, "\(difference.prefix(20).joined(separator: "\n"))")
                for (number, row) in table.dropFirst().enumerated() {
                    for (column, cell) in zip(table[0], row) {
                        cells.append([String(file.dropLast(4)), String(number + 1), column, cell])
                    }
                }
            }
            let single = CSVText.rows(try String(contentsOfFile: "\(folder)/cells.csv", encoding: .utf8))
            #expect(single.first == ["table", "row", "column", "value"])
            #expect(single.dropFirst().sorted { "\($0)" < "\($1)" } == cells.sorted { "\($0)" < "\($1)" })
        }

        private static func form(_ path: String) throws -> [String: Any] {
            let outer = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
            return try #require((outer as? [String: Any])?["report"] as? [String: Any])
        }

        private static func keys(_ list: Any?) -> [String] {
            (list as? [[String: Any]] ?? []).compactMap { $0["key"] as? String }
        }
    }
}
