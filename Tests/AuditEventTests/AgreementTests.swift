// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Testing

/// The decoder against Foundation's JSON reader.
@Suite struct AgreementTests {
    static let fields = [
        "metadata.uid", "time", "class_uid", "status_id", "actor.user.uid", "actor.user.email_addr",
        "actor.user.groups.name",
        "actor.session.uid", "actor", "user.uid", "src_endpoint.ip", "http_request.user_agent", "http_request.length",
        "http_response.length", "api.operation", "api.service.name", "resources.type", "resources.name", "resources",
        "unmapped.items", "unmapped.approval_id", "unmapped.change_id", "action_id", "disposition_id", "policy.name",
        "metadata.profiles", "metadata.product.feature.name",
    ]

    @Test func everyEventOfTheFixtureDayReadsAsFoundationReadsIt() throws {
        let reader = try Reader(Self.fields)
        let events = lines(try gunzipped(projectRoot.appending(path: "fixtures/day.ndjson.gz")))
        #expect(events.count > 10_000)
        for (number, event) in events.enumerated() {
            let object = try JSONSerialization.jsonObject(with: Data(event))
            let values = try reader.read(event)
            for (field, value) in zip(reader.fields, values) {
                let expected = Reference.value(field, in: object)
                guard Reference.same(value, expected) else {
                    Issue.record("line \(number + 1), \(field): \(value), expected \(expected)")
                    return
                }
            }
        }
    }

    static let rich = Array(
        #"""
        {"metadata":{"uid":"a\u0062\n\ud83d\ude00","profiles":["x","y",null,1.5e3]},"time":1795003561270,"class_uid":6003,
        "actor":{"user":{"uid":"u-1","groups":[{"name":"a"},{"other":{"deep":[1,[2,{"z":[]}]]},"name":"b\\"}]},"session.uid":"s"},
        "api":{"operation":"sql.query","service":{"name":"é中"}},"resources":[],"unmapped":{"items":-12.25,"approval_id":null},
        "status_id":true,"policy.name":"p","src_endpoint":{"ip":"10.0.0.1"},"http_response":{"length":9007199254740993}}
        """#.utf8)

    @Test func everyTruncationIsRefused() throws {
        let reader = try Reader(Self.fields)
        _ = try reader.read(Self.rich)
        for length in 0..<Self.rich.count {
            #expect(throws: EventError.self, "\(length) bytes") { try reader.read(Array(Self.rich[..<length])) }
        }
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func whatBothReadersAcceptOfDamagedEventsIsTheSame(seed: UInt64) throws {
        let reader = try Reader(Self.fields)
        var random = Seeded(state: seed)
        var accepted = 0
        for _ in 0..<8000 {
            let event = Self.damaged(Self.rich, &random)
            guard let values = try? reader.read(event),
                let object = try? JSONSerialization.jsonObject(with: Data(event))
            else { continue }
            accepted += 1
            for (field, value) in zip(reader.fields, values) {
                let expected = Reference.value(field, in: object)
                #expect(
                    Reference.same(value, expected),
                    "\(field): \(value), expected \(expected) in \(String(decoding: event, as: UTF8.self))")
            }
        }
        #expect(accepted > 500)
    }

    static func damaged(_ event: [UInt8], _ random: inout Seeded) -> [UInt8] {
        var event = event
        let structural = Array(#"{}[]:,"\0-.eEtfn "#.utf8)
        for _ in 0...Int.random(in: 0..<2, using: &random) {
            let at = Int.random(in: 0..<event.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: event[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: event[at] = structural.randomElement(using: &random) ?? 0
            case 2: event.remove(at: at)
            case 3: event.insert(structural.randomElement(using: &random) ?? 0, at: at)
            default:
                // Moves a piece, which makes duplicate keys and broken nesting.
                let end = min(event.count, at + Int.random(in: 1..<60, using: &random))
                let to = Int.random(in: 0...event.count, using: &random)
                event.insert(contentsOf: event[at..<end], at: to)
            }
        }
        return event
    }

    @Test func nothingIsReadPastTheLastByte() throws {
        // The event ends where a page ends, and the next page may not be read.
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let size = 4 * page
        let memory = try #require(
            mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        defer { munmap(memory, size) }
        try #require(mprotect(memory + size - page, page, PROT_NONE) == 0)
        var plan = FieldPlan(mapping: .raw)
        let field = plan.slot("a")
        let decoder = try #require(plan.makeDecoder())
        for padding in 0..<130 {
            let event = Array(#"{"p":"\#(String(repeating: "x", count: padding))","a":1}"#.utf8)
            let start = memory + size - page - event.count
            start.copyMemory(from: event, byteCount: event.count)
            let view = try decoder.decode(
                UnsafeRawBufferPointer(start: start, count: event.count), fallbackUID: .null, fallbackTime: 0)
            #expect(view[field].int == 1)
        }
    }
}
