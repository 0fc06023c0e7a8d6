// SPDX-License-Identifier: Apache-2.0

import Foundation
import Orders
import Signing
import Testing

@Suite struct SafetyTests {
    let world: World

    init() throws { world = try World() }

    private func settings(_ orders: Int = 1000, share: Double = 0, floor: Int = 1000) -> OrderSafety.Settings {
        .init(
            mode: .enforce, protected: ["svc-breakglass-*", "root@example.com"], ordersPerHour: orders,
            sharePerHour: share, shareFloor: floor, maximumTTL: 8 * hour)
    }

    @Test func `a budget of three lets three orders pass, refuses the fourth and pages once`() {
        var safety = OrderSafety(settings: settings(3))
        for number in 0..<3 {
            #expect(safety.check(world.order("\(number)"), knownIdentities: 0) == .allow)
        }
        let reason = OrderSafety.Reason.ordersPerHour(limit: 3)
        #expect(safety.check(world.order("3"), knownIdentities: 0) == .refuse(reason, pages: true))
        #expect(safety.check(world.order("4"), knownIdentities: 0) == .refuse(reason, pages: false))
        // What was allowed stays allowed and counts once.
        #expect(safety.check(world.order("0"), knownIdentities: 0) == .allow)
        #expect(safety.ledger.entries.count == 3)
        // The next spent hour of the clock pages again.
        for number in 5..<8 {
            #expect(safety.check(world.order("\(number)", at: noon + hour), knownIdentities: 0) == .allow)
        }
        #expect(safety.check(world.order("8", at: noon + hour), knownIdentities: 0) == .refuse(reason, pages: true))
    }

    @Test func `the hour slides and its edge is exact`() {
        for (offset, isAllowed) in [(hour - 1, false), (hour, true), (hour + 1, true)] {
            var safety = OrderSafety(settings: settings(1))
            #expect(safety.check(world.order("1"), knownIdentities: 0) == .allow)
            let verdict = safety.check(world.order("2", at: noon + offset), knownIdentities: 0)
            #expect((verdict == .allow) == isAllowed)
        }
    }

    @Test func `an order that comes late may not overrun an hour that ended after it`() {
        for (offset, isAllowed) in [(hour - 1, false), (hour, true)] {
            var safety = OrderSafety(settings: settings(2))
            #expect(safety.check(world.order("1", at: noon + offset), knownIdentities: 0) == .allow)
            #expect(safety.check(world.order("2", at: noon + offset), knownIdentities: 0) == .allow)
            #expect((safety.check(world.order("3", at: noon), knownIdentities: 0) == .allow) == isAllowed)
        }
    }

    @Test func `every hour keeps its budget, in whatever order orders come`() {
        var random = Seeded(3)
        for limit in [1, 3, 7] {
            var safety = OrderSafety(settings: settings(limit, floor: 2))
            for number in 0..<400 {
                let at = noon + Int64.random(in: 0..<(6 * hour), using: &random)
                let who = "user-\(Int.random(in: 0..<5, using: &random))"
                _ = safety.check(world.order("\(number)", on: who, at: at), knownIdentities: 0)
            }
            let entries = safety.ledger.entries
            #expect(entries.count >= limit)
            #expect(entries == entries.sorted { $0.issuedAt < $1.issuedAt })
            for end in entries.map(\.issuedAt) {
                let within = entries.filter { $0.issuedAt > end - hour && $0.issuedAt <= end }
                #expect(within.count <= limit)
                #expect(Set(within.map(\.subject)).count <= 2)
            }
        }
    }

    @Test(arguments: [(0, 2), (99, 2), (150, 3), (199, 3), (200, 4)])
    func `a share of the identities is the budget, with a floor`(known: Int, limit: Int) {
        var safety = OrderSafety(settings: settings(share: 0.02, floor: 2))
        for number in 0..<limit {
            #expect(safety.check(world.order("\(number)", on: "u\(number)"), knownIdentities: known) == .allow)
        }
        let reason = OrderSafety.Reason.identitiesPerHour(limit: limit)
        let next = world.order("next", on: "next")
        #expect(safety.check(next, knownIdentities: known) == .refuse(reason, pages: true))
        // One who is counted already may get another.
        #expect(safety.check(world.order("again", on: "U0"), knownIdentities: known) == .allow)
    }

