// SPDX-License-Identifier: Apache-2.0

import Orders
import Signing
import Testing

@Suite struct BookTests {
    let world: World

    init() throws { world = try World() }

    private func json(_ order: Order) throws -> [UInt8] { try RecordJSON.encode(order) }

    // MARK: Who may issue

    @Test func `an order enters once`() throws {
        var book = world.book()
        let record = try world.order().signed(by: world.detect)
        #expect(book.take(record) == .applied(world.order()))
        #expect(book.take(record) == .duplicate(id: world.order().id))
        #expect(book.count == 1)
    }

    @Test func `an order without a signature, or with that of a stranger, does not enter`() throws {
        var book = world.book()
        let order = world.order()
        #expect(book.apply(try json(order), key: order.id, now: noon).refusal == "malformed")
        let stranger = try SigningKey.generate(name: "stranger")
        #expect(book.take(try order.signed(by: stranger)).refusal == "unknown_key")
        let impostor = try SigningKey.generate(name: "detect")
        #expect(book.take(try order.signed(by: impostor)).refusal == "bad_signature")
        #expect(book.count == 0)
    }

    @Test func `a key without the permission, or a gateway's, issues nothing`() throws {
        var book = world.book()
        for (key, kind) in [
            (world.detect2, Order.Issuer.Kind.automation), (world.gateway, .automation), (world.ana, .person),
        ] {
            let order = Order(
                id: StableID.uuid([key.name]), actions: [.block], subject: .init(type: .identity, value: "bob"),
                reason: "a test", severity: .high, issuer: .init(kind: kind, name: key.name), issuedAt: noon,
                expiresAt: noon + hour)
            #expect(book.take(try order.signed(by: key)).refusal == "not_allowed")
        }
    }

    @Test func `nobody signs in another's name`() throws {
        var book = world.book()
        // The detector as alice: would pass budget and protection.
        #expect(book.take(try world.personal("p").signed(by: world.detect)).refusal == "wrong_issuer")
        // Alice as the detector: could be lifted by automation.
        #expect(book.take(try world.order().signed(by: world.alice)).refusal == "wrong_issuer")
        // Bob as alice.
        #expect(book.take(try world.personal("p").signed(by: world.bob)).refusal == "wrong_issuer")
        #expect(book.count == 0)
    }

    @Test func `a record under another key or of another kind does not enter`() throws {
        var book = world.book()
        let record = try world.order("1").signed(by: world.detect)
        #expect(book.apply(record.value, key: world.order("2").id, now: noon).refusal == "key_mismatch")
        for key in ["", "order", record.key + "/", record.key + "/lift/", record.key.uppercased(), record.key + "/x/y"]
        {
            #expect(book.apply(record.value, key: key, now: noon).refusal == "bad_key")
        }
        let asLift = try world.detect.sign(try json(world.order("1")), type: .lift)
        #expect(book.apply(asLift, key: record.key, now: noon).refusal == "wrong_type")
        #expect(book.apply(record.value, key: record.key + "/lift/detect", now: noon).refusal == "wrong_type")
        #expect(book.count == 0)
    }

    @Test func `deleting a record of the topic lifts nothing`() throws {
        var book = world.book()
        let record = try world.order().signed(by: world.detect)
        #expect(book.take(record).persists)
        #expect(book.apply(nil, key: record.key, now: noon).refusal == "tombstone")
        #expect(book.action() == .revokeTokens)
    }

    // MARK: Time

    @Test func `an order from too far in the future or past its time does not enter`() throws {
        let order = world.order(at: noon, ttl: hour)
        func outcome(_ now: Int64) throws -> OrderOutcome {
            var book = world.book()
            return book.take(try order.signed(by: world.detect), now: now)
        }
        #expect(try outcome(noon - 5 * minute) == .applied(order))
        #expect(try outcome(noon - 5 * minute - 1).refusal == "future")
        #expect(try outcome(noon + hour - 1) == .applied(order))
        #expect(try outcome(noon + hour).refusal == "expired")
    }

