// SPDX-License-Identifier: Apache-2.0

import Foundation
import Gateway
import NIOCore
import NIOHTTP1
import Testing

extension GatewayTests {
    @Suite struct Drain {
        @Test func `what runs is finished, and nothing new begins`() async throws {
            try await RawUpstream.with({ _, wire in
                wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf ")
            }) { upstream in
                try await Stage.withRaw(upstream, change: { $0.listen.drain = .seconds(60) }) { stage in
                    let token = try stage.token()
                    let head = "GET /raw/a HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer \(token)\r\n\r\n"
                    let running = try await RawClient.connect(stage.port)
                    try await running.send(head)
                    let http2 = try await H2Client.connect(stage.port)
                    let stream = try await http2.request("GET", "/raw/b", token: token)
                    try await running.wait { $0.text.hasSuffix("half ") }
                    try await stream.wait { $0.body == "half " }
                    let idle = try await RawClient.connect(stage.port)
                    let undecided = try await RawClient.connect(stage.port)
                    try await undecided.send("PRI")
                    let kept = try await RawClient.connect(stage.port)
                    try await kept.send("GET /nowhere HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer \(token)\r\n\r\n")
                    try await kept.wait { $0.statuses == [404] }
                    await stage.stop()
                    // What says nothing is closed at once, not at the end of the time to drain.
                    for client in [idle, undecided, kept] { try await client.wait("it is closed") { $0.isClosed } }
                    try await stage.wait("GOAWAY") { http2.hasGoAway }
                    try await stage.wait("nobody can connect") {
                        guard let late = try? await RawClient.connect(stage.port) else { return true }
                        late.close()
                        return false
                    }
                    #expect(!stage.hasStopped)
                    for wire in upstream.wires { wire.send("more.") }
                    try await running.wait { $0.isClosed }
                    #expect(running.text.hasSuffix("half more."))
                    try await stream.wait()
                    #expect(stream.isComplete && stream.body == "half more.")
                    try await stage.wait("the gateway has stopped") { stage.hasStopped }
                }
            }
        }

        @Test func `what does not end in time is cut and recorded, and who waits is told at once`() async throws {
            try await RawUpstream.with({ _, wire in
                wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf ")
            }) { upstream in
                try await Stage.withRaw(
                    upstream, policy: "{ approval: [{ items: 100 }] }", change: { $0.listen.drain = .seconds(2) }
                ) { stage in
                    let token = try stage.token()
                    let running = try await RawClient.connect(stage.port)
                    try await running.send("GET /raw/a HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer \(token)\r\n\r\n")
                    try await running.wait { $0.text.hasSuffix("half ") }
                    let waiting = Task {
                        try await stage.send(
                            .POST, "/raw/collections/d/points/query", token: token, body: #"{"limit":500}"#,
                            headers: [("prefer", "wait=300")])
                    }
                    try await stage.wait("it waits") { try await stage.approvalRequests().count == 1 }
                    await stage.stop()
                    #expect(try await waiting.value.status == 403)
                    try await running.wait { $0.isClosed }
                    try await stage.wait("the gateway has stopped") { stage.hasStopped }
                    let reasons = try await stage.events().compactMap(\.status_code).sorted()
                    #expect(reasons == ["approval_required", "client_closed"])
                }
            }
        }
    }
}
