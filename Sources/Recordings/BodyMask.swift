// SPDX-License-Identifier: Apache-2.0

/// Text as it may be kept: without vectors and without what names itself a secret. One walk over the bytes that needs no sound JSON,
/// because a body may be cut, damaged, or JSON inside a text of JSON:
///
/// - eight or more numbers in a row become `[1536 numbers]`, an array of them `"[1536 numbers]"`;
/// - 128 or more characters of base64 become `[8192 characters]` (vectors travel so too);
/// - the value behind a name of ``SecretNames`` and `:` or `=` becomes `[masked]`, whatever it is: text, number, object, XML element;
/// - what follows `Bearer` or `Basic`, and JSON Web Tokens, become `[masked]`.
///
/// Mail addresses, card numbers and other personal data are not looked for.
package struct BodyMask {
    /// Numbers in a row from which on they are a vector.
    package static let numbers = 8
    /// Characters of base64 from which on they are data.
    package static let characters = 128

    private let bytes: UnsafeRawBufferPointer
    /// Here, because a look at a global costs more than all else that is done with a byte.
    private let kinds = ByteKind.table
    private let isJSON: Bool
    private let isTruncated: Bool
    private var output: [UInt8] = []
    /// Up to here the output is complete.
    private var clean = 0
    private var index = 0
    private var isInString = false
    /// Up to here it is known that no long run of base64 begins.
    private var plainUntil = 0

    /// The bytes, masked.
    ///
    /// - Parameters:
    ///   - isJSON: what stands in for a value outside of a string is itself a string.
    ///   - isTruncated: the bytes are the beginning of more; a vector that reaches their end is one however short.
    package static func masked(
        _ bytes: UnsafeRawBufferPointer, isJSON: Bool, isTruncated: Bool = false
    ) -> [UInt8] {
        var mask = BodyMask(bytes, isJSON, isTruncated)
        mask.walk()
        return mask.output
    }

    /// The text, masked.
    package static func masked(_ text: String) -> String {
        var text = text
        return text.withUTF8 { utf8 in
            String(decoding: masked(UnsafeRawBufferPointer(utf8), isJSON: false), as: UTF8.self)
        }
    }

    private init(_ bytes: UnsafeRawBufferPointer, _ isJSON: Bool, _ isTruncated: Bool) {
        self.bytes = bytes
        self.isJSON = isJSON
        self.isTruncated = isTruncated
        output.reserveCapacity(bytes.count)
    }

    private mutating func walk() {
        let count = bytes.count
        while index < count {
            let byte = bytes[index]
            let kind = kinds[Int(byte)]
            if kind.contains(.word) {
                if kind.contains(.digit) || byte == UInt8(ascii: "-"), let end = number(at: index) {
                    numbers(from: index, first: end)
                } else {
                    word()
                }
            } else if byte == UInt8(ascii: "\"") {
                isInString.toggle()
                index += 1
            } else if byte == UInt8(ascii: "\\") {
                // An escape: what follows is no quote and no beginning of a word.
                index += isJSON || index + 1 < count && bytes[index + 1] == UInt8(ascii: "\"") ? 2 : 1
            } else if byte == UInt8(ascii: "."), let end = number(at: index) {
                numbers(from: index, first: end)
            } else {
                index += 1
            }
        }
        output.append(contentsOf: bytes[min(clean, count)...])
    }

    /// Puts a text in the place of some bytes, and goes on behind them.
    private mutating func replace(_ range: Range<Int>, by text: String, quoted: Bool = false) {
        output.append(contentsOf: bytes[clean..<max(clean, range.lowerBound)])
        if quoted { output.append(UInt8(ascii: "\"")) }
        output.append(contentsOf: text.utf8)
        if quoted { output.append(UInt8(ascii: "\"")) }
        clean = range.upperBound
        index = range.upperBound
    }

    private func kind(_ at: Int) -> ByteKind { at < bytes.count ? kinds[Int(bytes[at])] : [] }

    private func has(_ character: Unicode.Scalar, at position: Int) -> Bool {
        position >= 0 && position < bytes.count && bytes[position] == UInt8(ascii: character)
    }

    // MARK: Vectors

    /// The end of a number that begins here and does not go on as something else.
    private func number(at start: Int) -> Int? {
        let count = bytes.count
        var at = start
        if at < count, bytes[at] == UInt8(ascii: "-") || bytes[at] == UInt8(ascii: "+") { at += 1 }
        let digits = at
        while kind(at).contains(.digit) { at += 1 }
        var found = at - digits
        if has(".", at: at) {
            at += 1
            let fraction = at
            while kind(at).contains(.digit) { at += 1 }
            found += at - fraction
        }
        guard found > 0 else { return nil }
        if has("e", at: at) || has("E", at: at) {
            at += 1
            if has("-", at: at) || has("+", at: at) { at += 1 }
            let exponent = at
            while kind(at).contains(.digit) { at += 1 }
            // Cut within it.
            guard at > exponent || at == count && isTruncated else { return nil }
        }
        if at < count, kinds[Int(bytes[at])].contains(.word) || bytes[at] == UInt8(ascii: ".") {
            return nil
        }
        return at
    }

    private mutating func numbers(from start: Int, first: Int) {
        let count = bytes.count
        var found = 1
        var end = first
        var quotes = 0
        var reachesEnd = end == count
        while true {
            var next = end
            var seen = 0
            while kind(next).contains(.separator) {
                if bytes[next] == UInt8(ascii: "\"") { seen += 1 }
                next += 1
            }
            if next == count { reachesEnd = true }
            guard next > end, next < count else { break }
            guard let another = number(at: next) else {
                // A last number that is cut before its first digit.
                if isTruncated, bytes[next...].allSatisfy({ "+-.".utf8.contains($0) }) {
                    end = count
                    reachesEnd = true
                }
                break
            }
            quotes += seen
            found += 1
            end = another
            reachesEnd = end == count
        }
        guard found >= Self.numbers || isTruncated && reachesEnd else {
            index = end
            if quotes % 2 == 1 { isInString.toggle() }
            return
        }
        var open = start
        repeat { open -= 1 } while kind(open < 0 ? count : open).contains(.space)
        var close = end
        while kind(close).contains(.space) { close += 1 }
        let isArray = has("[", at: open) && open >= clean && has("]", at: close)
        replace(
            isArray ? open..<close + 1 : start..<end, by: "[\(found) numbers]", quoted: isJSON && !isInString)
        if quotes % 2 == 1 { isInString.toggle() }
    }

    // MARK: Words

    private mutating func word() {
        let start = index
        var end = start
        while kind(end).contains(.word) { end += 1 }
        if start >= plainUntil, data(from: start) { return }
        index = end
        let length = end - start
        if length >= 10, has("e", at: start), has("y", at: start + 1), has("J", at: start + 2),
            has(".", at: end) || end == bytes.count && isTruncated
        {
            while kind(end).contains(.word) || has(".", at: end) { end += 1 }
            return replace(start..<end, by: Self.masked)
        }
        if length == 6 && isWord(start, "bearer") || length == 5 && isWord(start, "basic"), has(" ", at: end) {
            var last = end + 1
            while kind(last).contains(.base64) || has(".", at: last) || has("~", at: last) { last += 1 }
            if last - end > (length == 6 ? 8 : 16) || isTruncated && last == bytes.count {
                return replace(end + 1..<last, by: Self.masked)
            }
        }
        guard (3...64).contains(length) else { return }
        // Behind a name: its quote, perhaps escaped, then space, then the sign of a value.
        var sign = end
        while has("\\", at: sign), sign - end < 8 { sign += 1 }
        let isQuoted = has("\"", at: sign) && sign == end
        if has("\"", at: sign) || has("'", at: sign) { sign += 1 }
        while kind(sign).contains(.space) { sign += 1 }
        let isElement = has(">", at: sign) && has("<", at: start - 1)
        guard has(":", at: sign) || has("=", at: sign) || isElement, SecretNames.contains(bytes[start..<end]) else {
            return
        }
        if isQuoted { isInString.toggle() }
        value(from: sign + 1, isElement: isElement, isAssigned: has("=", at: sign))
    }

    private static let masked = "[masked]"

    private func isWord(_ start: Int, _ word: StaticString) -> Bool {
        for offset in 0..<word.utf8CodeUnitCount where bytes[start + offset] | 0x20 != word.utf8Start[offset] {
            return false
        }
        return true
    }

    /// Takes a long run of base64 out. False for a short one.
    private mutating func data(from start: Int) -> Bool {
        var end = start
        while kind(end).contains(.base64) || has("\\", at: end) && has("/", at: end + 1) { end += 1 }
        plainUntil = end
        guard end - start >= Self.characters || isTruncated && end == bytes.count && end - start >= 32 else {
            return false
        }
        replace(start..<end, by: "[\(end - start) characters]")
        return true
    }

    // MARK: Secrets

    /// Masks the value that begins here.
    private mutating func value(from start: Int, isElement: Bool, isAssigned: Bool) {
        var at = start
        while kind(at).contains(.space) { at += 1 }
        index = at
        guard at < bytes.count else { return }
        if isElement { return replace(at..<end(at) { $0 == UInt8(ascii: "<") }, by: Self.masked) }
        var quote = at
        while has("\\", at: quote) { quote += 1 }
        if has("\"", at: quote) || has("'", at: quote) {
            let escapes = quote - at
            let isString = escapes == 0 && bytes[quote] == UInt8(ascii: "\"")
            replace(quote + 1..<endOfString(quote + 1, bytes[quote], escapes), by: Self.masked)
            // On the closing quote.
            if isString { isInString = true }
            return
        }
        if has("{", at: at) || has("[", at: at) {
            return replace(at..<endOfContainer(at), by: Self.masked, quoted: isJSON && !isInString)
        }
        let last = end(at) { byte in
            switch byte {
            case 0x0A, 0x0D, UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "<"), UInt8(ascii: "\\"),
                UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "}"), UInt8(ascii: "]"):
                true
            case UInt8(ascii: "&"), UInt8(ascii: " "): isAssigned
            default: false
            }
        }
        guard last > at else { return }
        for word in ["null", "true", "false"] where bytes[at..<last].elementsEqual(word.utf8) { return }
        replace(at..<last, by: Self.masked, quoted: isJSON && !isInString)
    }

    private func end(_ start: Int, _ isEnd: (UInt8) -> Bool) -> Int {
        bytes[start...].firstIndex(where: isEnd) ?? bytes.count
    }

    /// Where a string ends whose quote has so many backslashes before it: at a quote with as many or fewer.
    private func endOfString(_ start: Int, _ quote: UInt8, _ escapes: Int) -> Int {
        var at = start
        while at < bytes.count {
            var slashes = 0
            let begin = at
            while has("\\", at: at) {
                slashes += 1
                at += 1
            }
            guard at < bytes.count else { break }
            if bytes[at] == quote, escapes == 0 ? slashes % 2 == 0 : slashes <= escapes {
                return escapes == 0 ? at : begin
            }
            at += 1
        }
        return bytes.count
    }

    /// Behind the bracket that closes the one here.
    private func endOfContainer(_ start: Int) -> Int {
        var depth = 0
        var at = start
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return at + 1 }
            case UInt8(ascii: "\""):
                // Within a string the value ends with the string.
                if isInString { return at }
                at = endOfString(at + 1, UInt8(ascii: "\""), 0)
            case UInt8(ascii: "\\"): at += 1
            default: break
            }
            at += 1
        }
        return bytes.count
    }
}

/// What a byte may be part of.
private struct ByteKind: OptionSet {
    let rawValue: UInt8

    static let digit = ByteKind(rawValue: 1)
    /// Letters, digits, `_` and `-`.
    static let word = ByteKind(rawValue: 2)
    /// Of base64 in both alphabets (RFC 4648).
    static let base64 = ByteKind(rawValue: 4)
    /// Between the numbers of a vector.
    static let separator = ByteKind(rawValue: 8)
    static let space = ByteKind(rawValue: 16)

    static let table: [ByteKind] = (0..<256).map { value in
        let byte = UInt8(value)
        let isDigit = byte &- 0x30 < 10
        let isLetter = (byte | 0x20) &- 0x61 < 26
        var kind: ByteKind = []
        if isDigit { kind.insert(.digit) }
        if isDigit || isLetter || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") {
            kind.formUnion([.word, .base64])
        }
        if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "=") { kind.insert(.base64) }
        if byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { kind.formUnion([.separator, .space]) }
        if byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "\"") {
            kind.insert(.separator)
        }
        return kind
    }
}
