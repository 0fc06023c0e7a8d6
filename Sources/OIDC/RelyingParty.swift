// SPDX-License-Identifier: Apache-2.0
package import AsyncHTTPClient
import Foundation
import JSONText
package import Logging
import Synchronization

/// Logs people in at one OpenID provider: authorization code flow with PKCE (OpenID Connect Core 1.0 section 3.1, RFC 7636,
/// RFC 9207). Who calls it keeps state, nonce and verifier of each login, bound to the browser that began it.
package final class RelyingParty: Sendable {
    /// How long what discovery said is believed, in ms.
    private static let metadataLifetime: Int64 = 3_600_000
    /// Bytes of a code, at most.
    package static let maximumCodeBytes = 4096

    private struct Metadata: Sendable {
        var authorizationEndpoint: String
        var tokenEndpoint: String
        var endSessionEndpoint: String?
        /// RFC 9207: the answer names its issuer.
        var namesIssuer: Bool
        var sendsSecretInForm: Bool
    }

    private let settings: RelyingPartySettings
    private let secret: String?
    private let tokens: TokenGuard
    private let fetcher: IssuerFetcher
    private let now: @Sendable () -> Int64
    private let known = Mutex<(metadata: Metadata, at: Int64)?>(nil)

    /// - Parameters:
    ///   - secret: the client's; nil for a public client, which PKCE alone protects.
    ///   - now: ms since the epoch.
    /// - Throws: ``IssuerSettingsError``.
    package init(
        settings: RelyingPartySettings, secret: String?, httpClient: HTTPClient, logger: Logger,
        now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1000) }
    ) throws {
        var issuer = settings.issuer
        // Whoever else the issuer's tokens are for, logins here are for this client alone.
        issuer.audiences = [settings.clientID]
        tokens = try TokenGuard(issuers: [issuer], httpClient: httpClient, logger: logger, now: now)
        fetcher = tokens.issuers[0].keys.fetcher
        self.settings = settings
        self.secret = secret
        self.now = now
    }

    /// Keeps the issuer's keys fresh until the task is cancelled.
    package func run() async { await tokens.run() }

    /// How it stands with the issuer's keys.
    package var health: IssuerHealth { tokens.health[0] }

    /// Where to send a browser to log in.
    ///
    /// - Parameters:
    ///   - verifier: of PKCE; its challenge is sent.
    ///   - redirectURI: where the answer comes, as it is registered at the issuer.
    /// - Throws: ``LoginError``.
    package func authorizationURL(
        state: String, nonce: String, verifier: String, redirectURI: String
    ) async throws(LoginError) -> String {
        let endpoint = try await metadata().authorizationEndpoint
        let query = FormText.encode([
            ("response_type", "code"), ("client_id", settings.clientID), ("redirect_uri", redirectURI),
            ("scope", settings.scopes.joined(separator: " ")), ("state", state), ("nonce", nonce),
            ("code_challenge", ProofKey.challenge(of: verifier)), ("code_challenge_method", "S256"),
        ])
        return endpoint + (endpoint.contains("?") ? "&" : "?") + query
    }

    /// Where a person can end the session at the issuer too (OpenID Connect RP-Initiated Logout 1.0); nil if it has no such page
    /// or cannot be asked now.
    package func endSessionURL(returningTo uri: String) async -> String? {
        guard let endpoint = try? await metadata().endSessionEndpoint else { return nil }
        return endpoint + (endpoint.contains("?") ? "&" : "?")
            + FormText.encode([("client_id", settings.clientID), ("post_logout_redirect_uri", uri)])
    }

    /// Redeems a code for who logged in.
    ///
    /// - Parameters:
    ///   - code: of the issuer's answer.
    ///   - issuer: `iss` of the answer, if it was sent.
    /// - Throws: ``LoginError``.
    package func redeem(
        code: String, issuer: String?, verifier: String, nonce: String, redirectURI: String
    ) async throws(LoginError) -> Principal {
        let metadata = try await metadata()
        // RFC 9207 section 2.4: or a code of one issuer could be sent to another.
        if let issuer, !issuer.utf8.elementsEqual(settings.issuer.issuer.utf8) {
            throw .refused("the answer is of another issuer (\(SafeText.shown(issuer, maximumBytes: 200)))")
        }
        if issuer == nil, metadata.namesIssuer { throw .refused("the answer does not name its issuer (iss)") }
        guard code.utf8.count <= Self.maximumCodeBytes else { throw .refused("the code is too long") }
        let token = try await exchange(code, verifier, redirectURI, metadata)
        switch await tokens.verify(idToken: token, client: settings.clientID, nonce: nonce) {
        case .success(let principal): return principal
        case .failure(let refusal) where refusal.isTemporary: throw .unavailable(refusal.detail)
        case .failure(let refusal): throw .refused("the ID token is not accepted: \(refusal.detail)")
        }
    }

    private func exchange(
        _ code: String, _ verifier: String, _ redirectURI: String, _ metadata: Metadata
    ) async throws(LoginError) -> String {
        var form = [
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirectURI),
            ("code_verifier", verifier),
        ]
        var authorization: String?
        if let secret, !metadata.sendsSecretInForm {
            // Both halves are form-encoded before they are joined (RFC 6749 section 2.3.1).
            let pair = FormText.encode(settings.clientID) + ":" + FormText.encode(secret)
            authorization = "Basic " + Data(pair.utf8).base64EncodedString()
        } else {
            form.append(("client_id", settings.clientID))
            if let secret { form.append(("client_secret", secret)) }
        }
        let members: [String: JSONValue]
        let status: UInt
        do {
            let answer = try await fetcher.post(
                metadata.tokenEndpoint, form: FormText.encode(form), authorization: authorization)
            status = answer.status
            members = try IssuerFetcher.object(answer.body, what: "the answer of \(metadata.tokenEndpoint)")
        } catch {
            throw .unavailable("\(error)")
        }
        guard status == 200 else {
            let code = SafeText.shown(members["error"]?.text ?? "status \(status)", maximumBytes: 100)
            let words = members["error_description"]?.text.map { ": " + SafeText.shown($0, maximumBytes: 200) } ?? ""
            throw .refused("the issuer did not accept the code (\(code)\(words))")
        }
        guard members["token_type"]?.text?.lowercased() == "bearer", let token = members["id_token"]?.text else {
            throw .refused("the issuer's answer has no ID token: is the scope openid allowed for this client?")
        }
        return token
    }

    private func metadata() async throws(LoginError) -> Metadata {
        let before = known.withLock { $0 }
        if let before, (0..<Self.metadataLifetime).contains(now() - before.at) { return before.metadata }
        do {
            let members = try await fetcher.metadata()
            let methods = members["token_endpoint_auth_methods_supported"]?.list?.compactMap(\.text)
            let found = Metadata(
                authorizationEndpoint: try fetcher.checkedURL("authorization_endpoint", in: members),
                tokenEndpoint: try fetcher.checkedURL("token_endpoint", in: members),
                endSessionEndpoint: try? fetcher.checkedURL("end_session_endpoint", in: members),
                namesIssuer: members["authorization_response_iss_parameter_supported"] == .flag(true),
                // Without the list it is Basic (OpenID Connect Discovery 1.0 section 3).
                sendsSecretInForm: methods.map {
                    !$0.contains("client_secret_basic") && $0.contains("client_secret_post")
                } ?? false)
            known.withLock { $0 = (found, now()) }
            return found
        } catch {
            if let before { return before.metadata }
            throw .unavailable("\(error)")
        }
    }
}

/// One OpenID provider and the client that we are there.
package struct RelyingPartySettings: Sendable, Equatable {
    /// Whose tokens are believed; its audiences are not read.
    package var issuer: IssuerSettings
    package var clientID: String
    package var scopes: [String]

    package init(issuer: IssuerSettings, clientID: String, scopes: [String] = ["openid", "email", "profile"]) {
        self.issuer = issuer
        self.clientID = clientID
        self.scopes = scopes
    }
}

/// Why a login did not come about: a sentence.
package enum LoginError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Trying again will not help.
    case refused(String)
    /// The issuer cannot be asked now.
    case unavailable(String)

    package var description: String {
        switch self {
        case .refused(let reason), .unavailable(let reason): reason
        }
    }
}

/// `application/x-www-form-urlencoded` as OAuth wants it (RFC 6749 appendix B).
enum FormText {
    static func encode(_ pairs: [(String, String)]) -> String {
        pairs.map { "\($0)=\(encode($1))" }.joined(separator: "&")
    }

    static func encode(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}
