// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import GRDB
import Testing

extension EndToEnd {
    /// `gatewatch report` on the fixture month, against numbers that the sqlite3 command line computes.
    @Suite struct TheReport {
        private static let week = (name: "2026-W47", from: 1_794_787_200_000, to: 1_795_392_000_000)

        @Test(.enabled(if: Project.program("sqlite3") != nil, "sqlite3 is not installed: make setup"))
        func everySectionHasTheNumbersThatSQLiteComputes() async throws {
            try await Stage.with { stage in
                let folder = stage.path("month")
                let month = try await stage.run([
                    "fixtures", "--month", "--identities", "16", "--state", folder, "--detectors", Project.detectors,
                ])
                #expect(month.status == 0, "\(month.errors)")
                let arguments = [
                    "report", "--state", folder, "--week", Self.week.name, "--detectors", Project.detectors,
                    "--format", "json",
                ]
                let first = try await stage.run(arguments)
                #expect(first.status == 0, "\(first.errors)")
                #expect(try await stage.run(arguments).output == first.output)
                let report = try JSON(first.output)["report"]
                let sqlite = SQLite(folder: folder)
                for check in Self.checks {
                    let expected = try sqlite.numbers(check.database, check.sql)
                    let found = check.found(report)
                    #expect(
                        found.count == expected.count
                            && zip(found, expected).allSatisfy { abs($0 - $1) <= check.within },
                        "\(check.what): the report has \(found), sqlite3 \(expected)")
                }
                // The month has something in every section: a comparison of nothing with nothing proves nothing.
                for figure in [
                    report["signals"]["alerts"], report["incidents"]["count"], report["changes"]["count"],
                    report["enforcement"]["asked"], report["appendix"]["integrity"]["rows"],
                    report["risk"]["identities"],
                ] {
                    #expect(figure.number > 0)
                }
            }
        }

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

        private struct Check: Sendable {
            let what: String
            let database: String
            let sql: String
            var within = 0.001
            let found: @Sendable (JSON) -> [Double]
        }

        private static func rules(in folder: String) -> String {
            let path = "\(Project.detectors)/\(folder)"
            let files = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            let ids = files.filter { $0.hasSuffix(".yml") }.flatMap { file in
                ((try? String(contentsOfFile: "\(path)/\(file)", encoding: .utf8)) ?? "").split(separator: "\n")
                    .filter { $0.hasPrefix("id: ") }.map { "'\($0.dropFirst(4))'" }
            }
            return "(\(ids.joined(separator: ", ")))"
        }

        private static let inWeek = "time >= \(week.from) AND time < \(week.to)"
        private static let days = "day >= \(week.from / 86_400_000) AND day < \(week.to / 86_400_000)"
        private static let hours = "hour >= \(week.from / 3_600_000) AND hour < \(week.to / 3_600_000)"
        private static let sent = "coalesce(rule_status, '') <> 'experimental'"

