// SPDX-License-Identifier: Apache-2.0

/// A name with `*` (any run) and `?` (one character), compared without the case of ASCII letters.
package struct NamePattern: Sendable, Equatable {
    private let pattern: [UInt8]

    /// Every text is a pattern.
    package init(_ text: String) {
        pattern = Self.fold(text)
    }

    /// Whether the whole name fits. Linear in the name for each star, whatever the pattern.
    package func matches(_ name: String) -> Bool {
        let name = Self.fold(name)
        var at = 0
        var position = 0
        var star: (pattern: Int, name: Int)?
        while position < name.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                star = (at, position)
                at += 1
            } else if at < pattern.count, pattern[at] == UInt8(ascii: "?") || pattern[at] == name[position] {
                at += 1
                position += 1
            } else if let last = star {
                at = last.pattern + 1
                position = last.name + 1
                star = (last.pattern, position)
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    private static func fold(_ text: String) -> [UInt8] {
        text.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }
}
