// SPDX-License-Identifier: Apache-2.0

import Connections
import Foundation
import Testing

@Suite("The JSON scanner")
struct JSONScanTests {
    /// The findings of pointers, kept, in a text that is fed in pieces of `step` bytes.
    private func scan(
        _ text: String, _ pointers: [String], step: Int = Int.max, shape: JSONScan.Shape = .document,
        names: JSONScan.Names = .strict
    ) throws -> [JSONFinding] {
        try scan(bytes: Array(text.utf8), pointers, step: step, shape: shape, names: names)
    }

    private func scan(
        bytes: [UInt8], _ pointers: [String], step: Int = Int.max, shape: JSONScan.Shape = .document,
        names: JSONScan.Names = .strict
    ) throws -> [JSONFinding] {
        var plan = JSONPlan()
        let indices = try pointers.map { try plan.watch($0, keeps: true) }
        var scan = JSONScan(plan, shape: shape, names: names)
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(step))
            try piece.withUnsafeBytes { try scan.push($0) }
            rest = rest.dropFirst(piece.count)
        }
        try scan.finish()
        return indices.map { scan.findings[$0] }
    }

    private func fault(_ text: String, _ pointers: [String] = [], shape: JSONScan.Shape = .document) -> JSONFault? {
        do {
            _ = try scan(text, pointers, step: 3, shape: shape)
            return nil
        } catch {
            return error as? JSONFault
        }
    }

    @Test func `pointers find, count, add up and keep`() throws {
        let text =
            #"{"limit": 5, "points": [{"id": "a"}, {"id": 7}, {"x": 1}, null], "q": {"text": "gr\u00fc\u00dfe 🙂"}}"#
        for step in [1, 2, 7, Int.max] {
            let found = try scan(text, ["/limit", "/points/*", "/points/*/id", "/q/text", "/nothing", ""], step: step)
            #expect(found[0].sum == 5)
            #expect(found[0].numbers == 1)
            #expect(found[1].objects == 3)
            #expect(found[1].nulls == 1)
            #expect(found[1].count == 3)
            #expect(found[2].texts == ["a", "7"])
            #expect(found[3].texts == ["grüße 🙂"])
            #expect(found[3].longestString == 12)
            #expect(found[4].count + found[4].nulls == 0)
            #expect(found[5].objects == 1)
        }
    }

    @Test func `arrays in arrays are counted, and the longest is known`() throws {
        let found = try scan(
            #"{"ids": [["a","b"],[],["c"]], "input": [1, 2, 3]}"#, ["/ids/*/*", "/ids", "/ids/*", "/input"])
        #expect(found[0].count == 3)
        #expect(found[1].longestArray == 3)
        #expect(found[2].arrays == 3)
        #expect(found[2].longestArray == 2)
        #expect(found[3].longestArray == 3)
    }

    @Test func `what nests in itself is found at every depth`() throws {
        let text = """
            {"prefetch": [{"limit": 1}, {"prefetch": {"limit": 2, "prefetch": [{"limit": 4}]}}], "limit": 8, "other": {"prefetch":
            {"limit": 16}}}
            """
        #expect(try scan(text, ["/prefetch&/limit"])[0].sum == 7)
        #expect(try scan(text, ["/prefetch&/limit", "/limit"])[1].sum == 8)
    }

    @Test func `a name with escapes equals the plain one`() throws {
        #expect(try scan(#"{"\u006eame": "x"}"#, ["/name"])[0].texts == ["x"])
        #expect(try scan(#"{"n\u0061m\u0065": "x"}"#, ["/name"], step: 1)[0].texts == ["x"])
        #expect(fault(#"{"name": 1, "\u006eame": 2}"#, ["/name"])?.kind == .duplicateName("name"))
        #expect(try scan(#"{"a/b": 1, "c~d": 2, "*": 4}"#, ["/a~1b", "/c~0d", "/~2"]).map(\.sum) == [1, 2, 4])
    }

    @Test func `a name that occurs twice on the way is a fault`() throws {
        #expect(fault(#"{"limit": 1, "limit": 2}"#, ["/limit"])?.kind == .duplicateName("limit"))
        #expect(fault(#"{"limit": 1, "x": 2, "x": 3}"#, ["/limit"])?.kind == .duplicateName("x"))
        #expect(fault(#"{"a": [{"id": 1}, {"id": 1, "id": 2}]}"#, ["/a/*/id"])?.kind == .duplicateName("id"))
        #expect(fault(#"{"a": {"id": 1}, "b": {"id": 1}}"#, ["/a/id"]) == nil, "two objects are not one")
        #expect(fault(#"{"a": [{"id": 1}, {"id": 1}]}"#, ["/a/*/id"]) == nil)
        #expect(fault(#"{"payload": {"x": 1, "x": 2}, "limit": 1}"#, ["/limit"]) == nil, "policy does not look there")
        #expect(fault(#"{"": 1, "": 2, "limit": 1}"#, ["/limit"])?.kind == .duplicateName(""))
        let lenient = try scan(#"{"limit": 1, "limit": 2}"#, ["/limit"], names: .lenient)
        #expect(lenient[0].sum == 3)
    }

    @Test(arguments: [
        "Limit", "LIMIT", "li_mit", "l\\u0049mit", "maxResults", "MAX_RESULTS", "tas\u{212A}", "ta\u{17F}k",
    ])
    func `a name that a lenient reader takes for a watched one is a fault`(name: String) {
        guard
            case .lookalikeName(_, let watched)? = fault("{\"\(name)\": 1}", ["/limit", "/max_results", "/task"])?.kind
        else {
            Issue.record("\(name) passed")
            return
        }
        #expect(["limit", "max_results", "task"].contains(watched))
    }

    @Test(arguments: [
        "", " ", "{", "}", "[1,]", "[,1]", "{\"a\":1,}", "{\"a\" 1}", "{\"a\"}", "{a:1}", "{'a':1}", "[1 2]", "1 2",
        "01", "-",
        "-a", "1.", ".5", "1e", "1e+", "+1", "0x1", "NaN", "Infinity", "-Infinity", "nul", "nulll", "True", "tru", "\"",
        "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u123g\"", "\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"",
        "\"\\ud800\\ud800\"",
        "\"\\udc00\"", "\"\u{1}\"", "\"\n\"", "[1]]", "{}{}", "/* x */ 1", "\u{FEFF}{}", "[\"a\",", "{\"a\":", "\u{0}",
    ])
    func `what is no JSON is refused`(text: String) {
        guard case .syntax? = fault(text)?.kind else {
            Issue.record("\(text) passed")
            return
        }
    }

    @Test(
        arguments: [
            [0xC0, 0xAE], [0xC1, 0xBF], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0xAF],
            [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0x80], [0xFF], [0xE2, 0x82], [0xE2, 0x82, 0x22], [0xC3],
        ] as [[UInt8]])
    func `a text that is no UTF-8 is refused`(bytes: [UInt8]) {
        #expect(throws: JSONFault.self) { try scan(bytes: [0x22] + bytes + [0x22], [], step: 1) }
        #expect(throws: JSONFault.self) { try scan(bytes: bytes + [0x22, 0x22], []) }
    }

    @Test func `nesting ends at the limit`() {
        let deep = JSONScan.maximumDepth
        #expect(fault(String(repeating: "[", count: deep) + String(repeating: "]", count: deep)) == nil)
        #expect(fault(String(repeating: "[", count: deep + 1))?.kind == .tooDeep)
        #expect(fault(String(repeating: "{\"a\":", count: 100_000))?.kind == .tooDeep)
    }

    @Test func `numbers are exact or said to be odd`() throws {
        let found = try scan(#"{"n": [0, 12, 1e3, 1.0, -1, -0, 99999999999999999999, 1E400]}"#, ["/n/*"])[0]
        #expect(found.numbers == 8)
        #expect(found.sum == Int.max)
        #expect(found.oddNumbers == 4, "1e3, 1.0, -1 and 1E400; -0 is 0")
        let long = try scan(#"{"n": \#(String(repeating: "1", count: 5_000))}"#, ["/n"])[0]
        #expect(long.oddNumbers == 1)
    }

    @Test func `what is kept is bounded, what is counted is not`() throws {
        let many = "[" + Array(repeating: "\"x\"", count: 3_000).joined(separator: ",") + "]"
        let found = try scan(many, ["/*"])[0]
        #expect(found.strings == 3_000)
        #expect(found.texts.count == JSONScan.maximumTexts)
        #expect(found.droppedTexts == 3_000 - JSONScan.maximumTexts)
        let long = try scan("\"" + String(repeating: "é", count: 5_000) + "\"", [""])[0]
        #expect(long.longestString == 10_000)
        #expect(long.droppedTexts == 1)
        let members = (0...JSONScan.maximumMembers).map { "\"k\($0)\": 1" }.joined(separator: ",")
        #expect(fault("{\(members)}", ["/limit"])?.kind == .tooManyMembers)
        #expect(fault("{\"payload\": {\(members)}}", ["/limit"]) == nil)
    }

    @Test func `NDJSON is an array of its lines`() throws {
        let text =
            "{\"key\": \"header\"}\n\n{\"key\": \"file\", \"value\": {\"path\": \"a\"}}\r\n{\"value\": {\"path\": \"b\"}}"
        for step in [1, 5, Int.max] {
            let found = try scan(text, ["/*/value/path", "/*"], step: step, shape: .lines)
            #expect(found[0].texts == ["a", "b"])
            #expect(found[1].objects == 3)
        }
        #expect(try scan("1\n2\n", ["/*"], shape: .lines)[0].numbers == 2)
        #expect(try scan("", ["/*"], shape: .lines)[0].count == 0)
        for broken in ["{\"a\":\n1}", "{} {}", "{\"a\": 1", "{}\n]", "[1,\n2]"] {
            #expect(fault(broken, ["/*"], shape: .lines) != nil, "\(broken)")
        }
    }

    @Test func `every text is handed over without its escapes`() throws {
        var scan = JSONScan(JSONPlan(), wantsTexts: true)
        var texts: [String] = []
        for byte in #"{"dr\u006fp": ["t\tab", {"k": 1}], "x": "é\ud83d\ude42"}"#.utf8 {
            try [byte].withUnsafeBytes { piece in
                try scan.push(piece) { texts.append(String(decoding: $0, as: UTF8.self)) }
            }
        }
        try scan.finish()
        #expect(texts == ["drop", "t\tab", "k", "x", "é🙂"])
    }

    @Test func `a pointer that is none is an error`() {
        var plan = JSONPlan()
        for pointer in ["limit", "/a~", "/a~9"] {
            #expect(throws: JSONPlan.PointerError.self, "\(pointer)") { try plan.watch(pointer) }
        }
    }
}
