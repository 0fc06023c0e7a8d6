// SPDX-License-Identifier: Apache-2.0

package import AuditEvent
import OIDC
package import Signing

/// Which identity a token's bearer is: through the identity directory, so that the gateway's events, the detectors and the orders
/// name a person in the same way.
package struct IdentityResolver: Sendable {
    private let byName: [String: Int]
    private let entries: [IdentityDirectory.Entry]
    /// All names of one person, for orders and approvals.
    package let aliases: IdentityAliases

    package init(_ directory: IdentityDirectory? = nil) {
        entries = directory?.entries ?? []
        var byName: [String: Int] = [:]
        for (index, entry) in entries.enumerated() {
            for name in [entry.uid] + entry.aliases { byName[name.lowercased()] = index }
        }
        self.byName = byName
        aliases = IdentityAliases(entries.map { [$0.uid] + $0.aliases })
    }

    /// How many identities are known.
    package var count: Int { entries.count }

    /// The directory's id of the first name that it knows; else the token's identity as it is.
    func identity(of principal: Principal) -> String {
        for name in [principal.identity, principal.email, principal.subject] {
            if let name, let index = byName[name.lowercased()] { return entries[index].uid }
        }
        return principal.identity
    }
}
