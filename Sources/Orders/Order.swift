// SPDX-License-Identifier: Apache-2.0

/// An enforcement order, the payload of a record of type `gatewatch-order+json`; its Kafka key is `id`.
///
/// All times are ms since the epoch, UTC. In JSON the members are named as in `CodingKeys`; absent optionals are left out.
package struct Order: Codable, Sendable, Equatable, Identifiable {
    /// What is done to the subject's requests. Rungs of the ladder, the weakest first.
    package enum Action: String, Codable, Sendable, CaseIterable, Comparable {
        /// Every request in scope needs an approval.
        case requireApproval = "require_approval"
        /// Tokens that were issued before the order, or in its second, are refused.
        case revokeTokens = "revoke_tokens"
        /// Every request in scope is refused.
        case block

        private var rank: Int {
            switch self {
            case .requireApproval: 1
            case .revokeTokens: 2
            case .block: 3
            }
        }

        package static func < (a: Action, b: Action) -> Bool { a.rank < b.rank }
    }

    /// How grave it is. Lifting a critical order takes two persons.
    package enum Severity: String, Codable, Sendable, CaseIterable, Comparable {
        case high, critical

        package static func < (a: Severity, b: Severity) -> Bool { a == .high && b == .critical }
    }

    /// Whom the order is about.
    package struct Subject: Codable, Sendable, Hashable {
        /// By what the subject is known.
        package enum Kind: String, Codable, Sendable, CaseIterable {
            /// A person or service by its identity, under any of its names.
            case identity
            /// One session by its id, exactly.
            case session
            /// One token by its `jti`, exactly.
            case token
            /// A service account by its identity; persons of that name are not meant.
            case serviceAccount = "service_account"
        }

        package let type: Kind
        /// The identity, or the id of the session or token.
        package let value: String
        /// Whose session or token it is, where that is known: protected identities and "nobody lifts their own" look here.
        package let identity: String?

        /// A subject as a token or an event names it.
        package init(type: Kind, value: String, identity: String? = nil) {
            self.type = type
            self.value = value
            self.identity = identity
        }

        /// The identity that it touches, where that is known.
        package var owner: String? {
            switch type {
            case .identity, .serviceAccount: value
            case .session, .token: identity
            }
        }
    }

    /// Where the order holds.
    package struct Scope: Codable, Sendable, Equatable {
        /// Names of connections; none means all of them.
        package let connections: [String]
        /// Operations, exactly or as a family (`config.*`); none means all, and for `require_approval` all sensitive ones.
        package let operations: [String]

        /// A scope; empty lists are wide.
        package init(connections: [String] = [], operations: [String] = []) {
            self.connections = connections
            self.operations = operations
        }

        /// Every connection, and every operation that the action means.
        package static let everything = Scope()
    }

    /// Who issued it. Must be the holder of the key that signs it: a key's name, or a person's identity.
    package struct Issuer: Codable, Sendable, Equatable {
        /// A machine or a human being.
        package enum Kind: String, Codable, Sendable, CaseIterable { case automation, person }
        package let kind: Kind
        package let name: String

        /// The issuer as the order names it.
        package init(kind: Kind, name: String) {
            self.kind = kind
            self.name = name
        }
    }

    /// A UUID in lower case.
    package let id: String
    /// At least one. A lockdown is `revoke_tokens` and `require_approval`.
    package let actions: [Action]
    /// Whom it is about.
    package let subject: Subject
    /// Where it holds.
    package let scope: Scope
    /// One sentence for people.
    package let reason: String
    /// The alert that led to it.
    package let alertUID: String?
    /// The incident to which it belongs.
    package let incidentUID: String?
    /// The rule that led to it.
    package let rule: String?
    /// How many persons lift it.
    package let severity: Severity
    /// Who answers for it.
    package let issuer: Issuer
    /// Tokens issued until then are the ones that `revoke_tokens` refuses.
    package let issuedAt: Int64
    /// It is in force before this moment and not at it.
    package let expiresAt: Int64
    /// Ids of orders that this one replaces. An order is only replaced by one that is at least as strong; what would
    /// weaken it takes a lift.
    package let supersedes: [String]

    package enum CodingKeys: String, CodingKey {
        case id, actions, subject, scope, reason
        case alertUID = "alert_uid"
        case incidentUID = "incident_uid"
        case rule, severity, issuer
        case issuedAt = "issued_at"
        case expiresAt = "expires_at"
        case supersedes
    }

    /// Checked when it is signed.
    package init(
        id: String, actions: [Action], subject: Subject, scope: Scope = .everything, reason: String,
        alertUID: String? = nil, incidentUID: String? = nil, rule: String? = nil, severity: Severity, issuer: Issuer,
        issuedAt: Int64, expiresAt: Int64, supersedes: [String] = []
    ) {
        self.id = id
        self.actions = actions
        self.subject = subject
        self.scope = scope
        self.reason = reason
        self.alertUID = alertUID
        self.incidentUID = incidentUID
        self.rule = rule
        self.severity = severity
        self.issuer = issuer
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.supersedes = supersedes
    }
}
