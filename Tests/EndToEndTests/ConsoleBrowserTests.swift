// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Incidents
import Kafka
import LocalServices
import NIOHTTP1
import Orders
import Paging
import Signing
import TestSupport
import Testing

/// Chromium and Playwright.
private enum Browser {
    static let python = Clients.venv.appending(path: "bin/python")
    static let isThere =
        FileManager.default.isExecutableFile(atPath: Clients.venv.appending(path: "bin/playwright").path)
        && Project.program("chromium") != nil
    static let reason: Comment =
        "chromium is not on PATH, or Playwright not in ~/.cache/gatewatch-test-venv (or GATEWATCH_TEST_VENV): make clients"
}

extension GatewayEndToEnd {
    /// The console in a real browser, with a real gateway and hub behind it.
    @Suite struct ConsoleInABrowser {
        private static let hub = """
            hub:
              state: hub
              admin: 127.0.0.1:0
              key: { name: hub-1, secret: "file:hub.key" }
              recordings: {}
              console:
                listen: 127.0.0.1:0
                oidc: { issuer: "ISSUER", client_id: CLIENT, client_secret: "SECRET", algorithms: [ES256] }
                roles: { viewer: [audit], analyst: [soc], approver: [security] }

            """

        @Test(.enabled(if: Browser.isThere, Browser.reason))
        func aPersonWorksOnAnIncidentApprovesLiftsAndReplays() async throws {
            try await GatewayStage.with(partitions: 2) { around in
                let stage = around.stage
                let key = try SigningKey.generate(name: "hub-1")
                try key.save(to: stage.path("hub.key"))
                let keys = try String(contentsOfFile: stage.path("keys.yml"), encoding: .utf8)
                try stage.write(
                    "keys.yml",
                    keys.trimmingCharacters(in: .newlines)
                        + "\n  - { name: hub-1, role: hub, may: [issue, lift, approve], key: \"\(key.publicText)\" }\n")
                try stage.write(
                    "connections.yml",
                    around.localConnections(policies: [
                        "vectors": "{ approval: { items: 100, operations: [vectors.export] } }"
                    ]))
                try stage.write(
                    "gateway.yml",
                    around.configuration()
                        + Self.hub.replacing("ISSUER", with: around.issuerURL)
                        .replacing("CLIENT", with: LocalIssuer.clientID)
                        .replacing("SECRET", with: LocalIssuer.clientSecret))
                let gateway = try await around.startGateway()
                let hub = try stage.start("hub", ["hub", "--config", stage.path("gateway.yml")])
                try await hub.waitForLog("the console is at ")
                let found = hub.errors.firstMatch(of: /the console is at (http:\/\/127\.0\.0\.1:[0-9]+)/)
                let url = String(try #require(found).output.1)

                try await Self.sendAlert(around)
                try await around.issue([.block], on: "eve")
                let token = try around.token("ana")
                for _ in 0..<3 { #expect(try await gateway.embed(token).status == 200) }
                // Somebody waits for an approval while the browser walks towards it.
                async let waiting = gateway.send(
                    .POST, "/vectors/collections/docs/points/query", token: around.token("ben"),
                    body: #"{"query":[0.1],"limit":2000}"#, headers: [("prefer", "wait=120")])
                let walk = try stage.start(
                    "browser",
                    [Clients.folder.appending(path: "console_browser.py").path, url, stage.path("")],
                    program: Browser.python)
                let end = try await walk.waitForExit(seconds: 180)
                #expect(end == .status(0), "\(walk.tail)")
                guard end == .status(0) else { return }
                #expect(try await waiting.status == 200)
                #expect(try await gateway.embed(around.token("eve")).status == 200)

                let database = try DatabaseQueue(path: stage.path("hub/hub.sqlite"))
                let rows = try await database.read { try EvidenceChain.page(in: $0).items.reversed() }
                #expect(
                    rows.filter { $0.actor == "cleo@example.com" }.map(\.action) == [
                        "person.login", "incident.comment", "approval.approve", "order.lift", "recording.replay",
                        "person.login", "incident.disposition",
                    ])
            }
        }

        /// An alert whose texts would run a script.
        private static func sendAlert(_ around: GatewayStage) async throws {
            let probe = #"\"'><img src=x onerror=\"window.attacked=1\"><script>window.attacked=1</script>"#
            let now = Int64(Date().timeIntervalSince1970 * 1000)
            let json = """
                {"class_uid":2004,"time":\(now),"severity_id":4,"message":"ana pulled 20,000 \(probe)","risk_score":60,
                "finding_info":{"uid":"alert-1","title":"Bulk pull of vectors \(probe)","analytic":{"uid":"bulk"}},
                "unmapped":{"identity":"ana@example.com","incident_uid":"11111111-1111-8111-8111-111111111111",
                "risk_terms":[{"rule":"bulk","points":60,"alerts":1,"time":\(now)}]}}
                """
            let producer = try KafkaProducer(
                properties: KafkaProperties(["linger.ms": "0"]).merging(around.broker.clientProperties), logger: quiet)
            defer { producer.close() }
            _ = try await producer.send(
                topic: Stage.alertsTopic, key: Array("ana@example.com".utf8), payload: Array(json.utf8))
        }
    }
}
