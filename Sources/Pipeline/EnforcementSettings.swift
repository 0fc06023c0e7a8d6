// SPDX-License-Identifier: Apache-2.0

package import Orders
package import Signing

/// What the detector process may do by itself when a rule has `gatewatch: respond`.
package struct EnforcementSettings: Sendable {
    /// Signs the orders; its name must be a trusted key of role automation that may issue at the gateways.
    package var key: SigningKey
    /// Compacted; keyed by order id.
    package var ordersTopic = "gatewatch.orders"
    /// Mode, protected identities and budgets. `mode` observe: nothing is issued, alerts say what would have been.
    package var safety: OrderSafety.Settings
    /// Of how many identities the share of the budget is taken: those of the identity directory.
    package var knownIdentities: Int
    /// Which names are one identity's, for the protected ones.
    package var aliases: IdentityAliases

    /// Observe mode unless the settings say otherwise.
    package init(
        key: SigningKey, safety: OrderSafety.Settings = .init(), knownIdentities: Int = 0,
        aliases: IdentityAliases = IdentityAliases()
    ) {
        self.key = key
        self.safety = safety
        self.knownIdentities = knownIdentities
        self.aliases = aliases
    }
}
