// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Testing

/// A decoder that knows the shape of an event against one that sees it for the first time.
@Suite struct ShapeTests {
    /// So many events of one shape, and it is known.
    private static let warm = 40

    private static let events = [
        #"{"metadata":{"uid":"a","profiles":["x","y",null,1.5e3]},"time":1795003561270,"class_uid":6003,"#
            + #""actor":{"user":{"uid":"u-1","groups":[{"name":"a"},{"other":{"deep":[1,[2,{"z":[]}]]},"name":"b"}]},"session.uid":"s"},"#
            + #""api":{"operation":"sql.query","service":{"name":"é中"}},"resources":[],"unmapped":{"items":-12.25,"approval_id":null},"#
            + #""status_id":true,"policy.name":"p","src_endpoint":{"ip":"10.0.0.1"},"x":"","y":17,"http_response":{"length":9007199254740993}}"#,
        #"{ "metadata": {"uid": "a"}, "time": 1795003561270, "resources": [{"type": "t", "name": "n"}, {"name": "m"}], "action_id": 1 }"#,
        #"{"time":1,"class_uid":12}"#, #"{"time":1,"api":{}}"#, #"{"time":"2026-11-18T00:00:00Z"}"#,
    ].map { Array($0.utf8) }

    @Test(arguments: [UInt64(11), 12, 13])
    func anEventOfAKnownShapeReadsAsOneOfAnUnknownShape(seed: UInt64) throws {
        let knowing = try Reader(AgreementTests.fields)
        for event in Self.events {
            for _ in 0..<Self.warm { _ = try knowing.read(event) }
        }
        var random = Seeded(state: seed)
        var fresh = try Reader(AgreementTests.fields)
        var accepted = 0
        for number in 0..<6000 {
            // One that has not seen enough to know anything.
            if number % 12 == 0 { fresh = try Reader(AgreementTests.fields) }
            let event = AgreementTests.damaged(try #require(Self.events.randomElement(using: &random)), &random)
            let expected = Result { () throws(EventError) in try fresh.read(event) }
            let found = Result { () throws(EventError) in try knowing.read(event) }
            if case .success = expected { accepted += 1 }
            #expect(found == expected, "\(String(decoding: event, as: UTF8.self))")
        }
        #expect(accepted > 500)
    }

    @Test func valuesOfOtherLengthsAndKindsAreOfTheSameShape() throws {
        let reader = try Reader(["a.b", "c", "d"])
        let values = [
            ("1", Value.int(1)), ("true", .bool(true)), ("null", .null), ("-12.5", .double(-12.5)),
            ("123456789012345678901", .double(123456789012345683968)), ("false", .bool(false)),
        ]
        for round in 0..<100 {
            let (word, value) = values[round % values.count]
            let text = String(repeating: "x", count: round)
            #expect(
                try reader.read(#"{"a":{"b":\#(word)},"z":\#(word),"c":"\#(text)","d":["\#(text)",\#(word)]}"#)
                    == [value, .string(text), .list([.string(text), value])])
        }
    }

    @Test func numbersOfEveryLengthReadAsTheyAre() throws {
        let reader = try Reader(["name", "a"])
        func event(_ word: String) -> String { #"{"name":"long enough","a":\#(word)}"# }
        for _ in 0..<Self.warm { _ = try reader.read(event("1")) }
        for digits in 1...18 {
            for digit in ["1", "9"] {
                let word = String(repeating: digit, count: digits)
                #expect(try reader.read(event(word)) == [.string("long enough"), .int(try #require(Int64(word)))])
                // The bytes next to the digits, and others, in each place.
                for place in 0..<digits {
                    for other in ["/", ":", "\u{7F}", "p", " ", "-"] {
                        let at = word.index(word.startIndex, offsetBy: place)
                        let broken = word.replacingCharacters(in: at...at, with: other)
                        let known = try? JSONSerialization.jsonObject(with: Data("[\(broken)]".utf8)) as? [Int64]
                        #expect((try? reader.read(event(broken)))?.last == known?.last.map { .int($0) }, "\(broken)")
                    }
                }
            }
            if digits > 1 {
                let padded = "0" + String(repeating: "7", count: digits - 1)
                #expect(throws: EventError.self, "\(padded)") { try reader.read(event(padded)) }
            }
        }
        #expect(try reader.read(event("0")).last == .int(0))
        // So near the beginning that no eight bytes stand before it.
        let early = try Reader(["a"])
        for round in 0..<Self.warm { #expect(try early.read(#"{"a":\#(round)}"#) == [.int(Int64(round))]) }
    }

    @Test func aKeyThatStandsTwiceIsRefusedAlsoWhereItsShapeIsKnownButForTheKey() throws {
        let reader = try Reader(["a", "b"])
        for _ in 0..<Self.warm { #expect(try reader.read(#"{"a":1,"b":2}"#) == [.int(1), .int(2)]) }
        #expect { try reader.read(#"{"a":1,"a":2}"#) } throws: { ($0 as? EventError)?.code == "duplicate_key" }
        #expect(try reader.read(#"{"a":1,"c":2}"#) == [.int(1), .missing])
    }

    @Test func moreShapesThanAreKeptReadAsTheyStand() throws {
        let reader = try Reader(["a", "b"])
        for round in 0..<3 {
            for shape in 0..<120 {
                let others = (0..<shape).map { #""k\#($0)":\#($0),"# }.joined()
                for _ in 0..<(round + 5) {
                    #expect(
                        try reader.read("{\(others)\"a\":\(shape),\"b\":\"x\"}") == [.int(Int64(shape)), .string("x")])
                }
            }
        }
    }
}
