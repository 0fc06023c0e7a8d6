// SPDX-License-Identifier: Apache-2.0
import Foundation
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
        let finding: Finding
        do {
            finding = try JSONDecoder().decode(Finding.self, from: Data(trimmed))
        } catch {
            throw UnreadableAlert("it cannot be read as a Detection Finding: \(Self.words(error))")
        }
        guard finding.class_uid == 2004 else {
            throw UnreadableAlert("its class_uid is \(finding.class_uid), not 2004 (Detection Finding)")
        }
        let uid = finding.finding_info.uid
        guard MessageID.make(uid) != nil else {
            throw UnreadableAlert("its finding_info.uid is empty or too long for a webhook-id")
        }
        id = uid
        title = finding.finding_info.title
        rule = finding.finding_info.analytic?.uid ?? title
        severity = finding.severity_id ?? 0
        time = finding.time
        identity = finding.unmapped?.identity
        ruleStatus = finding.unmapped?.rule_status
        do {
            routed = try RoutedAlert(finding: trimmed)
        } catch {
            throw UnreadableAlert("it has no labels: \(error)")
        }
        incident = Self.incident(finding, routed.labels)
    }

    /// What else has another type than expected is left out: only what makes a finding one must be right.
    private static func incident(_ finding: Finding, _ labels: LabelSet) -> IncidentAlert {
        func short(_ text: String?) -> String? { text.map(TimelineEntry.cut) }
        let data = finding.evidences?.value?.first?.value?.data?.value ?? [:]
        func text(_ field: String) -> String? { data[field]?.value.flatMap { $0.isEmpty ? nil : $0 } }
        let incident = labels["incident"]
        return IncidentAlert(
            id: finding.finding_info.uid, incident: incident.isEmpty ? nil : incident,
            identity: finding.unmapped?.identity.flatMap { $0.isEmpty ? nil : short($0) },
            rule: short(finding.finding_info.analytic?.uid ?? finding.finding_info.title) ?? "",
            title: short(finding.finding_info.title) ?? "", message: short(finding.message?.value),
            severity: finding.severity_id ?? 0, time: finding.time,
            riskScore: finding.risk_score?.value,
            riskTerms: finding.unmapped?.risk_terms?.value.map { Array($0.prefix(64)) },
            event: short(finding.finding_info.related_events?.value?.last?.value?.uid),
            resource: short(text("resources.name")), bytes: text("http_response.length").flatMap { Int64($0) },
            items: text("unmapped.items").flatMap { Int64($0) })
    }

    private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
        guard let first = bytes.firstIndex(where: { !isSpace($0) }),
            let last = bytes.lastIndex(where: { !isSpace($0) })
        else { return [] }
        return Array(bytes[first...last])
    }

    private static func words(_ error: any Error) -> String {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.isEmpty ? "the top" : context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        return switch error as? DecodingError {
        case .keyNotFound(let key, let context): "\(key.stringValue) is missing at \(path(context))"
        case .typeMismatch(_, let context), .valueNotFound(_, let context): "\(path(context)) has the wrong type"
        case .dataCorrupted(let context): "it is not JSON, at \(path(context))"
        default: "\(error)"
        }
    }

    /// The fields that are read, named as OCSF names them.
    private struct Finding: Decodable {
        struct Info: Decodable {
            struct Analytic: Decodable { var uid: String? }
            var uid: String
            var title: String
            struct Event: Decodable { var uid: String }
            var analytic: Analytic?
            var related_events: Lenient<[Lenient<Event>]>?
        }
        struct Unmapped: Decodable {
            var identity: String?
            var rule_status: String?
            var risk_terms: Lenient<[Incident.RiskTerm]>?
        }
        struct Evidence: Decodable { var data: Lenient<[String: Lenient<String>]>? }
        var class_uid: Int
        var time: Int64
        var severity_id: Int?
        var finding_info: Info
        var unmapped: Unmapped?
        var message: Lenient<String>?
        var risk_score: Lenient<Int>?
        var evidences: Lenient<[Lenient<Evidence>]>?
    }

    private struct Lenient<Value: Decodable>: Decodable {
        let value: Value?

        init(from decoder: any Decoder) { value = try? Value(from: decoder) }
    }
}

/// Why an alert was passed over: a sentence that begins with "it" or "its".
struct UnreadableAlert: Error, CustomStringConvertible {
    let description: String

    init(_ reason: String) {
        description = reason
    }
}
