// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sigma
import Testing
import YAMLDocument

/// Random rules over random events answer as the slow evaluator does.
@Suite("Against an obvious evaluator")
struct DifferentialTests {
    /// SplitMix64: the same rules and events on every run.
    struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }

        mutating func pick<T>(_ choices: [T]) -> T { choices[Int.random(in: 0..<choices.count, using: &self)] }
        mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
    }

    private static let signs = ["-a", "/a", " -b", "–a", "—A b", "―1 -a", "a-b", "//a", "-a*-b"]
    private static let short = ["ab", "aé", "A-b", "b1 ", "/aB"]
    private static let letters = ["a", "A", "b", "B", "*", "?", "\\", "é", "É", "1", ".", " ", "Ж", "ж"]
    private static let fields = ["a", "b", "n.a", "n.b", "l.a", "z"]
    private static let numbers = ["0", "1", "-1", "12", "1.5", "443", "2.25"]

    /// How a selection is nested: AND of items in OR of maps.
    private struct Rule {
        var selections: [[[SlowItem]]]
        var text: String
        var holds: (_ selections: [Bool]) -> Bool
    }

    private func text(_ random: inout Generator, longest: Int = 6) -> String {
        if random.chance(15) { return random.pick(["true", "False", "null", "443", "1.50", "12", "", "aab", "AB"]) }
        if random.chance(8) { return random.pick(Self.signs) }
        return (0..<Int.random(in: 0...longest, using: &random)).map { _ in random.pick(Self.letters) }.joined()
    }

    /// A text within which an encoded one may stand.
    private func encoded(_ random: inout Generator) -> String {
        let modifiers = random.pick([["base64"], ["base64offset"], ["wide", "base64"], ["utf16be", "base64offset"]])
        let texts = SlowEncoding.texts(random.pick(Self.short), modifiers)
        return random.pick(["", "a", "b="]) + random.pick(texts) + random.pick(["", "A", "=="])
    }

    private func item(_ random: inout Generator) -> (SlowItem, yaml: String) {
        let field = random.pick(Self.fields)
        func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }
        func make(_ modifiers: [String], _ values: [SlowItem.Value], _ yaml: [String]) -> (SlowItem, yaml: String) {
            let key = ([field] + modifiers).joined(separator: "|")
            return (
                SlowItem(field: field, modifiers: modifiers, values: values),
                "\(quoted(key)): " + (yaml.count == 1 ? yaml[0] : "[\(yaml.joined(separator: ", "))]")
            )
        }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<6: return make([], [.null], ["null"])
        case 6..<10:
            let value = random.chance(50)
            return make([], [.bool(value)], ["\(value)"])
        case 10..<16:
            let value = random.chance(50)
            return make(["exists"], [.bool(value)], ["\(value)"])
        case 16..<26:
            let count = Int.random(in: 1...4, using: &random)
            let texts = (0..<count).map { _ in random.pick(Self.numbers) }
            return make([], texts.map { .number(Double($0) ?? 0, $0) }, texts)
        case 26..<34:
            let number = random.pick(Self.numbers)
            return make([random.pick(["lt", "lte", "gt", "gte"])], [.number(Double(number) ?? 0, number)], [number])
        case 34..<42:
            var modifiers = ["fieldref"] + random.pick([[], ["contains"], ["startswith"], ["endswith"]])
            if random.chance(30) { modifiers.append("cased") }
            let other = random.pick(Self.fields)
            return make(modifiers, [.text(other)], [quoted(other)])
        case 42..<50:
            let part = random.pick(SlowDate.parts.keys.sorted())
            let value =
                switch part {
                case "minute": random.pick([0, 30, 59])
                case "hour": random.pick([0, 9, 10, 23])
                case "day": random.pick([1, 21, 29, 30, 31])
                case "week": random.pick([1, 9, 47, 53])
                case "month": random.pick([1, 2, 11, 12])
                default: random.pick([1970, 2020, 2024, 2026])
                }
            // At the ends of its range a value is only compared for equality: `month|gt: 12` is refused.
            let isEnd = [0, 1, 12, 23, 31, 53, 59, 1970].contains(value)
            let comparison = isEnd ? [] : random.pick([[], ["lt"], ["lte"], ["gt"], ["gte"]])
            let modifiers = [part] + comparison + neq(&random)
            return make(modifiers, [.number(Double(value), "\(value)")], ["\(value)"])
        case 50..<56:
            let modifiers = ["re"] + random.pick([[], ["contains"], ["startswith"], ["endswith"]]) + neq(&random)
            let pattern = random.pick(["a", "ab", "b|1", "a|é", "éa"])
            return make(modifiers, [.text(pattern)], [quoted(pattern)])
        case 56..<64:
            var modifiers = random.pick([[], [], ["wide"], ["utf16le"], ["utf16be"], ["utf16"]])
            modifiers += random.pick([["base64"], ["base64offset"]])
            modifiers += random.pick([[], ["contains"], ["contains"], ["startswith"], ["endswith"], ["cased"]])
            let texts = (0..<Int.random(in: 1...2, using: &random)).map { _ in random.pick(Self.short) }
            if random.chance(20) { modifiers.append("all") }
            return make(modifiers + neq(&random), texts.map { .text($0) }, texts.map(quoted))
        case 64..<72:
            var modifiers = ["windash"] + random.pick([[], ["contains"], ["startswith"], ["endswith"]])
            if random.chance(20) { modifiers.append("cased") }
            let texts = (0..<Int.random(in: 1...2, using: &random)).map { _ in
                random.chance(70) ? random.pick(Self.signs) : text(&random, longest: 4)
            }
            return make(modifiers + neq(&random), texts.map { .text($0) }, texts.map(quoted))
        default:
            var modifiers = random.pick([[], [], ["contains"], ["startswith"], ["endswith"]]) + neq(&random)
            if random.chance(20) { modifiers.append("cased") }
            let count = random.chance(50) ? 1 : Int.random(in: 2...5, using: &random)
            if random.chance(20) { modifiers.append("all") }
            let texts = (0..<count).map { _ in text(&random, longest: 4) }
            return make(modifiers, texts.map { .text($0) }, texts.map(quoted))
        }
    }

    private func neq(_ random: inout Generator) -> [String] { random.chance(15) ? ["neq"] : [] }

    private func selection(_ random: inout Generator) -> ([[SlowItem]], yaml: String) {
        if random.chance(12) {
            let words = (0..<Int.random(in: 1...2, using: &random)).map { _ in "a" + text(&random, longest: 2) }
            let yaml = words.map { "'\($0)'" }.joined(separator: ", ")
            return (words.map { [SlowItem(field: nil, modifiers: [], values: [.text($0)])] }, "[\(yaml)]")
        }
        var maps: [[SlowItem]] = []
        var yaml: [String] = []
        for _ in 0..<(random.chance(70) ? 1 : 2) {
            var items: [String: (SlowItem, yaml: String)] = [:]
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let made = item(&random)
                items[([made.0.field ?? ""] + made.0.modifiers).joined(separator: "|")] = made
            }
            let sorted = items.sorted { $0.key < $1.key }.map(\.value)
            maps.append(sorted.map(\.0))
            yaml.append("{ " + sorted.map(\.yaml).joined(separator: ", ") + " }")
        }
        return (maps, yaml.count == 1 ? yaml[0] : "[\(yaml.joined(separator: ", "))]")
    }

    private func condition(_ random: inout Generator, depth: Int = 0) -> (String, ([Bool]) -> Bool) {
        switch Int.random(in: -1..<(depth > 2 ? 5 : 9), using: &random) {
        case -1:
            let number = Int.random(in: 2...3, using: &random)
            return ("\(number) of \(random.pick(["them", "s*"]))", { $0.filter { $0 }.count >= number })
        case 0..<3:
            let index = Int.random(in: 0..<3, using: &random)
            return ("s\(index)", { $0[index] })
        case 3: return (random.pick(["1 of them", "any of s*"]), { $0.contains(true) })
        case 4: return (random.pick(["all of them", "all of s*"]), { !$0.contains(false) })
        case 5:
            let inner = condition(&random, depth: depth + 1)
            return ("not (\(inner.0))", { !inner.1($0) })
        case 6:
            let (a, b) = (condition(&random, depth: depth + 1), condition(&random, depth: depth + 1))
            return ("(\(a.0)) and (\(b.0))", { a.1($0) && b.1($0) })
        case 7:
            let (a, b) = (condition(&random, depth: depth + 1), condition(&random, depth: depth + 1))
            return ("(\(a.0)) or (\(b.0))", { a.1($0) || b.1($0) })
        default:
            let (a, b) = (Int.random(in: 0..<3, using: &random), Int.random(in: 0..<3, using: &random))
            return ("not s\(a) and s\(b)", { !$0[a] && $0[b] })
        }
    }

    private func rule(_ number: Int, _ random: inout Generator) -> Rule {
        let made = (0..<3).map { _ in selection(&random) }
        let condition = condition(&random)
        let lines = made.enumerated().map { "s\($0.offset): \($0.element.yaml)" }.joined(separator: "\n")
        let text = ruleText("\(lines)\ncondition: \(condition.0)").replacingTitle("Rule \(number)")
        return Rule(selections: made.map(\.0), text: text, holds: condition.1)
    }

    private func scalar(_ random: inout Generator) -> String {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<8: return "null"
        case 8..<15: return random.pick(["true", "false"])
        case 15..<26: return random.pick(Self.numbers)
        case 26..<34: return "\"\(encoded(&random))\""
        case 34..<42:
            let date = random.pick(SlowDate.dates)
            return date.isNumber && random.chance(50) ? date.text : "\"\(date.text)\""
        default:
            let text = text(&random).replacing("\\", with: "\\\\")
            return "\"\(random.chance(20) ? text.replacing("é", with: "\\u00e9") : text)\""
        }
    }

    private func value(_ random: inout Generator) -> String {
        if random.chance(80) { return scalar(&random) }
        let items = (0..<Int.random(in: 0...3, using: &random)).map { _ in
            random.chance(10) ? "[\(scalar(&random))]" : random.chance(8) ? "[]" : scalar(&random)
        }
        return "[\(items.joined(separator: ", "))]"
    }

    private func event(_ random: inout Generator) -> String {
        func object(_ keys: [String], _ random: inout Generator) -> String {
            let present = keys.filter { _ in random.chance(75) }.shuffled(using: &random)
            return "{" + present.map { "\"\($0)\": \(value(&random))" }.joined(separator: ", ") + "}"
        }
        var members = ["a", "b"].filter { _ in random.chance(75) }.map { "\"\($0)\": \(value(&random))" }
        if random.chance(80) { members.append("\"n\": \(object(["a", "b"], &random))") }
        if random.chance(60) {
            let items = (0..<Int.random(in: 0...3, using: &random)).map { _ in object(["a", "x"], &random) }
            members.append("\"l\": [\(items.joined(separator: ", "))]")
        }
        return "{" + members.shuffled(using: &random).joined(separator: ", ") + "}"
    }

    @Test("20 rules at a time over 60 events", arguments: 1...40)
    func sameAnswers(_ seed: UInt64) throws {
        var random = Generator(state: seed)
        let rules = (0..<20).map { rule($0, &random) }
        let set = try ruleSet(rules.map(\.text).joined(separator: "---\n"))
        try #require(set.errors.map(\.description) == [])
        let probe = try Probe(set)
        var fired = 0
        for _ in 0..<60 {
            let text = event(&random)
            let json = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
            let expected = rules.indices.filter { index in
                let rule = rules[index]
                return rule.holds(rule.selections.map { maps in maps.contains { $0.allSatisfy { $0.holds(json) } } })
            }
            let found = try probe.matches(text)
            fired += found.count
            for index in Set(found).symmetricDifference(expected).sorted() {
                Issue.record(
                    "seed \(seed): \(found.contains(index) ? "matched" : "missed")\n\(rules[index].text)\n\(text)")
            }
        }
        // Neither never nor always: the comparison says something.
        #expect(fired > 20 && fired < 1180)
    }
}
