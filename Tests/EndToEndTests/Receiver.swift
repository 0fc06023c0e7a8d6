// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TestSupport

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
    private let local = Mutex<LocalReceiver?>(nil)

    var url: String { local.withLock { $0?.url ?? "" } }
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
        try await LocalReceiver.with { request, _ in
            let arrival: Arrival
            do {
                try request.verify()
                arrival = Arrival(id: request.id, body: request.body, finding: try Finding(webhook: request.body))
            } catch {
                receiver.state.withLock { $0.refusals.append("\(error)") }
                return .init(status: 400)
            }
            let before = receiver.state.withLock { state in
                defer { state.arrivals.append(arrival) }
                return state.arrivals.count { $0.id == arrival.id }
            }
            return .init(status: await answer(arrival, before))
        } _: { local in
            receiver.local.withLock { $0 = local }
            try await body(receiver)
        }
    }
}
