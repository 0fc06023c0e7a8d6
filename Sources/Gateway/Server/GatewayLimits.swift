// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// What a client may do to the gateway at most. Sizes in bytes.
package struct GatewayLimits: Sendable {
    /// Client connections at once; further ones are closed at once.
    package var connections = 10_000
    /// All header fields of a request together, and one of them.
    package var headers = 64 * 1024
    package var headerField = 32 * 1024
    package var headerFields = 128
    /// The request target.
    package var target = 8 * 1024
    /// HTTP/2 streams of one connection at once.
    package var streams: Int = 128
    /// From the opening of a connection, or the end of the answer before, until a request's head is complete.
    package var headTimeout: TimeAmount = .seconds(60)
    /// Without progress of the request's body.
    package var bodyTimeout: TimeAmount = .seconds(30)
    /// The request's body must arrive at least this fast on average, bytes per second, from `bodyTimeout` on.
    package var bodyRate = 256
    /// Without the client taking anything of the answer.
    package var answerTimeout: TimeAmount = .seconds(60)
    /// A refused request's body is read and dropped up to here, so that the client sees the answer.
    package var refusedBody = 1 << 20
    /// Bodies held for inspection at once, of all requests together; further requests are refused with 503.
    package var inspectedBodies = 256 << 20
    /// `Prefer: wait` is cut to this many seconds.
    package var approvalWait = 300

    package init() {}
}
