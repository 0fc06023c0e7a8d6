// SPDX-License-Identifier: Apache-2.0
import Delivery
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// A webhook receiver on a free port, which answers as told and remembers what came.
final class Receiver: Sendable {
    struct Request: Sendable {
        var path: String
        var id: String
        var timestamp: String
        var signature: String
        var body: [UInt8]
        var arrived: Date

        /// Checks the signature as of the moment of arrival.
        func verify(_ secret: String = secretText) throws {
            try StandardWebhooks(secrets: [WebhookSecret(Secret(secret))]).verify(
                id: id, timestamp: timestamp, signature: signature, body: body,
                nowSeconds: Int64(arrived.timeIntervalSince1970))
        }
    }

    struct Answer: Sendable {
        var status: Int
        var headers: [String: String] = [:]
        var body = ""
    }

    private let log = Mutex<[Request]>([])
    let url: String
    var port: Int { URL(string: url)?.port ?? 0 }

    var requests: [Request] { log.withLock { $0 } }
    var ids: [String] { requests.map(\.id) }

    private init(url: String) { self.url = url }

    /// Runs a receiver while `body` runs. `answer` gets the request and how many of the same id came before it.
    ///
    /// - Parameter port: 0 for a free one.
    static func with(
        port: Int = 0,
        _ answer: @escaping @Sendable (Request, Int) async -> Answer = { _, _ in Answer(status: 200) },
        _ body: @Sendable (Receiver) async throws -> Void
    ) async throws {
        let (ports, found) = AsyncStream<Int>.makeStream()
        let box = Mutex<Receiver?>(nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let router = Router()
            router.post("**") { request, _ -> Response in
                let buffer = try await request.body.collect(upTo: 4 << 20)
                func header(_ name: String) -> String { HTTPField.Name(name).flatMap { request.headers[$0] } ?? "" }
                let received = Request(
                    path: request.uri.path, id: header("webhook-id"), timestamp: header("webhook-timestamp"),
                    signature: header("webhook-signature"), body: Array(buffer.readableBytesView), arrived: Date())
                let before = box.withLock { $0 }?.log.withLock { log in
                    defer { log.append(received) }
                    return log.filter { $0.id == received.id }.count
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
            group.addTask { try await application.run() }
            var iterator = ports.makeAsyncIterator()
            let port = await iterator.next() ?? 0
            let receiver = Receiver(url: "http://127.0.0.1:\(port)/hook")
            box.withLock { $0 = receiver }
            do {
                try await body(receiver)
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
    }
}
