// SPDX-License-Identifier: Apache-2.0
package import Kafka
package import YAMLDocument

/// Reads `receivers` of the hub's configuration, in Alertmanager's spelling where it has one. Every complaint names file, line
/// and key.
package struct ReceiverReader: Sendable {
    /// What a receiver may have besides its name: the media, and what their targets' names end in.
    static let media = [
        "webhook_configs": "webhook", "slack_configs": "slack", "pagerduty_configs": "pagerduty",
        "msteamsv2_configs": "msteams", "email_configs": "email", "ocsf_configs": "ocsf", "kafka_configs": "kafka",
        "syslog_configs": "syslog",
    ]

    private let kafka: KafkaProperties
    private let version: String
    private let secrets: Secrets

    /// Whether the secrets that a configuration names must be there.
    package enum Secrets: Sendable {
        /// For who sends: one that is not there is a fault.
        case needed
        /// For who sends nothing: none is read, something of its form stands in for it.
        case unread
    }

    /// - Parameters:
    ///   - kafka: the hub's own properties; a `kafka_configs` without any uses them.
    ///   - version: of Gatewatch, for CEF.
    ///   - secrets: with ``Secrets/unread``, nothing may be sent to the receivers.
    package init(kafka: KafkaProperties, version: String, secrets: Secrets = .needed) {
        self.kafka = kafka
        self.version = version
        self.secrets = secrets
    }

    /// The receivers of a list.
    ///
    /// - Throws: `DocumentError`.
    package func receivers(_ list: YAMLNode?) throws(DocumentError) -> [Receiver] {
        var receivers: [Receiver] = []
        for node in list?.items() ?? [] {
            try node.refuseKeys(except: ["name"] + Self.media.keys)
            let nameNode = try node.required("name")
            let name = try nameNode.text()
            guard (1...40).contains(name.utf8.count), name.utf8.allSatisfy(Self.isNameByte) else {
                throw nameNode.error(
                    "'\(name.prefix(80))' cannot be a receiver's name: write 1 to 40 of A-Z a-z 0-9 _ -.")
            }
            guard !receivers.contains(where: { $0.name == name }) else {
                throw nameNode.error("there are two receivers named '\(name)': rename one.")
            }
            var integrations: [Receiver.Integration] = []
            for entry in try node.entries() {
                guard let medium = Self.media[entry.key] else { continue }
                for (index, config) in entry.value.items().enumerated() {
                    let suffix = index == 0 ? medium : "\(medium)-\(index + 1)"
                    integrations.append(try integration(medium, config, name: "\(name)-\(suffix)"))
                }
            }
            receivers.append(Receiver(name: name, integrations: integrations))
        }
        return receivers
    }

    private func integration(
        _ medium: String, _ node: YAMLNode, name: String
    ) throws(DocumentError) -> Receiver.Integration {
        let settings = ReceiverSettings(node: node, name: name, secrets: secrets)
        switch medium {
        case "webhook": return try settings.webhook()
        case "slack": return try settings.slack()
        case "pagerduty": return try settings.pagerDuty()
        case "msteams": return try settings.teams()
        case "email": return try settings.mail()
        case "ocsf": return try settings.ocsf()
        case "kafka": return try settings.kafka(kafka)
        default: return try settings.syslog(version: version)
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
