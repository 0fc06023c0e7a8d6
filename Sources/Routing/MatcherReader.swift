// SPDX-License-Identifier: Apache-2.0

/// Reads matchers as Alertmanager writes them in its UTF-8 mode (docs/configuration.md there, "Label matchers"): a name, an operator and
/// a value, each text plain or in double quotes with the escapes of Go; commas between several, braces around all or none.
package struct MatcherReader {
    /// Bytes of one text of matchers.
    static let maximumBytes = 16 * 1024

    private let scalars: [Unicode.Scalar]
    private var position = 0

    /// The matchers of a text such as `{alertname="Bulk requests", severity=~"high|critical"}`.
    ///
    /// - Throws: ``MatcherError``.
    package static func matchers(_ text: String) throws(MatcherError) -> [Matcher] {
        guard text.utf8.count <= maximumBytes else {
            throw MatcherError("the text has \(text.utf8.count) bytes; at most \(maximumBytes) are read")
        }
        var reader = MatcherReader(scalars: Array(text.unicodeScalars))
        return try reader.read()
    }

    /// What a plain text may not have.
    static func isReserved(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || "{}!=~,\\\"'`".unicodeScalars.contains(scalar)
    }

    private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    private mutating func read() throws(MatcherError) -> [Matcher] {
        var matchers: [Matcher] = []
        let hasBrace = accept("{")
        while let next = peek(), next != "}" {
            let name = try text("the name of a label")
            let comparison = try comparison()
            let value = try text("a value (an empty one is \"\")")
            matchers.append(try Matcher(name, comparison, value))
            if !accept(",") { break }
        }
        if hasBrace, !accept("}") { throw fault("a comma or }") }
        if peek() != nil { throw fault(hasBrace ? "nothing more" : "a comma, or nothing more") }
        return matchers
    }

    private mutating func comparison() throws(MatcherError) -> Matcher.Operator {
        if accept("=") { return acceptAdjacent("~") ? .matches : .equal }
        if accept("!") {
            if acceptAdjacent("=") { return .notEqual }
            if acceptAdjacent("~") { return .matchesNot }
        }
        throw fault("one of = != =~ !~")
    }

    private mutating func text(_ what: String) throws(MatcherError) -> String {
        if accept("\"") { return try quoted() }
        skipSpace()
        let start = position
        while position < scalars.count, !Self.isReserved(scalars[position]) { position += 1 }
        guard position > start else { throw fault(what) }
        return Self.string(scalars[start..<position])
    }

    private mutating func quoted() throws(MatcherError) -> String {
        var bytes: [UInt8] = []
        while position < scalars.count {
            let scalar = scalars[position]
            position += 1
            switch scalar {
            case "\"":
                guard let text = String(validating: bytes, as: UTF8.self) else {
                    throw MatcherError("the escapes of \(Self.string(scalars)) make no UTF-8")
                }
                return text
            case "\\": try escape(into: &bytes)
            default: bytes.append(contentsOf: UTF8.encode(scalar) ?? .init())
            }
        }
        throw MatcherError("the closing \" is missing in \(Self.string(scalars))")
    }

    /// The escapes of Go's string literals (https://go.dev/ref/spec#String_literals).
    private mutating func escape(into bytes: inout [UInt8]) throws(MatcherError) {
        guard position < scalars.count else { return }
        let scalar = scalars[position]
        position += 1
        switch scalar {
        case "a": bytes.append(0x07)
        case "b": bytes.append(0x08)
        case "f": bytes.append(0x0C)
        case "n": bytes.append(0x0A)
        case "r": bytes.append(0x0D)
        case "t": bytes.append(0x09)
        case "v": bytes.append(0x0B)
        case "\\", "\"": bytes.append(UInt8(ascii: scalar))
        case "x": bytes.append(UInt8(truncatingIfNeeded: try number(digits: 2, radix: 16)))
        case "u", "U":
            let value = try number(digits: scalar == "u" ? 4 : 8, radix: 16)
            guard let character = Unicode.Scalar(value), let encoded = UTF8.encode(character) else {
                throw MatcherError("\\\(scalar) in \(Self.string(scalars)) names no character")
            }
            bytes.append(contentsOf: encoded)
        case "0"..."3":
            position -= 1
            bytes.append(UInt8(truncatingIfNeeded: try number(digits: 3, radix: 8)))
        default:
            throw MatcherError(
                "\\\(scalar) is no escape: write \\\\\(scalar) for a backslash within double quotes, in \(Self.string(scalars))"
            )
        }
    }

    private mutating func number(digits: Int, radix: Int) throws(MatcherError) -> UInt32 {
        let end = position + digits
        guard end <= scalars.count, let value = UInt32(Self.string(scalars[position..<end]), radix: radix) else {
            throw MatcherError("an escape with a number lacks digits in \(Self.string(scalars))")
        }
        position = end
        return value
    }

    private mutating func skipSpace() {
        while position < scalars.count, scalars[position].properties.isWhitespace { position += 1 }
    }

    private mutating func peek() -> Unicode.Scalar? {
        skipSpace()
        return position < scalars.count ? scalars[position] : nil
    }

    private mutating func accept(_ scalar: Unicode.Scalar) -> Bool {
        guard peek() == scalar else { return false }
        position += 1
        return true
    }

    private mutating func acceptAdjacent(_ scalar: Unicode.Scalar) -> Bool {
        guard position < scalars.count, scalars[position] == scalar else { return false }
        position += 1
        return true
    }

    private func fault(_ expected: String) -> MatcherError {
        let found = position < scalars.count ? "'\(Self.string(scalars[position...].prefix(20)))'" : "the end"
        return MatcherError(
            "expected \(expected) at character \(position + 1), found \(found). Write name=\"value\", !=, =~ or !~")
    }

    private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return text
    }
}
