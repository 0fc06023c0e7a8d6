// SPDX-License-Identifier: Apache-2.0

import Approvals
import Foundation
import Kafka
import Logging
import Orders
import Signing
import Synchronization

/// The orders and approvals that are in force at this gateway: fed by `ControlFollower`, asked by every request.
///
/// A record takes effect first and is written to disk right after, before the next batch is read: an order must not wait for a
/// disk.
final class Enforcement: Sendable {
    /// The Kafka topics.
    struct Topics: Sendable {
        var orders = "gatewatch.orders"
        var approvals = "gatewatch.approvals"
    }

    /// What a batch of records did.
    struct Applied: Sendable {
        var orders: [Order] = []
        var lifted: [Order] = []
        var refused: [(key: String, refusal: OrderRefusal)] = []
        var approvalsChanged = false
    }

    private let orders: Mutex<OrderBook>
    private let approvals: Mutex<ApprovalBook>
    private let store: ControlStore
    private let key: SigningKey
    private let producer: KafkaProducer
    private let topics: Topics
    private let logger: Logger

    /// Reads back what was in force before.
    ///
    /// - Parameters:
    ///   - key: signs requests for approval and their use; a key of the role gateway.
    /// - Throws: GRDB's error when the store cannot be read.
    init(
        orders: OrderBook, approvals: ApprovalBook, store: ControlStore, key: SigningKey, producer: KafkaProducer,
        topics: Topics, now: Int64, logger: Logger
    ) throws {
        var orders = orders
        var approvals = approvals
        try Self.restore(&orders, &approvals, from: store, now: now, logger)
        let active = orders.active(now: now).count
        if active > 0 { logger.info("\(active) orders of before are in force") }
        self.orders = Mutex(orders)
        self.approvals = Mutex(approvals)
        self.store = store
        self.key = key
        self.producer = producer
        self.topics = topics
        self.logger = logger
    }

    private static func restore(
        _ orders: inout OrderBook, _ approvals: inout ApprovalBook, from store: ControlStore, now: Int64,
        _ logger: Logger
    ) throws {
        var refused = 0
        for record in try store.load(.orders) {
            switch orders.restore(record.value, key: record.key, now: now) {
            case .refused(.expired), .refused(.alreadyLifted), .refused(.superseded): break
            case .refused: refused += 1
            default: break
            }
        }
        for record in try store.load(.approvals) { _ = approvals.apply(record.value, key: record.key, now: now) }
        if refused > 0 {
            logger.warning(
                "\(refused) orders on disk are not accepted any more: has a key been taken out of the trusted ones?")
        }
    }

    /// Goes by other trusted keys and names from now on: everything on disk is verified anew, so what was signed with a key that is gone
    /// has no effect any more. On the thread that takes records.
    ///
    /// - Throws: GRDB's error; then nothing has changed.
    func replace(keys: TrustedKeys, aliases: IdentityAliases, knownIdentities: Int, now: Int64) throws {
        try orders.withLock { book in
            try approvals.withLock { approved in
                var fresh = OrderBook(
                    keys: keys, aliases: aliases, safety: OrderSafety(settings: book.safety.settings),
                    knownIdentities: knownIdentities, options: book.options)
                var freshApprovals = ApprovalBook(keys: keys, aliases: aliases, options: approved.options)
                try Self.restore(&fresh, &freshApprovals, from: store, now: now, logger)
                book = fresh
                approved = freshApprovals
            }
        }
    }

    // MARK: Records

    /// Takes a batch of the topic of orders. What cannot be written to disk is in force all the same, and comes again from the topic
    /// after a restart.
    ///
    /// - Parameter inForce: called when new orders hold, before they are on disk.
    func applyOrders(
        _ records: [(key: String, value: [UInt8]?)], now: Int64, inForce: () -> Void = {}
    ) -> Applied {
        var applied = Applied()
        var keep: [(key: String, value: [UInt8])] = []
        // One lock for each: requests ask the same book, and need not wait for thousands of signatures.
        for record in records {
            let outcome = orders.withLock { $0.apply(record.value, key: record.key, now: now) }
            if outcome.persists, let value = record.value { keep.append((record.key, value)) }
            switch outcome {
            case .applied(let order): applied.orders.append(order)
            case .lifted(let order): applied.lifted.append(order)
            case .refused(let refusal): applied.refused.append((record.key, refusal))
            case .observed(let order):
                logger.notice("an order is only observed: \(order.reason)", metadata: ["order": "\(order.id)"])
            case .pendingLift(let order, let have, let need):
                logger.notice("\(have) of \(need) persons have lifted an order", metadata: ["order": "\(order.id)"])
            case .early, .duplicate: break
            }
        }
        let drop = orders.withLock { $0.expire(now: now) }
        if !applied.orders.isEmpty { inForce() }
        save(.orders, keep, drop)
        return applied
    }

