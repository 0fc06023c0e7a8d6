// SPDX-License-Identifier: Apache-2.0

import Addresses
import Foundation
import GRDB
import LocalServices
import NIOHTTP1
import OIDC
import Testing
import Web

@Suite struct LoginTests {
    @Test func whoLogsInIsKnownByTheRolesOfTheirGroups() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            let first = try await browser.get("/thing/1?page=2")
            #expect(first.status == 302)
            #expect(first.location == "/login?return=/thing/1%3Fpage%3D2")
            let answer = try await browser.login(as: "u-ana", returningTo: "/thing/1?page=2")
            #expect(answer.status == 303)
            #expect(answer.location == "/thing/1?page=2")
            #expect(try await browser.get("/").body.hasPrefix("ana@example.com [viewer,analyst,approver] "))
            #expect(try await browser.get("/approver").body == "welcome")
        }
    }

    @Test func whoHasNoRoleSeesWhy() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            _ = try await browser.login(as: "u-cleo")
            let page = try await browser.get("/")
            #expect(page.status == 403)
            #expect(page.body.contains("You are logged in as cleo@example.com, in the groups sales"))
        }
    }

    @Test func aPermissionThatIsLackingIsNamed() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            _ = try await browser.login(as: "u-ben")
            let page = try await browser.get("/approver")
            #expect(page.status == 403)
            #expect(page.body.contains("takes the role approver"))
        }
    }

    @Test func theCookieIsOutOfReachAndItsValueIsNotStored() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            let answer = try await browser.login(as: "u-ben")
            let cookie = try #require(answer.headers["set-cookie"])
            #expect(cookie.contains("gatewatch="))
            #expect(cookie.contains("; Path=/; HttpOnly; SameSite=Lax"))
            #expect(!cookie.contains("Domain"))
            let value = try #require(await browser.cookie("gatewatch"))
            let rows = try await stage.database.read { db in
                try Row.fetchAll(db, sql: "SELECT * FROM web_sessions").map { "\($0)" }.joined()
            }
            #expect(rows.contains("ben@example.com"))
            #expect(!rows.contains(value))
        }
    }

    @Test func underTLSTheCookieIsBoundToTheHost() throws {
        #expect(try WebOrigin("https://gw.example.com/").text == "https://gw.example.com")
        #expect(try WebOrigin("https://gw.example.com:443").text == "https://gw.example.com")
        for bad in ["http://gw.example.com", "https://a@b.example.com", "https://b.example.com/x", "ftp://b", "b"] {
            #expect(throws: WebSettingsError.self) { try WebOrigin(bad) }
        }
    }

    @Test func aLoginHasANewIdAndEndsTheOneBefore() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            _ = try await browser.login(as: "u-ben")
            let old = try #require(await browser.cookie("gatewatch"))
            _ = try await browser.login(as: "u-ana")
            let new = try #require(await browser.cookie("gatewatch"))
            #expect(old != new)
            let thief = stage.browser
            await thief.set(cookie: "gatewatch", old)
            #expect(try await thief.get("/").status == 302)
            // One that nobody gave out is nothing.
            await thief.set(cookie: "gatewatch", String(repeating: "A", count: 43))
            #expect(try await thief.get("/").status == 302)
        }
    }

    @Test func aSessionEndsWhenIdleAndAfterItsTime() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            _ = try await browser.login(as: "u-ben")
            // Each look counts as use, to the end of the eight hours. The clock goes on by itself as well: minutes are left over.
            for _ in 0..<20 {
                #expect(try await browser.get("/").status == 200)
                stage.clock.advance(24 * 60_000)
            }
            #expect(try await browser.get("/").status == 302)
            let idle = stage.browser
            _ = try await idle.login(as: "u-ben")
            stage.clock.advance(30 * 60_000 + 1)
            #expect(try await idle.get("/").status == 302)
        }
    }

    @Test func logoutEndsTheSessionForEveryCopyOfItsCookie() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            _ = try await browser.login(as: "u-ben")
            let id = try #require(await browser.cookie("gatewatch"))
            _ = try await browser.get("/logout")
            let out = try await browser.post("/logout", [])
            #expect(out.status == 303)
            #expect(await browser.cookie("gatewatch") == nil)
            #expect(try await browser.get("/logout").body == "logged out")
            let copy = stage.browser
            await copy.set(cookie: "gatewatch", id)
            #expect(try await copy.get("/").status == 302)
        }
    }

    @Test func anAnswerIsTakenOnceAndFromTheBrowserThatAsked() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            let begun = try await browser.get("/login")
            let url = try #require(begun.location)
            #expect(url.contains("code_challenge_method=S256"))
            #expect(url.contains("nonce="))
            let chosen = try await browser.send(.GET, url + "&subject=u-ana")
            let callback = String(try #require(chosen.location).dropFirst(stage.base.count))
            // Another browser, to which somebody sent the link: it must not be logged in as ana.
            let other = stage.browser
            _ = try await other.get("/login")
            let refused = try await other.get(callback)
            #expect(refused.status == 400)
            #expect(refused.body.contains("began in another browser"))
            #expect(try await browser.get(callback).status == 303)
            #expect(try await browser.get(callback).status == 400)
            // A code of another login, and an answer of another issuer.
            let again = stage.browser
            let second = try await again.get("/login")
            let answer = try await again.send(.GET, try #require(second.location) + "&subject=u-ana")
            let right = String(try #require(answer.location).dropFirst(stage.base.count))
            let wrong = right.replacing(try Regex("iss=[^&]*"), with: "iss=https%3A%2F%2Fevil.example.com")
            let page = try await again.get(wrong)
            #expect(page.status == 403)
            #expect(page.body.contains("another issuer"))
        }
    }

    @Test(arguments: [
        "//evil.example.com", "/\\evil.example.com", "https://evil.example.com", "/%0d%0aSet-Cookie:x=1",
        "javascript:1",
        "/login", "/callback?x", "/api/v1/incidents", "",
    ])
    func afterTheLoginTheWayLeadsNowhereElse(path: String) async throws {
        try await WebStage.with { stage in
            let answer = try await stage.browser.login(as: "u-ben", returningTo: path)
            #expect(answer.location == (path.hasPrefix("/%0d") ? path : "/"))
        }
    }

    @Test func tooManyLoginsWait() async throws {
        try await WebStage.with(change: { $0.limits.loginsPerMinute = 2 }) { stage in
            var statuses: [Int] = []
            for _ in 0..<3 { statuses.append(try await stage.browser.get("/login").status) }
            #expect(statuses == [302, 302, 429] || statuses.suffix(1) == [302])
            stage.clock.advance(60_000)
            #expect(try await stage.browser.get("/login").status == 302)
        }
    }

    @Test func behindAProxyEachClientHasAPaceOfItsOwn() async throws {
        try await WebStage.with(change: {
            $0.limits.loginsPerMinute = 1
            $0.trustedProxies = TrustedProxies([AddressNetwork(known: "127.0.0.1")])
        }) { stage in
            // From the beginning of a minute on.
            stage.clock.advance(60_000 - stage.clock.now % 60_000)
            func login(from address: String) async throws -> Int {
                try await stage.browser.get("/login", headers: [("X-Forwarded-For", address)]).status
            }
            var statuses: [Int] = []
            for address in ["198.51.100.7", "198.51.100.7", "198.51.100.8", "192.0.2.1, 198.51.100.7"] {
                statuses.append(try await login(from: address))
            }
            #expect(statuses == [302, 429, 302, 429])
        }
    }

    @Test func onlySoManySessionsOfOnePersonLive() async throws {
        try await WebStage.with(change: { $0.limits.sessionsPerPerson = 2 }) { stage in
            let browsers = [stage.browser, stage.browser, stage.browser]
            for browser in browsers {
                _ = try await browser.login(as: "u-ben")
                stage.clock.advance(10)
            }
            var statuses: [Int] = []
            for browser in browsers { statuses.append(try await browser.get("/").status) }
            #expect(statuses == [302, 200, 200])
        }
    }

    @Test func aProviderThatIsAwayIsSaidOnThePage() async throws {
        try await WebStage.with(change: { $0.login.issuer.issuer = "http://127.0.0.1:9" }) { stage in
            let page = try await stage.browser.get("/login")
            #expect(page.status == 503)
            #expect(page.body.contains("identity provider cannot be reached"))
        }
    }

    @Test func aClientWithAWrongSecretIsRefused() async throws {
        try await WebStage.with(change: { $0.clientSecret = "wrong" }) { stage in
            let page = try await stage.browser.login(as: "u-ben")
            #expect(page.status == 403)
            #expect(page.body.contains("invalid_client"))
        }
    }
}
