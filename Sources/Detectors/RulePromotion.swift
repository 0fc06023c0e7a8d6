// SPDX-License-Identifier: Apache-2.0

import Foundation
package import Sigma
package import YAMLDocument

/// Moves a rule up, `experimental` → `test` → `stable`, in the text of its file: the values of `status` and `modified` change
/// and nothing else does. Without `modified`, a line with it is added below `date`, else below `status`.
package struct RulePromotion: Sendable {
    package let from: RuleMetadata.Status
    package let to: RuleMetadata.Status
    private let rule: RuleMetadata

    private static let ladder: [RuleMetadata.Status] = [.experimental, .test, .stable]

    /// - Parameter status: where to; nil: one up.
    /// - Throws: `DocumentError` for a rule that does not stand on the ladder, or not below `status`.
    package init(_ rule: RuleMetadata, to status: RuleMetadata.Status? = nil) throws(DocumentError) {
        let node = rule.document["status"] ?? rule.document
        guard let from = rule.status else {
            throw node.error("'\(rule.label)' has no status, which counts as stable; there is nothing above.")
        }
        guard let place = Self.ladder.firstIndex(of: from) else {
            throw node.error("'\(rule.label)' is \(from.rawValue), which is not promoted.")
        }
        guard let to = status ?? Self.ladder.dropFirst(place + 1).first else {
            throw node.error("'\(rule.label)' is stable; there is nothing above.")
        }
        guard let target = Self.ladder.firstIndex(of: to), target > place else {
            throw node.error("'\(rule.label)' is \(from.rawValue), which is not below \(to.rawValue).")
        }
        self.rule = rule
        self.from = from
        self.to = to
    }

    /// The file's bytes with the rule promoted.
    ///
    /// - Parameters:
    ///   - bytes: of the rule's file.
    ///   - date: for `modified`, `YYYY-MM-DD`.
    /// - Throws: `DocumentError` where the keys do not stand on lines of their own.
    package func apply(to bytes: [UInt8], date: String) throws(DocumentError) -> [UInt8] {
        // A line keeps its end, whatever that is.
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        let status = try line("status", lines)
        lines[status] = try replaced("status", with: to.rawValue, lines)
        if rule.document["modified"] != nil {
            lines[try line("modified", lines)] = try replaced("modified", with: date, lines)
        } else {
            let above = rule.document["date"] == nil ? status : try line("date", lines)
            let end: [UInt8] = lines[above].last == 0x0D ? [0x0D] : []
            lines.insert(Array("modified: \(date)".utf8) + end, at: above + 1)
        }
        return Array(lines.joined(separator: [0x0A]))
    }

    /// The index of the line on which a key of the rule's document stands with its value.
    private func line(_ key: String, _ lines: [[UInt8]]) throws(DocumentError) -> Int {
        let node = rule.document[key] ?? rule.document
        // A key of a template (`action: global`) stands above the rule's own, and is that of other rules as well.
        guard node.line >= rule.document.line else {
            throw node.error("'\(key)' comes from a template and is that of other rules as well. Write it in the rule.")
        }
        guard case .scalar = node.content, lines.indices.contains(node.line - 1),
            lines[node.line - 1].starts(with: Array("\(key):".utf8))
        else {
            throw node.error("'\(key)' does not stand on a line of its own. Write '\(key): value' at the line's start.")
        }
        return node.line - 1
    }

    /// The key's line with another value; quotes around it and what follows stay.
    private func replaced(
        _ key: String, with value: String, _ lines: [[UInt8]]
    ) throws(DocumentError) -> [UInt8] {
        let index = try line(key, lines)
        let line = lines[index]
        let old = Array((try rule.document[key]?.text() ?? "").utf8)
        let start = key.utf8.count + 1
        guard !old.isEmpty,
            let found = line.indices.first(where: { $0 >= start && line[$0...].starts(with: old) })
        else {
            throw rule.document.error("the value of '\(key)' is not written as it reads. Write it without escapes.")
        }
        return Array(line[..<found]) + Array(value.utf8) + Array(line[(found + old.count)...])
    }
}
