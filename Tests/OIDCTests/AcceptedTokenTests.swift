// SPDX-License-Identifier: Apache-2.0
import OIDC
import Testing

@Suite(.enabled(if: IssuerProcess.isPossible, "needs python3 with its package cryptography"))
struct AcceptedTokenTests {
    @Test func `a token becomes its principal`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            let token = try await stage.token(["jti": "j-1", "azp": "notebook", "name": "Alice\nA"])
            #expect(tokens.cached(token) == nil)
            let principal = try await tokens.verify(token).get()
            #expect(
                principal
                    == Principal(
                        issuer: stage.name(), subject: "u-1", identity: "alice@example.com", email: "alice@example.com",
                        name: "AliceA", groups: ["ml", "staff"], sessionID: "s-1", tokenID: "j-1", clientID: "notebook",
                        isServiceAccount: false, issuedAt: (stage.clock.seconds - 10) * 1000,
                        expiresAt: (stage.clock.seconds + 600) * 1000))
            #expect(tokens.cached(token)?.principal == principal)
            #expect(tokens.health.first?.keyCount == 1)
            #expect(tokens.health.first?.isUsable == true)
        }
    }

    @Test func `every allowed algorithm verifies, its key with alg or without`() async throws {
        try await Stage.with { stage in
            for (name, kind, algorithms) in [
                ("p", "P-256", ["ES256"]), ("q", "P-384", ["ES384"]), ("s", "P-521", ["ES512"]),
                ("e", "Ed25519", ["EdDSA"]),
                ("r", "RSA", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
            ] {
                for algorithm in algorithms {
                    for isNamed in [true, false] {
                        let key = "\(name)-\(algorithm)-\(isNamed)"
                        try await stage.addKey(key, kind, isNamed ? ["alg": algorithm] : [:])
                        try await stage.publish()
                        let tokens = try stage.tokenGuard(stage.settings(algorithms: [algorithm]))
                        let verdict = await tokens.verify(try await stage.token(key, algorithm))
                        #expect(verdict.principal != nil, "\(key): \(verdict)")
                    }
                }
            }
        }
    }

    @Test func `the session is sid, else jti, else the token's digest`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            let byID = await tokens.verify(try await stage.token(["jti": "j-9"], without: ["sid"]))
            #expect(byID.principal?.sessionID == "j-9")
            let one = await tokens.verify(try await stage.token(without: ["sid"]))
            let other = await tokens.verify(try await stage.token(["x": 1], without: ["sid"]))
            #expect(one.principal?.sessionID.count == 16)
            #expect(one.principal?.sessionID.allSatisfy(\.isHexDigit) == true)
            #expect(one.principal?.sessionID != other.principal?.sessionID)
        }
    }

    @Test func `groups come as a list, as one text, from a nested claim or one with dots in its name`() async throws {
        try await Stage.with { stage in
            for (claim, value, groups) in [
                ("groups", "{}", []), ("groups", "{\"groups\":null}", []), ("groups", "{\"groups\":\"ml\"}", ["ml"]),
                ("groups", "{\"groups\":[\"a\",\"b\"]}", ["a", "b"]), ("groups", "{\"groups\":[1,2]}", nil),
                ("groups", "{\"groups\":[\"a\\nb\"]}", nil), ("groups", "{\"groups\":{\"a\":true}}", nil),
                ("realm_access.roles", "{\"realm_access\":{\"roles\":[\"a\"]}}", ["a"]),
                ("realm_access.roles", "{\"realm_access\":[\"roles\"]}", []),
                ("https://example.com/groups", "{\"https://example.com/groups\":[\"c\"]}", ["c"]),
            ] as [(String, String, [String]?)] {
                var settings = stage.settings()
                settings.groupsClaim = claim
                let body = try stage.claims(without: ["groups"]).dropLast()
                let payload = value == "{}" ? "\(body)}" : "\(body),\(value.dropFirst())"
                let verdict = await (try stage.tokenGuard(settings)).verify(try await stage.token(payload: payload))
                #expect(verdict.principal?.groups == groups, "\(value)")
            }
        }
    }

    @Test func `the identity is the configured claim, else the subject, and never an unverified email`() async throws {
        try await Stage.with { stage in
            let lenient = { (settings: inout IssuerSettings) in settings.requiresVerifiedEmail = false }
            let byName = { (settings: inout IssuerSettings) in settings.identityClaim = "preferred_username" }
            let cases: [(claims: [String: any Sendable], change: (inout IssuerSettings) -> Void, identity: String)] = [
                ([:], { _ in }, "alice@example.com"), (["email": ""], { _ in }, "u-1"),
                (["email_verified": true], { _ in }, "alice@example.com"), (["email_verified": false], { _ in }, "u-1"),
                (["email_verified": "false"], { _ in }, "u-1"),
                (["email_verified": false], lenient, "alice@example.com"),
                ([:], byName, "u-1"), (["preferred_username": "alice"], byName, "alice"),
            ]
            for (claims, change, identity) in cases {
                var settings = stage.settings()
                change(&settings)
                let verdict = await (try stage.tokenGuard(settings)).verify(try await stage.token(claims))
                #expect(verdict.principal?.identity == identity)
                if identity == "u-1", claims["email_verified"] != nil { #expect(verdict.principal?.email == nil) }
            }
        }
    }

    @Test func `service accounts are told by client credentials or by a claim`() async throws {
        try await Stage.with { stage in
            let named = ServiceAccountRule.claim("preferred_username", values: ["service-account-*", "ci"])
            let cases: [(rule: ServiceAccountRule, claims: [String: any Sendable], isService: Bool)] = [
                (.clientCredentials, ["azp": "u-1", "email": ""], true),
                (.clientCredentials, ["client_id": "u-1", "email": ""], true),
                (.clientCredentials, ["azp": "u-1"], false), (.clientCredentials, ["azp": "app", "email": ""], false),
                (named, ["preferred_username": "service-account-x"], true), (named, ["preferred_username": "ci"], true),
                (named, ["preferred_username": "cio"], false), (named, ["azp": "u-1", "email": ""], false),
            ]
            for (rule, claims, isService) in cases {
                var settings = stage.settings()
                settings.serviceAccounts = rule
                let verdict = await (try stage.tokenGuard(settings)).verify(try await stage.token(claims))
                #expect(verdict.principal?.isServiceAccount == isService, "\(claims)")
            }
        }
    }

    @Test func `two issuers each speak for themselves only`() async throws {
        try await Stage.with { stage in
            // The same name for another key.
            try await stage.addKey("b1", "P-256", ["alg": "ES256"], path: "/b")
            try await stage.publish(path: "/b")
            let tokens = try stage.tokenGuard(stage.settings("/a"), stage.settings("/b"))
            let ofA = await tokens.verify(try await stage.token("r1"))
            let ofB = await tokens.verify(try await stage.token("b1", "ES256", path: "/b"))
            #expect(ofA.principal?.issuer == stage.name("/a"))
            #expect(ofB.principal?.issuer == stage.name("/b"))
            // B's key under A's name, and the other way round.
            let forA = await tokens.verify(try await stage.token("b1", "ES256", path: "/a"))
            #expect(forA.reason == .unknownKey)
            let forB = await tokens.verify(try await stage.token("r1", "RS256", path: "/b"))
            #expect(forB.reason == .unknownKey)
        }
    }

    @Test func `keys of one name at two issuers are not mixed up`() async throws {
        try await Stage.with { stage in
            try await stage.addKey("x", "RSA", ["kid": "same", "alg": "RS256"])
            try await stage.addKey("y", "RSA", ["kid": "same", "alg": "RS256"], path: "/b")
            try await stage.publish()
            try await stage.publish(path: "/b")
            let tokens = try stage.tokenGuard(stage.settings("/a"), stage.settings("/b"))
            let header = "{\"alg\":\"RS256\",\"kid\":\"same\"}"
            for (key, path, isGood) in [("x", "/a", true), ("y", "/b", true), ("y", "/a", false), ("x", "/b", false)] {
                let verdict = await tokens.verify(try await stage.token(key, header: header, path: path))
                #expect(verdict.reason == (isGood ? nil : .signature))
            }
        }
    }

    @Test func `a JWKS URI in the settings needs no discovery, and TLS trusts the given authority only`() async throws {
        try await Stage.with { stage in
            let (port, certificate) = try await stage.issuer.serveTLS()
            var settings = IssuerSettings(issuer: "accounts", audiences: ["gatewatch"])
            settings.jwksURI = "https://127.0.0.1:\(port)/a/jwks"
            let token = try await stage.token(["iss": "accounts"])
            let distrustful = try stage.tokenGuard(settings)
            #expect(await distrustful.verify(token).reason == .keysUnavailable)
            settings.caCertificateFile = certificate
            let verdict = await (try stage.tokenGuard(settings)).verify(token)
            #expect(verdict.principal?.issuer == "accounts")
            #expect(try await stage.issuer.count("/a/.well-known/openid-configuration") == 0)
        }
    }

    @Test func `with a required type only access tokens pass`() async throws {
        try await Stage.with { stage in
            var settings = stage.settings()
            settings.requiredType = "at+jwt"
            let strict = try stage.tokenGuard(settings)
            let lenient = try stage.tokenGuard()
            for (type, forStrict, forLenient) in [
                ("", false, true), ("JWT", false, true), ("at+jwt", true, true), ("application/AT+JWT", true, true),
                ("logout+jwt", false, false), ("dpop+jwt", false, false),
            ] {
                let typ = type.isEmpty ? "" : ",\"typ\":\"\(type)\""
                let token = try await stage.token(header: "{\"alg\":\"RS256\",\"kid\":\"r1\"\(typ)}")
                #expect(await strict.verify(token).reason == (forStrict ? nil : .type))
                #expect(await lenient.verify(token).reason == (forLenient ? nil : .type))
            }
        }
    }
}
