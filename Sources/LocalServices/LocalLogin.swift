// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// Somebody who can log in at ``LocalIssuer``.
package struct LocalPerson: Sendable {
    /// `sub`.
    package var subject: String
    package var email: String
    package var name: String
    package var groups: [String]
    /// What the page says of them.
    package var about: String

    package init(subject: String, email: String, name: String, groups: [String], about: String = "") {
        self.subject = subject
        self.email = email
        self.name = name
        self.groups = groups
        self.about = about
    }
}

/// The authorization code flow of ``LocalIssuer``: a page with one link per person, and a token endpoint that insists on the
/// client's secret, on the redirect URI and on PKCE (S256). Codes are good once.
struct LocalLogin: Sendable {
    private struct Grant {
        var person: LocalPerson
        var redirectURI: String
        var challenge: String
        var nonce: String
    }

    private final class Codes: Sendable {
        let grants = Mutex<[String: Grant]>([:])
    }

    private let people: [LocalPerson]
    private let codes = Codes()

    init(people: [LocalPerson]) { self.people = people }

    func add(to router: Router<BasicRequestContext>, sign: @escaping @Sendable (Data) throws -> String) {
        router.get("authorize") { request, _ in try authorize(request) }
        router.post("token") { request, _ in try await token(request, sign) }
    }

    private func authorize(_ request: Request) throws -> Response {
        let query = Self.fields(request.uri.query ?? "")
        guard query["response_type"] == "code", query["client_id"] == LocalIssuer.clientID,
            query["code_challenge_method"] == "S256", let challenge = query["code_challenge"],
            let nonce = query["nonce"], let state = query["state"], let redirectURI = query["redirect_uri"],
            ["http", "https"].contains(where: { redirectURI.hasPrefix("\($0)://127.0.0.1:") })
        else { return LocalIssuer.json(#"{"error":"invalid_request"}"#, status: .badRequest) }
        guard let person = people.first(where: { $0.subject == query["subject"] }) else {
            return page(request.uri.query ?? "")
        }
        let code = UUID().uuidString
        codes.grants.withLock {
            // Somebody who only ever begins must not fill the memory.
            if $0.count > 1000 { $0 = [:] }
            $0[code] = Grant(person: person, redirectURI: redirectURI, challenge: challenge, nonce: nonce)
        }
        let issuer = "http://\(request.head.authority ?? "127.0.0.1")"
        return Response(
            status: .found,
            headers: [
                .location: "\(redirectURI)?code=\(code)&state=\(Self.escaped(state))&iss=\(Self.escaped(issuer))"
            ])
    }

    private func page(_ query: String) -> Response {
        let list = people.map { person in
            """
            <li><a href="?\(Self.html(query))&amp;subject=\(Self.escaped(person.subject))">\(Self.html(person.name))</a>
            <small>\(Self.html(person.email)) · \(Self.html(person.groups.joined(separator: ", ")))<br>\(Self.html(person.about))</small></li>
            """
        }
        let html = """
            <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>Who are you?</title><link rel="icon" href="data:,">
            <style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}
            li{margin:0 0 1rem;list-style:none}ul{padding:0}a{font-size:1.2rem}small{display:block;opacity:.8}</style>
            <h1>Who are you?</h1><p>This stands for your identity provider. It asks nobody for a password.</p>
            <ul>\(list.joined())</ul></html>
            """
        return Response(
            status: .ok, headers: [.contentType: "text/html; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: html)))
    }

    private func token(_ request: Request, _ sign: @Sendable (Data) throws -> String) async throws -> Response {
        let issuer = "http://\(request.head.authority ?? "127.0.0.1")"
        let isClient =
            request.headers[.authorization]
            == "Basic " + Data("\(LocalIssuer.clientID):\(LocalIssuer.clientSecret)".utf8).base64EncodedString()
        guard isClient else { return LocalIssuer.json(#"{"error":"invalid_client"}"#, status: .unauthorized) }
        let body = try await request.body.collect(upTo: 16 * 1024)
        let form = Self.fields(String(buffer: body))
        guard form["grant_type"] == "authorization_code", let code = form["code"],
            let grant = codes.grants.withLock({ $0.removeValue(forKey: code) }),
            form["redirect_uri"] == grant.redirectURI,
            let verifier = form["code_verifier"],
            LocalIssuer.base64url(Data(SHA256.hash(data: Data(verifier.utf8)))) == grant.challenge
        else { return LocalIssuer.json(#"{"error":"invalid_grant"}"#, status: .badRequest) }
        let now = Int64(Date().timeIntervalSince1970)
        let claims: [String: Any] = [
            "iss": issuer, "aud": LocalIssuer.clientID, "sub": grant.person.subject, "email": grant.person.email,
            "name": grant.person.name, "groups": grant.person.groups, "nonce": grant.nonce, "iat": now,
            "exp": now + 300,
        ]
        let token = try sign(JSONSerialization.data(withJSONObject: claims, options: [.sortedKeys]))
        return LocalIssuer.json(
            #"{"access_token":"none","token_type":"Bearer","expires_in":300,"id_token":"\#(token)"}"#)
    }

    private static func fields(_ text: String) -> [String: String] {
        var components = URLComponents()
        components.percentEncodedQuery = text.replacing("+", with: "%20")
        return Dictionary(
            (components.queryItems ?? []).map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { first, _ in first })
    }

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }

    private static func html(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
    }
}
