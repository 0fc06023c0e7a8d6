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

@Suite("expand")
struct ExpandTests {
    private static let rule = """
        title: Placeholder
        logsource: { category: test }
        detection:
          selection:
            user|expand: '%Administrators%'
            host|contains|expand: ['srv-%sites%-', 'a\\%b']
          condition: selection
        """

    private func set(_ lists: String) throws -> RuleSet {
        let document = try #require(try YAMLReader.documents(text: lists, file: "lists.yml").first)
        return RuleSet(
            documents: try YAMLReader.documents(text: Self.rule, file: "rule.yml"),
            lists: try PlaceholderLists(document))
    }

    private func matches(_ rules: RuleSet, _ json: String) throws -> Bool {
        var plan = FieldPlan(mapping: .raw)
        let matcher = try RuleMatcher(rules.detections, plan: &plan)
        let decoder = try #require(plan.makeDecoder())
        var found = false
        try Array(json.utf8).withUnsafeBytes { bytes in
            matcher.match(try decoder.decode(bytes, fallbackUID: .missing, fallbackTime: 0)) { _ in found = true }
        }
        return found
    }

    @Test("takes any value of a list, keeps the text around it, and its wildcards")
    func expands() throws {
        let rules = try set("{ Administrators: [root, 'adm-*'], sites: [ber, ham] }")
        #expect(rules.errors.isEmpty)
        #expect(try matches(rules, #"{"user":"ROOT","host":"srv-ham-7"}"#))
        #expect(try matches(rules, #"{"user":"adm-3","host":"srv-ber-"}"#))
        #expect(try matches(rules, #"{"user":"root","host":"xa%b"}"#))
        #expect(try !matches(rules, #"{"user":"guest","host":"srv-ham-7"}"#))
        #expect(try !matches(rules, #"{"user":"root","host":"srv-muc-7"}"#))
        #expect(try !matches(rules, #"{"user":"%Administrators%","host":"srv-ham-7"}"#))
    }

    @Test("refuses a rule whose placeholder has no list, naming it and the remedy")
    func unknown() throws {
        let rules = try set("{ sites: [ber] }")
        #expect(rules.detections.isEmpty)
        #expect(
            rules.errors.map(\.description) == [
                "rule.yml:5:18: detection.selection.user|expand: the placeholder %Administrators% has no values. Give them with --lists: a YAML file with 'Administrators: [...]'."
            ])
    }
}
