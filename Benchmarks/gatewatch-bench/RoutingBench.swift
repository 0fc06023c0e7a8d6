// SPDX-License-Identifier: Apache-2.0

import Delivery
import Finding
import Foundation
import GRDB
import Logging
import Routing
import YAMLDocument

/// Alerts through routing into the outbox, against the outbox alone: the same findings, the same file, transactions of 100.
enum RoutingBench {
    private static let alerts = 10_000
    private static let batch = 100

    private static let tree = """
        route:
          receiver: soc
          group_by: [incident]
          group_wait: 0s
          routes:
          - { matchers: ['severity="critical"'], receiver: pager, continue: true }
          - { matchers: ['identity=~"svc-.*"'] }
          - { matchers: ['severity!="critical"'] }
        inhibit_rules:
        - { source_matchers: ['alertname="mr_gw_chain"'], target_matchers: ['severity="low"'], equal: [incident] }
        """

    static func run() throws {
        let findings = (0..<alerts).map(finding)
        let alone = try rate { outbox, part in
            try outbox.enqueue(
                findings[part].enumerated().map { index, body in
                    NewDelivery(
                        messageID: "m\(part.lowerBound + index)", target: "soc", orderingKey: "i\(index)", body: body)
                })
        }
        row("outbox alone", "\(format(alone, 0)) alerts/s")
        for incidents in [1, alerts] {
            let node = try YAMLReader.documents(text: tree, file: "tree")[0]
            let receivers = [KnownReceiver(name: "soc"), KnownReceiver(name: "pager")]
            guard let configuration = try RoutingReader.configuration(node, receivers: receivers) else { return }
            var engine: RoutingEngine?
            var notifications = 0
            let routed = try rate { outbox, part in
                let routing =
                    try engine ?? RoutingEngine(database: outbox.database, configuration: configuration, now: 0)
                engine = routing
                let taken = try findings[part].enumerated().map { index, finding in
                    var alert = RoutedAlert(try DetectionFinding(finding), json: finding)
                    let incident = "i\((part.lowerBound + index) % incidents)"
                    alert.labels = LabelSet(
                        [("incident", incident)] + alert.labels.labels.map { ($0.name, $0.value) })
                    return alert
                }
                notifications += try outbox.database.write { db in
                    try routing.take(taken, now: Int64(part.lowerBound), in: db)
                    return try routing.flush(now: Int64(part.lowerBound), limit: 500, in: db) { notification, db in
                        let delivery = NewDelivery(
                            messageID: notification.id, target: notification.receiver,
                            orderingKey: notification.incident ?? notification.groupKey,
                            body: notification.alerts.flatMap(\.finding))
                        try outbox.enqueue([delivery], in: db)
                    }.notifications
                }
            }
            row(
                "routing, \(incidents) incident\(incidents == 1 ? "" : "s"), to the outbox",
                "\(format(routed, 0)) alerts/s, \(format(routed / alone, 2)) of the outbox alone, \(notifications) notifications"
            )
        }
    }

    /// Alerts per second of wall time, the commits to the disk included.
    private static func rate(_ body: (DeliveryOutbox, Range<Int>) throws -> Void) throws -> Double {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("routing-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let secret = try WebhookSecret(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        let outbox = try DeliveryOutbox(
            database: OutboxSchema.open(path: folder.appendingPathComponent("hub.sqlite").path),
            targets: ["soc", "pager"].map {
                try WebhookTarget(name: $0, url: "http://127.0.0.1:1/", secrets: [secret])
            },
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        let began = ContinuousClock.now
        for start in stride(from: 0, to: alerts, by: batch) { try body(outbox, start..<start + batch) }
        let took = ContinuousClock.now - began
        return Double(alerts) / (Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18)
    }

    private static func finding(_ number: Int) -> [UInt8] {
        Array(
            """
            {"activity_id":1,"class_uid":2004,"time":\(1_614_265_330_005 + number),"severity_id":\(number % 4 + 2),"risk_score":93,\
            "risk_level":"Critical","message":"\(String(repeating: "m", count: 900))","finding_info":{"uid":"a-\(number)",\
            "title":"Bulk vectors","analytic":{"uid":"0b1c","name":"mr_gw_bulk_vectors"},"attacks":[{"technique":\
            {"uid":"T1567.002"}}],"tags":[{"name":"attack.exfiltration"},{"name":"attack.t1567.002"}]},"unmapped":{"identity":\
            "person\(number % 500)@example.com","rule_status":"stable","group":{"identity":"person\(number % 500)@example.com"}}}
            """.utf8)
    }
}
