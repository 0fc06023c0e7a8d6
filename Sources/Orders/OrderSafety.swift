// SPDX-License-Identifier: Apache-2.0

package import Signing

/// What automation may do without a person: checked where an order is issued and, with looser numbers, where it is
/// applied. Orders of persons pass, within the TTL.
///
/// A value without a clock: budgets are counted over the orders' own `issued_at`. The same orders in the same order give
/// the same verdicts.
package struct OrderSafety: Sendable {
    /// Whether automatic orders have an effect.
    package enum Mode: String, Sendable, CaseIterable {
        /// An order is only reported, as what would have been done.
        case observe
        case enforce
    }

    /// What a person configures.
    package struct Settings: Sendable, Equatable {
        /// Observe until a person says otherwise.
        package var mode: Mode
        /// Identities that automation never touches, exactly or with `*` and `?`: `svc-breakglass-*`.
        package var protected: [String]
        /// Automatic orders in any hour.
        package var ordersPerHour: Int
        /// Part of the known identities that may get automatic orders in any hour, 0 to 1.
        package var sharePerHour: Double
        /// So many identities may get them in any hour, however few are known.
        package var shareFloor: Int
        /// The longest TTL of any order, ms; at most `Order.maximumTTL`.
        package var maximumTTL: Int64

        /// Cautious defaults.
        package init(
            mode: Mode = .observe, protected: [String] = [], ordersPerHour: Int = 20, sharePerHour: Double = 0.02,
            shareFloor: Int = 5, maximumTTL: Int64 = 24 * 3_600_000
        ) {
            self.mode = mode
            self.protected = protected
            self.ordersPerHour = ordersPerHour
            self.sharePerHour = sharePerHour
            self.shareFloor = shareFloor
            self.maximumTTL = maximumTTL
        }
    }

    /// What became of an order.
    package enum Verdict: Sendable, Equatable {
        case allow
        /// It is not applied, only reported.
        case observe
        /// `pages`: people must be told now. True for the first refusal of each spent hour.
        case refuse(Reason, pages: Bool)
    }

    /// Why automation may not.
    package enum Reason: Sendable, Equatable, CustomStringConvertible {
        case protected(String)
        case ordersPerHour(limit: Int)
        case identitiesPerHour(limit: Int)
        case ttl(limit: Int64)

        /// One word for a metric, an alert or an audit event.
        package var code: String {
            switch self {
            case .protected: "protected"
            case .ordersPerHour, .identitiesPerHour: "budget"
            case .ttl: "ttl"
            }
        }

        package var description: String {
            switch self {
            case .protected(let name): "'\(name)' is protected: only a person may issue an order on it"
            case .ordersPerHour(let limit):
                "\(limit) automatic orders were issued within an hour, which is the budget: a person must decide"
            case .identitiesPerHour(let limit):
                "\(limit) identities got automatic orders within an hour, which is the budget: a person must decide"
            case .ttl(let limit): "it lasts longer than \(limit / 60_000) min, the longest TTL allowed"
            }
        }
    }

    /// What a person configured; may be changed at any time.
    package var settings: Settings { didSet { patterns = settings.protected.map { NamePattern($0) } } }
    /// The automatic orders that were allowed.
    package private(set) var ledger: OrderLedger
    private var patterns: [NamePattern]

    /// Limits with the books so far.
    package init(settings: Settings, ledger: OrderLedger = OrderLedger()) {
        self.settings = settings
        self.ledger = ledger
        patterns = settings.protected.map { NamePattern($0) }
    }

    /// Judges an order and, when it is allowed, counts it. The same order again gets the same answer and counts once.
    ///
    /// - Parameters:
    ///   - knownIdentities: of how many identities the share is taken.
    ///   - aliases: which names are one identity's.
    package mutating func check(
        _ order: Order, knownIdentities: Int, aliases: IdentityAliases = IdentityAliases()
    ) -> Verdict {
        let longest = min(settings.maximumTTL, Order.maximumTTL)
        guard order.expiresAt - order.issuedAt <= longest else { return .refuse(.ttl(limit: longest), pages: false) }
        guard order.issuer.kind == .automation else { return .allow }
        if let owner = order.subject.owner, isProtected(owner, aliases: aliases) {
            return .refuse(.protected(owner), pages: false)
        }
        // After the checks that need no count: what is only observed does not use up the budget.
        guard settings.mode == .enforce else { return .observe }
        if ledger.contains(order.id) { return .allow }
        let entry = OrderLedger.Entry(order: order, aliases: aliases)
        let share = Double(max(0, knownIdentities)) * settings.sharePerHour
        let identities = max(settings.shareFloor, share < 1e9 ? Int(share) : 1_000_000_000)
        let reason: Reason
        switch ledger.overrun(adding: entry, orders: settings.ordersPerHour, identities: identities) {
        case .orders: reason = .ordersPerHour(limit: settings.ordersPerHour)
        case .identities: reason = .identitiesPerHour(limit: identities)
        case nil:
            ledger.add(entry)
            return .allow
        }
        return .refuse(reason, pages: ledger.page(hourOf: order.issuedAt))
    }

    /// Counts an order that was allowed before: in another life of the process, or by somebody else.
    package mutating func restore(_ order: Order, aliases: IdentityAliases = IdentityAliases()) {
        guard order.issuer.kind == .automation else { return }
        restore(OrderLedger.Entry(order: order, aliases: aliases))
    }

    /// Counts an automatic order that was allowed before.
    package mutating func restore(_ entry: OrderLedger.Entry) {
        if !ledger.contains(entry.id) { ledger.add(entry) }
    }

    /// Whether automation must leave an identity alone, under any of its names.
    package func isProtected(_ identity: String, aliases: IdentityAliases = IdentityAliases()) -> Bool {
        if patterns.isEmpty { return false }
        if matches(identity) { return true }
        return aliases.names(of: identity).contains { matches($0.description) }
    }

    private func matches(_ name: String) -> Bool { patterns.contains { $0.matches(name) } }

    /// Forgets what no hour can reach any more. Orders may come late by so much, ms.
    package mutating func expire(now: Int64, lateness: Int64 = Order.maximumTTL) {
        ledger.forget(before: now - lateness - OrderLedger.hour)
    }
}
