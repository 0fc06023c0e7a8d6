// SPDX-License-Identifier: Apache-2.0

import Activity
import FixtureHub
import Fixtures
import Foundation
import GRDB
import Testing

/// A small month, played once for all tests.
@Suite struct FixtureHubTests {
    private static let options = FixtureMonth.Options(days: 28, history: 35, identities: 16)
    private static let rules = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("detectors").path

    private func play(_ options: FixtureMonth.Options) throws -> (FixtureHub.Summary, [String]) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("month-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let summary = try FixtureHub(FixtureMonth(options), detectors: [Self.rules], folder: folder.path).run()
        var contents: [String] = []
        for (file, tables) in [
            (
                FixtureHub.hubFile,
                ["alerts", "incidents", "incident_entries", "incident_controls", "deliveries", "evidence"]
            ),
            (
                FixtureHub.activityFile,
                ["identities", "hours", "reach", "reach_days", "sessions", "changes", "coverage"]
            ),
        ] {
            let database = try DatabaseQueue(path: folder.appendingPathComponent(file).path)
            for table in tables {
                let rows = try database.read { try Row.fetchAll($0, sql: "SELECT * FROM \(table)") }
                #expect(!rows.isEmpty, "\(table)")
                contents += rows.map { "\(table) \($0.databaseValues)" }
            }
        }
        return (summary, contents)
    }

    @Test func theSameMonthGivesTheSameContents() throws {
        let options = FixtureMonth.Options(days: 7, history: 3, identities: 8)
        let (first, second) = (try play(options), try play(options))
        #expect(first.0 == second.0)
        #expect(Set(first.1).symmetricDifference(second.1).sorted().prefix(4).isEmpty)
    }

    @Test func everyDeedIsFound() throws {
        let (summary, _) = try play(Self.options)
        #expect(summary.missed.isEmpty)
        #expect(summary.deeds.count >= 12)
        #expect(summary.orders > 0)
        #expect(summary.approvals > 10)
    }
}
