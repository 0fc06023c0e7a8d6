// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Foundation
import OIDC
import TestSupport
import Testing

@Suite struct IssuerSettingsTests {
    private static let good = IssuerSettings(issuer: "https://login.example.com", audiences: ["gatewatch"])

    private func fault(_ settings: IssuerSettings...) -> String? {
        do {
            // The shared client: nothing is fetched here, and it needs no shutdown.
            _ = try TokenGuard(issuers: settings, httpClient: .shared, logger: quiet)
            return nil
        } catch {
            return String(describing: error)
        }
    }

    @Test func `good settings pass`() {
        #expect(fault(Self.good) == nil)
        var settings = Self.good
        for issuer in [
            "http://localhost:8080/realms/x", "http://127.0.0.1:9/", "http://[::1]:80",
            "https://login.example.com/v2.0/",
        ] {
            settings.issuer = issuer
            #expect(fault(settings) == nil, "\(issuer)")
        }
        settings.algorithms = [
            "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
        ]
        #expect(fault(settings) == nil)
    }

    @Test(arguments: [
        "", "login.example.com", "http://login.example.com", "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "https://user:secret@login.example.com", "https://login.example.com?x=1", "https://login.example.com#x",
        "https://", "ftp://login.example.com", "https://login.example.com/ x", "http://127.1", "http://0x7f.0.0.1",
    ])
    func `an issuer that cannot be trusted to be itself is refused`(issuer: String) {
        var settings = Self.good
        settings.issuer = issuer
        #expect(fault(settings) != nil)
    }

    @Test func `plain HTTP must be asked for`() {
        var settings = Self.good
        settings.issuer = "http://login.example.com"
        settings.allowPlainHTTP = true
        #expect(fault(settings) == nil)
        settings = Self.good
        settings.jwksURI = "http://login.example.com/keys"
        #expect(fault(settings)?.contains("https") == true)
    }

    @Test(arguments: ["none", "HS256", "HS512", "rs256", "RS1", "", "RSA-OAEP"])
    func `no list can name an algorithm without a public key`(name: String) {
        var settings = Self.good
        settings.algorithms = ["RS256", name]
        #expect(fault(settings)?.contains("algorithm") == true)
    }

    @Test func `settings that make no sense are refused with a sentence`() {
        let changes: [(inout IssuerSettings) -> Void] = [
            { $0.audiences = [] }, { $0.audiences = [""] }, { $0.algorithms = [] }, { $0.clockSkew = -1 },
            { $0.clockSkew = 600_001 }, { $0.maximumLifetime = 0 }, { $0.requiredType = "JWT" },
            { $0.identityClaim = "" }, { $0.groupsClaim = "" },
            { $0.serviceAccounts = .claim("", values: ["x"]) }, { $0.serviceAccounts = .claim("x", values: []) },
            { $0.caCertificateFile = "/nonexistent/ca.pem" },
        ]
        for (index, change) in changes.enumerated() {
            var settings = Self.good
            change(&settings)
            #expect(fault(settings)?.contains("https://login.example.com") == true, "change \(index)")
        }
        #expect(fault() != nil)
        #expect(fault(Self.good, Self.good)?.contains("twice") == true)
    }
}
