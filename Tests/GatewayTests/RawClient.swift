// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A client that sends bytes as they are, and keeps what comes back.
final class RawClient: Sendable {
    private struct State {
        var received: [UInt8] = []
        var isClosed = false
        var wasReset = false
    }

    private final class Handler: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let state = Mutex(State())
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data).readableBytesView
            state.withLock { if $0.received.count < 4 << 20 { $0.received += bytes } }
        }
        func channelInactive(context: ChannelHandlerContext) { state.withLock { $0.isClosed = true } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if (error as? IOError)?.errnoCode == ECONNRESET { state.withLock { $0.wasReset = true } }
            context.close(promise: nil)
        }
    }

    let channel: any Channel
    private let handler: Handler

    private init(channel: any Channel, handler: Handler) {
        self.channel = channel
        self.handler = handler
    }

    static func connect(_ port: Int, receiveBuffer: Int? = nil) async throws -> RawClient {
        let handler = Handler()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { $0.pipeline.addHandler(handler) }
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: receiveBuffer)
        }
        return RawClient(channel: try await bootstrap.connect(host: "127.0.0.1", port: port).get(), handler: handler)
    }

    /// Sends bytes in one write; waits until the system has them.
    func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)) }
    func post(_ bytes: ByteBuffer) { channel.writeAndFlush(bytes, promise: nil) }
    func close() { channel.close(promise: nil) }
    var text: String { handler.state.withLock { String(decoding: $0.received, as: UTF8.self) } }
    var isClosed: Bool { handler.state.withLock { $0.isClosed } }
    var wasReset: Bool { handler.state.withLock { $0.wasReset } }
    /// How many answers have come, by their status lines; informational ones count too.
    var statuses: [Int] {
        text.components(separatedBy: "HTTP/1.").dropFirst().compactMap { part in
            let words = part.prefix(8).split(separator: " ")
            return words.count > 1 ? Int(words[1].prefix(3)) : nil
        }
    }

    /// Waits for something to be true of the connection.
    func wait(_ what: String = "the answer", _ done: (RawClient) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !done(self) {
            try #require(
                ContinuousClock.now < deadline, "after 30 s, still not: \(what); received: \(text.prefix(2000))")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Sends and returns everything until the gateway closed the connection.
    static func exchange(_ port: Int, _ text: String) async throws -> RawClient {
        let client = try await connect(port)
        try? await client.send(text)
        try await client.wait("the connection is closed") { $0.isClosed }
        return client
    }
}

/// Counts across tasks.
final class TakenCount: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add() { count.withLock { $0 += 1 } }
}
