// SPDX-License-Identifier: Apache-2.0

import Signing

/// Who makes a request, as its token says.
package struct Caller: Sendable {
    /// The claim that names the person or service.
    package var identity: String
    /// Other names of the same identity.
    package var aliases: [String]
    /// The token's session, where it has one.
    package var session: String?
    /// The token's `jti`.
    package var tokenID: String?
    /// Whether the token is a service account's.
    package var isServiceAccount: Bool
    /// ms since the epoch, UTC; 0 where the token does not say.
    package var tokenIssuedAt: Int64

    /// A caller as its verified token says.
    package init(
        identity: String, aliases: [String] = [], session: String? = nil, tokenID: String? = nil,
        isServiceAccount: Bool = false, tokenIssuedAt: Int64
    ) {
        self.identity = identity
        self.aliases = aliases
        self.session = session
        self.tokenID = tokenID
        self.isServiceAccount = isServiceAccount
        self.tokenIssuedAt = tokenIssuedAt
    }
}

/// What an order does to a request.
package struct OrderEffect: Sendable, Equatable {
    /// The strongest action of all orders that hold for it.
    package let action: Order.Action
    /// The order that it is from.
    package let order: Order
}

/// An order in the book.
final class HeldOrder: Sendable {
    let order: Order
    let isObserved: Bool

    init(order: Order, isObserved: Bool) {
        self.order = order
        self.isObserved = isObserved
    }

    /// The strongest action that the order has for a request that is its subject's.
    func action(
        _ caller: Caller, connection: String, operation: String, sensitive: Bool, now: Int64
    ) -> Order.Action? {
        guard now < order.expiresAt else { return nil }
        let scope = order.scope
        guard scope.connections.isEmpty || scope.connections.contains(connection) else { return nil }
        guard scope.operations.isEmpty || scope.operations.contains(where: { Self.names($0, operation) }) else {
            return nil
        }
        var strongest: Order.Action?
        for action in order.actions {
            switch action {
            case .revokeTokens:
                // `iat` has whole seconds, so a token of the order's own second may be older than the order.
                let second = caller.tokenIssuedAt / 1000
                guard second <= order.issuedAt / 1000 else { continue }
            case .block: break
            case .requireApproval:
                // People under lockdown still work: what is not sensitive is left alone unless the order names it.
                guard sensitive || !scope.operations.isEmpty else { continue }
            }
            if strongest.map({ action > $0 }) ?? true { strongest = action }
        }
        return strongest
    }

    private static func names(_ pattern: String, _ operation: String) -> Bool {
        pattern == operation || (pattern.hasSuffix(".*") && operation.hasPrefix(pattern.dropLast()))
    }
}

/// Orders by subject: a look-up costs the same however many there are.
struct OrderIndex: Sendable {
    private var identities: [FoldedName: [HeldOrder]] = [:]
    private var serviceAccounts: [FoldedName: [HeldOrder]] = [:]
    private var sessions: [String: [HeldOrder]] = [:]
    private var tokens: [String: [HeldOrder]] = [:]

    var isEmpty: Bool { identities.isEmpty && serviceAccounts.isEmpty && sessions.isEmpty && tokens.isEmpty }

    func count(of subject: Order.Subject, _ aliases: IdentityAliases) -> Int {
        switch subject.type {
        case .identity: identities[aliases.canonical(subject.value)]?.count ?? 0
        case .serviceAccount: serviceAccounts[aliases.canonical(subject.value)]?.count ?? 0
        case .session: sessions[subject.value]?.count ?? 0
        case .token: tokens[subject.value]?.count ?? 0
        }
    }

    mutating func insert(_ held: HeldOrder, _ aliases: IdentityAliases) {
        change(held.order.subject, aliases) { $0.append(held) }
    }

    mutating func remove(_ held: HeldOrder, _ aliases: IdentityAliases) {
        change(held.order.subject, aliases) { $0.removeAll { $0 === held } }
    }

    private mutating func change(
        _ subject: Order.Subject, _ aliases: IdentityAliases, _ body: (inout [HeldOrder]) -> Void
    ) {
        switch subject.type {
        case .identity: Self.change(&identities, aliases.canonical(subject.value), body)
        case .serviceAccount: Self.change(&serviceAccounts, aliases.canonical(subject.value), body)
        case .session: Self.change(&sessions, subject.value, body)
        case .token: Self.change(&tokens, subject.value, body)
        }
    }

    private static func change<Key: Hashable>(
        _ table: inout [Key: [HeldOrder]], _ key: Key, _ body: (inout [HeldOrder]) -> Void
    ) {
        body(&table[key, default: []])
        if table[key]?.isEmpty ?? false { table[key] = nil }
    }

    /// Every order whose subject the caller is, possibly twice.
    func each(_ caller: Caller, _ aliases: IdentityAliases, _ body: (HeldOrder) -> Void) {
        if !identities.isEmpty || (caller.isServiceAccount && !serviceAccounts.isEmpty) {
            named(caller.identity, caller, aliases, body)
            for alias in caller.aliases { named(alias, caller, aliases, body) }
        }
        if !sessions.isEmpty, let session = caller.session { sessions[session]?.forEach(body) }
        if !tokens.isEmpty, let token = caller.tokenID { tokens[token]?.forEach(body) }
    }

    private func named(_ name: String, _ caller: Caller, _ aliases: IdentityAliases, _ body: (HeldOrder) -> Void) {
        let name = aliases.canonical(name)
        identities[name]?.forEach(body)
        if caller.isServiceAccount { serviceAccounts[name]?.forEach(body) }
    }
}
