// SPDX-License-Identifier: Apache-2.0

import Foundation
import Gateway
import NIOCore
import NIOPosix
import Synchronization

/// An upstream that keeps every byte it was sent and answers as a test says, right or wrong.
final class RawUpstream: Sendable {
    /// What a test does with a request: called on the connection's loop when a request's head, and the body that it declares, is
    /// there; or only the head, when the upstream answers early.
    typealias Answer = @Sendable (Request, Wire) -> Void

    struct Request: Sendable {
        /// From 0, over all connections.
        let number: Int
        let connection: Int
        let head: String
        let body: String
        var line: String { String(head.prefix { $0 != "\r\n" }) }
        /// The values of a field, by its lower-case name.
        func fields(_ name: String) -> [String] {
            head.components(separatedBy: "\r\n").dropFirst().compactMap { line in
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2, parts[0].lowercased() == name else { return nil }
                return parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
    }

    /// The connection to the gateway.
    struct Wire: Sendable {
        let channel: any Channel
        func send(_ text: String) { channel.writeAndFlush(ByteBuffer(string: text), promise: nil) }
        func close() { channel.close(promise: nil) }
        func reset() {
            // Closing with a linger of 0 sends RST.
            (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in
                channel.close(promise: nil)
            }
        }
        func stopReading() { _ = channel.setOption(.autoRead, value: false) }
    }

    static let fine: Answer = { _, wire in wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") }

    private struct State {
        var connections: [[UInt8]] = []
        var requests: [Request] = []
        var closed = 0
        var wires: [Wire] = []
        var answer: Answer
    }

    private let state: Mutex<State>
    private let listener: any Channel
    let port: Int

    private init(listener: any Channel, state: sending State) {
        self.listener = listener
        port = listener.localAddress?.port ?? 0
        self.state = Mutex(state)
    }

    /// Runs `body` with an upstream on a free port.
    ///
    /// - Parameter early: answer when the head is there, and do not read the body as a message.
    static func with(
        early: Bool = false, _ answer: @escaping Answer = RawUpstream.fine,
        _ body: @Sendable (RawUpstream) async throws -> Void
    ) async throws {
        let box = Mutex<RawUpstream?>(nil)
        let holder = Holder()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(holder, early: early))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let upstream = RawUpstream(listener: listener, state: State(answer: answer))
        holder.upstream.withLock { $0 = upstream }
        box.withLock { $0 = upstream }
        let result: Result<Void, any Error>
        do { result = .success(try await body(upstream)) } catch { result = .failure(error) }
        try? await listener.close()
        for wire in upstream.state.withLock({ $0.wires }) { try? await wire.channel.close() }
        try result.get()
    }

    final class Holder: Sendable {
        let upstream = Mutex<RawUpstream?>(nil)
        var value: RawUpstream? { upstream.withLock { $0 } }
    }

    /// What was sent on each connection, byte for byte.
    var received: [String] { state.withLock { $0.connections.map { String(decoding: $0, as: UTF8.self) } } }
    var everything: String { received.joined(separator: "\n====\n") }
    var requests: [Request] { state.withLock { $0.requests } }
    /// Connections that the gateway has closed.
    var closed: Int { state.withLock { $0.closed } }
    var byteCount: Int { state.withLock { $0.connections.reduce(0) { $0 + $1.count } } }
    var wires: [Wire] { state.withLock { $0.wires } }
    func answer(_ answer: @escaping Answer) { state.withLock { $0.answer = answer } }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let holder: Holder
        private let early: Bool
        private var number = -1
        private var rest: [UInt8] = []

        init(_ holder: Holder, early: Bool) {
            self.holder = holder
            self.early = early
        }

        func channelActive(context: ChannelHandlerContext) {
            number =
                holder.value?.state.withLock { state in
                    state.connections.append([])
                    state.wires.append(Wire(channel: context.channel))
                    return state.connections.count - 1
                } ?? -1
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            guard let upstream = holder.value, number >= 0 else { return }
            upstream.state.withLock { state in
                // What is uploaded in bulk is only counted.
                if state.connections[number].count < 4 << 20 { state.connections[number] += bytes }
            }
            if rest.count < 4 << 20 { rest += bytes }
            while let (head, body) = next() {
                let (request, answer) = upstream.state.withLock { state in
                    let request = Request(number: state.requests.count, connection: number, head: head, body: body)
                    state.requests.append(request)
                    return (request, state.answer)
                }
                answer(request, Wire(channel: context.channel))
            }
        }

        /// Takes the next whole message off; nil when there is none yet.
        private func next() -> (head: String, body: String)? {
            let end = Array("\r\n\r\n".utf8)
            guard let at = rest.firstRange(of: end) else { return nil }
            let head = String(decoding: rest[..<at.lowerBound], as: UTF8.self)
            var length = 0
            let folded = head.lowercased()
            if early {
                length = rest.count - at.upperBound
            } else if folded.contains("transfer-encoding:") {
                guard let last = rest[at.upperBound...].firstRange(of: Array("0\r\n\r\n".utf8)) else { return nil }
                length = last.upperBound - at.upperBound
            } else if let line = folded.components(separatedBy: "\r\n").first(where: { $0.hasPrefix("content-length:") }
            ) {
                length = Int(line.dropFirst(15).trimmingCharacters(in: .whitespaces)) ?? 0
            }
            guard rest.count >= at.upperBound + length else { return nil }
            let body = String(decoding: rest[at.upperBound..<at.upperBound + length], as: UTF8.self)
            rest.removeSubrange(..<(at.upperBound + length))
            return (head, body)
        }

        func channelInactive(context: ChannelHandlerContext) {
            holder.value?.state.withLock { $0.closed += 1 }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

extension Stage {
    /// A gateway in front of a raw upstream: everything under `/raw` goes to it, with a credential of its own.
    static func withRaw(
        _ upstream: RawUpstream, policy: String? = nil, more: String = "",
        change: @Sendable (inout GatewaySettings) throws -> Void = { _ in },
        _ body: @Sendable (Stage) async throws -> Void
    ) async throws {
        let secret = FileManager.default.temporaryDirectory.appendingPathComponent("secret-\(UUID().uuidString)").path
        try Stage.upstreamSecret.write(toFile: secret, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: secret) }
        let text = Stage.rawConnections(port: upstream.port, secret: secret, policy: policy, more: more)
        try await Stage.with(connections: { _ in text }, change: change, body)
    }

    static let upstreamSecret = "upstream-secret-0123456789"

    static func rawConnections(port: Int, secret: String, policy: String? = nil, more: String = "") -> String {
        var text = """
            connections:
              - name: raw
                preset: qdrant
                path: /raw
                upstream: http://127.0.0.1:\(port)
                unmatched: other
                credential: { header: api-key, secret: "file:\(secret)" }
            \(more)

            """
        if let policy { text += "    policy: \(policy)\n" }
        return text
    }
}
