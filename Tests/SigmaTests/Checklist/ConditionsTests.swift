// SPDX-License-Identifier: Apache-2.0

import Sigma
import Testing
import YAMLDocument

/// Sigma specification 2.1, "Condition": section 1.6 of the checklist. What is refused stands in `ErrorTests`.
@Suite("Conditions")
struct ConditionsTests {
    private static let selections = "a: { a: 1 }\nb: { b: 1 }\nc: { c: 1 }\n"

    /// Every assignment of three selections, as bits.
    private func truths(_ condition: String, _ selections: String = Self.selections) throws -> [Bool] {
        let probe = try Probe(try ruleSet(ruleText(selections + "condition: " + condition)))
        return try (0..<8).map { bits in
            try probe.matches(#"{"a":\#(bits & 1),"b":\#(bits >> 1 & 1),"c":\#(bits >> 2 & 1)}"#) == [0]
        }
    }

    private func table(_ body: (Bool, Bool, Bool) -> Bool) -> [Bool] {
        (0..<8).map { body($0 & 1 == 1, $0 >> 1 & 1 == 1, $0 >> 2 & 1 == 1) }
    }

    @Test("precedence, loose to tight: or, and, not, x of, parentheses")
    func precedence() throws {
        #expect(try truths("a or b and c") == table { a, b, c in a || b && c })
        #expect(try truths("a and b or c") == table { a, b, c in a && b || c })
        #expect(try truths("(a or b) and c") == table { a, b, c in (a || b) && c })
        #expect(try truths("not a or b") == table { a, b, _ in !a || b })
        #expect(try truths("not a and b") == table { a, b, _ in !a && b })
        #expect(try truths("not (a and b)") == table { a, b, _ in !(a && b) })
        #expect(try truths("not not a") == table { a, _, _ in a })
        #expect(try truths("not not not a and c") == table { a, _, c in !a && c })
        #expect(try truths("((a) or ((b and (not c))))") == table { a, b, c in a || b && !c })
        #expect(try truths("not 1 of them") == table { a, b, c in !(a || b || c) })
        #expect(try truths("not all of them or a") == table { a, b, c in !(a && b && c) || a })
        #expect(try truths("a and not (b or not c)") == table { a, b, c in a && !(b || !c) })
        #expect(try truths("\"a\\n  and b\"") == table { a, b, _ in a && b })
    }

    @Test("1 of, any of, all of, with them and patterns that have * anywhere")
    func quantifiers() throws {
        let names = "sel_a: { a: 1 }\nsel_b: { b: 1 }\nfilter_c: { c: 1 }\n"
        #expect(try truths("1 of sel_*", names) == table { a, b, _ in a || b })
        #expect(try truths("any of sel_*", names) == table { a, b, _ in a || b })
        #expect(try truths("all of sel_*", names) == table { a, b, _ in a && b })
        #expect(try truths("1 of them", names) == table { a, b, c in a || b || c })
        #expect(try truths("all of them", names) == table { a, b, c in a && b && c })
        #expect(try truths("1 of *_a", names) == table { a, _, _ in a })
        #expect(try truths("1 of s*b", names) == table { _, b, _ in b })
        #expect(try truths("1 of *l*_*", names) == table { a, b, c in a || b || c })
        #expect(try truths("1 of sel_a", names) == table { a, _, _ in a })
        #expect(try truths("1 of sel_* and not 1 of filter_*", names) == table { a, b, c in (a || b) && !c })
        #expect(try truths("all of *", names) == table { a, b, c in a && b && c })
    }

    @Test("D7: `N of` holds when N or more of the selections do, anywhere in a condition")
    func numbers() throws {
        func count(_ parts: [Bool]) -> Int { parts.filter { $0 }.count }
        #expect(try truths("2 of them") == table { a, b, c in count([a, b, c]) >= 2 })
        #expect(try truths("3 of them") == table { a, b, c in a && b && c })
        #expect(try truths("not 2 of them") == table { a, b, c in count([a, b, c]) < 2 })
        #expect(try truths("2 of them and not a") == table { a, b, c in !a && b && c })
        #expect(try truths("c or not (2 of *)") == table { a, b, c in c || count([a, b, c]) < 2 })
        let five = (1...5).map { "s\($0): { v\($0): 1 }" }.joined(separator: "\n")
        for wanted in 1...5 {
            let probe = try Probe(try ruleSet(ruleText("\(five)\ncondition: \(wanted) of s*")))
            for bits in 0..<32 {
                let event = "{" + (0..<5).map { "\"v\($0 + 1)\":\(bits >> $0 & 1)" }.joined(separator: ",") + "}"
                #expect(try probe.matches(event).isEmpty == (bits.nonzeroBitCount < wanted))
            }
        }
        let set = try ruleSet(ruleText(Self.selections + "condition: 1 of them and 2 of them"))
        #expect(
            set.warnings.map(\.description) == [
                "test.yml:7:14: detection.condition: '2 of them' is an extension of Sigma; other engines may refuse it."
            ])
    }

    @Test("identifiers that begin with _ are in neither `them` nor patterns that do not begin so")
    func underscore() throws {
        let names = "sel: { a: 1 }\n_sel: { b: 1 }\n_x: { c: 1 }\n"
        #expect(try truths("1 of them", names) == table { a, _, _ in a })
        #expect(try truths("1 of *", names) == table { a, _, _ in a })
        #expect(try truths("1 of *sel", names) == table { a, _, _ in a })
        #expect(try truths("1 of _*", names) == table { _, b, c in b || c })
        #expect(try truths("sel or _x", names) == table { a, _, c in a || c })
    }

    @Test("a list of conditions is an OR of them")
    func conditionList() throws {
        #expect(try truths("[a and b, not c]") == table { a, b, c in a && b || !c })
        #expect(try truths("[a]") == table { a, _, _ in a })
    }
}
