// SPDX-License-Identifier: Apache-2.0

import Orders
import Signing
import Testing

@Suite struct LiftTests {
    let world: World

    init() throws { world = try World() }

    private func holding(_ order: Order, _ options: OrderBook.Options = .init()) throws -> OrderBook {
        var book = world.book(options: options)
        #expect(book.take(try order.signed(by: order.issuer.kind == .person ? world.alice : world.detect)).persists)
        return book
    }

    @Test func `one person lifts a high order, and it stays lifted when it is replayed`() throws {
        let order = world.order()
        var book = try holding(order)
        let lift = try world.lift(order.id, by: world.bob, as: "Bob@example.com")
        #expect(book.take(lift) == .lifted(order))
        #expect(book.action() == nil)
        #expect(book.take(try order.signed(by: world.detect)).refusal == "already_lifted")
        #expect(book.take(lift) == .duplicate(id: order.id))
        #expect(book.action() == nil)
        #expect(book.status(order.id, now: noon)?.status == .lifted)
        #expect(book.status(order.id, now: noon)?.lifts.map(\.by) == ["Bob@example.com"])
    }

    @Test func `a critical order takes two persons, not two keys of one`() throws {
        let order = world.order(severity: .critical)
        var book = try holding(order)
        #expect(
            book.take(try world.lift(order.id, by: world.alice, as: "alice@example.com"))
                == .pendingLift(order, have: 1, need: 2))
        // "al" is another name of alice, with a key of her telephone.
        #expect(
            book.take(try world.lift(order.id, by: world.alicePhone, as: "al"))
                == .pendingLift(order, have: 1, need: 2))
        #expect(
            book.take(try world.lift(order.id, by: world.alice, as: "alice@example.com"))
                == .duplicate(id: order.id))
        #expect(book.action() == .revokeTokens)
        #expect(book.take(try world.lift(order.id, by: world.bob, as: "bob@example.com")) == .lifted(order))
        #expect(book.action() == nil)
    }

    @Test func `nobody lifts an order on themselves, under any name`() throws {
        for (subject, type) in [
            ("ana@example.com", Order.Subject.Kind.identity), ("ANA.W", .identity), ("ana.w", .serviceAccount),
        ] {
            let order = world.order(on: subject, type: type)
            var book = try holding(order)
            #expect(book.take(try world.lift(order.id, by: world.ana, as: "ana.w")).refusal == "own_order")
            #expect(book.status(order.id, now: noon)?.status == .active)
        }
        let session = Order(
            id: StableID.uuid(["s"]), actions: [.block],
            subject: .init(type: .session, value: "S-1", identity: "ana@example.com"), reason: "a test",
            severity: .high, issuer: .init(kind: .automation, name: "detect"), issuedAt: noon, expiresAt: noon + hour)
        var book = try holding(session)
        #expect(book.take(try world.lift(session.id, by: world.ana, as: "ana.w")).refusal == "own_order")
    }

    @Test func `an own lift that comes before its order does not count when the order comes`() throws {
        var book = world.book()
        let order = world.order()
        #expect(book.take(try world.lift(order.id, by: world.ana, as: "ana.w")) == .early(orderID: order.id))
        #expect(book.take(try order.signed(by: world.detect)) == .applied(order))
        #expect(book.action() == .revokeTokens)
        #expect(book.take(try world.lift(order.id, by: world.bob, as: "bob@example.com")) == .lifted(order))
    }

    @Test func `lifts and order may come in any order`() throws {
        let order = world.order(severity: .critical)
        let records = [
            try order.signed(by: world.detect), try world.lift(order.id, by: world.alice, as: "alice@example.com"),
            try world.lift(order.id, by: world.bob, as: "bob@example.com"),
        ]
        for sequence in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            var book = world.book()
            var last: OrderOutcome?
            for index in sequence {
                last = book.take(records[index])
                #expect(last?.persists == true)
            }
            #expect(last == .lifted(order))
            #expect(book.action() == nil)
        }
    }

    @Test func `a lift made before its order lifts nothing`() throws {
        let order = world.order()
        let early = try world.lift(order.id, by: world.bob, as: "bob@example.com", at: noon - 5 * minute - 1)
        var book = try holding(order)
        #expect(book.take(early).refusal == "lift_before_order")
        var other = world.book()
        #expect(other.take(early) == .early(orderID: order.id))
        #expect(other.take(try order.signed(by: world.detect)) == .applied(order))
    }

    @Test func `a lift for another order, by another key or in another's name lifts nothing`() throws {
        let order = world.order()
        var book = try holding(order)
        let lift = try world.lift(world.order("2").id, by: world.bob, as: "bob@example.com")
        #expect(book.apply(lift.value, key: order.id + "/lift/bob", now: noon + minute).refusal == "key_mismatch")
        let mine = try world.lift(order.id, by: world.bob, as: "bob@example.com")
        #expect(book.apply(mine.value, key: order.id + "/lift/alice", now: noon + minute).refusal == "key_mismatch")
        #expect(book.take(try world.lift(order.id, by: world.bob, as: "alice@example.com")).refusal == "wrong_issuer")
        #expect(book.take(try world.lift(order.id, by: world.detect2, as: "detect2")).refusal == "not_allowed")
        #expect(book.take(try world.lift(order.id, by: world.gateway, as: "gateway")).refusal == "not_allowed")
        let future = try world.lift(order.id, by: world.bob, as: "bob@example.com", at: noon + 7 * minute)
        #expect(book.take(future).refusal == "future")
        #expect(book.action() == .revokeTokens)
    }

    @Test func `automation lifts only by option, only what automation issued, and nothing critical`() throws {
        func outcome(_ order: Order, _ isOn: Bool) throws -> OrderOutcome {
            var book = try holding(order, .init(automationLifts: isOn))
            return book.take(try world.lift(order.id, by: world.detect, as: "detect"))
        }
        #expect(try outcome(world.order(), false).refusal == "not_allowed")
        #expect(try outcome(world.order(), true) == .lifted(world.order()))
        #expect(try outcome(world.personal("p"), true).refusal == "persons_order")
        #expect(try outcome(world.order(severity: .critical), true).refusal == "persons_order")
    }

    @Test func `lifts that wait for an order that never comes are forgotten in the end`() throws {
        var book = world.book()
        let lift = try world.lift(world.order().id, by: world.bob, as: "bob@example.com", at: noon)
        #expect(book.take(lift).persists)
        let end = noon + 5 * minute + Order.maximumTTL
        #expect(book.expire(now: end - 1).isEmpty)
        #expect(book.expire(now: end) == [lift.key])
        #expect(book.take(lift, now: end).refusal == "expired")
    }

    @Test func `an expired order is gone with its lifts`() throws {
        let order = world.order(severity: .critical, ttl: hour)
        var book = try holding(order)
        let lift = try world.lift(order.id, by: world.bob, as: "bob@example.com")
        #expect(book.take(lift).persists)
        #expect(Set(book.expire(now: noon + hour)) == [order.id, lift.key])
        #expect(book.count == 0)
        #expect(book.take(try order.signed(by: world.detect), now: noon + hour).refusal == "expired")
    }
}
