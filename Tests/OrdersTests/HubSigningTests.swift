// SPDX-License-Identifier: Apache-2.0

import Orders
import Signing
import Testing

/// Orders and lifts of persons who logged in at a hub and have no key.
@Suite struct HubSigningTests {
    let world: World
    let hub: SigningKey
    /// A hub that only signs heads.
    let mute: SigningKey
    let keys: TrustedKeys

    init() throws {
        world = try World()
        hub = try SigningKey.generate(name: "hub-1")
        mute = try SigningKey.generate(name: "hub-2")
        keys = try TrustedKeys(
            world.keys.keys + [
                TrustedKey(name: "hub-1", role: .hub, may: [.issue, .lift], publicText: hub.publicText),
                TrustedKey(name: "hub-2", role: .hub, may: [], publicText: mute.publicText),
            ])
    }

    private func book() -> OrderBook {
        OrderBook(keys: keys, aliases: world.aliases, safety: OrderSafety(settings: .loose), knownIdentities: 1_000)
    }

    private func holding(_ order: Order) throws -> OrderBook {
        var book = book()
        #expect(book.take(try order.signed(by: world.detect)).persists)
        return book
    }

    private func lift(_ order: Order, as name: String, by key: SigningKey? = nil) throws -> SignedRecord {
        try Lift(orderID: order.id, by: name, reason: "false alarm", at: noon + minute).signed(
            by: key ?? hub, onBehalf: true)
    }

    @Test func `two persons at one hub are two persons, whatever the order of their records`() throws {
        let order = world.order(severity: .critical)
        let lifts = [try lift(order, as: "cleo@example.com"), try lift(order, as: "dan@example.com")]
        #expect(lifts[0].key != lifts[1].key)
        for records in [lifts, lifts.reversed()] {
            var book = try holding(order)
            #expect(book.take(records[0]) == .pendingLift(order, have: 1, need: 2))
            #expect(book.take(records[0]) == .duplicate(id: order.id))
            #expect(book.action() == .revokeTokens)
            #expect(book.take(records[1]) == .lifted(order))
            #expect(book.action() == nil)
            // The keys of all records that were kept are given back when the order is over.
            #expect(Set(book.expire(now: noon + 5 * hour)) == Set([order.id] + records.map(\.key)))
        }
        // They may come before their order.
        var early = book()
        for record in lifts { #expect(early.take(record) == .early(orderID: order.id)) }
        #expect(early.take(try order.signed(by: world.detect)) == .lifted(order))
    }

    @Test func `one person is one, at the hub, under another name and with a key of their own`() throws {
        let order = world.order(severity: .critical)
        var book = try holding(order)
        #expect(book.take(try lift(order, as: "alice@example.com")) == .pendingLift(order, have: 1, need: 2))
        #expect(book.take(try lift(order, as: "ALICE@example.com")) == .duplicate(id: order.id))
        #expect(book.take(try lift(order, as: "al")) == .pendingLift(order, have: 1, need: 2))
        #expect(
            book.take(try world.lift(order.id, by: world.alice, as: "alice@example.com"))
                == .pendingLift(order, have: 1, need: 2))
        #expect(book.take(try lift(order, as: "bob@example.com")) == .lifted(order))
    }

    @Test func `nobody lifts an order on themselves through a hub`() throws {
        let order = world.order()
        var book = try holding(order)
        for name in ["ana@example.com", "ana.w", "ANA.W"] {
            #expect(book.take(try lift(order, as: name)).refusal == "own_order")
        }
        #expect(book.action() == .revokeTokens)
    }

    @Test func `a hub lifts only with the permission, in a person's name and under that person's key`() throws {
        let order = world.order()
        var book = try holding(order)
        #expect(book.take(try lift(order, as: "bob@example.com", by: mute)).refusal == "not_allowed")
        // Under the name of the key alone, as a person's record would be.
        let bare = try Lift(orderID: order.id, by: "bob@example.com", reason: "no", at: noon).signed(by: hub)
        #expect(book.take(bare).refusal == "key_mismatch")
        // Ben's lift under Cleo's key would overwrite hers in the compacted topic.
        let (ben, cleo) = (try lift(order, as: "ben@example.com"), try lift(order, as: "cleo@example.com"))
        #expect(book.apply(ben.value, key: cleo.key, now: noon + minute).refusal == "key_mismatch")
        // A person's key and automation's speak for nobody else.
        let forged = try lift(order, as: "cleo@example.com", by: world.bob)
        #expect(book.take(forged).refusal == "key_mismatch")
        #expect(
            book.apply(forged.value, key: "\(order.id)/lift/bob", now: noon + minute).refusal == "wrong_issuer")
        #expect(book.action() == .revokeTokens)
    }

    @Test func `a hub issues in a person's name, not as automation, and only with the permission`() throws {
        func order(_ issuer: Order.Issuer) -> Order {
            Order(
                id: StableID.uuid(["hub order"]), actions: [.block], subject: .init(type: .identity, value: "eve"),
                reason: "a test", severity: .high, issuer: issuer, issuedAt: noon, expiresAt: noon + hour)
        }
        let personal = order(.init(kind: .person, name: "cleo@example.com"))
        var book = book()
        #expect(book.take(try personal.signed(by: mute)).refusal == "not_allowed")
        #expect(book.take(try personal.signed(by: world.bob)).refusal == "wrong_issuer")
        for name in ["hub-1", "cleo@example.com"] {
            #expect(
                book.take(try order(.init(kind: .automation, name: name)).signed(by: hub)).refusal == "wrong_issuer")
        }
        #expect(book.take(try personal.signed(by: hub)) == .applied(personal))
        // Automation's budget is not a person's.
        #expect(book.safety.ledger.entries.isEmpty)
    }

    @Test func `what is proposed is judged as every gateway would`() throws {
        let order = world.order(severity: .critical)
        var book = try holding(order)
        func propose(_ name: String, _ id: String? = nil) throws -> (record: SignedRecord, have: Int, need: Int) {
            try book.propose(
                Lift(orderID: id ?? order.id, by: name, reason: "false alarm", at: noon), by: hub, onBehalf: true,
                now: noon + minute)
        }
        #expect(throws: OrderRefusal.ownOrder(person: "ana.w")) { try propose("ana.w") }
        #expect(throws: OrderRefusal.notInForce(id: StableID.uuid(["x"]))) { try propose("bob", StableID.uuid(["x"])) }
        let first = try propose("bob@example.com")
        #expect(first.have == 1 && first.need == 2)
        // Nothing has happened yet.
        #expect(book.status(order.id, now: noon)?.lifts.isEmpty == true)
        _ = book.take(first.record)
        #expect(throws: OrderRefusal.liftedBefore(by: "bob@example.com")) { try propose("bob@example.com") }
        let second = try propose("cleo@example.com")
        #expect(second.have == 2)
        _ = book.take(second.record)
        #expect(throws: OrderRefusal.notInForce(id: order.id)) { try propose("dan@example.com") }
        // A hub's key as one's own, and the other way round.
        #expect(throws: OrderRefusal.self) {
            try book.propose(world.personal("p"), by: hub, now: noon + minute)
        }
        #expect(throws: OrderRefusal.self) {
            try book.propose(world.personal("p"), by: world.alice, onBehalf: true, now: noon + minute)
        }
        #expect(try book.propose(world.personal("p"), by: world.alice, now: noon + minute).key == StableID.uuid(["p"]))
    }
}
