// SPDX-License-Identifier: Apache-2.0

import Testing

/// Sigma specification 2.1, "Values": section 1.4 of the checklist.
@Suite("Values")
struct ValueTests {
    @Test(
        "strings compare case-insensitively",
        arguments: [
            Row("a: Foo", #"{"a":"fOO"}"#, true), Row("a: foo", #"{"a":"foo "}"#, false),
            Row("a: foo", #"{"a":"fo"}"#, false), Row("a: '@[`{'", #"{"a":"`{@["}"#, false),
            Row("a: '[x]'", #"{"a":"{X}"}"#, false),
            Row("a: longer than eight BYTES", #"{"a":"LONGER THAN eight bytes"}"#, true),
            Row("a: longer than eight bytes", #"{"a":"longer than eight bytez"}"#, false),
        ])
    func caseInsensitive(_ row: Row) throws { try row.check() }

    @Test(
        "beyond ASCII, case folds by Unicode's lower-case mapping when the rule's text is beyond ASCII",
        arguments: [
            Row("a: Müller", #"{"a":"mÜLLER"}"#, true), Row("a: 'ΑΘΗΝΑ'", #"{"a":"αθηνα"}"#, true),
            Row("a: Жук", #"{"a":"ЖУК"}"#, true), Row("a: Жук", #"{"a":"\u0416\u0423\u041a"}"#, true),
            Row("a|contains: ö", #"{"a":"KÖLN"}"#, true), Row("a|contains: ö", #"{"a":"KOLN"}"#, false),
            Row("a|startswith: É", #"{"a":"école"}"#, true), Row("a|endswith: É", #"{"a":"CAFé"}"#, true),
            Row("a: [Ä, Ö, Ü, x]", #"{"a":"ö"}"#, true), Row("a: [Ä, Ö, Ü, x]", #"{"a":"X"}"#, true),
            Row("a: é", #"{"a":"e\u0301"}"#, false), Row("a: strasse", #"{"a":"straße"}"#, false),
            Row("a|cased: Müller", #"{"a":"mÜLLER"}"#, false), Row("a|cased: Müller", #"{"a":"Müller"}"#, true),
            Row("a: Müller", #"{"a":"muller"}"#, false), Row("a: \"\\u212A\"", #"{"a":"k"}"#, true),
        ])
    func unicode(_ row: Row) throws { try row.check() }

    @Test("texts that Unicode holds for equivalent stay different rules")
    func equivalentTexts() throws {
        let composed = selectionText("a: \"\\u00e9\"")
        let decomposed = selectionText("a: \"e\\u0301\"").replacingTitle("Another")
        let probe = try Probe(try ruleSet(composed + "---\n" + decomposed))
        #expect(try probe.matches(#"{"a":"\u00e9"}"#) == [0])
        #expect(try probe.matches(#"{"a":"e\u0301"}"#) == [1])
    }

    @Test(
        "* is any run and ? exactly one character",
        arguments: [
            Row("a: 'ab*'", #"{"a":"ABC"}"#, true), Row("a: 'ab*'", #"{"a":"ab"}"#, true),
            Row("a: 'ab*'", #"{"a":"xab"}"#, false),
            Row("a: '*ab'", #"{"a":"xAb"}"#, true), Row("a: '*ab'", #"{"a":"abx"}"#, false),
            Row("a: '*ab*'", #"{"a":"xABx"}"#, true), Row("a: '*ab*'", #"{"a":"a b"}"#, false),
            Row("a: 'a*b'", #"{"a":"a--b"}"#, true), Row("a: 'a*b'", #"{"a":"ab"}"#, true),
            Row("a: 'a*b'", #"{"a":"a"}"#, false),
            Row("a: 'aa*aa'", #"{"a":"aaa"}"#, false), Row("a: 'a*b*c'", #"{"a":"abbc"}"#, true),
            Row("a: 'a*b*c'", #"{"a":"acb"}"#, false), Row("a: '*a*b*'", #"{"a":"xbxaxbx"}"#, true),
            Row("a: '*a*b*'", #"{"a":"ba"}"#, false), Row("a: 'a?c'", #"{"a":"aXc"}"#, true),
            Row("a: 'a?c'", #"{"a":"ac"}"#, false), Row("a: 'a?c'", #"{"a":"abbc"}"#, false),
            Row("a: 'a?c'", #"{"a":"aéc"}"#, true), Row("a: 'a??c'", #"{"a":"aéc"}"#, false),
            Row("a: '?'", #"{"a":"😀"}"#, true), Row("a: '??'", #"{"a":"😀"}"#, false),
            Row("a: '?'", #"{"a":""}"#, false),
            Row("a: '?*'", #"{"a":""}"#, false), Row("a: '*?'", #"{"a":"é"}"#, true),
            Row("a: '*??'", #"{"a":"é"}"#, false),
            Row("a: '?*?'", #"{"a":"é"}"#, false), Row("a: '*?b'", #"{"a":"aéb"}"#, true),
            Row("a: 'é?'", #"{"a":"ÉX"}"#, true),
            Row("a: '*'", #"{"a":""}"#, true), Row("a: '**'", #"{"a":"x"}"#, true),
            Row("a: '46*'", #"{"a":4625}"#, true),
            Row("a: '*a?b'", #"{"a":"a1ba2b"}"#, true), Row("a: '*a?b'", #"{"a":"a1ba2bc"}"#, false),
            Row("a: 'a*?'", #"{"a":"a"}"#, false), Row("a: 'a*a?b*'", #"{"a":"aaxb"}"#, true),
        ])
    func wildcards(_ row: Row) throws { try row.check() }

    @Test(
        "wildcards are valid inside values with contains, startswith and endswith",
        arguments: [
            Row("a|contains: 'b*d'", #"{"a":"abcde"}"#, true), Row("a|contains: 'b*d'", #"{"a":"adcbe"}"#, false),
            Row("a|contains: 'b?d'", #"{"a":"abcde"}"#, true), Row("a|contains: '*b'", #"{"a":"abc"}"#, true),
            Row("a|startswith: 'a?c'", #"{"a":"abcd"}"#, true), Row("a|startswith: 'a?c'", #"{"a":"xabc"}"#, false),
            Row("a|startswith: '*c'", #"{"a":"abcd"}"#, true), Row("a|endswith: 'c?e'", #"{"a":"abcde"}"#, true),
            Row("a|endswith: 'c?e'", #"{"a":"abcdex"}"#, false), Row("a|endswith: '*c*'", #"{"a":"abcde"}"#, true),
            Row("a|contains: ''", #"{"a":""}"#, true),
        ])
    func wildcardsInParts(_ row: Row) throws { try row.check() }

    @Test(
        "escapes: \\* and \\? are literal, \\\\ is one backslash, a single \\ stands for itself",
        arguments: [
            Row(#"a: 'x\*y'"#, #"{"a":"x*y"}"#, true), Row(#"a: 'x\*y'"#, #"{"a":"xzy"}"#, false),
            Row(#"a: 'x\?y'"#, #"{"a":"x?y"}"#, true), Row(#"a: 'x\?y'"#, #"{"a":"xzy"}"#, false),
            // `\\` before a wildcard: a backslash, then the wildcard.
            Row(#"a: 'C:\\*'"#, #"{"a":"c:\\dir"}"#, true), Row(#"a: 'C:\\*'"#, #"{"a":"c:*"}"#, false),
            Row(#"a: 'C:\\?'"#, #"{"a":"c:\\d"}"#, true),
            // `\\\*`: a backslash and a star.
            Row(#"a: 'x\\\*y'"#, #"{"a":"x\\*y"}"#, true), Row(#"a: 'x\\\*y'"#, #"{"a":"x\\zy"}"#, false),
            Row(#"a: 'C:\dir'"#, #"{"a":"c:\\DIR"}"#, true), Row(#"a: 'C:\\dir'"#, #"{"a":"c:\\dir"}"#, true),
            Row(#"a: '\\\\host'"#, #"{"a":"\\\\host"}"#, true), Row(#"a: '\\\\host'"#, #"{"a":"\\host"}"#, false),
            Row(#"a: 'dir\'"#, #"{"a":"dir\\"}"#, true),
            Row(#"a|endswith: '\cmd.exe'"#, #"{"a":"C:\\Win\\CMD.EXE"}"#, true),
            Row(#"a|contains: '\*'"#, #"{"a":"a*b"}"#, true), Row(#"a|contains: '\*'"#, #"{"a":"ab"}"#, false),
            Row(#"a|startswith: 'a\*'"#, #"{"a":"a*b"}"#, true), Row(#"a|startswith: 'a\*'"#, #"{"a":"ab"}"#, false),
        ])
    func escapes(_ row: Row) throws { try row.check() }

    @Test(
        "number and numeric string match both ways",
        arguments: [
            Row("a: 443", #"{"a":443}"#, true), Row("a: 443", #"{"a":"443"}"#, true),
            Row("a: '443'", #"{"a":443}"#, true),
            Row("a: '443'", #"{"a":"443"}"#, true), Row("a: 443", #"{"a":443.0}"#, true),
            Row("a: '443'", #"{"a":443.0}"#, true),
            Row("a: 443", #"{"a":444}"#, false), Row("a: 443", #"{"a":"4430"}"#, false),
            Row("a: -5", #"{"a":-5}"#, true),
            Row("a: -5", #"{"a":"-5"}"#, true), Row("a: 1.5", #"{"a":1.5}"#, true),
            Row("a: 1.5", #"{"a":"1.50"}"#, true),
            Row("a: '1.50'", #"{"a":1.5}"#, true), Row("a: 1.5", #"{"a":"1.5"}"#, true),
            Row("a: 1.5", #"{"a":2}"#, false),
            Row("a: '0443'", #"{"a":443}"#, false), Row("a: 0", #"{"a":"0e12"}"#, false),
            Row("a: '0e12'", #"{"a":0}"#, false),
            Row("a: 007", #"{"a":"007"}"#, true), Row("a: 007", #"{"a":7}"#, true),
            Row("a: 0x1F", #"{"a":"0x1f"}"#, true),
            Row("a: 0x1F", #"{"a":31}"#, true), Row("a: 9007199254740993", #"{"a":9007199254740993}"#, true),
            Row("a: 9007199254740993", #"{"a":9007199254740992}"#, false),
            Row("a: '9007199254740993'", #"{"a":9007199254740992}"#, false), Row("a: 1", #"{"a":"x"}"#, false),
            Row("a: 1", #"{"a":""}"#, false), Row("a: 1", #"{"a":null}"#, false),
        ])
    func numbers(_ row: Row) throws { try row.check() }

    @Test(
        "long lists of values answer as each value alone does",
        arguments: [
            Row("a: [1, 22, 443, x]", #"{"a":443}"#, true), Row("a: [1, 22, 443, x]", #"{"a":443.0}"#, true),
            Row("a: [1, 22, 443, x]", #"{"a":"443"}"#, true), Row("a: [1, 22, 443, x]", #"{"a":"X"}"#, true),
            Row("a: [1, 22, 443, x]", #"{"a":44}"#, false), Row("a: [1, 22, 443, x]", #"{"a":443.5}"#, false),
            Row("a: ['1', '22', '443']", #"{"a":22}"#, true), Row("a: ['1', '22', '2.50']", #"{"a":2.5}"#, true),
            Row("a: [x, y, z, 'w*', '']", #"{"a":"WIDE"}"#, true), Row("a: [x, y, z, 'w*', '']", #"{"a":""}"#, true),
            Row("a: [x, y, z, 'w*']", #"{"a":""}"#, false), Row("a: ['true', x, y]", #"{"a":true}"#, true),
            Row("a: [1, 2, 3]", #"{"a":true}"#, false), Row("a: [x, y, z]", #"{"b":"x"}"#, false),
            Row("a: [9007199254740993, 1, 2]", #"{"a":9007199254740992}"#, false),
        ])
    func lists(_ row: Row) throws { try row.check() }

    @Test(
        "true ~ \"true\"; true !~ 1",
        arguments: [
            Row("a: true", #"{"a":true}"#, true), Row("a: true", #"{"a":false}"#, false),
            Row("a: true", #"{"a":"True"}"#, true),
            Row("a: 'true'", #"{"a":true}"#, true), Row("a: true", #"{"a":1}"#, false),
            Row("a: 1", #"{"a":true}"#, false),
            Row("a: '1'", #"{"a":true}"#, false), Row("a: false", #"{"a":0}"#, false),
            Row("a: false", #"{"a":false}"#, true),
            Row("a: false", #"{"b":1}"#, false), Row("a: yes", #"{"a":"YES"}"#, true),
            Row("a: yes", #"{"a":true}"#, false),
        ])
    func booleans(_ row: Row) throws { try row.check() }

    @Test(
        "'' matches the empty string only",
        arguments: [
            Row("a: ''", #"{"a":""}"#, true), Row("a: ''", #"{"a":" "}"#, false), Row("a: ''", #"{"a":null}"#, false),
            Row("a: ''", "{}", false), Row("a: ''", #"{"a":0}"#, false), Row("a: ''", #"{"a":[]}"#, false),
        ])
    func emptyString(_ row: Row) throws { try row.check() }

    @Test(
        "D1: null matches a missing field or JSON null",
        arguments: [
            Row("a: null", "{}", true), Row("a: null", #"{"a":null}"#, true), Row("a: null", #"{"a":""}"#, false),
            Row("a: null", #"{"a":0}"#, false), Row("a: null", #"{"a":[]}"#, false),
            Row("a: null", #"{"a":{}}"#, false),
            Row("a:", "{}", true), Row("a: []", "{}", true), Row("a: []", #"{"a":1}"#, false),
            Row("a: 'null'", "{}", false),
            Row("a: 'null'", #"{"a":"NULL"}"#, true), Row("a.b: null", #"{"a":{"c":1}}"#, true),
            Row("a: null", #"{"a":[null]}"#, true),
        ])
    func null(_ row: Row) throws { try row.check() }

    @Test(
        "field: '*' matches every value, an empty text too, but neither null nor a missing field",
        arguments: [
            Row("a: '*'", #"{"a":"x"}"#, true), Row("a: '*'", #"{"a":""}"#, true), Row("a: '*'", #"{"a":0}"#, true),
            Row("a: '*'", #"{"a":false}"#, true), Row("a: '*'", #"{"a":["x"]}"#, true),
            Row("a: '*'", #"{"a":null}"#, false),
            Row("a: '*'", "{}", false), Row("a: '*'", #"{"a":[]}"#, false),
        ])
    func anything(_ row: Row) throws { try row.check() }

    @Test("a negated selection over a missing field is true")
    func negatedMissing() throws {
        #expect(try detects("sel: { a: x }\ncondition: not sel", "{}"))
        #expect(try detects("sel: { a|contains: x }\ncondition: not sel", #"{"a":null}"#))
        #expect(try detects("sel: { a|gt: 5 }\ncondition: not sel", #"{"b":9}"#))
        #expect(try detects("one: { b: 9 }\nsel: { a|cidr: 10.0.0.0/8 }\ncondition: one and not sel", #"{"b":9}"#))
        #expect(try !detects("sel: { a: x }\ncondition: not sel", #"{"a":"x"}"#))
        #expect(try !detects("sel: { a: null }\ncondition: not sel", "{}"))
    }
}

extension String {
    func replacingTitle(_ title: String) -> String {
        replacing("title: A rule", with: "title: \(title)")
    }
}
