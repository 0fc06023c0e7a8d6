// SPDX-License-Identifier: Apache-2.0

import JSONText

/// One audit event of the gateway, before it is bytes: OCSF 1.6 API Activity (6003) or Authentication (3002), as
/// docs/design.md §2 lists the fields.
struct AuditRecord {
    /// Who, as far as it is certain.
    struct User {
        /// The resolved identity.
        var uid: String
        var email: String?
        var name: String?
        var groups: [String] = []
        var isService = false
        var sessionID: String?
        var issuer: String?
    }

    /// OCSF `disposition_id` of the security control profile, and the `action_id` that goes with it.
    enum Disposition {
        case allowed, denied, sentToApproval, dropped, error

        /// 1 Allowed, 2 Denied, 0 Unknown.
        var action: Int {
            switch self {
            case .allowed: 1
            case .denied, .sentToApproval, .dropped: 2
            case .error: 0
            }
        }

        /// 1 Allowed, 2 Blocked, 6 Dropped, 23 Error, 99 Other.
        var id: Int {
            switch self {
            case .allowed: 1
            case .denied: 2
            case .sentToApproval: 99
            case .dropped: 6
            case .error: 23
            }
        }
    }

    var uid: String
    /// ms since the epoch, UTC.
    var time: Int64
    var classUID = 6003
    var activity = 99
    var user: User?
    var claimedUser: String?
    var address: String
    /// The trusted proxies that the request came through, the one next to the client first.
    var proxies: [String] = []
    var userAgent: String?
    var method = ""
    var path = ""
    var host: String?
    var requestBytes: Int64 = 0
    var status = 0
    var responseBytes: Int64 = 0
    var operation = "other"
    var service: String?
    var resources: [(type: String, name: String, uid: String?)] = []
    var items: Int?
    var disposition = Disposition.allowed
    var policy = ""
    /// A sentence: why it was refused or failed.
    var detail: String?
    /// A fixed word for the same.
    var reason: String?
    var approval: String?
    var change: String?
    var justification: String?
    var order: String?
    var accessClass: String?
    var duration: Int64 = 0
    /// The event that this one goes on from.
    var correlation: String?
    /// Set when the answer is still on its way: what it announced.
    var isStream = false

    /// The Kafka key: all events of an identity go to one partition.
    var key: String { user?.uid ?? "address:\(address)" }

    /// Whether it has lost what did not fit.
    private(set) var isShortened = false

    /// The same event within a few kB, also where every character has to be escaped.
    func shortened() -> AuditRecord {
        var record = self
        record.isShortened = true
        record.user?.groups = (user?.groups ?? []).prefix(32).map { $0.limited(64) }
        record.user?.email = user?.email?.limited(256)
        record.user?.name = user?.name?.limited(128)
        record.claimedUser = claimedUser?.limited(256)
        record.userAgent = userAgent?.limited(64)
        record.path = path.limited(256)
        record.resources = resources.prefix(8).map { ($0.type, $0.name.limited(128), $0.uid?.limited(64)) }
        record.detail = (detail ?? "").limited(256) + " (shortened)"
        record.justification = justification?.limited(128)
        return record
    }

    private var category: Int { classUID / 1000 }

