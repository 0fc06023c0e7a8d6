// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Watches a connection until its protocol is known, when nothing else does: one that says nothing is closed after a while, and at once
/// when the gateway is about to stop.
final class UndecidedConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private let timeout: TimeAmount
    private var isDecided = false
    private var silence: Scheduled<Void>?

    init(timeout: TimeAmount) {
        self.timeout = timeout
    }

    /// The protocol of a connection is known. On its event loop.
    static func decided(_ channel: any Channel) {
        guard let handler = try? channel.pipeline.syncOperations.handler(type: UndecidedConnectionHandler.self) else {
            return
        }
        handler.isDecided = true
        handler.silence?.cancel()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        silence = context.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { silence?.cancel() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if !isDecided, event is ChannelShouldQuiesceEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
