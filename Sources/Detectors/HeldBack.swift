// SPDX-License-Identifier: Apache-2.0

import Detection
import Sigma
import YAMLDocument

/// Why a rule did not fire although its condition held, where a test wanted more alerts: the keys of `gatewatch` that narrow it, and
/// the rules that it refers to, are taken away one at a time, and the engine says whether it fires without.
enum HeldBack {
    private static let keys = ["first_seen", "baseline", "ratio", "outside"]

    /// A sentence per key without which there are more alerts.
    ///
    /// - Parameters:
    ///   - rule: the one that is tested.
    ///   - rules: it and what it refers to.
    ///   - span: from the first of the test's events to the last, ms.
    ///   - run: the test's events through a set, firing at every event.
    static func reasons(
        _ rule: RuleMetadata, in rules: RuleSet, span: Int64, _ run: (RuleSet) throws -> [Alert]
    ) rethrows -> [String] {
        func count(_ rules: RuleSet) throws -> Int { try run(rules).count { $0.ruleID == rule.key } }
        var found: Int?
        var reasons: [String] = []
        for narrowed in rules.metadata {
            for key in keys {
                guard let document = narrowed.document.without(key) else { continue }
                let before = try found ?? count(rules)
                found = before
                guard try count(rules.replacing(narrowed, with: document)) > before else { continue }
                let name = narrowed.key == rule.key ? key : "\(key) of \(narrowed.label)"
                reasons.append("held back by \(name): \(reason(key, narrowed.extensions, span: span))")
            }
        }
        return reasons
    }

    private static func reason(_ key: String, _ extensions: RuleExtension, span: Int64) -> String {
        let events = "the test's events span \(text(span))"
        switch key {
        case "first_seen":
            guard let block = extensions.firstSeen else { return "" }
            let group = block.groupBy.joined(separator: ", ")
            return span < block.learning.milliseconds
                ? "still learning. A new \(group) only teaches for \(block.learning), and \(events): begin with an event of it, and write at: \(block.learning) or later for the one that is to fire."
                : "\(block.field) was not new for its \(group) within \(block.history), or the \(group) was still learning (\(block.learning) from its first event)."
        case "baseline":
            guard let block = extensions.baseline else { return "" }
            let needed =
                "minimum: \(block.minimumHistory) and \(counted(block.minimumBuckets, "window")) with something in them"
            return span < block.minimumHistory.milliseconds
                ? "still learning (\(needed)), and \(events): with cold_start: \(block.coldStart.rawValue) \(silence(block)). Write the history into the test, or cold_start: floor."
                : "no window stood out from the usual, or its group was still learning (\(needed))."
        case "ratio":
            guard let block = extensions.ratio else { return "" }
            return
                "the group's past has not that share, or is too short (minimum: \(counted(block.minimumEvents, "event")) on \(counted(block.minimumDays, "day")), known two hours before the event), and \(events)."
        default: return "the event is inside a window of \(extensions.outside?.file ?? "the calendar")."
        }
    }

    private static func silence(_ block: RuleExtension.Baseline) -> String {
        block.coldStart == .peers ? "the peers alone decide" : "nothing fires"
    }

    /// A length in ms as its two largest parts, down to the second: `8d 2h`.
    private static func text(_ milliseconds: Int64) -> String {
        var rest = milliseconds / 1000
        var parts: [String] = []
        for (unit, length) in [("d", Int64(86_400)), ("h", 3600), ("m", 60), ("s", 1)] where rest >= length {
            parts.append("\(rest / length)\(unit)")
            rest %= length
        }
        return parts.isEmpty ? "0s" : parts.prefix(2).joined(separator: " ")
    }
}

extension YAMLNode {
    /// A rule's document without a key of its block `gatewatch`; nil where it has none.
    fileprivate func without(_ key: String) -> YAMLNode? {
        guard let block = self["gatewatch"], block[key] != nil, case .mapping(let entries) = content,
            case .mapping(let parts) = block.content
        else { return nil }
        let rest = block.with(parts.filter { $0.key != key })
        return with(entries.map { $0.key == "gatewatch" ? Entry(key: $0.key, value: rest) : $0 })
    }
}
