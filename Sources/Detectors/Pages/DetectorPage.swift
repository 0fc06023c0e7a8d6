// SPDX-License-Identifier: Apache-2.0

import Detection
import Foundation
import Sigma
import YAMLDocument

/// The page of one rule file in Markdown: what each of its rules says, in words.
struct DetectorPage {
    /// The file's path below the folder of the rules, without its ending: `chain/mr_gw_chain`.
    let path: String
    /// The file as it is named on the page: `detectors/chain/mr_gw_chain.yml`.
    let source: String
    let rules: [RuleMetadata]
    let set: RuleSet
    /// Per rule key, where it is explained: `../chain/mr_gw_chain.md#gw_chain`, from this page.
    let links: [String: String]

    /// What stands first in every page, so that a page is known for one.
    static let mark = "<!-- Written by `gatewatch detectors docs` from the rules. Change the rules, not this page. -->"

    /// The title of the first rule that raises alerts.
    var title: String {
        (rules.first { $0.level != .informational } ?? rules.first)?.title ?? path
    }

    var markdown: String {
        var lines = [Self.mark, "# \(Self.escaped(title))", "", "From `\(source)`."]
        for rule in rules { lines += ["", section(rule)] }
        return lines.joined(separator: "\n") + "\n"
    }

    private func section(_ rule: RuleMetadata) -> String {
        var lines = ["## \(Self.escaped(rule.title))", "", "<a id=\"\(rule.label)\"></a>"]
        var state = ["`\(rule.label)`", rule.level?.rawValue ?? "no level", rule.status?.rawValue ?? "stable"]
        if let id = rule.id { state.append("id `\(id)`") }
        lines.append(state.joined(separator: " · "))
        if let description = rule.description {
            lines += ["", Self.escaped(description.trimmingCharacters(in: .whitespacesAndNewlines))]
        }
        if rule.status == .experimental {
            lines += ["", "Experimental: its alerts are recorded and counted, but notify nobody and enforce nothing."]
        }
        lines += ["", "| | |", "| --- | --- |"]
        for (name, text) in rows(rule) { lines.append("| \(name) | \(text) |") }
        if !rule.tags.isEmpty { lines.append("| Tags | \(rule.tags.map(TagLink.markdown).joined(separator: ", ")) |") }
        lines += list("False positives", rule.falsePositives.map(Self.escaped))
        lines += list("References", rule.references.map { $0.hasPrefix("http") ? "<\($0)>" : Self.escaped($0) })
        lines += list(
            "Tested",
            rule.extensions.tests.map { test in
                "\(Self.escaped(test.name)): \(test.alerts == 0 ? "no alert" : test.alerts == 1 ? "1 alert" : "\(test.alerts) alerts")"
            })
        return lines.joined(separator: "\n")
    }

    private func list(_ title: String, _ items: [String]) -> [String] {
        items.isEmpty ? [] : ["", "\(title):", ""] + items.map { "- \($0)" }
    }

    // MARK: Rows

    private func rows(_ rule: RuleMetadata) -> [(String, String)] {
        var rows: [(String, String)] = []
        switch set.reference(rule) {
        case .detection(let index): rows += detection(set.detections[index])
        case .correlation(let index): rows += correlation(set.correlations[index])
        case nil: break
        }
        for entry in (try? rule.document["gatewatch"]?.entries()) ?? [] where entry.key != "tests" {
            rows.append(ExtensionWords.row(entry))
        }
        if rule.level == .informational { rows.append(("Alerts", "none of its own: a building block")) }
        return rows
    }

    private func detection(_ rule: DetectionRule) -> [(String, String)] {
        let source = rule.metadata.document["logsource"].map { [("Log source", Self.code($0.asWritten))] } ?? []
        var rows = source + ConditionWords.rows(rule.body)
        for filter in rule.filters {
            let condition = filter.body.conditions.map { $0.node.asWritten }.joined(separator: " or ")
            rows.append(("Filter", "\(Self.escaped(filter.metadata.title)): \(Self.code(condition))"))
        }
        return rows
    }

    private func correlation(_ rule: CorrelationRule) -> [(String, String)] {
        let references = rule.references.map { reference in
            let metadata =
                switch reference {
                case .detection(let index): set.detections[index].metadata
                case .correlation(let index): set.correlations[index].metadata
                }
            let title = Self.escaped(metadata.title)
            return links[metadata.key].map { "[\(title)](\($0))" } ?? title
        }
        var rows = [("Fires on", firesOn(rule))]
        rows.append(("Of", references.joined(separator: rule.kind == .temporalOrdered ? ", then " : ", ")))
        rows.append(
            ("Per", rule.groupBy.isEmpty ? "all events together" : rule.groupBy.map(Self.code).joined(separator: ", ")))
        if let aliases = rule.metadata.document["correlation"]?["aliases"] {
            rows.append(("Aliases", Self.code(aliases.asWritten)))
        }
        rows.append(("Window", rule.timespan.description))
        return rows
    }

    /// `value_sum` of a field, at least so much; what else the condition says as it is written.
    private func firesOn(_ rule: CorrelationRule) -> String {
        let condition = rule.metadata.document["correlation"]?["condition"]
        let kind = Self.code(rule.kind.rawValue)
        guard case .mapping(let entries) = condition?.content else {
            return "\(kind), \(condition.map { Self.code($0.asWritten) } ?? Self.escaped(AlertText.limit(rule)))"
        }
        let field = condition?["field"].map { node in
            " of \(node.items().map { Self.code($0.asWritten) }.joined(separator: ", "))"
        }
        let known = ["field"] + CorrelationRule.Bound.Operator.allCases.map(\.rawValue)
        let rest = entries.filter { !known.contains($0.key) }.map { "; \($0.key) \(Self.code($0.value.asWritten))" }
        return "\(kind)\(field ?? ""), \(Self.escaped(AlertText.limit(rule)))\(rest.joined())"
    }

    // MARK: Markdown

    /// Text in which nothing is markup, also within a table.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            if "\\`*_[]<>|#".contains(character) { escaped.append("\\") }
            escaped.append(character.isNewline ? " " : character)
        }
        return escaped
    }

    /// A text as code, also within a table, whatever it holds.
    static func code(_ text: String) -> String {
        let text = text.replacing("|", with: "\\|").replacing("\n", with: " ")
        return text.contains("`") ? "`` \(text) ``" : "`\(text)`"
    }
}
