// SPDX-License-Identifier: Apache-2.0

import Approvals
import Signing
import Testing

@Suite struct DecisionTests {
    let world: World

    init() throws { world = try World() }

    private func asked(_ question: ApprovalQuestion) throws -> (ApprovalBook, ApprovalRequest) {
        var book = world.book()
        let (request, _) = try book.put(question, by: world.gateway)
        return (book, request)
    }

    // MARK: Who decides

    @Test func `one approval covers one request, once`() throws {
        var (book, request) = try asked(world.question())
        #expect(book.covering(world.question()) == nil)
        #expect(book.take(try world.decide(request.id, by: world.bob, as: "bob@example.com")).status == "approved")
        #expect(book.covering(world.question()) == request.id)
        let use = try #require(try book.use(request.id, gateway: "gateway", now: noon + 2 * minute))
        #expect(use == ApprovalUse(requestID: request.id, gateway: "gateway", at: noon + 2 * minute))
        #expect(book.covering(world.question()) == nil)
        #expect(throws: ApprovalRefusal.notApproved(id: request.id)) {
            try book.use(request.id, gateway: "gateway", now: noon + 3 * minute)
        }
        #expect(book.status(request.id, now: noon + 3 * minute) == .used(at: noon + 2 * minute))
        // Its own record comes back from the topic and must be kept; the second time it is known.
        let record = try use.signed(by: world.gateway)
        #expect(book.take(record, now: noon + 3 * minute).persists)
        #expect(!book.take(record, now: noon + 3 * minute).persists)
        // To ask again is a new request.
        let (next, isNew) = try book.ask(world.question(), now: noon + 4 * minute)
        #expect(isNew)
        #expect(next.id != request.id)
    }

    @Test func `the use at another gateway uses it up here`() throws {
        var (book, request) = try asked(world.question())
        _ = book.take(try world.decide(request.id, by: world.bob, as: "bob@example.com"))
        let use = ApprovalUse(requestID: request.id, gateway: "gateway", at: noon + minute)
        #expect(book.take(try use.signed(by: world.gateway)).status == "used")
        #expect(book.covering(world.question()) == nil)
        #expect(throws: ApprovalRefusal.self) { try book.use(request.id, gateway: "gateway", now: noon + minute) }
    }

    @Test func `only a gateway says that an approval was used, in its own name`() throws {
        var (book, request) = try asked(world.question())
        let use = ApprovalUse(requestID: request.id, gateway: "gateway", at: noon)
        #expect(book.take(try use.signed(by: world.bob)).refusal == "not_allowed")
        let other = ApprovalUse(requestID: request.id, gateway: "other", at: noon)
        #expect(book.take(try other.signed(by: world.gateway)).refusal == "wrong_person")
    }

    @Test func `M of N persons are needed, each counted once`() throws {
        var (book, request) = try asked(world.question(needed: 2))
        #expect(book.take(try world.decide(request.id, by: world.alice, as: "alice@example.com")).status == "pending")
        // Another key and another name of alice.
        #expect(book.take(try world.decide(request.id, by: world.alicePhone, as: "al")).status == "pending")
        #expect(
            book.status(request.id, now: noon + minute) == .pending(have: 1, need: 2, expiresAt: noon + hour))
        #expect(book.covering(world.question()) == nil)
        #expect(book.take(try world.decide(request.id, by: world.bob, as: "bob@example.com")).status == "approved")
        #expect(book.covering(world.question()) == request.id)
    }

    @Test func `nobody approves their own request, not through an alias either`() throws {
        for requester in ["ana.w", "ANA@example.com"] {
            var (book, request) = try asked(world.question(requester))
            #expect(book.take(try world.decide(request.id, by: world.ana, as: "ana.w")).refusal == "own_request")
            #expect(book.status(request.id, now: noon)?.code == "pending")
        }
    }

    @Test func `an own approval that comes before its request does not count when the request comes`() throws {
        var other = world.book()
        let (request, record) = try other.put(world.question(), by: world.gateway)
        var book = world.book()
        #expect(book.take(try world.decide(request.id, by: world.ana, as: "ana.w")) == .early(requestID: request.id))
        #expect(book.take(record) == .requested(request))
        #expect(book.status(request.id, now: noon)?.code == "pending")
    }

    @Test func `only the named approvers decide: by identity, key or group`() throws {
        for approvers in [["security"], ["AL"], ["alice"], ["nobody", "alice@example.com"]] {
            var (book, request) = try asked(world.question(approvers: approvers))
            #expect(
                book.take(try world.decide(request.id, by: world.bob, as: "bob@example.com")).refusal
                    == "not_an_approver")
            #expect(
                book.take(try world.decide(request.id, by: world.bob, as: "bob@example.com", .deny)).refusal
                    == "not_an_approver")
            #expect(
                book.take(try world.decide(request.id, by: world.alice, as: "alice@example.com")).status == "approved")
        }
    }

    @Test func `keys without the permission, strangers and other names approve nothing`() throws {
        var (book, request) = try asked(world.question())
        func outcome(_ key: SigningKey, _ name: String) throws -> String? {
            book.take(try world.decide(request.id, by: key, as: name)).refusal
        }
        #expect(try outcome(world.carol, "carol@example.com") == "not_allowed")
        #expect(try outcome(world.detect, "detect") == "not_allowed")
        #expect(try outcome(world.gateway, "gateway") == "not_allowed")
        #expect(try outcome(world.bob, "alice@example.com") == "wrong_person")
        #expect(try outcome(try SigningKey.generate(name: "bob"), "bob@example.com") == "bad_signature")
        #expect(try outcome(try SigningKey.generate(name: "eve"), "eve@example.com") == "unknown_key")
        let record = try world.decide(request.id, by: world.bob, as: "bob@example.com")
        #expect(
            book.apply(record.value, key: request.id + "/decision/alice", now: noon + minute).refusal
                == "key_mismatch")
        let elsewhere = StableID.uuid(["x"]) + "/decision/bob"
        #expect(book.apply(record.value, key: elsewhere, now: noon + minute).refusal == "key_mismatch")
        #expect(book.status(request.id, now: noon)?.code == "pending")
    }

    // MARK: Denial

    @Test func `one denial denies, after an approval too, and whoever approves then`() throws {
        var (book, request) = try asked(world.question(needed: 2))
        _ = book.take(try world.decide(request.id, by: world.alice, as: "alice@example.com"))
        #expect(book.take(try world.decide(request.id, by: world.bob, as: "bob@example.com", .deny)).status == "denied")
        #expect(book.take(try world.decide(request.id, by: world.alicePhone, as: "al")).status == "denied")
        #expect(
            book.status(request.id, now: noon + minute) == .denied(by: "bob@example.com", reason: "talked to them"))
        // Asking again within the validity is the same denied request; afterwards a new one.
        #expect(try book.ask(world.question(), now: noon + hour - 1).request.id == request.id)
        #expect(try book.ask(world.question(), now: noon + hour).isNew)
    }

    @Test func `a denial takes back what was approved, and its giver's own approval`() throws {
        for (key, name) in [(world.alice, "alice@example.com"), (world.bob, "bob@example.com")] {
            var (book, request) = try asked(world.question())
            _ = book.take(try world.decide(request.id, by: world.bob, as: "bob@example.com", .approve, .window))
            #expect(book.covering(world.question()) == request.id)
            let denial = try world.decide(request.id, by: key, as: name, .deny, at: noon + 90 * minute)
            #expect(book.take(denial, now: noon + 90 * minute).status == "denied")
            #expect(book.covering(world.question(), now: noon + 91 * minute) == nil)
            // And stays so when an old approval is replayed.
            let replayed = try world.decide(request.id, by: world.bob, as: "bob@example.com", .approve, .window)
            _ = book.take(replayed, now: noon + 91 * minute)
            #expect(book.covering(world.question(), now: noon + 92 * minute) == nil)
        }
    }

    // MARK: Time

    @Test func `a window holds for any number of requests until its millisecond`() throws {
        var (book, request) = try asked(world.question())
        let decision = try world.decide(
            request.id, by: world.bob, as: "bob@example.com", .approve, .window, until: noon + 90 * minute)
        #expect(book.take(decision).status == "approved")
        for _ in 0..<3 {
            #expect(try book.use(request.id, gateway: "gateway", now: noon + 90 * minute - 1) == nil)
        }
        #expect(book.covering(world.question(), now: noon + 90 * minute - 1) == request.id)
        #expect(book.covering(world.question(), now: noon + 90 * minute) == nil)
        #expect(book.status(request.id, now: noon + 90 * minute) == .expired)
        #expect(throws: ApprovalRefusal.self) {
            try book.use(request.id, gateway: "gateway", now: noon + 90 * minute)
        }
    }

    @Test func `of several approvals the shorter and the narrower counts`() throws {
        var (book, request) = try asked(world.question(needed: 2))
        _ = book.take(
            try world.decide(
                request.id, by: world.alice, as: "alice@example.com", .approve, .window, until: noon + 2 * hour))
        _ = book.take(
            try world.decide(request.id, by: world.bob, as: "bob@example.com", .approve, .once, until: noon + hour))
        #expect(
            book.status(request.id, now: noon + minute)
                == .approved(.once, validUntil: noon + hour, by: ["alice@example.com", "bob@example.com"]))
    }

    @Test func `a decision after the request's expiry, before its making or from the future does not count`() throws {
        var (book, request) = try asked(world.question())
        func outcome(at: Int64, now: Int64) throws -> ApprovalOutcome {
            book.take(
                try world.decide(
                    request.id, by: world.bob, as: "bob@example.com", .approve, .window, until: at + hour, at: at),
                now: now)
        }
        #expect(try outcome(at: noon + hour, now: noon + hour).refusal == "expired")
        #expect(try outcome(at: noon - 5 * minute - 1, now: noon).refusal == "decision_before_request")
        #expect(try outcome(at: noon + 5 * minute + 1, now: noon).refusal == "future")
        #expect(try outcome(at: noon + hour - 1, now: noon + hour).status == "approved")
    }

    @Test func `an approval for longer than seven days is not made`() throws {
        let id = StableID.uuid(["x"])
        let limit = noon + minute + ApprovalDecision.maximumValidity
        _ = try world.decide(id, by: world.bob, as: "bob@example.com", until: limit)
        #expect(throws: ApprovalFault.self) {
            try world.decide(id, by: world.bob, as: "bob@example.com", until: limit + 1)
        }
        #expect(throws: ApprovalFault.self) {
            try world.decide(id, by: world.bob, as: "bob@example.com", until: noon + minute)
        }
    }

    // MARK: What is covered

    @Test func `an approval covers its requester, its kind of request and no more than was asked for`() throws {
        var (book, request) = try asked(world.question(items: 5000))
        _ = book.take(try world.decide(request.id, by: world.bob, as: "bob@example.com", .approve, .window))
        #expect(book.covering(world.question("Ana.W", items: 5000)) == request.id)
        #expect(book.covering(world.question(items: 10)) == request.id)
        #expect(book.covering(world.question(items: 5001)) == nil)
        #expect(book.covering(world.question("bob@example.com")) == nil)
        #expect(book.covering(world.question(resources: ["collection:secret"])) == nil)
        // A larger question is a new one.
        #expect(try book.ask(world.question(items: 5001), now: noon + 2 * minute).isNew)
    }

    @Test func `a window is used before a one-time approval`() throws {
        var book = world.book()
        let (once, _) = try book.put(world.question(items: 1), by: world.gateway)
        let (window, _) = try book.put(world.question(items: 2), by: world.gateway)
        _ = book.take(try world.decide(once.id, by: world.bob, as: "bob@example.com"))
        _ = book.take(try world.decide(window.id, by: world.bob, as: "bob@example.com", .approve, .window))
        #expect(book.covering(world.question(items: 1)) == window.id)
    }

    // MARK: Order of arrival, restart

    @Test func `records may come in any order and what is kept gives the same book`() throws {
        var first = world.book()
        let (request, record) = try first.put(world.question(needed: 2), by: world.gateway)
        let records = [
            record, try world.decide(request.id, by: world.alice, as: "alice@example.com"),
            try world.decide(request.id, by: world.bob, as: "bob@example.com"),
            try ApprovalUse(requestID: request.id, gateway: "gateway", at: noon + minute).signed(by: world.gateway),
        ]
        for _ in 0..<24 {
            var book = world.book()
            var kept: [String: [UInt8]] = [:]
            for record in records.shuffled() where book.take(record).persists { kept[record.key] = record.value }
            #expect(kept.count == 4)
            #expect(book.status(request.id, now: noon + minute) == .used(at: noon + minute))
            var again = world.book()
            for (key, value) in kept { _ = again.apply(value, key: key, now: noon + minute) }
            #expect(again.status(request.id, now: noon + minute) == .used(at: noon + minute))
            let end = request.expiresAt + ApprovalDecision.maximumValidity
            #expect(again.expire(now: end - 1).isEmpty)
            #expect(Set(again.expire(now: end)) == Set(kept.keys))
            #expect(again.count == 0)
        }
    }

    @Test func `what waits for a request that never comes is forgotten in the end`() throws {
        var book = world.book()
        let decision = try world.decide(StableID.uuid(["x"]), by: world.bob, as: "bob@example.com")
        #expect(book.take(decision).persists)
        #expect(book.expire(now: noon + 10 * 24 * hour).isEmpty)
        #expect(book.expire(now: noon + 15 * 24 * hour).contains(decision.key))
        #expect(book.take(decision, now: noon + 15 * 24 * hour).refusal == "expired")
    }

    @Test func `ten thousand mutations of records never enter and never crash`() throws {
        var random = SystemRandomNumberGenerator()
        var book = world.book()
        let (request, record) = try book.put(world.question(), by: world.gateway)
        let decision = try world.decide(request.id, by: world.bob, as: "bob@example.com")
        for round in 0..<10_000 {
            let from = round % 2 == 0 ? record : decision
            var value = from.value
            let at = Int.random(in: value.indices, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: value[at] ^= UInt8(1 << Int.random(in: 0..<8, using: &random))
            case 1: value.removeSubrange(at..<min(value.count, at + Int.random(in: 1...50, using: &random)))
            default: value.insert(UInt8.random(in: 0...255, using: &random), at: at)
            }
            #expect(book.apply(value, key: from.key, now: noon + minute).refusal != nil)
        }
        #expect(book.count == 1)
        #expect(book.status(request.id, now: noon)?.code == "pending")
    }
}
