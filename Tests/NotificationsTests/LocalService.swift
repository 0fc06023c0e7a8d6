// SPDX-License-Identifier: Apache-2.0
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// An HTTP service on a free port that answers by a rule and remembers what came.
final class LocalService: Sendable {
    struct Request: Sendable {
        var path: String
        var headers: [String: String]
        var body: [UInt8]
    }

    struct Answer: Sendable {
        var status: Int
        var body = ""
        var retryAfter: String?

        init(_ status: Int, _ body: String = "", retryAfter: String? = nil) {
            self.status = status
            self.body = body
            self.retryAfter = retryAfter
        }

        init(_ answer: ServiceRules.Answer) { self.init(answer.status, answer.body) }
    }

    private let log = Mutex<[Request]>([])
    let url: String

    var requests: [Request] { log.withLock { $0 } }

    private init(url: String) { self.url = url }

    static func with(
        _ answer: @escaping @Sendable (Request) -> Answer, _ body: @Sendable (LocalService) async throws -> Void
    ) async throws {
        let (ports, found) = AsyncStream<Int>.makeStream()
        let box = Mutex<LocalService?>(nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let router = Router()
            router.post("**") { request, _ -> Response in
                let buffer = try await request.body.collect(upTo: 4 << 20)
                let headers = request.headers.map { ($0.name.canonicalName, $0.value) }
                let received = Request(
                    path: request.uri.path, headers: Dictionary(headers, uniquingKeysWith: { $1 }),
                    body: Array(buffer.readableBytesView))
                box.withLock { $0 }?.log.withLock { $0.append(received) }
                let answer = answer(received)
                var fields = HTTPFields()
                if let retryAfter = answer.retryAfter { fields[.retryAfter] = retryAfter }
                return Response(
                    status: .init(code: answer.status), headers: fields,
                    body: .init(byteBuffer: ByteBuffer(string: answer.body)))
            }
            let application = Application(
                router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
                onServerRunning: { found.yield($0.localAddress?.port ?? 0) }, logger: quiet)
            group.addTask { try await application.run() }
            var iterator = ports.makeAsyncIterator()
            let port = await iterator.next() ?? 0
            let service = LocalService(url: "http://127.0.0.1:\(port)/services/T/B/X")
            box.withLock { $0 = service }
            do {
                try await body(service)
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
    }
}

extension HTTPField.Name {
    fileprivate static var retryAfter: Self { .init("retry-after") ?? .age }
}