    /// One line of JSON.
    func json() -> [UInt8] {
        let succeeded = status > 0 && status < 400
        var json = JSONWriter(capacity: 1280)
        json.object {
            $0.object("metadata") {
                $0.field("uid", uid)
                $0.field("version", "1.6.0")
                if let correlation { $0.field("correlation_uid", correlation) }
                $0.object("product") {
                    $0.field("name", "Gatewatch")
                    $0.field("vendor_name", "Gatewatch")
                    $0.object("feature") { $0.field("name", "gateway") }
                }
                $0.array("profiles") { $0.field(nil, "security_control") }
                $0.field("log_name", "gatewatch.audit")
            }
            $0.field("time", time)
            $0.field("class_uid", classUID)
            $0.field("category_uid", category)
            $0.field("activity_id", activity)
            $0.field("type_uid", classUID * 100 + activity)
            $0.field("severity_id", succeeded ? 1 : 2)
            $0.field("status_id", succeeded ? 1 : 2)
            $0.field("status", succeeded ? "Success" : "Failure")
            if let reason { $0.field("status_code", reason) }
            if let detail { $0.field("status_detail", detail) }
            if classUID == 3002 {
                who(&$0)
                $0.field("auth_protocol_id", 6)
                $0.field("auth_protocol", "OAUTH 2.0")
            } else {
                $0.object("actor") { who(&$0) }
            }
            $0.object("src_endpoint") {
                $0.field("ip", address)
                if !proxies.isEmpty { $0.array("intermediate_ips", proxies) { $0.field(nil, $1) } }
            }
            if let host { $0.object("dst_endpoint") { $0.field("hostname", host) } }
            if !method.isEmpty {
                $0.object("http_request") {
                    if Self.methods.contains(method) { $0.field("http_method", method) }
                    $0.object("url") { $0.field("path", path) }
                    if let userAgent { $0.field("user_agent", userAgent) }
                    $0.field("length", requestBytes)
                }
            }
            $0.object("http_response") {
                $0.field("code", status)
                $0.field("length", responseBytes)
            }
            $0.field("duration", duration)
            if classUID != 3002 {
                $0.object("api") {
                    $0.field("operation", operation)
                    if let service { $0.object("service") { $0.field("name", service) } }
                }
                $0.array("resources") {
                    for resource in resources {
                        $0.object {
                            $0.field("type", resource.type)
                            $0.field("name", resource.name)
                            if let uid = resource.uid { $0.field("uid", uid) }
                        }
                    }
                }
            } else {
                // To what somebody logs in; OCSF asks for one.
                $0.object("service") { $0.field("name", service ?? "gatewatch") }
            }
            $0.object("unmapped") {
                if let items { $0.field("items", items) }
                if let accessClass { $0.field("access_class", accessClass) }
                if let approval { $0.field("approval_id", approval) }
                if let change { $0.field("change_id", change) }
                if let justification { $0.field("justification", justification) }
                if let order { $0.field("order_id", order) }
                if let claimedUser { $0.field("claimed_user", claimedUser) }
                if !method.isEmpty, !Self.methods.contains(method) { $0.field("http_method", method) }
                if isStream { $0.field("stream", true) }
            }
            $0.field("action_id", disposition.action)
            $0.field("disposition_id", disposition.id)
            if disposition == .sentToApproval { $0.field("disposition", "Sent to approval") }
            $0.object("policy") { $0.field("name", policy) }
        }
        return json.bytes
    }

    /// The methods that OCSF knows; another one stands in `unmapped`.
    private static let methods: Set<String> = [
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
    ]

    private func who(_ json: inout JSONWriter) {
        guard let user else {
            // OCSF asks for a user. An account is nobody's identity: what somebody claims to be counts for nothing.
            json.object("user") {
                $0.field("type", "Unknown")
                $0.field("type_id", 0)
                $0.object("account") { $0.field("name", claimedUser ?? "unknown") }
            }
            return
        }
        json.object("user") {
            $0.field("uid", user.uid)
            if let email = user.email { $0.field("email_addr", email) }
            if let name = user.name { $0.field("name", name) }
            $0.field("type", user.isService ? "Service" : "User")
            $0.field("type_id", user.isService ? 4 : 1)
            $0.array("groups") {
                for group in user.groups { let group = group; $0.object { $0.field("name", group) } }
            }
        }
        if user.sessionID != nil || user.issuer != nil {
            json.object("session") {
                if let session = user.sessionID { $0.field("uid", session) }
                if let issuer = user.issuer { $0.field("issuer", issuer) }
            }
        }
    }
}

extension String {
    /// At most so many bytes of UTF-8 of it: an event has a limit, and a character may be of any length.
    func limited(_ bytes: Int) -> String {
        guard utf8.count > bytes else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: bytes)
        while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
