// SPDX-License-Identifier: Apache-2.0

import Approvals
import Signing

/// 2026-11-21T12:00:00Z, ms.
let noon: Int64 = 1_795_262_400_000
let minute: Int64 = 60_000
let hour: Int64 = 3_600_000

/// Keys of everybody, and the book of a gateway that trusts them.
struct World {
    let gateway: SigningKey
    let alice: SigningKey
    let alicePhone: SigningKey
    let bob: SigningKey
    let carol: SigningKey
    let ana: SigningKey
    let detect: SigningKey
    let keys: TrustedKeys
    /// ana.w is another name of ana@example.com, al of alice.
    let aliases = IdentityAliases([["ana@example.com", "ana.w"], ["alice@example.com", "al"]])

    init() throws {
        func key(_ name: String) throws -> SigningKey { try SigningKey.generate(name: name) }
        func person(
            _ key: SigningKey, _ who: String, groups: [String] = [], may: Set<TrustedKey.Permission> = [.approve]
        ) throws -> TrustedKey {
            try TrustedKey(
                name: key.name, role: .person, identity: who, groups: groups, may: may, publicText: key.publicText)
        }
        gateway = try key("gateway")
        alice = try key("alice")
        alicePhone = try key("alice-phone")
        bob = try key("bob")
        carol = try key("carol")
        ana = try key("ana")
        detect = try key("detect")
        keys = try TrustedKeys([
            try TrustedKey(name: "gateway", role: .gateway, may: [], publicText: gateway.publicText),
            try TrustedKey(name: "detect", role: .automation, may: [.issue], publicText: detect.publicText),
            try person(alice, "alice@example.com", groups: ["security"]), try person(alicePhone, "AL"),
            try person(bob, "bob@example.com"), try person(carol, "carol@example.com", may: [.issue, .lift]),
            try person(ana, "ana.w"),
        ])
    }

    func book(_ options: ApprovalBook.Options = .init()) -> ApprovalBook {
        ApprovalBook(keys: keys, aliases: aliases, options: options)
    }

    func question(
        _ requester: String = "ana@example.com", resources: [String] = ["collection:papers"], items: Int64? = 5000,
        needed: Int = 1, approvers: [String] = [], validity: Int64 = hour
    ) -> ApprovalQuestion {
        ApprovalQuestion(
            requester: requester, connection: "vectors", operation: "vectors.query", resources: resources,
            accessClass: "vectors", policy: "over 1,000 items", reason: "5,000 items are over the line of 1,000",
            justification: "evaluation", items: items, needed: needed, approvers: approvers, validity: validity)
    }

    func decide(
        _ id: String, by key: SigningKey, as name: String, _ verdict: ApprovalDecision.Verdict = .approve,
        _ kind: ApprovalDecision.Kind = .once, until: Int64 = noon + 2 * hour, at: Int64 = noon + minute
    ) throws -> SignedRecord {
        try ApprovalDecision(
            requestID: id, by: name, verdict: verdict, kind: kind, validUntil: until, reason: "talked to them", at: at
        ).signed(by: key)
    }
}

extension ApprovalBook {
    mutating func take(_ record: SignedRecord, now: Int64 = noon + minute) -> ApprovalOutcome {
        apply(record.value, key: record.key, now: now)
    }

    /// Asks, signs and applies. Returns the request and its record.
    mutating func put(
        _ question: ApprovalQuestion, by gateway: SigningKey, now: Int64 = noon
    ) throws -> (request: ApprovalRequest, record: SignedRecord) {
        let (request, _) = try ask(question, now: now)
        let record = try request.signed(by: gateway)
        _ = take(record, now: now)
        return (request, record)
    }

    func covering(_ question: ApprovalQuestion, now: Int64 = noon + 2 * minute) -> String? {
        covering(
            requester: question.requester,
            fingerprint: ApprovalRequest.fingerprint(
                connection: question.connection, operation: question.operation, resources: question.resources),
            items: question.items, now: now)
    }
}

extension ApprovalOutcome {
    /// The word of a refusal.
    var refusal: String? {
        if case .refused(let reason) = self { reason.code } else { nil }
    }

    /// The word of the status that came of it.
    var status: String? {
        if case .changed(_, let status) = self { status.code } else { nil }
    }
}
