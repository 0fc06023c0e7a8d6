// SPDX-License-Identifier: Apache-2.0

import Signing

/// What a gateway and a person ask the book.
extension OrderBook {
    /// The strongest effect of all orders on a request; nil when none holds for it. Costs the same however many orders
    /// there are on others.
    ///
    /// - Parameter sensitive: whether the operation is one for which an order of approval without a list of operations asks for
    ///   one.
    package func effect(
        on caller: Caller, connection: String, operation: String, sensitive: Bool, now: Int64
    ) -> OrderEffect? {
        strongest(
            in: enforced, caller, connection: connection, operation: operation, sensitive: sensitive, now: now)
    }

    /// The effect that orders of observe mode would have had, to be reported.
    package func wouldHave(
        on caller: Caller, connection: String, operation: String, sensitive: Bool, now: Int64
    ) -> OrderEffect? {
        strongest(
            in: observed, caller, connection: connection, operation: operation, sensitive: sensitive, now: now)
    }

    private func strongest(
        in index: OrderIndex, _ caller: Caller, connection: String, operation: String, sensitive: Bool, now: Int64
    ) -> OrderEffect? {
        if index.isEmpty { return nil }
        var found: (action: Order.Action, held: HeldOrder)?
        index.each(caller, aliases) { held in
            guard
                let action = held.action(
                    caller, connection: connection, operation: operation, sensitive: sensitive, now: now),
                found.map({ Self.precedes(action, held.order, $0.action, $0.held.order) }) ?? true,
                !isSpared(caller, held.order)
            else { return }
            found = (action, held)
        }
        return found.map { OrderEffect(action: $0.action, order: $0.held.order) }
    }

    /// The stronger action first, then the longer order; equal ones by id, so that every gateway names the same.
    private static func precedes(_ action: Order.Action, _ order: Order, _ other: Order.Action, _ than: Order) -> Bool {
        if action != other { return action > other }
        return order.expiresAt != than.expiresAt ? order.expiresAt > than.expiresAt : order.id < than.id
    }

    /// An automatic order on a session or a token may not say whose it is; the request does.
    private func isSpared(_ caller: Caller, _ order: Order) -> Bool {
        guard order.issuer.kind == .automation else { return false }
        return safety.isProtected(caller.identity, aliases: aliases)
            || caller.aliases.contains { safety.isProtected($0, aliases: aliases) }
    }

    /// The orders in force, by the time of their issue.
    package func active(now: Int64) -> [Order] { list(now) { $0.end == nil && !$0.held.isObserved } }

    /// The orders that are only reported, by the time of their issue.
    package func observed(now: Int64) -> [Order] { list(now) { $0.end == nil && $0.held.isObserved } }

    private func list(_ now: Int64, _ isMeant: (Known) -> Bool) -> [Order] {
        known.values.filter { isMeant($0) && now < $0.held.order.expiresAt }.map(\.held.order)
            .sorted { ($0.issuedAt, $0.id) < ($1.issuedAt, $1.id) }
    }

    /// How an order stands.
    package enum Status: Sendable, Equatable {
        case active
        case observed
        case lifted
        case superseded
    }

    /// How an order stands, and who has lifted it; nil when it is unknown or past its time.
    package func status(_ id: String, now: Int64) -> (status: Status, lifts: [Lift], order: Order)? {
        guard let entry = known[id], now < entry.held.order.expiresAt else { return nil }
        let status: Status =
            switch entry.end {
            case .lifted: .lifted
            case .superseded: .superseded
            case nil: entry.held.isObserved ? .observed : .active
            }
        return (status, (lifts[id] ?? []).map(\.lift), entry.held.order)
    }

    /// Orders that are remembered: in force, observed, or lifted and not expired.
    package var count: Int { known.count }
}
