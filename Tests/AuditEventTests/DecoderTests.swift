// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Testing

@Suite struct DecoderTests {
    private func one(_ text: String, _ field: String = "a.b") throws -> Value {
        try Reader([field]).read(text)[0]
    }

    @Test func keyOrderDoesNotMatter() throws {
        let reader = try Reader(["a.b", "c"])
        #expect(try reader.read(#"{"a":{"x":0,"b":1},"c":2}"#) == [.int(1), .int(2)])
        #expect(try reader.read(#"{ "c" : 2 , "a" : { "b" : 1 , "x" : [ 0 ] } }"#) == [.int(1), .int(2)])
        #expect(try reader.read(#"{}"#) == [.missing, .missing], "nothing stays from the event before")
    }

    @Test func escapesInKeysAndValuesAreRead() throws {
        #expect(
            try one(#"{"\u0061":{"\u0062":"x\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}}"#)
                == .string("x\"\\/\u{8}\u{c}\n\r\té😀"))
        #expect(try one(#"{"a":{"b\\":1,"b":2}}"#) == .int(2))
        #expect(try one(#"{"a.\u0062":7}"#) == .int(7))
        #expect(try one(#"{"a":{"c":"\\","b":"plain"}}"#) == .string("plain"))
    }

    @Test(arguments: [
        #"\ud83d"#, #"\ud83dx"#, #"\ud83d\n"#, #"\ude00"#, #"\u12g4"#, #"\x"#, #"\u12"#, #"\ud83d\ud83d"#,
    ])
    func escapesThatDoNotExistAreRefused(escape: String) throws {
        let reader = try Reader(["a"])
        #expect { try reader.read(#"{"a":"\#(escape)"}"#) } throws: { ($0 as? EventError)?.code == "not_json" }
        #expect { try reader.read(#"{"a":1,"\#(escape)":2}"#) } throws: { ($0 as? EventError)?.code == "not_json" }
    }

