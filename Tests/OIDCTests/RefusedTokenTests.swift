// SPDX-License-Identifier: Apache-2.0
import Foundation
import OIDC
import Testing

@Suite(.enabled(if: IssuerProcess.isPossible, "needs python3 with its package cryptography"))
struct RefusedTokenTests {
    @Test func `times are kept to the clock skew and not a second more`() async throws {
        try await Stage.with { stage in
            let now = stage.clock.seconds
            let tokens = try stage.tokenGuard()
            for (claim, time, reason) in [
                ("exp", now - 59, nil), ("exp", now - 60, .expired), ("nbf", now + 60, nil),
                ("nbf", now + 61, .notYetValid), ("iat", now + 60, nil), ("iat", now + 61, .issuedInFuture),
            ] as [(String, Int64, TokenRefusal.Reason?)] {
                #expect(await tokens.verify(try await stage.token([claim: time])).reason == reason)
            }
            #expect(await tokens.verify(try await stage.token(["exp": Double(now) + 0.5])).reason == nil)
            #expect(await tokens.verify(try await stage.token(without: ["exp"])).reason == .claim)
        }
    }

    @Test func `a token without iat counts as issued at the beginning`() async throws {
        try await Stage.with { stage in
            let verdict = await (try stage.tokenGuard()).verify(try await stage.token(without: ["iat"]))
            #expect(verdict.principal?.issuedAt == 0)
        }
    }

    @Test func `a lifetime over the maximum is refused`() async throws {
        try await Stage.with { stage in
            var settings = stage.settings()
            settings.maximumLifetime = 3_600_000
            let tokens = try stage.tokenGuard(settings)
            let now = stage.clock.seconds
            #expect(await tokens.verify(try await stage.token(["iat": now, "exp": now + 3600])).reason == nil)
            #expect(await tokens.verify(try await stage.token(["iat": now, "exp": now + 3601])).reason == .lifetime)
            #expect(await tokens.verify(try await stage.token(without: ["iat"])).reason == .lifetime)
        }
    }

