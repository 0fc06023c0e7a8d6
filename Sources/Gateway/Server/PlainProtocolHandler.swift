// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Tells HTTP/2 with prior knowledge (RFC 9113 §3.3) from HTTP/1.1 by a plain connection's first bytes, then makes room for the
/// pipeline of that version.
final class PlainProtocolHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias Configure = @Sendable (any Channel) -> EventLoopFuture<Void>

    /// The beginning of the client connection preface; no HTTP/1.1 request begins with it, as PRI is no method.
    private static let preface = Array("PRI * HTTP/2.0\r\n".utf8)

    private let http1: Configure
    private let http2: Configure
    private var waiting: ByteBuffer?
    private var isDecided = false

    init(http1: @escaping Configure, http2: @escaping Configure) {
        self.http1 = http1
        self.http2 = http2
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if waiting == nil { waiting = bytes } else { waiting?.writeBuffer(&bytes) }
        guard !isDecided, let seen = waiting?.readableBytesView else { return }
        let matches = zip(seen, Self.preface).allSatisfy { $0 == $1 }
        if matches && seen.count < Self.preface.count { return }
        isDecided = true
        let channel = context.channel
        let me = NIOLoopBound(self, eventLoop: context.eventLoop)
        (matches ? http2 : http1)(channel).assumeIsolated().whenComplete { result in
            let me = me.value
            switch result {
            case .success:
                if let waiting = me.waiting {
                    me.waiting = nil
                    context.fireChannelRead(me.wrapInboundOut(waiting))
                    context.fireChannelReadComplete()
                }
                channel.pipeline.syncOperations.removeHandler(me, promise: nil)
            case .failure(let error):
                context.fireErrorCaught(error)
                context.close(promise: nil)
            }
        }
    }
}
