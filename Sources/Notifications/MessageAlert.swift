// SPDX-License-Identifier: Apache-2.0
import Foundation

/// An alert as formats show it, beside the finding as it came.
package struct MessageAlert: Sendable, Equatable {
    /// The identity's risk as the alert tells it.
    package struct Risk: Sendable, Equatable {
        package var score: Double
        package var level: String?
        /// The terms as a sum.
        package var details: String?

        var description: String {
            let number = score == score.rounded() ? String(Int(score)) : String(score)
            return number + (level.map { " (\($0))" } ?? "") + (details.map { ": \($0)" } ?? "")
        }
    }

    /// What the rule called for, and what became of it.
    package struct Response: Sendable, Equatable {
        package var action: String
        /// issued, observed or refused; nil if nobody decided.
        package var decision: String?
        package var reason: String?
        package var order: String?

        var description: String {
            var text = action + (decision.map { ", \($0)" } ?? "")
            if let order { text += ", order \(order)" }
            if let reason { text += ": \(reason)" }
            return text
        }
    }

    /// The finding, byte for byte: one JSON object.
    package var finding: [UInt8]
    /// `finding_info.uid`.
    package var id: String
    /// `finding_info.title`.
    package var title: String
    /// `finding_info.analytic.name`, else its uid, else the title.
    package var rule: String
    /// OCSF `severity_id`.
    package var severity: Int
    /// ms since the epoch, UTC.
    package var time: Int64
    /// `message`, else the title.
    package var message: String
    /// `unmapped.identity`.
    package var identity: String?
    /// `unmapped.incident_uid`.
    package var incident: String?
    package var risk: Risk?
    package var response: Response?
    /// `finding_info.related_events[].uid`.
    package var relatedEvents: [String]
    /// MITRE technique ids.
    package var techniques: [String]
    /// `unmapped.group`, by name.
    package var group: [Message.Label]
    /// Of the first piece of evidence.
    package var operation: String?
    package var service: String?
    package var address: String?
    /// What routing knows it by.
    package var labels: [Message.Label]
    /// ms since the epoch, UTC; nil while it fires.
    package var endsAt: Int64?

    /// Whether it is over, as others of its group may not be.
    package var isResolved: Bool { endsAt != nil }

    /// Reads a Detection Finding as far as it goes: what is missing or of another type stays empty.
    package init(finding: [UInt8], labels: [Message.Label] = [], endsAt: Int64? = nil) {
        self.finding = finding
        self.labels = labels
        self.endsAt = endsAt
        let root = (try? JSONSerialization.jsonObject(with: Data(finding))) as? [String: Any] ?? [:]
        func object(_ value: Any?) -> [String: Any] { value as? [String: Any] ?? [:] }
        func objects(_ value: Any?) -> [[String: Any]] { (value as? [Any] ?? []).compactMap { $0 as? [String: Any] } }
        func text(_ value: Any?) -> String? { (value as? String).flatMap { $0.isEmpty ? nil : $0 } }
        let info = object(root["finding_info"])
        let analytic = object(info["analytic"])
        let unmapped = object(root["unmapped"])
        id = text(info["uid"]) ?? ""
        let title = text(info["title"]) ?? "An alert without a title"
        self.title = title
        rule = text(analytic["name"]) ?? text(analytic["uid"]) ?? title
        severity = root["severity_id"] as? Int ?? 0
        time = (root["time"] as? NSNumber)?.int64Value ?? 0
        message = text(root["message"]) ?? title
        identity = text(unmapped["identity"])
        incident = text(unmapped["incident_uid"])
        risk = (root["risk_score"] as? NSNumber).map {
            Risk(
                score: $0.doubleValue, level: text(root["risk_level"])?.lowercased(),
                details: text(root["risk_details"]))
        }
        let response = object(unmapped["response"])
        self.response = text(response["action"]).map {
            Response(
                action: $0, decision: text(response["decision"]), reason: text(response["reason"]),
                order: text(response["order_uid"]))
        }
        relatedEvents = objects(info["related_events"]).compactMap { text($0["uid"]) }
        techniques = objects(info["attacks"]).compactMap { text(object($0["technique"])["uid"]) }
        group = object(unmapped["group"]).sorted { $0.key < $1.key }.compactMap { name, value in
            text(value).map { Message.Label(name, $0) }
        }
        let evidence = objects(root["evidences"]).first ?? [:]
        let api = object(evidence["api"])
        operation = text(api["operation"])
        service = text(object(api["service"])["name"])
        address = text(object(evidence["src_endpoint"])["ip"])
    }
}
