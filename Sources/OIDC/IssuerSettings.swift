// SPDX-License-Identifier: Apache-2.0

/// One issuer whose tokens are accepted, and on which terms.
package struct IssuerSettings: Sendable, Equatable {
    /// The exact `iss` of its tokens, byte for byte (OpenID Connect Discovery 1.0 section 4.3).
    package var issuer: String
    /// A token must be for at least one of these (`aud`, RFC 7519 section 4.1.3).
    package var audiences: [String]
    /// The only signature algorithms accepted, by their JOSE names: RS/PS/ES 256, 384, 512 and EdDSA. An RSA key
    /// without `alg` is for the first RS\* here.
    package var algorithms: [String]
    /// The claim that names who the token speaks for; `sub` where it is absent. Dots descend into objects, unless a
    /// claim has the whole name.
    package var identityClaim: String
    /// The claim with the groups: an array of strings, or one string.
    package var groupsClaim: String
    /// How a service account is told from a person.
    package var serviceAccounts: ServiceAccountRule
    /// False takes an email although `email_verified` is false. True, an unverified one is nobody's: the identity
    /// is `sub`.
    package var requiresVerifiedEmail: Bool
    /// How far the issuer's clock may be from ours, in ms.
    package var clockSkew: Int64
    /// The longest time from `iat` to `exp` that is accepted, in ms; nil for any.
    package var maximumLifetime: Int64?
    /// Where the keys are; nil to find them by discovery.
    package var jwksURI: String?
    /// A PEM file of certificate authorities to trust for this issuer instead of the system's.
    package var caCertificateFile: String?
    /// `at+jwt` to accept only RFC 9068 access tokens. With nil, `typ` may be absent, `JWT`, `JOSE` or `at+jwt`.
    package var requiredType: String?
    /// True to fetch discovery and keys over plain HTTP from a host that is not loopback. Whoever is between can then
    /// replace the keys.
    package var allowPlainHTTP: Bool

    package init(
        issuer: String, audiences: [String], algorithms: [String] = ["RS256", "ES256"],
        identityClaim: String = "email", groupsClaim: String = "groups",
        serviceAccounts: ServiceAccountRule = .clientCredentials, requiresVerifiedEmail: Bool = true,
        clockSkew: Int64 = 60_000, maximumLifetime: Int64? = nil, jwksURI: String? = nil,
        caCertificateFile: String? = nil, requiredType: String? = nil, allowPlainHTTP: Bool = false
    ) {
        self.issuer = issuer
        self.audiences = audiences
        self.algorithms = algorithms
        self.identityClaim = identityClaim
        self.groupsClaim = groupsClaim
        self.serviceAccounts = serviceAccounts
        self.requiresVerifiedEmail = requiresVerifiedEmail
        self.clockSkew = clockSkew
        self.maximumLifetime = maximumLifetime
        self.jwksURI = jwksURI
        self.caCertificateFile = caCertificateFile
        self.requiredType = requiredType
        self.allowPlainHTTP = allowPlainHTTP
    }
}

/// How an issuer's service accounts are told from people.
package enum ServiceAccountRule: Sendable, Equatable {
    /// By the shape of a client credentials token (RFC 9068 section 2.2): no `email`, and `azp` or `client_id` is
    /// `sub`.
    case clientCredentials
    /// By a claim that has one of the values; a value that ends in `*` stands for everything with that beginning.
    case claim(String, values: [String])
}

/// Settings that cannot work, found before anything is accepted.
package enum IssuerSettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    case noIssuers
    case duplicateIssuer(String)
    case url(issuer: String, name: String, reason: String)
    case noAudience(issuer: String)
    case algorithm(issuer: String, name: String)
    case value(issuer: String, name: String, reason: String)
    case caCertificateFile(issuer: String, path: String, reason: String)

    package var description: String {
        switch self {
        case .noIssuers: "no issuer is configured, so no token could be accepted: name at least one"
        case .duplicateIssuer(let issuer): "the issuer \(issuer) is configured twice: merge the two"
        case .url(let issuer, let name, let reason): "the issuer \(issuer): \(name) \(reason)"
        case .noAudience(let issuer):
            "the issuer \(issuer) has no audiences, so tokens meant for others would pass: name the gateway's own"
        case .algorithm(let issuer, let name):
            "the issuer \(issuer): the algorithm "
                + (name.isEmpty ? "list is empty" : "\(name) is not accepted") + ": choose from "
                + SigningAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
        case .value(let issuer, let name, let reason): "the issuer \(issuer): \(name) \(reason)"
        case .caCertificateFile(let issuer, let path, let reason):
            "the issuer \(issuer): the CA file \(path) cannot be used: \(reason)"
        }
    }
}
