// SPDX-License-Identifier: Apache-2.0

/// How text from outside is made harmless in a log: control characters (which can move a terminal's cursor) and
/// bidirectional overrides (which reorder what a person reads) are escaped, and a field's length is bounded.
enum LogEscaping {
    /// UTF-8 bytes kept of one string; the rest is replaced by an ellipsis.
    static let maximumBytes = 16 * 1024

    static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// The text as a JSON string with its quotes (RFC 8259 section 7).
    static func jsonString(_ text: String) -> String {
        "\""
            + escaped(text) { scalar in
                switch scalar {
                case "\"": "\\\""
                case "\\": "\\\\"
                default: isUnsafe(scalar) ? "\\u" + hex(scalar.value, 4) : nil
                }
            } + "\""
    }

    /// The text for a terminal: unsafe characters as `\u{1b}`; a line feed too, so that one event is one line.
    static func plain(_ text: String) -> String {
        escaped(text) { isUnsafe($0) ? "\\u{" + hex($0.value, 2) + "}" : nil }
    }

    /// - Parameter escape: what stands for a scalar; nil for those that stand for themselves.
    private static func escaped(_ text: String, _ escape: (Unicode.Scalar) -> String?) -> String {
        var out = ""
        var bytes = 0
        for scalar in text.unicodeScalars {
            bytes += UTF8.width(scalar)
            if bytes > maximumBytes { return out + "…" }
            switch scalar {
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            default:
                if let escaped = escape(scalar) { out += escaped } else { out.unicodeScalars.append(scalar) }
            }
        }
        return out
    }

    private static func hex(_ value: UInt32, _ width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
