// SPDX-License-Identifier: Apache-2.0
import Addresses
import Delivery
import Foundation
import Kafka
import Sigma
import YAMLDocument

/// One entry under one of a receiver's `…_configs`.
struct ReceiverSettings {
    let node: YAMLNode
    /// The target's.
    let name: String
    let secrets: ReceiverReader.Secrets

    // MARK: Media

    func webhook() throws(DocumentError) -> Receiver.Integration {
        try refuseKeys(Self.connection + ["url", "secrets"])
        var secrets: [WebhookSecret] = []
        for secret in try node.required("secrets").items() {
            let text = try self.secret(secret, .webhook)
            secrets.append(try at(secret) { try WebhookSecret(text) })
        }
        let (url, options) = (try secret(node.required("url"), .url), try options())
        return try integration(.webhook, sendsResolved: true) {
            try WebhookTarget(name: name, url: url.revealed, secrets: secrets, options: options)
        }
    }

    func slack() throws(DocumentError) -> Receiver.Integration {
        try refuseKeys(Self.connection + ["api_url", "title", "text"])
        return try http(
            .slack(try templates(title: "title", text: "text")), .slack, url: secret(node.required("api_url"), .url),
            sendsResolved: false)
    }

    func pagerDuty() throws(DocumentError) -> Receiver.Integration {
        try refuseKeys(Self.connection + ["routing_key", "url", "description"])
        let url = try node["url"]?.text() ?? "https://events.pagerduty.com/v2/enqueue"
        return try http(
            .pagerDuty(try templates(title: "description")), .pagerDuty, url: Secret(url),
            routingKey: secret(node.required("routing_key"), .routingKey), sendsResolved: true)
    }

    func teams() throws(DocumentError) -> Receiver.Integration {
        try refuseKeys(Self.connection + ["webhook_url", "title", "text"])
        return try http(
            .teams(try templates(title: "title", text: "text")), .teams,
            url: secret(node.required("webhook_url"), .url),
            sendsResolved: true)
    }

    func mail() throws(DocumentError) -> Receiver.Integration {
        try refuseKeys(
            Self.connection + [
                "to", "from", "smarthost", "hello", "auth_username", "auth_password", "require_tls", "headers", "text",
                "html",
            ])
        try node["headers"]?.refuseKeys(except: ["Subject"])
        var templates = try templates(text: "text", html: "html")
        templates.title = try node["headers"]?["Subject"].map { subject throws(DocumentError) in try template(subject) }
        let (fromNode, toNode) = (try node.required("from"), try node.required("to"))
        let from = try address(fromNode)
        let to = try at(toNode) { try MailAddress.list(try toNode.texts().joined(separator: ",")) }
        let smarthost = try node.required("smarthost")
        let (host, hello) = (try smarthost.text(), try node["hello"]?.text())
        let requiresTLS = try node["require_tls"]?.boolean() ?? true
        let server = try at(smarthost) { try MailServer(smarthost: host, hello: hello, requiresTLS: requiresTLS) }
        let username = try node["auth_username"]?.text()
        let password = try node["auth_password"].map { node throws(DocumentError) in try secret(node, .text) }
        let options = try options()
        return try integration(.mail(MailFormat(from: from, to: to), templates), sendsResolved: false) {
            try MailTarget(
                name: name, server: server, sender: from.address, recipients: to.map(\.address), username: username,
                password: password, options: options)
        }
    }

    func ocsf() throws(DocumentError) -> Receiver.Integration {
        try refuseKeys(Self.connection + ["url", "format", "authorization"])
        let format = try node["format"].map { node throws(DocumentError) in
            guard let format = OCSFFormat(rawValue: try node.text()) else {
                throw node.error("'\(try node.text())' is no form: write array or lines.")
            }
            return format
        }
        var headers: [(name: String, value: Secret)] = []
        if let authorization = node["authorization"] {
            try authorization.refuseKeys(except: ["type", "credentials"])
            let type = try authorization["type"]?.text() ?? "Bearer"
            let credentials = try secret(authorization.required("credentials"), .text)
            headers.append(("authorization", Secret("\(type) \(credentials.revealed)")))
        }
        let isLines = format == .lines
        return try http(
            .ocsf(format ?? .array),
            HTTPTarget.Service(
                contentType: isLines ? "application/x-ndjson" : "application/json", permanent: [400, 413, 422]),
            url: secret(node.required("url"), .url), headers: headers, sendsResolved: false)
    }

    func kafka(_ hub: KafkaProperties) throws(DocumentError) -> Receiver.Integration {
        try refuseKeys(["topic", "properties", "timeout"])
        var properties = hub
        if let own = node["properties"] {
            var values: [String: String] = [:]
            for entry in try own.entries() { values[entry.key] = try secret(entry.value, .text).revealed }
            properties = KafkaProperties(values)
        }
        let (topic, timeout) = (try node.required("topic").text(), try milliseconds("timeout") ?? 20_000)
        return try integration(.ocsf(.lines), sendsResolved: false) {
            try KafkaTarget(name: name, properties: properties, topic: topic, timeoutMilliseconds: timeout)
        }
    }

