// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Ed25519 keys as people write them: `ed25519:` and the base64 of 32 bytes, or PEM of PKCS #8.
enum Ed25519Text {
    static let prefix = "ed25519:"
    private static let pemHead = "-----BEGIN PRIVATE KEY-----"
    private static let pemTail = "-----END PRIVATE KEY-----"

    static func text(_ bytes: some Collection<UInt8>) -> String {
        prefix + Data(bytes).base64EncodedString()
    }

    /// The 32 bytes of `ed25519:BASE64`; nil for anything else.
    static func bytes(_ text: String) -> [UInt8]? {
        guard text.hasPrefix(prefix), let data = Data(base64Encoded: String(text.dropFirst(prefix.count))),
            data.count == 32
        else { return nil }
        return Array(data)
    }

    /// The seed in a PEM text of PKCS #8 (RFC 8410, section 7); nil for anything else. Of the two forms, the one with a
    /// public key appended is taken for its seed.
    static func seed(pem: String) -> [UInt8]? {
        let lines = pem.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        guard lines.count >= 3, lines.first == pemHead, lines.last == pemTail,
            let der = Data(base64Encoded: lines.dropFirst().dropLast().joined())
        else { return nil }
        let bytes = Array(der)
        // SEQUENCE, version, AlgorithmIdentifier 1.3.101.112, OCTET STRING in an OCTET STRING, 32 bytes.
        let tail: [UInt8] = [0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]
        let one: [UInt8] = [0x30, 0x2E, 0x02, 0x01, 0x00] + tail
        let two: [UInt8] = [0x30, 0x51, 0x02, 0x01, 0x01] + tail
        if bytes.count == 48, bytes.starts(with: one) { return Array(bytes[16..<48]) }
        if bytes.count == 83, bytes.starts(with: two), bytes[48...].starts(with: [0x81, 0x21, 0x00]) {
            return Array(bytes[16..<48])
        }
        return nil
    }

    /// Whether a public key is a point of small order (all zeros, as in a forgotten placeholder, is one): anybody could
    /// make signatures that such a key accepts.
    static func isWeak(_ key: [UInt8]) -> Bool {
        guard key.count == 32 else { return true }
        var y = key
        y[31] &= 0x7F
        func number(_ low: UInt8, _ middle: UInt8, _ high: UInt8) -> [UInt8] {
            [low] + [UInt8](repeating: middle, count: 30) + [high]
        }
        let order8: [UInt8] = [
            0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0,
            0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05,
        ]
        let order8Negative: [UInt8] = [
            0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67, 0x0F,
            0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A,
        ]
        // 0, 1, and -1, p, p + 1 with p = 2^255 - 19.
        let weak = [
            number(0, 0, 0), number(1, 0, 0), number(0xEC, 0xFF, 0x7F), number(0xED, 0xFF, 0x7F),
            number(0xEE, 0xFF, 0x7F), order8, order8Negative,
        ]
        return weak.contains(y)
    }
}
