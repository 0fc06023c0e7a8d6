// SPDX-License-Identifier: Apache-2.0
import OIDC
import Testing

@Suite struct BearerTokenTests {
    @Test(arguments: ["Bearer abc", "bearer abc", "BEARER abc", "bEaReR   abc"])
    func `the scheme is read without case`(header: String) {
        #expect(TokenGuard.bearer(authorizationHeader: header) == .success("abc"))
    }

    @Test func `every character of the bearer alphabet passes`() {
        let token = "AZaz09-._~+/=="
        #expect(TokenGuard.bearer(authorizationHeader: "Bearer \(token)") == .success(token))
    }

    @Test(arguments: [nil, "", "Basic YTpi", "Bearerabc", "Bear abc", "Digest Bearer abc", " Bearer abc"])
    func `no bearer token is a challenge without an error code`(header: String?) {
        guard case .failure(let refusal) = TokenGuard.bearer(authorizationHeader: header) else {
            Issue.record("accepted")
            return
        }
        #expect(refusal.reason == .missing)
        #expect(refusal.wwwAuthenticate == "Bearer realm=\"gatewatch\"")
        #expect(!refusal.isTemporary)
    }

    @Test(
        arguments: [
            "Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer a, Bearer b", "Bearer a=b", "Bearer =",
            "Bearer a\tb",
            "Bearer \"a\"", "Bearer a ", "Bearer\ta", "Bearer é", "Bearer a\r\nX: y",
        ])
    func `anything but exactly one token is malformed`(header: String) {
        guard case .failure(let refusal) = TokenGuard.bearer(authorizationHeader: header) else {
            Issue.record("accepted")
            return
        }
        #expect(refusal.reason == .malformed)
        #expect(
            refusal.wwwAuthenticate
                == "Bearer realm=\"gatewatch\", error=\"invalid_token\", error_description=\"the token is malformed\"")
    }

    @Test func `a token may have 16 KiB and not a byte more`() {
        let longest = String(repeating: "a", count: TokenGuard.maximumTokenBytes)
        #expect(TokenGuard.bearer(authorizationHeader: "Bearer \(longest)") == .success(longest))
        guard case .failure(let refusal) = TokenGuard.bearer(authorizationHeader: "Bearer \(longest)a") else {
            Issue.record("accepted")
            return
        }
        #expect(refusal.reason == .tooLong)
    }

    @Test func `every challenge keeps to the characters of RFC 6750`() {
        for reason in TokenRefusal.Reason.allCases where reason != .missing {
            let challenge = TokenRefusal(reason, "said \"here\"\r\n").wwwAuthenticate
            #expect(challenge.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
            #expect(challenge.filter { $0 == "\"" }.count == 6)
        }
    }

    @Test func `a claimed subject is cleaned and cut`() {
        let refusal = TokenRefusal(
            .signature, "x", claimedSubject: "a\u{1B}[31m\n\u{202E}é" + String(repeating: "é", count: 300))
        #expect(refusal.claimedSubject?.hasPrefix("a[31mé") == true)
        #expect(refusal.claimedSubject?.utf8.count == 255)
    }
}
