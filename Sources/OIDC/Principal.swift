// SPDX-License-Identifier: Apache-2.0

/// Who a verified token speaks for. Every text in it is free of control characters and at most
/// ``maximumTextBytes`` long.
package struct Principal: Sendable, Hashable {
    /// Bytes of one text in a principal, at most; a token with a longer one is refused.
    package static let maximumTextBytes = 1024

    /// The token's `iss`.
    package var issuer: String
    /// The token's `sub`.
    package var subject: String
    /// The value of the issuer's identity claim, as the issuer spells it; `sub` where that is absent or unverified.
    package var identity: String
    /// `email`; nil if absent or if `email_verified` is false (unless the settings take it all the same).
    package var email: String?
    /// `name`, for people to read.
    package var name: String?
    /// The groups claim, in the token's order.
    package var groups: [String]
    /// `sid`, else `jti`, else the first 16 hexadecimal digits of the token's SHA-256.
    package var sessionID: String
    /// `jti`.
    package var tokenID: String?
    /// `azp`, else `client_id`: the application that the token was issued to.
    package var clientID: String?
    /// True if it is a program's own account.
    package var isServiceAccount: Bool
    /// `iat` in ms since the epoch; 0 if absent, so that any order against earlier tokens meets it.
    package var issuedAt: Int64
    /// `exp` in ms since the epoch, without the clock skew.
    package var expiresAt: Int64

    package init(
        issuer: String, subject: String, identity: String, email: String? = nil, name: String? = nil,
        groups: [String] = [], sessionID: String, tokenID: String? = nil, clientID: String? = nil,
        isServiceAccount: Bool = false, issuedAt: Int64, expiresAt: Int64
    ) {
        self.issuer = issuer
        self.subject = subject
        self.identity = identity
        self.email = email
        self.name = name
        self.groups = groups
        self.sessionID = sessionID
        self.tokenID = tokenID
        self.clientID = clientID
        self.isServiceAccount = isServiceAccount
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
    }
}
