// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Orders
import Testing

extension GatewayTests {
    @Suite struct OrdersInForce {
        @Test func aRevokedTokenIsRefusedAndANewOneWorks() async throws {
            try await Stage.with { stage in
                let old = try stage.token(secondsAgo: 5)
                #expect(try await stage.query(old).status == 200)
                try await stage.issue(stage.order("ana@example.com", [.revokeTokens]))
                let refused = try await stage.query(old)
                #expect(refused.status == 401)
                #expect(refused.headers.first(name: "www-authenticate")?.contains(#"error="invalid_token""#) == true)
                #expect(
                    try await stage.query(stage.token("ben", session: "s-2", secondsAgo: 5)).status == 200,
                    "others go on")
                try await Task.sleep(for: .milliseconds(1100))
                #expect(try await stage.query(stage.token(session: "s-3")).status == 200)
                let event = try #require(try await stage.events().first { $0.status_code == "revoked" })
                #expect(event.class_uid == 3002 && event.who == "ana@example.com" && event.unmapped.order_id != nil)
            }
        }

        @Test func anOrderCutsARunningDownload() async throws {
            try await Stage.with { stage in
                var request = HTTPClientRequest(
                    url:
                        "http://127.0.0.1:\(stage.port)/registry/api/2.0/mlflow-artifacts/artifacts/1/large-x/artifacts/model.bin"
                )
                request.headers.add(name: "authorization", value: "Bearer \(try stage.token(secondsAgo: 5))")
                let response = try await stage.client.execute(request, timeout: .seconds(60))
                #expect(response.status == .ok)
                #expect(response.headers.first(name: "content-length") == "\(1 << 30)")
                var bytes = 0
                var issued: ContinuousClock.Instant?
                await #expect(throws: (any Error).self) {
                    for try await part in response.body {
                        bytes += part.readableBytes
                        if issued == nil, bytes > 1 << 20 {
                            try await stage.publish(stage.order("ana@example.com", [.block]).signed(by: stage.detector))
                            issued = .now
                        }
                        // A client slower than the network, so that the gigabyte takes longer than the order.
                        try await Task.sleep(for: .milliseconds(1))
                    }
                }
                let took = try #require(issued).duration(to: .now)
                #expect(bytes < 1 << 30)
                #expect(took < .seconds(1), "the issue's own promise; it took \(took)")
                let events = try await stage.events().filter { $0.api?.operation == "checkpoint.download" }
                #expect(events.count == 2)
                #expect(events[0].unmapped.stream == true && events[0].http_response.length == 1 << 30)
                #expect(events[1].status_code == "cut" && events[1].metadata.correlation_uid == events[0].metadata.uid)
                #expect(events[1].http_response.length < 1 << 30 && events[1].unmapped.order_id != nil)
            }
        }
    }
}
