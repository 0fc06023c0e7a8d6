// SPDX-License-Identifier: Apache-2.0

package import Sigma
package import YAMLDocument

extension DetectorFiles {
    /// The rule of that `name`, `id` or title.
    package func metadata(_ name: String) -> RuleMetadata? {
        rules.metadata.first { $0.name == name || $0.id == name }
            ?? rules.metadata.first { $0.title == name }
    }

    /// The same for a name in a file: one that is not there is an error at its place.
    package func metadata(_ name: String, at node: YAMLNode) throws(DocumentError) -> RuleMetadata {
        if let found = metadata(name) { return found }
        let text = unknownKey(name, known: rules.metadata.map(\.label), what: "rule")
        // Of a large set, the list of all names helps nobody.
        throw node.error(
            text.contains("Did you mean") || rules.metadata.count <= 12
                ? text : "unknown rule '\(name)'. No rule of these files has that name or id.")
    }
}

extension RuleSet {
    /// Where a rule stands in the set.
    func reference(_ metadata: RuleMetadata) -> CorrelationRule.Reference? {
        if let index = detections.firstIndex(where: { $0.metadata.key == metadata.key }) { return .detection(index) }
        return correlations.firstIndex { $0.metadata.key == metadata.key }.map { .correlation($0) }
    }
}
