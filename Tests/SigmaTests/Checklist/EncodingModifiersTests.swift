// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sigma
import Testing
import YAMLDocument

/// Sigma specification 2.1, "Modifiers": `base64`, `base64offset`, `wide` and its like, `windash`; section 1.5 of the checklist.
@Suite("Modifiers of text")
struct EncodingModifiersTests {
    @Test(
        "base64: the standard alphabet of the UTF-8 bytes, with padding",
        arguments: [
            Row("a|base64: foobar", #"{"a":"Zm9vYmFy"}"#, true), Row("a|base64: fooba", #"{"a":"Zm9vYmE="}"#, true),
            Row("a|base64: fooba", #"{"a":"Zm9vYmE"}"#, false), Row("a|base64: foobar", #"{"a":"xZm9vYmFy"}"#, false),
            Row("a|base64|contains: foobar", #"{"a":"x Zm9vYmFy x"}"#, true),
            Row("a|base64: é", #"{"a":"w6k="}"#, true),
            Row("a|base64|startswith: foo", #"{"a":"Zm9vYmFy"}"#, true),
            Row("a|base64|endswith: bar", #"{"a":"Zm9vYmFy"}"#, true),
            Row("a|base64: [x, foo]", #"{"a":"Zm9v"}"#, true),
            // Characters, not wildcards: what is encoded is the text after the escapes are read.
            Row(#"a|base64: 'a\*b'"#, #"{"a":"YSpi"}"#, true), Row(#"a|base64: 'a\\b'"#, #"{"a":"YVxi"}"#, true),
            Row("a|base64: 443", #"{"a":"NDQz"}"#, true), Row("a|base64: true", #"{"a":"dHJ1ZQ=="}"#, true),
            // A text like any other: without case, unless `cased`.
            Row("a|base64: foo", #"{"a":"zm9V"}"#, true), Row("a|base64|cased: foo", #"{"a":"zm9V"}"#, false),
            Row("a|base64|cased: foo", #"{"a":"Zm9v"}"#, true), Row("'|base64': foo", #"{"x":{"y":"-Zm9v-"}}"#, true),
            Row("a|base64|contains|all: [foo, bar]", #"{"a":"Zm9v YmFy"}"#, true),
            Row("a|base64|contains|all: [foo, bar]", #"{"a":"Zm9v"}"#, false),
        ])
    func base64(_ row: Row) throws { try row.check() }

    @Test(
        "base64offset: three texts without what depends on the bytes around",
        arguments: [
            Row("a|base64offset|contains: foobar", #"{"a":"..Zm9vYmFy.."}"#, true),
            Row("a|base64offset|contains: foobar", #"{"a":"..Zvb2Jhc.."}"#, true),
            Row("a|base64offset|contains: foobar", #"{"a":"..mb29iYX.."}"#, true),
            Row("a|base64offset|contains: foobar", #"{"a":"..b29iYX.."}"#, false),
            Row("a|base64offset: foobar", #"{"a":"Zvb2Jhc"}"#, true),
            Row("a|base64offset: foobar", #"{"a":"xZvb2Jhc"}"#, false),
            Row("a|base64offset|contains: [/bin/bash, /bin/sh]", #"{"a":"9iaW4vc2"}"#, true),
            Row("a|base64offset|contains|all: [foobar, barfoo]", #"{"a":"Zm9vYmFy JhcmZvb"}"#, true),
            Row("a|base64offset|contains|all: [foobar, barfoo]", #"{"a":"Zm9vYmFy Zvb2Jhc"}"#, false),
        ])
    func base64Offset(_ row: Row) throws { try row.check() }

    @Test("base64offset finds a text wherever it stands, whatever stands around it", arguments: 2...7)
    func everyOffset(_ length: Int) throws {
        let text = String("secret!".prefix(length))
        let probe = try Probe(try ruleSet(selectionText("a|base64offset|contains|cased: '\(text)'")))
        for before in 0..<6 {
            for (first, last) in [("\u{0}", "\u{0}"), ("\u{7F}", "\u{7F}"), ("a", "Z")] {
                for after in 0..<4 {
                    let whole = String(repeating: first, count: before) + text + String(repeating: last, count: after)
                    let encoded = Data(whole.utf8).base64EncodedString()
                    #expect(try probe.matches("{\"a\":\"\(encoded)\"}") == [0], "\(before) before, \(after) after")
                }
            }
        }
        let other = Data("no secre7 here".utf8).base64EncodedString()
        if length > 6 { #expect(try probe.matches("{\"a\":\"\(other)\"}") == []) }
    }

    @Test(
        "wide, utf16le, utf16be, utf16: bytes for base64, also beyond ASCII; utf16 begins with FF FE",
        arguments: [
            Row("a|wide|base64: foobar", #"{"a":"ZgBvAG8AYgBhAHIA"}"#, true),
            Row("a|utf16le|base64: foobar", #"{"a":"ZgBvAG8AYgBhAHIA"}"#, true),
            Row("a|utf16be|base64: foobar", #"{"a":"AGYAbwBvAGIAYQBy"}"#, true),
            Row("a|utf16|base64: foobar", #"{"a":"//5mAG8AbwBiAGEAcgA="}"#, true),
            Row("a|wide|base64: foobar", #"{"a":"Zm9vYmFy"}"#, false),
            Row("a|wide|base64offset|contains: cmd", #"{"a":"-MAbQBkA-"}"#, true),
            Row("a|wide|base64offset|contains: cmd", #"{"a":"-jAG0AZA-"}"#, true),
            Row("a|wide|base64: é", #"{"a":"6QA="}"#, true), Row("a|utf16be|base64: 😀", #"{"a":"2D3eAA=="}"#, true),
            Row("a|windash|wide|base64: '-x'", #"{"a":"LwB4AA=="}"#, true),
            Row("a|windash|wide|base64: '-x'", #"{"a":"LQB4AA=="}"#, true),
            Row("a|windash|wide|base64: '-x'", #"{"a":"EyB4AA=="}"#, true),
        ])
    func utf16(_ row: Row) throws { try row.check() }

    @Test(
        "windash: - / en dash, em dash and horizontal bar stand for each other at the start of a parameter (D5)",
        arguments: [
            Row("a|windash: '-x'", #"{"a":"-x"}"#, true), Row("a|windash: '-x'", #"{"a":"/x"}"#, true),
            Row("a|windash: '-x'", #"{"a":"\u2013x"}"#, true), Row("a|windash: '-x'", #"{"a":"—X"}"#, true),
            Row("a|windash: '-x'", #"{"a":"―x"}"#, true), Row("a|windash: '-x'", #"{"a":"−x"}"#, false),
            Row("a|windash: '-x'", #"{"a":"x"}"#, false), Row("a|windash: '/x'", #"{"a":"-x"}"#, true),
            Row("a|windash: '/x'", #"{"a":"–x"}"#, true),
            Row("a|windash|contains: ' -enc '", #"{"a":"PS /ENC abc"}"#, true),
            Row("a|contains|windash: ' -enc '", #"{"a":"ps —enc abc"}"#, true),
            Row("a|windash|endswith: '-as-needed'", #"{"a":"x /as-needed"}"#, true),
            Row("a|windash|endswith: '-as-needed'", #"{"a":"x -as/needed"}"#, false),
            Row("a|windash: 'a-b'", #"{"a":"a/b"}"#, false), Row("a|windash: 'a-b'", #"{"a":"a-b"}"#, true),
            Row("a|windash: 'https://x'", #"{"a":"https:/-x"}"#, true), Row("a|windash: '- x'", #"{"a":"/ x"}"#, false),
            Row("a|windash: '-x -y'", #"{"a":"/x –y"}"#, true),
            Row("a|windash: '-x*-y?'", #"{"a":"/x and –yé"}"#, true),
            Row("a|windash|contains: '*-x'", #"{"a":"a/x"}"#, true),
            Row("a|windash|cased: '-X'", #"{"a":"/x"}"#, false), Row("a|windash|cased: '-X'", #"{"a":"/X"}"#, true),
            Row("a|windash|contains|all: ['-x', '-y']", #"{"a":"/x —y"}"#, true),
            Row("a|windash|contains|all: ['-x', '-y']", #"{"a":"/x —x"}"#, false),
            Row("a|windash: '-é'", #"{"a":"/É"}"#, true), Row("a|windash: [plain, '-z']", #"{"a":"PLAIN"}"#, true),
            Row("'|windash': '-x'", #"{"b":"run /x now"}"#, true), Row("a|windash: 443", #"{"a":443}"#, true),
            Row("a|windash: '-a -b -c -d'", #"{"a":"/a –b —c ―d"}"#, true),
        ])
    func windash(_ row: Row) throws { try row.check() }

    @Test("one rule may not become more than 100,000 questions")
    func bounded() throws {
        let value = "'-a -b -c -d'"
        func rule(_ count: Int) -> String {
            selectionText("a|windash|contains: [\(Array(repeating: value, count: count).joined(separator: ", "))]")
        }
        #expect(try errors(rule(160)) == [])
        #expect(
            try errors(rule(161)).map { $0.drop { $0 != " " } } == [
                " detection.sel.a|windash|contains[160]: the values become more than 100000 questions. Split the rule."
            ])
    }

    @Test("base64offset without a place is compared as a whole, with a warning (D4)")
    func offsetWarning() throws {
        let set = try ruleSet(selectionText("a|base64offset: foobar\nb|base64offset|endswith: foobar\nc|base64: x"))
        #expect(
            set.warnings.map(\.description) == [
                "test.yml:5:21: detection.sel.a|base64offset: 'base64offset' alone compares whole values, which hardly ever are such a piece. Write contains after it."
            ])
    }
}
