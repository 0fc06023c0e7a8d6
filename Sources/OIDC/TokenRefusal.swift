// SPDX-License-Identifier: Apache-2.0

/// Why a request's token is not accepted.
package struct TokenRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// The reasons; the raw values are the codes in audit events and metrics.
    package enum Reason: String, Sendable, CaseIterable {
        /// No bearer token was sent.
        case missing
        /// The header field or the token is not of its grammar.
        case malformed
        /// Longer than ``TokenGuard/maximumTokenBytes``.
        case tooLong = "too_long"
        /// An algorithm that is not allowed for the issuer, or not the key's.
        case algorithm
        /// `iss` is absent or names none of the trusted issuers.
        case unknownIssuer = "unknown_issuer"
        /// `kid` is absent or names no key of that issuer.
        case unknownKey = "unknown_key"
        /// The signature does not match.
        case signature
        case expired
        case notYetValid = "not_yet_valid"
        case issuedInFuture = "issued_in_future"
        case audience
        /// The header asks for an extension (`crit`, `b64`) that is not supported.
        case criticalHeader = "critical_header"
        /// `typ` says that the token is for something else.
        case type
        /// A claim is absent or has no usable value.
        case claim
        /// Valid for longer than the issuer's maximum.
        case lifetime
        /// An order revoked it; for those who apply orders, never answered by ``TokenGuard``.
        case revoked
        /// The issuer's keys are not to be had now.
        case keysUnavailable = "keys_unavailable"

        /// The `error_description`: fixed words of ours, in the characters of RFC 6750 section 3.
        var words: String {
            switch self {
            case .missing: "a bearer token is required"
            case .malformed: "the token is malformed"
            case .tooLong: "the token is too long"
            case .algorithm: "the signature algorithm is not accepted"
            case .unknownIssuer: "the issuer is not trusted"
            case .unknownKey: "the signing key is unknown"
            case .signature: "the signature does not match"
            case .expired: "the token expired"
            case .notYetValid: "the token is not yet valid"
            case .issuedInFuture: "the token is issued in the future"
            case .audience: "the token is for another audience"
            case .criticalHeader: "a critical header parameter is not supported"
            case .type: "the token is of another type"
            case .claim: "a claim is missing or unusable"
            case .lifetime: "the token is valid for too long"
            case .revoked: "the token was revoked"
            case .keysUnavailable: "the keys of the issuer are not available now"
            }
        }
    }

    /// Why, as a code.
    package let reason: Reason
    /// Why, as a sentence for the audit event. It has no part of the token but claims and header parameters, which
    /// are cut and free of control characters.
    package let detail: String
    /// Who the token speaks for: only if its signature was verified.
    package let principal: Principal?
    /// The `sub` that the token claims, **unverified**, without control characters and at most 256 bytes.
    package let claimedSubject: String?

    /// - Parameter claimedSubject: as it came; it is cleaned and cut here.
    package init(
        _ reason: Reason, _ detail: String, principal: Principal? = nil, claimedSubject: String? = nil
    ) {
        self.reason = reason
        self.detail = detail
        self.principal = principal
        self.claimedSubject = claimedSubject.map { SafeText.shown($0, maximumBytes: 256) }
    }

    /// True if the same token may be accepted later without any fault of its own: answer 503, not 401.
    package var isTemporary: Bool { reason == .keysUnavailable }

    /// The value of `WWW-Authenticate` (RFC 6750 section 3). Without an error code if no token was sent (section 3.1).
    package var wwwAuthenticate: String {
        let challenge = "Bearer realm=\"gatewatch\""
        guard reason != .missing else { return challenge }
        return challenge + ", error=\"invalid_token\", error_description=\"\(reason.words)\""
    }

    package var description: String { "\(reason.rawValue): \(detail)" }
}

/// What went wrong with a token, before it is known whose it is.
struct TokenFault: Error, Equatable {
    let reason: TokenRefusal.Reason
    let detail: String

    init(_ reason: TokenRefusal.Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }
}
