// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import GRDB
import Hub
import Notifications
import Routing
import TestSupport
import Testing
import YAMLDocument

@Suite struct RoutedAlertTests {
    private func tree(_ yaml: String) throws -> RoutingConfiguration? {
        let node = try #require(try YAMLReader.documents(text: yaml, file: "gatewatch.yml").first)
        return try RoutingReader.configuration(node, receivers: ["soc", "chat"].map { KnownReceiver(name: $0) })
    }

    /// A delivered body as JSON.
    private func data(_ request: LocalReceiver.Request) throws -> [String: Any] {
        let body = try #require(try JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any])
        #expect(body["type"] as? String == "gatewatch.notification")
        return try #require(body["data"] as? [String: Any])
    }

    @Test func theAlertsOfAnIncidentAreOneDeliveryAndItsEndIsAnother() async throws {
        try await LocalReceiver.with { receiver in
            let stage = try Stage()
            let json = finding("a1", incident: "i1", extra: ",  \"note\" : 1.50 ")
            for payload in [json, finding("a2", incident: "i1"), finding("x", status: "experimental", incident: "i1")] {
                try await stage.send(payload)
            }
            let tree = try tree("route: { receiver: soc, group_wait: 1s, group_interval: 1s }")
            try await stage.withHub(["soc": receiver.url, "chat": receiver.url], routing: tree) {
                (hub: HubService) async throws in
                #expect(try await eventually { receiver.ids.count == 1 })
                #expect(try hub.resolve(incident: "i1") == 2)
                #expect(try await eventually { receiver.ids.count == 2 })
            }
            let requests = receiver.requests
            for request in requests { try request.verify() }
            #expect(Set(requests.map(\.id)).count == 2 && requests.allSatisfy { $0.id.hasPrefix("ntf_") })
            let firing = try data(requests[0])
            #expect(firing["status"] as? String == "firing" && firing["incident"] as? String == "i1")
            #expect(firing["incidentURL"] as? String == "https://gatewatch.example.com/incidents/i1")
            #expect(firing["groupLabels"] as? [String: String] == ["incident": "i1"])
            let alerts = try #require(firing["alerts"] as? [[String: Any]])
            #expect(alerts.map { ($0["labels"] as? [String: String])?["alert"] } == ["a1", "a2"])
            // The finding is in it as it came, byte for byte.
            #expect(String(decoding: requests[0].body, as: UTF8.self).contains("\"finding\":" + json + "}"))
            let over = try data(requests[1])
            #expect(over["status"] as? String == "resolved" && over["notificationReason"] as? String == "all_resolved")
            #expect((over["alerts"] as? [[String: Any]])?.allSatisfy { $0["endsAt"] != nil } == true)
        }
    }

    @Test func eachMediumGetsItsFormAndASIEMEachAlertOnce() async throws {
        try await LocalReceiver.with { chat in
            try await LocalReceiver.with { siem in
                let stage = try Stage()
                let options = CurlClient.Options(addresses: .allowingPrivate)
                let receiver = Receiver(
                    name: "soc",
                    integrations: [
                        .init(
                            target: try HTTPTarget(
                                name: "soc-slack", url: Secret(chat.url), service: .slack, options: options),
                            format: .slack(MessageTemplates()), sendsResolved: false),
                        .init(
                            target: try HTTPTarget(
                                name: "soc-ocsf", url: Secret(siem.url), service: .slack, options: options),
                            format: .ocsf(.lines), sendsResolved: false),
                    ])
                let tree = try tree("route: { receiver: soc, group_wait: 0s, group_interval: 1s }")
                let first = finding("a1", incident: "i1")
                try await stage.withHub([receiver], routing: tree) { (hub: HubService) async throws in
                    try await stage.send(first)
                    #expect(try await eventually { chat.requests.count == 1 && siem.requests.count == 1 })
                    try await stage.send(finding("a2", incident: "i1", extra: ",\"message\":\"<!channel>\""))
                    #expect(try await eventually { chat.requests.count == 2 && siem.requests.count == 2 })
                    #expect(try hub.resolve(incident: "i1") == 2)
                }
                #expect(siem.requests.first?.body == Array((first + "\n").utf8))
                #expect(siem.requests.count == 2)
                let words = chat.requests.map { String(decoding: $0.body, as: UTF8.self) }
                #expect(words.allSatisfy { $0.contains("\"blocks\":[") && !$0.contains("<!channel") })
                #expect(words.last?.contains("&lt;!channel&gt;") == true)
            }
        }
    }

    @Test func aGroupThatWaitsIsToldByTheNextRun() async throws {
        try await LocalReceiver.with { receiver in
            let stage = try Stage()
            try await stage.send(finding("a1", incident: "i1"))
            let tree = try tree("route: { receiver: soc, group_wait: 1h }")
            try await stage.withHub(["soc": receiver.url], routing: tree) { (hub: HubService) async throws in
                #expect(try await eventually { try hub.alerts().count == 1 })
            }
            #expect(receiver.ids.isEmpty)
            try await OutboxSchema.open(path: stage.databasePath).write { db in
                try db.execute(sql: "UPDATE routing_groups SET next_flush_at = 0")
            }
            try await stage.withHub(["soc": receiver.url], routing: tree) { (_: HubService) async throws in
                #expect(try await eventually { receiver.ids.count == 1 })
            }
        }
    }
}
