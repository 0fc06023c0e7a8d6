// SPDX-License-Identifier: Apache-2.0

import Signing
import Testing

@Suite struct NameTests {
    @Test(arguments: [
        ("ana@example.com", "Ana@Example.COM", true), ("ana", "ana ", false), ("É", "é", true),
        ("e\u{301}", "É", true), ("\u{212A}ai", "kai", true), ("", "", true), ("a[", "A{", false),
    ])
    func `names are one without case and however they are composed`(a: String, b: String, same: Bool) {
        #expect((FoldedName(a) == FoldedName(b)) == same)
        if same { #expect(Set([FoldedName(a), FoldedName(b)]).count == 1) }
    }

    @Test func `aliases lead to one name, also over several groups`() {
        let aliases = IdentityAliases([["ana@example.com", "ana.w"], ["bob"], ["ANA.W", "svc-ana"], []])
        #expect(aliases.areSame("svc-ana", "Ana@example.com"))
        #expect(!aliases.areSame("bob", "ana.w"))
        #expect(aliases.areSame("carol", "CAROL"))
        #expect(Set(aliases.names(of: "ana.w")) == Set(["ana@example.com", "ana.w", "svc-ana"].map { FoldedName($0) }))
        #expect(aliases.names(of: "carol") == [FoldedName("carol")])
    }

    @Test func `ids are the same for the same parts and another for other parts`() {
        let id = StableID.uuid(["a", "bc"])
        #expect(id == StableID.uuid(["a", "bc"]))
        #expect(StableID.isUUID(id))
        #expect(
            Set([id, StableID.uuid(["ab", "c"]), StableID.uuid(["abc"]), StableID.uuid(["a", "b", "c"])]).count == 4)
        #expect(Array(id.utf8)[14] == UInt8(ascii: "8"))
        #expect(StableID.fingerprint(["a"]).count == 64)
    }

    @Test(arguments: [
        "", "1CBC8DB5-FBF8-4293-8E35-59A6EEA40207", "1cbc8db5fbf842938e3559a6eea40207",
        "1cbc8db5-fbf8-4293-8e35-59a6eea4020", "1cbc8db5-fbf8-4293-8e35-59a6eea4020g",
        "1cbc8db5-fbf8-4293-8e35-59a6eea40207 ",
    ])
    func `another spelling of a UUID is no id`(text: String) { #expect(!StableID.isUUID(text)) }
}

@Suite struct RecordJSONTests {
    private struct Sample: Codable, Equatable {
        var name: String
        var at: Int64
        var list: [String]?
    }

    @Test func `unknown members are skipped, so that a newer writer is understood`() throws {
        let json = #" { "name" : "a\"b\\", "at" : 7, "more": {"x": [1, {"y": "}"}], "z": null} } "#
        #expect(try RecordJSON.decode(Sample.self, from: bytes(json)) == Sample(name: #"a"b\"#, at: 7))
    }

    @Test(arguments: [
        "", " ", "null", "[]", "\"a\"", "{", "}", "{}", #"{"name":"a","at":1"#, #"{"name":"a","at":1}}"#,
        #"{"name":"a","at":1,}"#, #"{"name":"a" "at":1}"#, #"{"name":"a","at":1,"at":2}"#,
        #"{"name":"a","at":1,"x":{"y":1,"y":2}}"#,
        #"{"name":"a","at":1e300}"#, #"{"name":"a","at":9223372036854775808}"#, #"{"name":"a","at":1.5}"#,
        #"{"name":"a","at":"1"}"#,
        #"{"name":"a","at":true}"#, #"{"name":1,"at":1}"#, #"{"name":null,"at":1}"#, #"{"name":"a"}"#,
        #"{"n\u0061me":"a","at":1}"#,
        #"{"name":"a","at":1} x"#, "\u{FEFF}{\"name\":\"a\",\"at\":1}", #"{"name":"a,"at":1}"#,
        #"{"name":"a\","at":1}"#,
        #"{'name':'a','at':1}"#, #"{"name":"a","at":NaN}"#, #"{"name":"a","at":1,"list":[1]}"#,
        #"{"name":"a","at":1,"list":[}"#,
        #"{"name":"a","at":--1}"#, "{\"name\":\"a\nb\",\"at\":1}",
    ])
    func `JSON that two readers could read differently, or that is none, is refused`(json: String) {
        #expect(throws: RecordError.self) { try RecordJSON.decode(Sample.self, from: bytes(json)) }
    }

    @Test func `UTF-16 and broken UTF-8 are refused`() {
        let json = #"{"name":"a","at":1}"#
        #expect(throws: RecordError.self) {
            try RecordJSON.decode(Sample.self, from: json.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), 0] })
        }
        let broken = bytes(#"{"name":""#) + [0xC3, 0x28] + bytes(#"","at":1}"#)
        #expect(throws: RecordError.self) { try RecordJSON.decode(Sample.self, from: broken) }
    }

    @Test func `deep nesting is refused before it is decoded`() {
        let deep = #"{"name":"a","at":1,"x":"# + String(repeating: "[", count: 50_000)
        #expect(throws: RecordError.self) { try RecordJSON.decode(Sample.self, from: bytes(deep)) }
    }
}
