// SPDX-License-Identifier: Apache-2.0

import Delivery
package import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// An HTTP receiver of this process, which answers as told and remembers what came.
package final class LocalReceiver: Sendable {
    package struct Request: Sendable {
        package var path: String
        /// Names in lower case.
        package var headers: [String: String]
        package var body: [UInt8]
        package var arrived: Date

        package var id: String { headers[StandardWebhooks.Header.id] ?? "" }
        package var timestamp: String { headers[StandardWebhooks.Header.timestamp] ?? "" }
        package var signature: String { headers[StandardWebhooks.Header.signature] ?? "" }

        /// Checks the signature as of the moment of arrival.
        package func verify(_ secret: String = LocalReceiver.secret) throws {
            try StandardWebhooks(secrets: [WebhookSecret(Secret(secret))]).verify(
                id: id, timestamp: timestamp, signature: signature, body: body,
                nowSeconds: Int64(arrived.timeIntervalSince1970))
        }
    }

    package struct Answer: Sendable {
        var status: Int
        var headers: [String: String]
        var body: String

        package init(status: Int, headers: [String: String] = [:], body: String = "") {
            self.status = status
            self.headers = headers
            self.body = body
        }
    }

    struct NotListening: Error {}

    /// The key that test targets sign with.
    package static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    private let log = Mutex<[Request]>([])
    package let port: Int
    /// All paths are one to it.
    package var url: String { "http://127.0.0.1:\(port)/hook" }
    package var requests: [Request] { log.withLock { $0 } }
    package var ids: [String] { requests.map(\.id) }

    private init(port: Int) { self.port = port }

    /// Runs a receiver while `body` runs, and closes its port then.
    ///
    /// - Parameters:
    ///   - port: 0 for a free one.
    ///   - answer: gets the request and how many of the same id came before it.
    package static func with(
        port: Int = 0,
        _ answer: @escaping @Sendable (Request, Int) async -> Answer = { _, _ in Answer(status: 200) },
        _ body: (LocalReceiver) async throws -> Void
    ) async throws {
        let (ports, found) = AsyncStream<Int>.makeStream()
        let box = Mutex<LocalReceiver?>(nil)
        let router = Router()
        router.post("**") { request, _ -> Response in
            let buffer = try await request.body.collect(upTo: 4 << 20)
            let received = Request(
                path: request.uri.path,
                headers: Dictionary(
                    request.headers.map { ($0.name.canonicalName, $0.value) }, uniquingKeysWith: { $1 }),
                body: Array(buffer.readableBytesView), arrived: Date())
            let before = box.withLock { $0 }?.log.withLock { log in
                defer { log.append(received) }
                return log.count { $0.id == received.id }
            }
            let answer = await answer(received, before ?? 0)
            var headers = HTTPFields()
            for (name, value) in answer.headers { if let name = HTTPField.Name(name) { headers[name] = value } }
            return Response(
                status: .init(code: answer.status), headers: headers,
                body: .init(byteBuffer: ByteBuffer(string: answer.body)))
        }
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { found.yield($0.localAddress?.port ?? 0) }, logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { found.finish() }
                try await application.run()
            }
            defer { group.cancelAll() }
            var iterator = ports.makeAsyncIterator()
            guard let port = await iterator.next() else { throw NotListening() }
            let receiver = LocalReceiver(port: port)
            box.withLock { $0 = receiver }
            try await body(receiver)
        }
    }
}
