// SPDX-License-Identifier: Apache-2.0

/// How it stands with the keys of one issuer.
package struct IssuerHealth: Sendable, Equatable {
    /// The issuer's name.
    package var issuer: String
    /// True if tokens of this issuer can be verified now.
    package var isUsable: Bool
    /// Usable keys in the last JWKS.
    package var keyCount: Int
    /// When the last JWKS arrived, in ms since the epoch; nil if none did.
    package var fetchedAt: Int64?
    /// Until when its keys are used if no other comes, in ms since the epoch.
    package var usableUntil: Int64?
    /// What went wrong the last time; nil if it went well.
    package var lastError: String?
}
