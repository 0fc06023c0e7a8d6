// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import HTTPTypes
import Hummingbird
package import Logging
import NIOCore
package import ServiceLifecycle

/// An OpenID provider on loopback: discovery, one ES256 key, and tokens for whoever the demo, a test or a benchmark names. It asks
/// nobody for a password: its login is a page on which one picks a person.
package struct LocalIssuer: Service {
    private let key = P256.Signing.PrivateKey()
    private let keyID = "demo-1"
    private let login: LocalLogin
    private let logger: Logger
    private let onListening: @Sendable (Int) -> Void

    /// - Parameters:
    ///   - people: who can log in; nobody without any.
    ///   - onListening: told the port, which is part of the issuer's name.
    package init(
        people: [LocalPerson] = [], logger: Logger, onListening: @escaping @Sendable (Int) -> Void
    ) {
        login = LocalLogin(people: people)
        self.logger = logger
        self.onListening = onListening
    }

    /// The `iss` of its tokens.
    package static func url(port: Int) -> String { "http://127.0.0.1:\(port)" }
    /// The client of the console's login, and its secret.
    package static let clientID = "gatewatch-console"
    package static let clientSecret = "not-a-secret-on-loopback"
    /// The `aud` of its tokens.
    package static let audience = "gatewatch"

    package func run() async throws {
        let router = Router()
        router.get(".well-known/openid-configuration") { request, _ in
            let issuer = "http://\(request.head.authority ?? "127.0.0.1")"
            return Self.json(
                #"{"issuer":"\#(issuer)","jwks_uri":"\#(issuer)/jwks","authorization_endpoint":"\#(issuer)/authorize","token_endpoint":"\#(issuer)/token","authorization_response_iss_parameter_supported":true,"code_challenge_methods_supported":["S256"],"id_token_signing_alg_values_supported":["ES256"]}"#
            )
        }
        let point = key.publicKey.rawRepresentation
        let jwks =
            #"{"keys":[{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"\#(keyID)","x":"\#(Self.base64url(point.prefix(32)))","y":"\#(Self.base64url(point.suffix(32)))"}]}"#
        router.get("jwks") { _, _ in Self.json(jwks) }
        login.add(to: router) { [key, keyID] claims in
            try Self.signed(claims, by: key, named: keyID)
        }
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { [onListening] channel in onListening(channel.localAddress?.port ?? 0) },
            logger: logger)
        try await application.run()
    }

    /// A token of RFC 9068's claims.
    ///
    /// - Parameters:
    ///   - issuedAt: seconds since the epoch; the token is valid for `lifetime` seconds from then.
    package func token(
        port: Int, subject: String, email: String, groups: [String], session: String, issuedAt: Int64,
        lifetime: Int64 = 3600,
        audience: String = LocalIssuer.audience
    ) throws -> String {
        let list = groups.map { "\"\($0)\"" }.joined(separator: ",")
        let claims =
            #"{"iss":"\#(Self.url(port: port))","aud":"\#(audience)","sub":"\#(subject)","email":"\#(email)","groups":[\#(list)],"sid":"\#(session)","jti":"\#(UUID().uuidString)","iat":\#(issuedAt),"exp":\#(issuedAt + lifetime)}"#
        return try Self.signed(Data(claims.utf8), by: key, named: keyID)
    }

    private static func signed(
        _ claims: Data, by key: P256.Signing.PrivateKey, named keyID: String
    ) throws -> String {
        let header = #"{"alg":"ES256","kid":"\#(keyID)","typ":"JWT"}"#
        let signed = base64url(Data(header.utf8)) + "." + base64url(claims)
        let signature = try key.signature(for: Data(signed.utf8)).rawRepresentation
        return signed + "." + base64url(signature)
    }

    static func json(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    static func base64url(_ data: some DataProtocol) -> String {
        Data(data).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
}