        private static let checks: [Check] = [
            Check(
                what: "1 header", database: "activity",
                sql:
                    "SELECT count(DISTINCT hour), sum(events), sum(unreadable) FROM coverage WHERE \(hours) AND events > 0"
            ) { report in
                ["hours_with_events", "events_read", "events_unreadable"].map { report["header"][$0].number }
            },
            Check(
                what: "2 summary", database: "hub",
                sql: """
                    SELECT count(*) FILTER (WHERE opened_at BETWEEN \(week.from) AND \(week.to - 1)),
                        count(*) FILTER (WHERE opened_at BETWEEN \(week.from - 604_800_000) AND \(week.from - 1)),
                        count(*) FILTER (WHERE closed_at BETWEEN \(week.from) AND \(week.to - 1)),
                        count(*) FILTER (WHERE opened_at < \(week.to) AND ifnull(closed_at, \(week.to)) >= \(week.to))
                    FROM incidents
                    """
            ) { report in
                ["opened", "opened_before", "closed", "open_at_end"].map { report["summary"][$0].number }
            },
            Check(
                what: "3 risk", database: "hub",
                // The latest alert of each identity, its terms faded by the rules' half-life of 7 days.
                sql: """
                    WITH latest AS (SELECT identity, max(time * 1000 + json_extract(json, '$.risk_score')) AS place
                        FROM alerts WHERE time < \(week.to) AND json_extract(json, '$.risk_score') IS NOT NULL GROUP BY 1)
                    SELECT round(sum(json_extract(value, '$.points')) * pow(0.5, (\(week.to) - time) / 604800000.0), 1) AS score
                    FROM latest JOIN alerts a USING (identity), json_each(a.json, '$.unmapped.risk_terms')
                    WHERE time * 1000 + json_extract(a.json, '$.risk_score') = place GROUP BY identity HAVING score >= 1
                    ORDER BY score DESC LIMIT 20
                    """, within: 0.11
            ) { $0["risk"]["top"].list.map { $0["score"].number } },
            Check(
                what: "4 signals", database: "hub",
                sql: """
                    SELECT count(*), count(DISTINCT identity), count(*) FILTER (WHERE rule IN \(rules(in: "bulk_requests"))),
                        count(*) FILTER (WHERE rule IN \(rules(in: "checkpoints"))),
                        count(*) FILTER (WHERE rule IN \(rules(in: "training_data"))),
                        count(*) FILTER (WHERE rule IN \(rules(in: "configuration"))),
                        count(*) FILTER (WHERE rule IN \(rules(in: "credentials"))),
                        count(*) FILTER (WHERE strftime('%w %H', time / 1000, 'unixepoch') = '2 09')
                    FROM alerts WHERE \(inWeek) AND \(sent)
                    """
            ) { report in
                let signals = report["signals"]
                return [signals["alerts"].number, signals["identities"].number]
                    + signals["families"].list.prefix(5).map { $0["alerts"].number }
                    + [signals["heat"].list[1].list[9].number]
            },
            Check(
                what: "4 volumes", database: "activity",
                sql: """
                    SELECT sum(bytes_out), sum(CASE WHEN operation LIKE 'vectors.query' OR operation = 'vectors.export'
                        THEN items ELSE 0 END) FROM hours WHERE \(hours)
                    """
            ) { [$0["signals"]["bytes_out"]["week"].number, $0["signals"]["vectors_out"]["week"].number] },
            Check(
                what: "5 crown jewels", database: "activity",
                sql: """
                    SELECT bytes, readers, denied, unapproved FROM (
                        SELECT resource_id, sum(bytes_out) AS bytes, sum(denied) AS denied, sum(unapproved) AS unapproved,
                            count(DISTINCT iif(events - denied > 0, identity_id, NULL)) AS readers
                        FROM reach_days WHERE \(days) AND resource_id IN
                            (SELECT id FROM resources WHERE type = 'checkpoint' OR type = 'model') GROUP BY resource_id)
                    ORDER BY unapproved DESC, bytes DESC LIMIT 1
                    """
            ) { report in
                let asset = report["assets"]["groups"].list[0]["assets"].list.first
                return ["bytes_out", "identities", "denied", "unapproved"].compactMap { asset?[$0].number }
            },
            Check(
                what: "5 unapproved", database: "activity", sql: "SELECT sum(unapproved) FROM reach_days WHERE \(days)"
            ) { [$0["assets"]["unapproved_total"].number] },
            Check(
                what: "6 incidents", database: "hub",
                sql: """
                    SELECT count(*) FROM incidents WHERE opened_at < \(week.to) AND NOT (opened_at < \(week.from)
                        AND NOT (last_alert_at BETWEEN \(week.from) AND \(week.to - 1))
                        AND closed_at IS NOT NULL AND closed_at < \(week.from))
                    """
            ) { [$0["incidents"]["count"].number] },
            Check(
                what: "7 enforcement", database: "hub",
                sql: """
                    SELECT count(DISTINCT id) FILTER (WHERE kind = 'order'), count(DISTINCT id) FILTER (WHERE kind = 'approval')
                    FROM (SELECT id, kind, at FROM incident_controls
                        UNION ALL SELECT reference, kind, at FROM incident_entries
                            WHERE kind IN ('order', 'approval') AND reference NOT LIKE '%/%')
                    WHERE at >= \(week.from) AND at < \(week.to)
                    """
            ) { [$0["enforcement"]["order_count"].number, $0["enforcement"]["asked"].number] },
            Check(
                what: "8 access", database: "activity",
                sql: """
                    SELECT (SELECT count(*) FROM identities i WHERE last_at < \(week.to) - 60 * 86400000 AND identity <> ''
                            AND EXISTS (SELECT 1 FROM reach r WHERE r.identity_id = i.id AND events > denied)),
                        (SELECT count(*) FROM sessions WHERE last_at >= \(week.from) AND started_at < \(week.to)
                            AND last_at - started_at > 86400000),
                        (SELECT count(DISTINCT b.identity_id) FROM sessions a JOIN sessions b ON a.identity_id = b.identity_id
                            AND a.address <> b.address AND a.started_at <= b.started_at AND a.last_at > b.started_at
                            AND a.id <> b.id
                            WHERE min(a.last_at, b.last_at) >= \(week.from) AND max(a.started_at, b.started_at) < \(week.to))
                    """
            ) { report in ["dormant_count", "long_session_count", "shared_count"].map { report["access"][$0].number } },
            Check(
                what: "9 changes", database: "activity",
                sql: """
                    SELECT count(*), count(*) FILTER (WHERE change_id IS NULL AND decision = 'allowed'),
                        count(*) FILTER (WHERE decision IN ('denied', 'approval')),
                        count(*) FILTER (WHERE event_id IN (SELECT event FROM hub.incident_alerts
                            WHERE rule IN \(rules(in: "configuration"))))
                    FROM changes WHERE at >= \(week.from) AND at < \(week.to)
                    """
            ) { report in
                ["count", "without_change_id", "denied", "out_of_window"].map { report["changes"][$0].number }
            },
            Check(
                what: "10 rules", database: "hub",
                sql: """
                    SELECT alerts FROM (SELECT rule, sum(time >= \(week.from)) AS alerts, count(*) - sum(time >= \(week.from)) AS past
                        FROM alerts WHERE time BETWEEN \(week.from - 604_800_000) AND \(week.to - 1) GROUP BY rule)
                    ORDER BY alerts DESC, past DESC
                    """
            ) { $0["detection"]["rules"].list.map { $0["alerts"].number } },
            Check(
                what: "10 times and deliveries", database: "hub",
                sql: """
                    SELECT (SELECT avg(time - json_extract(json, '$.finding_info.first_seen_time')) FROM alerts
                            WHERE \(inWeek) AND \(sent)),
                        count(*), ifnull(sum(state = 'dead'), 0) FROM deliveries
                    WHERE created_at >= \(week.from) AND created_at < \(week.to)
                    """, within: 0.51
            ) { report in ["mean_time_to_detect", "deliveries", "dead"].map { report["detection"][$0].number } },
            Check(
                what: "11 recommendations", database: "hub",
                sql: """
                    SELECT count(*) FROM (SELECT severity FROM incidents WHERE opened_at < \(week.to) AND status = 'open'
                        AND assignee IS NULL AND severity >= 4)
                    """
            ) { report in
                [Double(report["recommendations"].list.count { $0["key"].text.hasPrefix("incident.owner:") })]
            },
            Check(
                what: "12 evidence", database: "hub", sql: "SELECT count(*) FROM evidence WHERE at < \(week.to)"
            ) { [$0["appendix"]["integrity"]["rows"].number] },
        ]
    }
}

/// The sqlite3 command line on a month's databases.
private struct SQLite {
    let folder: String

    func numbers(_ database: String, _ sql: String) throws -> [Double] {
        let process = Process()
        process.executableURL = Project.program("sqlite3")
        process.arguments = [
            "-batch", "\(folder)/\(database).sqlite", "ATTACH '\(folder)/hub.sqlite' AS hub; \(sql)",
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(sql)")
        return String(decoding: output, as: UTF8.self).split(whereSeparator: { $0 == "|" || $0 == "\n" })
            .map { Double($0) ?? .nan }
    }
}

/// A JSON document, read leniently: what is not there is 0, empty or no elements.
private struct JSON {
    private let value: Any?

    init(_ text: String) throws { value = try JSONSerialization.jsonObject(with: Data(text.utf8)) }
    private init(value: Any?) { self.value = value }

    subscript(_ key: String) -> JSON { JSON(value: (value as? [String: Any])?[key]) }
    var list: [JSON] { (value as? [Any])?.map { JSON(value: $0) } ?? [] }
    var number: Double { (value as? NSNumber)?.doubleValue ?? 0 }
    var text: String { value as? String ?? "" }
}
