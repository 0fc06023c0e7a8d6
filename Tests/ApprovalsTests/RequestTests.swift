// SPDX-License-Identifier: Apache-2.0

import Approvals
import Signing
import Testing

@Suite struct RequestTests {
    let world: World

    init() throws { world = try World() }

    @Test func `asking the same again within the validity gives the same request`() throws {
        var book = world.book()
        let (request, isNew) = try book.ask(world.question(), now: noon)
        #expect(isNew)
        #expect(book.take(try request.signed(by: world.gateway), now: noon) == .requested(request))
        for (who, now) in [("ana@example.com", noon), ("ANA.W", noon + hour - 1)] {
            let (again, isNew) = try book.ask(world.question(who), now: now)
            #expect(again == request)
            #expect(!isNew)
        }
        let (later, isLater) = try book.ask(world.question(), now: noon + hour)
        #expect(isLater)
        #expect(later.id != request.id)
    }

    @Test func `two gateways that are asked at once make one id`() throws {
        let one = try world.book().ask(world.question(), now: noon).request
        let other = try world.book().ask(world.question("Ana@example.com"), now: noon + 5000).request
        #expect(one.id == other.id)
    }

    @Test func `another requester, resource or number is another request`() throws {
        let book = world.book()
        let ids = try [
            world.question(), world.question("bob"), world.question(resources: ["collection:drafts"]),
            world.question(resources: ["collection:papers", "collection:drafts"]), world.question(items: 5001),
        ].map { try book.ask($0, now: noon).request.id }
        #expect(Set(ids).count == ids.count)
        let order = try [["a", "b"], ["b", "a"], ["b", "a", "b"]].map {
            try book.ask(world.question(resources: $0), now: noon).request.id
        }
        #expect(Set(order).count == 1)
    }

    @Test func `a requester has so many open requests and no more`() throws {
        var book = world.book(.init(maximumPending: 3))
        for number in 0..<3 { _ = try book.put(world.question(items: Int64(number)), by: world.gateway) }
        #expect(throws: ApprovalRefusal.tooManyRequests(limit: 3)) {
            try book.ask(world.question("ana.w", items: 9), now: noon)
        }
        _ = try book.ask(world.question("bob", items: 9), now: noon)
        // What has run out makes room.
        _ = try book.ask(world.question(items: 9), now: noon + hour)
    }

    @Test func `the book is bounded in all and per requester`() throws {
        var book = world.book(.init(maximumRequests: 3, maximumPerRequester: 2))
        var elsewhere = world.book()
        func put(_ who: String, _ items: Int64) throws -> ApprovalOutcome {
            let (_, record) = try elsewhere.put(world.question(who, items: items), by: world.gateway)
            return book.take(record)
        }
        #expect(try put("ana@example.com", 1).persists)
        #expect(try put("ana@example.com", 2).persists)
        #expect(try put("ana@example.com", 3).refusal == "too_many")
        #expect(try put("bob", 1).persists)
        #expect(try put("carol", 1).refusal == "too_many")
        #expect(book.count == 3)
    }

    @Test func `only gateways ask, and what they sign must fit together`() throws {
        var book = world.book()
        let (request, _) = try book.ask(world.question(), now: noon)
        #expect(book.take(try request.signed(by: world.alice)).refusal == "not_allowed")
        #expect(book.take(try request.signed(by: world.detect)).refusal == "not_allowed")
        let text = String(decoding: try RecordJSON.encode(request), as: UTF8.self)
        for (part, replacement) in [
            ("ana@example.com", "bob@example.com"), ("collection:papers", "collection:secret"),
            ("\"vectors.query\"", "\"vectors.export\""), ("\"items\":5000", "\"items\":5000000"),
            ("\"items\":5000", "\"items\":-1"), ("\"needed\":1", "\"needed\":0"), ("\"attempt\":0", "\"attempt\":1"),
            ("\"created_at\":\(noon)", "\"created_at\":\(noon - 2 * hour)"),
            ("\"expires_at\":\(noon + hour)", "\"expires_at\":\(noon + 8 * 24 * hour)"),
            ("\"reason\":\"", "\"reason\":\"\\n"), ("\"policy\":\"", "\"policy\":\"x\",\"policy\":\""),
        ] {
            #expect(text.contains(part))
            let changed = Array(text.replacing(part, with: replacement).utf8)
            let signed = try world.gateway.sign(changed, type: .approvalRequest)
            #expect(book.apply(signed, key: request.id, now: noon).refusal == "malformed", "\(part)")
        }
        #expect(book.count == 0)
    }

    @Test func `a request from the future, under another key or of another kind does not enter`() throws {
        var book = world.book()
        let (request, _) = try book.ask(world.question(), now: noon)
        let record = try request.signed(by: world.gateway)
        #expect(book.take(record, now: noon - 5 * minute - 1).refusal == "future")
        #expect(book.apply(record.value, key: StableID.uuid(["x"]), now: noon).refusal == "key_mismatch")
        #expect(book.apply(record.value, key: record.key + "/use", now: noon).refusal == "wrong_type")
        #expect(book.apply(record.value, key: record.key + "/decision/bob", now: noon).refusal == "wrong_type")
        #expect(book.apply(record.value, key: record.key + "/decision/", now: noon).refusal == "bad_key")
        #expect(book.apply(nil, key: record.key, now: noon).refusal == "tombstone")
        #expect(book.take(record, now: noon - 5 * minute) == .requested(request))
        #expect(book.take(record) == .duplicate(id: request.id))
    }

    @Test func `a request is pending until its millisecond and expired from then on`() throws {
        var book = world.book()
        let (request, _) = try book.put(world.question(), by: world.gateway)
        #expect(
            book.status(request.id, now: noon + hour - 1) == .pending(have: 0, need: 1, expiresAt: noon + hour))
        #expect(book.pending(now: noon + hour - 1) == [request])
        #expect(book.status(request.id, now: noon + hour) == .expired)
        #expect(book.pending(now: noon + hour).isEmpty)
        #expect(book.status("nothing", now: noon) == nil)
    }
}
