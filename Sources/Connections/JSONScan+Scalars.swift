// SPDX-License-Identifier: Apache-2.0

/// Strings, numbers and literals, byte by byte.
extension JSONScan {
    // MARK: Strings

    /// Reads a string on from `from`; returns the index after what was read.
    mutating func scanString(
        _ bytes: UnsafeRawBufferPointer, from: Int, _ onText: ((UnsafeRawBufferPointer) -> Void)?
    ) throws(JSONFault) -> Int {
        var index = from
        // Most of a text is plain ASCII: taken in one piece.
        if pendingContinuations == 0 {
            while index < bytes.count {
                let byte = bytes[index]
                if byte < 0x20 || byte >= 0x80 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
                index += 1
            }
            if index > from {
                keep(bytes, from, index)
                return index
            }
        }
        let byte = bytes[index]
        if pendingContinuations > 0 {
            guard nextContinuation.contains(byte) else { throw syntax("a text is not UTF-8", at: index) }
            pendingContinuations -= 1
            nextContinuation = 0x80...0xBF
            keep(byte)
        } else if byte == UInt8(ascii: "\"") {
            try endString(at: index, onText)
        } else if byte == UInt8(ascii: "\\") {
            state = .escape
        } else if byte < 0x20 {
            throw syntax("a control character in a text", at: index)
        } else {
            try lead(byte, at: index)
            keep(byte)
        }
        return index + 1
    }

    /// The first byte of a character of two to four (Unicode 16, table 3-7: no overlong forms, no surrogates).
    private mutating func lead(_ byte: UInt8, at index: Int) throws(JSONFault) {
        switch byte {
        case 0xC2...0xDF: (pendingContinuations, nextContinuation) = (1, 0x80...0xBF)
        case 0xE0: (pendingContinuations, nextContinuation) = (2, 0xA0...0xBF)
        case 0xED: (pendingContinuations, nextContinuation) = (2, 0x80...0x9F)
        case 0xE1...0xEF: (pendingContinuations, nextContinuation) = (2, 0x80...0xBF)
        case 0xF0: (pendingContinuations, nextContinuation) = (3, 0x90...0xBF)
        case 0xF4: (pendingContinuations, nextContinuation) = (3, 0x80...0x8F)
        case 0xF1...0xF3: (pendingContinuations, nextContinuation) = (3, 0x80...0xBF)
        default: throw syntax("a text is not UTF-8", at: index)
        }
    }

