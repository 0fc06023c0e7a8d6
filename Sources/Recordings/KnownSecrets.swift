// SPDX-License-Identifier: Apache-2.0

/// Texts that must not be recorded wherever they come up: the caller's token, the credential shown to the upstream. A service may echo
/// what it was sent.
package struct KnownSecrets {
    /// Shorter ones would be found by chance. The search compares as many bytes at once.
    private static let shortest = 8
    private var needles: [[UInt8]] = []

    package init() {}

    /// - Parameter value: a header field's value; `Bearer` and the like before the secret are not part of it.
    package mutating func add(_ value: String) {
        for part in value.split(separator: " ") where part.utf8.count >= Self.shortest {
            let needle = Array(part.utf8)
            if !needles.contains(needle) { needles.append(needle) }
        }
    }

    /// Takes them out of a text, also the beginning of one at its end.
    package func hide(in text: inout [UInt8], isTruncated: Bool) {
        for needle in needles {
            while let range = text.withUnsafeBytes({ Self.find(needle, in: $0) }) {
                text.replaceSubrange(range, with: Self.masked)
            }
            guard isTruncated else { continue }
            for length in stride(from: min(needle.count - 1, text.count), through: Self.shortest, by: -1)
            where text.suffix(length).elementsEqual(needle.prefix(length)) {
                text.replaceSubrange(text.count - length..<text.count, with: Self.masked)
                break
            }
        }
    }

    /// The text without them.
    package func hiding(_ text: String) -> String {
        var text = text
        let isClean = text.withUTF8 { utf8 in
            needles.allSatisfy { Self.find($0, in: UnsafeRawBufferPointer(utf8)) == nil }
        }
        guard !isClean else { return text }
        var bytes = Array(text.utf8)
        hide(in: &bytes, isTruncated: false)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let masked = Array("[masked]".utf8)

    private static func find(_ needle: [UInt8], in text: UnsafeRawBufferPointer) -> Range<Int>? {
        guard text.count >= needle.count else { return nil }
        return needle.withUnsafeBytes { needle in
            let head = needle.loadUnaligned(as: UInt64.self)
            for offset in 0...text.count - needle.count
            where text.loadUnaligned(fromByteOffset: offset, as: UInt64.self) == head
                && text[offset..<offset + needle.count].elementsEqual(needle)
            {
                return offset..<offset + needle.count
            }
            return nil
        }
    }
}
