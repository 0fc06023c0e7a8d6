// SPDX-License-Identifier: Apache-2.0

/// The path of a request, cut at its slashes and decoded once: what is matched is what every reader after us sees.
///
/// It is refused when anything in it could be read in two ways: `.` and `..` segments, `//`, `\`, path parameters
/// (`;`), bytes that RFC 3986 §3.3 does not allow in a path, control characters, what is not UTF-8. What only some
/// places may hold (encoded slashes, a `%` that is itself encoded) is marked, and refused by the templates that do not
/// allow it.
struct RequestPath {
    struct Segment {
        /// Decoded.
        let text: String
        /// Holds a character that a server which decodes early, or twice, would read as structure: `/`, `\`, `;`,
        /// `%XX`.
        let isDelicate: Bool
    }

    /// Bytes of a path.
    static let maximumBytes = 16 * 1024
    /// Segments of a path.
    static let maximumSegments = 256

    /// Between the slashes, the one that the path starts with left out. `/` has none.
    let segments: [Segment]
    /// Ends with a slash (and is not only that).
    let hasTrailingSlash: Bool

    init(_ path: Substring) throws(RequestRefusal) {
        guard path.utf8.first == UInt8(ascii: "/") else {
            throw RequestRefusal(.ambiguousPath, "The path must begin with a slash.")
        }
        guard path.utf8.count <= Self.maximumBytes else {
            throw RequestRefusal(.ambiguousPath, "The path is longer than \(Self.maximumBytes) bytes.")
        }
        for byte in path.utf8 where !Self.isAllowed(byte) {
            throw RequestRefusal(
                .ambiguousPath,
                "The path holds the byte 0x\(String(byte, radix: 16)), which has to be percent-encoded or left out.")
        }
        var segments: [Segment] = []
        var hasTrailingSlash = false
        var rest = path.dropFirst()
        while !rest.isEmpty {
            let end = rest.utf8.firstIndex(of: UInt8(ascii: "/"))
            let raw = rest[..<(end ?? rest.endIndex)]
            guard !raw.isEmpty else { throw RequestRefusal(.ambiguousPath, "The path has an empty segment ('//').") }
            guard segments.count < Self.maximumSegments else {
                throw RequestRefusal(.ambiguousPath, "The path has more than \(Self.maximumSegments) segments.")
            }
            segments.append(try Self.segment(raw))
            guard let end else { break }
            rest = rest[rest.utf8.index(after: end)...]
            hasTrailingSlash = rest.isEmpty
        }
        self.segments = segments
        self.hasTrailingSlash = hasTrailingSlash
    }

    private static func segment(_ raw: Substring) throws(RequestRefusal) -> Segment {
        guard raw.utf8.contains(UInt8(ascii: "%")) else {
            guard !isDots(raw) else { throw traversal }
            return Segment(text: String(raw), isDelicate: false)
        }
        guard let text = PercentDecoding.decode(raw) else {
            throw RequestRefusal(.ambiguousPath, "The path holds an escape that is not hexadecimal or not UTF-8.")
        }
        guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }) else {
            throw RequestRefusal(.ambiguousPath, "The path holds an encoded control character.")
        }
        // However often a reader decodes, and whichever of the slashes it takes for one, no piece may climb or vanish.
        var deeper = text
        var isDelicate = false
        for round in 0... {
            if deeper.utf8.contains(where: { [0x2F, 0x5C, 0x3B].contains($0) }) { isDelicate = true }
            for piece in deeper.split(omittingEmptySubsequences: false, whereSeparator: { "/\\".contains($0) }) {
                let name = piece.prefix { $0 != ";" }
                if isDots(name) || name.isEmpty { throw traversal }
            }
            guard PercentDecoding.hasEscape(deeper) else { break }
            isDelicate = true
            guard round < 3, let next = PercentDecoding.decode(deeper[...]), !next.utf8.contains(where: { $0 < 0x20 })
            else { throw RequestRefusal(.ambiguousPath, "The path is percent-encoded more than once.") }
            deeper = next
        }
        return Segment(text: text, isDelicate: isDelicate)
    }

    private static var traversal: RequestRefusal {
        RequestRefusal(.ambiguousPath, "The path has a '.', '..' or empty segment.")
    }

    private static func isDots(_ text: Substring) -> Bool {
        text == "." || text == ".."
    }

    /// `pchar` of RFC 3986 §3.3 less `;`, and the slash.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        // - . _ ~ ! $ & ' ( ) * + , = : @ % /
        case 0x2D, 0x2E, 0x5F, 0x7E, 0x21, 0x24, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x3D, 0x3A, 0x40, 0x25, 0x2F:
            true
        default: false
        }
    }
}