    @Test func `who is refused with a good signature is named, who has none is only claimed`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            let expired = await tokens.verify(try await stage.token(["exp": stage.clock.seconds - 100])).refusal
            #expect(expired?.principal?.identity == "alice@example.com")
            let elsewhere = await tokens.verify(try await stage.token(["aud": "billing"])).refusal
            #expect(elsewhere?.reason == .audience)
            #expect(elsewhere?.principal?.subject == "u-1")
            try await stage.addKey("other", "RSA")
            let token = try await stage.token(
                "other", header: "{\"alg\":\"RS256\",\"kid\":\"r1\"}", ["sub": "bob\u{7}"])
            let forged = await tokens.verify(token).refusal
            #expect(forged?.reason == .signature)
            #expect(forged?.principal == nil)
            #expect(forged?.claimedSubject == "bob")
            let signature = token.split(separator: ".")[2]
            #expect(forged?.detail.contains(signature.prefix(10)) == false)
        }
    }

    @Test func `the audience must be ours, alone or among others`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            for (audience, reason) in [
                (["billing", "gatewatch"], nil), ([], .audience), (["gatewatch2"], .audience),
                (["Gatewatch"], .audience),
            ] as [([String], TokenRefusal.Reason?)] {
                #expect(await tokens.verify(try await stage.token(["aud": audience])).reason == reason)
            }
            #expect(await tokens.verify(try await stage.token(without: ["aud"])).reason == .audience)
            #expect(await tokens.verify(try await stage.token(["aud": 7])).reason == .claim)
        }
    }

    @Test func `the issuer must be one of ours, to the byte`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            for issuer in ["https://evil.example", stage.name() + "/", stage.name().uppercased(), ""] {
                #expect(await tokens.verify(try await stage.token(["iss": issuer])).reason == .unknownIssuer)
            }
            #expect(await tokens.verify(try await stage.token(without: ["iss"])).reason == .unknownIssuer)
            #expect(try await stage.fetches() == 0)
        }
    }

    @Test(arguments: ["none", "None", "NONE", "HS256", "HS512", "RS1", "", "RSA-OAEP"])
    func `no algorithm outside the list passes, with the public key as the secret or without any`(
        algorithm: String
    ) async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            #expect(await tokens.verify(try await stage.token()).principal != nil)
            let used = ["HS256", "HS512"].contains(algorithm) ? algorithm : "none"
            for type in ["", ",\"typ\":\"JWT\""] {
                let token = try await stage.token(
                    "r1", used, header: "{\"alg\":\"\(algorithm)\",\"kid\":\"r1\"\(type)}")
                #expect(await tokens.verify(token).reason == .algorithm)
            }
        }
    }

    @Test func `an allowed algorithm that is not the key's is refused`() async throws {
        try await Stage.with { stage in
            let settings = stage.settings(algorithms: ["RS256", "RS384", "PS256", "ES256"])
            let tokens = try stage.tokenGuard(settings)
            for algorithm in ["RS384", "PS256"] {
                #expect(await tokens.verify(try await stage.token("r1", algorithm)).reason == .algorithm)
            }
            // Allowed for the key's kind, but not for this issuer.
            #expect(await tokens.verify(try await stage.token("r1", "RS512")).reason == .algorithm)
            #expect(await tokens.verify(try await stage.token()).reason == nil)
        }
    }

    @Test func `header extensions are refused and keys in the header are not looked at`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            for extra in ["\"crit\":[\"exp\"]", "\"crit\":[]", "\"b64\":false", "\"b64\":true", "\"crit\":null"] {
                let token = try await stage.token(header: "{\"alg\":\"RS256\",\"kid\":\"r1\",\(extra)}")
                #expect(await tokens.verify(token).reason == .criticalHeader)
            }
            let own = try json(try await stage.issuer.makeKey("mine", "RSA"))
            for extra in [
                "\"jwk\":\(own)", "\"jku\":\"\(stage.issuer.url("/mine"))\"",
                "\"x5u\":\"\(stage.issuer.url("/mine"))\"",
                "\"x5c\":[\"MIIB\"]",
            ] {
                let header = "{\"alg\":\"RS256\",\"kid\":\"r1\",\(extra)}"
                #expect(await tokens.verify(try await stage.token("mine", header: header)).reason == .signature)
                #expect(await tokens.verify(try await stage.token("r1", header: header)).reason == nil)
            }
            #expect(try await stage.issuer.count("/mine") == 0)
        }
    }

    @Test func `what says a thing twice is refused, however it is spelled`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            let body = try stage.claims().dropLast()
            for payload in [
                body + ",\"sub\":\"root\"}", body + ",\"s\\u0075b\":\"root\"}", body + ",\"x\":{\"y\":1,\"y\":2}}",
            ] {
                #expect(await tokens.verify(try await stage.token(payload: String(payload))).reason == .malformed)
            }
            for header in [
                "{\"alg\":\"RS256\",\"kid\":\"r1\",\"alg\":\"none\"}",
                "{\"alg\":\"none\",\"kid\":\"r1\",\"alg\":\"RS256\"}",
                "{\"alg\":\"RS256\",\"kid\":\"x\",\"k\\u0069d\":\"r1\"}",
            ] {
                #expect(await tokens.verify(try await stage.token(header: header)).reason == .malformed)
            }
        }
    }

    @Test(
        arguments: [
            "1e300", "1e999", "-1", "-1e300", "\"1800000000\"", "true", "[]", "{}", "null", "1e18",
            "9223372036854775807",
            "18446744073709551616", "253402300800",
        ])
    func `absurd times are refused and crash nothing`(value: String) async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            for name in ["exp", "nbf", "iat"] {
                let body = try stage.claims(without: [name]).dropLast()
                let token = try await stage.token(payload: "\(body),\"\(name)\":\(value)}")
                #expect(await tokens.verify(token).reason == .claim, "\(name)")
            }
        }
    }

    @Test(arguments: ["sub", "email", "sid", "jti", "azp"])
    func `a claim of the wrong kind, with control characters or too long is refused`(name: String) async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            let long = String(repeating: "x", count: Principal.maximumTextBytes + 1)
            for value in [7, ["a"], "a\nb", "a\u{0}", "a\u{202E}b", long] as [any Sendable] {
                #expect(await tokens.verify(try await stage.token([name: value])).reason == .claim)
            }
            #expect(await tokens.verify(try await stage.token([name: String(long.dropLast())])).reason == nil)
        }
    }

    @Test func `shapes that are no token are malformed or too long`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            let good = try await stage.token()
            let parts = good.split(separator: ".").map(String.init)
            for shape in [
                "", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d.e", good + ".", "." + good, good + "=", good + "\n",
                " " + good, parts[0] + ".." + parts[2], parts[0] + "=." + parts[1] + "." + parts[2],
                parts[0] + "." + parts[1] + ".", parts[0] + "." + parts[1] + "\u{0}." + parts[2],
                base64URL("[]") + "." + parts[1] + "." + parts[2], base64URL("{}") + "." + parts[1] + "." + parts[2],
                base64URL("{\"alg\":\"RS256\",\"kid\":\"r1\",\"typ\":1}") + "." + parts[1] + "." + parts[2],
                base64URL("{\"alg\":7,\"kid\":\"r1\"}") + "." + parts[1] + "." + parts[2],
                parts[0] + "." + base64URL("7") + "." + parts[2],
                parts[0] + "." + base64URL(String(repeating: "[", count: 5000)) + "." + parts[2],
                "\u{FEFF}" + good, "é.é.é",
            ] {
                #expect(await tokens.verify(shape).reason == .malformed, "\(shape.prefix(60))")
            }
            let header = base64URL("{\"alg\":\"RS256\",\"kid\":\"\(String(repeating: "k", count: 65_536))\"}")
            #expect(await tokens.verify("\(header).\(parts[1]).\(parts[2])").reason == .tooLong)
            #expect(tokens.cached("\(header).\(parts[1]).\(parts[2])") == nil)
            #expect(try await stage.fetches() == 0)
        }
    }

    @Test func `one signature has one spelling`() async throws {
        try await Stage.with { stage in
            try await stage.addKey("p1", "P-256")
            try await stage.publish()
            let tokens = try stage.tokenGuard()
            let good = try await stage.token("p1", "ES256")
            let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
            // 64 bytes are 86 characters, the last of which has 4 bits that mean nothing: only zeros may be there.
            let last = try #require(good.last.flatMap { alphabet.firstIndex(of: $0) })
            #expect(last % 16 == 0)
            for meaningless in 1..<16 {
                let other = good.dropLast() + String(alphabet[last + meaningless])
                #expect(await tokens.verify(String(other)).reason == .malformed)
            }
            #expect(await tokens.verify(good).reason == nil)
        }
    }
}