    @Test func `an order lasts thirty days at most, and is not made for longer`() throws {
        var book = world.book()
        let longest = world.personal("1", ttl: Order.maximumTTL)
        #expect(book.take(try longest.signed(by: world.alice)) == .applied(longest))
        let longer = world.personal("2", ttl: Order.maximumTTL + 1)
        #expect(throws: OrderFault.self) { try longer.signed(by: world.alice) }
        let signed = try world.alice.sign(try json(longer), type: .order)
        #expect(book.apply(signed, key: longer.id, now: noon).refusal == "malformed")
    }

    @Test(arguments: [
        ("\"issued_at\":\(noon)", "\"issued_at\":-1"), ("\"issued_at\":\(noon)", "\"issued_at\":9223372036854775807"),
        ("\"expires_at\":\(noon + 4 * hour)", "\"expires_at\":9223372036854775807"),
        ("\"expires_at\":\(noon + 4 * hour)", "\"expires_at\":\(noon)"),
        ("\"expires_at\":\(noon + 4 * hour),", ""), ("\"severity\":\"high\"", "\"severity\":\"low\""),
        ("\"revoke_tokens\"", "\"delete_account\""), ("\"revoke_tokens\"", "\"require_approval\""),
        ("[\"revoke_tokens\",\"require_approval\"]", "[]"), ("ana@example.com", ""),
        ("ana@example.com", "ana\\nexample"), ("\"supersedes\":[]", "\"supersedes\":[\"x\"]"),
        ("\"reason\":\"a test\"", "\"reason\":\"\""), ("\"type\":\"identity\"", "\"type\":\"everyone\""),
        ("\"scope\":{\"connections\":[],\"operations\":[]}", "\"scope\":{}"),
        ("\"reason\":\"a test\"", "\"reason\":\"a test\",\"reason\":\"another\""),
    ])
    func `a signed order that makes no sense does not enter`(part: String, replacement: String) throws {
        var book = world.book()
        let order = world.order()
        let text = String(decoding: try json(order), as: UTF8.self)
        #expect(text.contains(part))
        let changed = text.replacing(part, with: replacement)
        let signed = try world.detect.sign(Array(changed.utf8), type: .order)
        #expect(book.apply(signed, key: order.id, now: noon).refusal == "malformed")
        #expect(book.count == 0)
    }

