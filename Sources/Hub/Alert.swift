// SPDX-License-Identifier: Apache-2.0
import Finding
import Incidents
import Routing

/// What the hub needs to know of an alert; the finding itself is kept byte for byte.
struct Alert: Equatable {
    /// Bytes that an alert may have.
    static let maximumBytes = 1024 * 1024

    /// `finding_info.uid`: deterministic, so that a repeat is known by it.
    var id: String
    var title: String
    /// `finding_info.analytic.uid`, else the title.
    var rule: String
    /// OCSF `severity_id`; 0 if absent.
    var severity: Int
    /// Milliseconds since the epoch.
    var time: Int64
    var identity: String?
    /// `unmapped.rule_status`: Sigma's `status` of the rule.
    var ruleStatus: String?
    /// The finding as it came, without the white space around it, and the labels by which it is routed.
    var routed: RoutedAlert
    /// What its incident is told of it.
    var incident: IncidentAlert
    var json: [UInt8] { routed.finding }

    /// An experimental rule's alerts are watched, not sent.
    var isDelivered: Bool { ruleStatus != "experimental" }

    /// Reads an OCSF Detection Finding (class 2004).
    init(_ bytes: [UInt8]) throws(UnreadableAlert) {
        guard bytes.count <= Self.maximumBytes else {
            throw UnreadableAlert("it has \(bytes.count) bytes; the limit is \(Self.maximumBytes)")
        }
        let trimmed = Self.trimmed(bytes)
        // JSON is UTF-8 here; Foundation would guess UTF-16 and UTF-32 too, which the body of a webhook may not be.
        guard trimmed.first == UInt8(ascii: "{"), !trimmed.contains(0),
            String(validating: trimmed, as: UTF8.self) != nil
        else {
            throw UnreadableAlert(trimmed.isEmpty ? "it is empty" : "it is not a JSON object in UTF-8")
        }
        let finding: DetectionFinding
        do {
            finding = try DetectionFinding(trimmed)
        } catch {
            throw UnreadableAlert("it cannot be read as a Detection Finding: \(error.reason)")
        }
        guard finding.classID == 2004 else {
            let id = finding.classID.map { "is \($0)" } ?? "is missing"
            throw UnreadableAlert("its class_uid \(id), not 2004 (Detection Finding)")
        }
        guard MessageID.make(finding.id) != nil else {
            throw UnreadableAlert("its finding_info.uid is empty or too long for a webhook-id")
        }
        id = finding.id
        title = finding.title
        rule = finding.ruleID ?? finding.title
        severity = finding.severity
        time = finding.time
        identity = finding.identity
        ruleStatus = finding.ruleStatus
        routed = RoutedAlert(finding, json: trimmed)
        incident = IncidentAlert(finding)
    }

    private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
        guard let first = bytes.firstIndex(where: { !isSpace($0) }),
            let last = bytes.lastIndex(where: { !isSpace($0) })
        else { return [] }
        return Array(bytes[first...last])
    }
}

/// Why an alert was passed over: a sentence that begins with "it" or "its".
struct UnreadableAlert: Error, CustomStringConvertible {
    let description: String

    init(_ reason: String) {
        description = reason
    }
}
