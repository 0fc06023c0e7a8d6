// SPDX-License-Identifier: Apache-2.0
package import AsyncHTTPClient
import Foundation
import JSONText
package import Logging
import Metrics

/// Decides whose a bearer token is: signature, issuer, audience and times of JSON Web Tokens (RFC 7519, RFC 8725,
/// RFC 9068), by the keys that their issuers publish.
///
/// Everything is refused that is not known to be good; no input crashes it. Fetching is by itself: `run()` keeps
/// keys fresh, and a token with an unknown key brings at most one fetch in 30 s for each issuer.
package final class TokenGuard: Sendable {
    /// How long a verified token is believed without another look at its signature, in ms.
    package static let cacheLifetime: Int64 = 5 * 60_000

    let issuers: [TrustedIssuer]
    private let byName: [[UInt8]: TrustedIssuer]
    private let cache = TokenCache()
    let now: @Sendable () -> Int64
    private let accepted = Counter(label: "gatewatch_tokens_verified_total", dimensions: [("result", "accepted")])
    private let refused: [TokenRefusal.Reason: Counter]

    /// - Parameters:
    ///   - issuers: whom to trust.
    ///   - httpClient: for discovery and keys; the caller shuts it down after the guard's last use. It should not
    ///     follow redirects: what they lead to is never believed, but it would be asked.
    ///   - now: ms since the epoch.
    /// - Throws: ``IssuerSettingsError``.
    package init(
        issuers: [IssuerSettings], httpClient: HTTPClient, logger: Logger,
        now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1000) }
    ) throws {
        guard !issuers.isEmpty else { throw IssuerSettingsError.noIssuers }
        var trusted: [TrustedIssuer] = []
        var byName: [[UInt8]: TrustedIssuer] = [:]
        for (index, settings) in issuers.enumerated() {
            let issuer = try TrustedIssuer(
                index: index, settings: settings, client: httpClient, logger: logger, now: now)
            // By bytes: Swift's == takes different spellings of one character for the same.
            guard byName.updateValue(issuer, forKey: Array(settings.issuer.utf8)) == nil else {
                throw IssuerSettingsError.duplicateIssuer(settings.issuer)
            }
            trusted.append(issuer)
        }
        self.issuers = trusted
        self.byName = byName
        self.now = now
        refused = Dictionary(
            uniqueKeysWithValues: TokenRefusal.Reason.allCases.map {
                ($0, Counter(label: "gatewatch_tokens_verified_total", dimensions: [("result", $0.rawValue)]))
            })
    }

    /// The verdict on a token that was verified less than 5 minutes ago by a key that its issuer still has; nil if
    /// it is not known: then ``verify(_:)`` decides. Times are checked again at every call.
    ///
    /// For event loops: one SHA-256 and a short lock, no I/O, no metric.
    package func cached(_ token: String) -> Result<Principal, TokenRefusal>? {
        guard token.utf8.count <= TokenGuard.maximumTokenBytes else { return nil }
        return cached(TokenDigest(token))
    }

    private func cached(_ digest: TokenDigest) -> Result<Principal, TokenRefusal>? {
        guard let entry = cache.entry(digest) else { return nil }
        let now = now()
        // The second: the clock was put back, so that an entry would live for too long.
        guard now < entry.validUntil, entry.validUntil - now <= Self.cacheLifetime,
            issuers[entry.issuer].keys.isCurrent(entry.generation, at: now)
        else { return nil }
        return entry.token.verdict(at: now)
    }

    /// The verdict on a token, counted in `gatewatch_tokens_verified_total`. It may wait for the issuer's keys, up to
    /// about 20 s.
    package func verify(_ token: String) async -> Result<Principal, TokenRefusal> {
        let verdict = await judge(token)
        switch verdict {
        case .success: accepted.increment()
        case .failure(let refusal): refused[refusal.reason]?.increment()
        }
        return verdict
    }

    private func judge(_ token: String) async -> Result<Principal, TokenRefusal> {
        let bytes = Array(token.utf8)
        let unverified: UnverifiedToken
        do {
            unverified = try UnverifiedToken(bytes)
        } catch {
            return .failure(
                TokenRefusal(error.reason, error.detail, claimedSubject: UnverifiedToken.claimedSubject(bytes)))
        }
        let digest = TokenDigest(token)
        if let known = cached(digest) { return known }
        do {
            let entry = try await verified(unverified, digest)
            cache.store(digest, entry)
            return entry.token.verdict(at: now())
        } catch {
            return .failure(
                TokenRefusal(error.reason, error.detail, claimedSubject: unverified.claims["sub"]?.text))
        }
    }

    /// Everything up to the signature, in an order in which nothing is believed before its ground is: the issuer
    /// chooses the keys, the header only one among them.
    func verified(
        _ token: UnverifiedToken, _ digest: TokenDigest
    ) async throws(TokenFault) -> TokenCache.Entry {
        guard let issuer = byName[Array(token.issuer.utf8)] else {
            let shown = SafeText.shown(token.issuer, maximumBytes: 200)
            throw TokenFault(.unknownIssuer, "the token's issuer \(shown) is not one of the trusted ones")
        }
        let algorithm = token.algorithm.rawValue
        guard issuer.algorithms.contains(token.algorithm) else {
            throw TokenFault(.algorithm, "the algorithm \(algorithm) is not allowed for the token's issuer")
        }
        guard issuer.accepts(type: token.type) else {
            let shown = token.type.map { "typ \(SafeText.shown($0))" } ?? "no typ"
            throw TokenFault(.type, "the token has \(shown), so it is not an access token for us")
        }
        guard let signature = token.signature else {
            throw TokenFault(.malformed, "the token's signature is not base64url")
        }
        let keyID = SafeText.shown(token.keyID)
        let key: VerificationKey
        let generation: UInt64
        switch await issuer.keys.key(named: token.keyID, for: token.algorithm) {
        case .key(let found, let current): (key, generation) = (found, current)
        case .otherAlgorithm:
            throw TokenFault(.algorithm, "the key \(keyID) of the token's issuer is not for \(algorithm)")
        case .unknown: throw TokenFault(.unknownKey, "the token's issuer has no usable key \(keyID)")
        case .unavailable(let reason):
            throw TokenFault(.keysUnavailable, "the keys of the token's issuer are not available: \(reason)")
        }
        guard key.verifies(signature, of: token.signedBytes) else {
            throw TokenFault(.signature, "the token's signature is not one of the key \(keyID)")
        }
        let verified = try VerifiedToken(TokenClaims(members: token.claims), issuer: issuer, tokenDigest: digest)
        return TokenCache.Entry(
            token: verified, issuer: issuer.index, generation: generation, validUntil: now() + Self.cacheLifetime)
    }

    /// Keeps the keys of all issuers fresh until the task is cancelled.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            for issuer in issuers {
                group.addTask { await issuer.keys.keepFresh() }
            }
        }
    }

    /// How it stands with each issuer, in the order of the settings.
    package var health: [IssuerHealth] { issuers.map(\.keys.health) }

    /// Tokens in the cache.
    package var cachedTokenCount: Int { cache.count }
}
