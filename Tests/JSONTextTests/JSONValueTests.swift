// SPDX-License-Identifier: Apache-2.0

import JSONText
import Testing

@Suite struct JSONValueTests {
    private func read(_ text: String, _ rules: JSONValue.Rules = .init(maximumDepth: 3)) -> Result<
        JSONValue, JSONValue.Fault
    > {
        Result { () throws(JSONValue.Fault) in try JSONValue(Array(text.utf8), rules: rules) }
    }

    private func isRead(_ text: String, _ rules: JSONValue.Rules = .init(maximumDepth: 3)) -> Bool {
        if case .success = read(text, rules) { true } else { false }
    }

    @Test func everyKindOfValueIsRead() throws {
        let text = #" {"a":[null,true,false,-1,1.0,1.5,"\u00e9\ud83d\ude00\n\/"],"b":{}} "#
        #expect(
            try read(text).get()
                == ["a": [.null, true, false, -1, 1, .number(1.5), "é😀\n/"], "b": .object([])])
    }

    @Test(arguments: [
        "", " ", "{", "}", "[1", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{'a':1}", "01", "1.", ".5", "+1", "1e",
        "- 1",
        "NaN", "tru", "truex", "1 2", "\"a", "\"\n\"", #""\x""#, #""\u12"#, #""\u+123""#, #""\ud800""#,
        #""\ud800\u0041""#,
        #""\udc00""#, "\u{FEFF}1",
    ])
    func whatIsNoJSONIsRefused(text: String) { #expect(!isRead(text)) }

    @Test func brokenUTF8IsRefused() {
        #expect(throws: JSONValue.Fault.self) {
            try JSONValue([0x22, 0xC3, 0x28, 0x22], rules: .init(maximumDepth: 3))
        }
    }

    @Test(arguments: [#"{"a":1,"a":1}"#, #"{"a":1,"\u0061":2}"#, #"[{"x":{"a":1,"b":2,"a":3}}]"#])
    func aMemberThatStandsTwiceIsRefusedHoweverItIsSpelled(text: String) {
        guard case .failure(let fault) = read(text) else {
            Issue.record("read")
            return
        }
        #expect(fault.reason == "the member 'a' stands twice")
    }

    @Test func limitsAreWhereTheyAreSaidToBe() {
        #expect(isRead("[[[1]]]") && !isRead("[[[[1]]]]"))
        #expect(!isRead(String(repeating: "[", count: 100_000)))
        let short = JSONValue.Rules(maximumDepth: 1, maximumNumberBytes: 4)
        #expect(isRead("-1.5", short) && !isRead("-1.25", short) && !isRead("12345", short))
        #expect(read("1e999") == .success(.number(.infinity)))
        #expect(!isRead("1e999", .init(maximumDepth: 1, takesHugeNumbers: false)))
        #expect(isRead("1e308", .init(maximumDepth: 1, takesHugeNumbers: false)))
        let plain = JSONValue.Rules(maximumDepth: 1, takesEscapedNames: false)
        #expect(isRead(#"{"a":"\n"}"#, plain) && !isRead(#"{"\u0061":1}"#, plain) && isRead(#"{"\u0061":1}"#))
    }
}
