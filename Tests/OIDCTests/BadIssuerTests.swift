// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Foundation
import OIDC
import TestSupport
import Testing

@Suite(.enabled(if: IssuerProcess.isPossible, "needs python3 with its package cryptography"))
struct BadIssuerTests {
    /// A guard's verdict and its words on the issuer, for pages that are wrong somehow.
    private func verdict(
        _ stage: Stage, settings: IssuerSettings? = nil
    ) async throws -> (reason: TokenRefusal.Reason?, error: String) {
        let tokens = try stage.tokenGuard(settings ?? stage.settings())
        let reason = await tokens.verify(try await stage.token()).reason
        return (reason, tokens.health[0].lastError ?? "")
    }

    @Test(arguments: [
        "", "<html>Sign in</html>", "null", "[]", "{}", "{\"keys\":7}", "{\"keys\":{}}", "{\"keys\":[]",
        "{\"keys\":[]}x",
        "{\"keys\":[],\"keys\":[]}", "\u{FEFF}{\"keys\":[]}",
    ])
    func `what is no JWKS is an error, and the keys are not available`(body: String) async throws {
        try await Stage.with { stage in
            try await stage.issuer.page("/a/jwks", body)
            let (reason, error) = try await verdict(stage)
            #expect(reason == .keysUnavailable)
            #expect(error.contains("JWKS"), "\(error)")
        }
    }

    @Test func `an empty JWKS is a good answer without keys`() async throws {
        try await Stage.with { stage in
            try await stage.issuer.page("/a/jwks", "{\"keys\":[]}")
            #expect(try await verdict(stage).reason == .unknownKey)
        }
    }

    @Test(arguments: [500, 404, 204, 302, 301])
    func `any status but 200 is an error, redirects included`(status: Int) async throws {
        try await Stage.with { stage in
            try await stage.publish(path: "/b")
            let headers = ["Location": stage.issuer.url("/a/other")]
            let jwks = try await stage.addKey("r9", "RSA", ["kid": "r1", "alg": "RS256"])
            try await stage.issuer.page("/a/other", "{\"keys\":[\(try json(jwks))]}")
            try await stage.issuer.page("/a/jwks", "", ["status": status, "headers": headers])
            #expect(try await verdict(stage).reason == .keysUnavailable)
            #expect(try await stage.issuer.count("/a/other") == 0)
        }
    }

    @Test func `a client that follows redirects by itself does not make their target's keys good`() async throws {
        try await Stage.with { stage in
            let following = HTTPClient(
                eventLoopGroupProvider: .singleton,
                configuration: .init(redirectConfiguration: .follow(max: 3, allowCycles: false)))
            let token = try await stage.token()
            try await stage.issuer.page(
                "/a/jwks", "", ["status": 302, "headers": ["Location": stage.issuer.url("/a/other")]])
            let jwk = try await stage.issuer.makeKey("evil", "RSA")
            try await stage.issuer.page(
                "/a/other", "{\"keys\":[\(try json(jwk.merging(["kid": "r1", "alg": "RS256"]) { $1 }))]}")
            let tokens = try TokenGuard(
                issuers: [stage.settings()], httpClient: following, logger: quiet, now: { stage.clock.now })
            let reason = await tokens.verify(token).reason
            let error = tokens.health[0].lastError
            try await following.shutdown()
            #expect(reason == .keysUnavailable)
            #expect(error?.contains("redirect") == true)
        }
    }

    @Test(arguments: [true, false])
    func `a JWKS of 100 MB is not read`(chunked: Bool) async throws {
        try await Stage.with { stage in
            try await stage.issuer.page("/a/jwks", "", ["size": 100 << 20, "chunked": chunked])
            let (reason, error) = try await verdict(stage)
            #expect(reason == .keysUnavailable)
            #expect(error.contains("longer than 1048576 bytes"), "\(error)")
        }
    }

    @Test func `a slow issuer holds its tokens up, nobody else's, and is waited for`() async throws {
        try await Stage.with { stage in
            try await stage.addKey("b1", "RSA", ["alg": "RS256"], path: "/b")
            try await stage.publish(path: "/b")
            let body = "{\"keys\":[]}"
            try await stage.issuer.page("/a/jwks", body, ["delay": 3])
            let tokens = try stage.tokenGuard(stage.settings("/a"), stage.settings("/b"))
            let slowToken = try await stage.token()
            let slow = Task { await tokens.verify(slowToken).reason }
            #expect(try await eventually { try await stage.fetches() == 1 })
            #expect(await tokens.verify(try await stage.token("b1", path: "/b")).reason == nil)
            #expect(await slow.value == .unknownKey)
        }
    }

    // The limit is no measure of speed: without a deadline in the fetch, the test would never end.
    @Test(.timeLimit(.minutes(2))) func `an answer that drips for ever is given up`() async throws {
        try await Stage.with { stage in
            try await stage.issuer.page("/a/jwks", "", ["drip": true, "size": 500_000])
            let (reason, error) = try await verdict(stage)
            #expect(reason == .keysUnavailable)
            #expect(error.contains("no whole answer"), "\(error)")
        }
    }

    @Test func `the discovery document must be of the very issuer and point to https or back to loopback`() async throws
    {
        try await Stage.with { stage in
            let path = "/a/.well-known/openid-configuration"
            let own = stage.name()
            let jwks = stage.issuer.url("/a/jwks")
            for (issuer, uri, words) in [
                (own + "/", jwks, "is of the issuer"), ("https://evil.example", jwks, "is of the issuer"),
                (own, "http://192.0.2.1/jwks", "https"), (own, "file:///etc/passwd", "URL"), (own, "/jwks", "URL"),
                (own, "http://127.0.0.1@192.0.2.1/jwks", "user name"), (own, "ftp://127.0.0.1/jwks", "https"),
                (own, "http://127.0.0.1.evil.example/jwks", "https"),
            ] {
                try await stage.issuer.page(path, json(["issuer": issuer, "jwks_uri": uri]))
                let (reason, error) = try await verdict(stage)
                #expect(reason == .keysUnavailable)
                #expect(error.contains(words), "\(uri): \(error)")
            }
            try await stage.issuer.page(path, json(["issuer": own]))
            #expect(try await verdict(stage).error.contains("no jwks_uri"))
            #expect(try await stage.fetches() == 0)
        }
    }

    @Test func `an issuer whose name ends in a slash is asked at the same place`() async throws {
        try await Stage.with { stage in
            try await stage.issuer.page(
                "/a/.well-known/openid-configuration",
                json(["issuer": stage.name() + "/", "jwks_uri": stage.issuer.url("/a/jwks")]))
            var settings = stage.settings()
            settings.issuer += "/"
            let tokens = try stage.tokenGuard(settings)
            #expect(await tokens.verify(try await stage.token(["iss": settings.issuer])).reason == nil)
        }
    }
}
