// SPDX-License-Identifier: Apache-2.0

/// How a medium keeps text from being anything but text. Control characters become spaces, and characters that turn the
/// direction of writing (CVE-2021-42574) or hide become U+FFFD, in every medium: nobody's name needs them.
struct Escaping: Sendable {
    /// What stands for a character; nil for itself.
    private let replacement: @Sendable (Unicode.Scalar) -> String?

    /// Nothing means anything.
    static let plain = Escaping { _ in nil }

    /// `&`, `<` and `>` are all that Slack reads (https://docs.slack.dev/messaging/formatting-message-text).
    static let slack = Escaping { scalar in
        switch scalar {
        case "&": "&amp;"
        case "<": "&lt;"
        case ">": "&gt;"
        default: nil
        }
    }

    static let html = Escaping { scalar in
        switch scalar {
        case "&": "&amp;"
        case "<": "&lt;"
        case ">": "&gt;"
        case "\"": "&quot;"
        case "'": "&#39;"
        default: nil
        }
    }

    /// The Markdown of Adaptive Cards' text: every punctuation mark that CommonMark lets one escape and that means something.
    static let markdown = Escaping { scalar in
        switch scalar {
        case "\\", "`", "*", "_", "{", "}", "[", "]", "(", ")", "#", "+", "-", "!", "|", "<", ">", "~", "&":
            "\\\(scalar)"
        default: nil
        }
    }

    private init(_ replacement: @escaping @Sendable (Unicode.Scalar) -> String?) {
        self.replacement = replacement
    }

    /// The text escaped, and no longer than `limit` UTF-16 units afterwards: an escape is never cut in two. What was cut
    /// ends in an ellipsis.
    ///
    /// - Parameter keepsLines: line feeds stay; else they are spaces.
    func callAsFunction(_ text: String, limit: Int = 100_000, keepsLines: Bool = false) -> String {
        var result = ""
        var length = 0
        /// Where to cut, should the whole not fit: there is room for the ellipsis.
        var fitting = result.endIndex
        for scalar in text.unicodeScalars {
            let piece = Self.harmless(scalar, keepsLines) ?? replacement(scalar) ?? String(scalar)
            let next = length + piece.utf16.count
            guard next <= limit else {
                return limit > 0 ? String(result.unicodeScalars[..<fitting]) + "…" : ""
            }
            result += piece
            length = next
            if length < limit { fitting = result.endIndex }
        }
        return result
    }

    private static func harmless(_ scalar: Unicode.Scalar, _ keepsLines: Bool) -> String? {
        switch scalar.value {
        case 0x0A where keepsLines: "\n"
        case 0x00...0x1F, 0x7F...0x9F, 0x2028, 0x2029: " "
        case 0x061C, 0x200B, 0x200E, 0x200F, 0x202A...0x202E, 0x2060...0x2069, 0xFEFF, 0xE0000...0xE007F: "\u{FFFD}"
        default: nil
        }
    }
}