    /// Takes a batch of the topic of approvals. True when somebody who waits should look again.
    func applyApprovals(_ records: [(key: String, value: [UInt8]?)], now: Int64) -> Bool {
        var keep: [(key: String, value: [UInt8])] = []
        var changed = false
        let drop = approvals.withLock { book in
            for record in records {
                let outcome = book.apply(record.value, key: record.key, now: now)
                if outcome.persists, let value = record.value { keep.append((record.key, value)) }
                switch outcome {
                case .changed: changed = true
                case .refused(let refusal):
                    logger.warning(
                        "a record of approvals has no effect: \(refusal)", metadata: ["code": "\(refusal.code)"])
                case .requested, .early, .duplicate: break
                }
            }
            return book.expire(now: now)
        }
        save(.approvals, keep, drop)
        return changed
    }

    private func save(_ kind: ControlStore.Kind, _ keep: [(key: String, value: [UInt8])], _ drop: [String]) {
        do {
            try store.save(kind, keep: keep, drop: drop)
        } catch {
            logger.critical(
                "\(kind.rawValue) are in force and not on disk, a restart without Kafka would lose them: \(error)")
        }
    }

    // MARK: Orders

    /// The strongest effect of all orders on a request.
    func effect(
        on caller: Caller, connection: String, operation: String, sensitive: Bool, now: Int64
    ) -> OrderEffect? {
        orders.withLock {
            $0.effect(on: caller, connection: connection, operation: operation, sensitive: sensitive, now: now)
        }
    }

    /// Whether an order is in force.
    func isActive(_ order: Order, now: Int64) -> Bool {
        orders.withLock { $0.status(order.id, now: now)?.status == .active }
    }

    /// How many orders are in force.
    func activeOrders(now: Int64) -> Int { orders.withLock { $0.active(now: now).count } }

    // MARK: Approvals

    func approval(covering fingerprint: String, requester: String, items: Int64?, now: Int64) -> String? {
        approvals.withLock { $0.covering(requester: requester, fingerprint: fingerprint, items: items, now: now) }
    }

    func status(_ id: String, now: Int64) -> (request: ApprovalRequest, status: ApprovalStatus)? {
        approvals.withLock { book in
            book.request(id).flatMap { request in book.status(id, now: now).map { (request, $0) } }
        }
    }

    /// The request to decide about, published when it is new.
    ///
    /// - Throws: `ApprovalRefusal` when too many are open, or the reason why it could not be signed or sent.
    func ask(_ question: ApprovalQuestion, now: Int64) throws -> ApprovalRequest {
        let (request, record): (ApprovalRequest, SignedRecord?) = try approvals.withLock { book in
            let (request, isNew) = try book.ask(question, now: now)
            guard isNew else { return (request, nil) }
            let record = try request.signed(by: key)
            _ = book.apply(record.value, key: record.key, now: now)
            return (request, record)
        }
        if let record { try publish(record) }
        return request
    }

    /// Uses an approval for one request. False when somebody else was faster.
    func use(_ id: String, now: Int64) -> Bool {
        do {
            let use = try approvals.withLock { book throws(ApprovalRefusal) in
                try book.use(id, gateway: key.name, now: now)
            }
            if let use { try publish(use.signed(by: key)) }
            return true
        } catch {
            logger.warning("an approval could not be used: \(error)", metadata: ["approval": "\(id)"])
            return false
        }
    }

    /// Keeps a record here and sends it. It stays here also when Kafka is away; librdkafka delivers it when Kafka is back.
    private func publish(_ record: SignedRecord) throws {
        store.saveLater(.approvals, key: record.key, value: record.value) { [logger] error in
            logger.error("a record of approvals is not on disk: \(error)", metadata: ["key": "\(record.key)"])
        }
        try producer.send(topic: topics.approvals, key: Array(record.key.utf8), payload: record.value) {
            [logger] result in
            if case .failure(let error) = result {
                logger.error("a record of approvals was not delivered: \(error)", metadata: ["key": "\(record.key)"])
            }
        }
    }
}
