// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP2

/// At the end of an HTTP/2 connection's pipeline: records what a client sent that is not HTTP/2. NIO has refused it by then
/// (RFC 9113 §5.4); a connection that is in error is closed here.
final class HTTP2ErrorHandler: ChannelInboundHandler {
    typealias InboundIn = Never

    /// Events for one connection at most; NIO's own limits end it at some point.
    private static let limit = 16

    private let core: GatewayCore
    private let peer: String
    private var count = 0

    init(core: GatewayCore, peer: String) {
        self.core = core
        self.peer = peer
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A broken socket is no attack.
        if error is any NIOHTTP2Error, count < Self.limit {
            count += 1
            core.recordUnreadable(error: "HTTP/2: \(String(describing: error).limited(256))", peer: peer)
        }
        // NIO has said GOAWAY, and leaves the connection to us.
        if !(error is NIOHTTP2Errors.StreamError) { context.close(promise: nil) }
    }
}
