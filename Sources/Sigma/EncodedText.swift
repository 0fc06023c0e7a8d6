// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What the modifiers `wide`, `utf16le`, `utf16be`, `utf16`, `base64` and `base64offset` make of a text (Sigma specification
/// 2.1, "Encoding modifiers"). Bytes stay bytes until base64 makes a text of them.
enum EncodedText {
    /// How characters become bytes before they are encoded.
    enum Characters {
        case utf8, utf16LittleEndian, utf16BigEndian
        /// Little endian behind a byte order mark, FF FE.
        case utf16Marked

        func bytes(_ text: String) -> [UInt8] {
            switch self {
            case .utf8: Array(text.utf8)
            case .utf16LittleEndian: text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
            case .utf16BigEndian: text.utf16.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
            case .utf16Marked: [0xFF, 0xFE] + Characters.utf16LittleEndian.bytes(text)
            }
        }
    }

    /// RFC 4648, section 4, with padding.
    static func base64(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString()
    }

    /// What of the text is sure to stand in the base64 form of a longer one: one text for each place, modulo 3, at which the
    /// bytes may begin. Characters that carry bits of a neighbouring byte are left out at both ends. Nil where nothing
    /// would be left for one of the places.
    static func base64AtAnyOffset(_ bytes: [UInt8]) -> [String]? {
        var texts: [String] = []
        for offset in 0..<3 {
            let encoded = base64([UInt8](repeating: 0, count: offset) + bytes)
            let start = [0, 2, 3][offset]
            // Padding, and the character before it, of which some bits belong to the byte that follows.
            let end = [0, 3, 2][(offset + bytes.count) % 3]
            guard encoded.utf8.count > start + end else { return nil }
            texts.append(String(encoded.dropFirst(start).dropLast(end)))
        }
        return texts
    }
}
