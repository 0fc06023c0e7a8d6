// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP2

/// Says, behind a whole answer, that the rest of the request is not wanted: RST_STREAM with NO_ERROR (RFC 9113 §8.1). Closing the stream
/// would say CANCEL, upon which clients drop the answer. Nearer to the connection than the codec.
final class HTTP2StreamStopper: ChannelOutboundHandler {
    typealias OutboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// Triggered outbound by who has written the answer's end.
    struct Stop {}

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is Stop else { return context.triggerUserOutboundEvent(event, promise: promise) }
        context.writeAndFlush(wrapOutboundOut(.rstStream(.noError)), promise: promise)
    }
}
