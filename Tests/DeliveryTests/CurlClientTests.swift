// SPDX-License-Identifier: Apache-2.0
import Addresses
import Delivery
import Foundation
import TestSupport
import Testing

@Suite struct CurlClientTests {
    private func post(
        _ url: String, timeoutMilliseconds: Int = 30_000, authority: String? = nil,
        cancellation: CurlCancellation = CurlCancellation(), addresses: AddressPolicy = .allowingPrivate
    ) async throws -> CurlReply {
        let request = CurlRequest(url: try CurlURL(url), headers: [("webhook-id", "m")], body: Array("{}".utf8))
        let options = CurlClient.Options(
            connectTimeoutMilliseconds: timeoutMilliseconds, timeoutMilliseconds: timeoutMilliseconds,
            certificateAuthorityFile: authority, addresses: addresses)
        // The client blocks its thread, which must not be one of the pool's: the receiver needs those.
        return try await withCheckedThrowingContinuation { continuation in
            Thread {
                continuation.resume(
                    with: Result { try CurlClient(options, cancellation: cancellation).post(request) })
            }.start()
        }
    }

    private func kind(_ body: () async throws -> CurlReply) async -> CurlError.Kind? {
        do {
            _ = try await body()
            return nil
        } catch {
            return (error as? CurlError)?.kind
        }
    }

    @Test(arguments: [
        "", "hook", "ftp://example.org/", "file:///etc/passwd", "http://", "http://a b/", "http://host:99999/",
        "javascript:1",
        "http://ho\0st/",
    ])
    func whatIsNoWebURLIsRefused(text: String) {
        let error = #expect(throws: CurlError.self) { try CurlURL(text) }
        #expect(error?.kind == .invalidURL)
    }

    @Test func theEndpointShowsNeitherPathNorPassword() throws {
        #expect(
            try CurlURL("https://user:pw@hooks.example.org:8443/T/secret?x=1").endpoint
                == "https://hooks.example.org:8443")
        #expect(try CurlURL("http://127.0.0.1/x").endpoint == "http://127.0.0.1")
    }

    @Test func headersWithLineFeedsAreRefused() throws {
        let request = CurlRequest(url: try CurlURL("http://127.0.0.1:1/"), headers: [("a", "b\r\nc: d")], body: [])
        let error = #expect(throws: CurlError.self) { try CurlClient().post(request) }
        #expect(error?.kind == .invalidRequest)
    }

    @Test func aRedirectIsAReplyThatIsNotFollowed() async throws {
        try await LocalReceiver.with({ _, _ in .init(status: 302, headers: ["Location": "/elsewhere"]) }) { receiver in
            let reply = try await post(receiver.url)
            #expect(reply.status == 302)
            #expect(receiver.requests.map(\.path) == ["/hook"])
        }
    }

    @Test func aLongReplyIsCutAt64KiB() async throws {
        let long = String(repeating: "x", count: 300_000)
        try await LocalReceiver.with({ _, _ in .init(status: 200, body: long) }) { receiver in
            let reply = try await post(receiver.url)
            #expect(reply.status == 200)
            #expect(reply.body.count == 65_536)
            #expect(reply.isTruncated)
        }
        let exact = String(repeating: "x", count: 65_536)
        try await LocalReceiver.with({ _, _ in .init(status: 200, body: exact) }) { receiver in
            let reply = try await post(receiver.url)
            #expect(reply.body.count == 65_536)
            #expect(!reply.isTruncated)
        }
    }

    @Test func retryAfterIsReadFromTheReply() async throws {
        try await LocalReceiver.with({ _, _ in .init(status: 429, headers: ["Retry-After": "17"]) }) { receiver in
            let reply = try await post(receiver.url)
            #expect(reply.retryAfterSeconds == 17)
        }
    }

    @Test func nobodyListeningIsUnreachable() async throws {
        let server = try RawServer(reply: "", hang: false)
        server.stop()
        // The port was free a moment ago and nobody listens on port 1 either.
        #expect(await kind { try await post("http://127.0.0.1:1/") } == .unreachable)
    }

    @Test func aReceiverThatHangsIsATimeout() async throws {
        let server = try RawServer(reply: "", hang: true)
        defer { server.stop() }
        #expect(await kind { try await post(server.url, timeoutMilliseconds: 300) } == .timeout)
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"])
    func aReplyThatBreaksOffIsClosedEarly(reply: String) async throws {
        let server = try RawServer(reply: reply, hang: false)
        defer { server.stop() }
        #expect(await kind { try await post(server.url) } == .closedEarly)
    }

    @Test func aRunningRequestCanBeStopped() async throws {
        let server = try RawServer(reply: "", hang: true)
        defer { server.stop() }
        let cancellation = CurlCancellation()
        async let result = kind {
            try await post(server.url, timeoutMilliseconds: 600_000, cancellation: cancellation)
        }
        #expect(try await eventually { server.connections == 1 })
        cancellation.cancel()
        #expect(await result == .cancelled)
    }

    @Test(.enabled(if: TLSReceiver.isPossible, "python3 and openssl are not both here"))
    func aCertificateIsTrustedOnlyByItsAuthority() async throws {
        let folder = try Folder()
        let server = try await TLSReceiver(folder: folder)
        defer { server.stop() }
        #expect(await kind { try await post(server.url) } == .tls)
        #expect(try await post(server.url, authority: folder.path("cert.pem")).status == 200)
    }

    /// Names and spellings that resolve to this machine: what counts is the address of the connection.
    @Test(arguments: [
        "127.0.0.1", "127.1", "2130706433", "0x7f.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0",
    ])
    func aPrivateAddressIsNotConnectedToUnlessAllowed(host: String) async throws {
        let server = try RawServer(reply: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", hang: false)
        defer { server.stop() }
        let url = "http://\(host):\(server.port)/hook"
        let refused = await #expect(throws: CurlError.self) { try await post(url, addresses: .publicOnly) }
        #expect(refused?.kind == .forbiddenAddress && refused?.description.contains("allow_private: true") == true)
        #expect(server.connections == 0)
        if host.contains("127.0.0.1") {
            let own = AddressPolicy(networks: [try #require(AddressNetwork("127.0.0.0/8"))])
            #expect(try await post(url, addresses: own).status == 200)
        }
    }
}
