// SPDX-License-Identifier: Apache-2.0

import Orders
import Signing
import Testing

@Suite struct EffectTests {
    let world: World

    init() throws { world = try World() }

    private func book(_ orders: Order...) throws -> OrderBook {
        var book = world.book()
        for order in orders {
            let key = order.issuer.kind == .automation ? world.detect : world.alice
            #expect(book.take(try order.signed(by: key)) == .applied(order))
        }
        return book
    }

    @Test func `a lockdown refuses old tokens and puts new ones before an approver`() throws {
        let book = try book(world.order())
        #expect(book.action(tokenAt: noon - hour) == .revokeTokens)
        #expect(book.action(tokenAt: noon + minute) == .requireApproval)
        #expect(book.action("bob@example.com") == nil)
    }

    @Test(arguments: [(-1000, true), (-1, true), (0, true), (999, true), (1000, false), (1001, false)])
    func `a token of the order's own second counts as older`(difference: Int64, isRevoked: Bool) throws {
        // Issued half a second after noon.
        let book = try book(world.order(actions: [.revokeTokens], at: noon + 500))
        #expect((book.action(tokenAt: noon + difference) != nil) == isRevoked)
    }

    @Test func `a token that does not say when it was issued is revoked`() throws {
        let book = try book(world.order(actions: [.revokeTokens]))
        #expect(book.action(tokenAt: 0) == .revokeTokens)
        #expect(book.action(tokenAt: .min) == .revokeTokens)
        #expect(book.action(tokenAt: .max) == nil)
    }

    @Test func `the strongest action of several orders wins`() throws {
        let book = try book(
            world.order("1", actions: [.requireApproval]), world.personal("p", actions: [.block]),
            world.order("2", actions: [.revokeTokens]))
        #expect(book.action() == .block)
    }

    @Test func `an order holds until the millisecond of its expiry`() throws {
        let book = try book(world.order(ttl: hour))
        #expect(book.action(now: noon + hour - 1) == .revokeTokens)
        #expect(book.action(now: noon + hour) == nil)
    }

    @Test func `a person is met under every name, in any case`() throws {
        let book = try book(world.order(on: "Ana.W"))
        #expect(book.action("ANA@example.com") != nil)
        #expect(book.action("ana.w") != nil)
        let caller = Caller(identity: "u-17", aliases: ["x", "ana@example.com"], tokenIssuedAt: 0)
        #expect(
            book.effect(on: caller, connection: "v", operation: "vectors.query", sensitive: true, now: noon) != nil)
    }

    @Test func `sessions and tokens are met exactly`() throws {
        let book = try book(
            world.order("1", on: "S-1", type: .session, actions: [.block]),
            world.order("2", on: "jti-1", type: .token, actions: [.revokeTokens]))
        func action(session: String?, token: String?) -> Order.Action? {
            book.effect(
                on: Caller(identity: "bob", session: session, tokenID: token, tokenIssuedAt: 0), connection: "v",
                operation: "vectors.query", sensitive: true, now: noon)?.action
        }
        #expect(action(session: "S-1", token: nil) == .block)
        #expect(action(session: "s-1", token: nil) == nil)
        #expect(action(session: nil, token: "jti-1") == .revokeTokens)
        #expect(action(session: "jti-1", token: "S-1") == nil)
        #expect(action(session: "S-1", token: "jti-1") == .block)
    }

    @Test func `an order on a service account does not meet a person of that name`() throws {
        let book = try book(world.order(on: "svc-embed", type: .serviceAccount, actions: [.block]))
        func action(_ isServiceAccount: Bool) -> Order.Action? {
            book.effect(
                on: Caller(identity: "SVC-embed", isServiceAccount: isServiceAccount, tokenIssuedAt: 0),
                connection: "v", operation: "vectors.query", sensitive: true, now: noon)?.action
        }
        #expect(action(true) == .block)
        #expect(action(false) == nil)
    }

    @Test func `an order holds on its connections and operations only`() throws {
        let scope = Order.Scope(connections: ["weights"], operations: ["checkpoint.download", "config.*"])
        let book = try book(world.order(actions: [.block], scope: scope))
        #expect(book.action(connection: "weights", operation: "checkpoint.download") == .block)
        #expect(book.action(connection: "weights", operation: "config.change") == .block)
        #expect(book.action(connection: "weights", operation: "configure") == nil)
        #expect(book.action(connection: "weights", operation: "checkpoint.downloads") == nil)
        #expect(book.action(connection: "vectors", operation: "checkpoint.download") == nil)
    }

    @Test func `what is not sensitive passes an order for approval, but no block and no revoked token`() throws {
        let approval = try book(world.order(actions: [.requireApproval]))
        #expect(approval.action(operation: "vectors.query", sensitive: false) == nil)
        #expect(approval.action(operation: "vectors.export", sensitive: true) == .requireApproval)
        let revoke = try book(world.order(actions: [.revokeTokens]))
        #expect(revoke.action(operation: "session.open", sensitive: false) == .revokeTokens)
        let block = try book(world.order(actions: [.block]))
        #expect(block.action(operation: "session.open", sensitive: false) == .block)
        let named = try book(world.order(actions: [.requireApproval], scope: .init(operations: ["vectors.*"])))
        #expect(named.action(operation: "vectors.query", sensitive: false) == .requireApproval)
        #expect(named.action(operation: "corpus.read", sensitive: true) == nil)
    }

    @Test func `ten thousand orders at once are each in force, and the next caller is free`() throws {
        var book = world.book()
        for number in 0..<10_000 {
            let order = world.order("alert-\(number)", on: "user-\(number)@example.com", actions: [.block])
            #expect(book.take(try order.signed(by: world.detect)).persists)
        }
        #expect(book.active(now: noon).count == 10_000)
        for number in stride(from: 0, to: 10_000, by: 97) {
            #expect(book.action("USER-\(number)@example.com") == .block)
        }
        #expect(book.action("user-10000@example.com") == nil)
        #expect(book.expire(now: noon + 4 * hour - 1).isEmpty)
        #expect(book.expire(now: noon + 4 * hour).count == 10_000)
        #expect(book.count == 0)
    }

    @Test func `when the book is full automation is refused and persons are not`() throws {
        var book = world.book(options: .init(maximumOrders: 3, maximumOrdersPerSubject: 2))
        for number in 0..<2 {
            #expect(book.take(try world.order("\(number)").signed(by: world.detect)).persists)
        }
        #expect(book.take(try world.order("2").signed(by: world.detect)).refusal == "too_many")
        #expect(book.take(try world.order("2", on: "bob").signed(by: world.detect)).persists)
        #expect(book.take(try world.order("3", on: "carol").signed(by: world.detect)).refusal == "too_many")
        #expect(book.take(try world.personal("p").signed(by: world.alice)).persists)
        #expect(book.action() == .block)
        // Room is made by what has expired.
        let later = noon + 4 * hour
        let next = try world.order("4", on: "carol", at: later).signed(by: world.detect)
        #expect(book.take(next, now: later).persists)
    }
}
