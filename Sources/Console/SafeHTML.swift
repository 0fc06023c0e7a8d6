// SPDX-License-Identifier: Apache-2.0

import Mustache

/// How every value is escaped. Mustache's own goes by characters, and a quote with a combining mark behind it is another character:
/// it would end an attribute. This one goes by bytes.
struct SafeHTML: MustacheContentType {
    /// The name in templates.
    static let name = "GATEWATCH"

    func escapeText(_ text: String) -> String {
        guard
            text.utf8.contains(where: { byte in
                switch byte {
                case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"), UInt8(ascii: "\""), UInt8(ascii: "'"),
                    UInt8(ascii: "`"), 0:
                    true
                default: false
                }
            })
        else { return text }
        var escaped: [UInt8] = []
        escaped.reserveCapacity(text.utf8.count + 32)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "<"): escaped += "&lt;".utf8
            case UInt8(ascii: ">"): escaped += "&gt;".utf8
            case UInt8(ascii: "&"): escaped += "&amp;".utf8
            case UInt8(ascii: "\""): escaped += "&quot;".utf8
            case UInt8(ascii: "'"): escaped += "&#39;".utf8
            case UInt8(ascii: "`"): escaped += "&#96;".utf8
            // A parser may drop it and join what it parts.
            case 0: escaped += "\u{FFFD}".utf8
            default: escaped.append(byte)
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}
