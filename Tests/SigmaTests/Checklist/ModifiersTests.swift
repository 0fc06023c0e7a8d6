// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma
import Testing
import YAMLDocument

/// Sigma specification 2.1, "Modifiers": section 1.5 of the checklist.
@Suite("Modifiers")
struct ModifierTests {
    @Test(
        "contains, startswith, endswith",
        arguments: [
            Row("a|contains: bc", #"{"a":"ABCD"}"#, true), Row("a|contains: bd", #"{"a":"abcd"}"#, false),
            Row("a|startswith: ab", #"{"a":"ABCD"}"#, true), Row("a|startswith: bc", #"{"a":"abcd"}"#, false),
            Row("a|endswith: cd", #"{"a":"abCD"}"#, true), Row("a|endswith: bc", #"{"a":"abcd"}"#, false),
            Row("a|contains: abcde", #"{"a":"abcd"}"#, false), Row("a|endswith: abcde", #"{"a":"bcde"}"#, false),
            Row("a|contains: 62", #"{"a":4625}"#, true), Row("a|endswith: '.5'", #"{"a":1.5}"#, true),
            Row("a|contains: ru", #"{"a":true}"#, true), Row("a|contains: x", #"{"a":null}"#, false),
            Row(
                "a|contains: the needle in the haystack",
                #"{"a":"… THE NEEDLE in the haystac, the needle in the haystack"}"#, true),
            Row("a|contains: x", #"{"a":"0123456789abcdeX"}"#, true),
            Row("a|contains: xy", #"{"a":"0123456789abcdeX"}"#, false),
        ])
    func places(_ row: Row) throws { try row.check() }

    @Test(
        "cased is case-sensitive, alone and with contains, startswith and endswith",
        arguments: [
            Row("a|cased: Foo", #"{"a":"Foo"}"#, true), Row("a|cased: Foo", #"{"a":"foo"}"#, false),
            Row("a|contains|cased: Oo", #"{"a":"fOof"}"#, true), Row("a|contains|cased: Oo", #"{"a":"foof"}"#, false),
            Row("a|startswith|cased: F", #"{"a":"foo"}"#, false), Row("a|endswith|cased: O", #"{"a":"foO"}"#, true),
            Row("a|cased: 'F*O'", #"{"a":"FooO"}"#, true), Row("a|cased: 'F*O'", #"{"a":"foo"}"#, false),
            Row("a|cased: 443", #"{"a":443}"#, true), Row("a|cased|contains|all: [F, O]", #"{"a":"FO"}"#, true),
        ])
    func cased(_ row: Row) throws { try row.check() }

    @Test(
        "exists asks for the presence of the key; null and empty still exist",
        arguments: [
            Row("a|exists: true", #"{"a":1}"#, true), Row("a|exists: true", #"{"a":null}"#, true),
            Row("a|exists: true", #"{"a":""}"#, true), Row("a|exists: true", #"{"a":[]}"#, true),
            Row("a|exists: true", #"{"a":{}}"#, true), Row("a|exists: true", #"{"a":[{"b":1}]}"#, true),
            Row("a|exists: true", "{}", false), Row("a|exists: false", "{}", true),
            Row("a|exists: false", #"{"a":null}"#, false),
            Row("a.b|exists: true", #"{"a":[{"b":null}]}"#, true), Row("a.b|exists: false", #"{"a":[{"c":1}]}"#, true),
        ])
    func exists(_ row: Row) throws { try row.check() }

    @Test(
        "re is an unanchored, case-sensitive search",
        arguments: [
            Row("a|re: 'b[0-9]+c'", #"{"a":"ab12cd"}"#, true), Row("a|re: 'b[0-9]+c'", #"{"a":"aB12Cd"}"#, false),
            Row("a|re: '^b'", #"{"a":"ab"}"#, false), Row("a|re: 'b$'", #"{"a":"ab"}"#, true),
            Row("a|re: 'x|b'", #"{"a":"ab"}"#, true),
            Row("a|re: '^$'", #"{"a":""}"#, true), Row("a|re: '.'", #"{"a":""}"#, false),
            Row(#"a|re: '^46\d{2}$'"#, #"{"a":4625}"#, true), Row(#"a|re: '^46\d$'"#, #"{"a":4625}"#, false),
            Row("a|re: '^é.$'", #"{"a":"éè"}"#, true), Row("a|re: 'x'", "{}", false),
            Row("a|re: '.*'", #"{"a":null}"#, false),
            Row("a|re: ['^x', 'y$']", #"{"a":"ay"}"#, true), Row(#"a|re: '\\'"#, #"{"a":"a\\b"}"#, true),
        ])
    func regex(_ row: Row) throws { try row.check() }

    @Test(
        "i, m, s and their long names are flags of re and combine",
        arguments: [
            Row("a|re|i: 'abc'", #"{"a":"xABCx"}"#, true), Row("a|re|ignorecase: 'é'", #"{"a":"É"}"#, true),
            Row("a|re|m: '^b$'", #"{"a":"a\nb\nc"}"#, true), Row("a|re: '^b$'", #"{"a":"a\nb\nc"}"#, false),
            Row("a|re|multiline: '^b$'", #"{"a":"a\nb\nc"}"#, true), Row("a|re|s: 'a.b'", #"{"a":"a\nb"}"#, true),
            Row("a|re: 'a.b'", #"{"a":"a\nb"}"#, false), Row("a|re|dotall: 'a.b'", #"{"a":"a\nb"}"#, true),
            Row("a|re|i|m|s: '^B.c$'", #"{"a":"a\nb\nC\nd"}"#, true),
            Row("a|re|s|i: '^B.c$'", #"{"a":"a\nb\nC\nd"}"#, false),
        ])
    func regexFlags(_ row: Row) throws { try row.check() }

    @Test(
        "cidr: IPv4 and IPv6; what is no address does not match",
        arguments: [
            Row("a|cidr: 10.0.0.0/8", #"{"a":"10.255.0.1"}"#, true),
            Row("a|cidr: 10.0.0.0/8", #"{"a":"11.0.0.1"}"#, false),
            Row("a|cidr: 192.168.1.128/25", #"{"a":"192.168.1.129"}"#, true),
            Row("a|cidr: 192.168.1.128/25", #"{"a":"192.168.1.127"}"#, false),
            Row("a|cidr: 0.0.0.0/0", #"{"a":"8.8.8.8"}"#, true), Row("a|cidr: 0.0.0.0/0", #"{"a":"::1"}"#, false),
            Row("a|cidr: 8.8.8.8/32", #"{"a":"8.8.8.8"}"#, true), Row("a|cidr: 8.8.8.8/32", #"{"a":"8.8.8.9"}"#, false),
            Row("a|cidr: '2001:db8::/33'", #"{"a":"2001:DB8:7fff::1"}"#, true),
            Row("a|cidr: '2001:db8::/33'", #"{"a":"2001:db8:8000::1"}"#, false),
            Row("a|cidr: '::1/128'", #"{"a":"0:0:0:0:0:0:0:1"}"#, true),
            Row("a|cidr: '::/0'", #"{"a":"10.0.0.1"}"#, false),
            Row("a|cidr: 10.0.0.0/8", #"{"a":"10.0.0.1 "}"#, false),
            Row("a|cidr: 10.0.0.0/8", #"{"a":"10.0.0.1\u0000.evil"}"#, false),
            Row("a|cidr: 10.0.0.0/8", #"{"a":"10.0.0"}"#, false), Row("a|cidr: 10.0.0.0/8", #"{"a":""}"#, false),
            Row("a|cidr: 10.0.0.0/8", #"{"a":10}"#, false),
            Row("a|cidr: [10.0.0.0/8, 'fc00::/7']", #"{"a":"fd00::1"}"#, true),
            Row("a|cidr: 10.0.0.0/8", #"{"a":"10.0.0.1/8"}"#, false),
        ])
    func cidr(_ row: Row) throws { try row.check() }

    @Test(
        "lt, lte, gt, gte: numeric strings are coerced, fractions allowed, what is no number does not match",
        arguments: [
            Row("a|lt: 5", #"{"a":4}"#, true), Row("a|lt: 5", #"{"a":5}"#, false), Row("a|lte: 5", #"{"a":5}"#, true),
            Row("a|lte: 5", #"{"a":5.1}"#, false), Row("a|gt: 5", #"{"a":5}"#, false),
            Row("a|gt: 5", #"{"a":"6"}"#, true),
            Row("a|gte: 5", #"{"a":5}"#, true), Row("a|gte: 5", #"{"a":"5.0"}"#, true),
            Row("a|gt: 0.5", #"{"a":0.75}"#, true),
            Row("a|gt: 0.5", #"{"a":0.5}"#, false), Row("a|lt: -1", #"{"a":-2}"#, true),
            Row("a|gt: 5", #"{"a":"six"}"#, false),
            Row("a|gt: 5", #"{"a":true}"#, false), Row("a|lt: 5", "{}", false), Row("a|lt: 5", #"{"a":null}"#, false),
            Row("a|gt: 9007199254740992", #"{"a":9007199254740993}"#, true),
            Row("a|lt: 9007199254740993", #"{"a":9007199254740993}"#, false), Row("a|gt: 1e3", #"{"a":1001}"#, true),
        ])
    func comparisons(_ row: Row) throws { try row.check() }

    @Test(
        "re goes with contains, startswith and endswith: looked for anywhere, or tied to an end of the value",
        arguments: [
            Row("a|re|contains: 'b[0-9]'", #"{"a":"ab1c"}"#, true), Row("a|re|contains: '^b'", #"{"a":"ab"}"#, false),
            Row("a|re|startswith: 'b[0-9]'", #"{"a":"b1c"}"#, true),
            Row("a|re|startswith: 'b[0-9]'", #"{"a":"ab1"}"#, false),
            Row("a|re|endswith: 'b[0-9]'", #"{"a":"ab1"}"#, true),
            Row("a|re|endswith: 'b[0-9]'", #"{"a":"b1c"}"#, false),
            Row("a|re|startswith: 'x|b'", #"{"a":"ab"}"#, false), Row("a|re|endswith: 'b|x'", #"{"a":"ba"}"#, false),
            Row("a|re|startswith: '^b.*'", #"{"a":"bc"}"#, true), Row("a|re|endswith: '.*c$'", #"{"a":"bc"}"#, true),
            Row("a|re|i|startswith: 'B'", #"{"a":"bc"}"#, true), Row("a|re|startswith|i: 'B'", #"{"a":"bc"}"#, true),
            Row("a|re|m|startswith: 'b'", #"{"a":"a\nb"}"#, false), Row("a|re|endswith: 'b'", #"{"a":"b\n"}"#, false),
        ])
    func regexPlaces(_ row: Row) throws { try row.check() }

    @Test(
        "neq holds where none of the values does (D3: also where the field is missing), after other modifiers too",
        arguments: [
            Row("a|neq: x", #"{"a":"y"}"#, true), Row("a|neq: x", #"{"a":"X"}"#, false), Row("a|neq: x", "{}", true),
            Row("a|neq: x", #"{"a":null}"#, true), Row("a|neq: [x, y]", #"{"a":"y"}"#, false),
            Row("a|neq: [x, y]", #"{"a":"z"}"#, true), Row("a|neq: [x, y]", #"{"a":["z","x"]}"#, false),
            Row("a|neq: 5", #"{"a":"5"}"#, false), Row("a|neq: 5", #"{"a":5.0}"#, false),
            Row("a|neq: 5", #"{"a":6}"#, true),
            Row("a|neq: true", #"{"a":true}"#, false), Row("a|neq: ''", #"{"a":""}"#, false),
            Row("a|neq: ''", "{}", true),
            Row("a|neq: null", "{}", false), Row("a|neq: null", #"{"a":1}"#, true),
            Row("a|neq: 'x*'", #"{"a":"xy"}"#, false),
            Row("a|contains|neq: x", #"{"a":"axb"}"#, false), Row("a|contains|neq: x", #"{"a":"ab"}"#, true),
            Row("a|neq|contains: x", #"{"a":"axb"}"#, false), Row("a|startswith|neq: [x, y]", #"{"a":"za"}"#, true),
            Row("a|endswith|neq: [x, y]", #"{"a":"ay"}"#, false), Row("a|cased|neq: X", #"{"a":"x"}"#, true),
            Row("a|contains|all|neq: [x, y]", #"{"a":"x"}"#, true),
            Row("a|contains|all|neq: [x, y]", #"{"a":"xy"}"#, false),
            Row("a|re|neq: '^x'", #"{"a":"xa"}"#, false), Row("a|re|neq: '^x'", #"{"a":"ax"}"#, true),
            Row("a|cidr|neq: 10.0.0.0/8", #"{"a":"10.1.1.1"}"#, false),
            Row("a|cidr|neq: 10.0.0.0/8", #"{"a":"1.1.1.1"}"#, true),
            Row("a|fieldref|neq: b", #"{"a":"x","b":"X"}"#, false),
            Row("a|fieldref|neq: b", #"{"a":"x","b":"y"}"#, true),
            Row("a|fieldref|neq: [b, c]", #"{"a":"x","b":"y","c":"x"}"#, false),
            Row("a|fieldref|neq: b", #"{"a":"x"}"#, true),
            Row("a|fieldref|startswith|neq: b", #"{"a":"xy","b":"x"}"#, false), Row("a|gt|neq: 5", #"{"a":6}"#, false),
            Row("a|gt|neq: 5", #"{"a":5}"#, true), Row("a|windash|neq: '-x'", #"{"a":"/x"}"#, false),
            Row("a|base64|neq: foo", #"{"a":"Zm9v"}"#, false), Row("'|neq': x", #"{"a":"axb"}"#, false),
            Row("'|neq': x", #"{"a":"b"}"#, true),
        ])
    func neq(_ row: Row) throws { try row.check() }

    @Test("an item with neq under `not` holds where one of the values does")
    func negatedNeq() throws {
        #expect(try detects("sel: { a|neq: [x, y] }\ncondition: not sel", #"{"a":"Y"}"#))
        #expect(try !detects("sel: { a|neq: [x, y] }\ncondition: not sel", "{}"))
    }

    @Test(
        "fieldref compares two fields, case-insensitively, with any value of a list, and with startswith, endswith, contains",
        arguments: [
            Row("a|fieldref: b", #"{"a":"Foo","b":"fOO"}"#, true),
            Row("a|fieldref: b", #"{"a":"foo","b":"bar"}"#, false),
            Row("a|fieldref: b", #"{"a":"foo"}"#, false), Row("a|fieldref: b", #"{"b":"foo"}"#, false),
            Row("a|fieldref: b", #"{"a":null,"b":null}"#, false), Row("a|fieldref: b", #"{"a":443,"b":"443"}"#, true),
            Row("a|fieldref: b", #"{"a":443,"b":443.0}"#, true), Row("a|fieldref: b", #"{"a":1.5,"b":"1.50"}"#, true),
            Row("a|fieldref: b", #"{"a":9007199254740993,"b":9007199254740992}"#, false),
            Row("a|fieldref: b", #"{"a":["x","y"],"b":["z","Y"]}"#, true),
            Row("a|fieldref: b", #"{"a":["x"],"b":["z"]}"#, false),
            Row("a|fieldref|startswith: b", #"{"a":"ABC","b":"ab"}"#, true),
            Row("a|fieldref|startswith: b", #"{"a":"abc","b":"bc"}"#, false),
            Row("a|fieldref|endswith: b", #"{"a":"ABC","b":"bc"}"#, true),
            Row("a|fieldref|contains: b", #"{"a":"ABCD","b":"bc"}"#, true),
            Row("a|fieldref|contains: b", #"{"a":"abc","b":"abcd"}"#, false),
            Row("a|fieldref|contains: b", #"{"a":"xx a text of MORE than sixteen","b":"A Text of more THAN"}"#, true),
            Row("a|fieldref: b", #"{"a":"Müller","b":"MÜLLER"}"#, true),
            Row("a|fieldref|contains: b", #"{"a":"KÖLN","b":"ö"}"#, true),
            Row("a|fieldref|cased: b", #"{"a":"Foo","b":"foo"}"#, false),
            Row("a|fieldref|cased: b", #"{"a":"Foo","b":"Foo"}"#, true),
            Row("a|fieldref: b.c", #"{"a":"x","b":{"c":"X"}}"#, true),
            Row("a|fieldref: b", #"{"a":"x*","b":"xyz"}"#, false),
            Row("a|fieldref: b", #"{"a":"","b":""}"#, true), Row("a|fieldref: b", #"{"a":true,"b":"TRUE"}"#, true),
            Row("a|fieldref: [b, c]", #"{"a":"x","c":"x"}"#, true),
            Row("a|fieldref: b", #"{"a":"0e1","b":"0e2"}"#, false),
        ])
    func fieldReferences(_ row: Row) throws { try row.check() }

    @Test("a catastrophic expression against 60 kB ends at its limit, is no match, and is counted")
    func catastrophicExpression() throws {
        let probe = try Probe(try ruleSet(selectionText("a|re: '(a+)+$'")))
        let long = String(repeating: "a", count: 60_000)
        #expect(try probe.matches(#"{"a":"\#(long)b"}"#) == [])
        #expect(probe.limitReached == 1)
        #expect(try probe.matches(#"{"a":"aaa"}"#) == [0])
        #expect(try probe.matches(#"{"a":"aaab"}"#) == [])
        #expect(probe.limitReached == 1)
    }

    @Test("an expression that needs more stack than the compiled code has still matches")
    func deepExpression() throws {
        let probe = try Probe(try ruleSet(selectionText("a|re: '^(?:x(y|z))*end'")))
        let long = String(repeating: "xyxz", count: 8_000)
        #expect(try probe.matches(#"{"a":"\#(long)end"}"#) == [0])
        #expect(try probe.matches(#"{"a":"\#(long)"}"#) == [])
    }

    @Test("an expression sees the first 64 KiB of a value, cut between characters")
    func longSubject() throws {
        let probe = try Probe(try ruleSet(selectionText("a|re: '^bé'")))
        let long = String(repeating: "é", count: 40_000)
        #expect(try probe.matches(#"{"a":"b\#(long)"}"#) == [0])
        #expect(probe.limitReached == 0)
        let tail = try Probe(try ruleSet(selectionText("a|re: 'end$'")))
        #expect(try tail.matches(#"{"a":"\#(String(repeating: "x", count: 70_000))end"}"#) == [])
    }

    @Test("contains finds a literal in values that almost hold it everywhere")
    func periodicContains() throws {
        let needle = String(repeating: "ab", count: 500) + "c"
        let probe = try Probe(try ruleSet(selectionText("- a|contains: '\(needle)'\n- b|fieldref|contains: c")))
        let value = String(repeating: "aB", count: 200_000)
        #expect(try probe.matches(#"{"a":"\#(value)"}"#) == [])
        #expect(try probe.matches(#"{"a":"\#(value)C"}"#) == [0])
        #expect(try probe.matches(#"{"a":"x\#(value)c\#(value)"}"#) == [0])
        let half = String(repeating: "Ab", count: 100_000)
        #expect(try probe.matches(#"{"b":"\#(value)","c":"\#(half)c"}"#) == [])
        #expect(try probe.matches(#"{"b":"\#(value)C","c":"\#(half)c"}"#) == [0])
        let pattern = String(repeating: "a", count: 500)
        let glob = try Probe(try ruleSet(selectionText("a: '*\(pattern)*\(pattern)b*c'")))
        let run = String(repeating: "a", count: 300_000)
        #expect(try glob.matches(#"{"a":"\#(run)"}"#) == [])
        #expect(try glob.matches(#"{"a":"\#(run)bc"}"#) == [0])
    }
}
