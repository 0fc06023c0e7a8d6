// SPDX-License-Identifier: Apache-2.0

import Crypto

/// A public key whose records are believed, and for what.
package struct TrustedKey: Sendable, Equatable {
    /// Whose key it is.
    package enum Role: String, Sendable, CaseIterable {
        /// A detector, or a script of the security team.
        case automation
        case person
        /// A gateway: signs approval requests and their use, by its role.
        case gateway
        /// A hub: signs the heads of the evidence chain, by its role, and what `may` says in the name of who logged in there.
        case hub
    }

    /// What its holder may sign.
    package enum Permission: String, Sendable, CaseIterable {
        case issue, lift, approve
    }

    /// The `kid` of what it signs.
    package let name: String
    /// A person's, automation's, a gateway's or a hub's.
    package let role: Role
    /// Who the person is; nil unless the role is person.
    package let identity: String?
    /// Groups of approvers to which the person belongs.
    package let groups: [String]
    /// Empty for a gateway, whose role says what it signs. A hub's says what it may sign for persons: whoever has that key is
    /// everybody.
    package let may: Set<Permission>
    /// `ed25519:` and base64.
    package let publicText: String

    let key: Curve25519.Signing.PublicKey

    /// A key given in code. Throws as the file's reader does.
    package init(
        name: String, role: Role, identity: String? = nil, groups: [String] = [], may: Set<Permission>,
        publicText: String
    ) throws(TrustError) {
        guard SigningKey.isName(name) else { throw .badName(name) }
        guard let bytes = Ed25519Text.bytes(publicText), !Ed25519Text.isWeak(bytes),
            let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes)
        else { throw .notAKey(name) }
        switch role {
        case .person:
            guard let identity, (1...512).contains(identity.utf8.count) else { throw .noIdentity(name) }
        case .automation:
            guard identity == nil, groups.isEmpty else { throw .notAPerson(name) }
            guard !may.contains(.approve) else { throw .automationApproves(name) }
        case .gateway:
            guard identity == nil, groups.isEmpty else { throw .notAPerson(name) }
            guard may.isEmpty else { throw .gatewayMay(name) }
        case .hub:
            guard identity == nil, groups.isEmpty else { throw .notAPerson(name) }
        }
        self.name = name
        self.role = role
        self.identity = identity
        self.groups = groups
        self.may = may
        // One text for one key, however it was written.
        self.publicText = Ed25519Text.text(bytes)
        self.key = key
    }

    package static func == (a: TrustedKey, b: TrustedKey) -> Bool {
        a.name == b.name && a.role == b.role && a.identity == b.identity && a.groups == b.groups && a.may == b.may
            && a.publicText == b.publicText
    }
}

/// A list of trusted keys makes no sense.
package enum TrustError: Error, Sendable, Equatable, CustomStringConvertible {
    case badName(String)
    case notAKey(String)
    case noIdentity(String)
    case notAPerson(String)
    case automationApproves(String)
    case gatewayMay(String)
    case nameTwice(String)
    case keyTwice(String, String)
    case tooMany(Int)

    package var description: String {
        switch self {
        case .badName(let name):
            "'\(name.prefix(80))' cannot be a key's name: use 1 to 64 letters, digits, '.', '_' or '-'."
        case .notAKey(let name):
            "the key '\(name)' is no Ed25519 public key: write ed25519: and base64, as `gatewatch keys` prints it."
        case .noIdentity(let name):
            "the key '\(name)' is a person's and needs 'identity', the name by which events know that person."
        case .notAPerson(let name):
            "the key '\(name)' is no person's: leave out 'identity' and 'groups', or set role: person."
        case .automationApproves(let name): "the key '\(name)' is automation's: only persons may approve."
        case .gatewayMay(let name):
            "the key '\(name)' is a gateway's, whose role says what it signs: leave out 'may', or set another role."
        case .nameTwice(let name): "two keys are named '\(name)': give each a name of its own."
        case .keyTwice(let a, let b):
            "'\(a)' and '\(b)' are the same key: one holder would count as two. Make a key for each."
        case .tooMany(let count): "\(count) keys are listed; at most \(TrustedKeys.maximumKeys) are read."
        }
    }
}
