// SPDX-License-Identifier: Apache-2.0

import Children
import Foundation
import Gateway
import NIOHTTP1
import Orders
import Testing

extension GatewayTests {
    @Suite struct HTTP2 {
        @Test func `a request without a length may have no body`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let token = try stage.token()
                    let client = try await H2Client.connect(stage.port)
                    let evil = "GET /evil HTTP/1.1\r\nhost: g\r\n\r\n"
                    for method in ["GET", "DELETE", "HEAD"] {
                        // With the head, while the upstream is asked, and after its answer.
                        for delay in [0, 1, 2] {
                            let before = upstream.requests.count
                            let stream = try await client.request(method, "/raw/a", token: token, end: false)
                            if delay == 1 { try await stage.wait("it is sent") { upstream.requests.count > before } }
                            if delay == 2 { try await stream.wait { $0.status != nil } }
                            try? await stream.data(evil, end: true)
                            try await stream.wait()
                        }
                    }
                    let direct = try await client.request("GET", "/raw/last", token: token)
                    try await direct.wait()
                    #expect(direct.status == 200)
                    #expect(!upstream.everything.contains("evil"), "\(upstream.everything)")
                    #expect(!upstream.requests.contains { $0.line.contains("evil") })
                    let events = try await stage.events()
                    #expect(events.count == 11, "nine, the last, and the login")
                    client.close()
                }
            }
        }

        @Test func `many streams run at once, and one is stopped without the others`() async throws {
            try await RawUpstream.with({ _, wire in
                wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegin\r\n")
            }) { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let ana = try stage.token(secondsAgo: 5)
                    let ben = try stage.token("ben", session: "s-2", secondsAgo: 5)
                    let client = try await H2Client.connect(stage.port)
                    var streams: [H2Client.Stream] = []
                    for number in 0..<100 {
                        streams.append(
                            try await client.request("GET", "/raw/\(number)", token: number == 7 ? ben : ana))
                    }
                    for stream in streams { try await stream.wait { $0.body == "begin" } }
                    // The client gives one up: the upstream is told.
                    streams[3].reset()
                    try await stage.wait("the upstream's connection is closed") { upstream.closed == 1 }
                    // An order stops another one.
                    try await stage.issue(stage.order("ben@example.com", [.block]))
                    try await streams[7].wait { $0.isReset }
                    for wire in upstream.wires { wire.send("3\r\nend\r\n0\r\n\r\n") }
                    for (number, stream) in streams.enumerated() where number != 3 && number != 7 {
                        try await stream.wait()
                        #expect(stream.isComplete && stream.body == "beginend", "\(number)")
                    }
                    let post = try await client.request("POST", "/raw/post", token: ana, end: false)
                    try await post.data("hello ", end: false)
                    try await post.data("world", end: true)
                    try await stage.wait("it has arrived") { upstream.requests.last?.body.contains("world") == true }
                    post.reset()
                    let events = try await stage.events().filter { $0.class_uid == 6003 }
                    #expect(events.count { $0.status_code == "client_closed" } >= 1)
                    #expect(events.filter { $0.status_code == "cut" }.map(\.who) == ["ben@example.com"])
                    client.close()
                }
            }
        }

        @Test func `a flood of resets ends the connection and nothing else`() async throws {
            try await RawUpstream.with({ _, _ in }) { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let token = try stage.token()
                    let client = try await H2Client.connect(stage.port)
                    client.flood(2000, token: token)
                    try await stage.wait("the connection is closed") { client.isClosed }
                    upstream.answer(RawUpstream.fine)
                    #expect(try await stage.send(.GET, "/raw/after", token: token).status == 200)
                    let open = upstream.requests.count
                    try await stage.wait("no request of it stays open") { upstream.closed >= open - 1 }
                }
            }
        }

        @Test func `curl speaks it plainly, and sees the refusal of a body that is still coming`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let file = "\(stage.folder)/body"
                    try Data(count: 8 << 20).write(to: URL(fileURLWithPath: file))
                    func curl(_ arguments: [String]) async throws -> (status: Int32, text: String) {
                        try await stage.run("/usr/bin/curl", Self.curlOptions + arguments)
                    }
                    let auth = ["-H", "Authorization: Bearer \(try stage.token())"]
                    let base = "http://127.0.0.1:\(stage.port)"
                    let plain = try await curl(["--http2-prior-knowledge", "\(base)/raw/a"] + auth)
                    #expect(plain.text == "2 200" && plain.status == 0)
                    let upgrade = try await curl(["--http2", "\(base)/raw/a", "\(base)/raw/b"] + auth)
                    #expect(upgrade.text.hasPrefix("1.1 200") && upgrade.status == 0)
                    let refused = try await curl(["--http2-prior-knowledge", "-T", file, "\(base)/nowhere"] + auth)
                    #expect(refused.text == "2 404" && refused.status == 0, "\(refused)")
                    let refused1 = try await curl(["--http1.1", "-H", "Expect:", "-T", file, "\(base)/nowhere"] + auth)
                    #expect(refused1.text == "1.1 404", "\(refused1)")
                }
            }
        }

        private static let curlOptions = [
            "-sS", "--max-time", "30", "-o", "/dev/null", "-w", "%{http_version} %{response_code}",
        ]

        @Test func `over TLS the client chooses HTTP/2 or HTTP/1.1, and nothing older than TLS 1.2`() async throws {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let (key, certificate) = ("\(folder)/key.pem", "\(folder)/certificate.pem")
            let openssl = Process()
            openssl.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
            openssl.arguments = [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                "-out",
                certificate, "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
            ]
            openssl.standardError = FileHandle.nullDevice
            try openssl.start()
            openssl.waitUntilExit()
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(
                    upstream,
                    change: {
                        $0.listen.tls = try ListenSettings.tls(certificateChainFile: certificate, privateKeyFile: key)
                    }
                ) { stage in
                    let common =
                        Self.curlOptions + [
                            "--cacert", certificate, "-H", "Authorization: Bearer \(try stage.token())",
                            "https://127.0.0.1:\(stage.port)/raw/a",
                        ]
                    let two = try await stage.run("/usr/bin/curl", ["--http2"] + common)
                    let one = try await stage.run("/usr/bin/curl", ["--http1.1"] + common)
                    let old = try await stage.run("/usr/bin/curl", ["--tls-max", "1.1"] + common)
                    #expect(two.text == "2 200" && one.text == "1.1 200")
                    #expect(old.status != 0)
                    // Plain text on a port of TLS is no request.
                    let plain = try await RawClient.exchange(stage.port, "GET /raw/a HTTP/1.1\r\nHost: g\r\n\r\n")
                    #expect(plain.statuses.isEmpty && upstream.requests.count == 2)
                }
            }
        }
    }
}
