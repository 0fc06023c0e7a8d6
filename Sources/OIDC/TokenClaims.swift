// SPDX-License-Identifier: Apache-2.0

import JSONText

/// Typed reads of a payload whose signature was verified (RFC 7519 section 4.1, OpenID Connect Core 1.0 section 2).
struct TokenClaims {
    let members: [String: JSONValue]

    /// 9999-12-31T23:59:59Z in seconds since the epoch.
    private static let latestTime: Double = 253_402_300_799

    /// A NumericDate as ms since the epoch, or nil if the claim is absent.
    func time(_ name: String) throws(TokenFault) -> Int64? {
        guard let value = members[name] else { return nil }
        guard let seconds = value.number, seconds >= 0, seconds <= Self.latestTime else {
            throw TokenFault(.claim, "the token's \(name) is not a time in seconds between the years 1970 and 9999")
        }
        return Int64(seconds * 1000)
    }

    /// The value at a path: the claim of exactly that name, else dots descend into objects.
    func value(_ path: String) -> JSONValue? {
        if let value = members[path] { return value }
        let names = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        return names.dropFirst().reduce(names.first.flatMap { members[$0] }) { $0?[$1] }
    }

    /// A text, or nil if the claim is absent, null or empty.
    private func text(_ path: String) throws(TokenFault) -> String? {
        switch value(path) {
        case nil, .null, .text(""): return nil
        case .text(let text): return try Self.checked(text, path)
        default: throw TokenFault(.claim, "the token's \(path) is not text")
        }
    }

    private static func checked(_ text: String, _ path: String) throws(TokenFault) -> String {
        guard text.utf8.count <= Principal.maximumTextBytes, SafeText.isClean(text) else {
            throw TokenFault(
                .claim,
                "the token's \(path) is longer than \(Principal.maximumTextBytes) bytes or has control characters")
        }
        return text
    }

    /// What is wrong with `aud`; nil if it names us.
    func audienceFault(_ settings: IssuerSettings) throws(TokenFault) -> TokenFault? {
        let named: [String]
        switch members["aud"] {
        case .text(let one): named = [one]
        case .list(let several): named = several.compactMap(\.text)
        case nil: return TokenFault(.audience, "the token has no aud")
        default: throw TokenFault(.claim, "the token's aud is neither text nor a list of texts")
        }
        // Bytes are compared: Swift's == takes different spellings of one character for the same.
        let isOurs = named.contains { name in
            settings.audiences.contains { $0.utf8.elementsEqual(name.utf8) }
        }
        guard !isOurs else { return nil }
        let shown = SafeText.shown(named.joined(separator: ", "), maximumBytes: 200)
        return TokenFault(.audience, "the token is for the audience \(shown), not for this gateway")
    }

    /// Who the token speaks for. Times in ms since the epoch.
    func principal(
        settings: IssuerSettings, issuedAt: Int64, expiresAt: Int64, tokenDigest: TokenDigest
    ) throws(TokenFault) -> Principal {
        guard let subject = try text("sub") else { throw TokenFault(.claim, "the token has no sub") }
        let hasEmail = value("email")?.text?.isEmpty == false
        let isEmailUsable = !settings.requiresVerifiedEmail || !isEmailUnverified
        var identity: String?
        if settings.identityClaim != "email" || isEmailUsable { identity = try text(settings.identityClaim) }
        let tokenID = try text("jti")
        let authorizedParty = try text("azp")
        let client = try text("client_id")
        return Principal(
            issuer: settings.issuer, subject: subject, identity: identity ?? subject,
            email: isEmailUsable ? try text("email") : nil,
            // For people's eyes only, so that a strange one is no reason to refuse.
            name: value("name")?.text.map { SafeText.shown($0, maximumBytes: Principal.maximumTextBytes) },
            groups: try groups(settings.groupsClaim),
            sessionID: try text("sid") ?? tokenID ?? tokenDigest.shortHexadecimal, tokenID: tokenID,
            clientID: authorizedParty ?? client,
            isServiceAccount: isServiceAccount(settings.serviceAccounts, hasEmail: hasEmail, subject: subject),
            issuedAt: issuedAt, expiresAt: expiresAt)
    }

    /// Some issuers write the boolean as text.
    private var isEmailUnverified: Bool {
        members["email_verified"] == .flag(false) || members["email_verified"] == .text("false")
    }

    private func groups(_ path: String) throws(TokenFault) -> [String] {
        switch value(path) {
        case nil, .null, .text(""): return []
        case .text(let one): return [try Self.checked(one, path)]
        case .list(let several):
            var groups: [String] = []
            for value in several {
                guard let group = value.text, !group.isEmpty else {
                    throw TokenFault(.claim, "the token's \(path) has an entry that is not text")
                }
                groups.append(try Self.checked(group, path))
            }
            return groups
        default: throw TokenFault(.claim, "the token's \(path) is neither text nor a list of texts")
        }
    }

    private func isServiceAccount(_ rule: ServiceAccountRule, hasEmail: Bool, subject: String) -> Bool {
        switch rule {
        case .clientCredentials:
            return !hasEmail && ["azp", "client_id"].contains { members[$0]?.text == subject }
        case .claim(let path, let accepted):
            let found: [String]
            switch value(path) {
            case .text(let one): found = [one]
            case .flag(let flag): found = [flag ? "true" : "false"]
            case .list(let several): found = several.compactMap(\.text)
            default: return false
            }
            return found.contains { text in
                accepted.contains { $0.hasSuffix("*") ? text.hasPrefix($0.dropLast()) : text == $0 }
            }
        }
    }
}
