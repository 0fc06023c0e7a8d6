// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Connections
import PCRE2
import Testing

@Suite("Patterns that many threads search with")
struct SharedPatternTests {
    private func search(
        _ pattern: SharedPattern, _ text: String, window: Int = SharedPattern.window, milliseconds: Int = 60_000
    ) -> SearchOutcome {
        var budget = SearchBudget(milliseconds: milliseconds)
        return Array(text.utf8).withUnsafeBytes { pattern.search($0, budget: &budget, window: window) }
    }

    @Test(arguments: [
        "drop\\s+table", "a.*b", "^a", "b$", "\\bab\\b", "(?<=a)b", "(?=b)b+", "a{3,40}b", "(?s)a.{30,}b", "é+🙂",
        "(?m)^b",
        "(a|b)*c", "\\Aab", "b\\z", "(?i)AB", "x*", "a(?!b)", "(a)\\1{5,}b",
    ])
    func `windows find what the whole finds`(source: String) throws {
        let pattern = try SharedPattern(source)
        let whole = try RegularExpression(source, [])
        var random = SeededGenerator(state: UInt64(source.utf8.count))
        let pieces = [
            "a", "b", "ab", "aaaa", " ", "\n", "drop", "  table", "é", "🙂", "c", String(repeating: "a", count: 30),
        ]
        var found = 0
        for _ in 0..<400 {
            let text = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            let expected = Array(text.utf8).withUnsafeBytes { whole.matches($0) }
            for window in [16, 17, 31, 64] {
                #expect(search(pattern, text, window: window) == (expected ? .found : .absent), "\(source) in \(text)")
            }
            found += expected ? 1 : 0
        }
        #expect(found > 0 && found < 401)
    }

    @Test func `a text beyond 64 KiB is searched to its end`() throws {
        let pattern = try SharedPattern("needle\\s+here")
        let hay = String(repeating: "hay ", count: 500_000)
        #expect(search(pattern, hay) == .absent)
        #expect(search(pattern, hay + "needle here") == .found)
        let spread = hay + "needle" + String(repeating: " ", count: 200_000) + "here"
        #expect(search(pattern, spread) == .found, "a match may be longer than any window")
        let old = try RegularExpression("needle", [])
        #expect(
            !Array((hay + "needle").utf8).withUnsafeBytes { old.matches($0) }, "the cheap one still stops at 64 KiB")
    }

    @Test func `limits are told apart from absence`() throws {
        #expect(search(try SharedPattern("(a+)+$"), String(repeating: "a", count: 60) + "!") == .undecided)
        let square = try SharedPattern("[a-z]+@")
        let letters = String(repeating: "a", count: 4 << 20)
        #expect(search(square, letters, milliseconds: 20) == .undecided)
        #expect(search(square, letters, milliseconds: 0) == .undecided)
        #expect(search(square, "", milliseconds: 0) == .absent)
    }

    @Test func `one budget serves many searches`() throws {
        let pattern = try SharedPattern("b")
        var budget = SearchBudget(milliseconds: 0)
        let text = [UInt8](repeating: 0x61, count: 10_000)
        let outcomes = (0..<3).map { _ in text.withUnsafeBytes { pattern.search($0, budget: &budget) } }
        #expect(outcomes == [.absent, .undecided, .undecided])
        #expect(budget.isSpent)
    }

    @Test func `one pattern is searched with by many threads at once`() async throws {
        let pattern = try SharedPattern("(?i)drop\\s+table")
        let found = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    (0..<500).reduce(0) { count, index in
                        let text =
                            String(repeating: "x", count: index) + ((index + task) % 2 == 0 ? "DROP  table" : "drop")
                        return count + (search(pattern, text) == .found ? 1 : 0)
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(found == 8 * 250)
    }

    @Test func `a pattern that is none is an error with its place`() {
        #expect(throws: RegularExpression.PatternError.self) { try SharedPattern("(unclosed") }
    }
}
