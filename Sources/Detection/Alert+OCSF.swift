// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import JSONText

extension Alert {
    /// The alert as one line of JSON: OCSF 1.6 Detection Finding, class 2004
    /// (https://schema.ocsf.io/1.6.0/classes/detection_finding). Keys come in a fixed order: the same alert, the same bytes.
    package func ocsf() -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.field("activity_id", 1)
            $0.field("activity_name", "Create")
            $0.field("category_uid", 2)
            $0.field("category_name", "Findings")
            $0.field("class_uid", 2004)
            $0.field("class_name", "Detection Finding")
            $0.field("type_uid", 200_401)
            $0.field("time", time)
            $0.field("start_time", firstTime)
            $0.field("end_time", time)
            $0.field("severity_id", severity)
            $0.field("severity", level.prefix(1).uppercased() + level.dropFirst())
            $0.field("status_id", 1)
            $0.field("status", "New")
            $0.field("is_alert", true)
            risk(&$0)
            $0.field("message", message)
            $0.object("metadata") {
                $0.field("version", "1.6.0")
                $0.object("product") {
                    $0.field("name", "Gatewatch")
                    $0.field("vendor_name", "Gatewatch")
                }
            }
            $0.object("finding_info") {
                $0.field("uid", id)
                $0.field("title", title)
                $0.field("created_time", time)
                $0.field("first_seen_time", firstTime)
                $0.field("last_seen_time", time)
                $0.object("analytic") {
                    $0.field("type_id", 1)
                    $0.field("type", "Rule")
                    $0.field("uid", ruleID)
                    $0.field("name", ruleName)
                }
                $0.array("attacks", attacks) { json, attack in
                    json.object {
                        $0.object("technique") { $0.field("uid", attack) }
                    }
                }
                $0.array("related_events", relatedEvents) { json, uid in json.object { $0.field("uid", uid) } }
                $0.array("tags", tags) { json, tag in
                    // Sigma's tags are a namespace, a dot and a name.
                    let parts = tag.split(separator: ".", maxSplits: 1)
                    json.object {
                        $0.field("name", String(parts.first ?? ""))
                        $0.field("value", String(parts.dropFirst().first ?? ""))
                    }
                }
            }
            evidence(&$0)
            $0.object("unmapped") {
                $0.object("group") { for entry in group { $0.field(named: entry.field, entry.value) } }
                if let identity { $0.field("identity", identity) }
                $0.field("rule_status", status)
                if let value { $0.field("value", value) }
                if let limit { $0.field("limit", limit) }
                if let riskPoints { $0.field("risk_points", riskPoints) }
                baseline(&$0)
                riskTerms(&$0)
                if let incident { $0.field("incident_uid", incident) }
                response(&$0)
                $0.array("falsepositives", falsePositives) { json, text in json.field(nil, text) }
            }
        }
        return json.bytes
    }

    /// MITRE technique ids among the tags: `attack.t1567.002` → `T1567.002`, `atlas.aml.t0024` → `AML.T0024`.
    private var attacks: [String] {
        tags.compactMap { tag in
            let upper = tag.uppercased()
            if upper.hasPrefix("ATTACK.T"), upper.dropFirst(8).first?.isNumber == true {
                return String(upper.dropFirst(7))
            }
            if upper.hasPrefix("ATLAS.AML.") { return String(upper.dropFirst(6)) }
            return nil
        }
    }

    private func evidence(_ json: inout JSONWriter) {
        func text(_ field: String) -> String? { context.first { $0.field == field }?.value }
        guard !context.isEmpty else { return }
        json.array("evidences") { json in
            json.object {
                if let identity { $0.object("actor") { $0.object("user") { $0.field("uid", identity) } } }
                if text("api.operation") != nil || text("api.service.name") != nil {
                    $0.object("api") {
                        if let operation = text("api.operation") { $0.field("operation", operation) }
                        if let service = text("api.service.name") { $0.object("service") { $0.field("name", service) } }
                    }
                }
                if let ip = text("src_endpoint.ip") { $0.object("src_endpoint") { $0.field("ip", ip) } }
                $0.object("data") {
                    for field in [
                        "resources.type", "resources.name", "http_response.length", "unmapped.items",
                        "unmapped.approval_id",
                    ] {
                        if let value = text(field) { $0.field(named: field, value) }
                    }
                }
            }
        }
    }
}
