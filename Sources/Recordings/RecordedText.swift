// SPDX-License-Identifier: Apache-2.0

import Crypto

extension BodyMask {
    /// The text of a body, masked; nil where it is no text: not UTF-8, or with NUL in it.
    ///
    /// - Parameters:
    ///   - isTruncated: the bytes are the beginning of more; a character that is cut is left out.
    package static func text(
        _ bytes: UnsafeRawBufferPointer, isJSON: Bool, isTruncated: Bool, without secrets: KnownSecrets
    ) -> String? {
        guard !bytes.contains(0) else { return nil }
        var end = bytes.count
        if isTruncated {
            // At most three bytes of a character that goes on.
            var start = end
            while start > 0, end - start < 4, bytes[start - 1] & 0xC0 == 0x80 { start -= 1 }
            if start > 0, bytes[start - 1] >= 0xC0 {
                let length = bytes[start - 1] >= 0xF0 ? 4 : bytes[start - 1] >= 0xE0 ? 3 : 2
                if end - start + 1 < length { end = start - 1 }
            }
        }
        var text = masked(UnsafeRawBufferPointer(rebasing: bytes[..<end]), isJSON: isJSON, isTruncated: isTruncated)
        secrets.hide(in: &text, isTruncated: isTruncated)
        return String(validating: text, as: UTF8.self)
    }
}

extension Recording.Message {
    /// Sets the body and its digest.
    package mutating func set(body: String) {
        self.body = body
        digest = Self.digest(of: body)
    }

    static func digest(of body: String) -> String {
        var body = body
        return body.withUTF8 { Array(SHA256.hash(data: UnsafeRawBufferPointer($0))).hexadecimal }
    }
}
