// SPDX-License-Identifier: Apache-2.0

/// The result of one test of a rule.
package struct RuleTestOutcome: Sendable {
    /// The rule's file, whose tests belong together.
    package let suite: String
    package let rule: String
    package let test: String
    /// Where the test stands.
    package let file: String
    package let line: Int
    /// `1 alert`, `at least 2 alerts`.
    package let wanted: String
    /// `0`, `1 about ana`.
    package let found: String
    package let passed: Bool
    /// The alerts in words, to see what happened; in place of missing ones, what came nearest.
    package let messages: [String]
    /// How long it took.
    package let seconds: Double

    /// `detectors/a.yml:12: expected 1 alert, got 0`.
    package var failure: String { "\(file):\(line): expected \(wanted), got \(found)" }

    package init(
        suite: String, rule: String, test: String, file: String, line: Int, wanted: String, found: String,
        passed: Bool, messages: [String], seconds: Double
    ) {
        self.suite = suite
        self.rule = rule
        self.test = test
        self.file = file
        self.line = line
        self.wanted = wanted
        self.found = found
        self.passed = passed
        self.messages = messages
        self.seconds = seconds
    }
}
