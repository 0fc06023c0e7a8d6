// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// A webhook receiver on a free port of this process. It checks every signature and keeps every delivery, repeats too.
final class Receiver: Sendable {
    struct Arrival: Sendable {
        let id: String
        let body: [UInt8]
        let finding: Finding
    }

    private struct State {
        var arrivals: [Arrival] = []
        var refusals: [String] = []
    }

    private let state = Mutex(State())
    private let port: Mutex<Int> = Mutex(0)

    var url: String { "http://127.0.0.1:\(port.withLock { $0 })/hook" }
    var arrivals: [Arrival] { state.withLock { $0.arrivals } }
    /// Why deliveries were not accepted.
    var refusals: [String] { state.withLock { $0.refusals } }
    var findings: Set<Finding> { Set(arrivals.map(\.finding)) }

    /// Runs a receiver while `body` runs. `answer` gives the HTTP status, knowing how often the same id came before.
    static func with(
        _ answer: @escaping @Sendable (Arrival, Int) async -> Int = { _, _ in 204 },
        _ body: (Receiver) async throws -> Void
    ) async throws {
        let receiver = Receiver()
        let (ports, found) = AsyncStream<Int>.makeStream()
        let application = receiver.application(answer) { found.yield($0) }
        let server = Task { try await application.run() }
        defer { server.cancel() }
        var iterator = ports.makeAsyncIterator()
        let number = await iterator.next() ?? 0
        receiver.port.withLock { $0 = number }
        try await body(receiver)
    }

    private func application(
        _ answer: @escaping @Sendable (Arrival, Int) async -> Int, _ onListening: @escaping @Sendable (Int) -> Void
    ) -> some ApplicationProtocol {
        let router = Router()
        router.post("hook") { [self] request, _ -> HTTPResponse.Status in
            let body = try await Array(request.body.collect(upTo: 4 << 20).readableBytesView)
            func header(_ name: String) -> String { HTTPField.Name(name).flatMap { request.headers[$0] } ?? "" }
            let arrival: Arrival
            do {
                try StandardWebhooks(secrets: [WebhookSecret(Secret(Stage.secret))]).verify(
                    id: header(StandardWebhooks.Header.id), timestamp: header(StandardWebhooks.Header.timestamp),
                    signature: header(StandardWebhooks.Header.signature), body: body,
                    nowSeconds: Int64(Date().timeIntervalSince1970))
                arrival = Arrival(
                    id: header(StandardWebhooks.Header.id), body: body, finding: try Finding(webhook: body))
            } catch {
                state.withLock { $0.refusals.append("\(error)") }
                return .badRequest
            }
            let before = state.withLock { state in
                defer { state.arrivals.append(arrival) }
                return state.arrivals.count { $0.id == arrival.id }
            }
            return .init(code: await answer(arrival, before))
        }
        return Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { onListening($0.localAddress?.port ?? 0) }, logger: quiet)
    }
}
