// SPDX-License-Identifier: Apache-2.0

/// `1 file`, `2 files`, `3 identities`.
///
/// - Parameter noun: one of them, with a regular plural.
package func counted(_ count: Int, _ noun: String) -> String {
    if count == 1 { return "1 \(noun)" }
    return noun.hasSuffix("y") ? "\(count) \(noun.dropLast())ies" : "\(count) \(noun)s"
}