    @Test func `two names of one person are one identity of the budget`() {
        var safety = OrderSafety(settings: settings(floor: 1))
        #expect(safety.check(world.order("1", on: "ana.w"), knownIdentities: 0, aliases: world.aliases) == .allow)
        #expect(
            safety.check(world.order("2", on: "ana@example.com"), knownIdentities: 0, aliases: world.aliases) == .allow)
        #expect(safety.check(world.order("3", on: "bob"), knownIdentities: 0, aliases: world.aliases) != .allow)
    }

    @Test(arguments: ["svc-breakglass-1", "SVC-BreakGlass-", "root@example.com"])
    func `automation never touches a protected identity, a person may`(name: String) {
        var safety = OrderSafety(settings: settings())
        #expect(
            safety.check(world.order(on: name), knownIdentities: 0) == .refuse(.protected(name), pages: false))
        #expect(safety.check(world.personal("p", on: name), knownIdentities: 0) == .allow)
        #expect(safety.check(world.order(on: "not-" + name), knownIdentities: 0) == .allow)
    }

    @Test func `a protected identity is protected under its other names, and in its sessions`() throws {
        var protecting = settings()
        protecting.protected = ["ANA.w"]
        var safety = OrderSafety(settings: protecting)
        #expect(safety.check(world.order(on: "ana@example.com"), knownIdentities: 0, aliases: world.aliases) != .allow)
        // The order does not say whose session it is. The request does.
        var book = world.book(protecting)
        let order = world.order(on: "S-1", type: .session, actions: [.block])
        #expect(book.take(try order.signed(by: world.detect)) == .applied(order))
        func action(_ identity: String) -> Order.Action? {
            book.effect(
                on: Caller(identity: identity, session: "S-1", tokenIssuedAt: 0), connection: "v",
                operation: "vectors.query", sensitive: true, now: noon)?.action
        }
        #expect(action("bob") == .block)
        #expect(action("ana@example.com") == nil)
    }

    @Test func `a protected identity is refused at the gateway too`() throws {
        var book = world.book(settings())
        let order = world.order(on: "svc-breakglass-7", actions: [.block])
        #expect(book.take(try order.signed(by: world.detect)).refusal == "protected")
        #expect(book.action("svc-breakglass-7") == nil)
        let personal = world.personal("p", on: "svc-breakglass-7")
        #expect(book.take(try personal.signed(by: world.alice)) == .applied(personal))
        #expect(book.action("svc-breakglass-7") == .block)
    }

    @Test func `the longest TTL holds for everybody, to the millisecond`() {
        var safety = OrderSafety(settings: settings())
        #expect(safety.check(world.order("1", ttl: 8 * hour), knownIdentities: 0) == .allow)
        let reason = OrderSafety.Reason.ttl(limit: 8 * hour)
        #expect(safety.check(world.order("2", ttl: 8 * hour + 1), knownIdentities: 0) == .refuse(reason, pages: false))
        #expect(
            safety.check(world.personal("p", ttl: 8 * hour + 1), knownIdentities: 0) == .refuse(reason, pages: false))
        var careless = settings()
        careless.maximumTTL = .max
        safety.settings = careless
        #expect(safety.check(world.order("3", ttl: Order.maximumTTL + 1), knownIdentities: 0) != .allow)
    }

    @Test func `in observe mode automation only tells what it would have done`() throws {
        var observing = settings(1)
        observing.mode = .observe
        var book = world.book(observing)
        for number in 0..<5 {
            let order = world.order("\(number)", actions: [.block])
            let outcome = book.take(try order.signed(by: world.detect))
            #expect(outcome == .observed(order))
            #expect(!outcome.persists)
        }
        #expect(book.action() == nil)
        let caller = Caller(identity: "ana.w", tokenIssuedAt: 0)
        #expect(
            book.wouldHave(on: caller, connection: "v", operation: "vectors.query", sensitive: true, now: noon)?.action
                == .block)
        #expect(book.active(now: noon).isEmpty)
        #expect(book.observed(now: noon).count == 5)
        // A person's word holds.
        #expect(book.take(try world.personal("p").signed(by: world.alice)).persists)
        #expect(book.action() == .block)
    }

    @Test func `the gateway refuses past its own budget and pages`() throws {
        var book = world.book(settings(2))
        for number in 0..<2 {
            #expect(book.take(try world.order("\(number)", on: "u\(number)").signed(by: world.detect)).persists)
        }
        #expect(
            book.take(try world.order("2", on: "u2").signed(by: world.detect))
                == .refused(.unsafe(.ordersPerHour(limit: 2), pages: true)))
        #expect(book.action("u2") == nil)
        // A replay does not use up anything.
        #expect(
            book.take(try world.order("0", on: "u0").signed(by: world.detect))
                == .duplicate(id: world.order("0", on: "u0").id))
    }

    @Test func `the ledger survives as JSON and forgets what no hour reaches`() throws {
        var safety = OrderSafety(settings: settings(3))
        for number in 0..<4 { _ = safety.check(world.order("\(number)"), knownIdentities: 0) }
        let data = try JSONEncoder().encode(safety.ledger)
        let ledger = try JSONDecoder().decode(OrderLedger.self, from: data)
        var again = OrderSafety(settings: settings(3), ledger: ledger)
        #expect(again.ledger.entries == safety.ledger.entries)
        #expect(again.check(world.order("0"), knownIdentities: 0) == .allow)
        #expect(
            again.check(world.order("5"), knownIdentities: 0) == .refuse(.ordersPerHour(limit: 3), pages: false))
        again.expire(now: noon + hour, lateness: 0)
        #expect(again.ledger.entries.count == 3)
        again.expire(now: noon + hour + 1, lateness: 0)
        #expect(again.ledger.entries.isEmpty)
    }

    @Test(arguments: [
        ("*", "", true), ("*", "x", true), ("", "", true), ("", "x", false), ("a*c", "abc", true), ("a*c", "ac", true),
        ("a*c", "acb", false), ("a?c", "abc", true), ("a?c", "ac", false), ("*-*-*", "a-b-c", true),
        ("*a", "aab", false),
        ("*ab", "aab", true), ("A*", "abc", true),
    ])
    func `a pattern fits the whole name`(pattern: String, name: String, fits: Bool) {
        #expect(NamePattern(pattern).matches(name) == fits)
    }

    @Test func `a pattern of many stars does not take forever`() {
        let pattern = NamePattern(String(repeating: "*a", count: 200) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 500)))
    }
}
