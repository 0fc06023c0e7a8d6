// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Hub
import Signing
import YAMLDocument

extension ConfigurationFile {
    static let incidentKeys = [
        "trusted_keys", "key", "identities", "orders_topic", "approvals_topic", "feedback_topic",
    ]

    /// Of `hub`, else of `gateway`: one file often serves both.
    private func shared(_ key: String) throws(DocumentError) -> String? {
        try (hub?[key] ?? gateway?[key])?.text()
    }

    /// Whose records the hub believes; nil where the file names none.
    func hubTrustedKeys() throws(DocumentError) -> TrustedKeys? {
        guard let path = try shared("trusted_keys") else { return nil }
        return try TrustedKeys(path: path)
    }

    /// What the hub reads of orders and approvals; nil without trusted keys.
    func control() throws -> ControlTopics? {
        guard let keys = try hubTrustedKeys() else { return nil }
        var topics = ControlTopics(keys: keys)
        if let path = try shared("identities") {
            topics.aliases = IdentityAliases(try IdentityDirectory(path: path).entries.map { [$0.uid] + $0.aliases })
        }
        if let topic = try shared("orders_topic") { topics.orders = topic }
        if let topic = try shared("approvals_topic") { topics.approvals = topic }
        return topics
    }

    /// `hub.key`, by which heads of the evidence are signed; nil where there is none.
    func evidenceKey(trusted: TrustedKeys?) throws -> SigningKey? {
        guard let node = hub?["key"] else { return nil }
        let key = try Self.key(node)
        if let trusted {
            guard let known = trusted[key.name], known.role == .hub, known.publicText == key.publicText else {
                throw node.error(
                    "the key '\(key.name)' (\(key.publicText)) is not among the trusted keys with the role hub, so nobody"
                        + " would believe the heads that it signs.")
            }
        }
        return key
    }
}
