// SPDX-License-Identifier: Apache-2.0

import Orders
import Signing

/// 2026-11-21T12:00:00Z, ms.
let noon: Int64 = 1_795_262_400_000
let minute: Int64 = 60_000
let hour: Int64 = 3_600_000

/// Keys of everybody, and the book of a gateway that trusts them.
struct World {
    let detect: SigningKey
    let detect2: SigningKey
    let alice: SigningKey
    let alicePhone: SigningKey
    let bob: SigningKey
    let ana: SigningKey
    let gateway: SigningKey
    let keys: TrustedKeys
    /// ana.w is another name of ana@example.com, al of alice.
    let aliases = IdentityAliases([["ana@example.com", "ana.w"], ["alice@example.com", "al"]])

    init() throws {
        func key(_ name: String) throws -> SigningKey { try SigningKey.generate(name: name) }
        func person(_ key: SigningKey, _ who: String, may: Set<TrustedKey.Permission> = [.issue, .lift]) throws
            -> TrustedKey
        {
            try TrustedKey(name: key.name, role: .person, identity: who, may: may, publicText: key.publicText)
        }
        detect = try key("detect")
        detect2 = try key("detect2")
        alice = try key("alice")
        alicePhone = try key("alice-phone")
        bob = try key("bob")
        ana = try key("ana")
        gateway = try key("gateway")
        keys = try TrustedKeys([
            try TrustedKey(name: "detect", role: .automation, may: [.issue, .lift], publicText: detect.publicText),
            try TrustedKey(name: "detect2", role: .automation, may: [], publicText: detect2.publicText),
            try person(alice, "alice@example.com"), try person(alicePhone, "AL"),
            try person(bob, "bob@example.com"), try person(ana, "ana.w", may: [.lift]),
            try TrustedKey(name: "gateway", role: .gateway, may: [], publicText: gateway.publicText),
        ])
    }

    func book(
        _ settings: OrderSafety.Settings = .loose, knownIdentities: Int = 1_000_000,
        options: OrderBook.Options = .init()
    ) -> OrderBook {
        OrderBook(
            keys: keys, aliases: aliases, safety: OrderSafety(settings: settings), knownIdentities: knownIdentities,
            options: options)
    }

    /// An order of the detector's.
    func order(
        _ name: String = "alert-1", on subject: String = "ana@example.com", type: Order.Subject.Kind = .identity,
        actions: [Order.Action] = Order.lockdown, scope: Order.Scope = .everything, severity: Order.Severity = .high,
        at: Int64 = noon, ttl: Int64 = 4 * hour
    ) -> Order {
        Order.forAlert(
            name, actions: actions, subject: .init(type: type, value: subject), scope: scope, reason: "a test",
            rule: "mr_gw_chain", severity: severity, issuer: .init(kind: .automation, name: "detect"), issuedAt: at,
            ttl: ttl)
    }

    /// An order of alice's.
    func personal(
        _ name: String, on subject: String = "ana@example.com", actions: [Order.Action] = [.block],
        scope: Order.Scope = .everything, severity: Order.Severity = .high, at: Int64 = noon, ttl: Int64 = 4 * hour,
        supersedes: [String] = []
    ) -> Order {
        Order(
            id: StableID.uuid([name]), actions: actions, subject: .init(type: .identity, value: subject),
            scope: scope, reason: "a test", severity: severity,
            issuer: .init(kind: .person, name: "alice@example.com"), issuedAt: at, expiresAt: at + ttl,
            supersedes: supersedes)
    }

    func lift(_ id: String, by key: SigningKey, as name: String, at: Int64 = noon + minute) throws -> SignedRecord {
        try Lift(orderID: id, by: name, reason: "false alarm", at: at).signed(by: key)
    }
}

extension OrderSafety.Settings {
    /// Enforcing, with budgets that no test meets by accident.
    static let loose = OrderSafety.Settings(
        mode: .enforce, ordersPerHour: 1_000_000, sharePerHour: 1, shareFloor: 1_000_000,
        maximumTTL: Order.maximumTTL)
}

extension OrderBook {
    mutating func take(_ record: SignedRecord, now: Int64 = noon + minute) -> OrderOutcome {
        apply(record.value, key: record.key, now: now)
    }

    /// The action on a request of somebody, by default ana's with a token older than the order.
    func action(
        _ identity: String = "ana@example.com", tokenAt: Int64 = noon - hour, connection: String = "vectors",
        operation: String = "vectors.query", sensitive: Bool = true, now: Int64 = noon + minute
    ) -> Order.Action? {
        effect(
            on: Caller(identity: identity, tokenIssuedAt: tokenAt), connection: connection, operation: operation,
            sensitive: sensitive, now: now)?.action
    }
}

extension OrderOutcome {
    /// The word of a refusal.
    var refusal: String? {
        if case .refused(let reason) = self { reason.code } else { nil }
    }
}

/// A generator of numbers that gives the same ones again (SplitMix64).
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