    func syslog(version: String) throws(DocumentError) -> Receiver.Integration {
        try refuseKeys(Self.connection + ["address", "hostname"])
        let (address, options) = (try node.required("address").text(), try options())
        let host = try node["hostname"]?.text() ?? ProcessInfo.processInfo.hostName
        return try integration(.cef(CEFFormat(host: host, version: version)), sendsResolved: false) {
            try SyslogTarget(name: name, address: address, options: options)
        }
    }

    // MARK: Shared

    /// How a connection is made.
    private static let connection = ["timeout", "tls_config", "allow_private", "allowed_networks"]

    private func refuseKeys(_ known: [String]) throws(DocumentError) {
        try node.refuseKeys(except: known + ["send_resolved"])
    }

    private func http(
        _ format: MessageFormat, _ service: HTTPTarget.Service, url: Secret,
        headers: [(name: String, value: Secret)] = [], routingKey: Secret? = nil, sendsResolved: Bool
    ) throws(DocumentError) -> Receiver.Integration {
        let options = try options()
        return try integration(format, sendsResolved: sendsResolved) {
            try HTTPTarget(
                name: name, url: url, service: service, headers: headers, routingKey: routingKey, options: options)
        }
    }

    private func integration(
        _ format: MessageFormat, sendsResolved: Bool, _ target: () throws -> any DeliveryTarget
    ) throws(DocumentError) -> Receiver.Integration {
        Receiver.Integration(
            target: try at(node, target), format: format,
            sendsResolved: try node["send_resolved"]?.boolean() ?? sendsResolved)
    }

    /// Runs something, and gives its error the place of a node.
    private func at<Value>(_ node: YAMLNode, _ body: () throws -> Value) throws(DocumentError) -> Value {
        do {
            return try body()
        } catch let error as DocumentError {
            throw error
        } catch {
            throw node.error("\(error).")
        }
    }

    private func options() throws(DocumentError) -> CurlClient.Options {
        var options = CurlClient.Options()
        if let timeout = try milliseconds("timeout") { options.timeoutMilliseconds = timeout }
        if let tls = node["tls_config"] {
            try tls.refuseKeys(except: ["ca_file", "cert_file", "key_file"])
            options.certificateAuthorityFile = try file(tls["ca_file"])
            options.certificateFile = try file(tls["cert_file"])
            options.privateKeyFile = try file(tls["key_file"])
        }
        options.addresses.allowsPrivate = try node["allow_private"]?.boolean() ?? false
        options.addresses.networks = try node["allowed_networks"]?.networks() ?? []
        return options
    }

    private func milliseconds(_ key: String) throws(DocumentError) -> Int? {
        guard let node = node[key] else { return nil }
        return Int(try Timespan(node).milliseconds)
    }

    /// A file that is there: found missing now, not when somebody should be told. A key is a secret as well.
    private func file(_ node: YAMLNode?) throws(DocumentError) -> String? {
        guard let node else { return nil }
        let path = try node.text()
        guard secrets == .unread || FileManager.default.isReadableFile(atPath: path) else {
            throw node.error("the file '\(path)' cannot be read: check that it exists and its permissions.")
        }
        return path
    }

    /// What a secret must look like, for the checks that each gets.
    private enum Form {
        case url, webhook, routingKey, text

        /// Something of this form that is no secret.
        var standIn: Secret {
            switch self {
            case .url: Secret("https://not-read.invalid")
            case .webhook: Secret(WebhookSecret.prefix + Data(count: 32).base64EncodedString())
            case .routingKey: Secret(String(repeating: "0", count: 32))
            case .text: Secret("not read")
            }
        }
    }

    /// A value, or what `env:NAME` and `file:PATH` stand for.
    private func secret(_ node: YAMLNode, _ form: Form) throws(DocumentError) -> Secret {
        let text = try node.text()
        if secrets == .unread, Secret.isReference(text) { return form.standIn }
        return try at(node) { try Secret(reference: text) }
    }

    private func address(_ node: YAMLNode) throws(DocumentError) -> MailAddress {
        let text = try node.text()
        return try at(node) { try MailAddress(text) }
    }

    private func templates(
        title: String? = nil, text: String? = nil, html: String? = nil
    ) throws(DocumentError) -> MessageTemplates {
        func read(_ key: String?) throws(DocumentError) -> MessageTemplate? {
            guard let key, let node = node[key] else { return nil }
            return try template(node)
        }
        return MessageTemplates(title: try read(title), text: try read(text), html: try read(html))
    }

    /// A template as it stands, or `file:PATH` of one.
    private func template(_ node: YAMLNode) throws(DocumentError) -> MessageTemplate {
        let text = try node.text()
        do {
            guard text.hasPrefix("file:") else {
                // A block of lines begins below its key.
                return try MessageTemplate(
                    text, source: node.file, firstLine: node.line + (text.contains("\n") ? 1 : 0))
            }
            let path = String(text.dropFirst(5))
            guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 20,
                let content = String(data: data, encoding: .utf8)
            else { throw node.error("the template '\(path)' cannot be read as text: check that it exists.") }
            return try MessageTemplate(content, source: path)
        } catch let error as DocumentError {
            throw error
        } catch let error as TemplateError {
            throw DocumentError(
                file: error.source, line: error.line, key: node.path, message: "the template: \(error.reason).")
        } catch {
            throw node.error("\(error).")
        }
    }
}
