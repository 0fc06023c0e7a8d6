// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Sigma
import Testing

/// The candidate index leaves no rule out: with it and without it the same rules match.
@Suite("Candidate index")
struct CandidateTests {
    private typealias Generator = DifferentialTests.Generator

    private static let words = [
        "powershell", "Invoke-", "/bin/bash", "vectors.query", "export", "443", "12", "true", "prod", "Ünïcode",
        "aaaaaaaaaaaaaaaaaaab",
        "aaaa", "\\\\temp\\\\", "a?c", "x*yyyy", "checkpoint", "CHECKPOINT", "ab", "", "1.50", "point.dow", "0x1f",
        "-7",
    ]
    private static let fields = ["a", "b", "c.d", "l.a", "never"]

    private func value(_ random: inout Generator) -> String {
        let count = Int.random(in: 1...3, using: &random)
        return "'\((0..<count).map { _ in random.pick(Self.words) }.joined(separator: random.pick(["", " ", "/"])))'"
    }

    private func item(_ random: inout Generator) -> String {
        let field = random.pick(Self.fields)
        let list = (0..<Int.random(in: 1...4, using: &random)).map { _ in value(&random) }.joined(separator: ", ")
        switch Int.random(in: 0..<14, using: &random) {
        case 0: return "\(field): \(random.pick(["443", "12", "1.5", "0x1f", "-7", "true", "null"]))"
        case 1: return "\(field): [443, 12, 1, 'prod', 'aaaa']"
        case 2: return "\(field)|exists: \(random.pick(["true", "false"]))"
        case 3: return "\(field)|fieldref: \(random.pick(Self.fields))"
        case 4: return "\(field)|gt: 40"
        case 5: return "\(field)|re: 'b.*e'"
        case 6: return "\(field)|cased: [\(list)]"
        case 7: return "\(field)|startswith: [\(list)]"
        case 8: return "\(field)|endswith: [\(list)]"
        case 9: return "\(field)|contains|all: [\(list)]"
        case 10: return "\(field)|contains: [\(list)]"
        default: return "\(field): [\(list)]"
        }
    }

