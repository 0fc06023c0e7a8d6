// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// A filter document (Sigma specification 2.1, "Filters"): a condition that an event must answer besides the rule's own.
package struct FilterRule: Sendable {
    package let metadata: RuleMetadata
    /// Only rules whose log source has each of these keys.
    package let logsource: DetectionRule.LogSource
    package let body: DetectionBody
}

/// A filter whose rules are still names.
struct DraftFilter {
    let rule: FilterRule
    /// Nil: every detection rule of the log source.
    let references: [(name: String, node: YAMLNode)]?
    let node: YAMLNode

    /// Whether a rule's log source has every key that the filter gives.
    func covers(_ source: DetectionRule.LogSource) -> Bool {
        let wanted = rule.logsource
        return (wanted.category == nil || wanted.category == source.category)
            && (wanted.product == nil || wanted.product == source.product)
            && (wanted.service == nil || wanted.service == source.service)
            && wanted.custom.allSatisfy { source.custom[$0.key] == $0.value }
    }
}

/// Reads the block `filter`.
enum FilterReader {
    static func filter(
        _ block: YAMLNode, _ metadata: RuleMetadata, _ lists: PlaceholderLists, _ faults: inout Faults
    ) -> DraftFilter {
        let document = metadata.document
        for (key, instead) in [
            ("detection", "Write a rule of its own."), ("gatewatch", "Write it in the rules."),
        ] {
            if let node = document[key] { faults.add(node.error("a filter document has no '\(key)'. \(instead)")) }
        }
        let rule = FilterRule(
            metadata: metadata, logsource: faults.read(or: .any) { try RuleReader.logsource(document) },
            body: RuleReader.body(block, except: ["rules"], lists, &faults))
        return DraftFilter(
            rule: rule, references: faults.read(or: nil) { try references(block["rules"]) }, node: block)
    }

    private static func references(_ node: YAMLNode?) throws(DocumentError) -> [(name: String, node: YAMLNode)]? {
        guard let node else { return nil }
        if case .scalar(let scalar) = node.content, ["any", "all"].contains(scalar.text) { return nil }
        var references: [(name: String, node: YAMLNode)] = []
        for item in node.items() { references.append((try item.text(), item)) }
        return references.isEmpty ? nil : references
    }
}
