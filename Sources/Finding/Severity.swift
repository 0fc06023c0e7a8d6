// SPDX-License-Identifier: Apache-2.0

/// OCSF's `severity_id` in words.
package enum Severity {
    /// OCSF's captions by their ids, in lower case; 0 is unknown.
    package static let words = ["unknown", "informational", "low", "medium", "high", "critical", "fatal"]

    /// The caption of an id; `unknown` for what OCSF does not have.
    package static func word(_ id: Int) -> String { words.indices.contains(id) ? words[id] : words[0] }

    /// The id of a caption, in any case; nil for what is none.
    package static func id(_ word: String) -> Int? { words.firstIndex(of: word.lowercased()) }
}
