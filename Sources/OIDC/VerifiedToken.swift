// SPDX-License-Identifier: Apache-2.0

/// What a token says, after its signature was verified. Immutable: only time can still change the verdict on it.
final class VerifiedToken: Sendable {
    let principal: Principal
    /// `iat` in ms since the epoch, if there is one.
    private let issuedAt: Int64?
    /// `nbf` in ms since the epoch, if there is one.
    private let notBefore: Int64?
    private let clockSkew: Int64
    /// What is wrong with it at any time.
    private let lasting: TokenFault?

    init(_ claims: TokenClaims, issuer: TrustedIssuer, tokenDigest: TokenDigest) throws(TokenFault) {
        let settings = issuer.settings
        let expiresAt = try claims.time("exp")
        guard let expiresAt else { throw TokenFault(.claim, "the token has no exp, so it would never end") }
        issuedAt = try claims.time("iat")
        notBefore = try claims.time("nbf")
        principal = try claims.principal(
            settings: settings, issuedAt: issuedAt ?? 0, expiresAt: expiresAt, tokenDigest: tokenDigest)
        clockSkew = settings.clockSkew
        let audienceFault = try claims.audienceFault(settings)
        lasting = audienceFault ?? Self.lifetimeFault(issuedAt, expiresAt, settings)
    }

    private static func lifetimeFault(_ issuedAt: Int64?, _ expiresAt: Int64, _ settings: IssuerSettings) -> TokenFault?
    {
        guard let maximum = settings.maximumLifetime else { return nil }
        guard let issuedAt else {
            return TokenFault(.lifetime, "the token has no iat, so that its lifetime cannot be checked")
        }
        guard expiresAt - issuedAt > maximum else { return nil }
        return TokenFault(
            .lifetime,
            "the token is valid for \((expiresAt - issuedAt) / 1000) s; at most \(maximum / 1000) are accepted")
    }

    /// The verdict at a time in ms since the epoch.
    func verdict(at now: Int64) -> Result<Principal, TokenRefusal> {
        guard let fault = timeFault(at: now) ?? lasting else { return .success(principal) }
        return .failure(
            TokenRefusal(fault.reason, fault.detail, principal: principal, claimedSubject: principal.subject))
    }

    private func timeFault(at now: Int64) -> TokenFault? {
        // At exp it is over (RFC 7519 section 4.1.4). The sums cannot overflow: both sides are bounded.
        if now >= principal.expiresAt + clockSkew {
            return TokenFault(.expired, "the token expired \((now - principal.expiresAt) / 1000) s ago")
        }
        if let notBefore, notBefore - clockSkew > now {
            return TokenFault(.notYetValid, "the token is valid only in \((notBefore - now) / 1000) s")
        }
        if let issuedAt, issuedAt - clockSkew > now {
            return TokenFault(
                .issuedInFuture,
                "the token is issued \((issuedAt - now) / 1000) s in the future: compare the two clocks")
        }
        return nil
    }
}
