// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The connections of one event loop to the upstreams. Everything happens on that loop, so a request never changes threads.
///
/// AsyncHTTPClient was not taken here: it forwards a parsed URL, where the data path must forward the bytes of the target
/// that were judged; and a request of ours stays on the loop of its client.
final class UpstreamPool {
    enum Failure: Error, CustomStringConvertible {
        case tooManyConnections(Int)
        case closed

        var description: String {
            switch self {
            case .tooManyConnections(let count): "all \(count) connections to the upstream are in use"
            case .closed: "the upstream closed the connection"
            }
        }
    }

    private struct Entry {
        var idle: [UpstreamConnection] = []
        var open = 0
    }

    let eventLoop: any EventLoop
    private var entries: [String: Entry] = [:]
    private var isShutDown = false

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// A connection that waited, the one used last; nil when there is none.
    func takeIdle(_ upstream: Upstream) -> UpstreamConnection? {
        eventLoop.assertInEventLoop()
        while let connection = entries[upstream.poolKey]?.idle.popLast() {
            if connection.isUsable { return connection }
        }
        return nil
    }

    /// Opens a new connection.
    func connect(_ upstream: Upstream) -> EventLoopFuture<UpstreamConnection> {
        eventLoop.assertInEventLoop()
        let key = upstream.poolKey
        let open = entries[key]?.open ?? 0
        guard open < upstream.maximumConnections else {
            return eventLoop.makeFailedFuture(Failure.tooManyConnections(open))
        }
        entries[key, default: Entry()].open += 1
        let connection = NIOLoopBound(UpstreamConnection(pool: self, upstream: upstream), eventLoop: eventLoop)
        let future = ClientBootstrap(group: eventLoop)
            .connectTimeout(upstream.connectTimeout)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelOption(.writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024))
            .channelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: 65536)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls = upstream.tls {
                        // A name in the certificate can only be compared with a name.
                        let isAddress = (try? SocketAddress(ipAddress: upstream.host, port: 0)) != nil
                        try pipeline.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : upstream.host))
                    }
                    var encoder = HTTPRequestEncoder.Configuration()
                    encoder.automaticallySetFramingHeaders = false
                    var limits = NIOHTTPDecoderLimitConfiguration()
                    limits.maxHeaderListSize = 128 * 1024
                    try pipeline.addHTTPClientHandlers(
                        encoderConfiguration: encoder, decoderLimitConfiguration: limits, withClientUpgrade: nil)
                    try pipeline.addHandler(connection.value)
                }
            }
            .connect(host: upstream.host, port: upstream.port)
        let pool = NIOLoopBound(self, eventLoop: eventLoop)
        future.whenFailure { _ in pool.value.closed(key) }
        return future.map { channel in
            let pool = pool.value
            channel.closeFuture.assumeIsolated().whenComplete { _ in pool.closed(key) }
            return connection.value
        }
    }

    /// Takes a connection back whose exchange is over.
    func giveBack(_ connection: UpstreamConnection) {
        guard !isShutDown, connection.isUsable else { return connection.close() }
        entries[connection.upstream.poolKey, default: Entry()].idle.append(connection)
    }

    func forget(_ connection: UpstreamConnection) {
        entries[connection.upstream.poolKey]?.idle.removeAll { $0 === connection }
    }

    private func closed(_ key: String) {
        entries[key]?.open -= 1
    }

    /// Closes what waits; what is in use closes when it is given back.
    func shutDown() {
        isShutDown = true
        let idle = entries.values.flatMap(\.idle)
        for key in entries.keys { entries[key]?.idle = [] }
        for connection in idle { connection.close() }
    }
}