    private func rule(_ number: Int, _ random: inout Generator) -> String {
        var lines: [String] = []
        for selection in 0..<3 {
            if random.chance(12) {
                lines.append("s\(selection): ['a\(value(&random).dropFirst()), 'k\(value(&random).dropFirst())]")
                continue
            }
            var items: [String: String] = [:]
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let item = item(&random)
                items[String(item.prefix { $0 != ":" })] = item
            }
            lines.append("s\(selection): { \(items.values.sorted().joined(separator: ", ")) }")
        }
        let condition = random.pick([
            "s0", "s0 and s1", "s0 or s1", "s0 and not s1", "not s0", "not (s0 or s1)", "not (not s0 or s1)",
            "1 of them",
            "all of them", "(s0 or s1) and not s2", "s0 and (s1 or s2)", "not (s0 and s1) and s2",
        ])
        return ruleText((lines + ["condition: \(condition)"]).joined(separator: "\n")).replacingTitle("Rule \(number)")
    }

    private func scalar(_ random: inout Generator) -> String {
        switch Int.random(in: 0..<12, using: &random) {
        case 0: return random.pick(["443", "12", "1.5", "31", "-7", "443.0", "1e3", "18446744073709551616"])
        case 1: return random.pick(["true", "false", "null", "{}", "[]"])
        default:
            let count = Int.random(in: 1...5, using: &random)
            let text = (0..<count).map { _ in random.pick(Self.words) }.joined(separator: random.pick(["", " ", "/"]))
            let escaped = text.replacing("\\", with: "\\\\")
            let cased = random.chance(30) ? escaped.uppercased().replacing("\\\\TEMP", with: "\\\\temp") : escaped
            return "\"\(random.chance(10) ? cased.replacing("a", with: "\\u0061") : cased)\""
        }
    }

    private func value(of random: inout Generator) -> String {
        if random.chance(75) { return scalar(&random) }
        return "[\((0..<Int.random(in: 0...4, using: &random)).map { _ in scalar(&random) }.joined(separator: ", "))]"
    }

    private func event(_ random: inout Generator) -> String {
        var members: [String] = []
        for name in ["a", "b"] where random.chance(80) { members.append("\"\(name)\": \(value(of: &random))") }
        if random.chance(70) { members.append("\"c\": {\"d\": \(value(of: &random))}") }
        if random.chance(50) {
            let items = (0..<Int.random(in: 0...3, using: &random)).map { _ in "{\"a\": \(value(of: &random))}" }
            members.append("\"l\": [\(items.joined(separator: ", "))]")
        }
        return "{\(members.joined(separator: ", "))}"
    }

    @Test("150 random rules at a time over 80 events", arguments: 1...8)
    func sameMatches(_ seed: UInt64) throws {
        var random = Generator(state: seed &* 7919)
        let rules = (0..<150).map { rule($0, &random) }
        let set = try ruleSet(rules.joined(separator: "---\n"))
        let indexed = try Probe(set)
        let plain = try Probe(set, triesAll: true)
        var matched = 0
        for _ in 0..<80 {
            let text = event(&random)
            let expected = try plain.matches(text)
            let found = try indexed.matches(text)
            matched += expected.count
            for index in Set(found).symmetricDifference(expected).sorted() {
                Issue.record("seed \(seed): \(found.contains(index) ? "matched" : "missed")\n\(rules[index])\n\(text)")
            }
            #expect(found == expected)
        }
        #expect(matched > 500 && matched < 11_500)
    }

    @Test("more kinds of events than there is room for, more rules for one kind, and more fields")
    func plans() throws {
        let kinds = (0..<300).map { "k: v\($0)\nn|gt: 5" }
        let crowd = (0..<60).map { "c: x\nn: \($0 % 7)" }
        let fields = (0..<12).map { "f\($0): y\nn|lt: 3" }
        let rules = (kinds + crowd + fields).enumerated().map { selectionText($1).replacingTitle("Rule \($0)") }
        let set = try ruleSet(rules.joined(separator: "---\n"))
        let (indexed, plain) = (try Probe(set), try Probe(set, triesAll: true))
        var matched = 0
        for round in 0..<1000 {
            let shown = (0..<12).filter { round % ($0 + 2) == 0 }.map { #""f\#($0)":"y","# }.joined()
            let crowded = round % 5 == 0 ? #""c":"x","# : ""
            let event = #"{\#(shown)\#(crowded)"k":"v\#(round * 7 % 300)","n":\#(round % 9)}"#
            let expected = try plain.matches(event)
            matched += expected.count
            #expect(try indexed.matches(event) == expected, "\(event)")
        }
        #expect(matched > 1000)
    }

    @Test("a literal is found wherever it stands in a text of any length")
    func everyPlace() throws {
        let probe = try Probe(
            try ruleSet(
                [
                    "x|contains: needle", "x|startswith: needle", "x|endswith: needle",
                    "x|contains: 'Needle-in-a-haystack'",
                    "x|contains: need", "x: '*nee*dle*'", "x: 'needle'", "x|endswith: 'a-rather-long-end-of-a-text'",
                    "x|startswith: 'a-rather-long-start-of-a-text'",
                ].enumerated().map { selectionText($1).replacingTitle("Rule \($0)") }.joined(separator: "---\n")))
        for before in 0..<20 {
            for after in 0..<20 {
                let (left, right) = (String(repeating: "n", count: before), String(repeating: "E", count: after))
                var expected = [0, 4, 5]
                if before == 0 { expected.append(1) }
                if after == 0 { expected.append(2) }
                if before == 0, after == 0 { expected.append(6) }
                #expect(try probe.matches("{\"x\":\"\(left)NEEDLE\(right)\"}") == expected.sorted())
                #expect(try probe.matches("{\"x\":\"\(left)needle-in-A-haystack\(right)\"}").contains(3))
            }
            let filler = String(repeating: "-", count: before)
            #expect(try probe.matches("{\"x\":\"\(filler)A-rather-long-end-of-a-text\"}") == [7])
            #expect(try probe.matches("{\"x\":\"a-rather-long-Start-of-a-text\(filler)\"}") == [8])
        }
        #expect(try probe.matches("{\"x\":\"nee\"}") == [])
        #expect(try probe.matches("{\"x\":\"\"}") == [])
    }

    @Test("an event is answered anew, not from the one before")
    func events() throws {
        let probe = try Probe(
            try ruleSet(
                ["x: one", "x: two", "not-there|exists: false"].enumerated().map {
                    selectionText($1).replacingTitle("Rule \($0)")
                }.joined(separator: "---\n")))
        #expect(try probe.matches("{\"x\":\"one\"}") == [0, 2])
        #expect(try probe.matches("{\"x\":\"two\"}") == [1, 2])
        #expect(try probe.matches("{\"x\":[\"two\",\"one\"],\"not-there\":1}") == [0, 1])
        #expect(try probe.matches("{\"y\":\"one\"}") == [2])
    }
}
