// SPDX-License-Identifier: Apache-2.0

import Approvals
import Signing
import Testing

/// Decisions of persons who logged in at a hub and have no key.
@Suite struct HubSigningTests {
    let world: World
    let hub: SigningKey
    let mute: SigningKey
    let keys: TrustedKeys

    init() throws {
        world = try World()
        hub = try SigningKey.generate(name: "hub-1")
        mute = try SigningKey.generate(name: "hub-2")
        keys = try TrustedKeys(
            world.keys.keys + [
                TrustedKey(name: "hub-1", role: .hub, may: [.approve], publicText: hub.publicText),
                TrustedKey(name: "hub-2", role: .hub, may: [.issue, .lift], publicText: mute.publicText),
            ])
    }

    private func asked(_ question: ApprovalQuestion) throws -> (ApprovalBook, ApprovalRequest) {
        var book = ApprovalBook(keys: keys, aliases: world.aliases)
        let (request, _) = try book.put(question, by: world.gateway)
        return (book, request)
    }

    private func decision(
        _ id: String, as name: String, _ verdict: ApprovalDecision.Verdict = .approve, groups: [String]? = nil
    ) -> ApprovalDecision {
        ApprovalDecision(
            requestID: id, by: name, verdict: verdict, validUntil: noon + 2 * hour, reason: "talked to them",
            at: noon + minute, groups: groups)
    }

    private func decide(
        _ id: String, as name: String, _ verdict: ApprovalDecision.Verdict = .approve, groups: [String]? = nil,
        by key: SigningKey? = nil
    ) throws -> SignedRecord {
        try decision(id, as: name, verdict, groups: groups).signed(by: key ?? hub, onBehalf: true)
    }

    @Test func `two persons at one hub are two, one under two names is one`() throws {
        var (book, request) = try asked(world.question(needed: 2))
        let first = try decide(request.id, as: "alice@example.com")
        #expect(book.take(first).status == "pending")
        #expect(book.take(first) == .duplicate(id: request.id))
        #expect(book.take(try decide(request.id, as: "al")).status == "pending")
        // The same person's own key.
        #expect(book.take(try world.decide(request.id, by: world.alice, as: "alice@example.com")).status == "pending")
        #expect(book.take(try decide(request.id, as: "dan@example.com")).status == "approved")
        #expect(book.decisions(request.id).map(\.by).contains("dan@example.com"))
        // A denial takes it back, and stands under the person's own key of the topic.
        let denial = try decide(request.id, as: "alice@example.com", .deny)
        #expect(denial.key == first.key && book.take(denial).status == "denied")
        let kept = Set(book.expire(now: noon + 30 * 24 * hour))
        #expect(kept.contains(first.key) && kept.contains("\(request.id)/decision/alice"))
    }

    @Test func `the groups that a hub names count, those in a person's record do not`() throws {
        var (book, request) = try asked(world.question(approvers: ["data-stewards"]))
        #expect(book.take(try decide(request.id, as: "dan@example.com")).refusal == "not_an_approver")
        #expect(
            book.take(try decide(request.id, as: "dan@example.com", groups: ["soc"])).refusal == "not_an_approver")
        let own = try decision(request.id, as: "bob@example.com", groups: ["data-stewards"]).signed(by: world.bob)
        #expect(book.take(own).refusal == "not_an_approver")
        #expect(
            book.take(try decide(request.id, as: "dan@example.com", groups: ["soc", "data-stewards"])).status
                == "approved")
        // The name of the hub's key is many persons' and makes nobody an approver.
        var (other, asked) = try asked(world.question("ben", approvers: ["hub-1"]))
        #expect(other.take(try decide(asked.id, as: "dan@example.com")).refusal == "not_an_approver")
        #expect(
            throws: ApprovalFault.self,
            performing: {
                try decide(asked.id, as: "dan", groups: (0...ApprovalRequest.maximumList).map { "g\($0)" })
            })
        #expect(throws: ApprovalFault.self) { try decide(asked.id, as: "dan", groups: ["a\nb"]) }
    }

    @Test func `nobody decides their own request through a hub, nor without its permission, nor as nobody`() throws {
        var (book, request) = try asked(world.question("ana.w"))
        for name in ["ana@example.com", "ANA.W"] {
            #expect(book.take(try decide(request.id, as: name)).refusal == "own_request")
        }
        #expect(book.take(try decide(request.id, as: "dan@example.com", by: mute)).refusal == "not_allowed")
        #expect(throws: ApprovalFault.self) { try decide(request.id, as: "") }
        // A person's key naming somebody else, under either key.
        let forged = try decide(request.id, as: "dan@example.com", by: world.bob)
        #expect(book.take(forged).refusal == "key_mismatch")
        #expect(
            book.apply(forged.value, key: "\(request.id)/decision/bob", now: noon + minute).refusal == "wrong_person")
        let (dan, eve) = (try decide(request.id, as: "dan"), try decide(request.id, as: "eve"))
        #expect(book.apply(dan.value, key: eve.key, now: noon + minute).refusal == "key_mismatch")
        #expect(book.status(request.id, now: noon)?.code == "pending")
    }

    @Test func `what is proposed is judged as every gateway would`() throws {
        var (book, request) = try asked(world.question())
        func propose(_ name: String, id: String? = nil) throws -> (record: SignedRecord, status: ApprovalStatus) {
            try book.propose(
                decision(id ?? request.id, as: name), by: hub, onBehalf: true, now: noon + minute)
        }
        #expect(throws: ApprovalRefusal.unknown(id: StableID.uuid(["x"]))) {
            try propose("dan", id: StableID.uuid(["x"]))
        }
        #expect(throws: ApprovalRefusal.ownRequest(person: "ana.w")) { try propose("ana.w") }
        let (record, status) = try propose("dan")
        #expect(status.code == "approved" && book.status(request.id, now: noon)?.code == "pending")
        _ = book.take(record)
        #expect(throws: ApprovalRefusal.decidedBefore(by: "dan")) { try propose("dan") }
        #expect(throws: ApprovalRefusal.self) {
            try book.propose(decision(request.id, as: "bob"), by: hub, now: noon + minute)
        }
    }
}
