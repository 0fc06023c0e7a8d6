// SPDX-License-Identifier: Apache-2.0
import Foundation
import Notifications

/// Texts that an attacker would put into a user agent or a resource's name.
let probes = [
    "<script>alert(1)</script>", "*bold* _i_ `code` [x](https://evil.example)",
    "<!channel> <@U024BE7LH> <https://evil.example|x>",
    "a\r\nBcc: eve@evil.example\r\n\r\nbody", "a|b\\c=d", "\u{202E}gnp.exe\u{2066}", "é=?utf-8?q?x?=ü 日本語",
    String(repeating: "Å", count: 10_000), "", "{{title}} {{DATE(2017-02-14T06:08:39Z, SHORT)}}",
    "\u{0}\u{7}\u{1B}[31m", "a|\u{301}=\u{301}",
]

/// A finding as the detector writes it, with a text in every field that somebody else has a say in.
func finding(
    _ uid: String = "f-1", title: String = "Bulk pull of vectors", message: String? = nil, identity: String = "u-0180",
    incident: String? = "inc-7", severity: Int = 4, time: Int64 = 1_795_000_000_123, probe: String? = nil
) -> [UInt8] {
    var unmapped: [String: Any] = [
        "group": ["identity": probe ?? identity, "api.service.name": probe ?? "vectors-prod"],
        "identity": probe ?? identity,
        "rule_status": "stable",
        "response": [
            "action": probe ?? "lockdown", "decision": probe ?? "issued", "reason": probe ?? "over the floor",
            "order_uid": probe ?? "ord-1",
        ],
        "risk_terms": [["rule": probe ?? "gw_bulk", "points": 40.5, "alerts": 3, "time": time]],
    ]
    if let incident { unmapped["incident_uid"] = probe ?? incident }
    let object: [String: Any] = [
        "activity_id": 1, "category_uid": 2, "class_uid": 2004, "type_uid": 200_401, "time": time,
        "severity_id": severity, "severity": "High", "status_id": 1, "is_alert": true,
        "risk_score": 81, "risk_level_id": 3, "risk_level": "High",
        "risk_details": probe ?? "gw_bulk 40.5 (3 alerts) + gw_new 40",
        "message": probe ?? message ?? "4,000 vectors in 10 min",
        "metadata": ["version": "1.6.0", "product": ["name": "Gatewatch", "vendor_name": "Gatewatch"]],
        "finding_info": [
            "uid": uid, "title": probe ?? title, "created_time": time,
            "analytic": ["type_id": 1, "type": "Rule", "uid": "r-1", "name": probe ?? "gw_bulk_vectors"],
            "attacks": [["technique": ["uid": probe ?? "T1567.002"]]],
            "related_events": [["uid": probe ?? "e-1"], ["uid": "e-2"]],
            "tags": [["name": "attack", "value": "t1567.002"]],
        ],
        "evidences": [
            [
                "actor": ["user": ["uid": probe ?? identity]],
                "api": ["operation": probe ?? "vectors.query", "service": ["name": probe ?? "vectors-prod"]],
                "src_endpoint": ["ip": probe ?? "192.0.2.7"],
                "data": ["resources.name": probe ?? "customers"],
            ]
        ],
        "unmapped": unmapped,
    ]
    let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
    return Array(data ?? Data())
}

func message(
    _ status: Message.Status = .firing, _ findings: [[UInt8]] = [finding()], id: String = "ntf_1", probe: String? = nil,
    omitted: Int = 0, url: String? = "https://gatewatch.example.com/incidents/inc-7"
) -> Message {
    Message(
        id: id, status: status, groupKey: probe ?? "{}:{incident=\"inc-7\"}",
        alerts: findings.map { MessageAlert(json: $0) },
        generatedAt: 1_795_000_060_000, incidentURL: url,
        groupLabels: [.init("incident", probe ?? "inc-7"), .init("team", probe ?? "soc")],
        summary: probe.map { [$0, $0] } ?? [], omitted: omitted)
}

/// Every message worth trying: each probe everywhere, alone and with others, in every status.
let hostileMessages: [Message] = probes.flatMap { probe in
    Message.Status.allCases.flatMap { status in
        [
            message(status, [finding(probe: probe)], probe: probe),
            message(
                status, (0..<11).map { finding("f-\($0)", severity: $0 % 7, probe: probe) }, probe: probe, omitted: 900,
                url: "javascript:alert(1)"),
        ]
    }
}

func json(_ payload: Payload?) throws -> [String: Any] {
    struct NoObject: Error {}
    guard let payload, let object = try JSONSerialization.jsonObject(with: Data(payload.body)) as? [String: Any] else {
        throw NoObject()
    }
    return object
}

func text(_ payload: Payload?) -> String { String(decoding: payload?.body ?? [], as: UTF8.self) }

/// Every string in a JSON value, with the key that it stands under.
func strings(_ value: Any, key: String = "") -> [(key: String, text: String)] {
    switch value {
    case let text as String: [(key, text)]
    case let array as [Any]: array.flatMap { strings($0, key: key) }
    case let object as [String: Any]: object.flatMap { strings($0.value, key: $0.key) }
    default: []
    }
}

/// The same under a name that a test with a parameter `text` can use.
func payloadText(_ payload: Payload?) -> String { text(payload) }
