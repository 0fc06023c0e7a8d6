// SPDX-License-Identifier: Apache-2.0

/// Test results in the XML that CI systems read: a `testsuite` per rule file, a `testcase` per test
/// (https://github.com/testmoapp/junitxml lists what they agree on).
package struct JUnitReport {
    private let outcomes: [RuleTestOutcome]

    package init(_ outcomes: [RuleTestOutcome]) {
        self.outcomes = outcomes
    }

    package var xml: String {
        var suites: [String] = []
        for outcome in outcomes where !suites.contains(outcome.suite) { suites.append(outcome.suite) }
        var lines = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<testsuites name=\"detectors\"\(counts(outcomes))>",
        ]
        for suite in suites {
            let own = outcomes.filter { $0.suite == suite }
            lines.append("  <testsuite name=\(quoted(suite))\(counts(own))>")
            for outcome in own { lines += testcase(outcome) }
            lines.append("  </testsuite>")
        }
        return (lines + ["</testsuites>", ""]).joined(separator: "\n")
    }

    private func testcase(_ outcome: RuleTestOutcome) -> [String] {
        let head =
            "    <testcase classname=\(quoted(outcome.rule)) name=\(quoted(outcome.test)) file=\(quoted(outcome.file)) line=\"\(outcome.line)\" time=\"\(seconds([outcome]))\""
        guard !outcome.passed else { return [head + "/>"] }
        let text = ([outcome.failure] + outcome.messages).joined(separator: "\n")
        return [
            head + ">", "      <failure type=\"alerts\" message=\(quoted(outcome.failure))>\(escaped(text))</failure>",
            "    </testcase>",
        ]
    }

    private func counts(_ outcomes: [RuleTestOutcome]) -> String {
        let failed = outcomes.count { !$0.passed }
        return
            " tests=\"\(outcomes.count)\" failures=\"\(failed)\" errors=\"0\" skipped=\"0\" time=\"\(seconds(outcomes))\""
    }

    /// Thousandths of a second.
    private func seconds(_ outcomes: [RuleTestOutcome]) -> String {
        let thousandths = Int((outcomes.reduce(0) { $0 + $1.seconds } * 1000).rounded())
        let rest = String(thousandths % 1000)
        return "\(thousandths / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
    }

    private func quoted(_ text: String) -> String { "\"\(escaped(text))\"" }

    /// XML 1.0 forbids control characters even as references (section 2.2, "Char").
    private func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "&": escaped += "&amp;"
            case "\"": escaped += "&quot;"
            case "\n": escaped += "&#10;"
            case "\t": escaped += "&#9;"
            case _ where character.value < 0x20 || character.value == 0xFFFE || character.value == 0xFFFF:
                escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
