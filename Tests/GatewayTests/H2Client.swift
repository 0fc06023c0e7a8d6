// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization
import Testing

/// An HTTP/2 client that checks nothing of what it sends.
final class H2Client: Sendable {
    /// One stream, and what came back on it.
    final class Stream: Sendable {
        private struct State {
            var heads: [HPACKHeaders] = []
            var body: [UInt8] = []
            var isComplete = false
            var isReset = false
        }
        fileprivate final class Handler: ChannelInboundHandler, Sendable {
            typealias InboundIn = HTTP2Frame.FramePayload
            typealias OutboundOut = HTTP2Frame.FramePayload
            private let state = Mutex(State())
            var text: String { state.withLock { String(decoding: $0.body, as: UTF8.self) } }
            var count: Int { state.withLock { $0.body.count } }
            var heads: [HPACKHeaders] { state.withLock { $0.heads } }
            var isComplete: Bool { state.withLock { $0.isComplete } }
            var isReset: Bool { state.withLock { $0.isReset } }

            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                switch unwrapInboundIn(data) {
                case .headers(let headers):
                    state.withLock {
                        $0.heads.append(headers.headers)
                        if headers.endStream { $0.isComplete = true }
                    }
                case .data(let data):
                    guard case .byteBuffer(let bytes) = data.data else { return }
                    state.withLock {
                        $0.body += bytes.readableBytesView
                        if data.endStream { $0.isComplete = true }
                    }
                case .rstStream: state.withLock { $0.isReset = true }
                default: break
                }
            }
            func channelInactive(context: ChannelHandlerContext) {
                state.withLock { if !$0.isComplete { $0.isReset = true } }
            }
            func errorCaught(context: ChannelHandlerContext, error: any Error) {
                state.withLock { if !$0.isComplete { $0.isReset = true } }
                context.close(promise: nil)
            }
        }

        let channel: any Channel
        private let handler: Handler

        fileprivate init(channel: any Channel, handler: Handler) {
            self.channel = channel
            self.handler = handler
        }

        var status: Int? {
            handler.heads.compactMap { $0.first(name: ":status").flatMap { Int($0) } }.last { $0 >= 200 }
        }
        var statuses: [String] { handler.heads.compactMap { $0.first(name: ":status") } }
        var body: String { handler.text }
        var count: Int { handler.count }
        var isComplete: Bool { handler.isComplete }
        var isReset: Bool { handler.isReset }

        func data(_ text: String, end: Bool) async throws {
            try await channel.writeAndFlush(
                HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(ByteBuffer(string: text)), endStream: end)))
        }
        func reset() {
            channel.writeAndFlush(HTTP2Frame.FramePayload.rstStream(.cancel), promise: nil)
        }
        func wait(_ what: String = "the answer", _ done: (Stream) -> Bool = { $0.isComplete || $0.isReset })
            async throws
        {
            let deadline = ContinuousClock.now + .seconds(30)
            while !done(self) {
                try #require(ContinuousClock.now < deadline, "after 30 s, still not: \(what)")
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }

    private final class Watch: ChannelInboundHandler, Sendable {
        typealias InboundIn = HTTP2Frame
        let hasGoAway = Mutex(false)
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .goAway = unwrapInboundIn(data).payload { hasGoAway.withLock { $0 = true } }
            context.fireChannelRead(data)
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }

    let channel: any Channel
    private let multiplexer: NIOHTTP2Handler.StreamMultiplexer
    private let watch: Watch
    var hasGoAway: Bool { watch.hasGoAway.withLock { $0 } }
    var isClosed: Bool { !channel.isActive }
    func close() { channel.close(promise: nil) }

    private init(channel: any Channel, multiplexer: NIOHTTP2Handler.StreamMultiplexer, watch: Watch) {
        self.channel = channel
        self.multiplexer = multiplexer
        self.watch = watch
    }

    static func connect(_ port: Int, tls: NIOSSLContext? = nil) async throws -> H2Client {
        let watch = Watch()
        let (channel, multiplexer) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil)) }
                    var connection = NIOHTTP2Handler.ConnectionConfiguration()
                    connection.headerBlockValidation = .disabled
                    connection.contentLengthValidation = .disabled
                    let handler = NIOHTTP2Handler(
                        mode: .client, eventLoop: channel.eventLoop, connectionConfiguration: connection,
                        streamConfiguration: .init(),
                        inboundStreamInitializer: { $0.eventLoop.makeSucceededVoidFuture() })
                    try pipeline.addHandler(handler)
                    try pipeline.addHandler(watch)
                    return (channel, try handler.syncMultiplexer())
                }
            }
        return H2Client(channel: channel, multiplexer: multiplexer, watch: watch)
    }

    /// Opens a stream with a header block as it is.
    func open(_ fields: [(String, String)], end: Bool = true) async throws -> Stream {
        let handler = Stream.Handler()
        let channel = try await multiplexer.createStreamChannel { channel in channel.pipeline.addHandler(handler) }
            .get()
        let stream = Stream(channel: channel, handler: handler)
        var headers = HPACKHeaders()
        for (name, value) in fields { headers.add(name: name, value: value) }
        channel.writeAndFlush(HTTP2Frame.FramePayload.headers(.init(headers: headers, endStream: end)), promise: nil)
        return stream
    }

    /// Opens so many streams, one after the other, and resets each at once. Nobody waits for it: it ends with the connection.
    func flood(_ number: Int, token: String) {
        guard number > 0, channel.isActive else { return }
        multiplexer.createStreamChannel { $0.eventLoop.makeSucceededVoidFuture() }.whenSuccess { channel in
            let headers: HPACKHeaders = [
                ":method": "GET", ":scheme": "http", ":path": "/raw/\(number)", ":authority": "g",
                "authorization": "Bearer \(token)",
            ]
            channel.write(HTTP2Frame.FramePayload.headers(.init(headers: headers, endStream: true)), promise: nil)
            channel.writeAndFlush(HTTP2Frame.FramePayload.rstStream(.cancel)).whenComplete { _ in
                self.flood(number - 1, token: token)
            }
        }
    }

    /// Opens a stream for a request of the usual kind.
    func request(
        _ method: String, _ path: String, token: String, _ more: [(String, String)] = [], end: Bool = true
    ) async throws -> Stream {
        try await open(
            [
                (":method", method), (":scheme", "http"), (":path", path), (":authority", "g"),
                ("authorization", "Bearer \(token)"),
            ] + more, end: end)
    }
}
