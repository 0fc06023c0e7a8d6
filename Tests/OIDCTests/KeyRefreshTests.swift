// SPDX-License-Identifier: Apache-2.0
import Foundation
import OIDC
import TestSupport
import Testing

@Suite(.enabled(if: IssuerProcess.isPossible, "needs python3 with its package cryptography"))
struct KeyRefreshTests {
    @Test func `a new key is found by the first token that names it`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            #expect(await tokens.verify(try await stage.token()).reason == nil)
            try await stage.addKey("r2", "RSA", ["alg": "RS256"])
            try await stage.publish()
            let token = try await stage.token("r2")
            // Too soon after the last fetch.
            #expect(await tokens.verify(token).reason == .unknownKey)
            #expect(try await stage.fetches() == 1)
            stage.clock.advance(seconds: 30)
            #expect(await tokens.verify(token).reason == nil)
            #expect(try await stage.fetches() == 2)
        }
    }

    @Test func `a key that vanished is refused from the next fetch on, also for tokens known before`() async throws {
        try await Stage.with { stage in
            try await stage.addKey("r2", "RSA", ["alg": "RS256"])
            try await stage.publish()
            let tokens = try stage.tokenGuard()
            let (old, new) = (try await stage.token("r1"), try await stage.token("r2"))
            #expect(await tokens.verify(old).reason == nil)
            #expect(await tokens.verify(new).reason == nil)
            #expect(tokens.cached(old)?.principal != nil)
            stage.dropKey("r1")
            try await stage.publish()
            stage.clock.advance(seconds: 31)
            // Any unknown key brings the fetch.
            _ = await tokens.verify(try await stage.token(header: "{\"alg\":\"RS256\",\"kid\":\"x\"}"))
            #expect(tokens.cached(old) == nil)
            #expect(await tokens.verify(old).reason == .unknownKey)
            #expect(await tokens.verify(new).reason == nil)
        }
    }

    @Test func `a fetch that brings the same keys leaves known tokens known`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            let token = try await stage.token()
            #expect(await tokens.verify(token).reason == nil)
            stage.clock.advance(seconds: 31)
            _ = await tokens.verify(try await stage.token(header: "{\"alg\":\"RS256\",\"kid\":\"x\"}"))
            #expect(try await stage.fetches() == 2)
            #expect(tokens.cached(token)?.principal != nil)
        }
    }

    @Test func `a flood of unknown keys brings one fetch`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            #expect(await tokens.verify(try await stage.token()).reason == nil)
            stage.clock.advance(seconds: 31)
            let payload = base64URL(try stage.claims())
            let reasons = await withTaskGroup(of: TokenRefusal.Reason?.self) { group in
                for number in 0..<10_000 {
                    let header = base64URL("{\"alg\":\"RS256\",\"kid\":\"k\(number)\"}")
                    group.addTask { await tokens.verify("\(header).\(payload).AAAA").reason }
                }
                return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(reasons == [.unknownKey: 10_000])
            #expect(try await stage.fetches() == 2)
            #expect(try await stage.issuer.count("/a/.well-known/openid-configuration") == 1)
            // Later, a name that was asked for is remembered, and a new one brings one fetch more.
            stage.clock.advance(seconds: 31)
            #expect(
                await tokens.verify(base64URL("{\"alg\":\"RS256\",\"kid\":\"k0\"}") + ".\(payload).AAAA").reason != nil)
            let before = try await stage.fetches()
            #expect(before <= 3)
            #expect(
                await tokens.verify(base64URL("{\"alg\":\"RS256\",\"kid\":\"new\"}") + ".\(payload).AAAA").reason != nil
            )
            #expect(try await stage.fetches() == 3)
        }
    }

    @Test func `a name that was just looked up is not looked up again`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            #expect(await tokens.verify(try await stage.token()).reason == nil)
            let unknown = try await stage.token(header: "{\"alg\":\"RS256\",\"kid\":\"x\"}")
            stage.clock.advance(seconds: 31)
            #expect(await tokens.verify(unknown).reason == .unknownKey)
            #expect(try await stage.fetches() == 2)
            stage.clock.advance(seconds: 31)
            #expect(await tokens.verify(unknown).reason == .unknownKey)
            #expect(try await stage.fetches() == 2)
            stage.clock.advance(seconds: 31)
            #expect(await tokens.verify(unknown).reason == .unknownKey)
            #expect(try await stage.fetches() == 3)
        }
    }

    @Test func `an issuer that is down at the start is a temporary refusal until it comes`() async throws {
        try await Stage.with(listening: false) { stage in
            let tokens = try stage.tokenGuard()
            let token = try await stage.token()
            let refusal = await tokens.verify(token).refusal
            #expect(refusal?.reason == .keysUnavailable)
            #expect(refusal?.isTemporary == true)
            #expect(tokens.health.first?.isUsable == false)
            #expect(tokens.health.first?.lastError?.isEmpty == false)
            try await stage.issuer.listen()
            stage.clock.advance(seconds: 31)
            #expect(await tokens.verify(token).reason == nil)
            #expect(tokens.health.first?.lastError == nil)
        }
    }

    @Test func `run() loads the keys before any token, renews them before they are stale, and ends`() async throws {
        try await Stage.with(listening: false) { stage in
            let tokens = try stage.tokenGuard()
            let running = Task { await tokens.run() }
            defer { running.cancel() }
            #expect(try await eventually { tokens.health[0].lastError != nil })
            try await stage.issuer.listen()
            stage.clock.advance(seconds: 31)
            #expect(try await eventually { tokens.health[0].isUsable })
            let token = try await stage.token()
            #expect(await tokens.verify(token).reason == nil)
            #expect(try await stage.fetches() == 1)
            // max-age=600, renewed at nine tenths of it: without that, another key would still pass.
            stage.clock.advance(seconds: 530)
            try await stage.addKey("r2", "RSA", ["alg": "RS256"])
            stage.dropKey("r1")
            try await stage.publish()
            stage.clock.advance(seconds: 11)
            // Not the issuer's count: it counts a request before its answer is taken.
            #expect(try await eventually { tokens.health[0].fetchedAt == stage.clock.now })
            #expect(try await stage.fetches() == 2)
            #expect(await tokens.verify(token).reason == .unknownKey)
            running.cancel()
            await running.value
        }
    }

    @Test(
        arguments: [
            ("max-age=1", 300), ("max-age=99999999999999999999", 86_400), ("max-age=99999999", 86_400),
            ("no-store", 300),
            ("max-age=9000, no-cache", 300), ("private", 900), ("", 900), ("max-age=-5", 900), ("max-age", 900),
            ("public, MAX-AGE=\"1200\"", 1200),
        ] as [(String, Int64)])
    func `the age that an issuer asks for is kept within bounds`(cacheControl: String, fresh: Int64) async throws {
        try await Stage.with { stage in
            try await stage.publish(cacheControl: cacheControl)
            let tokens = try stage.tokenGuard()
            #expect(await tokens.verify(try await stage.token()).reason == nil)
            let health = tokens.health[0]
            let day: Int64 = 86_400
            #expect(try #require(health.usableUntil) - #require(health.fetchedAt) == (fresh + day) * 1000)
            // Renewed when a tenth of the time is left.
            stage.clock.advance(seconds: fresh * 9 / 10)
            let running = Task { await tokens.run() }
            defer { running.cancel() }
            #expect(try await eventually { try await stage.fetches() == 2 })
        }
    }

    @Test func `old keys serve while the issuer fails, and not for ever`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            func token() async throws -> String { try await stage.token() }
            #expect(await tokens.verify(try await token()).reason == nil)
            for failure: [String: any Sendable] in [["status": 500], ["reset": true]] {
                try await stage.issuer.page("/a/jwks", "no", failure)
                stage.clock.advance(seconds: 400)
                let unknown = try await stage.token(header: "{\"alg\":\"RS256\",\"kid\":\"x\"}")
                // It may be a new key: nobody can say.
                #expect(await tokens.verify(unknown).reason == .keysUnavailable)
                #expect(await tokens.verify(try await token()).reason == nil)
                #expect(tokens.health[0].lastError != nil)
                #expect(tokens.health[0].isUsable)
            }
            let until = try #require(tokens.health[0].usableUntil)
            stage.clock.advance(seconds: (until - stage.clock.now) / 1000 - 1)
            let last = try await token()
            #expect(await tokens.verify(last).reason == nil)
            #expect(tokens.cached(last)?.principal != nil)
            stage.clock.advance(seconds: 2)
            #expect(tokens.cached(last) == nil)
            #expect(await tokens.verify(last).reason == .keysUnavailable)
            #expect(!tokens.health[0].isUsable)
            try await stage.publish()
            stage.clock.advance(seconds: 31)
            #expect(await tokens.verify(last).reason == nil)
        }
    }
}
