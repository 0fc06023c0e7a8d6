// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Testing

extension GatewayEndToEnd {
    /// Long bodies pass through and are not held.
    @Suite struct GatewayMemory {
        static let download = 5 << 30
        static let upload = 1 << 30
        /// How much the process may grow.
        static let growth = 64 << 20

        @Test func fiveGigabytesPassInUnder64MebibytesOfGrowth() async throws {
            try await GatewayStage.with { stage in
                let gateway = try await stage.startGateway()
                let token = try stage.token("ana")
                // What every request needs once is there before.
                #expect(try await take(gateway, token, 1 << 20) == 1 << 20)
                try await expectLittleGrowth(gateway, "a download") {
                    let taken = try await take(gateway, token, Self.download)
                    #expect(taken == Self.download)
                }
                try await gateway.child.terminate()
            }
        }

        @Test func anUploadOfAGigabytePassesInUnder64MebibytesOfGrowth() async throws {
            try await GatewayStage.with { stage in
                let gateway = try await stage.startGateway()
                let token = try stage.token("ana")
                for length in [HTTPClientRequest.Body.Length.known(Int64(1 << 20)), .unknown] {
                    #expect(try await give(gateway, token, 1 << 20, length) == 204)
                }
                for (length, name) in [
                    (HTTPClientRequest.Body.Length.known(Int64(Self.upload)), "an upload"),
                    (.unknown, "a chunked upload"),
                ] {
                    let before = stage.bulk.sunk
                    try await expectLittleGrowth(gateway, name) {
                        let status = try await give(gateway, token, Self.upload, length)
                        #expect(status == 204)
                    }
                    #expect(stage.bulk.sunk - before == Int64(Self.upload))
                }
                try await gateway.child.terminate()
            }
        }

        /// A client that has not read anything yet holds nothing up in the gateway but a few buffers.
        @Test func aHundredDownloadsThatNobodyReadsStayUnder64MebibytesOfGrowth() async throws {
            try await GatewayStage.with { stage in
                let gateway = try await stage.startGateway()
                let token = try stage.token("ana")
                #expect(try await take(gateway, token, 1 << 20) == 1 << 20)
                var configuration = HTTPClient.Configuration()
                configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 200
                let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
                do {
                    try await expectLittleGrowth(gateway, "100 downloads") {
                        var bodies: [HTTPClientResponse.Body.AsyncIterator] = []
                        for _ in 0..<100 {
                            let response = try await client.execute(
                                gateway.request(.GET, "/bulk/zeros/\(256 << 20)", token: token), timeout: .seconds(120))
                            var body = response.body.makeAsyncIterator()
                            let first = try await body.next()
                            #expect(first != nil)
                            bodies.append(body)
                        }
                        #expect(bodies.count == 100)
                    }
                } catch {
                    try? await client.shutdown()
                    throw error
                }
                try await client.shutdown()
            }
        }

        private func expectLittleGrowth(
            _ gateway: GatewayProcess, _ what: String, _ body: () async throws -> Void
        ) async throws {
            try gateway.forgetPeak()
            let before = try gateway.memory("VmRSS")
            try await body()
            let peak = try gateway.memory("VmHWM")
            #expect(peak - before < Self.growth, "\(what): from \(before >> 20) to \(peak >> 20) MiB")
        }

        private func take(_ gateway: GatewayProcess, _ token: String, _ bytes: Int) async throws -> Int {
            let response = try await gateway.client.execute(
                gateway.request(.GET, "/bulk/zeros/\(bytes)", token: token), timeout: .seconds(600))
            var taken = 0
            for try await part in response.body { taken += part.readableBytes }
            return taken
        }

        private func give(
            _ gateway: GatewayProcess, _ token: String, _ bytes: Int, _ length: HTTPClientRequest.Body.Length
        ) async throws -> Int {
            var request = gateway.request(.PUT, "/bulk/sink/checkpoint", token: token)
            request.body = .stream(Chunks(left: bytes / Chunks.size), length: length)
            let response = try await gateway.client.execute(request, timeout: .seconds(600))
            for try await _ in response.body {}
            return Int(response.status.code)
        }
    }
}

/// So many chunks of zeros, made as they are taken.
private struct Chunks: AsyncSequence, AsyncIteratorProtocol, Sendable {
    static let size = 256 << 10
    var left: Int
    private let chunk = ByteBuffer(repeating: 0, count: Chunks.size)

    init(left: Int) {
        self.left = left
    }

    func makeAsyncIterator() -> Chunks { self }

    mutating func next() async -> ByteBuffer? {
        guard left > 0 else { return nil }
        left -= 1
        return chunk
    }
}
