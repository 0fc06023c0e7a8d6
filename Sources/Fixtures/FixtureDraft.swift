// SPDX-License-Identifier: Apache-2.0

import JSONText

/// An event before it has its place in the day, and so its id.
struct FixtureDraft {
    /// What happened.
    enum Kind {
        case request(FixtureOperation, FixtureResource)
        /// An attempt to log on; the reason when it failed.
        case logon(failure: String?)
    }

    enum Decision {
        case allowed, denied, masked
    }

    /// Milliseconds since the epoch.
    let time: Int64
    let who: FixtureIdentity
    let kind: Kind
    let session: String
    var address: String
    var userAgent: String
    var decision = Decision.allowed
    var policy = "default-allow"
    var code = 200
    var bytesIn = 0
    var bytesOut = 0
    var items: Int?
    var approval: String?
    var change: String?
    var setting: (name: String, old: String, new: String)?

    init(_ time: Int64, _ who: FixtureIdentity, _ kind: Kind, session: String) {
        self.time = time
        self.who = who
        self.kind = kind
        self.session = session
        address = who.address
        userAgent = who.userAgent
    }

    /// The event as one line of OCSF 1.x JSON, without a line break.
    func json(uid: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.object("metadata") { writer in
                writer.field("uid", uid)
                writer.field("version", "1.6.0")
                writer.object("product") { writer in
                    writer.field("name", "Gatewatch")
                    writer.field("vendor_name", "Gatewatch")
                    writer.object("feature") { $0.field("name", "gateway") }
                }
                writer.array("profiles") { $0.field(nil, "security_control") }
                writer.field("log_name", "gatewatch.audit")
            }
            writer.field("time", time)
            switch kind {
            case .request(let operation, let resource): request(operation, resource, &writer)
            case .logon(let failure): logon(failure, &writer)
            }
        }
        return writer.bytes
    }

    private func outcome(
        _ classUID: Int, _ category: Int, _ activity: Int, _ writer: inout JSONWriter
    ) {
        let failed = code >= 400
        writer.field("class_uid", classUID)
        writer.field("category_uid", category)
        writer.field("activity_id", activity)
        writer.field("type_uid", classUID * 100 + activity)
        writer.field("severity_id", 1)
        writer.field("status_id", failed ? 2 : 1)
        writer.field("status", failed ? "Failure" : "Success")
    }

    private func user(_ writer: inout JSONWriter) {
        writer.object("user") { writer in
            writer.field("uid", who.uid)
            writer.field("email_addr", who.mail)
            writer.field("type", who.service == nil ? "User" : "Service")
            writer.field("type_id", who.service == nil ? 1 : 4)
            writer.array("groups") { writer in
                writer.object { $0.field("name", who.role.rawValue) }
                writer.object { $0.field("name", "dept-\(who.department)") }
            }
        }
    }

    private func request(_ operation: FixtureOperation, _ resource: FixtureResource, _ writer: inout JSONWriter) {
        outcome(6003, 6, operation.activity, &writer)
        writer.object("actor") { writer in
            user(&writer)
            writer.object("session") { writer in
                writer.field("uid", session)
                writer.field("issuer", "https://idp.example.com")
            }
        }
        writer.object("src_endpoint") { $0.field("ip", address) }
        writer.object("dst_endpoint") { writer in
            writer.field("hostname", "\(operation.service).internal.example.com")
            writer.field("port", 443)
        }
        let (method, path) = operation.request(resource.name)
        writer.object("http_request") { writer in
            writer.field("http_method", method)
            writer.object("url") { $0.field("path", path) }
            writer.field("user_agent", userAgent)
            writer.field("length", bytesIn)
        }
        writer.object("http_response") { writer in
            writer.field("code", code)
            writer.field("length", bytesOut)
        }
        writer.object("api") { writer in
            writer.field("operation", operation.rawValue)
            writer.object("service") { $0.field("name", operation.service) }
        }
        writer.array("resources") { writer in
            writer.object { writer in
                writer.field("type", resource.type)
                writer.field("name", resource.name)
                writer.field("uid", "\(operation.service)/\(resource.name)")
            }
        }
        writer.object("unmapped") { writer in
            if let items { writer.field("items", items) }
            if let approval { writer.field("approval_id", approval) }
            if let change { writer.field("change_id", change) }
            if let setting {
                writer.field("setting", setting.name)
                writer.field("old_value", setting.old)
                writer.field("new_value", setting.new)
            }
        }
        // OCSF security_control: action 1 Allowed, 2 Denied, 4 Modified; disposition 1 Allowed, 2 Blocked, 11 Corrected.
        let (action, disposition) =
            switch decision {
            case .allowed: (1, 1)
            case .denied: (2, 2)
            case .masked: (4, 11)
            }
        writer.field("action_id", action)
        writer.field("disposition_id", disposition)
        writer.object("policy") { $0.field("name", policy) }
    }

    private func logon(_ failure: String?, _ writer: inout JSONWriter) {
        outcome(3002, 3, 1, &writer)
        writer.field("status_detail", failure ?? "authenticated")
        user(&writer)
        if failure == nil {
            writer.object("session") { writer in
                writer.field("uid", session)
                writer.field("issuer", "https://idp.example.com")
            }
        }
        writer.object("service") { $0.field("name", "idp") }
        writer.field("auth_protocol", who.service == nil ? "OpenID" : "OAUTH 2.0")
        writer.field("auth_protocol_id", who.service == nil ? 4 : 6)
        writer.field("is_remote", true)
        writer.object("src_endpoint") { $0.field("ip", address) }
        writer.object("dst_endpoint") { writer in
            writer.field("hostname", "idp.example.com")
            writer.field("port", 443)
        }
        writer.object("http_request") { writer in
            writer.field("http_method", "POST")
            writer.object("url") { $0.field("path", "/oauth2/token") }
            writer.field("user_agent", userAgent)
        }
        writer.object("http_response") { $0.field("code", code) }
        writer.field("message", failure.map { "Logon refused: \($0)" } ?? "Logon accepted")
    }
}
