// SPDX-License-Identifier: Apache-2.0

import Sigma
import Testing
import YAMLDocument

/// `RuleSet.lint`: SigmaHQ's conventions. Each finding has a name.
@Suite("Conventions")
struct LintTests {
    /// A rule that departs from nothing.
    private let clean = """
        title: Mass Download Of Checkpoints
        id: 1d2a3b4c-0000-4000-8000-00000000abcd
        status: experimental
        description: Detects the download of many checkpoints.
        references: [https://example.org/report]
        author: ana
        date: 2026-11-21
        tags: [attack.t1567, atlas.aml.t0035]
        logsource: { product: gatewatch }
        detection:
          selection_operation: { api.operation: checkpoint.download }
          filter_main_service: { identity.role: service }
          condition: 1 of selection_* and not 1 of filter_main_*
        falsepositives: [Moving a registry]
        level: high
        """

    private func lint(_ text: String, file: String = "gw_checkpoints.yml") throws -> [DocumentError] {
        let set = RuleSet(documents: try YAMLReader.documents(text: text, file: file))
        try #require(set.errors == [])
        return set.lint
    }

    /// The names in the findings' parentheses.
    private func names(_ text: String, file: String = "gw_checkpoints.yml") throws -> [String] {
        try lint(text, file: file).map { finding in
            String(try #require(finding.message.firstMatch(of: /\(([a-z_]+)\)$/)).1)
        }
    }

    @Test("a rule that follows them all has no finding")
    func nothing() throws {
        #expect(try names(clean) == [])
    }

    @Test(
        "a key that is missing",
        arguments: [
            "id", "status", "description", "references", "author", "date", "tags", "falsepositives", "level",
        ])
    func missing(_ key: String) throws {
        let rest = clean.split(separator: "\n").filter { !$0.hasPrefix("\(key):") }.joined(separator: "\n")
        #expect(try names(rest) == ["missing_\(key)"])
    }

    @Test("an informational rule, which only others count, needs neither tags nor falsepositives")
    func informational() throws {
        let rest = clean.split(separator: "\n").filter { !$0.hasPrefix("tags:") && !$0.hasPrefix("falsepositives:") }
        let text = rest.joined(separator: "\n")
        #expect(try names(text) == ["missing_tags", "missing_falsepositives"])
        #expect(try names(text.replacing("level: high", with: "level: informational")) == [])
    }

    @Test("references are asked for from level high on")
    func references() throws {
        for (level, found) in [("medium", []), ("high", ["missing_references"]), ("critical", ["missing_references"])] {
            let text = clean.replacing("references: [https://example.org/report]\n", with: "").replacing(
                "level: high", with: "level: \(level)")
            #expect(try names(text) == found)
        }
    }

    @Test(
        "a value that is not as agreed",
        arguments: [
            ("id: 1d2a3b4c-0000-4000-8000-00000000abcd", "id: gw_checkpoints", "invalid_id"),
            ("description: Detects", "description: Finds", "description_start"),
            ("title: Mass", "title: " + String(repeating: "x", count: 120), "long_title"),
            ("attack.t1567", "mitre.t1567", "unknown_tag_namespace"),
            ("1 of selection_*", "1 of selection_operation", "of_one_selection"),
            ("filter_main_service: {", "_service: {", "filter_name"),
            ("selection_operation: {", "operation: {", "selection_name"),
            ("and not 1 of filter_main_*", "", "unused_selection"),
        ])
    func values(_ part: String, _ other: String, _ name: String) throws {
        var text = clean.replacing(part, with: other)
        if other.hasPrefix("_service") { text = text.replacing("1 of filter_main_*", with: "_service") }
        if other.hasPrefix("operation") { text = text.replacing("1 of selection_*", with: "operation") }
        #expect(try names(text) == [name])
    }

    @Test(
        "a file name is 10 to 70 characters of a-z, 0-9 and _",
        arguments: [
            ("rules/gw_abc.yml", true), ("rules/gw_ab.yml", false), ("gw_Checkpoints.yml", false),
            ("gw-checkpoints.yml", false), ("gw_checkpoints.yaml", false),
            (String(repeating: "x", count: 66) + ".yml", true), (String(repeating: "x", count: 67) + ".yml", false),
        ])
    func fileNames(_ file: String, _ isFine: Bool) throws {
        #expect(try names(clean, file: file) == (isFine ? [] : ["file_name"]))
    }

    @Test("files with correlations begin with mr_, those with filters with mf_")
    func prefixes() throws {
        let correlation = """
            title: Many
            id: 1d2a3b4c-0000-4000-8000-00000000abce
            status: test
            description: Detects many of them.
            author: ana
            date: 2026-11-21
            tags: [attack.t1567]
            falsepositives: [None]
            level: low
            correlation: { type: event_count, rules: [1d2a3b4c-0000-4000-8000-00000000abcd], timespan: 1m, condition: { gte: 2 } }
            """
        let filter = """
            title: F
            id: 1d2a3b4c-0000-4000-8000-00000000abcf
            description: The backup service downloads everything.
            author: ana
            date: 2026-11-21
            logsource: { product: gatewatch }
            filter: { rules: any, backup: { identity: backup }, condition: not backup }
            """
        #expect(try names(clean + "\n---\n" + correlation, file: "mr_gw_checkpoints.yml") == [])
        #expect(try names(clean + "\n---\n" + correlation) == ["file_prefix"])
        #expect(try names(filter, file: "mf_gw_backup.yml") == [])
        #expect(try names(filter, file: "gw_backup_filter.yml") == ["file_prefix"])
        #expect(
            try names(filter.replacing("condition:", with: "other: { a: 1 }, condition:"), file: "mf_gw_backup.yml")
                == ["unused_selection"])
    }

    @Test("two rules that ask the same of one log source")
    func duplicates() throws {
        let other = clean.replacing("title: Mass", with: "title: Another").replacing("abcd", with: "abce")
        let findings = try lint(clean + "\n---\n" + other)
        #expect(
            findings.map(\.description) == [
                "gw_checkpoints.yml:27:3: detection: asks the same as 'Mass Download Of Checkpoints' at gw_checkpoints.yml:1. Keep one. (duplicate_logic)"
            ])
        #expect(try names(clean + "\n---\n" + other.replacing("product: gatewatch", with: "product: other")) == [])
    }

    @Test("findings are neither errors nor warnings, and name their place")
    func apart() throws {
        let set = try ruleSet(ruleText("s: { a: 1 }\ncondition: s"))
        #expect(set.errors == [] && set.warnings == [])
        #expect(
            set.lint.contains {
                $0.description
                    == "test.yml:4:6: detection.s: 's' is a selection. Call it selection or selection_… . (selection_name)"
            })
    }
}
