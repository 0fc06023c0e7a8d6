// SPDX-License-Identifier: Apache-2.0

import Delivery
import Finding
import Foundation
import GRDB
import Incidents
import Signing
import Testing

extension EndToEnd {
    /// `gatewatch incidents` and `gatewatch evidence`, beside a hub's database.
    @Suite struct IncidentsByHand {
        private let id = "1b2c3d4e-0000-8000-8000-000000000001"

        /// A hub's folder with an incident of two alerts, one of whose names would steer the terminal.
        private func prepare(_ stage: Stage) throws -> [String] {
            try FileManager.default.createDirectory(atPath: stage.path("hub"), withIntermediateDirectories: true)
            let database = try OutboxSchema.open(path: stage.path("hub/hub.sqlite"))
            try IncidentSchema.migrate(database)
            let now = Int64(Date().timeIntervalSince1970 * 1000)
            let store = IncidentStore { _, _, _, _ in }
            try database.write { db in
                for (alert, title) in [("a1", "Bulk requests"), ("a2", "Chain\u{1B}[2J")] {
                    _ = try store.take(
                        IncidentAlert(
                            id: alert, incident: id, identity: "ana@example.com", rule: "bulk", title: title,
                            severity: alert == "a1" ? 3 : 5, time: now - 60_000, riskScore: 93,
                            riskTerms: [.init(rule: "chain", points: 80, alerts: 1, time: now)], event: alert,
                            resource: "collection:prices", bytes: 1_000, items: 20), now: now, in: db)
                }
            }
            return ["--state", stage.path("hub")]
        }

        @Test func anIncidentIsSeenWorkedOnAndProven() async throws {
            try await Stage.with { stage in
                let common = try prepare(stage)
                let list = try await stage.run(["incidents"] + common)
                #expect(list.status == 0 && !list.output.contains("\u{1B}"), "\(list.errors)")
                for word in ["1b2c3d4e", "critical", "ana@example.com", "93", "Chain"] {
                    #expect(list.output.contains(word))
                }
                for arguments in [
                    ["assign", "1b2c3d", "--to", "ben"], ["comment", "1b2c3d", "asked her"],
                    ["disposition", "1b2c3d", "false", "--reason", "CHG-4711"], ["close", "1b2c3d"],
                ] {
                    let done = try await stage.run(["incidents"] + arguments + ["--as", "ben"] + common)
                    #expect(done.status == 0, "\(arguments) \(done.errors)")
                }
                let show = try await stage.run(["incidents", "show", "1b2c3d"] + common)
                for words in [
                    "closed, critical, version 5", "93 = chain 80", "2000 bytes, 40 items  collection:prices",
                    "false: CHG-4711", "comment", "asked her", "no order that the hub has seen", "(person)",
                ] {
                    #expect(show.output.contains(words), "\(words) in \(show.output)")
                }
                #expect(!show.output.contains("\u{1B}"))
                let json = try await stage.run(["incidents", "show", id, "--json", "--limit", "2"] + common)
                let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
                #expect((object?["timeline"] as? [Any])?.count == 2 && object?["next"] != nil)
                #expect(try await stage.run(["incidents", "list"] + common).output == "there is no open incident\n")
                #expect(try await stage.run(["incidents", "precision"] + common).output.contains("0 %"))
                // 1: it cannot be done; 2: it was not said right; 3: there is nothing to look at.
                #expect(try await stage.run(["incidents", "close", "1b2c3d"] + common).status == 1)
                #expect(try await stage.run(["incidents", "show", "ffffff"] + common).status == 1)
                #expect(
                    try await stage.run(["incidents", "reopen", "1b2c3d", "--if-version", "4"] + common).status == 1)
                #expect(try await stage.run(["incidents", "show", "1b2"] + common).status == 2)
                #expect(try await stage.run(["incidents", "comment", "1b2c3d", ""] + common).status == 2)
                #expect(
                    try await stage.run(["incidents", "disposition", "1b2c3d", "maybe", "--reason", "x"] + common)
                        .status == 2)
                #expect(try await stage.run(["incidents", "list", "--state", stage.path("none")]).status == 3)
            }
        }

        @Test func evidenceIsSearchedExportedAndWhatWasChangedIsNamed() async throws {
            try await Stage.with { stage in
                let common = try prepare(stage)
                let key = try SigningKey.generate(name: "hub-1")
                try stage.write("keys.yml", "keys: [{ name: hub-1, role: hub, key: \"\(key.publicText)\" }]\n")
                for text in ["one", "two", "three"] {
                    _ = try await stage.run(
                        ["incidents", "comment", id, text, "--as", text == "two" ? "ben" : "ana"] + common)
                }
                let database = try OutboxSchema.open(path: stage.path("hub/hub.sqlite"))
                let tomorrow = Int64(Date().timeIntervalSince1970 * 1000) + 86_400_000
                let head = try await database.write {
                    try EvidenceHead.signIfDue(by: key, now: tomorrow, in: $0)
                }
                let trusted = ["--trusted-keys", stage.path("keys.yml")]
                let found = try await stage.run(
                    ["evidence", "search", "--actor", "ana", "--action", "incident.*"] + common)
                #expect(found.output.contains("three") && !found.output.contains("two"))
                let export = try await stage.run(["evidence", "export"] + common)
                let lines = export.output.split(separator: "\n")
                #expect(lines.count == 4 && lines[3].contains(#"{"head":{"sequence":3,"record":"eyJ"#))
                #expect(lines[0].contains(#""payload":{"comment":"one""#))
                let fine = try await stage.run(["evidence", "verify", "--signed"] + trusted + common)
                #expect(fine.status == 0 && fine.output.contains("3 rows fit"), "\(fine.output) \(fine.errors)")
                let noted = ["--head", "3:\(try #require(head?.hash))"]
                #expect(try await stage.run(["evidence", "verify"] + noted + common).status == 0)
                _ = try await stage.run(["incidents", "comment", id, "four", "--as", "ana"] + common)
                #expect(try await stage.run(["evidence", "verify"] + trusted + common).status == 0)
                let open = try await stage.run(["evidence", "verify", "--signed"] + trusted + common)
                #expect(open.status == 1 && open.errors.contains("row 4 of the evidence is covered by no signed head"))
                try await database.write { db in
                    try db.execute(
                        sql: "DROP TRIGGER evidence_stays; UPDATE evidence SET actor = 'cleo' WHERE sequence = 2")
                }
                let broken = try await stage.run(["evidence", "verify"] + common)
                #expect(broken.status == 1 && broken.errors.contains("row 2 of the evidence was changed"))
                #expect(try await stage.run(["evidence", "verify", "--from", "4"] + common).status == 0)
                #expect(try await stage.run(["evidence", "verify", "--from", "yesterday"] + common).status == 2)
            }
        }
    }
}
