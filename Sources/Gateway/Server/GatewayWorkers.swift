// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// What one event loop owns: the connections to upstreams and the exchanges that run. Touched on that loop only.
final class GatewayWorker {
    let core: GatewayCore
    let eventLoop: any EventLoop
    let pool: UpstreamPool
    /// Forwarded and not yet answered in full.
    var running = ExchangeSet()
    /// Waiting for an approval.
    var waiting = ExchangeSet()

    init(core: GatewayCore, eventLoop: any EventLoop) {
        self.core = core
        self.eventLoop = eventLoop
        pool = UpstreamPool(eventLoop: eventLoop)
    }
}

/// Exchanges of one loop.
struct ExchangeSet {
    private var exchanges: [ObjectIdentifier: Exchange] = [:]

    var count: Int { exchanges.count }
    mutating func insert(_ exchange: Exchange) { exchanges[ObjectIdentifier(exchange)] = exchange }
    mutating func remove(_ exchange: Exchange) { exchanges[ObjectIdentifier(exchange)] = nil }
    var all: [Exchange] { Array(exchanges.values) }
}

/// The workers of all event loops.
final class GatewayWorkers: Sendable {
    private let workers: [ObjectIdentifier: NIOLoopBoundBox<GatewayWorker>]
    private let loops: [any EventLoop]

    init(core: GatewayCore, group: any EventLoopGroup) {
        var workers: [ObjectIdentifier: NIOLoopBoundBox<GatewayWorker>] = [:]
        var loops: [any EventLoop] = []
        for loop in group.makeIterator() {
            loops.append(loop)
            workers[ObjectIdentifier(loop)] = NIOLoopBoundBox.makeBoxSendingValue(
                GatewayWorker(core: core, eventLoop: loop), eventLoop: loop)
        }
        self.workers = workers
        self.loops = loops
    }

    /// The worker of the loop that calls.
    ///
    /// - Throws: `UnknownLoop` for a loop of another group.
    func worker(on loop: any EventLoop) throws -> GatewayWorker {
        guard let worker = workers[ObjectIdentifier(loop)] else { throw UnknownLoop() }
        return worker.value
    }

    struct UnknownLoop: Error {}

    /// Judges every running exchange again, on its own loop: an order has come into force.
    func reviewRunning() {
        for loop in loops {
            loop.execute {
                guard let worker = try? self.worker(on: loop) else { return }
                for exchange in worker.running.all + worker.waiting.all { exchange.review() }
            }
        }
    }

    /// Has every exchange that waits for an approval look again, on its own loop.
    func reviewWaiting() {
        for loop in loops {
            loop.execute {
                guard let worker = try? self.worker(on: loop) else { return }
                for exchange in worker.waiting.all { exchange.reviewApproval() }
            }
        }
    }

    /// Has every exchange that waits for an approval end, on its own loop: they could wait longer than the gateway may.
    func endWaiting() {
        for loop in loops {
            loop.execute {
                guard let worker = try? self.worker(on: loop) else { return }
                for exchange in worker.waiting.all { exchange.endWaiting() }
            }
        }
    }

    func shutDown() async {
        for loop in loops {
            try? await loop.submit { try self.worker(on: loop).pool.shutDown() }.get()
        }
    }
}
