// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// A length of time as Sigma writes it: a whole number and `s`, `m`, `h`, `d` or, as in pySigma, `w`, `M` or `y`: a mean month
/// and year of the Gregorian calendar, 2,629,746 and 31,556,952 seconds.
package struct Timespan: Hashable, Sendable, CustomStringConvertible {
    /// How long it is, ms.
    package let milliseconds: Int64
    /// As it stands in the file.
    package let description: String

    /// Nil when the text is no timespan or longer than ten years.
    package init?(_ text: String) {
        let units: [Character: Int64] = [
            "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "M": 2_629_746_000,
            "y": 31_556_952_000,
        ]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count > 0,
            text.first != "+", count <= 315_569_520_000 / unit
        else { return nil }
        milliseconds = count * unit
        description = text
    }

    /// The timespan at a node of a rule file. Throws where it is none, with an example.
    package init(_ node: YAMLNode) throws(DocumentError) {
        let text = try node.text()
        guard let timespan = Timespan(text) else {
            throw node.error(
                "'\(text)' is not a timespan. Write a whole number and a unit: 30s, 10m, 1h, 7d or 4w (at most ten years)."
            )
        }
        self = timespan
    }
}
