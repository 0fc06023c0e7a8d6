// SPDX-License-Identifier: Apache-2.0

import JSONText

/// While an alert fires that matches the source, alerts that match the target and have the same values of `equal` are not told.
package struct InhibitRule: Sendable, Hashable {
    package let name: String?
    package let sourceMatchers: [Matcher]
    package let targetMatchers: [Matcher]
    /// A label that both lack is equal.
    package let equal: [String]

    /// The values of `equal`, as one text.
    func equalKey(_ labels: LabelSet) -> String {
        var json = JSONWriter(capacity: 64)
        json.array(nil, equal) { json, name in json.field(nil, labels[name]) }
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
