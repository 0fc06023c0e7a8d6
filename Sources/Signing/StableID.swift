// SPDX-License-Identifier: Apache-2.0

import Crypto

/// Ids that are the same for the same parts, on every run and in every process.
package enum StableID {
    /// A UUID (RFC 9562, version 8) from SHA-256 over the parts, each with its length before it.
    package static func uuid(_ parts: [String]) -> String {
        var bytes = Array(digest(parts).prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        return [bytes[0..<4], bytes[4..<6], bytes[6..<8], bytes[8..<10], bytes[10..<16]].map(hex)
            .joined(separator: "-")
    }

    /// SHA-256 over the parts, each with its length before it, as 64 lower-case hexadecimal digits.
    package static func fingerprint(_ parts: [String]) -> String {
        hex(digest(parts)[...])
    }

    /// Whether a text is a UUID in canonical lower case (RFC 9562, section 4): the only spelling of an id in a record,
    /// because the same id in capitals would be another Kafka key.
    package static func isUUID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 36 else { return false }
        for (position, byte) in bytes.enumerated() {
            switch position {
            case 8, 13, 18, 23: if byte != UInt8(ascii: "-") { return false }
            default:
                guard
                    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                        || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
                else { return false }
            }
        }
        return true
    }

    private static func digest(_ parts: [String]) -> [UInt8] {
        var hash = SHA256()
        for part in parts {
            hash.update(data: Array("\(part.utf8.count):".utf8))
            hash.update(data: Array(part.utf8))
        }
        return Array(hash.finalize())
    }

    private static func hex(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined()
    }
}
