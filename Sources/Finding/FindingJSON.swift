// SPDX-License-Identifier: Apache-2.0

/// The fields that are read, named as OCSF names them (https://schema.ocsf.io/1.6.0/classes/detection_finding).
struct FindingJSON: Decodable {
    struct Info: Decodable {
        struct Analytic: Decodable {
            var uid: Lenient<String>?
            var name: Lenient<String>?
        }
        struct Attack: Decodable { var technique: Lenient<UID>? }
        struct Tag: Decodable {
            var name: Lenient<String>?
            var value: Lenient<String>?

            /// As Sigma writes it, `attack.t1530`: the name is the namespace, or the whole where there is no value.
            var text: String? {
                guard let name = name?.value, !name.isEmpty else { return nil }
                guard let value = value?.value, !value.isEmpty else { return name }
                return "\(name).\(value)"
            }
        }
        var uid: String
        var title: String
        var analytic: Lenient<Analytic>?
        var attacks: Lenient<[Lenient<Attack>]>?
        var tags: Lenient<[Lenient<Tag>]>?
        var related_events: Lenient<[Lenient<UID>]>?
    }
    struct UID: Decodable { var uid: Lenient<String>? }
    struct Response: Decodable {
        var action: Lenient<String>?
        var decision: Lenient<String>?
        var reason: Lenient<String>?
        var order_uid: Lenient<String>?
    }
    struct Unmapped: Decodable {
        var identity: Lenient<String>?
        var incident_uid: Lenient<String>?
        var rule_status: Lenient<String>?
        var risk_terms: Lenient<[DetectionFinding.RiskTerm]>?
        var response: Lenient<Response>?
        var group: Lenient<[String: Lenient<String>]>?
    }
    struct Evidence: Decodable {
        struct API: Decodable {
            struct Service: Decodable { var name: Lenient<String>? }
            var operation: Lenient<String>?
            var service: Lenient<Service>?
        }
        struct Endpoint: Decodable { var ip: Lenient<String>? }
        var data: Lenient<[String: Lenient<String>]>?
        var api: Lenient<API>?
        var src_endpoint: Lenient<Endpoint>?
    }
    struct Metadata: Decodable { var tenant_uid: Lenient<String>? }
    var class_uid: Lenient<Int>?
    var time: Int64
    var severity_id: Lenient<Int>?
    var message: Lenient<String>?
    var risk_score: Lenient<Int>?
    var risk_level: Lenient<String>?
    var risk_details: Lenient<String>?
    var metadata: Lenient<Metadata>?
    var finding_info: Info
    var unmapped: Lenient<Unmapped>?
    var evidences: Lenient<[Lenient<Evidence>]>?
}

/// A value, or nothing where it has another type.
struct Lenient<Value: Decodable>: Decodable {
    let value: Value?

    init(from decoder: any Decoder) { value = try? Value(from: decoder) }
}
