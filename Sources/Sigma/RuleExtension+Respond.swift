// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import YAMLDocument

extension RuleExtension {
    /// `respond:`: the strongest rung of the ladder that the rule may climb without a person.
    package struct Respond: Sendable, Equatable {
        /// A rung. `observe` and `notify` issue no order; the rule's alert is all.
        package enum Action: String, Sendable, CaseIterable {
            case observe, notify
            case requireApproval = "require_approval"
            case revokeTokens = "revoke_tokens"
            case block
            /// `revoke_tokens` and `require_approval` in one order.
            case lockdown

            /// Whether an order goes out.
            package var isOrder: Bool { self != .observe && self != .notify }
        }

        /// Whom the order is about.
        package enum Subject: String, Sendable, CaseIterable {
            case identity
            /// `actor.session.uid` of the event that fired.
            case session
        }

        /// The rung.
        package let action: Action
        /// How long the order holds after the event that fired; nil where no order goes out.
        package let ttl: Timespan?
        /// Names of connections; none means all.
        package let connections: [String]
        /// Operations, exactly or as a family (`config.*`); none means all, for `require_approval` all sensitive ones.
        package let operations: [String]
        /// The identity unless the rule says otherwise.
        package let subject: Subject

        /// The longest TTL, 30 days in ms: what a gateway takes.
        package static let maximumTTL: Int64 = 30 * 86_400_000
        /// The most connections or operations.
        package static let maximumList = 100

        /// Reads the block.
        init(_ node: YAMLNode) throws(DocumentError) {
            try node.refuseKeys(except: ["action", "ttl", "connections", "operations", "subject"])
            action = try node.required("action").word("action")
            subject =
                try node["subject"].map { node throws(DocumentError) in try node.word("subject") } ?? .identity
            guard action.isOrder else {
                for key in ["ttl", "connections", "operations", "subject"] {
                    if let value = node[key] {
                        throw value.error("'\(action.rawValue)' issues no order; leave '\(key)' out.")
                    }
                }
                (ttl, connections, operations) = (nil, [], [])
                return
            }
            connections = try Self.names(node["connections"]) { name in
                ConnectionName.isValid(name)
                    ? nil
                    : "no connection can be called '\(name)'. \(ConnectionName.form) Without the key all are meant."
            }
            operations = try Self.names(node["operations"]) { name in
                AuditEvent.Operation.isNamed(by: name)
                    ? nil : "there is no operation '\(name)'. \(AuditEvent.Operation.known)"
            }
            guard let value = node["ttl"] else {
                throw node.error("the key 'ttl' is missing: every order ends by itself. Write how long, as in ttl: 4h.")
            }
            let ttl = try Timespan(value)
            guard ttl.milliseconds <= Self.maximumTTL else {
                throw value.error("\(ttl) is longer than an order may hold, 30d.")
            }
            self.ttl = ttl
        }

        /// The names of a list, each of them one for which `fault` has no sentence.
        private static func names(
            _ node: YAMLNode?, _ fault: (String) -> String?
        ) throws(DocumentError) -> [String] {
            guard let node else { return [] }
            let names = try node.texts()
            // An empty list would read as "nowhere" and mean "everywhere".
            guard !names.isEmpty else { throw node.error("the list is empty; leave the key out to mean all.") }
            guard names.count <= maximumList else { throw node.error("more than \(maximumList) names.") }
            for item in node.items() {
                if let fault = fault(try item.text()) { throw item.error(fault) }
            }
            return names
        }
    }
}
