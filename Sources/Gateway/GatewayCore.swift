// SPDX-License-Identifier: Apache-2.0

import Addresses
import AuditSpool
import Connections
import Foundation
import Logging
import Metrics
import OIDC
import Orders
import Synchronization

/// What all exchanges share. Every part is safe to use from any event loop and does not block.
final class GatewayCore: Sendable {
    let limits: GatewayLimits
    /// Whose word on where a request comes from is taken.
    let proxies: TrustedProxies
    let tokens: TokenGuard
    let enforcement: Enforcement
    let spool: AuditSpool
    /// Nil where nothing is recorded.
    let recorder: Recorder?
    let metrics = GatewayMetrics()
    let logger: Logger
    private let configured: Mutex<GatewayConfiguration>
    private let logins = LoginTracker()
    private let ids = EventIDs()
    private let inspected = Atomic<Int>(0)
    private let workers = Mutex<GatewayWorkers?>(nil)

    init(
        limits: GatewayLimits, proxies: TrustedProxies, configuration: GatewayConfiguration, tokens: TokenGuard,
        enforcement: Enforcement,
        spool: AuditSpool, recorder: Recorder?, logger: Logger
    ) {
        self.limits = limits
        self.proxies = proxies
        configured = Mutex(configuration)
        self.tokens = tokens
        self.enforcement = enforcement
        self.spool = spool
        self.recorder = recorder
        self.logger = logger
    }

    /// What is in force now. A change is seen by the next request, also on a connection that is kept alive.
    var configuration: GatewayConfiguration { configured.withLock { $0 } }

    func replace(_ configuration: GatewayConfiguration) { configured.withLock { $0 = configuration } }

    func attach(_ workers: GatewayWorkers) { self.workers.withLock { $0 = workers } }

    /// Has every running exchange judged again.
    func reviewRunning() { workers.withLock { $0 }?.reviewRunning() }

    /// Has every exchange that waits for an approval look again.
    func reviewWaiting() { workers.withLock { $0 }?.reviewWaiting() }

    // MARK: Small things

    /// ms since the epoch, UTC.
    func now() -> Int64 {
        Int64(Date().timeIntervalSince1970 * 1000)
    }

    /// A UUID, lower case.
    func newUID() -> String { ids.next(now: now()) }

    func holdForInspection(_ bytes: Int) -> Bool {
        let now = inspected.add(bytes, ordering: .relaxed).newValue
        if now <= limits.inspectedBodies { return true }
        inspected.subtract(bytes, ordering: .relaxed)
        return false
    }

    func releaseInspection(_ bytes: Int) { inspected.subtract(bytes, ordering: .relaxed) }

    // MARK: Who

    func user(_ principal: Principal) -> AuditRecord.User {
        AuditRecord.User(
            uid: configuration.identities.identity(of: principal), email: principal.email, name: principal.name,
            groups: principal.groups, isService: principal.isServiceAccount, sessionID: principal.sessionID,
            issuer: principal.issuer)
    }

    /// Who calls, as orders name them.
    func caller(_ principal: Principal, identity: String) -> Caller {
        Caller(
            identity: identity, aliases: [principal.identity, principal.subject].filter { $0 != identity },
            session: principal.sessionID, tokenID: principal.tokenID, isServiceAccount: principal.isServiceAccount,
            tokenIssuedAt: principal.issuedAt)
    }

    /// Records a session's first success. False when that cannot be recorded.
    func noteLogin(_ principal: Principal, user: AuditRecord.User, exchange: AuditRecord) -> Bool {
        guard logins.isNew(issuer: principal.issuer, session: principal.sessionID) else { return true }
        var record = AuditRecord(uid: newUID(), time: now(), address: exchange.address)
        record.classUID = 3002
        record.activity = 1
        record.user = user
        record.userAgent = exchange.userAgent
        record.method = exchange.method
        record.path = exchange.path
        record.status = 200
        record.policy = "authentication"
        record.correlation = exchange.uid
        if append(record) { return true }
        logins.forget(issuer: principal.issuer, session: principal.sessionID)
        return false
    }

    // MARK: Evidence

    /// False when the event could not be recorded.
    func append(_ record: AuditRecord, isReserved: Bool = false) -> Bool {
        do {
            try spool.append(
                key: Array(record.key.utf8), uid: Array(record.uid.utf8), payload: record.json(), isReserved: isReserved
            )
            return true
        } catch {
            // What a client makes long must not make its request unrecordable.
            if case .tooLarge = error, !record.isShortened { return append(record.shortened(), isReserved: isReserved) }
            logger.critical("an audit event cannot be recorded: \(error)")
            return false
        }
    }

    /// A request that no parser could read. There is no exchange for it, and nobody known.
    ///
    /// - Returns: the event's id.
    @discardableResult
    func recordUnreadable(error: String, peer: String, status: Int = 400) -> String {
        metrics.requests.increment()
        metrics.refused("unreadable")
        var record = AuditRecord(uid: newUID(), time: now(), address: peer)
        record.status = status
        record.disposition = .denied
        record.policy = "request"
        record.reason = "unreadable"
        record.detail = "The request is not HTTP: \(error)"
        _ = append(record)
        return record.uid
    }
}

extension GatewayCore {
    /// Tells what became of orders: each step of enforcement is an audit event.
    func record(_ applied: Enforcement.Applied) {
        for order in applied.orders {
            logger.notice("an order is in force: \(order.reason)", metadata: ["order": "\(order.id)"])
            record(order, activity: 1, detail: "In force: \(order.reason)")
        }
        for order in applied.lifted {
            logger.notice("an order was lifted", metadata: ["order": "\(order.id)"])
            record(order, activity: 4, detail: "Lifted: \(order.reason)")
        }
        for (key, refusal) in applied.refused {
            metrics.ordersRefused.increment()
            var level = Logger.Level.warning
            if case .unsafe(_, pages: true) = refusal { level = .critical }
            logger.log(
                level: level, "an order has no effect: \(refusal)",
                metadata: ["key": "\(key)", "code": "\(refusal.code)"])
            // What comes again after a restart, or too late, is no news.
            guard refusal.isNews else { continue }
            var record = AuditRecord(uid: newUID(), time: now(), address: "0.0.0.0")
            record.service = "gatewatch"
            record.status = 403
            record.disposition = .denied
            record.policy = "orders"
            record.reason = refusal.code
            record.detail = "An order has no effect: \(refusal)"
            record.resources = [("policy", String(key.prefix(64)), nil)]
            _ = append(record)
        }
    }

    private func record(_ order: Order, activity: Int, detail: String) {
        var record = AuditRecord(uid: newUID(), time: now(), address: "0.0.0.0")
        record.activity = activity
        record.user = AuditRecord.User(uid: order.issuer.name, isService: order.issuer.kind == .automation)
        record.service = "gatewatch"
        record.status = 200
        record.policy = "orders"
        record.order = order.id
        record.detail = detail
        record.resources = [("policy", order.subject.value, order.id)]
        _ = append(record)
    }
}

extension OrderRefusal {
    /// Whether it should be told: not what every restart brings again.
    fileprivate var isNews: Bool {
        switch self {
        case .expired, .alreadyLifted, .superseded: false
        default: true
        }
    }
}
