// SPDX-License-Identifier: Apache-2.0

/// Text from a token on its way to logs, headers and events.
enum SafeText {
    /// Control characters, line separators and the marks that reorder what a person reads (Unicode Cc, Zl, Zp and the
    /// bidirectional controls).
    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// True if the text can stand anywhere as it is.
    static func isClean(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { !isUnsafe($0) }
    }

    /// The text without what could harm, cut at a whole character.
    static func shown(_ text: String, maximumBytes: Int = 80) -> String {
        var shown = String.UnicodeScalarView()
        var bytes = 0
        for scalar in text.unicodeScalars where !isUnsafe(scalar) {
            bytes += UTF8.width(scalar)
            if bytes > maximumBytes { break }
            shown.append(scalar)
        }
        return String(shown)
    }
}
