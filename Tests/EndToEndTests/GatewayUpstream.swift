// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle
import Synchronization
import TestSupport

/// An upstream for much: so many zeros with their length announced, a sink, and notes of what it was asked for.
final class BulkUpstream: Service {
    private struct State {
        var sunk: Int64 = 0
        var notes = 0
    }

    private let state = Mutex(State())
    private let listening = Mutex<Int?>(nil)

    /// Bytes that went into the sink.
    var sunk: Int64 { state.withLock { $0.sunk } }
    /// Requests to `/note/…`.
    var notes: Int { state.withLock { $0.notes } }

    /// Waits until it listens.
    func port() async -> Int {
        while true {
            if let port = listening.withLock({ $0 }) { return port }
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    func run() async throws {
        let router = Router()
        router.get("zeros/:count") { _, context in
            let count = try context.parameters.require("count", as: Int.self)
            return Response(
                status: .ok, headers: [.contentType: "application/octet-stream"], body: Self.zeros(count))
        }
        router.put("sink/:name") { [self] request, _ in
            for try await part in request.body {
                let bytes = Int64(part.readableBytes)
                state.withLock { $0.sunk += bytes }
            }
            return HTTPResponse.Status.noContent
        }
        router.get("note/:name") { [self] _, _ in
            state.withLock { $0.notes += 1 }
            return "noted"
        }
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { [weak self] channel in
                self?.listening.withLock { $0 = channel.localAddress?.port ?? 0 }
            }, logger: quiet)
        try await application.run()
    }

    private static func zeros(_ count: Int) -> ResponseBody {
        let chunk = ByteBuffer(repeating: 0, count: 256 << 10)
        return ResponseBody(contentLength: count) { writer in
            var left = count
            while left > 0 {
                let part = left < chunk.readableBytes ? chunk.getSlice(at: 0, length: left) ?? chunk : chunk
                try await writer.write(part)
                left -= part.readableBytes
            }
            try await writer.finish(nil)
        }
    }
}
