// SPDX-License-Identifier: Apache-2.0

package import Detection
import Foundation
package import Logging
import Orders
import Sigma
package import Signing
import Synchronization

/// Decides about the orders that alerts call for, for all partitions of the process: one budget.
///
/// The budget's books are rebuilt from the partitions' stores: each order is counted in the transaction that puts it into
/// its partition's outbox, so that a crash leaves neither an order that was not counted nor a count without its order, and a
/// partition that moves to another process takes its part of the books along. A file of the process's own could be
/// neither in one transaction with the order nor move. Each process has its own budget; the gateways check theirs over
/// all of them.
package final class Responder: Sendable {
    /// What is to be sent and counted for an alert.
    package struct Answer: Sendable {
        /// The alert with the decision in it.
        package var alert: Alert
        /// The signed order.
        package var order: SignedRecord?
        /// The order's entry in the books.
        var entry: OrderLedger.Entry?
        /// The page to people that the budget is spent.
        package var page: Alert?
    }

    let settings: EnforcementSettings
    private let logger: Logger
    private let metrics: DetectMetrics
    private let safety: Mutex<OrderSafety>

    init(settings: EnforcementSettings, metrics: DetectMetrics, logger: Logger) {
        self.settings = settings
        self.metrics = metrics
        self.logger = logger
        safety = Mutex(OrderSafety(settings: settings.safety))
    }

    /// For who replays what was recorded.
    package convenience init(settings: EnforcementSettings, logger: Logger) {
        self.init(settings: settings, metrics: DetectMetrics(), logger: logger)
    }

    /// Orders that a partition issued earlier, here or elsewhere.
    func restore(_ entries: [OrderLedger.Entry]) {
        safety.withLock { safety in
            for entry in entries { safety.restore(entry) }
        }
    }

    /// Decides about an alert. `now` is ms since the epoch, UTC.
    ///
    /// The order is issued now, because tokens issued until now are to be refused, and ends its TTL after the event: one
    /// that is issued again after a crash, or when lost state is rebuilt from the topic, has the same id and the same end,
    /// and what people lifted meanwhile stays lifted.
    package func answer(_ alert: Alert, now: Int64) -> Answer {
        guard let response = alert.response, let action = RuleExtension.Respond.Action(rawValue: response.action) else {
            return Answer(alert: alert)
        }
        guard action.isOrder, let ttl = response.ttl else {
            return decide(
                alert, .init(.observed, reason: "the rule responds with '\(response.action)', which is no order"))
        }
        guard let subject = subject(of: alert, response) else {
            let missing = response.subject == "session" ? "session" : "identity"
            return decide(alert, .init(.refused, reason: "the event that fired names no \(missing)"))
        }
        let order = Order(
            id: Order.id(alert: alert.id, subject: subject), actions: Self.actions(action), subject: subject,
            scope: .init(connections: response.connections, operations: response.operations),
            reason: Self.sentence(alert.message), alertUID: Self.sentence(alert.id),
            rule: Self.sentence(alert.ruleName),
            severity: alert.level == RuleMetadata.Level.critical.rawValue ? .critical : .high,
            issuer: .init(kind: .automation, name: settings.key.name), issuedAt: now,
            expiresAt: min(alert.time, now) + ttl)
        guard order.expiresAt > now else {
            return decide(
                alert,
                .init(
                    .refused, reason: "the order would have ended before now: the event is older than its TTL",
                    orderID: order.id))
        }
        if alert.status == RuleMetadata.Status.experimental.rawValue {
            return decide(alert, .init(.observed, reason: "the rule is experimental", orderID: order.id))
        }
        let record: SignedRecord
        do {
            // Before the budget: what cannot be signed uses up nothing.
            record = try order.signed(by: settings.key)
        } catch {
            return decide(alert, .init(.refused, reason: "no order could be made: \(error)", orderID: order.id))
        }
        switch safety.withLock({ safety in
            safety.expire(now: now, lateness: 0)
            return safety.check(order, knownIdentities: settings.knownIdentities, aliases: settings.aliases)
        }) {
        case .observe:
            return decide(alert, .init(.observed, reason: "enforcement is in observe mode", orderID: order.id))
        case .refuse(let reason, let pages):
            var answer = decide(
                alert, .init(.refused, reason: "\(reason.code): \(reason)", orderID: order.id))
            if pages {
                answer.page = Alert.budgetSpent(
                    hour: OrderLedger.clockHour(now), time: now, reason: "\(reason)", first: alert)
                logger.critical(
                    "the budget of automatic orders is spent: \(reason)", metadata: ["alert": "\(alert.id)"])
            }
            return answer
        case .allow:
            var answer = decide(alert, .init(.issued, orderID: order.id))
            answer.order = record
            answer.entry = OrderLedger.Entry(order: order, aliases: settings.aliases)
            return answer
        }
    }

    private func decide(_ alert: Alert, _ decision: Alert.Response.Decision) -> Answer {
        metrics.order(decision.outcome.rawValue)
        logger.notice(
            "order \(decision.outcome.rawValue)\(decision.reason.map { ": \($0)" } ?? "")",
            metadata: [
                "alert": "\(alert.id)", "order": "\(decision.orderID ?? "none")", "rule": "\(alert.ruleName)",
                "identity": "\(alert.identity ?? "none")", "action": "\(alert.response?.action ?? "none")",
            ])
        return Answer(alert: alert.with(decision: decision))
    }

    private func subject(of alert: Alert, _ response: Alert.Response) -> Order.Subject? {
        if response.subject == RuleExtension.Respond.Subject.session.rawValue {
            let session = response.session ?? alert.group.first { $0.field == "actor.session.uid" }?.value
            return session.map { Order.Subject(type: .session, value: $0, identity: alert.identity) }
        }
        return alert.identity.map { Order.Subject(type: .identity, value: $0) }
    }

    private static func actions(_ action: RuleExtension.Respond.Action) -> [Order.Action] {
        switch action {
        case .observe, .notify: []
        case .requireApproval: [.requireApproval]
        case .revokeTokens: [.revokeTokens]
        case .block: [.block]
        case .lockdown: Order.lockdown
        }
    }

    /// A text as an order may hold it: it is made of what events say, which may be long or hold control characters.
    private static func sentence(_ text: String, limit: Int = Order.maximumName) -> String {
        var kept = ""
        for character in text.unicodeScalars {
            let clean: Unicode.Scalar = character.value < 0x20 || character.value == 0x7F ? " " : character
            if kept.utf8.count + UTF8.width(clean) > limit { break }
            kept.unicodeScalars.append(clean)
        }
        return kept.isEmpty ? "unnamed" : kept
    }

    /// ms since the epoch, UTC.
    static func now() -> Int64 {
        Int64(Date().timeIntervalSince1970 * 1000)
    }
}
