// SPDX-License-Identifier: Apache-2.0

import Testing

/// Sigma specification 2.1, "Detection": section 1.3 of the checklist.
@Suite("Detection structure")
struct DetectionStructureTests {
    @Test(
        "a map is an AND of items",
        arguments: [
            Row("a: x\nb: y", #"{"a":"x","b":"y"}"#, true), Row("a: x\nb: y", #"{"b":"y","a":"x"}"#, true),
            Row("a: x\nb: y", #"{"a":"x"}"#, false), Row("a: x\nb: y", #"{"a":"x","b":"z"}"#, false),
        ])
    func maps(_ row: Row) throws { try row.check() }

    @Test(
        "a list of maps is an OR of ANDs",
        arguments: [
            Row("- a: x\n  b: y\n- c: z", #"{"a":"x","b":"y"}"#, true),
            Row("- a: x\n  b: y\n- c: z", #"{"c":"z"}"#, true),
            Row("- a: x\n  b: y\n- c: z", #"{"a":"x"}"#, false),
        ])
    func listsOfMaps(_ row: Row) throws { try row.check() }

    @Test(
        "a list of scalars is keywords, unanchored and case-insensitive over every scalar, nested and in arrays",
        arguments: [
            Row("- error\n- denied", #"{"m":"Access DENIED here"}"#, true),
            Row("- error\n- denied", #"{"m":"fine"}"#, false),
            Row("- error", #"{"a":{"b":[{"c":"an Error"}]}}"#, true), Row("- error", #"{"error":"x"}"#, false),
            Row("- 4625", #"{"id":4625}"#, true), Row("- 462", #"{"id":[1,4625]}"#, true),
            Row("- true", #"{"ok":true}"#, true),
            Row("- 'a*z'", #"{"m":"xxa--zxx"}"#, true), Row("- 'a*z'", #"{"m":"a","n":"z"}"#, false),
            Row("- say \"hi\"", #"{"m":"we say \"hi\" twice"}"#, true),
        ])
    func keywords(_ row: Row) throws { try row.check() }

    @Test(
        "a single scalar is a keyword",
        arguments: [Row("denied", #"{"m":"was DENIED"}"#, true), Row("denied", #"{"m":"granted"}"#, false)])
    func singleKeyword(_ row: Row) throws { try row.check() }

    @Test(
        "a nested list mixes keywords and maps",
        arguments: [
            Row("- denied\n- a: x", #"{"m":"denied"}"#, true), Row("- denied\n- a: x", #"{"a":"X"}"#, true),
            Row("- denied\n- - granted\n  - a: x", #"{"m":"granted"}"#, true),
            Row("- denied\n- a: x", #"{"b":"x"}"#, false),
        ])
    func nestedLists(_ row: Row) throws { try row.check() }

    @Test(
        "keyword modifiers: an empty field name",
        arguments: [
            Row("'|all': [one, two]", #"{"a":"ONE","b":{"c":"and two"}}"#, true),
            Row("'|all': [one, two]", #"{"a":"one"}"#, false),
            Row("'|re': 'e[0-9]+r'", #"{"a":{"b":"e42r"}}"#, true), Row("'|re': 'e[0-9]+r'", #"{"a":"E42R"}"#, false),
            Row("'|re|i': 'e[0-9]+r'", #"{"a":"E42R"}"#, true), Row("'|contains': one", #"{"a":"xONEx"}"#, true),
            Row("'|startswith': one", #"{"a":"x one"}"#, false),
            Row("'|startswith': one", #"{"b":1,"a":"one x"}"#, true),
            Row("'|endswith': one", #"{"a":"x one"}"#, true), Row("'|cased': One", #"{"a":"xOnex"}"#, true),
            Row("'|cased': One", #"{"a":"one"}"#, false), Row("'|contains|all': [one, two]", #"{"a":"one two"}"#, true),
            Row("'|cidr': 10.0.0.0/8", #"{"from":{"ip":"10.9.8.7"}}"#, true),
        ])
    func keywordModifiers(_ row: Row) throws { try row.check() }

    @Test(
        "the values of an item are OR-linked, with |all AND-linked (D2: over a single value too)",
        arguments: [
            Row("a: [x, y]", #"{"a":"y"}"#, true), Row("a: [x, y]", #"{"a":"z"}"#, false),
            Row("a|contains: [x, y]", #"{"a":"-y-"}"#, true), Row("a|contains|all: [x, y]", #"{"a":"-y-"}"#, false),
            Row("a|contains|all: [x, y]", #"{"a":"-yx-"}"#, true), Row("a|contains|all: x", #"{"a":"-x-"}"#, true),
            Row("a|contains|all: [x]", #"{"a":"-y-"}"#, false), Row("a|re|all: [x+, y+]", #"{"a":"xy"}"#, true),
            Row("a|all|contains: [x, y]", #"{"a":"-yx-"}"#, true),
        ])
    func valueLists(_ row: Row) throws { try row.check() }

    @Test(
        "a field is looked for under its literal key first, then along the dots (D12: also inside)",
        arguments: [
            Row("a.b.c: x", #"{"a":{"b":{"c":"x"}}}"#, true), Row("a.b.c: x", #"{"a.b.c":"x"}"#, true),
            Row("a.b.c: x", #"{"a":{"b.c":"x"}}"#, true), Row("a.b.c: x", #"{"a.b":{"c":"x"}}"#, true),
            Row("a.b: x", #"{"a":{"b":"no"},"a.b":"x"}"#, true), Row("a.b: no", #"{"a.b":"x","a":{"b":"no"}}"#, false),
            Row("a.b: x", #"{"a":{"B":"x"}}"#, false),
        ])
    func dottedFields(_ row: Row) throws { try row.check() }

    @Test(
        "arrays match with any element",
        arguments: [
            Row("a: y", #"{"a":["x","Y"]}"#, true), Row("a: y", #"{"a":["x"]}"#, false),
            Row("a: y", #"{"a":[]}"#, false),
            Row("a.b: 2", #"{"a":[{"b":1},{"c":0},{"b":2}]}"#, true), Row("a|gt: 5", #"{"a":[1,9]}"#, true),
            Row("a|contains|all: [x, y]", #"{"a":["x","y"]}"#, true), Row("a|re: '^y$'", #"{"a":["x","y"]}"#, true),
            Row("a: y", #"{"a":[["x"],["y"]]}"#, true), Row("a.b: y", #"{"a":[{"b":["x","y"]}]}"#, true),
            Row("a: [x, y, z]", #"{"a":["w","z"]}"#, true), Row("a|cidr: 10.0.0.0/8", #"{"a":["x","10.1.1.1"]}"#, true),
        ])
    func arrays(_ row: Row) throws { try row.check() }

    @Test("a predicate that several rules share is asked for each event anew")
    func sharedPredicates() throws {
        let one = ruleText("s: { a: x }\nt: { b: y }\ncondition: s and t")
        let two = ruleText("s: { a: x }\ncondition: not s").replacingTitle("Two")
        let probe = try Probe(try ruleSet(one + "---\n" + two))
        #expect(try probe.matches(#"{"a":"x","b":"y"}"#) == [0])
        #expect(try probe.matches(#"{"a":"z","b":"y"}"#) == [1])
        #expect(try probe.matches(#"{"a":"x"}"#) == [])
        #expect(try probe.matches("{}") == [1])
        #expect(try probe.matches(#"{"a":"x","b":"y"}"#) == [0])
    }
}
