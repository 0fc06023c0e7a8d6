// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
package import NIOCore
import NIOExtras
import NIOHTTP1
import NIOHTTP2
import NIOPosix
package import NIOSSL
import NIOTLS
import ServerTLS
import Synchronization

/// Where clients connect.
package struct ListenSettings: Sendable {
    package var host: String
    /// 0 lets the system choose.
    package var port: Int
    /// Nil speaks plain text (HTTP/1.1, and HTTP/2 with prior knowledge): for local use, or behind something that ends TLS.
    package var tls: NIOSSLContext?
    /// How long running exchanges may go on after SIGTERM.
    package var drain: TimeAmount = .seconds(30)

    package init(host: String, port: Int, tls: NIOSSLContext? = nil) {
        self.host = host
        self.port = port
        self.tls = tls
    }

    /// A server's TLS: TLS 1.2 or later, `h2` and `http/1.1` by ALPN.
    ///
    /// - Throws: NIOSSL's error when a file cannot be read.
    package static func tls(certificateChainFile: String, privateKeyFile: String) throws -> NIOSSLContext {
        try NIOSSLContext(
            configuration: ServerTLS.configuration(
                certificateChainFile: certificateChainFile, privateKeyFile: privateKeyFile,
                protocols: ["h2", "http/1.1"]))
    }
}

/// Accepts connections and gives each HTTP/1.1 connection or HTTP/2 stream a `ProxyHandler`.
struct GatewayServer {
    let core: GatewayCore
    let settings: ListenSettings

    /// Serves until `stop` returns, then lets running exchanges end.
    ///
    /// - Throws: an `IOError` when the address cannot be bound.
    func run(onListening: @Sendable (Int) -> Void, until stop: () async -> Void) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let workers = GatewayWorkers(core: core, group: group)
        core.attach(workers)
        let quiescing = ServerQuiescingHelper(group: group)
        let open = OpenConnections()
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        quiescing.makeServerChannelHandler(channel: channel))
                }
            }
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024))
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: 65536)
            )
            .childChannelInitializer { channel in
                guard open.insert(channel, limit: core.limits.connections) else {
                    core.metrics.refused("connections")
                    return channel.close()
                }
                channel.closeFuture.whenComplete { _ in open.remove(channel) }
                return initialize(channel, workers: workers)
            }
        let listener = try await bootstrap.bind(host: settings.host, port: settings.port).get()
        let port = listener.localAddress?.port ?? settings.port
        core.logger.info("the gateway listens on \(settings.host):\(port)\(settings.tls == nil ? "" : " with TLS")")
        onListening(port)
        await stop()
        core.logger.info("the gateway takes no new connections and lets \(open.count) end")
        let deadline = listener.eventLoop.scheduleTask(in: settings.drain) {
            core.logger.warning("\(open.count) connections had not ended in time and are closed")
            open.closeAll()
        }
        let quiesced = listener.eventLoop.makePromise(of: Void.self)
        quiescing.initiateShutdown(promise: quiesced)
        workers.endWaiting()
        try? await quiesced.futureResult.get()
        deadline.cancel()
        await workers.shutDown()
    }

    // MARK: Pipelines

    private func initialize(_ channel: any Channel, workers: GatewayWorkers) -> EventLoopFuture<Void> {
        let peer = channel.remoteAddress?.ipAddress ?? "unknown"
        let timeout = core.limits.headTimeout
        let http1: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
            UndecidedConnectionHandler.decided(channel)
            return Self.http1(channel, workers, peer)
        }
        let http2: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
            UndecidedConnectionHandler.decided(channel)
            return Self.http2(channel, workers, peer)
        }
        if let tls = settings.tls {
            return channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(UndecidedConnectionHandler(timeout: timeout))
                try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
            }.flatMap {
                channel.configureHTTP2SecureUpgrade(h2ChannelConfigurator: http2, http1ChannelConfigurator: http1)
            }
        }
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(UndecidedConnectionHandler(timeout: timeout))
            try channel.pipeline.syncOperations.addHandler(PlainProtocolHandler(http1: http1, http2: http2))
        }
    }

    private static func http1(_ channel: any Channel, _ workers: GatewayWorkers, _ peer: String) -> EventLoopFuture<
        Void
    > {
        channel.eventLoop.makeCompletedFuture {
            let worker = try workers.worker(on: channel.eventLoop)
            var encoder = HTTPResponseEncoder.Configuration()
            encoder.automaticallySetFramingHeaders = false
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = worker.core.limits.headerField
            limits.maxHeaderListSize = worker.core.limits.headers
            limits.maxHeaderFieldCount = worker.core.limits.headerFields
            let pipeline = channel.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: true, withErrorHandling: false, withOutboundHeaderValidation: true,
                withEncoderConfiguration: encoder, withDecoderLimitConfiguration: limits)
            try pipeline.addHandler(ProxyHandler(worker: worker, peer: peer, isHTTP2: false))
        }
    }

    private static func http2(_ channel: any Channel, _ workers: GatewayWorkers, _ peer: String) -> EventLoopFuture<
        Void
    > {
        channel.eventLoop.makeCompletedFuture {
            let worker = try workers.worker(on: channel.eventLoop)
            var connection = NIOHTTP2Handler.ConnectionConfiguration()
            connection.initialSettings = [
                HTTP2Setting(parameter: .maxConcurrentStreams, value: worker.core.limits.streams),
                HTTP2Setting(parameter: .maxHeaderListSize, value: worker.core.limits.headers),
                HTTP2Setting(parameter: .initialWindowSize, value: 256 * 1024),
            ]
            connection.targetWindowSize = 1 << 20
            var stream = NIOHTTP2Handler.StreamConfiguration()
            stream.targetWindowSize = 256 * 1024
            let management = NIOHTTP2ServerConnectionManagementHandler(
                eventLoop: channel.eventLoop,
                configuration: .init(
                    maxIdleTime: worker.core.limits.headTimeout, maxAge: nil, maxGraceTime: .seconds(30), keepalive: nil
                ))
            _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
                mode: .server, connectionConfiguration: connection, streamConfiguration: stream,
                streamDelegate: management.http2StreamDelegate
            ) { stream in
                stream.eventLoop.makeCompletedFuture {
                    let pipeline = stream.pipeline.syncOperations
                    try pipeline.addHandler(HTTP2StreamStopper())
                    try pipeline.addHandler(HTTP2FramePayloadToHTTP1ServerCodec())
                    try pipeline.addHandler(
                        ProxyHandler(worker: try workers.worker(on: stream.eventLoop), peer: peer, isHTTP2: true))
                }
            }
            try channel.pipeline.syncOperations.addHandler(management)
            try channel.pipeline.syncOperations.addHandler(HTTP2ErrorHandler(core: worker.core, peer: peer))
        }
    }
}
