// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Detectors
import Foundation
import Sigma
import Testing
import YAMLDocument

@Suite("An explanation")
struct ExplanationTests {
    private func set(_ text: String) throws -> RuleSet {
        let set = RuleSet(documents: try YAMLReader.documents(text: text, file: "r.yml"))
        try #require(set.errors == [])
        return set
    }

    private func explain(_ rule: String, _ event: String) throws -> RuleExplanation {
        let set = try set(rule)
        var plan = FieldPlan(mapping: .raw)
        let explainer = try RuleExplainer(try #require(set.detections.first), lists: set.lists, plan: &plan)
        let decoder = try #require(plan.makeDecoder())
        return try Array(event.utf8).withUnsafeBytes { bytes in
            explainer.explain(try decoder.decode(bytes, fallbackUID: .missing, fallbackTime: 0))
        }
    }

    // MARK: Agreement with the matcher

    private func item(_ random: inout SplitMix) -> String {
        let field = random.pick(["a", "b", "n.c", "l.d", "z"])
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return "\(field): null"
        case 1: return "\(field)|exists: \(random.pick(["true", "false"]))"
        case 2: return "\(field)|\(random.pick(["lt", "lte", "gt", "gte"])): \(random.pick(["1", "2", "2.5"]))"
        case 3: return "\(field)|re: '\(random.pick(["x+", "^y$", "[12]"]))'"
        case 4: return "\(field)|fieldref: \(random.pick(["a", "b"]))"
        default:
            let modifiers = random.pick(["", "", "|contains", "|startswith", "|endswith", "|contains|all", "|cased"])
            let values = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                random.pick(["x", "y", "xy", "'1'", "X*", "2"])
            }
            let needsList = modifiers.contains("all")
            let list = needsList ? values + ["x"] : values
            return "\(field)\(modifiers): " + (list.count == 1 ? list[0] : "[\(list.joined(separator: ", "))]")
        }
    }

    private func selection(_ random: inout SplitMix) -> String {
        func map() -> String {
            var items: [String: String] = [:]
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let item = item(&random)
                items[String(item.split(separator: ":")[0])] = item
            }
            return "{ \(items.values.sorted().joined(separator: ", ")) }"
        }
        return switch Int.random(in: 0..<6, using: &random) {
        case 0: "[\(map()), \(map())]"
        case 1: "[x, \(map())]"
        case 2: "[xy, 2]"
        default: map()
        }
    }

    private func condition(_ random: inout SplitMix, _ depth: Int = 0) -> String {
        switch Int.random(in: 0..<(depth > 2 ? 4 : 8), using: &random) {
        case 0..<3: return random.pick(["s0", "s1", "s2"])
        case 3: return random.pick(["1 of s*", "all of them", "any of s1*", "2 of s*"])
        case 4: return "not (\(condition(&random, depth + 1)))"
        case 5: return "(\(condition(&random, depth + 1))) or (\(condition(&random, depth + 1)))"
        default: return "(\(condition(&random, depth + 1))) and (\(condition(&random, depth + 1)))"
        }
    }

    private func event(_ random: inout SplitMix) -> String {
        func value() -> String {
            random.pick(["\"x\"", "\"xy\"", "\"Y\"", "1", "2", "2.5", "true", "null", "\"\"", "[\"x\",2]", "{}"])
        }
        var fields: [String] = []
        for name in ["a", "b"] where random.chance(75) { fields.append("\"\(name)\":\(value())") }
        if random.chance(70) { fields.append("\"n\":{\"c\":\(value())}") }
        if random.chance(70) { fields.append("\"l\":[{\"d\":\(value())},{\"d\":\(value())}]") }
        return "{\(fields.joined(separator: ","))}"
    }

    /// What the parts of a tree come to, by the meaning of their kinds.
    private func check(_ part: RuleExplanation.Part, isList: Bool, _ rule: String) {
        switch part.kind {
        case .and, .map: #expect(part.holds == part.parts.allSatisfy(\.holds), "\(part.text) of\n\(rule)")
        case .or: #expect(part.holds == part.parts.contains(where: \.holds), "\(part.text) of\n\(rule)")
        case .not: #expect(part.holds == !(part.parts.first?.holds ?? true), "\(part.text) of\n\(rule)")
        case .selection:
            let isAny = part.parts.contains { $0.kind == .map || $0.field == nil }
            #expect(
                part.holds == (isAny ? part.parts.contains(where: \.holds) : part.parts.allSatisfy(\.holds)),
                "\(part.text) of\n\(rule)")
        case .item:
            #expect((part.reason == nil) == part.holds)
            if !part.parts.isEmpty {
                let isAll = part.text.contains("|all")
                #expect(part.holds == (isAll ? part.parts.allSatisfy(\.holds) : part.parts.contains(where: \.holds)))
            }
        case .filter: #expect(part.holds == part.parts.first?.holds)
        case .atLeast, .value: break
        }
        for inner in part.parts { check(inner, isList: false, rule) }
    }

    @Test("has the matcher's verdict, and its tree comes to it, for random rules and events", arguments: 1...40)
    func agrees(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        var held = 0
        for _ in 0..<10 {
            let lines = (0..<3).map { "  s\($0): \(selection(&random))" }
            let rule = """
                title: t
                logsource: { product: any }
                detection:
                \(lines.joined(separator: "\n"))
                  condition: \(condition(&random))
                """
            let set = try set(rule)
            var plan = FieldPlan(mapping: .raw)
            let matcher = try RuleMatcher(set.detections, plan: &plan)
            let explainer = try RuleExplainer(set.detections[0], lists: set.lists, plan: &plan)
            let decoder = try #require(plan.makeDecoder())
            for _ in 0..<10 {
                let event = event(&random)
                try Array(event.utf8).withUnsafeBytes { bytes in
                    let view = try decoder.decode(bytes, fallbackUID: .missing, fallbackTime: 0)
                    var isMatch = false
                    matcher.match(view) { _ in isMatch = true }
                    let explanation = explainer.explain(view)
                    #expect(explanation.matches == isMatch, "\(rule)\n\(event)")
                    #expect(explanation.root.holds == isMatch, "\(rule)\n\(event)")
                    check(explanation.root, isList: false, rule)
                    if isMatch { held += 1 }
                }
            }
        }
        #expect(held > 0 && held < 100)
    }

    // MARK: What it says

    private static let change = """
        title: Change
        logsource: { product: gatewatch }
        detection:
          selection:
            op: [config.change, policy.change]
            items|gte: 10
          ticketed: { ticket|re: '\\S' }
          condition: selection and not ticketed
        """

    @Test("shows each item as written, what the event holds and why it failed")
    func reasons() throws {
        let explanation = try explain(Self.change, #"{"op":"vectors.query","items":12,"ticket":"chg-7"}"#)
        #expect(!explanation.matches)
        #expect(explanation.condition == "selection and not ticketed")
        let (selection, negation) = (explanation.root.parts[0], explanation.root.parts[1])
        #expect(explanation.root.kind == .and)
        #expect(selection.parts.map(\.text) == ["op: [config.change, policy.change]", "items|gte: 10"])
        #expect(selection.parts.map(\.holds) == [false, true])
        #expect(selection.parts[0].seen == ["\"vectors.query\""])
        #expect(selection.parts[0].reason == "\"vectors.query\" is not any of [config.change, policy.change]")
        #expect(selection.parts[0].line == 5)
        #expect(negation.kind == .not && !negation.holds && negation.parts[0].holds)
        #expect(explanation.blocking.map(\.text) == ["op: [config.change, policy.change]", "ticket|re: \\S"])
    }

    @Test("shows the filters that narrow the rule")
    func filters() throws {
        let set = try set(
            """
            \(Self.change)
            ---
            title: Known
            logsource: { product: gatewatch }
            filter: { rules: any, selection: { who: svc }, condition: not selection }
            """)
        var plan = FieldPlan(mapping: .raw)
        let explainer = try RuleExplainer(set.detections[0], lists: set.lists, plan: &plan)
        let decoder = try #require(plan.makeDecoder())
        let explanation = try Array(#"{"op":"config.change","items":10,"who":"svc"}"#.utf8).withUnsafeBytes { bytes in
            explainer.explain(try decoder.decode(bytes, fallbackUID: .missing, fallbackTime: 0))
        }
        #expect(!explanation.matches && !explanation.root.holds)
        #expect(explanation.root.parts.map(\.holds) == [true, false])
        #expect(explanation.root.parts.last?.kind == .filter)
        #expect(explanation.blocking.map(\.text) == ["who: svc"])
    }

    @Test("tells a missing field from one that does not fit")
    func missing() throws {
        let explanation = try explain(Self.change, #"{"op":"config.change"}"#)
        #expect(explanation.blocking.map(\.reason).first == "the event does not have the field")
        let list = try explain(Self.change, #"{"op":["a","b"],"items":"9"}"#)
        #expect(
            list.blocking.map(\.reason).prefix(2) == [
                "\"a\", \"b\" is not any of [config.change, policy.change]", "\"9\" is not at least 10",
            ])
    }

    // MARK: Of a correlation

    private let correlation = """
        \(rule("x"))
        ---
        title: Sum
        name: sum
        correlation:
          type: value_sum
          rules: [x]
          group-by: [who]
          timespan: 10m
          aliases: { who: { x: identity } }
          condition: { field: n, gte: 20000 }
        """

    private func explain(
        correlation event: String, _ name: String = "sum", mapping: Mapping = .raw
    ) throws -> (EventExplanation, [EventExplanation.FieldValue]) {
        let files = try DetectorFiles(documents: try YAMLReader.documents(text: correlation, file: "r.yml"))
        let explainer = try EventExplainer(
            try #require(files.metadata(name)), of: files, mapping: mapping,
            directory: try IdentityDirectory(
                text: "uid,aliases,role\nana,a@example.com,inference\n", file: "people.csv"))
        let result = try Array(event.utf8).withUnsafeBytes { try explainer.explain($0) }
        return (result.explanation, result.derived)
    }

    @Test("says which rules match, the group, what the event adds and what is needed")
    func correlations() throws {
        let (explanation, derived) = try explain(
            correlation: #"{"time":1700000000,"op":"x","identity":"a@example.com","n":1000}"#)
        #expect(explanation.matches)
        #expect(explanation.references.map(\.adds) == ["n 1,000"])
        #expect(explanation.references.first?.group?.map(\.field) == ["who = identity"])
        #expect(explanation.references.first?.group?.map(\.value) == ["ana"])
        #expect(
            explanation.notes == [
                "needs within 10m: at least 20,000 of n, for one who; the events before this one decide"
            ])
        #expect(derived.map(\.field) == ["time", "identity", "identity.role"])
        let text = explanation.text(derived: derived)
        #expect(text.contains("✓ sum (value_sum): counts this event"))
        #expect(text.contains("· adds: n 1,000"))
        let json = try JSONSerialization.jsonObject(with: Data(explanation.json(derived: derived))) as? [String: Any]
        #expect((json?["rule"] as? [String: Any])?["matches"] as? Bool == true)
    }

    @Test("says that an event without the group or the value is not counted")
    func incomplete() throws {
        #expect(try !explain(correlation: #"{"op":"x","n":1000}"#).0.matches)
        #expect(try !explain(correlation: #"{"op":"x","identity":"ana","n":"many"}"#).0.matches)
        #expect(try !explain(correlation: #"{"op":"y","identity":"ana","n":1}"#).0.matches)
    }

    @Test("says that a rule is not tried on events of another log source")
    func logsource() throws {
        let mapping = Mapping(name: "other", logsources: [.init(product: "other")], fields: [:])
        let (explanation, _) = try explain(correlation: #"{"op":"x"}"#, "x", mapping: mapping)
        #expect(explanation.condition?.matches == true)
        #expect(!explanation.applies && !explanation.matches)
    }
}
