// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Logging
import Synchronization

/// Reads the topics of orders and approvals from their beginning and goes on reading, on a thread of its own.
final class ControlFollower: Sendable {
    private struct State {
        var isStopped = false
        var isCaughtUp = false
        var lastError: String?
        /// What is to be done between two batches.
        var errands: [@Sendable () -> Void] = []
    }

    private let core: GatewayCore
    private let properties: KafkaProperties
    private let topics: Enforcement.Topics
    private let onOrders: @Sendable (Enforcement.Applied) -> Void
    private let state = Mutex(State())

    /// - Parameter onOrders: told of each batch that changed something, after it is in force.
    init(
        core: GatewayCore, properties: KafkaProperties, topics: Enforcement.Topics,
        onOrders: @escaping @Sendable (Enforcement.Applied) -> Void
    ) {
        self.core = core
        self.properties = properties
        self.topics = topics
        self.onOrders = onOrders
    }

    /// Whether everything that was on the topics at the start has been read. Orders on disk are in force before.
    var isCaughtUp: Bool { state.withLock { $0.isCaughtUp } }
    var lastError: String? { state.withLock { $0.lastError } }

    func start() {
        let thread = Thread { [self] in follow() }
        thread.name = "gatewatch-orders"
        thread.start()
    }

    func stop() { state.withLock { $0.isStopped = true } }

    /// Runs something on the thread that takes records, between two batches.
    func perform(_ errand: @escaping @Sendable () -> Void) { state.withLock { $0.errands.append(errand) } }

    private func runErrands() {
        let errands = state.withLock { state in
            defer { state.errands = [] }
            return state.errands
        }
        for errand in errands { errand() }
    }

    private func follow() {
        while !state.withLock({ $0.isStopped }) {
            do {
                let reader = try KafkaTopicReader(
                    properties: properties, topics: [topics.orders, topics.approvals], logger: core.logger)
                defer { reader.close() }
                try read(reader)
            } catch {
                core.logger.error("orders cannot be read from Kafka; those of before stay in force: \(error)")
                state.withLock { $0.lastError = "\(error)" }
                Thread.sleep(forTimeInterval: 1)
            }
        }
    }

    private func read(_ reader: KafkaTopicReader) throws {
        var orders: [(key: String, value: [UInt8]?)] = []
        var approvals: [(key: String, value: [UInt8]?)] = []
        while !state.withLock({ $0.isStopped }) {
            runErrands()
            _ = try reader.poll(maxRecords: 1000, timeoutMilliseconds: 200) { record in
                let key = record.key.map { String(decoding: $0, as: UTF8.self) } ?? ""
                let value = record.payload.map { Array($0) }
                if record.topicPartition.topic == topics.orders {
                    orders.append((key, value))
                } else {
                    approvals.append((key, value))
                }
            }
            if !orders.isEmpty || !approvals.isEmpty {
                apply(orders, approvals)
                orders.removeAll(keepingCapacity: true)
                approvals.removeAll(keepingCapacity: true)
            }
            let caughtUp = reader.isCaughtUp
            state.withLock { state in
                state.isCaughtUp = caughtUp
                state.lastError = reader.lastError?.description
            }
        }
    }

    private func apply(_ orders: [(key: String, value: [UInt8]?)], _ approvals: [(key: String, value: [UInt8]?)]) {
        let now = core.now()
        if !orders.isEmpty {
            let applied = core.enforcement.applyOrders(orders, now: now) { core.reviewRunning() }
            if !applied.lifted.isEmpty { core.reviewWaiting() }
            onOrders(applied)
        }
        if !approvals.isEmpty, core.enforcement.applyApprovals(approvals, now: now) { core.reviewWaiting() }
    }
}
