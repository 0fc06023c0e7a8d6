// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import Hummingbird
package import Logging
import NIOCore
package import ServiceLifecycle

/// Services on loopback to put a gateway in front of: an embedding service (OpenAI's shape), a vector database (Qdrant's),
/// a model registry (MLflow's artifacts), a corpus in object storage (S3's) and a pipeline's configuration.
package struct LocalUpstream: Service {
    private let logger: Logger
    private let onListening: @Sendable (Int) -> Void

    package init(logger: Logger, onListening: @escaping @Sendable (Int) -> Void) {
        self.logger = logger
        self.onListening = onListening
    }

    /// Bytes of an artifact with a part of its path that begins with `large`.
    package static let largeCheckpoint = 1 << 30
    /// Bytes of every other one.
    package static let smallCheckpoint = 64 << 10

    private struct Query: Decodable {
        var limit: Int?
    }

    private struct Embeddings: Decodable {
        var input: [String]
    }

    package func run() async throws {
        let router = Router()
        router.post("embeddings/v1/embeddings") { request, context in
            let body = try await request.decode(as: Embeddings.self, context: context)
            let data = body.input.indices.map { #"{"object":"embedding","index":\#($0),"embedding":[0.1,0.2,0.3]}"# }
            return Self.json(#"{"object":"list","data":[\#(data.joined(separator: ","))],"model":"demo"}"#)
        }
        router.post("vectors/collections/:collection/points/query") { request, context in
            let body = try await request.decode(as: Query.self, context: context)
            let points = (0..<min(body.limit ?? 10, 10_000)).map { #"{"id":\#($0),"score":0.5}"# }
            return Self.json(#"{"result":{"points":[\#(points.joined(separator: ","))]},"status":"ok","time":0.001}"#)
        }
        router.get("registry/api/2.0/mlflow-artifacts/artifacts/**") { request, _ in
            let isLarge = request.uri.path.split(separator: "/").contains { $0.hasPrefix("large") }
            return Self.bytes(isLarge ? Self.largeCheckpoint : Self.smallCheckpoint)
        }
        router.get("corpus/**") { _, _ in Self.bytes(16 << 10) }
        router.patch("pipeline/config/:name") { _, _ in Self.json(#"{"status":"ok"}"#) }
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { [onListening] channel in onListening(channel.localAddress?.port ?? 0) },
            logger: logger)
        try await application.run()
    }

    private static func json(_ text: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    /// So many bytes, made as they are taken.
    private static func bytes(_ count: Int) -> Response {
        let chunk = ByteBuffer(repeating: 0x47, count: 64 << 10)
        return Response(
            status: .ok, headers: [.contentType: "application/octet-stream"],
            body: ResponseBody(contentLength: count) { writer in
                var left = count
                while left > 0 {
                    var part = chunk
                    if left < part.readableBytes { part = part.getSlice(at: 0, length: left) ?? part }
                    try await writer.write(part)
                    left -= part.readableBytes
                }
                try await writer.finish(nil)
            })
    }
}
