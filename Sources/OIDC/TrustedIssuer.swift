// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Logging
import NIOSSL

/// An issuer's settings after their check, with its keys.
final class TrustedIssuer: Sendable {
    /// Its place in the guard's list.
    let index: Int
    let settings: IssuerSettings
    let algorithms: Set<SigningAlgorithm>
    let keys: IssuerKeys

    /// The longest clock skew that can be set, in ms: more would keep dead tokens alive.
    private static let maximumClockSkew: Int64 = 600_000

    init(
        index: Int, settings: IssuerSettings, client: HTTPClient, logger: Logger,
        now: @escaping @Sendable () -> Int64
    ) throws(IssuerSettingsError) {
        let issuer = settings.issuer
        var algorithms: [SigningAlgorithm] = []
        for name in settings.algorithms {
            guard let algorithm = SigningAlgorithm(rawValue: name) else {
                throw .algorithm(issuer: issuer, name: name)
            }
            algorithms.append(algorithm)
        }
        guard !algorithms.isEmpty else { throw .algorithm(issuer: issuer, name: "") }
        guard !settings.audiences.isEmpty, !settings.audiences.contains("") else { throw .noAudience(issuer: issuer) }
        try Self.checkValues(settings)

        let isPlainAllowed: PlainHTTP
        if let jwksURI = settings.jwksURI {
            // The issuer's name need not be a URL then.
            guard !issuer.isEmpty else { throw .url(issuer: issuer, name: "issuer", reason: "is empty") }
            isPlainAllowed = settings.allowPlainHTTP ? .anywhere : .onLoopback
            if let reason = IssuerURL.fault(jwksURI, plain: isPlainAllowed) {
                throw .url(issuer: issuer, name: "the JWKS URI", reason: reason)
            }
        } else {
            let plain: PlainHTTP = settings.allowPlainHTTP ? .anywhere : .onLoopback
            if let reason = IssuerURL.fault(issuer, plain: plain, isIssuer: true) {
                throw .url(issuer: issuer, name: "its URL", reason: reason)
            }
            // A distant issuer has no business pointing us at a port of our own host.
            isPlainAllowed = settings.allowPlainHTTP ? .anywhere : IssuerURL.isLoopback(issuer) ? .onLoopback : .never
        }
        self.index = index
        self.settings = settings
        self.algorithms = Set(algorithms)
        let fetcher = IssuerFetcher(
            client: client, issuer: issuer, jwksURI: settings.jwksURI, plain: isPlainAllowed,
            tls: try Self.tls(settings), logger: logger)
        keys = IssuerKeys(issuer: issuer, algorithms: algorithms, fetcher: fetcher, logger: logger, now: now)
    }

    private static func checkValues(_ settings: IssuerSettings) throws(IssuerSettingsError) {
        let issuer = settings.issuer
        func refuse(_ name: String, _ reason: String) -> IssuerSettingsError {
            .value(issuer: issuer, name: name, reason: reason)
        }
        guard (0...maximumClockSkew).contains(settings.clockSkew) else {
            throw refuse("the clock skew", "must be 0 to \(maximumClockSkew / 60_000) minutes")
        }
        if let lifetime = settings.maximumLifetime, lifetime <= 0 {
            throw refuse("the maximum lifetime", "must be longer than nothing")
        }
        if let type = settings.requiredType, type != "at+jwt" {
            throw refuse("the required type", "can only be at+jwt, not \(type)")
        }
        if settings.identityClaim.isEmpty { throw refuse("the identity claim", "is empty: name one, such as email") }
        if settings.groupsClaim.isEmpty { throw refuse("the groups claim", "is empty: name one, such as groups") }
        if case .claim(let claim, let values) = settings.serviceAccounts, claim.isEmpty || values.isEmpty {
            throw refuse("the service account rule", "needs a claim and at least one value")
        }
    }

    private static func tls(_ settings: IssuerSettings) throws(IssuerSettingsError) -> TLSConfiguration? {
        guard let path = settings.caCertificateFile else { return nil }
        do {
            let certificates = try NIOSSLCertificate.fromPEMFile(path)
            guard !certificates.isEmpty else {
                throw IssuerSettingsError.caCertificateFile(
                    issuer: settings.issuer, path: path, reason: "it has no certificate")
            }
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.minimumTLSVersion = .tlsv12
            tls.trustRoots = .certificates(certificates)
            return tls
        } catch let error as IssuerSettingsError {
            throw error
        } catch {
            throw .caCertificateFile(
                issuer: settings.issuer, path: path, reason: "it cannot be read as PEM certificates (\(error))")
        }
    }

    /// True if `typ` is fit for a token that opens doors. A typed token for something else, such as a logout token, is
    /// signed by the same key (RFC 8725 section 3.11).
    func accepts(type: String?) -> Bool {
        var name = type?.lowercased()
        if let full = name, full.hasPrefix("application/") { name = String(full.dropFirst("application/".count)) }
        if let required = settings.requiredType { return name == required }
        return name == nil || name == "jwt" || name == "jose" || name == "at+jwt"
    }
}
