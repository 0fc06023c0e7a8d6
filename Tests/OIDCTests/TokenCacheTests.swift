// SPDX-License-Identifier: Apache-2.0
import OIDC
import Testing

@Suite(.enabled(if: IssuerProcess.isPossible, "needs python3 with its package cryptography"))
struct TokenCacheTests {
    @Test func `a known token ends at its time`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            let token = try await stage.token(["exp": stage.clock.seconds + 100])
            #expect(await tokens.verify(token).reason == nil)
            stage.clock.advance(seconds: 159)
            #expect(tokens.cached(token)?.principal?.identity == "alice@example.com")
            stage.clock.advance(seconds: 1)
            let refusal = tokens.cached(token)?.refusal
            #expect(refusal?.reason == .expired)
            #expect(refusal?.principal?.identity == "alice@example.com")
        }
    }

    @Test func `a known token is verified again after five minutes`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            let token = try await stage.token(["exp": stage.clock.seconds + 3600])
            #expect(await tokens.verify(token).reason == nil)
            stage.clock.advance(seconds: 299)
            #expect(tokens.cached(token) != nil)
            stage.clock.advance(seconds: 1)
            #expect(tokens.cached(token) == nil)
            #expect(await tokens.verify(token).reason == nil)
            #expect(tokens.cached(token) != nil)
        }
    }

    @Test func `a clock that is put back makes no token live longer`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            let token = try await stage.token(["iat": stage.clock.seconds])
            #expect(await tokens.verify(token).reason == nil)
            stage.clock.advance(seconds: -1)
            #expect(tokens.cached(token) == nil)
            stage.clock.advance(seconds: -99)
            #expect(await tokens.verify(token).reason == .issuedInFuture)
        }
    }

    @Test func `what is known to be refused is refused without another look`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            let token = try await stage.token(["aud": "billing"])
            #expect(await tokens.verify(token).reason == .audience)
            #expect(tokens.cached(token)?.reason == .audience)
        }
    }

    @Test func `nothing is kept of a token whose signature is wrong`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            let good = try await stage.token()
            #expect(await tokens.verify(good + "AAAA").reason != nil)
            #expect(tokens.cachedTokenCount == 0)
            #expect(await tokens.verify(good).reason == nil)
            #expect(tokens.cachedTokenCount == 1)
            // A token that differs in one character is another one.
            #expect(tokens.cached(String(good.dropLast())) == nil)
        }
    }

    @Test func `the number of tokens kept is bounded`() async throws {
        try await Stage.with { stage in
            try await stage.addKey("e1", "Ed25519")
            try await stage.publish()
            let tokens = try stage.tokenGuard(stage.settings(algorithms: ["EdDSA"]))
            let header = "{\"alg\":\"EdDSA\",\"kid\":\"e1\"}"
            let body = try stage.claims().dropLast()
            var known = 0
            for batch in 0..<8 {
                let signed = try await stage.issuer.sign(
                    key: "e1", algorithm: "EdDSA",
                    (0..<10_000).map { (header, "\(body),\"jti\":\"\(batch)-\($0)\"}") })
                let count = await withTaskGroup(of: Int.self) { group in
                    for part in 0..<4 {
                        group.addTask {
                            var count = 0
                            for index in stride(from: part, to: signed.count, by: 4) {
                                if await tokens.verify(signed[index]).reason == nil { count += 1 }
                            }
                            return count
                        }
                    }
                    return await group.reduce(0, +)
                }
                known += count
                #expect(tokens.cached(signed[signed.count - 1]) != nil)
            }
            #expect(known == 80_000)
            #expect((32_000...65_536).contains(tokens.cachedTokenCount))
        }
    }
}