    @Test func `ten thousand mutations of a record never enter and never crash`() throws {
        var random = Seeded(20_261_121)
        var book = world.book()
        let order = world.order()
        let record = try order.signed(by: world.detect)
        let payload = try json(order)
        func mutate(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<max(1, bytes.count), using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: if at < bytes.count { bytes[at] ^= UInt8(1 << Int.random(in: 0..<8, using: &random)) }
                case 1: if at < bytes.count { bytes.remove(at: at) }
                case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: min(at, bytes.count))
                case 3: bytes.removeSubrange(at..<min(bytes.count, at + 20))
                default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 20)], at: at)
                }
            }
            return bytes
        }
        for _ in 0..<5000 {
            let changed = mutate(record.value)
            if changed != record.value {
                #expect(book.apply(changed, key: record.key, now: noon).refusal != nil)
            }
        }
        #expect(book.count == 0)
        // Garbage with a right signature: it may enter only as the order that it then is.
        for _ in 0..<5000 {
            let signed = try world.detect.sign(mutate(payload), type: .order)
            if case .applied(let entered) = book.apply(signed, key: record.key, now: noon) {
                #expect(entered.id == order.id)
                #expect(entered.issuer == order.issuer)
                #expect(entered.expiresAt - entered.issuedAt <= Order.maximumTTL)
                book = world.book()
            }
        }
    }

    // MARK: Replacing

    @Test func `an order that is at least as strong replaces another, in either order of arrival`() throws {
        let old = world.order()
        let new = world.personal(
            "new", actions: [.block, .revokeTokens, .requireApproval], at: noon + minute, supersedes: [old.id])
        let records = [try old.signed(by: world.detect), try new.signed(by: world.alice)]
        for order in [[0, 1], [1, 0]] {
            var book = world.book()
            for index in order { _ = book.take(records[index], now: noon + 2 * minute) }
            #expect(book.active(now: noon + 2 * minute) == [new])
            #expect(book.take(records[0]).refusal == "superseded")
            // The lift of the new one frees; the old one does not come back.
            #expect(
                book.take(try world.lift(new.id, by: world.bob, as: "bob@example.com", at: noon + 2 * minute))
                    == .lifted(new))
            #expect(book.action(now: noon + 2 * minute) == nil)
        }
    }

    @Test func `an order that is weaker in anything replaces nothing`() throws {
        let old = world.personal("old", actions: [.block], severity: .critical)
        func weaker(_ new: Order, signedBy key: SigningKey) throws {
            for isReversed in [false, true] {
                var book = world.book()
                let records = [try old.signed(by: world.alice), try new.signed(by: key)]
                for record in isReversed ? records.reversed() : records { _ = book.take(record) }
                #expect(book.active(now: noon + minute).contains(old))
            }
        }
        let ids = [old.id]
        try weaker(
            world.personal("1", actions: [.requireApproval], severity: .critical, supersedes: ids),
            signedBy: world.alice)
        try weaker(world.personal("2", severity: .high, supersedes: ids), signedBy: world.alice)
        try weaker(world.personal("3", severity: .critical, ttl: hour, supersedes: ids), signedBy: world.alice)
        try weaker(world.personal("4", on: "bob", severity: .critical, supersedes: ids), signedBy: world.alice)
        try weaker(
            world.personal("5", scope: .init(connections: ["v"]), severity: .critical, supersedes: ids),
            signedBy: world.alice)
        try weaker(
            world.personal("6", scope: .init(operations: ["config.change"]), severity: .critical, supersedes: ids),
            signedBy: world.alice)
        // Automation does not replace a person's order, however strong its own.
        let automatic = Order(
            id: StableID.uuid(["7"]), actions: [.block], subject: old.subject, reason: "a test", severity: .critical,
            issuer: .init(kind: .automation, name: "detect"), issuedAt: noon, expiresAt: noon + 5 * hour,
            supersedes: ids)
        try weaker(automatic, signedBy: world.detect)
    }

    // MARK: Restart

    @Test func `what is kept gives the same book again, in any order`() throws {
        var random = Seeded(7)
        var book = world.book(
            .init(mode: .enforce, ordersPerHour: 4, sharePerHour: 0, shareFloor: 100, maximumTTL: Order.maximumTTL))
        var kept: [String: [UInt8]] = [:]
        func take(_ record: SignedRecord, now: Int64 = noon + minute) {
            if book.take(record, now: now).persists { kept[record.key] = record.value }
        }
        for number in 0..<6 {
            take(try world.order("\(number)", on: "user-\(number)", at: noon + Int64(number)).signed(by: world.detect))
        }
        let critical = world.personal("c", severity: .critical)
        take(try critical.signed(by: world.alice))
        take(try world.lift(critical.id, by: world.alice, as: "alice@example.com"))
        take(try world.lift(world.order("1", on: "user-1").id, by: world.bob, as: "bob@example.com"))
        take(try world.lift(world.order("early", on: "zoe").id, by: world.bob, as: "bob@example.com"))
        take(
            try world.personal(
                "s", on: "user-0", actions: Order.lockdown, ttl: 5 * hour,
                supersedes: [world.order("0", on: "user-0").id]
            ).signed(by: world.alice))
        #expect(book.active(now: noon + minute).count == 4)
        for _ in 0..<20 {
            var again = world.book(book.safety.settings)
            for (key, value) in kept.shuffled(using: &random) {
                _ = again.restore(value, key: key, now: noon + 2 * minute)
            }
            #expect(again.active(now: noon + minute) == book.active(now: noon + minute))
            // The budget is spent as before, what was lifted stays lifted, and one more person lifts the critical one.
            #expect(again.take(try world.order("9", on: "user-9").signed(by: world.detect)).refusal == "budget")
            #expect(
                again.take(try world.order("1", on: "user-1", at: noon + 1).signed(by: world.detect)).refusal
                    == "already_lifted")
            #expect(again.take(try world.lift(critical.id, by: world.bob, as: "bob@example.com")) == .lifted(critical))
            #expect(
                Set(again.expire(now: noon + Order.maximumTTL * 2)) == Set(kept.keys).union([critical.id + "/lift/bob"])
            )
        }
    }

    @Test func `a kept record that was changed on disk does not come back`() throws {
        var book = world.book()
        var record = try world.order().signed(by: world.detect).value
        record[record.count / 2] ^= 1
        #expect(book.restore(record, key: world.order().id, now: noon).refusal != nil)
    }
}
