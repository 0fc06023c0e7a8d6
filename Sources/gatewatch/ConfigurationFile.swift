// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Delivery
import Foundation
import Kafka
import Notifications
import Routing
import YAMLDocument

/// The file of `--config`: sections `kafka`, `gateway`, `detect` and `hub`. Read with the rule files' own reader, so that a fault names
/// line and key, and an unknown key is refused.
struct ConfigurationFile {
    /// For messages.
    let path: String
    let kafka: KafkaProperties
    let secrets: ReceiverReader.Secrets
    let gateway: YAMLNode?
    let detect: YAMLNode?
    let hub: YAMLNode?

    static let empty = ConfigurationFile(path: "no configuration file", kafka: KafkaProperties())

    private init(
        path: String, kafka: KafkaProperties, secrets: ReceiverReader.Secrets = .needed, gateway: YAMLNode? = nil,
        detect: YAMLNode? = nil, hub: YAMLNode? = nil
    ) {
        self.path = path
        self.kafka = kafka
        self.secrets = secrets
        self.gateway = gateway
        self.detect = detect
        self.hub = hub
    }

    /// - Parameter secrets: a command that sends nothing leaves those of Kafka and of the receivers unread.
    init(path: String, secrets: ReceiverReader.Secrets = .needed) throws(DocumentError) {
        let documents = try YAMLReader.documents(path: path)
        guard let document = documents.first, documents.count == 1 else {
            throw DocumentError(file: path, message: "has \(documents.count) documents; a configuration is one.")
        }
        try document.refuseKeys(except: ["kafka", "gateway", "detect", "hub"])
        var properties: [String: String] = [:]
        for entry in try document["kafka"]?.entries() ?? [] {
            properties[entry.key] = try Self.value(entry.value, secrets)
        }
        try document["gateway"]?.refuseKeys(except: Self.gatewayKeys)
        try document["detect"]?.refuseKeys(except: Self.detectKeys)
        try document["hub"]?.refuseKeys(except: Self.hubKeys)
        self.init(
            path: path, kafka: KafkaProperties(properties), secrets: secrets, gateway: document["gateway"],
            detect: document["detect"], hub: document["hub"])
    }

    private static let detectKeys = [
        "detectors", "calendar", "lists", "mapping", "identities", "topic", "group", "alerts_topic", "rejected_topic",
        "feedback_topic",
        "state",
        "workers", "lateness", "commit_interval", "commit_events", "maximum_ahead", "maximum_event_bytes", "admin",
        "partitions", "enforcement",
    ]
    private static let hubKeys =
        ["state", "group", "topic", "admin", "receivers", "report", "activity", "recordings"] + incidentKeys
        + consoleKeys
        + RoutingReader.keys

    /// A value, or what `env:NAME` and `file:PATH` stand for.
    private static func value(
        _ node: YAMLNode, _ secrets: ReceiverReader.Secrets
    ) throws(DocumentError) -> String {
        let text = try node.text()
        if secrets == .unread, Secret.isReference(text) { return "not read" }
        do {
            return try Secret(reference: text).revealed
        } catch {
            throw node.error("\(error)")
        }
    }

    /// The receivers under `hub.receivers`.
    func receivers() throws(DocumentError) -> [Receiver] {
        try ReceiverReader(kafka: kafka, version: Gatewatch.configuration.version, secrets: secrets)
            .receivers(hub?["receivers"])
    }
}

extension YAMLNode {
    /// `host:port` under a key.
    func address(_ key: String) throws(DocumentError) -> (host: String, port: Int)? {
        guard let node = self[key] else { return nil }
        let text = try node.text()
        guard let address = parseAddress(text) else {
            throw node.error("'\(text)' is not host:port. Write 127.0.0.1:9464.")
        }
        return address
    }
}

/// Where health and metrics are served: the option, else the file's `admin`, else loopback.
func adminAddress(_ option: String?, _ node: YAMLNode?, port: Int) throws -> (host: String, port: Int) {
    guard let option else { return try node?.address("admin") ?? ("127.0.0.1", port) }
    guard let address = parseAddress(option) else { throw ValidationError("--admin \(option): write host:port.") }
    return address
}

/// `host:port`, `[v6]:port`.
func parseAddress(_ text: String) -> (host: String, port: Int)? {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
        (0...65535).contains(port)
    else { return nil }
    let host = text[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
    return host.isEmpty ? nil : (host, port)
}
