// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import GRDB
import LocalServices
import NIOCore
import NIOHTTP1
import NIOSSL
import OIDC
import Testing
import Web

@Suite struct GateTests {
    @Test func everyAnswerHasTheHeaders() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            var pages = [try await browser.get("/login"), try await browser.get("/nothing")]
            _ = try await browser.login(as: "u-ben")
            pages += [
                try await browser.get("/"), try await browser.get("/nothing"), try await browser.get("/broken"),
                try await browser.send(.GET, "/api/v1/nothing"), try await browser.send(.PUT, "/", body: "x"),
            ]
            for page in pages {
                #expect(
                    page.headers["content-security-policy"]
                        == "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
                )
                #expect(page.headers["x-content-type-options"] == "nosniff")
                #expect(page.headers["referrer-policy"] == "same-origin")
                #expect(page.headers["cross-origin-opener-policy"] == "same-origin")
                #expect(page.headers["permissions-policy"] != nil)
                #expect(page.headers["cache-control"] == "no-store")
                #expect(page.headers["x-gatewatch-identity-internal"] == nil)
                #expect(page.headers["server"] == nil)
                #expect(page.headers["strict-transport-security"] == nil)
            }
        }
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl"), "openssl is not there"))
    func withACertificateItSpeaksTLSAndItsCookiesAreBoundToIt() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (key, certificate) = ("\(folder)/key.pem", "\(folder)/certificate.pem")
        let openssl = try Process.run(
            URL(fileURLWithPath: "/usr/bin/openssl"),
            arguments: [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                "-out", certificate, "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                "-batch",
            ])
        openssl.waitUntilExit()
        let tls = try WebSettings.tls(certificateChainFile: certificate, privateKeyFile: key)
        var trust = TLSConfiguration.makeClientConfiguration()
        trust.trustRoots = .file(certificate)
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: .init(tlsConfiguration: trust, redirectConfiguration: .disallow))
        do {
            try await WebStage.with(change: { $0.tls = tls }) { stage in
                #expect(stage.base.hasPrefix("https://127.0.0.1:"))
                let browser = LocalBrowser(base: stage.base, client: client)
                _ = try await browser.login(as: "u-ben")
                let page = try await browser.get("/")
                #expect(page.status == 200 && page.body.hasPrefix("ben@example.com"))
                #expect(page.headers["strict-transport-security"] == "max-age=31536000")
                #expect(await browser.cookie("__Host-gatewatch") != nil)
                // Plain text on a port of TLS is no request.
                let plain = stage.base.replacing("https:", with: "http:")
                await #expect(throws: (any Error).self) {
                    _ = try await client.execute(HTTPClientRequest(url: plain), timeout: .seconds(10))
                }
            }
        } catch {
            try await client.shutdown()
            throw error
        }
        try await client.shutdown()
        #expect(throws: WebSettingsError.self) {
            var settings = WebSettings(
                url: "http://127.0.0.1:1",
                login: RelyingPartySettings(
                    issuer: IssuerSettings(issuer: "http://127.0.0.1:1", audiences: [], algorithms: ["ES256"]),
                    clientID: "x"), roles: [:])
            settings.tls = tls
            _ = try WebServer(
                settings: settings, database: DatabaseQueue(), httpClient: client, looks: PlainLooks(), logger: quiet,
                routes: [])
        }
        // A certificate and the key of another one.
        #expect(throws: (any Error).self) { try WebSettings.tls(certificateChainFile: key, privateKeyFile: key) }
    }

    @Test func anAddressThatIsTakenIsToldBeforeAnythingBegins() async throws {
        try await WebStage.with { stage in
            let port = try #require(Int(stage.base.split(separator: ":").last ?? ""))
            let error = await #expect(throws: WebServerError.self) {
                try await WebServer.checkAddress(host: "127.0.0.1", port: port)
            }
            #expect("\(try #require(error))".contains("127.0.0.1:\(port)"))
            try await WebServer.checkAddress(host: "127.0.0.1", port: 0)
        }
    }

    @Test func whatFailsIsAPageWithASentenceOrAProblem() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            _ = try await browser.login(as: "u-ben")
            #expect(try await browser.get("/nothing").body == "404 unknown: There is nothing at this address.")
            let broken = try await browser.get("/broken")
            #expect(broken.status == 500)
            #expect(broken.body.contains("Its log says why, under request"))
            #expect(!broken.body.contains("Cancellation"))
            let problem = try await browser.send(.GET, "/api/v1/nothing", headers: [("accept", "text/html")])
            #expect(problem.status == 404)
            #expect(problem.headers["content-type"] == "application/problem+json")
            #expect(problem.body.contains(#""type":"urn:gatewatch:problem:unknown""#))
        }
    }

    @Test func aFormNeedsTheSessionsTokenAndOurOwnPage() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            _ = try await browser.login(as: "u-ben")
            _ = try await browser.get("/")
            let form = [("word", "hello & <world> +ü")]
            #expect(try await browser.post("/echo", form).body == "hello & <world> +ü")
            #expect(try await browser.post("/echo", form, headers: [("origin", stage.base)]).status == 200)
            #expect(
                try await browser.post("/echo", form, headers: [("sec-fetch-site", "same-origin")]).status == 200)
            let refused: [[(String, String)]] = [
                [], [("origin", "https://evil.example.com")], [("origin", "null")],
                [("origin", stage.base), ("sec-fetch-site", "cross-site")],
                [("origin", stage.base), ("sec-fetch-site", "same-site")],
                [("origin", "https://evil.example.com"), ("sec-fetch-site", "same-origin")],
                [("sec-fetch-site", "none")],
            ]
            for headers in refused {
                #expect(try await browser.post("/echo", form, headers: headers).status == 403, "\(headers)")
            }
            #expect(try await browser.post("/echo", form, withToken: false).status == 403)
            #expect(try await browser.post("/echo", [("csrf", "0")] + form, withToken: false).status == 403)
            // Somebody else's token is none.
            let other = stage.browser
            _ = try await other.login(as: "u-ana")
            let token = try #require(try await other.get("/").csrf)
            #expect(try await browser.post("/echo", form + [("csrf", token)], withToken: false).status == 403)
            #expect(
                try await browser.send(
                    .POST, "/echo", headers: [("origin", stage.base), ("content-type", "application/json")], body: "{}"
                ).status == 415)
        }
    }

    @Test func aFormAfterTheSessionsEndDoesNothing() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            _ = try await browser.login(as: "u-ben")
            _ = try await browser.get("/")
            stage.clock.advance(31 * 60_000)
            let page = try await browser.post("/echo", [("word", "x")])
            #expect(page.status == 401)
            #expect(page.body.contains("nothing was done"))
        }
    }

    @Test func anAPITokenNeedsNoFormToken() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            let good = ("authorization", "Bearer gwt_good")
            #expect(try await browser.send(.POST, "/api/v1/echo", headers: [good], body: "{}").body == "robot")
            let unknown = try await browser.send(
                .POST, "/api/v1/echo", headers: [("authorization", "Bearer gwt_bad")], body: "{}")
            #expect(unknown.status == 401)
            #expect(unknown.headers["www-authenticate"]?.contains("invalid_token") == true)
            #expect(try await browser.send(.POST, "/api/v1/echo", headers: [good, good]).status == 401)
            let none = try await browser.send(.POST, "/api/v1/echo", body: "{}")
            #expect(none.status == 401)
            // With a cookie the API insists on the token too.
            _ = try await browser.login(as: "u-ben")
            let csrf = try #require(try await browser.get("/").csrf)
            let origin = ("origin", stage.base)
            #expect(try await browser.send(.POST, "/api/v1/echo", headers: [origin], body: "{}").status == 403)
            #expect(
                try await browser.send(.POST, "/api/v1/echo", headers: [origin, ("x-csrf-token", csrf)], body: "{}")
                    .body == "ben@example.com")
        }
    }

    @Test func theLimitsHold() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            _ = try await browser.login(as: "u-ben")
            _ = try await browser.get("/")
            let long = String(repeating: "a", count: 66_000)
            #expect(try await browser.post("/echo", [("word", long)]).status == 413)
            #expect(try await browser.get("/" + String(repeating: "a", count: 9_000)).status == 414)
            let many = (0..<101).map { ("f\($0)", "1") }
            #expect(try await browser.post("/echo", many).status == 400)
            let heavy = try? await browser.get("/", headers: [("x-heavy", String(repeating: "a", count: 40_000))])
            #expect(heavy?.status != 200)
        }
    }

    @Test func anotherNameForTheServerIsRefused() async throws {
        try await WebStage.with { stage in
            let page = try await stage.browser.get("/login", headers: [("host", "evil.example.com")])
            #expect(page.status == 421)
        }
    }

    @Test func partsOfThePathAreDecodedOnce() async throws {
        try await WebStage.with { stage in
            let browser = stage.browser
            _ = try await browser.login(as: "u-ben")
            #expect(try await browser.get("/thing/a%2Fb%253C").body == "<a/b%3C>")
            #expect(try await browser.get("/thing/%0a").status == 404)
        }
    }

    @Test func formsAreReadStrictly() throws {
        let fields = try FormFields("a=1&b=%C3%BC+x&a=2&c=&d")
        #expect(fields["a"] == "1")
        #expect(fields.all("a") == ["1", "2"])
        #expect(fields["b"] == "ü x")
        #expect(fields["c"] == nil)
        #expect(fields.names == ["a", "b", "c", "d"])
        for bad in ["a=%", "a=%f", "a=%ff", "%zz=1"] { #expect(throws: WebFault.self) { try FormFields(bad) } }
    }
}
