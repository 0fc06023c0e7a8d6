// SPDX-License-Identifier: Apache-2.0

/// Text in HTML and SVG.
package enum Markup {
    /// The text for an element or an attribute in quotes. What XML 1.0 does not allow, and characters that turn the direction of
    /// writing or hide (CVE-2021-42574), become U+FFFD; other control characters become spaces.
    ///
    /// By scalars, not by characters: a quote with a combining mark behind it is one character, and ends an attribute all the same.
    ///
    /// - Parameter isExact: a form gives back what was shown: only NUL, which a parser may drop, becomes another character.
    package static func escape(_ text: String, isExact: Bool = false) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count + 16)
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x26: result += "&amp;"
            case 0x3C: result += "&lt;"
            case 0x3E: result += "&gt;"
            case 0x22: result += "&quot;"
            case 0x27: result += "&#39;"
            case 0 where isExact: result += "\u{FFFD}"
            case _ where isExact: result.unicodeScalars.append(scalar)
            case 0x00...0x1F, 0x7F...0x9F, 0x2028, 0x2029: result += " "
            case 0x061C, 0x200B, 0x200E, 0x200F, 0x202A...0x202E, 0x2060...0x2069, 0xFEFF, 0xFFFE, 0xFFFF,
                0xE0000...0xE007F:
                result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
