// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Who is told of an answer. All calls come on the connection's event loop.
protocol UpstreamResponseReceiver: AnyObject {
    func upstreamHead(_ head: HTTPResponseHead)
    func upstreamBody(_ bytes: ByteBuffer)
    func upstreamEnd(_ trailers: HTTPHeaders?)
    /// The answer will not be completed. Told once, and nothing after it.
    func upstreamFailed(_ error: any Error, answerHadBegun: Bool)
    /// A batch of the answer has been told.
    func upstreamReadComplete()
    func upstreamBecameWritable()
    /// Bytes of the answer wait to be read; false holds them back until `resumeReading`.
    var mayRead: Bool { get }
}

/// One HTTP/1.1 connection to an upstream, one exchange at a time.
final class UpstreamConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    struct Timeout: Error, CustomStringConvertible {
        let after: TimeAmount
        var description: String { "the upstream was silent for \(after.nanoseconds / 1_000_000) ms" }
    }

    let upstream: Upstream
    /// Whether an exchange was completed on it before: the upstream may have closed it in the meantime.
    private(set) var wasUsed = false
    /// Weak: with TLS a connection may close after the gateway has ended.
    private weak var pool: UpstreamPool?
    private var context: ChannelHandlerContext?
    private weak var receiver: (any UpstreamResponseReceiver)?
    private var answerHasBegun = false
    private var answerIsComplete = false
    private var requestIsComplete = false
    private var closesAfterwards = false
    private var heldRead = false
    private var lastActivity = NIODeadline.now()
    private var timer: RepeatedTask?

    init(pool: UpstreamPool, upstream: Upstream) {
        self.pool = pool
        self.upstream = upstream
    }

    var isUsable: Bool { context?.channel.isActive == true && receiver == nil }
    var isWritable: Bool { context?.channel.isWritable == true }

    // MARK: Sending

    /// Begins an exchange.
    func send(_ head: HTTPRequestHead, for receiver: any UpstreamResponseReceiver) {
        self.receiver = receiver
        answerHasBegun = false
        answerIsComplete = false
        requestIsComplete = false
        closesAfterwards = false
        lastActivity = .now()
        context?.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    func send(_ bytes: ByteBuffer) {
        // Behind the end of a request, bytes would be another one.
        guard !requestIsComplete else { return }
        lastActivity = .now()
        context?.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
    }

    func sendEnd(_ trailers: HTTPHeaders?) {
        guard !requestIsComplete else { return }
        requestIsComplete = true
        lastActivity = .now()
        context?.writeAndFlush(wrapOutboundOut(.end(trailers)), promise: nil)
        finishIfComplete()
    }

    func flush() { context?.flush() }

    /// The receiver may take more.
    func resumeReading() {
        guard heldRead, let context else { return }
        heldRead = false
        context.read()
    }

    /// Ends the exchange without its answer. The connection cannot be used again.
    func abandon() {
        receiver = nil
        close()
    }

    func close() {
        context?.close(promise: nil)
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        startWatching(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
    }

    func read(context: ChannelHandlerContext) {
        if let receiver, !receiver.mayRead {
            heldRead = true
        } else {
            context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastActivity = .now()
        guard let receiver else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            answerHasBegun = true
            closesAfterwards = !head.isKeepAlive
            receiver.upstreamHead(head)
        case .body(let bytes):
            receiver.upstreamBody(bytes)
        case .end(let trailers):
            answerIsComplete = true
            receiver.upstreamEnd(trailers)
            finishIfComplete()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        receiver?.upstreamReadComplete()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { receiver?.upstreamBecameWritable() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(UpstreamPool.Failure.closed)
        pool?.forget(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error)
        context.close(promise: nil)
    }

    private func finishIfComplete() {
        guard answerIsComplete, receiver != nil else { return }
        receiver = nil
        // An answer before the end of the request: what is left of the request has nowhere to go.
        if !requestIsComplete || closesAfterwards { return close() }
        wasUsed = true
        lastActivity = .now()
        if let pool { pool.giveBack(self) } else { close() }
    }

    private func fail(_ error: any Error) {
        guard let receiver else { return }
        self.receiver = nil
        receiver.upstreamFailed(error, answerHadBegun: answerHasBegun)
    }

    /// One timer for a connection's life watches the silence within exchanges and between them.
    private func startWatching(_ context: ChannelHandlerContext) {
        let shortest = min(upstream.readTimeout, upstream.idleTimeout)
        let interval = TimeAmount.nanoseconds(min(max(shortest.nanoseconds / 4, 20_000_000), 5_000_000_000))
        let me = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in me.value.check()
        }
    }

    private func check() {
        let silent = NIODeadline.now() - lastActivity
        if receiver == nil {
            if silent >= upstream.idleTimeout { close() }
        } else if heldRead {
            // A client that takes nothing is not the upstream's silence.
            lastActivity = .now()
        } else if silent >= upstream.readTimeout {
            fail(Timeout(after: upstream.readTimeout))
            close()
        }
    }
}
