// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSONText

/// The labels of an alert, as Alertmanager knows them: names and values, of which routes, inhibitions and silences speak. A label that
/// is missing and one with an empty value are the same.
package struct LabelSet: Hashable, Sendable, CustomStringConvertible {
    /// One name and its value.
    package struct Label: Hashable, Sendable {
        package let name: String
        package let value: String
    }

    /// By name; none has an empty value.
    package private(set) var labels: [Label] = []

    /// Pairs of name and value; of two with one name the first counts.
    package init(_ pairs: some Sequence<(String, String)>) {
        for (name, value) in pairs where !value.isEmpty && !labels.contains(where: { $0.name == name }) {
            labels.append(Label(name: name, value: value))
        }
        labels.sort { $0.name < $1.name }
    }

    private init(sorted labels: [Label]) { self.labels = labels }

    /// The value of a label, empty where it is missing.
    package subscript(name: String) -> String {
        for label in labels where label.name == name { return label.value }
        return ""
    }

    package var isEmpty: Bool { labels.isEmpty }

    /// The labels whose name is in the list.
    package func only(_ names: [String]) -> LabelSet {
        LabelSet(sorted: labels.filter { names.contains($0.name) })
    }

    /// The labels that both have, with the same value.
    package func common(with other: LabelSet) -> LabelSet {
        LabelSet(sorted: labels.filter { other[$0.name] == $0.value })
    }

    /// `{alertname="Bulk requests", severity="high"}`, as Alertmanager writes it.
    package var description: String {
        "{" + labels.map { "\($0.name)=\(Matcher.quote($0.value))" }.joined(separator: ", ") + "}"
    }

    /// A JSON object, by name: the same labels, the same text.
    package var json: String {
        var json = JSONWriter(capacity: 256)
        json.object { for label in labels { $0.field(named: label.name, label.value) } }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// Reads what ``json`` wrote.
    ///
    /// - Throws: Foundation's error for what is no object of texts.
    init(json: String) throws {
        let values = try JSONDecoder().decode([String: String].self, from: Data(json.utf8))
        self.init(sorted: values.map { Label(name: $0.key, value: $0.value) }.sorted { $0.name < $1.name })
    }
}