    @Test func aLiteralDottedKeyMatchesAndWins() throws {
        #expect(try one(#"{"a.b":1}"#) == .int(1))
        #expect(try one(#"{"a.b":1,"a":{"b":2}}"#) == .int(1))
        #expect(try one(#"{"a":{"b":2},"a.b":1}"#) == .int(1))
        #expect(try one(#"{"a":{"b.c":3}}"#, "a.b.c") == .int(3))
        #expect(try one(#"{"a":{"b":[1,2]},"a.b":null}"#) == .null)
        #expect { try one(#"{"a.b":{"c":1},"a":{"b.c":2}}"#, "a.b.c") } throws: {
            ($0 as? EventError)?.code == "duplicate_key"
        }
    }

    @Test func arraysGiveEveryValueInOrder() throws {
        #expect(try one(#"{"a":[{"b":1},{"c":9},{"b":2},{"b":"x"}]}"#) == .list([.int(1), .int(2), .string("x")]))
        #expect(try one(#"{"a":{"b":[1,[2,[3]],[]]}}"#) == .list([.int(1), .int(2), .int(3)]))
        #expect(try one(#"{"a":[{"b":1}]}"#) == .int(1))
        #expect(try one(#"{"a":{"b":[]}}"#) == .container)
        #expect(try one(#"{"a":{"b":{}}}"#) == .container)
        #expect(try one(#"{"a":[]}"#) == .missing)
        #expect(try one(#"{"a":{"b":[null,1]}}"#) == .list([.null, .int(1)]))
        #expect(try one(#"{"a":{"b":[{"c":1},5]}}"#) == .int(5))
        #expect(try one(#"{"a":{"b":null}}"#) == .null)
        #expect(try one(#"{"a":[[{"b":1}],[{"b":2}]]}"#) == .list([.int(1), .int(2)]))
    }

    @Test func aListHasAFirstValueAndEndsEarlyWhenTold() throws {
        var plan = FieldPlan(mapping: .raw)
        let id = plan.slot("a")
        let decoder = try #require(plan.makeDecoder())
        try Array(#"{"a":["x","y","z"]}"#.utf8).withUnsafeBytes { bytes in
            let view = try decoder.decode(bytes, fallbackUID: .null, fallbackTime: 0)
            #expect(view.firstValue(view[id]).text == "x")
            var seen = 0
            let found = view.anyValue(view[id]) {
                seen += 1
                return $0.text == "y"
            }
            #expect(found)
            #expect(seen == 2)
        }
    }

    @Test func aKeyThatStandsTwiceIsRefusedByName() throws {
        func refused(_ text: String, _ name: String) {
            #expect(throws: EventError.duplicateKey(name)) { try Reader(["a.b", "c"]).read(text) }
        }
        refused(#"{"c":1,"c":1}"#, "c")
        refused(#"{"a":{"b":1,"b":2}}"#, "a.b")
        refused(#"{"a":{"b":1},"a":{"b":2}}"#, "a")
        refused(#"{"a":{"b":1},"a":{}}"#, "a")
        refused(#"{"a":1,"x":2,"a":{"b":1}}"#, "a")
        refused(#"{"c":1,"\u0063":2}"#, "c")
        refused(#"{"a":[{"b":1,"b":2}]}"#, "a.b")
        #expect(try Reader(["c"]).read(#"{"c":1,"other":1,"other":2}"#) == [.int(1)])
    }

    @Test func nestingOf64LevelsIsReadAndOf65IsRefused() throws {
        func nested(_ levels: Int, _ key: String) -> String {
            "{\"\(key)\":" + String(repeating: "[", count: levels - 1) + String(repeating: "]", count: levels - 1) + "}"
        }
        for key in ["a", "other"] {
            let reader = try Reader(["a", "a.b"])
            _ = try reader.read(nested(64, key))
            #expect(throws: EventError.tooDeep(limit: 64)) { try reader.read(nested(65, key)) }
            #expect(throws: EventError.tooDeep(limit: 64)) { try reader.read(nested(100_000, key)) }
        }
        let objects = { (levels: Int) in
            String(repeating: #"{"a":"#, count: levels) + "1" + String(repeating: "}", count: levels)
        }
        let path = (0..<3).map { _ in "a" }.joined(separator: ".")
        _ = try Reader([path]).read(objects(64))
        #expect(throws: EventError.tooDeep(limit: 64)) { try Reader([path]).read(objects(65)) }
    }

    @Test(arguments: ["", " \n\t ", "\u{FEFF}"])
    func nothingIsEmpty(text: String) throws {
        #expect(throws: EventError.empty) { try Reader([]).read(text) }
    }

    @Test(arguments: ["[]", "1", "\"a\"", "null", "[{}]"])
    func whatIsNoObjectIsRefused(text: String) throws {
        #expect(throws: EventError.notAnObject) { try Reader(["a"]).read(text) }
    }

    @Test(arguments: [
        "{", "}", "{]", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":1 2}"#, #"{"a" 1}"#, #"{a:1}"#, #"{"a":1}}"#,
        #"{"a":1}{"a":2}"#,
        #"{"a":1} x"#, #"{"a":tru}"#, #"{"a":nul}"#, #"{"a":True}"#, #"{"a":'x'}"#, #"{"a":[1,]}"#, #"{"a":[1 2]}"#,
        #"{"a":[1}"#,
        #"{"a":{"x":1]}"#, #"{"x":[}]}"#, #"{"x":}"#, #"{"a":"x"y}"#, #"{"a"x:1}"#, #"{,"a":1}"#, #"{"a":,}"#,
        #"{"a"::1}"#,
        #"{"a":"x}"#, #"{"a":1,"x"}"#, #"{"a":NaN}"#, #"{"a":]}"#, #"{"a":[:]}"#, #"{"x":1:2}"#, "{\"a\":\"\u{1}\"}",
        "{\"a\":1\u{0}}",
    ])
    func brokenFramesAreRefused(text: String) throws {
        #expect(throws: EventError.self) { try Reader(["a"]).read(text) }
    }

    @Test func bytesThatAreNoTextAreRefused() throws {
        let reader = try Reader(["a"])
        for bytes in [
            [UInt8](repeating: 0, count: 4096), [0xFF, 0xFE, 0x7B, 0x7D],
            Array(#"{"a":""#.utf8) + [0xC3, 0x28, 0x22, 0x7D],
            Array(#"{"a":""#.utf8) + [0xED, 0xA0, 0x80, 0x22, 0x7D], Array(#"{"x":""#.utf8) + [0xC0, 0x80, 0x22, 0x7D],
        ] {
            #expect(throws: EventError.self) { try reader.read(bytes) }
        }
    }

    @Test func aByteOrderMarkIsIgnored() throws {
        #expect(try Reader(["a"]).read("\u{FEFF}{\"a\":1}") == [.int(1)])
    }

    @Test func largeEventsAreReadUpToTheLimit() throws {
        let padding = String(repeating: "x", count: 10 << 20)
        let event = Array(#"{"x":"\#(padding)","a":1}"#.utf8)
        #expect(throws: EventError.tooLarge(bytes: event.count, limit: 1 << 20)) { try Reader(["a"]).read(event) }
        #expect(try Reader(["a"], limits: .init(maximumBytes: event.count)).read(event) == [.int(1)])
    }

    @Test func tooManyValuesAreRefused() throws {
        let event = Array("{\"a\":[\((0..<70_000).map(String.init).joined(separator: ","))]}".utf8)
        #expect(throws: EventError.tooManyValues(limit: 1 << 16)) { try Reader(["a"]).read(event) }
        #expect(try Reader(["b"]).read(event) == [.missing])
    }

    @Test func unicodeIsReadAsItIs() throws {
        #expect(try one(#"{"ключ":{"值😀":"ÅÅ"}}"#, "ключ.值😀") == .string("ÅÅ"))
    }

    @Test func longAndShortKeysAreToldApart() throws {
        let keys = [
            "", "a", "abcdefg", "abcdefgh", "abcdefghi", "abcdefghijklmnop", "abcdefghXijklmnop", "abcdefghYijklmnop",
        ]
        let reader = try Reader(keys)
        for key in keys {
            let values = try reader.read("{\"\(key)\":1}")
            #expect(zip(keys, values).allSatisfy { ($1 == .int(1)) == ($0 == key) }, "\(key)")
        }
        let many = (0..<500).map { "field\($0).x" }
        let event = "{" + (0..<500).map { "\"field\($0)\":{\"x\":\($0)}" }.joined(separator: ",") + "}"
        #expect(try Reader(many).read(event) == (0..<500).map { .int($0) })
    }

    @Test func theEventsIDAndTimeAreFoundOrTakenFromTheCaller() throws {
        let reader = try Reader([])
        try reader.view(Array(#"{"time":"2026-11-18T08:30:00Z","metadata":{"uid":"e1"}}"#.utf8), time: nil) { view in
            #expect(view.time == 1_794_990_600_000)
            #expect(view.uid.text == "e1")
        }
        try reader.view(Array(#"{"time":null,"metadata":{"uid":""}}"#.utf8), time: 5) { view in
            #expect(view.time == 5)
            #expect(view.uid.kind == .null)
        }
        #expect { try reader.view(Array("{}".utf8), time: nil) { _ in } } throws: {
            ($0 as? EventError)?.code == "missing_time"
        }
        for time in ["\"soon\"", "-1", "true", "[1,2]", "1e30"] {
            #expect { try reader.view(Array("{\"time\":\(time)}".utf8), time: 5) { _ in } } throws: {
                ($0 as? EventError)?.code == "bad_time"
            }
        }
    }

    @Test func everyScalarIsFoundByAKeywordSearch() throws {
        let text = #"{"k":"v","n":[1,-2.5,true,false,null,{"é":"a\u0062"}],"x":"a\nb","empty":""}"#
        var seen: [String] = []
        try Reader([]).view(Array(text.utf8)) { view in
            let found = view.anyScalar {
                seen.append($0.text ?? "?")
                return false
            }
            #expect(!found)
            #expect(view.anyScalar { $0.text == "v" })
        }
        #expect(seen == ["v", "1", "-2.5", "true", "false", "ab", "a\nb", ""])
    }
}
