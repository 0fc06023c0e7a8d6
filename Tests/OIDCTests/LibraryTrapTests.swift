// SPDX-License-Identifier: Apache-2.0
import OIDC
import Testing

/// What JWTKit 5 does by itself and must never do here.
@Suite(.enabled(if: IssuerProcess.isPossible, "needs python3 with its package cryptography"))
struct LibraryTrapTests {
    @Test func `the first token, whatever its algorithm, decides nothing about a key without alg`() async throws {
        try await Stage.with { stage in
            try await stage.addKey("open", "RSA")
            try await stage.publish()
            let all = ["RS256", "PS512", "ES256"]
            for allowed in [["RS256"], all] {
                let tokens = try stage.tokenGuard(stage.settings(algorithms: allowed))
                let header = "{\"alg\":\"PS512\",\"kid\":\"open\"}"
                let payload = try stage.claims()
                // First one that anybody can send, then one that is signed.
                let unsigned = "\(base64URL(header)).\(base64URL(payload)).\(base64URL("no signature"))"
                #expect(await tokens.verify(unsigned).reason == .algorithm)
                #expect(await tokens.verify(try await stage.token("open", "PS512")).reason == .algorithm)
                #expect(await tokens.verify(try await stage.token("open", "RS256")).reason == nil)
            }
        }
    }

    @Test func `a key that cannot be used spoils none of the others`() async throws {
        try await Stage.with { stage in
            var koblitz = try await stage.issuer.makeKey("koblitz", "secp256k1")
            koblitz["kid"] = "koblitz"
            var oaep = try await stage.issuer.makeKey("oaep", "RSA")
            oaep.merge(["kid": "oaep", "alg": "RSA-OAEP-256"]) { $1 }
            var encryption = try await stage.issuer.makeKey("enc", "RSA")
            encryption.merge(["kid": "enc", "use": "enc"]) { $1 }
            var small = try await stage.issuer.makeKey("small", "RSA", bits: 1024)
            small.merge(["kid": "small", "alg": "RS256"]) { $1 }
            var leaked = try await stage.issuer.makeKey("leaked", "RSA")
            leaked.merge(["kid": "leaked", "d": "AQAB"]) { $1 }
            var anonymous = try await stage.issuer.makeKey("anonymous", "RSA")
            anonymous["alg"] = "RS256"
            // 32 bytes of zero: a point that is not on the curve.
            let zeros = String(repeating: "A", count: 43)
            let strange = [
                "{\"kty\":\"oct\",\"kid\":\"oct\",\"alg\":\"HS256\",\"k\":\"c2VjcmV0\"}", try json(koblitz),
                try json(oaep),
                try json(encryption), try json(small), try json(leaked), try json(anonymous), "null", "[]", "\"key\"",
                "{}",
                "{\"kty\":\"AKP\",\"kid\":\"pq\",\"alg\":\"ML-DSA-65\",\"pub\":\"AAAA\"}",
                "{\"kty\":\"RSA\",\"kid\":\"bad\",\"alg\":\"RS256\",\"n\":\"!!\",\"e\":\"AQAB\"}",
                "{\"kty\":\"EC\",\"kid\":\"off\",\"crv\":\"P-256\",\"x\":\"\(zeros)\",\"y\":\"\(zeros)\"}",
                "{\"kty\":7,\"kid\":[]}",
            ]
            try await stage.addKey("p1", "P-256", ["use": "sig"])
            try await stage.publish(before: strange, after: strange)
            let tokens = try stage.tokenGuard()
            #expect(await tokens.verify(try await stage.token()).reason == nil)
            #expect(await tokens.verify(try await stage.token("p1", "ES256")).reason == nil)
            #expect(tokens.health.first?.keyCount == 2)
            for key in ["oaep", "enc", "small", "leaked", "anonymous"] {
                #expect(await tokens.verify(try await stage.token(key)).reason == .unknownKey, "\(key)")
            }
        }
    }

    @Test func `no kid or an unknown one never falls back to the first key`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            for header in [
                "{\"alg\":\"RS256\"}", "{\"alg\":\"RS256\",\"kid\":\"nobody\"}", "{\"alg\":\"RS256\",\"kid\":\"\"}",
                "{\"alg\":\"RS256\",\"kid\":null}", "{\"alg\":\"RS256\",\"kid\":1}",
                "{\"alg\":\"RS256\",\"kid\":\"R1\"}",
            ] {
                let refusal = await tokens.verify(try await stage.token("r1", header: header)).refusal
                #expect(refusal?.reason == .unknownKey, "\(header)")
                #expect(refusal?.principal == nil)
            }
        }
    }

    @Test func `a signature of the wrong form is a refusal, not an error`() async throws {
        try await Stage.with { stage in
            try await stage.addKey("p1", "P-256")
            try await stage.addKey("e1", "Ed25519")
            try await stage.publish()
            let tokens = try stage.tokenGuard(stage.settings(algorithms: ["RS256", "ES256", "EdDSA"]))
            for (key, algorithm) in [("r1", "RS256"), ("p1", "ES256"), ("e1", "EdDSA")] {
                let good = try await stage.token(key, algorithm)
                let head = good.split(separator: ".").prefix(2).joined(separator: ".")
                for signature in [
                    "AA", "AAAA", base64URL(String(repeating: "x", count: 63)), String(good.suffix(80).dropLast(4)),
                    String(repeating: "A", count: 86), String(repeating: "A", count: 342),
                    base64URL(String(repeating: "y", count: 5000)),
                ] {
                    let reason = await tokens.verify("\(head).\(signature.replacing(".", with: ""))").reason
                    #expect(reason == .signature || reason == .malformed, "\(algorithm) \(signature.prefix(20))")
                }
                #expect(await tokens.verify(good).reason == nil)
            }
        }
    }
}
