// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOHTTP1
import NIOHTTP2

/// The client's side of exchanges: one per HTTP/1.1 connection or HTTP/2 stream. It hands each request to an `Exchange` and
/// does what that says; it holds reading back while the exchange cannot take more, and ends what a slow client keeps open.
final class ProxyHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let worker: GatewayWorker
    private let isHTTP2: Bool
    private let peer: String
    private var context: ChannelHandlerContext?
    private var exchange: Exchange?
    /// The request's end has been read.
    private var requestIsComplete = true
    /// The answer's end has been written.
    private var answerIsComplete = true
    private var heldRead = false
    private var closesAfterAnswer = false
    /// The connection is about to be closed: what comes now is not a request any more.
    private var isClosing = false
    /// The answer has no length of its own.
    private var endsByClosing = false
    private var droppedBytes = 0
    private var bodyBytes = 0
    private var headAt = NIODeadline.now()
    private var answeredAt = NIODeadline.now()
    /// Since when, and how long in all, the request's body was held back: that is not the client's slowness.
    private var heldAt: NIODeadline?
    private var heldTime = TimeAmount.zero
    private var lastRead = NIODeadline.now()
    private var lastWrite = NIODeadline.now()
    private var timer: RepeatedTask?

    init(worker: GatewayWorker, peer: String, isHTTP2: Bool) {
        self.worker = worker
        self.peer = peer
        self.isHTTP2 = isHTTP2
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let limits = worker.core.limits
        let shortest = min(limits.headTimeout, limits.bodyTimeout, limits.answerTimeout)
        let interval = TimeAmount.nanoseconds(min(max(shortest.nanoseconds / 4, 20_000_000), 5_000_000_000))
        let me = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in me.value.check()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
    }

    func read(context: ChannelHandlerContext) {
        if let exchange, !requestIsComplete, !exchange.takesMoreBody {
            heldRead = true
            if heldAt == nil { heldAt = .now() }
        } else {
            context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // The parser may be in the middle of a read that began before the connection was given up.
        guard !isClosing || !requestIsComplete else { return }
        lastRead = .now()
        switch unwrapInboundIn(data) {
        case .head(let head):
            requestIsComplete = false
            answerIsComplete = false
            // After an upgrade (that is never granted) or CONNECT the parser takes what follows for another protocol.
            closesAfterAnswer =
                !head.isKeepAlive || !isHTTP2 && (head.method == .CONNECT || head.headers.contains(name: "upgrade"))
            droppedBytes = 0
            bodyBytes = 0
            headAt = lastRead
            heldAt = nil
            heldTime = .zero
            let exchange = Exchange(worker: worker, client: self, head: head, peer: peer, isHTTP2: isHTTP2)
            self.exchange = exchange
            exchange.begin()
        case .body(let bytes):
            bodyBytes += bytes.readableBytes
            if let exchange, !answerIsComplete {
                exchange.requestBody(bytes)
            } else {
                drop(bytes.readableBytes)
            }
        case .end(let trailers):
            requestIsComplete = true
            if let exchange, !answerIsComplete { exchange.requestEnd(trailers) }
            closeIfDone()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        lastWrite = .now()
        if context.channel.isWritable { exchange?.clientBecameWritable() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? HTTPParserError {
            // What follows a last request does not matter; its answer is on its way, and the connection closes behind it.
            if isClosing, requestIsComplete { return }
            if let exchange, !answerIsComplete {
                // What is not HTTP is in the body of a request that is known.
                closesAfterAnswer = true
                requestIsComplete = true
                exchange.clientSentGarbage("\(error)")
                return
            } else if requestIsComplete {
                return refuseUnreadable(error, context)
            }
        }
        isClosing = true
        leave()
        context.close(promise: nil)
    }

    /// Answers bytes that are no request.
    private func refuseUnreadable(_ error: HTTPParserError, _ context: ChannelHandlerContext) {
        let isTooLarge = error == .headerOverflow
        let uid = worker.core.recordUnreadable(error: "\(error)", peer: peer, status: isTooLarge ? 431 : 400)
        isClosing = true
        let problem = Problem(
            kind: "bad-request", status: isTooLarge ? .requestHeaderFieldsTooLarge : .badRequest,
            title: "The request is not accepted", detail: "The request is not HTTP: \(error)", instance: uid)
        let body = problem.body
        var head = HTTPResponseHead(
            version: .http1_1, status: problem.status, headers: problem.headers(length: body.count))
        head.headers.add(name: "connection", value: "close")
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }

    private func leave() {
        let exchange = exchange
        self.exchange = nil
        if !answerIsComplete {
            answerIsComplete = true
            exchange?.clientLeft()
        }
    }

    // MARK: For the exchange

    var eventLoop: any EventLoop { worker.eventLoop }
    var isWritable: Bool { context?.channel.isWritable == true }
    /// Whether the request's body is still coming.
    var bodyIsComing: Bool { !requestIsComplete }

    func writeContinue() {
        guard let context else { return }
        context.writeAndFlush(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
    }

    func write(_ head: HTTPResponseHead, closes: Bool) {
        guard let context else { return }
        var head = head
        if closes { closesAfterAnswer = true }
        endsByClosing =
            !isHTTP2 && !head.headers.contains(name: "content-length")
            && !head.headers.contains(name: "transfer-encoding")
        if closesAfterAnswer && !isHTTP2 { head.headers.replaceOrAdd(name: "connection", value: "close") }
        lastWrite = .now()
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    func write(_ bytes: ByteBuffer) {
        context?.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
    }

    func flush() { context?.flush() }

    func writeEnd(_ trailers: HTTPHeaders?) {
        answerIsComplete = true
        exchange = nil
        guard let context else { return }
        lastRead = .now()
        answeredAt = lastRead
        if closesAfterAnswer && !isHTTP2 { isClosing = true }
        if closesAfterAnswer && requestIsComplete && !isHTTP2 {
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(.end(trailers))).assumeIsolated().whenComplete { _ in
                channel.close(mode: .all, promise: nil)
            }
        } else {
            context.writeAndFlush(wrapOutboundOut(.end(trailers)), promise: nil)
            // Reads on for a while, so that the answer is not lost in a reset.
            if !requestIsComplete { resumeReading() }
        }
    }

    /// Ends the exchange so that the client cannot take the answer for complete.
    func abort() {
        answerIsComplete = true
        isClosing = true
        exchange = nil
        guard let context else { return }
        if endsByClosing, let socket = context.channel as? any SocketOptionProvider {
            // The end of the connection is the end of this answer; a reset says that it is not.
            let channel = context.channel
            socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
        } else {
            context.flush()
            context.close(promise: nil)
        }
    }

    func resumeReading() {
        guard heldRead, let context else { return }
        heldRead = false
        lastRead = .now()
        if let heldAt { heldTime = heldTime + (lastRead - heldAt) }
        heldAt = nil
        context.read()
    }

    // MARK: Limits

    private func drop(_ count: Int) {
        droppedBytes += count
        guard droppedBytes > worker.core.limits.refusedBody, let context else { return }
        if isHTTP2 {
            isClosing = true
            requestIsComplete = true
            context.triggerUserOutboundEvent(HTTP2StreamStopper.Stop(), promise: nil)
        } else {
            context.close(promise: nil)
        }
    }

    private func closeIfDone() {
        if answerIsComplete && requestIsComplete && closesAfterAnswer && !isHTTP2 { context?.close(promise: nil) }
    }

    private func check() {
        guard let context else { return }
        let limits = worker.core.limits
        let now = NIODeadline.now()
        if exchange == nil {
            // Between requests, within a head that does not end, or reading what a refused request still sends.
            if !isHTTP2, now - lastRead >= limits.headTimeout { context.close(promise: nil) }
            if !requestIsComplete, now - answeredAt >= limits.bodyTimeout { context.close(promise: nil) }
        } else if !requestIsComplete, exchange?.takesMoreBody == true {
            let elapsed = now - headAt - heldTime
            let expected = Double(limits.bodyRate) * Double(elapsed.nanoseconds) / 1e9
            if now - lastRead >= limits.bodyTimeout
                || elapsed >= limits.bodyTimeout && Double(bodyBytes) < expected
            {
                exchange?.clientIsTooSlow()
            }
        } else if !context.channel.isWritable, now - lastWrite >= limits.answerTimeout {
            exchange?.clientIsTooSlow()
        }
    }
}
