// SPDX-License-Identifier: Apache-2.0

import Foundation

/// An OCSF Detection Finding (class 2004), as far as the hub reads one. Only what makes a finding one must be right: its id, title and
/// time. What else is missing, empty or of another type than OCSF's is nil or empty.
package struct DetectionFinding: Sendable, Equatable {
    /// A label that an event gave: a field of the rule's `group-by` and its value.
    package struct Group: Sendable, Equatable {
        package var field: String
        package var value: String
    }

    /// One term of the identity's risk, as the detector wrote it (`unmapped.risk_terms`).
    package struct RiskTerm: Sendable, Codable, Equatable {
        package var rule: String
        package var points: Double
        package var alerts: Int
        /// ms since the epoch, UTC.
        package var time: Int64

        package init(rule: String, points: Double, alerts: Int, time: Int64) {
            self.rule = rule
            self.points = points
            self.alerts = alerts
            self.time = time
        }
    }

    /// What the rule called for, and what became of it (`unmapped.response`).
    package struct Response: Sendable, Equatable {
        package var action: String
        /// issued, observed or refused; nil if nobody decided.
        package var decision: String?
        package var reason: String?
        package var order: String?
    }

    /// `finding_info.uid`: deterministic, so that a repeat is known by it.
    package var id: String
    package var title: String
    /// ms since the epoch, UTC.
    package var time: Int64
    /// 2004 in what Gatewatch writes; nil if absent.
    package var classID: Int?
    /// `severity_id`; 0 if absent.
    package var severity: Int
    package var message: String?
    package var riskScore: Int?
    /// In lower case.
    package var riskLevel: String?
    package var riskDetails: String?
    package var riskTerms: [RiskTerm]?
    /// `metadata.tenant_uid`.
    package var tenant: String?
    /// `finding_info.analytic`.
    package var ruleID: String?
    package var ruleName: String?
    /// `unmapped.rule_status`: Sigma's `status` of the rule.
    package var ruleStatus: String?
    package var identity: String?
    /// `unmapped.incident_uid`.
    package var incident: String?
    package var response: Response?
    /// `finding_info.tags[]`, as Sigma writes them: name, dot, value.
    package var tags: [String]?
    /// MITRE technique ids.
    package var techniques: [String]?
    /// `finding_info.related_events[].uid`; the one that fired it last.
    package var relatedEvents: [String]
    /// `unmapped.group`, by name.
    package var group: [Group]
    /// `evidences[0].data`: fields of the event that fired it, by their paths.
    package var event: [String: String]
    /// Of `evidences[0]`.
    package var operation: String?
    package var service: String?
    package var address: String?

    package init(id: String, title: String, time: Int64) {
        self.init(FindingJSON(time: time, finding_info: .init(uid: id, title: title)))
    }

    /// - Throws: ``UnreadableFinding``.
    package init(_ json: [UInt8]) throws(UnreadableFinding) {
        do {
            self.init(try JSONDecoder().decode(FindingJSON.self, from: Data(json)))
        } catch {
            throw UnreadableFinding(reason: Self.words(error))
        }
    }

    private init(_ json: FindingJSON) {
        func text(_ value: Lenient<String>?) -> String? { value?.value.flatMap { $0.isEmpty ? nil : $0 } }
        let info = json.finding_info
        id = info.uid
        title = info.title
        time = json.time
        classID = json.class_uid?.value
        severity = json.severity_id?.value ?? 0
        message = text(json.message)
        riskScore = json.risk_score?.value
        riskLevel = text(json.risk_level)?.lowercased()
        riskDetails = text(json.risk_details)
        tenant = text(json.metadata?.value?.tenant_uid)
        ruleID = text(info.analytic?.value?.uid)
        ruleName = text(info.analytic?.value?.name)
        tags = info.tags?.value?.compactMap { $0.value?.text }
        techniques = info.attacks?.value?.compactMap { text($0.value?.technique?.value?.uid) }
        relatedEvents = info.related_events?.value?.compactMap { text($0.value?.uid) } ?? []
        let unmapped = json.unmapped?.value
        riskTerms = unmapped?.risk_terms?.value
        ruleStatus = text(unmapped?.rule_status)
        identity = text(unmapped?.identity)
        incident = text(unmapped?.incident_uid)
        group = (unmapped?.group?.value ?? [:]).sorted { $0.key < $1.key }.compactMap { field, value in
            text(value).map { Group(field: field, value: $0) }
        }
        let answer = unmapped?.response?.value
        response = text(answer?.action).map {
            Response(
                action: $0, decision: text(answer?.decision), reason: text(answer?.reason),
                order: text(answer?.order_uid))
        }
        let evidence = json.evidences?.value?.first?.value
        event = (evidence?.data?.value ?? [:]).compactMapValues { text($0) }
        operation = text(evidence?.api?.value?.operation)
        service = text(evidence?.api?.value?.service?.value?.name)
        address = text(evidence?.src_endpoint?.value?.ip)
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
}

/// Why JSON is not a finding.
package struct UnreadableFinding: Error, Sendable, CustomStringConvertible {
    /// What is wrong with it, such as `time is missing at the top`.
    package let reason: String

    package var description: String {
        "this is not an OCSF Detection Finding (\(reason)): give one as gatewatch backtest --format ocsf prints it"
    }
}