    mutating func escape(_ byte: UInt8, at index: Int) throws(JSONFault) {
        switch state {
        case .escape:
            state = .string
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): keep(byte)
            case UInt8(ascii: "b"): keep(0x08)
            case UInt8(ascii: "f"): keep(0x0C)
            case UInt8(ascii: "n"): keep(0x0A)
            case UInt8(ascii: "r"): keep(0x0D)
            case UInt8(ascii: "t"): keep(0x09)
            case UInt8(ascii: "u"):
                state = .unicode
                unicodeDigits = 0
                unicodeValue = 0
            default: throw syntax("an escape that JSON does not have", at: index)
            }
        case .lowSurrogateSlash:
            guard byte == UInt8(ascii: "\\") else { throw syntax("half a surrogate pair", at: index) }
            state = .lowSurrogateU
        case .lowSurrogateU:
            guard byte == UInt8(ascii: "u") else { throw syntax("half a surrogate pair", at: index) }
            state = .unicode
            unicodeDigits = 0
            unicodeValue = 0
        default:
            guard let digit = PercentDecoding.hex(byte) else {
                throw syntax("\\u is not followed by four hexadecimal digits", at: index)
            }
            unicodeValue = unicodeValue << 4 | UInt32(digit)
            unicodeDigits += 1
            if unicodeDigits == 4 { try endUnicode(at: index) }
        }
    }

    private mutating func endUnicode(at index: Int) throws(JSONFault) {
        var value = unicodeValue
        if highSurrogate != 0 {
            guard (0xDC00..<0xE000).contains(value) else { throw syntax("half a surrogate pair", at: index) }
            value = 0x10000 + (highSurrogate - 0xD800) << 10 + (value - 0xDC00)
            highSurrogate = 0
        } else if (0xD800..<0xDC00).contains(value) {
            highSurrogate = value
            state = .lowSurrogateSlash
            return
        }
        guard let scalar = Unicode.Scalar(value) else { throw syntax("half a surrogate pair", at: index) }
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { keep(byte) }
        state = .string
    }

    private mutating func keep(_ byte: UInt8) {
        length += 1
        if collects, buffer.count < bufferLimit { buffer.append(byte) }
    }

    private mutating func keep(_ bytes: UnsafeRawBufferPointer, _ from: Int, _ to: Int) {
        length += to - from
        guard collects else { return }
        let room = min(to - from, bufferLimit - buffer.count)
        if room > 0 { buffer.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[from..<(from + room)])) }
    }

    private mutating func endString(at index: Int, _ onText: ((UnsafeRawBufferPointer) -> Void)?) throws(JSONFault) {
        if wantsTexts, let onText { buffer.withUnsafeBytes(onText) }
        if isKey {
            try endName(at: index)
            state = .colon
            return
        }
        if node >= 0 {
            let watch = plan.nodes[node].watch
            if watch >= 0 {
                findings[watch].longestString = max(findings[watch].longestString, length)
                if plan.nodes[node].keeps { keepText(watch) }
            }
        }
        endValue()
    }

    /// A member's name is complete: which node its value has.
    private mutating func endName(at index: Int) throws(JSONFault) {
        node = -1
        let frame = frames[frames.count - 1]
        guard frame.isWatched else { return }
        if names == .strict {
            var hasher = Hasher()
            buffer.withUnsafeBytes { hasher.combine(bytes: $0) }
            let hash = hasher.finalize()
            guard seen[frames.count - 1].count < Self.maximumMembers else {
                throw JSONFault(kind: .tooManyMembers, offset: base + index)
            }
            guard seen[frames.count - 1].insert(hash).inserted else {
                throw JSONFault(kind: .duplicateName(shownName), offset: base + index)
            }
        }
        // A name that was cut is longer than any watched one.
        guard length == buffer.count else { return }
        let children = plan.nodes[frame.node].children
        if let child = children.first(where: { $0.name == buffer }) {
            node = child.node
        } else if names == .strict, length <= 256 {
            let folded = JSONName.fold(buffer[...])
            if let child = children.first(where: { $0.folded == folded }) {
                let watched = String(decoding: child.name, as: UTF8.self)
                throw JSONFault(kind: .lookalikeName(shownName, watched: watched), offset: base + index)
            }
        }
    }

    private var shownName: String { String(decoding: buffer.prefix(256), as: UTF8.self) }

    private mutating func keepText(_ watch: Int) {
        if length == buffer.count, length <= Self.maximumTextBytes, findings[watch].texts.count < Self.maximumTexts {
            findings[watch].texts.append(String(decoding: buffer, as: UTF8.self))
        } else {
            findings[watch].droppedTexts += 1
        }
    }

    // MARK: Numbers and literals

    mutating func collect(_ byte: UInt8) {
        length += 1
        if collects, buffer.count < 64 { buffer.append(byte) }
    }

    /// Takes a byte of a number. False when the number has ended before it.
    mutating func number(_ byte: UInt8, at index: Int) throws(JSONFault) -> Bool {
        let isDigit = (0x30...0x39).contains(byte)
        let isExponent = byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E")
        let isPoint = byte == UInt8(ascii: ".")
        switch state {
        case .minus:
            guard isDigit else { throw syntax("a number without digits", at: index) }
            state = byte == 0x30 ? .zero : .digits
        case .zero where isPoint, .digits where isPoint: state = .point
        case .zero where isExponent, .digits where isExponent, .fraction where isExponent: state = .exponent
        case .zero where isDigit: throw syntax("a number that begins with 0", at: index)
        case .digits where isDigit, .fraction where isDigit, .exponentDigits where isDigit: break
        case .point:
            guard isDigit else { throw syntax("a fraction without digits", at: index) }
            state = .fraction
        case .exponent where byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-"): state = .exponentSign
        case .exponent, .exponentSign:
            guard isDigit else { throw syntax("an exponent without digits", at: index) }
            state = .exponentDigits
        default:
            endNumber()
            return false
        }
        collect(byte)
        return true
    }

    mutating func endNumber() {
        if collects, node >= 0 {
            let watch = plan.nodes[node].watch
            if watch >= 0, plan.nodes[node].keeps {
                let text = String(decoding: buffer, as: UTF8.self)
                if length == buffer.count, let value = Int(text), value >= 0 {
                    let (sum, overflow) = findings[watch].sum.addingReportingOverflow(value)
                    findings[watch].sum = overflow ? Int.max : sum
                } else if length == buffer.count, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
                    findings[watch].sum = Int.max
                } else {
                    findings[watch].oddNumbers += 1
                }
                keepText(watch)
            }
        }
        endValue()
    }

    mutating func literal(_ byte: UInt8, at index: Int) throws(JSONFault) {
        guard byte == literal.utf8Start[literalIndex] else { throw syntax("expected a value", at: index) }
        literalIndex += 1
        if literalIndex == literal.utf8CodeUnitCount { endValue() }
    }
}
